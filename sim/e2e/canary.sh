#!/usr/bin/env bash
# canary.sh: the tests beside this one can fail. Each is run with something wrong under it, and every
# one of its cases has to fail; if one passes, it checks nothing.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

here=$(dirname "$0")
catalogue=${files[0]}
scenario=${options[scenario]}
heddle=${builds[explore]#"$PWD"/}
examples=("${files[@]:1}") # of scenarios/programs
table=$scratch/account.def
printf 'account - sync assert audit no 1000 - -\n' >"$table"

# Runs SCRIPT, which has to fail, and leaves in `total` and `failed` how many of its cases did.
expect_failure() # SCRIPT ARGUMENT...
{
    local script=$1
    shift
    if env -u TEST_TOTAL_SHARDS -u TEST_SHARD_INDEX -u TEST_SHARD_STATUS_FILE TEST_TMPDIR="$case_dir" \
        "$here/$script" "$@" >"$case_dir/log" 2>&1; then
        show "$case_dir/log"
        fail "$script passes"
    fi
    [[ $(tail -n 1 "$case_dir/log") =~ ^([0-9]+)\ cases,\ ([0-9]+)\ failed$ ]] || {
        show "$case_dir/log"
        fail "$script does not come to its end"
    }
    total=${BASH_REMATCH[1]}
    failed=${BASH_REMATCH[2]}
}

every_case_fails() # SCRIPT ARGUMENT...
{
    expect_failure "$@"
    [ "$total" -gt 0 ] || fail "$1 has no case"
    [ "$total" -eq "$failed" ] || {
        grep -F '[       OK ]' "$case_dir/log" | cut -c 14-
        fail "$1: only $failed of $total cases fail"
    }
}

fails_without_a_case() # SCRIPT ARGUMENT...
{
    expect_failure "$@"
    [ "$total" -eq 0 ] || fail "$1 has $total cases without a scenario"
}

notices_a_liar() # LIE SCRIPT ARGUMENT...
{
    local liar=$here/liar.sh
    export LIE=$1
    every_case_fails "$2" explore="$liar" plain="$liar" asan="$liar" tsan="$liar" "${@:3}"
}

# The real tool, and a bug that it finds.
notices_a_planted_bug()
{
    mkdir "$case_dir/scenarios"
    { cat "$scenario" && printf 'plant %s\n' "${options[plant]}"; } >"$case_dir/scenarios/planted.scn"
    run_expecting 0 "${builds[explore]}" check "$case_dir/scenarios/planted.scn"
    every_case_fails quiet.sh explore="$heddle" schedules=20000 "$case_dir/scenarios/planted.scn"
}

# The real tool, and a program that is not what its name and the table say: a twin with the bug, a
# race where there is none, and none where there is one.
notices_a_wrong_program()
{
    local name
    for name in account account_fixed; do
        cp -L "${examples[0]}" "$case_dir/$name"
    done
    printf 'account - sync deadlock audit no 1000 - -\n' >"$case_dir/deadlock.def"
    every_case_fails programs.sh explore="$heddle" budget=small "$case_dir/deadlock.def" \
        "$case_dir/account" "$case_dir/account_fixed"
}

notices_a_wrong_race() # yes|no PROGRAM: what is claimed of it, and is not so
{
    local name suffix
    for name in account account_fixed; do
        for suffix in '' _tsan; do
            cp -L "${examples[0]%/*}/$2$suffix" "$case_dir/$name$suffix"
        done
    done
    # The twin of a program with a race is held to have none anyway.
    [ "$1" = no ] || rm "$case_dir"/account_fixed*
    printf 'account - sync assert audit %s 1000 - -\n' "$1" >"$case_dir/race.def"
    every_case_fails races.sh explore="$heddle" tries=10 "$case_dir/race.def" "$case_dir"/account*
}

for lie in says_nothing dies refuses; do
    run_case "files $lie" notices_a_liar $lie files.sh "$scenario"
    run_case "determinism $lie" notices_a_liar $lie determinism.sh "$scenario"
    run_case "findings $lie" notices_a_liar $lie findings.sh schedules=20 "$catalogue"
    run_case "quiet $lie" notices_a_liar $lie quiet.sh schedules=20 "$scenario"
    run_case "actors $lie" notices_a_liar $lie actors.sh schedules=20 "$scenario"
    run_case "bad_scenario $lie" notices_a_liar $lie bad_input.sh what=scenario
    run_case "bad_config $lie" notices_a_liar $lie bad_input.sh what=config
done
for lie in says_nothing dies refuses looks_once hides_report never_changes always_changes; do
    run_case "programs $lie" notices_a_liar $lie programs.sh budget=small "$table" "${examples[@]}"
    run_case "races $lie" notices_a_liar $lie races.sh tries=1 "$table" "${examples[@]}"
done
run_case "programs wrong_program" notices_a_wrong_program
run_case "races none" notices_a_wrong_race yes account
run_case "races one" notices_a_wrong_race no dekker
run_case "programs without_programs" fails_without_a_case programs.sh explore="$heddle" budget=small
run_case "races without_programs" fails_without_a_case races.sh explore="$heddle"
run_case "files without_scenarios" fails_without_a_case files.sh plain="$heddle"
run_case "determinism without_scenarios" fails_without_a_case determinism.sh explore="$heddle"
run_case "quiet without_scenarios" fails_without_a_case quiet.sh explore="$heddle" schedules=20
for lie in never_changes always_changes; do
    run_case "determinism $lie" notices_a_liar $lie determinism.sh "$scenario"
    run_case "findings $lie" notices_a_liar $lie findings.sh schedules=20 "$catalogue"
done
for lie in looks_once hides_report; do
    run_case "quiet $lie" notices_a_liar $lie quiet.sh schedules=20 "$scenario"
    run_case "actors $lie" notices_a_liar $lie actors.sh schedules=20 "$scenario"
    run_case "findings $lie" notices_a_liar $lie findings.sh schedules=20 "$catalogue"
done
run_case "quiet planted_bug" notices_a_planted_bug
end_cases
