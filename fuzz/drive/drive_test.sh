#!/usr/bin/env bash
# drive_test.sh: sessions of `heddle fuzz` on the target trial.c, from their beginning to their end,
# under one engine.
# shellcheck source=../../sim/e2e/cases.sh disable=SC2154 # case_dir, out, err, status
. "${TEST_SRCDIR:-.}/${TEST_WORKSPACE:-.}/sim/e2e/cases.sh"

engine=${options[engine]}
drive=$PWD/${options[drive]}
unset TRIAL

# The program is a copy, so that what is left running is known by its path.
start_here()
{
    cp "$PWD/${options[program]}" "$case_dir/trial"
    mkdir "$case_dir/seeds"
    for seed in hello fello sello oello; do
        printf $seed >"$case_dir/seeds/$seed"
    done
    command=("$drive" --target trial --engine "$engine" --build plain --program "$case_dir/trial"
        --seeds "$case_dir/seeds" --dict /dev/null --out "$case_dir/out.d")
}

expect_line() # FILE REGEX
{
    grep -qE -e "$2" "$1" && return
    show "$1"
    fail "no line of $1 is like: $2"
}

expect_nothing_left()
{
    local exe
    for exe in /proc/[0-9]*/exe; do
        [ "$(readlink "$exe" 2>/dev/null || true)" != "$case_dir/trial" ] || fail "$exe is still running"
    done
    ! compgen -G "crash-*" || fail "the engine left something where it was started"
    ! compgen -G "$case_dir/out.d/session.*" || fail "the session's folder is still there"
}

declare -A keep_going_time=([libfuzzer]=4s [afl]=10s)

# About as many runs as an engine needs to find what two bytes hide.
runs()
{
    case $engine in
    libfuzzer) echo -- -runs=20000 ;;
    afl) echo ;;
    esac
}

finding_is_kept_and_replays()
{
    start_here
    TRIAL=f run_expecting 1 "${command[@]}" --time 20s --json
    [ "$(jq -r '[.findings[] | .title] | join(",")' "$out")" = "trial: the first" ] || { show "$out"; fail "what was found"; }
    jq -e '.findings[0] | .replays and .replays_tried == 3 and .replays_same == 3' "$out" >/dev/null ||
        { show "$out"; fail "it does not replay"; }
    jq -e '.stability == 100 and .edges > 2 and .runs > 0 and .inputs > 0' "$out" >/dev/null || { show "$out"; fail "figures"; }
    [ "$(jq .seconds "$out" | cut -d. -f1)" -lt 20 ] || fail "it went on behind the first finding"
    found=$(jq -r '.findings[0].reproducer' "$out")
    [ "$(head -c 2 "$found")" = fo ] || fail "$found is none"
    TRIAL=f run_expecting 1 "${command[@]}" --replay "$found" "$case_dir/seeds/hello"
    expect_line "$out" "^$found: trial: the first$"
    expect_line "$out" "^$case_dir/seeds/hello: nothing found$"
    run_expecting 0 "${command[@]}" --replay "$case_dir/seeds/hello"
    # What is not fixed is found again, first of all.
    expect_nothing_left
}

nothing_is_found()
{
    start_here
    # shellcheck disable=SC2046 # words
    TRIAL='' run_expecting 0 "${command[@]}" --time 1s $(runs)
    expect_line "$out" "^trial \($engine, plain\): [0-9]+ runs in [0-9.]+ s, [0-9]+/s; stability 100.00 %; [0-9]+ edges, [0-9]+ inputs; nothing found$"
    compgen -G "$case_dir/out.d/corpus/*" >/dev/null || fail "no input is kept"
    expect_nothing_left
}

keep_going_finds_all()
{
    start_here
    printf second >"$case_dir/seeds/second"
    TRIAL=fs run_expecting 1 "${command[@]}" --time "${keep_going_time[$engine]}" --keep-going --json
    [ "$(jq -r '[.findings[] | .title] | sort | join(",")' "$out")" = "trial: the first,trial: the second" ] ||
        { show "$out"; fail "not both are found"; }
    jq -e 'all(.findings[]; .replays)' "$out" >/dev/null || fail "they do not replay"
    expect_nothing_left
}

seed_can_be_a_finding()
{
    start_here
    printf 'sesquipedalian seed' >"$case_dir/seeds/long"
    # shellcheck disable=SC2046 # words
    TRIAL=l run_expecting 1 "${command[@]}" --time 2s $(runs)
    expect_line "$out" '^finding: trial: the third$'
    rm "$case_dir"/seeds/*o
    TRIAL=l run_expecting 1 "${command[@]}" --time 2s --json
    jq -e '.findings[0] | .title == "trial: the third" and .replays' "$out" >/dev/null ||
        { show "$out"; fail "the only seed is a finding"; }
    expect_nothing_left
}

what_does_not_replay_says_so()
{
    start_here
    TRIAL=c run_expecting 1 "${command[@]}" --time 5s --json
    jq -e '.findings[0] | (.replays | not) and (.title | startswith("not again"))' "$out" >/dev/null ||
        { show "$out"; fail "it seems to replay"; }
}

# An interrupt ends the session within two seconds, with its summary.
interrupt_ends_it() # SIGNAL OPTION...
{
    local signal=$1 begun pid ended=0
    shift
    start_here
    TRIAL='' "${command[@]}" --time 60s "$@" >"$case_dir/out" 2>"$case_dir/err" &
    pid=$!
    sleep 1.5
    begun=$(date +%s%N)
    kill -"$signal" $pid
    wait $pid || ended=$?
    [ $ended -eq 0 ] || { show "$case_dir/err"; fail "exit $ended"; }
    [ $((($(date +%s%N) - begun) / 1000000)) -lt 2500 ] || fail "it took $((($(date +%s%N) - begun) / 1000000)) ms to end"
    expect_line "$case_dir/out" "^trial \($engine, plain\): [0-9]+ runs in .*nothing found$"
    expect_nothing_left
}

killed_it_leaves_nobody()
{
    local pid
    start_here
    TRIAL='' "${command[@]}" --time 60s >/dev/null 2>&1 &
    pid=$!
    sleep 1.5
    kill -KILL $pid
    wait $pid || true
    sleep 0.5
    rm -r "$case_dir"/out.d/session.*
    expect_nothing_left
}

progress_is_one_line()
{
    start_here
    TRIAL='' script -qec "stty cols 60; ${command[*]} --time 2s" "$case_dir/typescript" >/dev/null </dev/null
    tr '\r' '\n' <"$case_dir/typescript" >"$case_dir/lines"
    [ "$(grep -c "K""trial ($engine, plain): .* runs, .*/s" "$case_dir/lines")" -ge 3 ] || { show "$case_dir/lines"; fail "no progress"; }
    # Rewritten in place: nothing but the summary ends a line. None is longer than the terminal.
    [ "$(grep -c $'\n' "$case_dir/typescript")" -le 6 ] || { show "$case_dir/typescript"; fail "more than a line"; }
    ! sed 's/\x1b\[K//' "$case_dir/lines" | grep 's left\|runs, ' | grep -E '.{60}' || fail "longer than the terminal"
    expect_line "$case_dir/lines" 'nothing found'
}

nonsense_is_refused()
{
    start_here
    run_expecting 2 "${command[@]}" --tiem 5s
    expect_line "$err" 'time'
    run_expecting 2 "${command[@]}" --time 5
    run_expecting 2 "${command[@]}" --time 0s
    run_expecting 2 "${command[@]}" what
    expect_line "$err" "what is 'what'"
    run_expecting 2 "${command[@]}" --replay
    expect_line "$err" 'files'
    run_expecting 3 "${command[@]}" --replay "$case_dir/not-there"
    expect_line "$err" 'not-there'
    run_expecting 2 "${command[@]}" --engine honggfuzz
    run_expecting 125 "${command[@]}" --out /proc/heddle
    run_expecting 125 "${command[@]}" --program /bin/false --time 2s
    expect_line "$err" 'did not run'
    run_expecting 125 "${command[@]}" --program "$case_dir/not-there" --time 2s
}

run_case finding_is_kept_and_replays finding_is_kept_and_replays
run_case nothing_is_found nothing_is_found
run_case keep_going_finds_all keep_going_finds_all
run_case seed_can_be_a_finding seed_can_be_a_finding
run_case what_does_not_replay_says_so what_does_not_replay_says_so
run_case interrupt_ends_it interrupt_ends_it INT
run_case termination_ends_it interrupt_ends_it TERM --keep-going
run_case killed_it_leaves_nobody killed_it_leaves_nobody
run_case progress_is_one_line progress_is_one_line
run_case nonsense_is_refused nonsense_is_refused
end_cases
