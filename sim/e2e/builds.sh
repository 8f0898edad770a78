#!/usr/bin/env bash
# builds.sh FLAGS BAZELRC: sim/builds.bzl and .bazelrc mean the same by explore, asan and tsan.
set -eu -o pipefail

[ -s "$1" ] || {
    echo "no flags in $1"
    exit 1
}
diff -u --label sim/builds.bzl --label .bazelrc \
    <(sort "$1") <(grep -E '^build:(explore|asan|tsan) --(copt|linkopt)=' "$2" | sort)
