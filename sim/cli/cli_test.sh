#!/usr/bin/env bash
# cli_test.sh HEDDLE: the program from outside: what a person types, and what comes of it. What it
# claims about every scenario and every plant is tested in sim/e2e.
#
# Runs in a scratch folder. Names of cases are printed as cmocka does, so
# that the launcher counts them.
set -u -o pipefail

heddle=$(readlink -f "$1")
root=$PWD
scratch=${TEST_TMPDIR:-$(mktemp -d)}/cli
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch" || exit 1
export HEDDLE_ROOT=$root NO_COLOR=1
unset COLUMNS

scenario=fd/soft_stop_during_accept
plant=K01
failed=0
current=

begin()
{
    finish
    current=$1
    case_failed=0
    echo "[ RUN      ] $1"
}

finish()
{
    [ -n "$current" ] || return 0
    if [ "$case_failed" -eq 0 ]; then
        echo "[       OK ] $current"
    else
        echo "[  FAILED  ] $current"
        failed=1
    fi
}

fail()
{
    echo "  $*"
    case_failed=1
}

# want EXIT ARGUMENT...: runs heddle; its output is in out and err.
want()
{
    local code=$1 got=0
    shift
    "$heddle" "$@" >out 2>err </dev/null || got=$?
    [ "$got" -eq "$code" ] || fail "heddle $*: exit code $got, not $code: $(head -n 3 err)"
}

# has FILE TEXT: FILE has a line with TEXT.
has()
{
    grep -qF -- "$2" "$1" || fail "no '$2' in $1: $(head -n 3 "$1")"
}

is_empty()
{
    [ ! -s "$1" ] || fail "$1 is not empty: $(head -n 3 "$1")"
}

begin usage_errors_end_with_2_and_name_the_word
want 2
has err "usage: heddle COMMAND"
want 2 exlpore x
has err "did you mean explore?"
want 2 explore
has err "needs SCENARIO"
want 2 replay x y
has err "what is 'y'?"
want 3 explore "$scenario" y --schedules 1
has err "y: No such file"
want 2 explore "$scenario" --shcedules 3
has err "did you mean --schedules?"
want 2 explore "$scenario" --strategy nonsense
has err "nonsense"
want 2 explore "$scenario" --plant K1
has err "did you mean K"
want 2 explore "$scenario" --oracle dedlock
has err "did you mean deadlock?"
want 2 explore "$scenario" --jobs 0
want 2 replay "$scenario" --build fast
want 2 replay "$scenario" --times 0
want 2 help nothing
is_empty out

begin help_and_version_say_what_there_is
want 0 help
for command in demo check explore replay plants encode decode fmt; do
    has out "  $command "
done
want 0 help explore
has out "--schedules N"
want 0 explore --help
has out "usage: heddle explore"
want 0 --version
has out "heddle, scenario language 1"

begin nothing_is_left_after_an_error
printf 'frobnicate\n' >bad.scn
want 3 encode bad.scn -o bad.bin
[ ! -e bad.bin ] || fail "encode left a file"
want 3 fmt -w bad.scn missing.scn
[ "$(cat bad.scn)" = frobnicate ] || fail "fmt -w wrote over a file it cannot read"
[ ! -e missing.scn ] || fail "fmt -w made a file"

begin fmt_writes_back_and_keeps_the_mode
sed 's/^node /node   /' "$root/scenarios/$scenario.scn" >a.scn
want 0 fmt a.scn
cp out canonical.scn
chmod 640 a.scn
want 0 fmt -w a.scn
cmp -s a.scn canonical.scn || fail "fmt -w wrote something else than fmt"
[ "$(stat -c %a a.scn)" = 640 ] || fail "fmt -w changed the mode"
[ "$(ls)" = "$(printf 'a.scn\nbad.scn\ncanonical.scn\nerr\nout')" ] || fail "files: $(ls)"

begin explore_finds_nothing_without_the_plant
want 0 explore "$scenario" --schedules 200
has out "nothing found: 200 schedules"
is_empty err
[ ! -e heddle-out ] || fail "a folder was made for nothing"

begin an_exhaustive_search_says_how_much_it_saw
want 2 explore "$scenario" --strategy exhaustive --jobs 2
has err "one process"
want 0 explore "$scenario" --strategy exhaustive --schedules 50
has out " traces explored of about "
has out "not finished"
has out "network and faults as in the dull run"
want 0 explore "$scenario" --strategy exhaustive --schedules 50 --json
has out '"complete":false'
has out '"estimate":'

begin explore_finds_the_plant_and_writes_a_reproducer
want 1 explore "$scenario" --plant $plant
has out "deadlock: "
has out "broken: No thread waits for ever"
has out "waits for"
has out "replay heddle-out/deadlock-"
found=$(ls heddle-out/*.scn)
[ -n "$found" ] || fail "no reproducer"
has "$found" "plant $plant"
has "$found" "found seed="
has "$found" "sched "

begin reproducer_replays_to_the_same_hash_from_text_and_bytes
want 1 replay "$found"
has out "deadlock: "
want 1 replay "$found" --hash
cp out hash
has "$found" "trace=0x$(sed 's/^0*//' hash)"
want 1 replay "$found" --times 20 --hash
cmp -s out hash || fail "another hash"
want 0 encode "$found" -o found.bin
want 1 replay found.bin --hash
cmp -s out hash || fail "another hash by the bytes"

begin seed_alone_replays_the_run
want 1 explore "$scenario" --plant $plant --json --out out-json
cp out explore.json
seed=$(tail -n 1 explore.json | sed 's/.*"findings":\[{[^]]*"seed":"\([^"]*\)".*/\1/')
want 1 replay "$scenario" --plant $plant --seed "$seed" --hash
cmp -s out hash || fail "seed $seed gives another run"

begin same_command_gives_the_same_result_for_any_number_of_jobs
for jobs in 2 3; do
    want 1 explore "$scenario" --plant $plant --json --out out-json --jobs $jobs
    one=$(tail -n 1 explore.json | sed 's/.*"schedules":\([0-9]*\).*"findings"/\1/')
    many=$(tail -n 1 out | sed 's/.*"schedules":\([0-9]*\).*"findings"/\1/')
    [ "$one" = "$many" ] || fail "with $jobs jobs: $many, not $one"
done

begin json_rows_are_objects_and_the_last_is_the_summary
tail -n 1 explore.json | grep -q '^{"event":"summary",' || fail "the last row is no summary"
while IFS= read -r row; do
    [[ $row == '{"event":"'*'}' ]] || fail "not a row: $row"
done <explore.json
want 0 explore "$scenario" --schedules 10 --json
[ "$(wc -l <out)" -eq 1 ] || fail "more than a summary"
has out '"findings":[]'
want 0 replay "$scenario" --json
has out '{"event":"run",'
has out '"verdict":"none"'

begin oracle_counts_only_what_it_names
want 0 explore "$scenario" --plant $plant --schedules 100 --oracle leak
want 1 explore "$scenario" --plant $plant --oracle deadlock --out out-oracle
want 0 explore "$scenario" --schedules 20 --oracle every-step

begin plants_prints_its_score
want 0 plants $plant
has out "$plant "
has out "1 of 1 planted bugs found"
want 1 plants $plant --schedules 1
has out "0 of 1 planted bugs found"
want 0 plants $plant --clean --schedules 50
has out "1 of 1 scenarios silent"

begin changed_recording_degrades_with_a_warning
sed -e '/^plant /d' "$found" >mended.scn
# 4 where a recorded choice was never asked for; never a finding.
"$heddle" replay mended.scn >out 2>err
code=$?
[ $code -eq 0 ] || [ $code -eq 4 ] || fail "exit code $code"
[ -s err ] || fail "no word about the recording"
sed -e "s/^sched w0@[0-9]* /sched w0@999999 /" "$found" >shifted.scn
"$heddle" replay shifted.scn >out 2>err
has err "never asked for"

begin demo_tells_finds_and_replays
want 0 demo
has out "the same, step by step"
has out "nothing found in"
has out "Next:"

finish
exit $failed
