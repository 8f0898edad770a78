#!/usr/bin/env bash
# build_test.sh WORKSPACE: build.sh with the variables that OSS-Fuzz sets, for one target; what it
# leaves in $OUT is what ClusterFuzz looks for, and the fuzzer runs there.
set -eu

cd "$(dirname "$(readlink -f "$1")")"
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT
export OUT FUZZING_ENGINE=libfuzzer SANITIZER=address FUZZ_TARGETS=h1
fuzz/oss/build.sh
for file in h1_fuzz_test h1_fuzz_test.dict h1_fuzz_test.options h1_fuzz_test_seed_corpus.zip; do
    [ -s "$OUT/$file" ] || { echo "no $file"; exit 1; }
done
cd /
"$OUT/h1_fuzz_test" -runs=1000 -dict="$OUT/h1_fuzz_test.dict" >"$OUT/log" 2>&1 || { cat "$OUT/log"; exit 1; }
grep -q '^Done 1000 runs' "$OUT/log"
! FUZZING_ENGINE=none "$OLDPWD/fuzz/oss/build.sh" 2>/dev/null
