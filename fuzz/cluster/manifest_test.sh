#!/usr/bin/env bash
# manifest_test.sh: the Kubernetes manifest is what its schema says, and says as many shards as it
# has; and the check itself finds mistakes.
# shellcheck source=../../sim/e2e/cases.sh disable=SC2154 # case_dir
. "${TEST_SRCDIR:-.}/${TEST_WORKSPACE:-.}/sim/e2e/cases.sh"

here=fuzz/cluster

mistakes() # MANIFEST
{
    jq -r --slurpfile schema $here/kubernetes.schema.json -f $here/schema.jq "$1"
}

manifest_is_as_its_schema_says()
{
    local found
    found=$(mistakes $here/kubernetes.json)
    [ -z "$found" ] || fail "$found"
    jq -e '.spec.completions == (.spec.template.spec.containers[0].env[] |
        select(.name == "HEDDLE_SHARD_COUNT").value | tonumber)' $here/kubernetes.json >/dev/null ||
        fail "another number of shards than of completions"
    jq -e '[.spec.podFailurePolicy.rules[].onExitCodes.values // [] | .[]] | index(0) == null' \
        $here/kubernetes.json >/dev/null || fail "0 is no failure"
}

mistakes_are_found()
{
    local change
    for change in '.spec.completionMode = "indexed"' '.spec.completions = "16"' \
        '.spec.complections = 3' 'del(.metadata.name)' '.spec.parallelism = 0' \
        '.spec.template.spec.containers[0].env[0].value = 16' \
        '.spec.template.spec.containers = {}'; do
        jq "$change" $here/kubernetes.json >"$case_dir/wrong.json"
        [ -n "$(mistakes "$case_dir/wrong.json")" ] || fail "not found: $change"
    done
}

run_case manifest_is_as_its_schema_says manifest_is_as_its_schema_says
run_case mistakes_are_found mistakes_are_found
end_cases
