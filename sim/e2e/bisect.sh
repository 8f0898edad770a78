#!/usr/bin/env bash
# bisect.sh: `git bisect run heddle replay --bisect` finds the commit that brought a bug, and is not
# led astray by commits of which the recorded schedule can say nothing.
#
# In the history it is the scenario that changes in place of the program: from some commit on it has
# a planted bug. Between the commits that answer are some of each kind that does not: a schedule that
# no longer fits, a file that does not parse, another bug.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

export HEDDLE_ROOT=$PWD # where scenarios/ is
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
heddle=${builds[plain]}

commit() # NAME FILE: a commit whose run is of FILE
{
    cp "$2" subject.scn
    printf '%s\n' "$1" >name
    git add subject.scn name
    git commit -q -m "$1"
}

make_files()
{
    run_expecting 0 "$heddle" plants K18 --shrink --json --out "$case_dir"
    cp "$case_dir/K18.scn" "$case_dir/bad"
    grep -v '^plant ' "$case_dir/bad" >"$case_dir/good"
    # No thread gets that far: as if the code had lost what the choice was about.
    sed -E 's/^sched w0@[0-9]+/sched w0@9000000/' "$case_dir/good" >"$case_dir/unfit"
    printf 'frobnicate 3\n' >"$case_dir/unreadable"
    sed -E 's/title="[^"]*"/title="deadlock: of others"/' "$case_dir/bad" >"$case_dir/another"
}

# What each file alone answers, without --bisect and with it.
answers() # FILE CODE CODE_FOR_GIT
{
    make_files
    run_expecting "$2" "$heddle" replay "$case_dir/$1"
    run_expecting "$3" "$heddle" replay "$case_dir/$1" --bisect
}

finds_the_commit()
{
    make_files
    git init -q "$case_dir/repository"
    cd "$case_dir/repository"
    commit "first" ../good
    git tag known-good
    commit "still good" ../good
    commit "good, the last one" ../good
    commit "brings the bug" ../bad
    commit "unfit" ../unfit # where the search begins
    commit "unreadable" ../unreadable
    commit "another bug" ../another
    commit "unfit again" ../unfit
    commit "bad, the last one" ../bad
    run_expecting 0 git bisect start HEAD known-good
    run_expecting 0 git bisect run "$heddle" replay subject.scn --bisect
    [ "$(git show -s --format=%s refs/bisect/bad)" = "brings the bug" ] ||
        fail "git found '$(git show -s --format=%s refs/bisect/bad)'"
    grep -q 'is the first bad commit' "$out" || fail "git is not sure"
    # Some commit was indeed skipped: else this shows nothing.
    git bisect log | grep -q '^git bisect skip' || fail "git came by no commit to skip"
}

run_case "good answers" answers good 0 0
run_case "bad answers" answers bad 1 1
run_case "unfit answers" answers unfit 4 125
run_case "unreadable answers" answers unreadable 3 125
run_case "another answers" answers another 1 125
run_case "missing answers" answers missing 3 125
run_case finds_the_commit finds_the_commit
end_cases
