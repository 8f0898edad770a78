# shellcheck shell=bash disable=SC2034
# cases.sh - what the tests of the built tool share. Sourced with the script's own arguments:
# `explore=PATH`, `plain=PATH`, `asan=PATH`, `tsan=PATH` name programs (in `builds`), other `name=value` are settings
# (in `options`), the rest are files (in `files`).
#
# A case prints what cmocka prints, so that the launcher counts it. It runs in a subshell that stops
# at the first command that fails. Cases are dealt out to the shards of a test in turn.
set -u -o pipefail
shopt -s inherit_errexit
export LC_ALL=C

declare -A builds=() options=()
files=()
for argument in "$@"; do
    case $argument in
    explore=* | plain=* | asan=* | tsan=*) builds[${argument%%=*}]=$PWD/${argument#*=} ;;
    [a-z]*=*) options[${argument%%=*}]=${argument#*=} ;;
    *) files+=("$argument") ;;
    esac
done

scratch=${TEST_TMPDIR:-$(mktemp -d)}
cases_seen=0
cases_failed=0
[ -z "${TEST_SHARD_STATUS_FILE-}" ] || : >"$TEST_SHARD_STATUS_FILE"

run_case() # NAME COMMAND...
{
    local name=$1 status
    shift
    cases_seen=$((cases_seen + 1))
    [ $((cases_seen % ${TEST_TOTAL_SHARDS:-1})) -eq "${TEST_SHARD_INDEX:-0}" ] || return 0
    printf '[ RUN      ] %s\n' "$name"
    case_dir=$scratch/$cases_seen
    mkdir -p "$case_dir"
    # Not in a condition: bash ignores set -e there.
    (
        set -e
        "$@"
    )
    status=$?
    if [ $status -eq 0 ]; then
        printf '[       OK ] %s\n' "$name"
    else
        printf '[  FAILED  ] %s\n' "$name"
        cases_failed=$((cases_failed + 1))
    fi
    rm -rf "$case_dir"
}

# The script's last line. No case at all is a failure: the test looks in the wrong place.
end_cases()
{
    [ $cases_seen -ne 0 ] || printf 'no case ran\n'
    printf '%s cases, %s failed\n' "$cases_seen" "$cases_failed"
    [ $cases_seen -ne 0 ] && [ $cases_failed -eq 0 ]
    exit
}

fail()
{
    printf '%s\n' "$*" >&2
    exit 1
}

# Runs COMMAND, leaves its output in `out` and `err`, and fails unless it exits with one of CODES
# ("0", "0 1"). `status` is its exit code.
run_expecting() # CODES COMMAND...
{
    local codes=$1
    shift
    out=$case_dir/out
    err=$case_dir/err
    status=0
    "$@" >"$out" 2>"$err" </dev/null || status=$?
    [[ " $codes " != *" $status "* ]] || return 0
    printf 'exit %s, not %s: %s\n' "$status" "$codes" "${*//$PWD\//}"
    show "$out"
    show "$err"
    exit 1
}

show() # FILE: its first lines, indented; another test's cases are not to be counted as ours
{
    head -c 20000 "$1" | head -n 60 | sed -E 's/^\[ *([A-Z]+) *\]/\1:/; s/^/    /'
}

# A sanitizer speaks on stderr, whatever the exit code says.
expect_no_sanitizer_report() # FILE
{
    ! grep -qE 'ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|: runtime error: ' "$1" ||
        {
            show "$1"
            fail "a sanitizer has something to report"
        }
}

# A field of the last row of FILE that is of kind EVENT. Rows are flat JSON, one a line.
json_field() # FILE EVENT NAME
{
    local row value
    row=$(grep -F "\"event\":\"$2\"" "$1" | tail -n 1) || fail "no row \"$2\" in the output"
    [[ $row =~ \"$3\":(\"([^\"]*)\"|[^,}]*) ]] || fail "no field \"$3\" in: $row"
    value=${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}
    [ "$value" != '""' ] || value=
    printf '%s\n' "$value"
}

scenario_name() # FILE: as people say it, fd/soft_stop_during_accept
{
    local name=${1#*scenarios/}
    printf '%s\n' "${name%.scn}"
}

read_catalogue() # core/plant/plants.def: a line "ID SCENARIO" for each plant
{
    local plants
    mapfile -t plants < <(
        tr '\n' ' ' <"$1" | grep -oE 'PLANT_DEF\([^()]*(\([^()]*\)[^()]*)*\)' |
            sed -E 's/^PLANT_DEF\([^,]*, *"([^"]*)".*"([^"]*)"\)$/\1 \2/'
    )
    [ "${#plants[@]}" -eq "$(grep -c '^PLANT_DEF' "$1")" ] ||
        fail "only ${#plants[@]} plants are read from $1"
    printf '%s\n' "${plants[@]}"
}
