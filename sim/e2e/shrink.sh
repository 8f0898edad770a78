#!/usr/bin/env bash
# shrink.sh: findings made small, and explained. With budget=full every planted bug is shrunk, the
# medians are what is promised, and the explanations that are known to name the bug's own pair of
# operations do; otherwise a few are tried.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

heddle=${builds[explore]}
export HEDDLE_ROOT=$PWD # where scenarios/ is

lines_most=12
preemptions_most=3

# The functions in which the two operations of a bug's story are; see spec K01... in the catalogue.
declare -A pairs=(
    [K01]="listener_unbind|accept_fd"
    [K02a]="fd_delete|takes_close|leave|enter"
    [K02b]="fd_takeover|enter|takes_close"
    [C26]="win_running|fd_update_events|enter|leave"
    [C36]="list_insert_after|list_is_linked|elect_by_link|begin_running|collect"
    [C38]="begin_running|tasklet_kill|mpsc_push|run_one"
    [C40]="wake|elect_in_two_steps|elect|list_insert_after|list_is_linked"
    [C64]="listener_set_pause|relax"
    [K18]="elect|run_drop_running"
    [K19]="run_free|elect|begin_running"
    [K20a]="run_drop_running|schedule_without_running|schedule_free"
    [K20b]="step|see_and_end"
)

shrink_plant() # ID: leaves the reproducer in `small`
{
    run_expecting 0 "$heddle" plants "$1" --shrink --json --out "$case_dir/small"
    [ "$(json_field "$out" plant found)" = true ] || fail "not found"
    small=$case_dir/small/$1.scn
    lines=$(json_field "$out" plant lines)
    preemptions=$(json_field "$out" plant preemptions)
    title=$(json_field "$out" plant title)
}

is_small_and_replays() # ID
{
    shrink_plant "$1"
    printf '%s: %s lines, %s preemptions, %s s\n' "$1" "$lines" "$preemptions" \
        "$(json_field "$out" plant shrink_seconds)"
    [ "$lines" -le $lines_most ] || fail "$lines lines"
    [ "$preemptions" -le $preemptions_most ] || fail "$preemptions preemptions"
    [ "$(grep -cvE '^(#|$)' "$small")" -eq "$((lines + 2))" ] || # plant and found are lines too
        fail "the file has $(grep -cvE '^(#|$)' "$small") lines"
    run_expecting 1 "$heddle" replay "$small" --json
    [ "$(json_field "$out" run title)" = "$title" ] || fail "it replays to another title"
}

# Shrinking again finds nothing to take away, and loses nothing.
is_small_for_good() # ID
{
    shrink_plant "$1"
    run_expecting 0 "$heddle" shrink "$small" --json --out "$case_dir/again.scn"
    [ "$(json_field "$out" shrunk lines)" -le "$lines" ] || fail "it grew"
    [ -s "$small" ] || fail "the reproducer is gone"
    run_expecting 1 "$heddle" replay "$case_dir/again.scn" --json
}

names_the_pair() # ID
{
    shrink_plant "$1"
    run_expecting 0 "$heddle" explain "$small" --json
    [ "$(json_field "$out" explained kind)" = order ] ||
        fail "no order decides: $(cat "$out")"
    local first second
    first=$(json_field "$out" explained first)
    second=$(json_field "$out" explained second)
    printf '%s: fails if %s\n    before %s\n' "$1" "$first" "$second"
    [[ $first =~ \ in\ (${pairs[$1]})\  ]] || fail "not the story's operation: $first"
    [[ $second =~ \ in\ (${pairs[$1]})\  ]] || fail "not the story's operation: $second"
}

nothing_to_shrink_is_said()
{
    run_expecting 125 "$heddle" shrink fd/soft_stop_during_accept --out "$case_dir/none.scn"
    grep -q 'nothing to shrink' "$err" || fail "it does not say why"
    [ ! -e "$case_dir/none.scn" ] || fail "it wrote a file"
    run_expecting 125 "$heddle" explain fd/soft_stop_during_accept
    grep -q 'nothing to explain' "$err" || fail "it does not say why"
    run_expecting 3 "$heddle" shrink "$case_dir/missing.scn"
}

# What a line of a script expects is a finding under the same title wherever the line then stands.
lines_may_go()
{
    cat >"$case_dir/in.scn" <<'END'
# Nobody needs the second client.
node p
    workers 2
    listen fe 10.0.0.1:80 h1
    backend app 10.0.1.1:8080 h1
client d 10.9.0.2 load requests=1 to=10.0.0.1:80
client c 10.9.0.1
server s1 10.0.1.1:8080 auto body=10
+0us   c connect 10.0.0.1:80
+0us   c > GET /a HTTP/1.1
..5ms  c < 503
END
    run_expecting 1 "$heddle" explore "$case_dir/in.scn" --json --out "$case_dir"
    found=$(json_field "$out" summary reproducer)
    run_expecting 0 "$heddle" shrink "$found" --json --out "$case_dir/small.scn"
    ! grep -q 'client d' "$case_dir/small.scn" || fail "the second client is still there"
    run_expecting 1 "$heddle" replay "$case_dir/small.scn" --json
    [ "$(json_field "$out" run title)" = 'expectation: c got 200 instead of 503' ] ||
        fail "its title is: $(json_field "$out" run title)"
}

# Half of the bugs are this small, or smaller.
medians_are_small()
{
    run_expecting 0 "$heddle" plants --shrink --out "$case_dir/all"
    cat "$out"
    [[ $(tail -n 1 "$out") =~ median\ ([0-9]+)\ lines,\ ([0-9]+)\ preemptions ]] ||
        fail "no medians"
    [ "${BASH_REMATCH[1]}" -le $lines_most ] && [ "${BASH_REMATCH[2]}" -le $preemptions_most ] ||
        fail "the medians are too large"
}

case ${options[budget]} in
full)
    run_case medians_are_small medians_are_small
    for id in "${!pairs[@]}"; do
        run_case "$id names_the_pair" names_the_pair "$id"
    done
    ;;
*)
    run_case "K01 is_small_and_replays" is_small_and_replays K01
    run_case "K18 is_small_and_replays" is_small_and_replays K18
    run_case "C38 is_small_for_good" is_small_for_good C38
    run_case "K01 names_the_pair" names_the_pair K01
    run_case "K02a names_the_pair" names_the_pair K02a
    run_case "C64 names_the_pair" names_the_pair C64
    run_case lines_may_go lines_may_go
    run_case nothing_to_shrink_is_said nothing_to_shrink_is_said
    ;;
esac
end_cases
