#!/usr/bin/env bash
# seam.sh: the core knows nothing of the simulator. Its sources include none of it, its BUILD files
# depend on none of it, and what ships holds no symbol of it.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

# The tree itself, so that a file no BUILD names is looked at too.
core=$(dirname "$(readlink -f "${options[anchor]}")")/core

lines_of() # REGEX FILE...: FILE:LINE:TEXT where the core's files have it
{
    grep -nE "$@" || [ $? -eq 1 ]
}

includes_nothing_of_the_simulator()
{
    local sources found

    mapfile -t sources < <(find "$core" -name '*.[chS]' -o -name '*.def' -o -name '*.inc')
    [ ${#sources[@]} -gt 20 ] || fail "only ${#sources[@]} sources under core: the wrong place"
    found=$(lines_of '# *include +[<"](\.\./|sim/)' "${sources[@]}")
    [ -z "$found" ] || fail "$found"
}

depends_on_nothing_of_the_simulator()
{
    local build_files found

    mapfile -t build_files < <(find "$core" -name BUILD)
    [ ${#build_files[@]} -gt 3 ] || fail "only ${#build_files[@]} BUILD files under core"
    found=$(lines_of '"//sim' "${build_files[@]}")
    [ -z "$found" ] || fail "$found"
}

# What sim/ defines, less what the C library has too: those it takes the place of by their own names.
simulator_symbols()
{
    local archive

    for archive in "${files[@]}"; do
        [[ $archive != sim/*.a ]] || nm -g --defined-only "$archive" 2>/dev/null
    done | awk 'NF == 3 { print $3 }' | sort -u |
        comm -23 - <(nm -D --defined-only "$(ldd "${builds[plain]}" | awk '/libc\.so/ { print $3 }')" |
            awk 'NF == 3 { sub(/@.*/, "", $3); print $3 }' | sort -u)
}

hooks='(^|[ @])(core_hook_|__wrap_|__real_)[A-Za-z0-9_]*'

# Every symbol of FILE, defined or not, that belongs to the simulator.
foreign_symbols() # FILE SIMULATOR_SYMBOLS
{
    nm "$1" 2>/dev/null | awk 'NF >= 2 { sub(/@.*/, "", $NF); print $NF }' | sort -u >"$case_dir/all"
    [ "$(wc -l <"$case_dir/all")" -gt 2 ] || fail "nm shows nothing of $1"
    grep -E "$hooks" "$case_dir/all" || true
    comm -12 "$case_dir/all" "$2"
}

ships_no_symbol_of_the_simulator() # FILE
{
    local found

    simulator_symbols >"$case_dir/simulator"
    [ "$(wc -l <"$case_dir/simulator")" -gt 50 ] || fail "the simulator has hardly any symbol"
    found=$(foreign_symbols "$1" "$case_dir/simulator")
    [ -z "$found" ] || fail "${1##*/}: $found"
}

# The same look at a simulated twin must see the hooks, or it sees nothing at all. (mux is pure: it
# has neither atomics nor pools.)
twin_shows_the_hooks() # FILE
{
    [[ $(foreign_symbols "$1" /dev/null) == *core_hook_* ]] || fail "no hook in ${1##*/}"
}

run_case includes_nothing_of_the_simulator includes_nothing_of_the_simulator
run_case depends_on_nothing_of_the_simulator depends_on_nothing_of_the_simulator
run_case heddle_proxy_ships_no_symbol_of_the_simulator \
    ships_no_symbol_of_the_simulator "${builds[plain]}"
for file in "${files[@]}"; do
    case $file in
    core/mux/*_sim.a) ;;
    core/*_sim.a) run_case "$file twin_shows_the_hooks" twin_shows_the_hooks "$file" ;;
    core/*.a) run_case "$file ships_no_symbol_of_the_simulator" ships_no_symbol_of_the_simulator "$file" ;;
    esac
done
end_cases
