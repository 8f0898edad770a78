#!/usr/bin/env bash
# quiet.sh: with nothing planted nothing is found, however the threads run, and in the sanitizers'
# builds these have nothing to say either.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

schedules=${options[schedules]}
points=()
[ -z "${options[points]-}" ] || points=(--points "${options[points]}")

finds_nothing() # BUILD FILE
{
    local build=$1 file=$2

    run_expecting 0 "${builds[$build]}" explore "$file" --schedules "$schedules" "${points[@]}" \
        --out "$case_dir/found" --json
    expect_no_sanitizer_report "$err"
    [ "$(json_field "$out" summary schedules)" = "$schedules" ] ||
        fail "it did not run $schedules schedules: $(cat "$out")"
}

for file in "${files[@]}"; do
    for build in "${!builds[@]}"; do
        run_case "$(scenario_name "$file") finds_nothing_in_$build" finds_nothing "$build" "$file"
    done
done
end_cases
