#!/usr/bin/env bash
# fuzz_jobs.sh: heddle campaign with a fuzz target, fuzz/drive/trial.c: sessions are slices, their
# inputs are kept whatever is killed, findings are inputs that replay, corpora are made least.
# shellcheck source=../../sim/e2e/cases.sh disable=SC2154 # case_dir, builds
. "${TEST_SRCDIR:-.}/${TEST_WORKSPACE:-.}/sim/e2e/cases.sh"

heddle=${builds[explore]}
drive=$(readlink -f "${options[drive]}")
program=$(readlink -f "${options[program]}")

# A tree in which the target is all that was built.
make_root()
{
    export HEDDLE_ROOT=$case_dir/root
    local bin=$HEDDLE_ROOT/.bazel/libfuzzer-bin/fuzz
    mkdir -p "$bin" "$HEDDLE_ROOT/seeds"
    printf 'cc_fuzz_test(\n    name = "trial_fuzz_test",\n)\n' >"$HEDDLE_ROOT/fuzz-build"
    mkdir -p "$HEDDLE_ROOT/fuzz" && mv "$HEDDLE_ROOT/fuzz-build" "$HEDDLE_ROOT/fuzz/BUILD"
    echo 0 >"$HEDDLE_ROOT/seeds/zero"
    : >"$HEDDLE_ROOT/no.dict"
    cat >"$bin/trial_fuzz_test_run" <<END
#!/bin/sh
exec "$drive" --target trial --engine libfuzzer --build plain --program "$program" \\
    --seeds "$HEDDLE_ROOT/seeds" --dict "$HEDDLE_ROOT/no.dict" "\$@"
END
    chmod +x "$bin/trial_fuzz_test_run"
    {
        echo "seed 7"
        echo "slice 1s"
        echo "shrink 1s"
        echo "targets fuzz:tri*"
        echo "builds plain"
        echo "engines libfuzzer"
    } >"$case_dir/p.plan"
}

ask() # SQL
{
    sqlite3 "$case_dir/c/campaign.db" "$1"
}

# Sessions that were killed with their campaign get a moment.
has_ended() # what runs in the campaign's folder
{
    local i
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        pgrep -f "$case_dir/c/" >/dev/null || return 0
        sleep 0.1
    done
    fail "still running: $(pgrep -af "$case_dir/c/")"
}

what_a_session_finds_is_a_finding()
{
    make_root
    echo "time 3s" >>"$case_dir/p.plan"
    TRIAL=f run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --jobs 1 --out "$case_dir/c"
    [ "$(ask "SELECT title || ', ' || state || ', ' || target || ', ' || engine FROM finding")" = \
        "trial: the first, open, trial, libfuzzer" ] ||
        fail "other findings: $(ask "SELECT * FROM finding")"
    [ "$(ask "SELECT count(*) FROM slice WHERE state = 1 AND trials > 0 AND edges > 0")" -ge 1 ] ||
        fail "sessions without numbers: $(ask "SELECT * FROM slice")"
    [ "$(cat "$case_dir"/c/findings/*/min.input)" = fo ] || fail "not small"
    [ -n "$(find "$case_dir/c/corpus/trial" -type f)" ] || fail "no corpus"
    # It is mended.
    ask "UPDATE finding SET checked = 'before'"
    sed -i 's/^time .*/time 1s/' "$case_dir/p.plan"
    TRIAL=x run_expecting 0 "$heddle" campaign run "$case_dir/p.plan" --jobs 1 --out "$case_dir/c"
    [ "$(ask "SELECT state FROM finding")" = closed ] || fail "not closed"
}

# Whatever was in the corpus when it was killed is there afterwards, and every slice that had ended.
killed_in_a_session_nothing_is_lost()
{
    local i pid
    make_root
    echo "time 60s" >>"$case_dir/p.plan"
    for i in 1 2; do
        TRIAL=x "$heddle" campaign run "$case_dir/p.plan" --jobs 1 --out "$case_dir/c" \
            >/dev/null 2>&1 &
        pid=$!
        until [ "$(ask "SELECT count(*) FROM slice WHERE state = 1" 2>/dev/null)" = "$i" ]; do
            sleep 0.1
        done
        sleep "0.$((i * 3))"
        kill -KILL "$pid"
        wait "$pid" 2>/dev/null || true
        has_ended
        ls "$case_dir/c/corpus/trial" >"$case_dir/after"
        ask "SELECT first, trials FROM slice WHERE state = 1 ORDER BY 1" >>"$case_dir/slices"
        [ ! -e "$case_dir/before" ] || comm -23 "$case_dir/before" "$case_dir/after" >"$case_dir/lost"
        [ ! -s "$case_dir/lost" ] || fail "lost: $(cat "$case_dir/lost")"
        mv "$case_dir/after" "$case_dir/before"
    done
    [ -s "$case_dir/before" ] || fail "no corpus after two sessions"
    ask "UPDATE meta SET value = '0' WHERE key = 'elapsed_ms'" # how long it took is the machine's
    TRIAL=x run_expecting 0 "$heddle" campaign run "$case_dir/p.plan" --jobs 1 --time 2s \
        --out "$case_dir/c"
    [ "$(ask "SELECT count(*) FROM slice WHERE state = 0")" = 0 ] || fail "a slice is left"
    ask "SELECT first, trials FROM slice ORDER BY 1" | sort >"$case_dir/all"
    sort -u "$case_dir/slices" | comm -23 - "$case_dir/all" >"$case_dir/lost"
    [ ! -s "$case_dir/lost" ] || fail "lost: $(cat "$case_dir/lost")"
    has_ended
}

reach_of() # FOLDER: how much libFuzzer says that it reaches
{
    "$program" -runs=0 "$1" 2>&1 | sed -n 's/.*INITED cov: [0-9]* ft: \([0-9]*\) .*/\1/p'
}

corpora_are_made_least()
{
    local i before
    make_root
    export TRIAL=x
    echo "time 2s" >>"$case_dir/p.plan"
    mkdir -p "$case_dir/c/corpus/trial"
    for ((i = 0; i < 300; i++)); do
        printf 'f%s' "$i" >"$case_dir/c/corpus/trial/f$i"
        printf 's%so' "$i" >"$case_dir/c/corpus/trial/s$i"
    done
    before=$(reach_of "$case_dir/c/corpus/trial")
    [ -n "$before" ] || fail "the program says nothing of its reach"
    run_expecting 0 "$heddle" campaign run "$case_dir/p.plan" --jobs 1 --out "$case_dir/c"
    [ "$(ask "SELECT merged < 100 AND before = 600 FROM corpus")" = 1 ] ||
        fail "it is as large as before: $(ask "SELECT * FROM corpus")"
    # Sessions may have added to it.
    [ "$(reach_of "$case_dir/c/corpus/trial")" -ge "$before" ] ||
        fail "it reaches $(reach_of "$case_dir/c/corpus/trial"), not $before"
}

for case in ${options[cases]//,/ }; do
    run_case "$case" "$case"
done
end_cases
