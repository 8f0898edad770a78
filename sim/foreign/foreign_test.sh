#!/usr/bin/env bash
# foreign_test.sh: programs built with the wrapper are run again and again: nothing of a run is left
# for the next one, however it ends, and every process says the same.
# shellcheck source=../e2e/cases.sh
. sim/e2e/cases.sh

heddle=$PWD/sim/cli/heddle
programs=$PWD/sim/foreign
server=$PWD/scenarios/programs/server

heddle()
{
    "$heddle" "$@"
}

# WORD is somewhere in what the last command printed.
expect_words() # FILE WORD...
{
    local file=$1 word
    shift
    for word; do
        grep -qF -- "$word" "$file" || { show "$file" && fail "no '$word'"; }
    done
}

hash_of() # ARGUMENT...: of replay
{
    heddle replay --hash "$@"
}

nothing_is_left_over() # PROGRAM ARGUMENT...
{
    local program=$programs/$1 first
    shift
    run_expecting 0 heddle explore "$program" --schedules 400 --isolate restart -- "$@"
    run_expecting 0 heddle explore "$program" --schedules 400 --points memory -- "$@"
    [ ! -s "$err" ] || { show "$err" && fail "it says something"; }
    run_expecting 0 heddle explore "$program" --schedules 40 --isolate process -- "$@"
    run_expecting 0 heddle replay "$program" --times 50 -- "$@"
    first=$(hash_of "$program" --seed 7 --strategy random -- "$@")
    [ "$first" = "$(hash_of "$program" --seed 7 --strategy random -- "$@")" ] || fail "another hash"
    [ "$first" = "$(hash_of "$program" --seed 7 --strategy random --isolate process -- "$@")" ] ||
        fail "another hash in a process of its own"
}

both_ways_search_alike()
{
    local way
    for way in restart process; do
        run_expecting 0 heddle explore "$programs/objects" --schedules 150 --isolate $way
        sed 's/ in [0-9.]*s.*//' "$out" >"$case_dir/$way"
    done
    expect_words "$case_dir/restart" '150 schedules' 'distinct behaviours'
    cmp "$case_dir/restart" "$case_dir/process" || { show "$case_dir/process" && fail "not alike"; }
}

output_is_kept_for_a_replay()
{
    run_expecting 0 heddle explore "$programs/state" --schedules 20
    ! grep -q 'by write' "$out" || fail "explore prints what the program prints"
    run_expecting 0 heddle replay "$programs/state"
    sed -n '/^  output$/,$p' "$out" >"$case_dir/output"
    printf '  output\n' >"$case_dir/expected"
    printf '    %s\n' constructed 'to stderr' 'by write' 'by dprintf' 'without an endat exit' \
        destructed >>"$case_dir/expected"
    cmp "$case_dir/output" "$case_dir/expected" || { show "$case_dir/output" && fail "other output"; }
    run_expecting 0 heddle replay "$programs/objects" --isolate process
    expect_words "$out" '+global, and too long' "-thread's own changed" 'thrown and caught' \
        '-made once, by whoever is first' '-global changed'
}

# TITLE is all that is found when the program ends so in some runs.
ends_by() # HOW TITLE
{
    cd "$case_dir"
    run_expecting 1 heddle explore "$programs/ends" --schedules 600 -k --isolate restart -- "$1"
    expect_words "$out" "$2" '1 finding:'
    local file=(heddle-out/*.scn)
    run_expecting 1 heddle replay "${file[0]}" --times 5
    expect_words "$out" "$2" '5 runs, one trace'
    run_expecting 1 heddle explore "$programs/ends" --schedules 60 -k --isolate process -- "$1"
    expect_words "$out" "$2" '1 finding:'
}

uncaught_exceptions_end_the_run()
{
    cd "$case_dir"
    run_expecting 1 heddle explore "$programs/objects" --schedules 10 -- throw
    expect_words "$out" 'assert: abort()'
}

state_out_of_reach_is_noticed()
{
    cd "$case_dir"
    run_expecting 0 heddle explore "$programs/survivor" --schedules 30
    [ "$(wc -l <"$err")" -eq 1 ] || { show "$err" && fail "not one line"; }
    expect_words "$err" 'state survives a restart' '--isolate=process'
    run_expecting 4 heddle explore "$programs/survivor" --schedules 30 --isolate restart
    run_expecting 2 heddle explore "$programs/survivor" --isolate sometimes
}

early_threads_are_noticed()
{
    run_expecting 125 heddle explore "$programs/early_thread" --schedules 10
    expect_words "$err" 'start 1 thread,' 'start them in main()'
    run_expecting 125 heddle explore "$programs/survivor" --strategy exhaustive
    run_expecting 0 heddle explore "$programs/objects" --strategy sticky --schedules 5
}

addresses_are_noticed()
{
    cd "$case_dir"
    run_expecting 4 heddle explore "$programs/address" --schedules 10
    expect_words "$err" 'another one in a new process' 'they part at step' 'main yields, in main'
}

arguments_arrive_as_they_are()
{
    cd "$case_dir"
    local words=('a b' '' '..' '1..5' '"q"' 'p%q' '#' $'tab\there' '--flag')
    run_expecting 0 heddle replay "$programs/arguments" -- "${words[@]}"
    sed -n '/^  output$/,$p' "$out" | tail -n +2 >"$case_dir/output"
    printf '    [%s]\n' "${words[@]}" | cmp - "$case_dir/output" ||
        { show "$case_dir/output" && fail "other arguments"; }
    run_expecting 1 heddle explore "$programs/arguments" --schedules 1
    expect_words "$out" 'ended with status 1' 'it printed nothing'
}

libraries_are_restarted_too()
{
    local name
    cd "$case_dir"
    for name in library library_user; do
        cp "$programs/testdata/$name.c" .
    done
    export HEDDLE_RUNTIME=$OLDPWD/sim/runtime
    "$OLDPWD/sim/cc/heddle-cc" -O1 -fPIC -shared library.c -o libown.so
    # shellcheck disable=SC2016
    "$OLDPWD/sim/cc/heddle-cc" -O1 library_user.c -o library_user -L. -lown '-Wl,-rpath,$ORIGIN'
    run_expecting 0 heddle explore ./library_user --schedules 200
    [ ! -s "$err" ] || { show "$err" && fail "it says something"; }
    run_expecting 0 heddle replay ./library_user --times 20
    expect_words "$out" 'number 0'
}

# FILE is refused with exit code 3 and one line that has WORDS.
refuses() # FILE WORDS
{
    run_expecting 3 heddle explore "$1" --schedules 1
    [ "$(wc -l <"$err")" -eq 1 ] || { show "$err" && fail "not one line"; }
    expect_words "$err" "$2"
}

misuse_is_told()
{
    cd "$case_dir"
    refuses ./missing 'No such file'
    cp /bin/true plain && refuses ./plain 'was not built with heddle cc'
    printf '#!/bin/sh\n' >script && chmod +x script && refuses ./script 'is a script'
    cp "$programs/arguments" setuid && chmod u+s setuid && refuses ./setuid 'setuid'
    cp "$programs/arguments" still && chmod -x still && refuses ./still 'may not be executed'
    cp "$programs/arguments" other && printf '\267' | dd of=other bs=1 seek=18 conv=notrunc status=none
    refuses ./other 'another machine'
    LC_ALL=C sed 's/Heddle\x00\x00\x01/Heddle\x00\x00\x7f/' "$programs/arguments" >newer
    chmod +x newer && refuses ./newer 'newer heddle'
    LC_ALL=C sed 's/Heddle\x00\x00\x01/Heddle\x00\x00\x00/' "$programs/arguments" >older
    chmod +x older && refuses ./older 'older heddle'
    printf 'node a\n    program ./gone\n' >gone.scn && refuses gone.scn './gone'
    printf 'node a\n    program ./gone\n    listen x\n' >bad.scn
    run_expecting 3 heddle check bad.scn
    expect_words "$err" 'bad.scn:3:5'
}

scenarios_talk_to_servers()
{
    cd "$case_dir"
    run_expecting 0 heddle explore "$server/echo.scn" --schedules 600
    run_expecting 0 heddle explore "$server/restarts.scn" --schedules 300
    run_expecting 0 heddle replay "$server/restarts.scn" --times 20
    [ "$(grep -c '^    stopped$' "$out")" -eq 2 ] || { show "$out" && fail "not stopped twice"; }
    [ "$(hash_of "$server/echo.scn")" = "$(hash_of "$server/echo.scn" --isolate process)" ] ||
        fail "another hash in a process of its own"
    # A server that answers otherwise is found out.
    sed 's/recv "again"/recv "other"/' "$server/echo.scn" >wrong.scn
    ln -s "$server/echo_server" .
    run_expecting 1 heddle explore wrong.scn --schedules 5
}

run_case nothing_of_c_is_left_over nothing_is_left_over state -a -b x y
run_case nothing_of_cxx_is_left_over nothing_is_left_over objects
run_case both_ways_search_alike both_ways_search_alike
run_case output_is_kept_for_a_replay output_is_kept_for_a_replay
run_case crash_in_printf_ends_the_run ends_by printf 'crash: segmentation fault'
run_case double_free_ends_the_run ends_by free 'double-free in call_free'
run_case crash_ends_the_run ends_by wild 'crash: segmentation fault in end'
run_case abort_ends_the_run ends_by abort 'assert: abort() in end'
run_case exit_ends_the_run ends_by exit 'ended with status 3'
run_case signal_ends_the_run ends_by kill 'ended by signal 9 (SIGKILL)'
run_case lost_memory_is_found ends_by leak 'leak: 1 block of 24 bytes allocated in end'
run_case stream_locked_at_the_end ends_by lock 'ended with status 4'
run_case uncaught_exceptions_end_the_run uncaught_exceptions_end_the_run
run_case state_out_of_reach_is_noticed state_out_of_reach_is_noticed
run_case early_threads_are_noticed early_threads_are_noticed
run_case addresses_are_noticed addresses_are_noticed
run_case arguments_arrive_as_they_are arguments_arrive_as_they_are
run_case libraries_are_restarted_too libraries_are_restarted_too
run_case misuse_is_told misuse_is_told
run_case scenarios_talk_to_servers scenarios_talk_to_servers
end_cases
