#!/usr/bin/env bash
# exhaustive.sh: an exhaustive search of the programs of scenarios/programs. The twin of each, which is
# right, is explored to the end, and nothing is found; what is wrong with the program is found, and the reproducer leads there again.
# The arguments are the table and the built programs: NAME, NAME_fixed.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

# Too many traces for a test: several connections through one host's network.
unfinished=" epoll_echo "
# Counted by hand: two threads with one section, or two, each; who is first is all there is to it.
declare -A traces=([deadlock01]=2 [lazy01]=2)

declare -A programs=()
for file in "${files[@]}"; do
    case $file in
    *.def) ;;
    /*) programs[${file##*/}]=$file ;;
    *) programs[${file##*/}]=$PWD/$file ;;
    esac
done

explore_all() # CODES PROGRAM; the summary is in `summary`
{
    run_expecting "$1" "${builds[explore]}" explore "${programs[$2]}" --strategy exhaustive \
        --time 60s --json --out "$case_dir/found"
    summary=$(tail -n 1 "$out")
}

has_part() # TEXT
{
    [[ $summary == *"$1"* ]] || fail "no $1 in $summary"
}

twin_is_clean_in_every_trace() # NAME
{
    explore_all 0 "$1_fixed"
    has_part '"complete":true'
    has_part '"findings":[]'
    [ -z "${traces[$1]-}" ] || has_part "\"traces\":${traces[$1]},"
}

program_is_found_and_replays() # NAME
{
    explore_all 1 "$1"
    has_part '"complete":false'
    run_expecting 1 "${builds[explore]}" replay "$case_dir"/found/*.scn --times 3
}

for name in "${!programs[@]}"; do
    case $name in
    *_fixed | *_native | *_tsan) continue ;;
    esac
    [[ $unfinished == *" $name "* ]] ||
        run_case "${name}_fixed_is_clean_in_every_trace" twin_is_clean_in_every_trace "$name"
    [[ $unfinished == *" $name "* ]] ||
        run_case "${name}_is_found_and_replays" program_is_found_and_replays "$name"
done
end_cases
