#!/usr/bin/env bash
# determinism.sh: the same scenario, seed and trial give the same run, byte for byte of its trace: in
# processes with other environments, addresses and folders, and in the plain, explore, asan and tsan
# builds. With memory points, which only the explore build has, the same holds among its processes.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

seed=0x5eed
trials=(0 5 21)

# Address randomisation off, where the machine lets us.
fixed=(setarch -R)
"${fixed[@]}" true 2>/dev/null || fixed=()
padding=$(printf '%065536d' 0)

# What a run came to: exit code, steps and hash. A finding is not this test's affair.
run_facts() # COMMAND...
{
    run_expecting "0 1" "$@"
    facts="exit $status, $(json_field "$out" run steps) steps, $(json_field "$out" run trace_hash)"
}

runs_the_same_everywhere() # FILE
{
    local file=$1 trial words first build seen=()

    for trial in "${trials[@]}"; do
        words=(--seed "$seed" --trial "$trial" --json)
        run_facts env -i "${builds[plain]}" replay "$PWD/$file" "${words[@]}"
        first=$facts
        seen+=("$first")
        run_facts env PADDING="$padding" "${fixed[@]}" env -C "${file%/*}" \
            "${builds[plain]}" replay "${file##*/}" "${words[@]}"
        [ "$facts" = "$first" ] || fail "trial $trial: once $first, again $facts"
        for build in asan explore tsan; do
            run_facts "${builds[$build]}" replay "$file" "${words[@]}"
            [ "$facts" = "$first" ] || fail "trial $trial: plain $first, $build $facts"
        done
    done
    # A hash that never changes would compare equal as well.
    [ "$(printf '%s\n' "${seen[@]}" | sort -u | wc -l)" -gt 1 ] ||
        fail "${#trials[@]} trials, one run: $first"
}

with_memory_points_too() # FILE
{
    local file=$1 trial words first

    for trial in 0 3; do
        words=(--seed "$seed" --trial "$trial" --json)
        run_facts "${builds[explore]}" replay "$file" "${words[@]}"
        first=$facts
        run_facts env -i "${builds[explore]}" replay "$PWD/$file" "${words[@]}" --points memory
        [ "$facts" != "$first" ] || fail "trial $trial: no point was added: $facts"
        first=$facts
        run_facts env PADDING="$padding" "${fixed[@]}" env -C "${file%/*}" \
            "${builds[explore]}" replay "${file##*/}" "${words[@]}" --points memory
        [ "$facts" = "$first" ] || fail "trial $trial: once $first, again $facts"
    done
}

for file in "${files[@]}"; do
    run_case "$(scenario_name "$file") runs_the_same_everywhere" runs_the_same_everywhere "$file"
    run_case "$(scenario_name "$file") with_memory_points_too" with_memory_points_too "$file"
done
end_cases
