#!/usr/bin/env bash
# programs.sh: each program of scenarios/programs is found within its budget, with the verdict that it
# was written for, and what was found replays: in new processes, from other folders and environments,
# at other addresses, to the same trace. Its twin, which is right, is silent at all kinds of points.
# The arguments are the table, programs.def, and the built programs; NAME_fixed is the twin of NAME.
#
# budget=small: the gate's schedules of the table. budget=full: a million schedules of each twin, and
# every program from 20 seeds, each within a million schedules and a minute.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

case ${options[budget]} in
small) twin_schedules=2000 ;;
full)
    twin_schedules=1000000
    seeds=()
    # Far from each other: campaigns of neighbouring seeds share trials.
    for i in {1..20}; do
        seeds+=("$(printf '0x%x' $((i * 0x9E3779B97F4A7C15)))")
    done
    ;;
esac

table=
declare -A programs=()
for file in "${files[@]}"; do
    case $file in
    *.def) table=$file ;;
    /*) programs[${file##*/}]=$file ;;
    *) programs[${file##*/}]=$PWD/$file ;;
    esac
done

# Arguments of explore and replay that name the program, into `target`.
set_target() # NAME ARGUMENT
{
    [ -n "${programs[$1]-}" ] || fail "no program was built from $1.c"
    target=("${programs[$1]}")
    [ "$2" = - ] || target+=(-- "$2")
}

# The finding, and nothing else, ends in the verdict that the table promises.
expect_verdict() # FILE EVENT KIND WHERE
{
    local row
    row=$(grep -F "\"event\":\"$2\"" "$1" | tail -n 1)
    [[ $row == *"\"$3\",\"title\":\"$3"* ]] || fail "not a finding of kind $3: $row"
    [[ $row =~ \"title\":\"([^\"\\]|\\.)*$4 ]] || fail "not in $4: $row"
}

is_found() # SEED NAME ARGUMENT POINTS KIND WHERE SCHEDULES
{
    set_target "$2" "$3"
    run_expecting 1 "${builds[explore]}" explore --seed "$1" --points "$4" --oracle "$5" \
        --schedules "$7" --time 60s --out "$case_dir/found" --json "${target[@]}"
    expect_verdict "$out" finding "$5" "$6"
    printf '%s schedules\n' "$(json_field "$out" summary schedules)"
}

run_hash() # COMMAND...
{
    run_expecting 1 "$@"
    hash=$(json_field "$out" run trace_hash)
    [ "$hash" != 0000000000000000 ] || fail "a run without a hash"
}

is_found_and_replays() # NAME ARGUMENT POINTS KIND WHERE SCHEDULES
{
    local reproducer trial first padding
    is_found 0x1 "$@"
    trial=$(json_field "$out" summary schedule)
    reproducer=$(echo "$case_dir"/found/*.scn)
    [ -s "$reproducer" ] || fail "no reproducer was written: $reproducer"

    run_hash "${builds[explore]}" replay --json "$reproducer"
    first=$hash
    expect_verdict "$out" run "$4" "$5"
    [[ $(grep -F 'found ' "$reproducer") =~ trace=0x0*([0-9a-f]+) ]] &&
        [[ $first =~ ^0*${BASH_REMATCH[1]}$ ]] || fail "the reproducer promises another trace: $first"

    padding=$(printf '%05000d' 0)
    run_hash env -i "${builds[explore]}" replay --json --times 20 "$reproducer"
    [ "$hash" = "$first" ] || fail "without an environment: $hash, not $first"
    run_hash env -C / PADDING="$padding" "${builds[explore]}" replay --json "$reproducer"
    [ "$hash" = "$first" ] || fail "in another folder: $hash, not $first"
    if setarch -R true 2>/dev/null; then
        run_hash setarch -R "${builds[explore]}" replay --json "$reproducer"
        [ "$hash" = "$first" ] || fail "without address randomisation: $hash, not $first"
    fi
    set_target "$1" "$2"
    run_hash "${builds[explore]}" replay --json --seed 0x1 --trial "$trial" --points "$3" --oracle "$4" \
        "${target[@]}"
    [ "$hash" = "$first" ] || fail "by its trial $trial: $hash, not $first"
}

twin_is_silent() # NAME ARGUMENT POINTS
{
    set_target "$1_fixed" "$2"
    run_expecting 0 "${builds[explore]}" explore --points "$3" --schedules "$twin_schedules" \
        --json "${target[@]}"
    expect_no_sanitizer_report "$err"
    [ "$(json_field "$out" summary schedules)" = "$twin_schedules" ] ||
        fail "only $(json_field "$out" summary schedules) schedules of $twin_schedules"
    grep -qF '"findings":[]' "$out" || fail "it found something"
}

last=
while read -r name argument points kind where race gate best by; do
    [[ $name != \#* ]] && [ -n "$name" ] || continue
    case_name=$name
    [ "$argument" = - ] || case_name+=_$argument
    [ -n "$by" ] || fail "$table: nine columns, not: $name $argument $points $kind $where $race $gate $best"
    if [ "${options[budget]}" = small ]; then
        if [ "$gate" != - ]; then
            run_case "$case_name is_found_and_replays" \
                is_found_and_replays "$name" "$argument" "$points" "$kind" "$where" "$gate"
        fi
    else
        for seed in "${seeds[@]}"; do
            run_case "$case_name is_found from $seed" \
                is_found "$seed" "$name" "$argument" "$points" "$kind" "$where" 1000000
        done
    fi
    if [ "$name" != "$last" ]; then
        for points in sync memory; do
            run_case "$case_name twin_is_silent at $points points" \
                twin_is_silent "$name" "$argument" "$points"
        done
        last=$name
    fi
done <"${table:-/dev/null}"
end_cases
