#!/usr/bin/env bash
# laws.sh NAME RUNS PROGRAM CORPUS...: each target runs that many inputs under libFuzzer, one process
# after another, and finds nothing.
#
# LAWS_PERMILLE: of the runs, 1000 unless it is set.
set -eu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
while [ $# -ge 4 ]; do
    name=$1 runs=$(($2 * ${LAWS_PERMILLE:-1000} / 1000)) program=$3 corpus=$4
    shift 4
    echo "[ RUN      ] $name"
    mkdir "$scratch/$name"
    # Weights by rare features take longer than these inputs do.
    if "$program" -runs="$runs" -seed=1 -max_len=4096 -entropic=0 -print_final_stats=1 \
        -artifact_prefix="${TEST_UNDECLARED_OUTPUTS_DIR:-$PWD}/$name-" "$scratch/$name" "$corpus" >"$scratch/log" 2>&1 &&
        grep -q "^Done $runs runs" "$scratch/log"; then
        grep -E '^Done|number_of_executed_units' "$scratch/log"
        echo "[       OK ] $name"
    else
        tail -n 40 "$scratch/log"
        echo "[  FAILED  ] $name"
        failed=1
    fi
done
exit $failed
