#!/usr/bin/env bash
# cc_test.sh: the launcher installs into a folder of the test's, and the compilers found there build
# programs in the ways of build systems. Each runs natively as it should, and `heddle explore` finds
# the bug in it.
# shellcheck source=installed.sh disable=SC1091,SC2154
. sim/cc/installed.sh

sources=$here/testdata
lost_update='expectation: .* status 7'

installs_what_a_user_expects()
{
    local file
    run_expecting 0 "$root/heddle" install --destdir "$case_dir/staged" --prefix=/opt/heddle
    for file in bin/heddle bin/heddle-cc bin/heddle-c++ lib/heddle/runtime.o \
        lib/heddle/runtime.flags share/man/man1/heddle.1 share/man/man1/heddle-cc.1 \
        share/man/man1/heddle-c++.1 share/bash-completion/completions/heddle \
        share/zsh/site-functions/_heddle share/fish/vendor_completions.d/heddle.fish \
        share/doc/heddle/LICENSE share/heddle/scenarios/fd/soft_stop_during_accept.scn; do
        [ -s "$case_dir/staged/opt/heddle/$file" ] || fail "no $file"
    done
    run_expecting 2 "$root/heddle" install --prefix
    run_expecting 2 "$root/heddle" install elsewhere
}

works_without_a_source_tree()
{
    [ "$(command -v heddle)" = "$prefix/bin/heddle" ] || fail "another heddle is in PATH"
    run_expecting 0 heddle explore fd/soft_stop_during_accept --schedules 20
    run_expecting 0 heddle cc -dumpmachine
    grep -q x86_64 "$out"
    run_expecting 0 heddle c++ "$sources/threads.cc" -o program
    run_expecting 0 ./program
    run_expecting 0 heddle cc "$sources/lost_update.c" -o program
    run_expecting 1 heddle explore ./program --out found
    grep -qE "^  replay +heddle replay found/" "$out" || { show "$out" && fail "another command"; }
    run_expecting 1 heddle replay found/*.scn
}

completes_words()
{
    # shellcheck disable=SC1091
    . "$prefix/share/bash-completion/completions/heddle"
    # shellcheck disable=SC2034
    COMP_WORDS=(heddle explore --poi) COMP_CWORD=2
    _heddle
    [ "${COMPREPLY[*]}" = --points ] || fail "--poi: ${COMPREPLY[*]}"
    COMP_WORDS=(heddle explore --points m) COMP_CWORD=3
    _heddle
    [ "${COMPREPLY[*]}" = memory ] || fail "--points m: ${COMPREPLY[*]}"
    # shellcheck disable=SC2034
    COMP_WORDS=(heddle expl) COMP_CWORD=1
    _heddle
    [ "${COMPREPLY[*]}" = "explore explain" ] || fail "expl: ${COMPREPLY[*]}"
}

compiles_then_links()
{
    heddle-cc -O2 -Wall -Werror -MD -MF deps.d -c "$sources/lost_update.c" -o a.o
    grep -q lost_update.c deps.d
    heddle-cc -Werror a.o -o program
    expect_bug "$lost_update" ./program
}

compiles_and_links_at_once()
{
    cp "$sources"/{part_main,part_work}.c .
    heddle-cc -O2 part_main.c part_work.c
    expect_bug "$lost_update" ./a.out
}

links_a_static_library()
{
    heddle-cc -c "$sources/part_work.c" -o work.o
    ar rcs libwork.a work.o
    heddle-cc "$sources/part_main.c" -L. -lwork -lm -o program
    expect_bug "$lost_update" ./program
}

links_a_shared_library() # also one that wants all names defined
{
    heddle-cc -fPIC -shared -Wl,-z,defs "$sources/part_work.c" -o libwork.so
    heddle-cc "$sources/part_main.c" -L. -lwork "-Wl,-rpath,$PWD" -o program
    expect_bug "$lost_update" ./program
}

links_relocatable_objects_and_collects_garbage()
{
    heddle-cc -c "$sources/part_main.c" -o main.o
    heddle-cc -c -ffunction-sections "$sources/part_work.c" -o work.o
    heddle-cc -r main.o work.o -o both.o
    heddle-cc -s -Wl,--gc-sections both.o -o program
    expect_bug "$lost_update" ./program
}

reads_response_files_and_names_with_spaces()
{
    cp "$sources/part_main.c" 'the main.c'
    cp "$sources/part_work.c" 'the work.c'
    printf '%s\n' '-O1 "the work.c"' "-o 'a program'" >words.rsp
    heddle-cc 'the main.c' @words.rsp
    expect_bug "$lost_update" './a program'
}

reads_standard_input()
{
    heddle-cc -O1 -x c - -o program <"$sources/lost_update.c"
    expect_bug "$lost_update" ./program
}

stays_what_build_systems_probe_for()
{
    run_expecting 0 heddle-cc --version
    grep -q clang "$out"
    run_expecting 0 heddle-c++ -v
    grep -q 'Target: x86_64' "$err"
    [ "$(heddle-cc -print-prog-name=nothing)" = nothing ]
    run_expecting 0 heddle-cc -E -dM -x c /dev/null
    grep -q '__x86_64__ 1' "$out"
    [ -z "$(heddle-cc -Werror -E "$sources/lost_update.c" 2>&1 >/dev/null)" ]
    run_expecting 0 heddle-cc -M "$sources/lost_update.c"
    grep -q '^lost_update.o: ' "$out"
    run_expecting 1 heddle-cc
    grep -q 'no input files' "$err"
    run_expecting 1 heddle-cc -c /nowhere.c
}

passes_assembly_through()
{
    heddle-cc -Werror -c "$sources/answer.s" -o s.o
    heddle-cc -Werror "$sources/calls_answer.c" s.o -o program
    expect_no_bug ./program
    heddle-cc -Werror "$sources/calls_answer.c" "$sources/answer.s" -o program
    run_expecting 0 ./program
}

links_at_other_optimisation_and_place() # OPTION...
{
    heddle-cc "$@" "$sources/lost_update.c" -o program
    expect_bug "$lost_update" ./program
}

sees_every_kind_of_atomic()
{
    heddle-cc -O2 "$sources/atomics.c" -o program
    expect_no_bug ./program
    heddle-cc -O2 -DPLANT "$sources/atomics.c" -o program
    expect_bug "$lost_update" ./program
}

runs_cxx_threads() # COMPILER OPTION...
{
    local compiler=$1
    shift
    HEDDLE_CXX=$compiler heddle-c++ "$@" "$sources/threads.cc" -o program
    expect_no_bug ./program
    HEDDLE_CXX=$compiler heddle-c++ "$@" -DPLANT "$sources/threads.cc" -o program
    expect_bug "$lost_update" ./program
}

waits_as_cxx20_does()
{
    heddle-c++ -std=c++20 -O1 "$sources/waits.cc" -o program
    expect_no_bug ./program
    heddle-cc "$sources/futex.c" -o program
    expect_no_bug ./program
    heddle-cc -DPLANT "$sources/futex.c" -o program
    run_expecting 1 heddle explore ./program --time ${seconds}s --out found
    grep -q '^lost-wakeup: futex' "$out" || { show "$out" && fail "another title"; }
}

links_cxx_with_the_c_compiler() # and with operators of its own
{
    heddle-c++ -O1 -c "$sources/twice.cc" -o twice.o
    printf 'int twice(int);\nint main(void) { return twice(2) - 4; }\n' >main.c
    heddle-cc main.c twice.o -lstdc++ -o program
    expect_no_bug ./program
    heddle-c++ -DOWN_OPERATORS -c "$sources/twice.cc" -o own.o
    heddle-cc -c main.c
    heddle-c++ main.o own.o -o program
    expect_no_bug ./program
    heddle-cc -fuse-ld=bfd main.c twice.o -lstdc++ -o program
    expect_no_bug ./program
}

builds_with_gcc()
{
    export HEDDLE_CC=gcc
    cp "$sources"/{part_main,part_work}.c .
    run_expecting 0 heddle-cc --version
    grep -q 'Free Software Foundation' "$out"
    heddle-cc -O2 -Wall -Werror part_main.c part_work.c -o program
    expect_bug "$lost_update" ./program
    heddle-cc -fPIC -shared -fsanitize=thread part_work.c -o libwork.so
    heddle-cc -c part_main.c
    heddle-cc part_main.o -L. -lwork "-Wl,-rpath,$PWD" -fsanitize=thread -o program
    expect_bug "$lost_update" ./program
    run_expecting 1 heddle-cc /nowhere.c
}

traps_undefined_behaviour()
{
    heddle-cc -fsanitize=undefined "$sources/shifts.c" -o program
    run_expecting 0 ./program
    run_expecting 0 heddle explore ./program --schedules 20
    run_expecting 1 heddle explore ./program --schedules 20 --out found -- far
}

warns_of_locking_assembly()
{
    mkdir inc
    printf '%s\n' '#define LOCK "lock; "' \
        'static inline void inc(int *p) { __asm__ volatile(LOCK "incl %0" : "+m"(*p)); }' >inc/at.h
    printf '%s\n' '#include <stdio.h>' '#include <at.h>' \
        'int main(void) { int x = 0; inc(&x); return x - 1; }' >a.c
    heddle-cc -Iinc -MD -c a.c 2>said
    [ "$(grep -c warning said)" -eq 1 ] || fail "$(cat said)"
    grep -qF 'heddle cc: warning: inc/at.h:2: inline assembly locks memory (lock)' said
    grep -q '^a.o:' a.d
    heddle-cc -w -Iinc -c a.c 2>said
    [ ! -s said ] || fail "-w: $(cat said)"
    printf '%s\n' 'void f(void) { __asm__("pause"); }' >b.c
    heddle-cc -c b.c 2>said
    [ ! -s said ] || fail "$(cat said)"
}

refuses() # TEXT ARGUMENT...
{
    local text=$1
    shift
    run_expecting 1 heddle-cc "$@"
    grep -qF -- "heddle cc: error: $text" "$err" || { show "$err" && fail "no '$text'"; }
}

refuses_what_cannot_be()
{
    refuses '-m32: ' -m32 -c "$sources/lost_update.c"
    refuses '-fsanitize=address: ' -fsanitize=address "$sources/lost_update.c"
    refuses '-static: ' -static "$sources/lost_update.c"
    HEDDLE_CC=nothing refuses 'HEDDLE_CC=nothing: there is no such' -c "$sources/lost_update.c"
    HEDDLE_CC=heddle-cc refuses 'HEDDLE_CC=heddle-cc: this is the wrapper' --version
    HEDDLE_CC=/bin/true refuses 'HEDDLE_CC=/bin/true: neither' --version
    HEDDLE_RUNTIME=/nowhere refuses 'its runtime' "$sources/lost_update.c"
}

needs_no_runtime_for_what_it_cannot_watch()
{
    printf '%s\n' 'void _start(void) { for (;;) ; }' >bare.c
    heddle-cc -nostdlib -static bare.c -o bare
    ! nm bare | grep -q __tsan_ || fail "instrumented"
}

for name in installs_what_a_user_expects works_without_a_source_tree completes_words \
    compiles_then_links compiles_and_links_at_once links_a_static_library links_a_shared_library \
    links_relocatable_objects_and_collects_garbage reads_response_files_and_names_with_spaces \
    reads_standard_input stays_what_build_systems_probe_for passes_assembly_through \
    sees_every_kind_of_atomic waits_as_cxx20_does links_cxx_with_the_c_compiler builds_with_gcc \
    traps_undefined_behaviour warns_of_locking_assembly \
    refuses_what_cannot_be needs_no_runtime_for_what_it_cannot_watch; do
    run_case $name in_folder $name
done
for options in -O0 "-O2 -no-pie -fno-pie" "-O3 -flto" "-O1 -fuse-ld=bfd" "-g0 -fomit-frame-pointer"; do
    # shellcheck disable=SC2086
    run_case "links ${options// /_}" in_folder links_at_other_optimisation_and_place $options
done
run_case "runs_cxx_threads clang" in_folder runs_cxx_threads clang++-19 -O1 -std=c++20
run_case "runs_cxx_threads gcc" in_folder runs_cxx_threads g++ -O1 -std=c++20
end_cases
