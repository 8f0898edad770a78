#!/usr/bin/env bash
# agreement.sh PROGRAM: clang's TSan says the same of the litmus programs as is expected of ours
# (race_posix_test): where we report a race it does, by the same two functions, and where we are
# silent it is. What only our heap finds is left out: TSan has no red zones.
set -u -o pipefail

program=$1
# A race that needs its second thread to come at the right moment may need more than one try.
tries=100
failed=0
export TSAN_OPTIONS="exitcode=0 atexit_sleep_ms=0 symbolize=1 report_signal_unsafe=0"
export TSAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
report=$TEST_TMPDIR/report

# What TSan reports of program NUMBER, once: its summaries.
judge() # NUMBER
{
    timeout 20 "$program" run "$1" >/dev/null 2>"$report"
    grep -E '^SUMMARY: ThreadSanitizer: ' "$report" | sort -u
}

has_function() # NAME
{
    grep -qE "#[0-9]+ $1 " "$report"
}

# "data-race in f / g": the report has both. Of a variable that another thread lends, TSan may name
# the making of that thread's stack instead of what it did there since.
names_both() # TITLE
{
    local pair=${1#data-race in }
    local one=${pair% / *} other=${pair#* / }
    { has_function "$one" || has_function '__tsan_(stack|tls)_initialization'; } &&
        { has_function "$other" || has_function '__tsan_(stack|tls)_initialization'; }
}

expect_race() # NUMBER TITLE
{
    local try
    for ((try = 0; try < tries; try++)); do
        [[ $(judge "$1") == *"data race"* ]] && names_both "$2" && return 0
    done
    return 1
}

expect_silence() # NUMBER
{
    local try summary
    for ((try = 0; try < 5; try++)); do
        summary=$(judge "$1")
        [ -z "$summary" ] || {
            echo "$summary"
            return 1
        }
    done
}

number=0
while IFS=$'\t' read -r name title; do
    # Only a trylock that fails races, and the lock is held for an instant: no try of many meets it.
    [ "$name" != "trylock not asked" ] || title=unlikely
    case $title in
    "" | "data-race "*)
        printf '[ RUN      ] %s\n' "$name"
        if { [ -z "$title" ] && expect_silence $number; } ||
            { [ -n "$title" ] && expect_race $number "$title"; }; then
            printf '[       OK ] %s\n' "$name"
        else
            echo "expected: ${title:-nothing}"
            head -n 40 "$report"
            printf '[  FAILED  ] %s\n' "$name"
            failed=$((failed + 1))
        fi
        ;;
    esac
    number=$((number + 1))
done < <("$program" list)
printf '%s programs, %s failed\n' "$number" "$failed"
[ "$number" -gt 30 ] && [ "$failed" -eq 0 ]
