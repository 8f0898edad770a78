#!/usr/bin/env bash
# search.sh HEDDLE ANCHOR SCHEDULES FILE...: this shard's share of the schedules of every scenario.
# Bazel's variables say which shard it is; findings and their reproducers are the test's outputs.
set -u

heddle=$1
HEDDLE_ROOT=$(dirname "$(readlink -f "$2")")
export HEDDLE_ROOT
schedules=$3
shift 3
exec "$heddle" explore "$@" --shard auto/"${TEST_TOTAL_SHARDS:-1}" --schedules "$schedules" \
    --keep-going --out "${TEST_UNDECLARED_OUTPUTS_DIR:-heddle-out}" \
    ${XML_OUTPUT_FILE:+--junit "$XML_OUTPUT_FILE"}
