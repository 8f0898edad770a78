#!/usr/bin/env bash
# campaign.sh: heddle campaign from outside: what is killed goes on, what is cut in shards is the
# whole, a bug is one entry, and what is mended is closed.
# shellcheck source=../../sim/e2e/cases.sh disable=SC2154 # case_dir, builds
. "${TEST_SRCDIR:-.}/${TEST_WORKSPACE:-.}/sim/e2e/cases.sh"

heddle=${builds[explore]}
HEDDLE_ROOT=$(dirname "$(readlink -f "${options[anchor]}")")
export HEDDLE_ROOT

# With a bug planted that is found at once, and one that takes some hundred trials.
write_plan() # FILE LINE...
{
    {
        echo "seed 7"
        echo "slice 200ms"
        echo "shrink 100ms" # what it comes to depends on the machine; that it is tried does not
        echo "explain no"
        printf '%s\n' "${@:2}"
    } >"$1"
}

small_plan() # FILE
{
    write_plan "$1" "trials 120" "targets task/wake_while_picked fd/soft_stop_during_accept" \
        "plants C36 K01"
}

# What a campaign says about its trials and findings; times and slices left out.
contents() # DIR
{
    sqlite3 "$1/campaign.db" \
        "SELECT job, title, kind, min(trial), sum(count) FROM sighting GROUP BY 1, 2 ORDER BY 1, 2;
         SELECT job, sum(trials), sum(points) FROM slice GROUP BY 1 ORDER BY 1;
         SELECT title, state, entry, causes FROM finding ORDER BY 1;"
}

ask() # DIR SQL
{
    sqlite3 "$1/campaign.db" "$2"
}

shards_of_a_search_are_the_whole()
{
    local i
    run_expecting 1 "$heddle" explore task/wake_while_picked --plant C36 --json --keep-going \
        --schedules 600 --out "$case_dir/o"
    jq -c 'select(.event == "summary") | [.schedules, .points, ([.findings[] | [.title, .schedule, .count]] | sort)]' "$out" >"$case_dir/whole"
    : >"$case_dir/parts"
    for i in 0 1 2; do
        run_expecting "0 1" "$heddle" explore task/wake_while_picked --plant C36 --json --keep-going \
            --schedules 600 --shard "$i/3" --out "$case_dir/o"
        jq -c 'select(.event == "summary")' "$out" >>"$case_dir/parts"
    done
    jq -c -s '[([.[].schedules] | add), ([.[].points] | add), ([.[].findings[]] | group_by(.title) |
        map([.[0].title, ([.[].schedule] | min), ([.[].count] | add)]) | sort)]' "$case_dir/parts" \
        >"$case_dir/sum"
    diff "$case_dir/whole" "$case_dir/sum" || fail "three shards are not the whole"
    # And cut across, with workers of its own.
    : >"$case_dir/parts"
    for i in "0 137" "137 600"; do
        run_expecting "0 1" "$heddle" explore task/wake_while_picked --plant C36 --json --keep-going \
            --first "${i% *}" --schedules "${i#* }" --jobs 2 --out "$case_dir/o"
        jq -c 'select(.event == "summary")' "$out" >>"$case_dir/parts"
    done
    jq -c -s '[([.[].schedules] | add), ([.[].points] | add), ([.[].findings[]] | group_by(.title) |
        map([.[0].title, ([.[].schedule] | min), ([.[].count] | add)]) | sort)]' "$case_dir/parts" \
        >"$case_dir/sum"
    diff "$case_dir/whole" "$case_dir/sum" || fail "two halves are not the whole"
}

# One trial in eight is watched for features: that shows in nothing else, and the parts' are the whole's.
watching_changes_nothing()
{
    local target
    for target in task/wake_while_picked idle/steal; do
        run_expecting "0 1" "$heddle" explore "$target" --plant C36 --plant C52 --json --keep-going \
            --schedules 300 --out "$case_dir/o"
        jq -c 'select(.event == "summary") | [.schedules, .points, .findings]' "$out" >"$case_dir/alone"
        run_expecting "0 1" "$heddle" explore "$target" --plant C36 --plant C52 --json --keep-going \
            --schedules 300 --out "$case_dir/o" --sketch
        jq -c 'select(.event == "summary") | [.schedules, .points, .findings]' "$out" >"$case_dir/watched"
        diff "$case_dir/alone" "$case_dir/watched" || fail "$target: what is watched runs otherwise"
        jq -e 'select(.event == "summary") | .sketch.runs > 20 and (.sketch.seen | length) > 40 and
            (.marks | length) > 0' "$out" >"$case_dir/truth" || fail "$target: nothing was seen"
    done
}

make_whole() # leaves an uninterrupted campaign's contents in `whole`
{
    local kept=$scratch/kept
    small_plan "$case_dir/p.plan"
    if [ ! -e "$kept/ready" ]; then
        run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --jobs 2 --out "$kept/whole"
        contents "$kept/whole" >"$kept/whole.txt"
        [ -s "$kept/whole.txt" ] || fail "nothing was kept"
        : >"$kept/ready"
    fi
    cp -r "$kept/." "$case_dir"
}

killed_ten_times_it_ends_as_if_never()
{
    local i pid killed=0
    make_whole
    for i in 1 2 3 4 5 6 7 8 9 10; do
        "$heddle" campaign run "$case_dir/p.plan" --jobs 2 --out "$case_dir/killed" \
            >/dev/null 2>&1 &
        pid=$!
        sleep "0.$((i % 3 + 1))"
        ! kill -KILL "$pid" 2>/dev/null || killed=$((killed + 1))
        wait "$pid" 2>/dev/null || true
    done
    [ "$killed" -ge 3 ] || fail "only $killed of 10 kills hit it"
    run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --jobs 2 --out "$case_dir/killed"
    contents "$case_dir/killed" | diff "$case_dir/whole.txt" - || fail "it ended otherwise"
    [ "$(ask "$case_dir/killed" "SELECT count(*) FROM slice WHERE state = 0")" = 0 ] ||
        fail "a slice is left"
}

merged_shards_are_one_campaign()
{
    local i
    make_whole
    for i in 0 1; do
        run_expecting "0 1" "$heddle" campaign run "$case_dir/p.plan" --shard "$i/2" \
            --out "$case_dir/$i"
    done
    run_expecting 0 "$heddle" campaign merge "$case_dir/merged" "$case_dir/0" "$case_dir/1"
    contents "$case_dir/merged" | diff "$case_dir/whole.txt" - || fail "shards are not the whole"
    for i in merged whole; do
        run_expecting 0 "$heddle" campaign status "$case_dir/$i"
        grep 'features of behaviour' "$out" >"$case_dir/features-$i" || fail "no features"
    done
    diff "$case_dir/features-whole" "$case_dir/features-merged" || fail "other features"
    run_expecting 0 "$heddle" campaign merge "$case_dir/again" "$case_dir/1" "$case_dir/0" \
        "$case_dir/1"
    for i in slice sighting finding job; do
        ask "$case_dir/merged" "SELECT * FROM $i" >"$case_dir/left"
        ask "$case_dir/again" "SELECT * FROM $i" >"$case_dir/right"
        cmp "$case_dir/left" "$case_dir/right" || fail "the order of the shards shows in $i"
    done
    run_expecting 3 "$heddle" campaign merge "$case_dir/mixed" "$case_dir/0" "$case_dir/whole"
    grep -q "another number of shards" "$err" || fail "not said why"
    # What the reproducers say holds of the merged ones.
    while read -r name; do
        run_expecting 1 "$heddle" replay "$case_dir/merged/findings/$name/min.scn"
    done < <(ask "$case_dir/merged" "SELECT name FROM finding")
}

what_is_mended_is_closed()
{
    local name
    write_plan "$case_dir/p.plan" "trials 100" "targets fd/soft_stop_during_accept" "plants K01"
    run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --out "$case_dir/c"
    # Of another build, with the bug; in this one it is gone.
    ask "$case_dir/c" "UPDATE finding SET checked = 'before'"
    while read -r name; do
        sed -i '/^plant /d' "$case_dir/c/findings/$name/min.scn"
    done < <(ask "$case_dir/c" "SELECT name FROM finding")
    run_expecting 0 "$heddle" campaign run "$case_dir/p.plan" --out "$case_dir/c"
    [ "$(ask "$case_dir/c" "SELECT DISTINCT state FROM finding")" = closed ] || fail "not closed"
}

# Of two bugs one is mended in the next build: its finding is closed, the other stays open.
what_is_not_mended_stays_open()
{
    local name
    make_whole
    ask "$case_dir/whole" "UPDATE finding SET checked = 'before'"
    name=$(ask "$case_dir/whole" "SELECT name FROM finding WHERE causes = 'K01 ' LIMIT 1")
    sed -i '/^plant /d' "$case_dir/whole/findings/$name/min.scn"
    run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --jobs 2 --out "$case_dir/whole"
    [ "$(ask "$case_dir/whole" "SELECT state FROM finding WHERE name = '$name'")" = closed ] ||
        fail "it is not closed"
    [ "$(ask "$case_dir/whole" "SELECT count(*) FROM finding WHERE state = 'open' AND checked <> 'before'")" = \
        "$(ask "$case_dir/whole" "SELECT count(*) - 1 FROM finding")" ] || fail "others did not stay open"
    # What is seen again is open again.
    ask "$case_dir/whole" "DELETE FROM slice; DELETE FROM sighting"
    run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --jobs 2 --out "$case_dir/whole"
    [ "$(ask "$case_dir/whole" "SELECT state FROM finding WHERE name = '$name'")" = open ] ||
        fail "it came back, and is not open"
}

# A repository whose commits are a tool with the bug and without; one cannot be built.
make_history() # DIR
{
    mkdir -p "$1"
    cat >"$1/heddle" <<'END'
#!/bin/sh
here=$(dirname "$0")
[ ! -e "$here/broken" ] || exit 125
[ -e "$here/bug" ] || { sed '/^plant /d' "$2" >"$here/mended.scn"; set -- "$1" "$here/mended.scn" --bisect; }
exec "$HEDDLE_REAL" "$1" "$2" --bisect
END
    chmod +x "$1/heddle"
    (
        cd "$1" || exit
        git init -q -b main .
        git config user.name t
        git config user.email t@localhost
        echo mended.scn >.gitignore
        git add heddle .gitignore
        git commit -qm "begins"
        for i in 1 2 3 4 5 6 7; do
            echo "$i" >other
            case $i in
            3) touch broken ;;
            4) rm broken ;;
            5) touch bug ;;
            esac
            git add -A
            git commit -qm "$([ "$i" = 5 ] && echo "brings the bug" || echo "number $i")"
        done
    )
}

commits_that_brought_findings_are_found()
{
    export HOME=$case_dir GIT_CONFIG_NOSYSTEM=1
    write_plan "$case_dir/p.plan" "trials 100" "targets fd/soft_stop_during_accept" "plants K01"
    run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --out "$case_dir/c"
    make_history "$case_dir/repo"
    export HEDDLE_REAL=$heddle HEDDLE_ROOT=$case_dir/repo
    run_expecting 0 "$heddle" campaign bisect "$case_dir/c" HEAD~7..HEAD
    grep -q 'brought by [0-9a-f]* brings the bug$' "$out" || fail "not found: $(cat "$out")"
    run_expecting 0 "$heddle" campaign bisect "$case_dir/c" HEAD~7..HEAD
    grep -q 'nothing to bisect' "$out" || fail "asked twice"
    run_expecting 0 "$heddle" campaign bisect "$case_dir/c" HEAD~1..HEAD
    grep -q 'shows it already$' "$out" || fail "not said that it is older"
    run_expecting 0 "$heddle" campaign bisect "$case_dir/c" HEAD~7..HEAD~3
    grep -q 'does not show it$' "$out" || fail "not said that it is not there"
    run_expecting 0 "$heddle" campaign bisect "$case_dir/c" HEAD~7..HEAD~4
    grep -q 'cannot be built or judged$' "$out" || fail "not said that it cannot be built"
    run_expecting 0 "$heddle" campaign report "$case_dir/c"
    grep -q 'Bisected, ' "$case_dir/c/report/index.html" || fail "not on the page"
    run_expecting 2 "$heddle" campaign bisect "$case_dir/c" HEAD~99..HEAD
    [ "$(git -C "$case_dir/repo" worktree list | wc -l)" = 1 ] || fail "a work tree is left"
}

what_does_not_replay_is_said()
{
    local name
    write_plan "$case_dir/p.plan" "trials 100" "targets fd/soft_stop_during_accept" "plants K01"
    run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --out "$case_dir/c"
    ask "$case_dir/c" "UPDATE finding SET step = 0, state = 'new'"
    while read -r name; do
        sed -i '/^plant /d' "$case_dir/c/findings/$name/found.scn"
    done < <(ask "$case_dir/c" "SELECT name FROM finding")
    run_expecting 4 "$heddle" campaign run "$case_dir/p.plan" --out "$case_dir/c"
    grep -q "a replay ended in: nothing" "$out" || fail "not said"
}

what_cannot_be_run_is_said()
{
    write_plan "$case_dir/p.plan" "trials 10" "targets fd/soft_stop_during_accept" "builds explore tsan"
    HEDDLE_ROOT=$case_dir/root
    mkdir -p "$case_dir/root"
    ln -s "$(dirname "$(readlink -f "${options[anchor]}")")/scenarios" "$case_dir/root/scenarios"
    run_expecting 125 "$heddle" campaign run "$case_dir/p.plan" --out "$case_dir/c"
    grep -q "the tsan build is not there" "$out" || fail "not said"
    run_expecting 2 "$heddle" campaign run "$case_dir/p.plan" --shard 0/2 --out "$case_dir/c"
    echo "engines afl" >>"$case_dir/p.plan"
    run_expecting 3 "$heddle" campaign run "$case_dir/p.plan" --out "$case_dir/c"
    grep -q "p.plan:8:9: this engine has nothing to do" "$err" || fail "not said where"
}

reports_are_what_their_readers_take()
{
    make_whole
    local report=$case_dir/whole/report
    xmllint --noout "$report/junit.xml"
    [ "$(xmllint --xpath 'string(/testsuites/testsuite/@failures)' "$report/junit.xml")" = 2 ] ||
        fail "not two failures"
    [ "$(jq -r '.runs[0].results | length' "$report/results.sarif")" = 2 ] || fail "not two results"
    grep -qx 'execs_done        : 240' "$report/fuzzer_stats" || fail "no execs_done"
    awk -F', ' '!/^#/ && NF != 13 {exit 1}' "$report/plot_data" || fail "plot_data has other columns"
    grep -qx 'heddle_trials_total 240' "$report/metrics.prom" || fail "no trials"
    grep -qx 'heddle_findings_open 2' "$report/metrics.prom" || fail "no findings"
    # Nothing on the page is from elsewhere.
    ! grep -qE '(src|href)="' "$report/index.html" || fail "the page refers to something"
}

page_opens_in_a_browser()
{
    make_whole
    local browser=$case_dir/browser
    mkdir -p "$browser"
    HOME=$browser timeout 120 chromium --headless --no-sandbox --disable-gpu \
        --disable-dev-shm-usage --user-data-dir="$browser" --enable-logging=stderr --v=0 \
        --window-size=1000,1400 --dump-dom "file://$case_dir/whole/report/index.html" \
        >"$case_dir/dom" 2>"$case_dir/console" ||
        fail "the browser failed: $(tail -n 3 "$case_dir/console")"
    ! grep -E 'CONSOLE.*(Error|error)' "$case_dir/console" || fail "the console has errors"
    [ "$(grep -c '<div class="finding open">' "$case_dir/dom")" = 2 ] || fail "not two findings"
    [ "$(grep -c '<polyline' "$case_dir/dom")" = 3 ] || fail "not three curves"
    [ "$(grep -c '<details>' "$case_dir/dom")" = 1 ] || fail "it does not say what was not passed"
    grep -q 'features, [0-9]* of them once only' "$case_dir/dom" || fail "no estimate"
    grep -q 'Every job was run' "$case_dir/dom" || fail "it ends early"
}

# Each plant in the scenario that was written for it, all planted at once.
each_bug_is_one_entry()
{
    write_plan "$case_dir/p.plan" "trials 5000" \
        "targets fd/soft_stop_during_accept task/wake_while_finishing task/expire_while_woken" \
        "targets task/wake_while_picked task/wake_from_two_workers isolate/two_isolators" \
        "plants K01 K18 K19 C36 C40 C31"
    sed -i 's/^explain no/explain yes/; s/^shrink .*/shrink 20s/' "$case_dir/p.plan"
    run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --out "$case_dir/c"
    ask "$case_dir/c" "SELECT entry, title, causes FROM finding ORDER BY 1, 2"
    [ "$(ask "$case_dir/c" "SELECT count(DISTINCT entry) FROM finding")" = 6 ] || fail "not six"
    [ "$(ask "$case_dir/c" "SELECT count(*) FROM finding WHERE state <> 'open'")" = 0 ] ||
        fail "not all replay"
}

for case in ${options[cases]//,/ }; do
    run_case "$case" "$case"
done
end_cases
