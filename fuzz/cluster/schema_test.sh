#!/usr/bin/env bash
# schema_test.sh: the manifest is what Kubernetes' own schema of a Job says, as the npm package
# kubernetes-models carries it (made of the API's OpenAPI document; installed by this test, so it
# needs the network). That schema lets unknown members pass; manifest_test.sh does not.
# shellcheck source=../../sim/e2e/cases.sh disable=SC2154 # case_dir
. "${TEST_SRCDIR:-.}/${TEST_WORKSPACE:-.}/sim/e2e/cases.sh"

manifest=$PWD/fuzz/cluster/kubernetes.json
modules=$scratch/modules
mkdir -p "$modules"
# npm wants a home, and does not ask the system whom it trusts.
export HOME=$scratch NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
npm install --prefix "$modules" --no-audit --no-fund --no-save kubernetes-models@4.5.1 >"$scratch/npm.log" 2>&1 ||
    { cat "$scratch/npm.log"; fail "npm"; }
cat >"$modules/validate.cjs" <<'END'
const { readFileSync } = require("fs");
const { Job } = require("kubernetes-models/batch/v1/Job");
try {
    new Job(JSON.parse(readFileSync(process.argv[2]))).validate();
} catch (error) {
    console.log(error.message);
    process.exit(1);
}
END

manifest_is_a_job()
{
    run_expecting 0 node "$modules/validate.cjs" "$manifest"
}

mistakes_are_found()
{
    local change
    for change in '.spec.completionMode = "indexed"' '.spec.completions = "16"' 'del(.spec.template)' \
        '.spec.template.spec.containers[0].env[0].value = 16' '.spec.template.spec.containers = {}' \
        '.spec.podFailurePolicy.rules[0].action = "Fail"' \
        '.spec.template.spec.containers[0].resources.limits.memory = "1Gigs"'; do
        jq "$change" "$manifest" >"$case_dir/wrong.json"
        run_expecting 1 node "$modules/validate.cjs" "$case_dir/wrong.json"
    done
}

run_case manifest_is_a_job manifest_is_a_job
run_case mistakes_are_found mistakes_are_found
end_cases
