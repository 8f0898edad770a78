#!/usr/bin/env bash
# build.sh: OSS-Fuzz and ClusterFuzzLite call it: every fuzz target, as $FUZZING_ENGINE and
# $SANITIZER want it, with its corpus, dictionary and options, into $OUT.
#
# FUZZ_TARGETS (default: all) and BAZEL_STARTUP are for trying it by hand.
set -eu

: "${OUT:?the folder for the targets}"
cd "$(dirname "$(readlink -f "$0")")"
[ -e WORKSPACE ] || cd "${SRC:+$SRC/heddle}" 2>/dev/null || cd "$(git rev-parse --show-toplevel)"

case ${FUZZING_ENGINE:-libfuzzer} in
libfuzzer | afl) engine=${FUZZING_ENGINE:-libfuzzer} ;;
*)
    echo "build.sh: no engine '$FUZZING_ENGINE' here: libfuzzer or afl" >&2
    exit 1
    ;;
esac
case ${SANITIZER:-address} in
address | undefined) config=asan-$engine ;; # one build looks for both
thread) config=tsan-$engine ;;
none) config=$engine ;;
*)
    echo "build.sh: no sanitizer '$SANITIZER' here: address, undefined, thread or none" >&2
    exit 1
    ;;
esac

targets=()
for name in ${FUZZ_TARGETS:-$(sed -n 's/^    name = "\([a-z0-9_]*\)_fuzz_test",$/\1/p' fuzz/BUILD)}; do
    targets+=("//fuzz:${name}_fuzz_test_oss_fuzz")
done
# shellcheck disable=SC2086 # words
bazel ${BAZEL_STARTUP-} build --config="$config" "${targets[@]}"
# shellcheck disable=SC2086
bin=$(bazel ${BAZEL_STARTUP-} info --config="$config" bazel-bin)
for target in "${targets[@]}"; do
    tar -C "$OUT" --no-same-owner -xf "$bin/fuzz/${target#//fuzz:}.tar"
done
