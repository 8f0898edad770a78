#!/usr/bin/env bash
# plants.sh: the score of `heddle plants`. With budget=full each planted bug is found within the
# budget that is promised; otherwise only the command itself is tried, on one plant.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

heddle=${builds[explore]}
export HEDDLE_ROOT=$PWD # where scenarios/ is

is_found_within_the_budget() # ID
{
    run_expecting 0 "$heddle" plants "$1" --schedules 20000 --time 10s --json
    [ "$(json_field "$out" plant id)" = "$1" ] || fail "it scored another plant"
    [ "$(json_field "$out" plant found)" = true ] || fail "not found, says the row"
    printf '%s: %s schedules, %s s\n' "$1" "$(json_field "$out" plant schedules)" \
        "$(json_field "$out" plant seconds)"
}

# One schedule, the dull one, finds nothing: the plants need a race.
is_not_found_by_the_dull_run() # ID
{
    run_expecting 1 "$heddle" plants "$1" --schedules 1 --json
    [ "$(json_field "$out" plant found)" = false ] || fail "found, says the row"
    [ "$(json_field "$out" plant schedules)" = 1 ] || fail "it ran more than one schedule"
}

is_silent_without_a_plant() # ID
{
    run_expecting 0 "$heddle" plants "$1" --clean --schedules 500 --json
    [ "$(json_field "$out" summary schedules)" = 500 ] || fail "it did not run 500 schedules"
}

case ${options[budget]} in
full)
    while read -r id _; do
        run_case "$id is_found_within_the_budget" is_found_within_the_budget "$id"
    done < <(read_catalogue "${files[0]}")
    ;;
*)
    run_case "K01 is_found_within_the_budget" is_found_within_the_budget K01
    run_case "K01 is_not_found_by_the_dull_run" is_not_found_by_the_dull_run K01
    run_case "K01 is_silent_without_a_plant" is_silent_without_a_plant K01
    ;;
esac
end_cases
