#!/usr/bin/env bash
# build_test.sh WORKSPACE CASE: build.sh with the variables that OSS-Fuzz sets, for every target;
# then each of them is run where OSS-Fuzz runs it: all there is is $OUT, which it cannot write to,
# the folder it stands in is another, and the user is nobody.
#
# CASE: address-libfuzzer, undefined-libfuzzer, address-afl. FUZZ_TARGETS: some of the targets.
set -eu

fail()
{
    echo "$*" >&2
    exit 1
}

root=$(dirname "$(readlink -f "$1")")
here=$(mktemp -d)
trap 'chmod -R u+w "$here"; rm -rf "$here"' EXIT
chmod 755 "$here"
export SRC=$here/src OUT=$here/out WORK=$here/work ARCHITECTURE=x86_64 FUZZING_LANGUAGE=c
export SANITIZER=${2%-*} FUZZING_ENGINE=${2#*-}
mkdir "$SRC" "$OUT" "$WORK"
ln -s "$root" "$SRC/heddle"

# As base-builder's compile and compile_afl say them.
CFLAGS="-O1 -fno-omit-frame-pointer -gline-tables-only -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
case $SANITIZER in
address) CFLAGS+=" -fsanitize=address -fsanitize-address-use-after-scope" ;;
undefined)
    checks=array-bounds,bool,builtin,enum,function,integer-divide-by-zero,null,object-size,return
    checks+=,returns-nonnull-attribute,shift,signed-integer-overflow,unreachable,vla-bound,vptr
    CFLAGS+=" -fsanitize=$checks -fno-sanitize-recover=$checks"
    ;;
esac
case $FUZZING_ENGINE in
libfuzzer)
    export CC=clang-19 CXX=clang++-19 LIB_FUZZING_ENGINE=-fsanitize=fuzzer
    CFLAGS+=" -fsanitize=fuzzer-no-link"
    ;;
afl)
    cp /usr/lib/afl/libAFLDriver.a "$WORK/libFuzzingEngine.a"
    export CC=afl-clang-fast CXX=afl-clang-fast++ LIB_FUZZING_ENGINE=$WORK/libFuzzingEngine.a
    ;;
esac
export CFLAGS CXXFLAGS=$CFLAGS
# There clang and lld are of one version.
mkdir "$here/bin"
ln -s "$(command -v ld.lld-19)" "$here/bin/ld.lld"
export PATH=$here/bin:$PATH
cp "$root/fuzz/oss/build.sh" "$SRC/build.sh"
(cd "$SRC/heddle" && bash -eux "$SRC/build.sh") >"$here/log" 2>&1 || {
    tail -n 60 "$here/log"
    fail "build.sh"
}
! SANITIZER=memory "$SRC/build.sh" 2>/dev/null || fail "a sanitizer that is not there was taken"
! ARCHITECTURE=i386 "$SRC/build.sh" 2>/dev/null || fail "an architecture that is not there was taken"

run() # FUZZER ARGUMENT...: as nobody, somewhere else, with nothing in the environment
{
    setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH=/usr/bin:/bin \
        "${afl_environment[@]}" "$@" >"$here/run" 2>&1 </dev/null || {
        tail -n 40 "$here/run"
        fail "$*"
    }
}

chmod -R a+rX,a-w "$OUT"
mkdir -m 777 "$here/elsewhere"
cd "$here/elsewhere"
afl_environment=(AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
    AFL_FORKSRV_INIT_TMOUT=60000 ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0)
[ "$FUZZING_ENGINE" = afl ] || afl_environment=(HOME=/nonexistent)
count=0
for zip in "$OUT"/*_seed_corpus.zip; do
    fuzzer=${zip%_seed_corpus.zip}
    name=${fuzzer##*/}
    [[ $name =~ ^[a-zA-Z0-9_-]+$ ]] || fail "$name: OSS-Fuzz wants other names"
    [ -x "$fuzzer" ] && [ -e "$fuzzer.dict" ] && [ -s "$fuzzer.options" ] || fail "$name: not all is there"
    ! ldd "$fuzzer" | grep -E 'not found|=> /' | grep -vE "lib(c|m|dl|rt|pthread|resolv|gcc_s)\.so\.|=> $OUT/lib/" ||
        fail "$name wants a library that is not there"
    mkdir -m 777 "seeds-$name"
    unzip -q "$zip" -d "seeds-$name"
    chmod -R a+rX "seeds-$name"
    case $FUZZING_ENGINE in
    libfuzzer)
        run "$fuzzer" -runs=500 -max_total_time=60 $([ ! -s "$fuzzer.dict" ] || echo "-dict=$fuzzer.dict") "seeds-$name"
        grep -qE '^Done [0-9]+ runs' "$here/run" || fail "$name did not run"
        grep -qE 'INITED cov: [1-9][0-9]+' "$here/run" || fail "$name: nothing is covered"
        ;;
    afl)
        run "$fuzzer" "seeds-$name"/*
        run afl-fuzz -i "seeds-$name" -o "out-$name" -t 5000+ -V 3 -- "$fuzzer"
        grep -qE '^execs_done +: [1-9]' "out-$name/default/fuzzer_stats" || fail "$name did not run"
        grep -E '^(execs_done|stability|edges_found)' "out-$name/default/fuzzer_stats" | tr -s '\n ' ' '
        ;;
    esac
    count=$((count + 1))
    echo "$name runs"
done
[ $count -gt 0 ]
