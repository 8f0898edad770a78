#!/usr/bin/env bash
# tidy.sh FILE... -- FLAG...: clang-tidy as the test of one library. Runs in the root of its runfiles.
set -eu

if ! command -v clang-tidy-19 >/dev/null; then
    echo "clang-tidy-19 is not installed"
    exit 1
fi
files=()
while [ "$1" != -- ]; do
    files+=("$1")
    shift
done
shift
# Without the counts of warnings elsewhere, and with paths as they are in the tree.
clang-tidy-19 --quiet --config-file=.clang-tidy "${files[@]}" -- \
    -std=c11 -D_GNU_SOURCE -iquote . "$@" 2>&1 |
    sed -e '/warnings\? generated\.$/d' -e '/treated as errors\?$/d' -e "s|$PWD/||g"
exit "${PIPESTATUS[0]}"
