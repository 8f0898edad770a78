#!/usr/bin/env bash
# gdb.sh: a replay under gdb: it stops where the run fails, shows every virtual thread with its own
# frames, and goes forward and back by steps.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

heddle=${builds[explore]}
export HEDDLE_ROOT=$PWD # where scenarios/ is

in_gdb() # COMMAND...: leaves what gdb printed in `said`
{
    said=$case_dir/said
    export HOME=$case_dir DEBUGINFOD_URLS=
    printf '%s\n' "$@" |
        timeout 150 "$heddle" replay "$found" --gdb >"$said" 2>&1 || true
    sed 's/^(gdb) //' -i "$said"
}

find_k02b()
{
    run_expecting 1 "$heddle" explore fd/takeover_during_report --plant K02b --oracle assert \
        --out "$case_dir/found.scn"
    found=$case_dir/found.scn
    run_expecting 1 "$heddle" replay "$found" --json
    steps=$(json_field "$out" run steps)
}

it_stops_where_the_run_fails()
{
    find_k02b
    in_gdb 'heddle threads' 'heddle thread w1' 'heddle back' 'heddle step' 'heddle run-to 100'
    grep -q "^step $steps, " "$said" || { show "$said"; fail "it does not stop at step $steps"; }
    grep -q '^fails: assert: ' "$said" || fail "it does not say what fails"
    # Each thread with its own code, the network without any.
    grep -qE '^[* ] +[0-9]+  w0 .*core/' "$said" || { show "$said"; fail "w0 has no place"; }
    grep -qE '^[* ] +[0-9]+  w1 .*core/' "$said" || fail "w1 has no place"
    grep -qE '^[* ] +[0-9]+  clock +waits +lane *$' "$said" || fail "the clock is not there"
    # The frames of a thread that does not run, down to its first.
    grep -qE '^#[0-9]+ .*worker_loop ' "$said" || fail "no frames of w1"
    grep -qE '^#[0-9]+ .*thread_entry ' "$said" || fail "w1's frames do not reach its start"
    grep -q "^step $((steps - 1)), " "$said" || { show "$said"; fail "back is not one step earlier"; }
    grep -q '^step 100, ' "$said" || fail "run-to went elsewhere"
}

a_wrong_command_is_said()
{
    find_k02b
    in_gdb 'heddle thread nobody' 'heddle run-to soon'
    grep -q "no thread 'nobody'" "$said" || fail "an unknown thread is not named"
    grep -q 'a step is wanted' "$said" || fail "a word that is no step is not named"
}

run_case it_stops_where_the_run_fails it_stops_where_the_run_fails
run_case a_wrong_command_is_said a_wrong_command_is_said
end_cases
