#!/usr/bin/env bash
# bad_input.sh: whatever file a person gives by mistake, the tool and the native server say what is
# wrong with it, and where, and exit with 3; under ASan too.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

# Fails unless COMMAND refuses the file: exit code 3, nothing done, and a message on stderr that
# matches REGEX (extended, from the start of a line). Where it names a column, the source line and a
# caret follow.
expect_refusal() # REGEX COMMAND...
{
    local regex=$1 message
    shift
    run_expecting 3 "$@"
    expect_no_sanitizer_report "$err"
    message=$(grep -m 1 -nE "^$regex" "$err") || {
        show "$err"
        fail "no message like: $regex"
    }
    [ "$(wc -c <"$err")" -lt 4096 ] || fail "the message has $(wc -c <"$err") bytes"
    [[ $message =~ ^([0-9]+):([^:]*):([0-9]+):([0-9]+):\  ]] || return 0
    expect_caret "${BASH_REMATCH[@]:1}"
}

# What stands above the caret is what stands there in the file.
expect_caret() # LINE_OF_MESSAGE FILE LINE COLUMN
{
    local source caret text under
    source=$(sed -n "$(($1 + 1))p" "$err")
    caret=$(sed -n "$(($1 + 2))p" "$err")
    text=$(head -c 10000 "$2" | sed -n "$3p")
    [ -n "$text" ] || return 0
    [[ $caret =~ ^[^^]*\^$ ]] || {
        show "$err"
        fail "no caret"
    }
    # Bytes that are no text are shown in some other way.
    under=${text:$4-1:1}
    [[ ! $under =~ [^[:print:]] ]] || return 0
    [ "${source:${#caret}-1:1}" = "$under" ] || {
        show "$err"
        fail "the caret is not under column $4"
    }
}

# In TEXT `\n` is a line feed, `\xNN` a byte.
refuses_scenario() # BUILD PLACE MESSAGE TEXT
{
    local build=$1 place=$2 message=$3 text=$4 file=bad.scn

    cd "$case_dir"
    printf '%b' "$text" >"$file"
    refuses_file "$build" "$file" "$file:$place: .*$message"
}

refuses_file() # BUILD FILE REGEX
{
    expect_refusal "$3" "${builds[$1]}" check "$2"
    [ ! -s "$out" ] || fail "check says something on stdout"
    # What runs scenarios says the same.
    expect_refusal "$3" "${builds[$1]}" replay "$2"
    expect_refusal "$3" "${builds[$1]}" explore "$2" --schedules 10 --out none
    [ ! -e none ] || fail "explore wrote something"
}

# The server reads the file and stops there, with --check and without.
refuses_config() # BUILD PLACE MESSAGE TEXT
{
    local file=bad.conf

    cd "$case_dir"
    printf '%b' "$4" >"$file"
    refuses_config_file "$1" "$file" "$file:$2: .*$3"
}

refuses_config_file() # BUILD FILE REGEX
{
    expect_refusal "$3" "${builds[$1]}" --check "$2"
    [ ! -s "$out" ] || fail "it prints the configuration all the same"
    expect_refusal "$3" "${builds[$1]}" "$2"
}

# Files that are wrong as files: what the message says of each.
declare -A file_messages=(
    [missing]="No such file"
    [folder]="directory"
    [behind_a_file]="Not a directory"
    [link_to_itself]="symbolic links"
    [unreadable]="Input/output error"
    [empty]="(empty|nothing)"
    [blank]="(empty|nothing)"
    [ten_megabytes]="(at most|longer than) 1048576 bytes"
    [endless_line]="(at most|longer than) [0-9]* bytes"
)

make_file() # KIND: leaves its path in `file`
{
    cd "$case_dir"
    file=bad_file
    case $1 in
    missing) ;;
    folder) mkdir "$file" ;;
    behind_a_file)
        : >"$file"
        file=$file/below
        ;;
    link_to_itself) ln -s "$file" "$file" ;;
    unreadable) file=/proc/self/mem ;; # the first page of a process, for root too
    empty) : >"$file" ;;
    blank) printf '\n\n' >"$file" ;;
    ten_megabytes) head -c 10485760 /dev/zero | tr '\0' '#' >"$file" ;;
    endless_line) { printf '# ' && head -c 100000 /dev/zero | tr '\0' x && echo; } >"$file" ;;
    esac
}

refuses_made_file() # COMMAND BUILD KIND
{
    make_file "$3"
    "$1" "$2" "$file" "(heddle: )?$file(:[0-9]+){0,2}: .*${file_messages[$3]}"
}

head='node p\n    workers 2\n    listen fe 10.0.0.1:80 h1\n    backend app 10.0.1.1:8080 h1\nclient c1 10.9.0.1\nserver s1 10.0.1.1:8080\n\n'
tail='\nend quiet\n'

# NAME, LINE:COLUMN, what the message says, the text.
scenario_cases=(
    "unknown_word" "1:1" "frobnicate" "frobnicate 3\n"
    "unknown_verb" "8:9" "jump" "${head}+0us c1 jump 10.0.0.1:80$tail"
    "bad_address" "5:11" "10\.9\.0\.999" "${head/10.9.0.1/10.9.0.999}+0us c1 connect 10.0.0.1:80$tail"
    "address_without_port" "8:17" "" "${head}+0us c1 connect 10.0.0.1$tail"
    "missing_node" "8:6" "c9" "${head}+0us c9 connect 10.0.0.1:80$tail"
    "missing_operand" "8:16" "" "${head}+0us c1 connect$tail"
    "duration_without_unit" "8:1" "unit" "${head}+5 c1 connect 10.0.0.1:80$tail"
    "endless_number" "8:1" "" "${head}+99999999999999999999999us c1 connect 10.0.0.1:80$tail"
    "config_duration_without_unit" "2:20" "unit" "node p\n    timeout client 30\n"
    "config_unknown_word" "2:5" "worker" "node p\n    workerz 2\n"
    "declared_twice" "5:6" "p" "node p\n    workers 2\n    listen fe 10.0.0.1:80 h1\n    backend app 10.0.1.1:8080 h1\nnode p\n"
    "words_at_the_end" "10:11" "again" "${head}+0us c1 connect 10.0.0.1:80\n\nend quiet again\n"
    "open_string" "8:14" "" "${head}+0us c1 send \"abc$tail"
    "unknown_fault" "8:7" "" "${head}fault p.frob nth=2 errno=EMFILE$tail"
    "no_line_feed" "1:1" "frobnicate" "frobnicate"
    "control_byte" "1:8" "not a text file" "node p \x01\n"
    "not_utf8" "1:6" "not a text file" "node \xff\xfe\n"
    "picture" "1:1" "not a text file" "\x89PNG\r\n\x1a\n"
)

# Reproducers, which people copy, cut and edit. `recorded` is one that is right.
recorded="plant C38\nnode p\n    workers 2\n    exercise kill\n\nfound trace=0x10 title=\"assert: x in run_free\"\npick w0.range@1 = 2\nsched w0@71 -> w1  # task_kill\n"
scenario_cases+=(
    "reproducer_of_another_version" "1:9" "version 2 is unknown: this is version 1" "version 2\n$recorded"
    "reproducer_cut_in_its_title" "6:24" "quote is not closed" "${recorded%: x in*}"
    "reproducer_cut_in_a_choice" "8:15" "thread is missing" "${recorded% w1*}"
    "reproducer_of_an_unknown_plant" "1:7" "no planted bug 'C99'" "${recorded/C38/C99}"
    "reproducer_with_garbled_trace" "6:13" "hexadecimal" "${recorded/0x10/0y10}"
    "reproducer_with_garbled_site" "8:7" "thread@N" "${recorded/@71/@7e1}"
    "reproducer_with_a_control_byte" "8:11" "not a text file" "${recorded/@71/@7\\x011}"
    "reproducer_with_a_wild_byte" "8:17" "not a text file" "${recorded/-> w1/-> w\\xff}"
    "json" "1:1" "unknown word" "{\"event\": \"run\"}\n"
)

config_cases=(
    "unknown_word" "1:1" "frobnicate" "frobnicate 3\n"
    "bad_address" "2:11" "10\.0\.0\.999" "workers 2\nlisten fe 10.0.0.999:80 h1\n"
    "missing_backend" "2:12" "nowhere" "listen fe 127.0.0.1:1 h1\nroute fe / nowhere\n"
    "missing_operand" "1:8" "" "workers\n"
    "duration_without_unit" "1:16" "unit" "timeout client 30\n"
    "number_too_large" "1:9" "64" "workers 65\n"
    "not_a_number" "1:9" "number" "workers two\n"
    "listener_twice" "2:8" "fe" "listen fe 127.0.0.1:1 h1\nlisten fe 127.0.0.1:2 h1\n"
    "words_at_the_end" "1:11" "3" "workers 2 3\n"
    "control_byte" "1:9" "text" "workers \x01\n"
    "program" "1:1" "text" "\x7fELF\x02\x01\x01\x03\x02"
)

run_table() # COMMAND BUILD SUFFIX ENTRY...
{
    local command=$1 build=$2 suffix=$3
    shift 3
    while [ $# -gt 0 ]; do
        run_case "$1$suffix" "$command" "$build" "$2" "$3" "$4"
        shift 4
    done
}

run_file_cases() # COMMAND BUILD SUFFIX
{
    local kind
    for kind in "${!file_messages[@]}"; do
        run_case "$kind$3" refuses_made_file "$1" "$2" "$kind"
    done
}

case ${options[what]} in
scenario)
    for build in "${!builds[@]}"; do
        run_table refuses_scenario "$build" "_scenario_in_$build" "${scenario_cases[@]}"
        run_file_cases refuses_file "$build" "_scenario_in_$build"
    done
    ;;
config)
    for build in "${!builds[@]}"; do
        run_table refuses_config "$build" "_config_in_$build" "${config_cases[@]}"
        run_file_cases refuses_config_file "$build" "_config_in_$build"
    done
    ;;
esac
end_cases
