# shellcheck shell=bash disable=SC1091,SC2034,SC2154,SC2164
# installed.sh - Heddle installed by its launcher below a folder of the test's, nothing of the
# repository within reach. Sourced from the root of the runfiles.
# shellcheck source=../e2e/cases.sh
. sim/e2e/cases.sh

here=$PWD/sim/cc
root=$scratch/tree
prefix=$scratch/prefix
seconds=5

# A source tree with everything built, so that the launcher has nothing to ask of Bazel.
lay_out_a_tree()
{
    local bin=$root/.bazel/explore-bin/sim
    mkdir -p "$bin/cli" "$bin/cc" "$bin/runtime" "$root/sim/cc" "$root/scenarios/fd"
    cp -L heddle LICENSE README.md "$root"
    cp -L sim/cc/heddle-cc.1 "$root/sim/cc"
    cp -L scenarios/fd/*.scn "$root/scenarios/fd"
    cp -L sim/cli/heddle "$bin/cli"
    cp -L sim/cc/heddle-cc "$bin/cc"
    cp -L sim/runtime/runtime.o sim/runtime/runtime.flags "$bin/runtime"
    touch "$bin/cli/heddle.stamp"
}

# Runs PROGRAM by itself, then under the engine, which has to find what TITLE begins with.
expect_bug() # TITLE PROGRAM
{
    run_expecting "0 7" "$2" # by itself it may be unlucky too
    run_expecting 1 heddle explore "$2" --time ${seconds}s --out found
    grep -q "^$1" "$out" || { show "$out" && fail "no '$1'"; }
}

expect_no_bug() # PROGRAM
{
    run_expecting 0 "$1"
    run_expecting 0 heddle explore "$1" --schedules 200
}

in_folder() # COMMAND...
{
    cd "$case_dir"
    "$@"
}

lay_out_a_tree
# Nothing of the repository is in reach of what follows.
export PATH=/usr/local/bin:/usr/bin:/bin
unset HEDDLE_ROOT HEDDLE_CC HEDDLE_CXX HEDDLE_RUNTIME
"$root/heddle" install --prefix "$prefix" 2>/dev/null || fail "heddle install failed"
export PATH=$prefix/bin:$PATH
