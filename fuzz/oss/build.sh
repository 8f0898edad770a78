#!/usr/bin/env bash
# build.sh: OSS-Fuzz and ClusterFuzzLite call it: every fuzz target, with its corpus, dictionary and
# options, into $OUT.
#
# What is compiled and linked is what the environment says: $CC and $CFLAGS, $CXX, $CXXFLAGS and
# $LIB_FUZZING_ENGINE. Of their meaning only this is known here: with $SANITIZER address the
# simulator tells ASan about its stacks, and the simulator itself is never instrumented, whatever
# $CFLAGS say, since it swaps stacks under what is.
#
# Not for memory (gnutls and others would have to be built with it too), nor for 32 bits.
# FUZZ_TARGETS (default: all) and BAZEL_STARTUP are for trying it by hand.
set -eu

: "${OUT:?}" "${WORK:?}" "${CC:?}" "${CXX:?}" "${LIB_FUZZING_ENGINE:?}"
cd "$(dirname "$(readlink -f "$0")")"
[ -e ../../WORKSPACE ] || cd "${SRC:?}/heddle/fuzz/oss"
cd ../..

case ${SANITIZER:-address} in
address) own=(--define=build=asan --copt=-DHEDDLE_BUILD_ASAN=1) ;;
undefined | none | coverage) own=() ;;
*)
    echo "build.sh: no sanitizer '$SANITIZER' here: address, undefined, coverage or none" >&2
    exit 1
    ;;
esac
case ${ARCHITECTURE:-x86_64} in
x86_64 | aarch64) ;;
*)
    echo "build.sh: no architecture '$ARCHITECTURE' here: x86_64 or aarch64" >&2
    exit 1
    ;;
esac
case ${FUZZING_ENGINE:-libfuzzer} in
none)
    echo "build.sh: no engine, no fuzzers" >&2
    exit 1
    ;;
esac

# What is covered, beside core: as for our own engines.
covered=$(sed -n 's/^build:afl --per_file_copt=\([^@]*\)@.*/\1/p' .bazelrc)
coverage=
for flag in ${CFLAGS-}; do
    case $flag in
    -fsanitize=fuzzer-no-link | -fsanitize-coverage=*) coverage=${coverage:+$coverage,}${flag//,/\\,} ;;
    esac
done

# Bazel links with the compiler of C; here it is that of C++ which knows its way to the engine.
# Compilers that instrument by themselves, as AFL++'s, are told what is to be; the targets are not,
# because world.c knows symbols of AFL++'s by names that its compiler takes for itself.
CC=$(command -v "${CC%% *}")${CC#"${CC%% *}"}
CXX=$(command -v "${CXX%% *}")${CXX#"${CXX%% *}"}
key=$(printf '%s\n' "$CC" "$CXX" "$covered" | sha256sum | cut -c1-16)
compiler=$WORK/heddle-cc-$key
mkdir -p "$WORK"
printf '%s\n' '*core/*' '*sim/input/*' '*sim/actor/http.c' '*sim/actor/tls.c' |
    sed 's/^/src: /' >"$compiler.covered"
cat >"$compiler" <<END
#!/bin/sh
export PATH="$PATH" AFL_LLVM_ALLOWLIST="$compiler.covered" AFL_QUIET=1
for argument; do
    case \$argument in
    -c | -E) exec $CC "\$@" ;;
    esac
done
exec $CXX "\$@"
END
chmod +x "$compiler"

options=(
    --repo_env=CC="$compiler"
    --repo_env=BAZEL_LINKOPTS= # the standard library is its business
    --symlink_prefix=/
    --spawn_strategy=standalone # in a container there may be no other
    --platform_suffix="-oss-$key"
    --define=engine=environment
    --define=LIB_FUZZING_ENGINE="$LIB_FUZZING_ENGINE"
    --linkopt=-fuse-ld=lld
    # Nothing but $OUT is there when it runs; libraries' own libraries are looked for there too.
    --linkopt='-Wl,-rpath,$ORIGIN/lib,--disable-new-dtags'
    "${own[@]}"
)
for flag in ${CFLAGS-}; do
    options+=(--copt="$flag")
done
for flag in ${CXXFLAGS-}; do
    options+=(--linkopt="$flag")
done
[ -z "$coverage" ] || options+=(--per_file_copt="$covered@$coverage")
case $coverage in
*fuzzer-no-link*) # the depth of a stack depends on where the simulator began it
    options+=(--per_file_copt='.*@-fno-sanitize-coverage=stack-depth')
    ;;
esac
# Another clang has other warnings.
options+=(--per_file_copt='.*@-Wno-error,-Wno-unknown-warning-option')

targets=()
for name in ${FUZZ_TARGETS:-$(sed -n 's/^    name = "\([a-z0-9_]*\)_fuzz_test",$/\1/p' fuzz/BUILD)}; do
    targets+=("//fuzz:${name}_fuzz_test_oss_fuzz")
done
# shellcheck disable=SC2086 # words
bazel ${BAZEL_STARTUP-} build "${options[@]}" "${targets[@]}"
# shellcheck disable=SC2086
bin=$(bazel ${BAZEL_STARTUP-} info "${options[@]}" bazel-bin)
mkdir -p "$OUT/lib"
for target in "${targets[@]}"; do
    tar -C "$OUT" --no-same-owner -xf "$bin/fuzz/${target#//fuzz:}.tar"
    # Libraries that the image which runs it does not have.
    fuzzer=${target#//fuzz:}
    ldd "$OUT/${fuzzer%_oss_fuzz}" | awk '$2 == "=>" { print $1, $3 }' |
        while read -r name file; do
            case $name in
            libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libresolv.so.* | libgcc_s.so.*) ;;
            *) [ -e "$OUT/lib/$name" ] || cp -L "$file" "$OUT/lib/$name" ;;
            esac
        done
done
