#!/usr/bin/env bash
# findings.sh: each planted bug is found within its budget, in the explore build, and in the plain one
# unless only who watches memory can see it. What explore finds replays 100 times of 100, by its
# reproducer and by its trial, in new processes, and in the other builds. Who watches memory may see
# the same bug a few steps earlier than who does not; then that is what has to replay.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

schedules=${options[schedules]}
again=100

is_found_and_replays() # ID SCENARIO
{
    local id=$1 scenario=scenarios/$2.scn title seed trial reproducer hash

    [ -e "$scenario" ] || fail "the scenario of $id is missing: $scenario"
    run_expecting 1 "${builds[explore]}" explore "$scenario" --plant "$id" \
        --schedules "$schedules" --out "$case_dir/found" --json
    seed=$(json_field "$out" summary seed)
    title=$(json_field "$out" summary title)
    trial=$(json_field "$out" summary schedule)
    reproducer=$(json_field "$out" summary reproducer)
    printf '%s: %s (trial %s)\n' "$id" "$title" "$trial"
    case $title in
    data-race* | heap-*) ;; # a build that does not watch memory need not see it
    *)
        run_expecting 1 "${builds[plain]}" explore "$scenario" --plant "$id" \
            --schedules "$schedules" --out "$case_dir/plain" --json
        ;;
    esac
    [ -s "$reproducer" ] || fail "no reproducer was written: '$reproducer'"

    # What is written down is a scenario like any other, for people.
    run_expecting 0 "${builds[plain]}" fmt "$reproducer"
    cmp "$reproducer" "$out" || fail "the reproducer is not canonical"

    run_expecting 1 "${builds[explore]}" replay "$reproducer" --json
    hash=$(json_field "$out" run trace_hash)
    [ "$(json_field "$out" run title)" = "$title" ] || fail "the reproducer shows something else"

    replays "$title" "$hash" explore "$reproducer" --times "$again"
    replays "$title" "$hash" explore "$reproducer"
    replays "$title" "$hash" explore "$scenario" --plant "$id" --seed "$seed" --trial "$trial"
    case $title in
    data-race*)
        # A build that does not look for races goes on; what it comes to may be anything. TSan is
        # told to overlook what memset and memcpy touch (sim/posix/sanitizer.c).
        run_expecting "0 1" "${builds[tsan]}" replay "$reproducer" --json
        if [ "$status" -eq 1 ]; then
            # Not 100 times in one process: TSan keeps four accesses of a word, and which one makes room
            # depends on all that ran before.
            replays_as "data-race*" 1 tsan "$reproducer"
            grep -q 'WARNING: ThreadSanitizer: data race' "$err" || fail "a race without a report"
        fi
        ;;
    heap-* | crash*)
        # What freed memory holds is each allocator's own affair. ASan or UBSan has to see it.
        replays_as "@(heap-*|crash*|undefined-*)" "$again" asan "$reproducer"
        ;;
    *)
        replays "$title" "$hash" plain "$reproducer" --times "$again"
        replays "$title" "$hash" asan "$reproducer" --times "$again"
        replays "$title" "$hash" tsan "$reproducer" --times "$again"
        ;;
    esac
}

# A finding of the sanitizer's own: the same one in each of two processes, and so many times in one.
replays_as() # TITLE_PATTERN TIMES BUILD ARGUMENT...
{
    local pattern=$1 times=$2 build=$3 title hash
    shift 3
    run_expecting 1 "${builds[$build]}" replay "$@" --json
    title=$(json_field "$out" run title)
    hash=$(json_field "$out" run trace_hash)
    # shellcheck disable=SC2053 # a pattern
    [[ $title = $pattern ]] || fail "$build: $title, not $pattern"
    replays "$title" "$hash" "$build" "$@" --times "$times"
}

replays() # TITLE HASH BUILD ARGUMENT...
{
    local title=$1 hash=$2 build=$3
    shift 3
    run_expecting 1 "${builds[$build]}" replay "$@" --json
    [ "$(json_field "$out" run trace_hash)" = "$hash" ] || {
        show "$err"
        fail "$build: another run: $(json_field "$out" run trace_hash), not $hash"
    }
    [ "$(json_field "$out" run title)" = "$title" ] ||
        fail "$build: another title: $(json_field "$out" run title)"
}

while read -r id scenario; do
    run_case "$id is_found_and_replays" is_found_and_replays "$id" "$scenario"
done < <(read_catalogue "${files[0]}")
end_cases
