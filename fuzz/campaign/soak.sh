#!/usr/bin/env bash
# soak.sh: a long campaign with planted bugs, killed again and again: everything is found, each bug
# is one entry, nothing that was counted is lost, and memory stays flat. Prints a table.
#
#   fuzz/campaign/soak.sh HEDDLE [out=DIR] [time=1h] [kills=10]
#
# HEDDLE is the explore build's program; DIR (heddle-out/soak) must not be there. Stops what it starts.
set -u -o pipefail
shopt -s inherit_errexit
export LC_ALL=C

plants=(K01 K02a K18 K19 C36 C31 C56 C65 C52 C42)
targets=(fd/soft_stop_during_accept fd/delete_while_handled task/wake_while_finishing
    task/expire_while_woken task/wake_while_picked isolate/two_isolators queue/full_while_freed
    listener/foreign_resume idle/steal stop/signal_before_sleep)

[ $# -ge 1 ] || {
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 2
}
heddle=$(readlink -f "$1")
out=${TEST_UNDECLARED_OUTPUTS_DIR:-heddle-out}/soak
time=1h
kills=10
for argument in "${@:2}"; do
    case $argument in
    out=*) out=${argument#*=} ;;
    time=*) time=${argument#*=} ;;
    kills=*) kills=${argument#*=} ;;
    *)
        echo "what is '$argument'?" >&2
        exit 2
        ;;
    esac
done
here=$(dirname "$(readlink -f "$0")")
export HEDDLE_ROOT=${HEDDLE_ROOT:-${here%/fuzz/campaign}}
[ ! -e "$out" ] || {
    echo "$out is there already" >&2
    exit 2
}
mkdir -p "$out"
campaign=$out/campaign
failures=0
pid=0

say()
{
    printf '%s\n' "$*" | tee -a "$out/log"
}

complain()
{
    say "FAILED: $*"
    failures=$((failures + 1))
}

ask() # SQL
{
    sqlite3 -cmd '.timeout 20000' "$campaign/campaign.db" "$1"
}

seconds_of() # 90s, 5m, 1h
{
    case $1 in
    *h) echo $((${1%h} * 3600)) ;;
    *m) echo $((${1%m} * 60)) ;;
    *) echo "${1%s}" ;;
    esac
}

write_plan()
{
    echo "seed 20261121"
    echo "time $time"
    echo "slice 5s"
    echo "shrink 20s"
    echo "explain yes"
    echo "targets ${targets[*]}"
    echo "plants ${plants[*]}"
}

# A process group of its own: what is killed is all of it at once.
start()
{
    setsid "$heddle" campaign run "$out/soak.plan" --out "$campaign" >>"$out/run.log" 2>&1 &
    pid=$!
}

kill_all()
{
    [ "$pid" -eq 0 ] || kill -KILL -- "-$pid" 2>/dev/null
    [ "$pid" -eq 0 ] || wait "$pid" 2>/dev/null
    pid=0
}
trap kill_all EXIT
trap 'exit 1' INT TERM

# Seconds, resident KiB of the campaign's process and of its children.
sample()
{
    local own children
    own=$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status" 2>/dev/null)
    children=$(ps -o rss= --ppid "$pid" 2>/dev/null | awk '{sum += $1} END {print sum + 0}')
    [ -z "$own" ] || echo "$((SECONDS - began)) $pid $own $children" >>"$out/memory"
}

counted() # how much is kept for good
{
    ask "SELECT coalesce(sum(trials), 0) FROM slice WHERE state = 1"
}

# What is kept after a kill is at least what was seen before it.
check_kept() # BEFORE
{
    local after
    after=$(counted)
    [ "$after" -ge "$1" ] || complain "$1 trials were counted before the kill, $after after it"
    [ "$(ask "PRAGMA integrity_check")" = ok ] || complain "the database is broken"
    say "killed at $((SECONDS - began))s, with $after trials"
}

write_plan >"$out/soak.plan"
total=$(seconds_of "$time")
began=$SECONDS
start
next=1
# What is left after the last kill runs for as long as all between two of them, and more.
while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    sample
    # Not at equal steps: slices have a length, and a kill is to hit them anywhere.
    if [ "$next" -le "$kills" ] &&
        [ $((SECONDS - began)) -ge $((next * total * 3 / 4 / (kills + 1) + next * 7 % 5)) ]; then
        before=$(counted)
        kill_all
        check_kept "$before"
        next=$((next + 1))
        start
    fi
done
wait "$pid"
status=$?
pid=0
say "ended at $((SECONDS - began))s with exit code $status, $(counted) trials, killed $((next - 1)) times"

# ---- what it has to come to ----

[ "$next" -gt "$kills" ] || complain "it ended before it was killed $kills times"
[ "$status" -eq 1 ] || complain "the exit code is $status, not 1"
[ "$(ask "SELECT count(*) FROM slice WHERE state = 0")" = 0 ] || complain "a slice is left"
[ "$(ask "SELECT count(*) FROM job WHERE problem IS NOT NULL")" = 0 ] || complain "a job is broken"

# No trial is counted twice, and none is left out.
overlaps=$(ask "SELECT count(*) FROM slice AS a JOIN slice AS b ON a.job = b.job AND a.shard = b.shard
    AND a.first < b.first AND a.past > b.first")
gaps=$(ask "SELECT count(*) FROM slice AS a WHERE first > 0 AND NOT EXISTS
    (SELECT 1 FROM slice AS b WHERE a.job = b.job AND b.past = a.first)")
short=$(ask "SELECT count(*) FROM slice WHERE trials <> past - first")
[ "$overlaps$gaps$short" = 000 ] ||
    complain "$overlaps slices overlap, $gaps gaps, $short with other trials than theirs"

entries=$(ask "SELECT count(DISTINCT entry) FROM finding")
[ "$entries" -eq ${#plants[@]} ] || complain "$entries entries, not ${#plants[@]}"
for plant in "${plants[@]}"; do
    of=$(ask "SELECT count(DISTINCT entry) FROM finding WHERE causes = '$plant '")
    [ "$of" -eq 1 ] || complain "$plant is $of entries"
done

printf '%-6s %5s %6s %8s  %s\n' plant lines seen replays title | tee -a "$out/log"
while IFS='|' read -r name causes state lines count title; do
    replays=0
    for again in 1 2 3; do
        code=0
        got=$("$heddle" replay "$campaign/findings/$name/min.scn" --json 2>/dev/null </dev/null) || code=$?
        [ "$code" -ne 1 ] || [ "$(jq -r .title <<<"$got")" != "$title" ] || replays=$((replays + 1))
        hash=$(jq -r .trace_hash <<<"$got")
        [ "$again" -eq 1 ] || [ "$hash" = "$first_hash" ] || complain "replays of $title differ"
        first_hash=$hash
    done
    printf '%-6s %5s %6s %7s%%  %s\n' "$causes" "$lines" "${count%.*}" "$((replays * 100 / 3))" "$title" |
        tee -a "$out/log"
    [ "$replays" -eq 3 ] || complain "not 100 % of the replays end in $title"
    [ "$state" = open ] || complain "$title is $state"
    [ -n "$lines" ] || complain "$title was not shrunk"
done < <(ask "SELECT name, causes, state, lines, (SELECT total(count) FROM sighting WHERE
    sighting.title = finding.title), title FROM finding ORDER BY causes, title")

# The campaign's own process, and what works for it: by quarters of the time.
quarter_max() # COLUMN QUARTER
{
    awk -v column="$1" -v quarter="$2" '{row[NR] = $column}
        END {for (i = int(NR * (quarter - 1) / 4) + 1; i <= NR * quarter / 4; i++)
                 if (row[i] + 0 > max + 0) max = row[i]; print max + 0}' "$out/memory"
}
for column in 3 4; do
    [ "$column" = 3 ] && who=campaign || who=workers
    say "memory of the $who, KiB, by quarters: $(for q in 1 2 3 4; do quarter_max $column $q; done | xargs)"
done
first=$(quarter_max 3 1)
last=$(quarter_max 3 4)
[ $((last * 10)) -le $((first * 11)) ] || complain "memory grew from $first to $last KiB"
# The last process lived longest: it does not grow by itself either, once it has settled.
grew=$(awk '{pid = $2; n[pid]++; own[pid, n[pid]] = $3}
    END {half = int(n[pid] / 2); for (i = int(n[pid] / 8) + 1; i <= n[pid]; i++)
            if (i <= half) {if (own[pid, i] > a) a = own[pid, i]} else if (own[pid, i] > b) b = own[pid, i]
         print a + 0, b + 0}' "$out/memory")
say "memory of the last process, first and second half: $grew"
[ $((${grew#* } * 10)) -le $((${grew% *} * 11)) ] || complain "the last process grew: $grew KiB"

"$heddle" campaign report "$campaign" >>"$out/log" 2>&1 || complain "no report"
if [ "$failures" -eq 0 ]; then
    say "all is as it should be: $campaign/report/index.html"
else
    say "$failures complaints; the campaign is in $campaign"
    exit 1
fi
