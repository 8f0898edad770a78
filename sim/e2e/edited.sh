#!/usr/bin/env bash
# edited.sh: a recorded schedule survives that the code is edited and built again. edited_99 has one
# more function in the core's worker.c, and that file compiled in another way; in edited_N, worker N
# also makes 24 atomic accesses more before it works.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

export HEDDLE_ROOT=$PWD # where scenarios/ is

record() # ID: leaves the reproducer in `reproducer`
{
    run_expecting 0 "${builds[plain]}" plants "$1" --shrink --json --out "$case_dir/small"
    [ "$(json_field "$out" plant found)" = true ] || fail "not found"
    reproducer=$case_dir/small/$1.scn
    run_expecting 1 "${builds[plain]}" replay "$reproducer" --json
    title=$(json_field "$out" run title)
    steps=$(json_field "$out" run steps)
    hash=$(json_field "$out" run trace_hash)
}

replay_edited() # CODES WORKER
{
    run_expecting "$1" "$PWD/${options[edited_$2]}" replay "$reproducer" --json
}

# The same run, step by step: no step was edited.
survives_another_function() # ID
{
    ! cmp -s "${builds[plain]}" "${options[edited_99]}" || fail "it is the same program"
    record "$1"
    replay_edited 1 99
    [ "$(json_field "$out" run title)" = "$title" ] || fail "another title"
    [ "$(json_field "$out" run trace_hash)" = "$hash" ] || fail "another run"
    [ ! -s "$err" ] || fail "it complains: $(cat "$err")"
}

# Choices are counted by thread: those of w0 are where they were, and w1 goes on for longer.
survives_steps_elsewhere() # ID
{
    record "$1"
    ! grep -q '^sched w1@' "$reproducer" || fail "w1 is part of this schedule"
    replay_edited 1 1
    [ "$(json_field "$out" run title)" = "$title" ] || fail "another title"
    [ "$(json_field "$out" run steps)" -gt "$steps" ] || fail "nothing was edited"
    ! grep -q 'never asked for' "$err" || fail "a choice does not fit"
}

# Too much has moved: it says what no longer fits, from where on, and what it was.
degrades() # ID WORKER SITE
{
    record "$1"
    replay_edited 4 "$2"
    [ "$(json_field "$out" run verdict)" = none ] || fail "it found something"
    grep -qE "^heddle: .*/$1\.scn: [0-9]+ of [0-9]+ recorded choices were never asked for, the first at $3: the code or the scenario has changed since\$" \
        "$err" || {
        show "$err"
        fail "it does not say where the schedule first fails to fit"
    }
    grep -qF "was recorded when it ended in: $title" "$err" || fail "it does not say what it was"
    # The line is in the file, where people will look for it.
    grep -qE "^(sched|pick) $3 " "$reproducer" || fail "no line of the file is about $3"
}

for id in K18 K01 C38; do
    run_case "$id survives_another_function" survives_another_function "$id"
done
run_case "K01 survives_steps_elsewhere" survives_steps_elsewhere K01
run_case "C38 degrades where w1 has changed" degrades C38 1 'w1@[0-9]+'
run_case "C38 degrades where w0 has changed" degrades C38 0 'w0@[0-9]+'
end_cases
