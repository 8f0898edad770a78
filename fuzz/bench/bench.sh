#!/usr/bin/env bash
# bench.sh - how many runs of the world target it takes to find planted bugs, and what each part of
# the fuzzer is worth. By hand:
#
#     ./heddle fuzz ... builds the target; or: bazel build --config=libfuzzer //fuzz:world_fuzz_test_{bin,corpus}
#     fuzz/bench/bench.sh PROGRAM CORPUS [PLANT...]      (without plants: the twenty of the table)
#
# SEEDS=5 how often each, SECONDS_MAX=60 and RUNS_MAX=200000 after which it counts as not found.
# Prints a line for each of plants x ways x seeds: plant, way, seed, found or -, runs, seconds; then
# the medians, a run not found counting as more than all others.
#
#     ours      the whole mutator, code and schedule coverage
#     cover     the whole mutator, code coverage alone
#     turns     schedules alone, code coverage and state moves
#     random    the scenarios of the corpus as they are, another seed and strategy each time
set -u -o pipefail

program=$(readlink -f "${1:?PROGRAM}")
corpus=$(readlink -f "${2:?CORPUS}")
shift 2
plants=("$@")
[ ${#plants[@]} -gt 0 ] || plants=(K01 K02a K05a K07a K18 K19 C36 C37 C49b C50 C51 C52 C54 C56 C57 C58 C60a C60b C63 C64)
seeds=${SEEDS:-5}
seconds=${SECONDS_MAX:-60}
runs=${RUNS_MAX:-200000}
reseed=0x800 # MUTATE_RESEED
work=$(mktemp -d "${TMPDIR:-/tmp}/heddle-bench.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

one() # plant way seed
{
    local channels= operations= log=$work/log begin end units found
    case $2 in
    cover) channels=0 ;;
    turns) channels=0x10 operations=0x1f800 ;;
    random) channels=0 operations=$reseed ;;
    esac
    rm -rf "$work/corpus"
    mkdir "$work/corpus"
    begin=$(date +%s%N)
    (cd "$work" && HEDDLE_PLANT=$1 HEDDLE_FUZZ_CHANNELS=$channels ${operations:+env HEDDLE_FUZZ_OPERATIONS=$operations} \
        "$program" -seed="$3" -runs="$runs" -max_total_time="$seconds" -entropic=0 -print_final_stats=1 \
        -artifact_prefix="$work/" "$work/corpus" "$corpus" >"$log" 2>&1)
    end=$(date +%s%N)
    units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    found=$(grep -a '^finding: ' "$log" | head -1)
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$([ -n "$found" ] && echo found || echo -)" \
        "${units:-0}" "$(((end - begin) / 1000000))ms" "${found#finding: }"
}

for plant in "${plants[@]}"; do
    for way in ours cover turns random; do
        for ((seed = 1; seed <= seeds; seed++)); do
            one "$plant" "$way" "$seed"
        done
    done
done | tee "$work/table"

echo
printf 'plant\tway\tfound\tmedian runs\n'
awk -F'\t' '{ key = $1 "\t" $2; n[key]++; runs = $4 == "found" ? $5 : 1e12; found[key] += $4 == "found"
              list[key] = list[key] " " runs }
    END { for (key in n) { count = split(list[key], a, " ")
              for (i = 1; i <= count; i++) for (j = i + 1; j <= count; j++)
                  if (a[j] + 0 < a[i] + 0) { t = a[i]; a[i] = a[j]; a[j] = t }
              m = a[int((count + 1) / 2)]
              printf "%s\t%d/%d\t%s\n", key, found[key], n[key], m >= 1e12 ? "-" : m } }' \
    "$work/table" | sort
