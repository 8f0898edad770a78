#!/usr/bin/env bash
# sanitized_replay.sh: what explore's own detectors found is judged by clang's, on the same schedule.
# Whether they agree is said in a line, and what they have to say is in the story.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

export HEDDLE_ROOT=$PWD # where scenarios/ is

# Leaves the reproducer of a planted bug in `reproducer`, its title in `title`.
record() # ID SCENARIO SEED
{
    run_expecting 1 "${builds[explore]}" explore "$2" --plant "$1" --seed "$3" --schedules 20000 \
        --out "$case_dir/found" --json
    reproducer=$(json_field "$out" summary reproducer)
    title=$(json_field "$out" summary title)
}

# The story has a side for each function of the title, told by the sanitizer.
agrees() # BUILD SANITIZER ID SCENARIO WORDS...
{
    local build=$1 sanitizer=$2 word seed
    # TSan keeps four accesses of a word, so in some schedules it has forgotten the earlier side of a
    # race: of a few, one has to do.
    for seed in 1 2 3 4; do
        record "$3" "$4" "$seed"
        "${builds[$build]}" replay "$reproducer" >/dev/null 2>&1 </dev/null || break
    done
    shift 4
    run_expecting 1 "${builds[$build]}" replay "$reproducer"
    grep -qF "heddle: $sanitizer, on the same schedule, agrees: " "$err" ||
        fail "it does not say that it agrees"
    ! grep -q "one of the two is wrong" "$err" || fail "it says the opposite too"
    sed -n '/^  details$/,/^  at the end$/p' "$out" | tr -s ' \n' ' ' >"$case_dir/details"
    for word in "$@"; do
        grep -qE "$word" "$case_dir/details" || {
            show "$out"
            fail "the story does not have the sanitizer's '$word'"
        }
    done
}

# A finding that is none: the scenario as it is, under somebody's title.
disagrees() # BUILD SANITIZER TITLE WHAT
{
    { cat scenarios/task/wake_while_picked.scn && printf '\nfound trace=0x1 title="%s"\n' "$3"; } \
        >"$case_dir/invented.scn"
    run_expecting 0 "${builds[$1]}" replay "$case_dir/invented.scn"
    [ "$(grep -c "^heddle: $2, on the same schedule, reports $4: $3; one of the two is wrong" \
        "$err")" -eq 1 ] || {
        show "$err"
        fail "it does not say that it disagrees"
    }
    # Nobody else looks for that.
    run_expecting 0 "${builds[plain]}" replay "$case_dir/invented.scn"
    ! grep -q 'Sanitizer' "$err" || fail "a build without a sanitizer speaks for one"
}

run_case "C36 tsan agrees" agrees tsan ThreadSanitizer C36 task/wake_while_picked \
    'ThreadSanitizer, now: (read|write) of 8 bytes in ' 'ThreadSanitizer, earlier: ' \
    'list_insert_after \(core/base/list\.h:[0-9]+\) <- ' 'list_is_linked \(core/base/list\.h:'
run_case "K17 tsan agrees" agrees tsan ThreadSanitizer K17 listener/stop_during_accept \
    'ThreadSanitizer, now: write of 4 bytes in listener_unbind \(core/net/listener\.c:[0-9]+\)' \
    'ThreadSanitizer, earlier: read of 4 bytes in accept_fd'
run_case "K19 asan agrees" agrees asan AddressSanitizer K19 task/expire_while_woken \
    'AddressSanitizer, now: write of [0-9]+ bytes in elect' ' freed in .*pool_give' \
    ' allocated in .*pool_take'
run_case "tsan disagrees" disagrees tsan ThreadSanitizer \
    "data-race in list_insert_after / list_is_linked" "no race"
run_case "asan disagrees" disagrees asan AddressSanitizer \
    "heap-use-after-free write in elect" "no misuse of the heap"
end_cases
