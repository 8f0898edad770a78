#!/usr/bin/env bash
# races.sh: clang's ThreadSanitizer and the explore build agree about the programs of
# scenarios/programs. TSan judges a program by itself, natively, several times; a race between two
# functions that it reports there is one that explore reports too. It has no say in schedules that did
# not come about, so what explore finds beyond that is held against the table: programs that it says
# have a race have one here, the others and every twin have none, by either.
# The arguments are the table and the built programs: NAME, NAME_fixed, and each _tsan.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

# A race that TSan is to see may take more than one try; a run that deadlocks takes its second.
native_runs=5
native_runs_max=${options[tries]:-100}
schedules=2000
export TSAN_OPTIONS=atexit_sleep_ms=0
export TSAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19

table=
declare -A programs=()
for file in "${files[@]}"; do
    case $file in
    *.def) table=$file ;;
    /*) programs[${file##*/}]=$file ;;
    *) programs[${file##*/}]=$PWD/$file ;;
    esac
done

# The two functions of each race in TSan's reports, sorted, a line each: the innermost of each stack
# that is the program's own ("<null>" has no source: an interceptor). Races of descriptors are left
# out: TSan takes every call for an access to the descriptor and knows nothing of the order that the
# kernel gives them.
races_of_reports() # FILE
{
    awk '
        /^WARNING: ThreadSanitizer: / { is_race = / data race /; count = 0 }
        /^  .*(read|write|Read|Write) of size / { is_wanted = 1 }
        is_race && is_wanted && /^    #[0-9]+ / && $3 != "<null>" { function_of[++count] = $2; is_wanted = 0 }
        /^  Location is file descriptor/ { is_race = 0 }
        is_race && /^SUMMARY: / && count == 2 {
            if (function_of[1] < function_of[2])
                print function_of[1] " / " function_of[2]
            else
                print function_of[2] " / " function_of[1]
        }' "$1" | sort -u
}

# What TSan has to say of a program in several native runs, into `native`; more of them as long as it
# has seen no race where there is one.
judge_natively() # NAME ARGUMENT yes|no
{
    local arguments=() run
    [ "$2" = - ] || arguments=("$2")
    [ -n "${programs[$1_tsan]-}" ] || fail "no program was built from $1 for TSan"
    native=
    : >"$case_dir/tsan"
    for ((run = 0; run < native_runs_max; run++)); do
        [ $run -lt $native_runs ] || { [ "$3" = yes ] && [ -z "$native" ]; } || break
        timeout 1 "${programs[$1_tsan]}" "${arguments[@]}" >/dev/null 2>>"$case_dir/tsan" </dev/null ||
            true
        native=$(races_of_reports "$case_dir/tsan")
    done
}

# The races that explore finds, as TSan's are written, into `found`.
judge_here() # NAME ARGUMENT
{
    local arguments=() points
    [ "$2" = - ] || arguments=(-- "$2")
    found=
    for points in sync memory; do
        run_expecting "0 1" "${builds[explore]}" explore --points "$points" --oracle data-race \
            --keep-going --schedules "$schedules" --out "$case_dir/found" --json \
            "${programs[$1]}" "${arguments[@]}"
        [ "$(json_field "$out" summary schedules)" = "$schedules" ] ||
            fail "only $(json_field "$out" summary schedules) schedules of $schedules"
        found+=$(sed -nE '/"event":"finding"/s/.*"title":"data-race in ([^"]*)".*/\1/p' "$out")$'\n'
    done
    found=$(sort -u <<<"$found" | sed '/^$/d')
}

agree() # NAME ARGUMENT yes|no: whether there is a race
{
    local race
    judge_natively "$1" "$2" "$3"
    judge_here "$1" "$2"
    printf 'TSan: %s; explore: %s\n' "${native//$'\n'/, }" "${found//$'\n'/, }"
    while read -r race; do
        [ -z "$race" ] || grep -qxF "$race" <<<"$found" || fail "TSan finds a race in $race"
    done <<<"$native"
    if [ "$3" = yes ]; then
        [ -n "$native" ] || fail "there is a race, and TSan does not find it"
        [ -n "$found" ] || fail "there is a race, and explore does not find it"
    else
        [ -z "$native" ] || fail "TSan finds a race where there is none: $native"
        [ -z "$found" ] || fail "explore finds a race where there is none: $found"
    fi
}

last=
while read -r name argument _ _ _ race _; do
    [[ $name != \#* ]] && [ -n "$name" ] && [ "$name" != "$last" ] || continue
    last=$name
    run_case "$name tsan_and_explore_agree" agree "$name" "$argument" "$race"
    run_case "$name twin_has_no_race" agree "${name}_fixed" "$argument" no
done <"${table:-/dev/null}"
end_cases
