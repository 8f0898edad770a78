#!/usr/bin/env bash
# third_party_test.sh [schedules=N]: SQLite, LMDB and LevelDB, fetched and unmodified, are built with
# the compiler's wrapper and explored. What is found must be what README.md says, and be replayed.
#
# Without the network the cases are skipped by name.
# shellcheck source=../../../sim/e2e/cases.sh disable=SC1091,SC2154
. sim/e2e/cases.sh

top=$PWD
here=$top/scenarios/programs/third_party
heddle=$PWD/sim/cli/heddle
schedules=${options[schedules]-10000}
sources=${HEDDLE_THIRD_PARTY-$scratch/sources}
built=$scratch/built
export HEDDLE_RUNTIME=$PWD/sim/runtime

# Everything but data races.
beyond_races=()
for kind in assert crash deadlock livelock heap-use-after-free heap-misuse lock-misuse fd-misuse \
    leak unsupported expectation nondeterminism step-bound time-bound; do
    beyond_races+=(--oracle "$kind")
done

builds()
{
    ln -s "$top/sim/cc/heddle-cc" "$scratch/heddle-cc"
    cat >"$scratch/wrapper" <<END
#!/bin/bash
exec -a "heddle-\$1" "$scratch/heddle-cc" "\${@:2}"
END
    chmod +x "$scratch/wrapper"
    "$here/build.sh" "$scratch/wrapper" "$sources" "$built"
}

finds_nothing() # PROGRAM OPTION... -- ARGUMENT...
{
    local program=$1
    shift
    cd "$case_dir"
    run_expecting 0 "$heddle" explore "$built/$program" --schedules "$schedules" "$@"
    [ ! -e test.db ] && [ ! -e lmdb ] && [ ! -e leveldb ] || fail "it wrote real files"
}

# Every title is one of README.md's, and its reproducer replays.
finds_known_races() # PROGRAM
{
    local title
    cd "$case_dir"
    run_expecting 1 "$heddle" explore "$built/$1" --schedules "$schedules" --keep-going --out found
    sed -nE 's/^ +[0-9]+x  first at [0-9]+ +(.*)/\1/p' "$out" | sort -u >titles
    [ -s titles ] || grep -oE '^data-race in .*' "$out" | sort -u >titles
    while read -r title; do
        grep -qF "$title" "$here/README.md" || fail "not in README.md: $title"
    done <titles
    for file in found/*.scn; do
        run_expecting 1 "$heddle" replay "$file"
    done
}

run_all()
{
    run_case builds builds
    run_case "sqlite in WAL mode" finds_nothing sqlite_wal -- wal
    run_case "sqlite in rollback mode" finds_nothing sqlite_wal -- delete
    run_case "lmdb beyond races" finds_nothing lmdb_readers "${beyond_races[@]}"
    run_case "leveldb beyond races" finds_nothing leveldb_writers "${beyond_races[@]}"
    run_case "lmdb's races" finds_known_races lmdb_readers
    run_case "leveldb's races" finds_known_races leveldb_writers
}

status=0
"$here/fetch.sh" "$sources" || status=$?
case $status in
0) run_all ;;
77)
    for name in "sqlite in WAL mode" "sqlite in rollback mode" lmdb leveldb; do
        printf '[  SKIPPED ] %s: the npm registry cannot be reached\n' "$name"
    done
    exit 0
    ;;
*) fail "the sources could not be fetched" ;;
esac
end_cases
