#!/usr/bin/env bash
# bench.sh - how many runs of the world target, and how much of a processor's time, it takes to find
# planted bugs, and what each part of the fuzzer is worth. By hand; README.md says how it is built:
#
#     fuzz/bench/bench.sh RESULTS PROGRAM CORPUS [PLANT...]   (without plants: the twenty of the table)
#     fuzz/bench/bench.sh --table RESULTS                     (prints what there is)
#
# Each cell of plants x ways x seeds is a line of the file RESULTS, written when it is finished; what
# is there already is not run again. So it can be stopped and goes on where it was.
#
#     libfuzzer  the fuzzer as it is
#     afl        AFL++ with our mutator (AFL=PROGRAM built for it, MUTATOR=libheddle_mutator.so)
#     random     any of the shipped scenarios as they are, a uniformly random schedule, no feedback
#     portfolio  the same with any of our own strategies
#     cover      the whole mutator, code coverage alone
#     before     the whole mutator on what libFuzzer picks, all channels
#
# WAYS="..." which of them, SEEDS=5 how often each, JOBS=1 how many at a time; a cell ends without a
# finding after SECONDS_MAX=120 or RUNS_MAX=400000. A finding counts when it is not there without the
# plant (fuzz/target/world.c sees to it). A line is: plant, way, seed, found or -, runs, milliseconds
# of user and system time, the finding.
set -u -o pipefail

twenty=(K02b K05b K17 K18 K20a H01 C23 C26 C24 C36 C38 C40 C42 C51 C56 C57 C60a C62a C63 C49b)

print_table() # RESULTS
{
    awk -F'\t' -v ways="${WAYS:-libfuzzer afl random cover portfolio before}" '
    function median(list,   a, n, i, j, t) {
        n = split(list, a, " ")
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && a[j] + 0 < a[j - 1] + 0; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
        return a[int((n + 1) / 2)] + 0
    }
    function shown(value, what) {
        return value >= 1e12 ? "-" : what == "runs" ? sprintf("%d", value) : sprintf("%.2f", value / 1000)
    }
    {
        if (!($1 in known)) { known[$1]; plants[++plant_count] = $1 }
        key = $1 SUBSEP $2
        n[key]++
        found[key] += $4 == "found"
        runs[key] = runs[key] " " sprintf("%.0f", $4 == "found" ? $5 : 1e12 + $5)
        time[key] = time[key] " " sprintf("%.0f", $4 == "found" ? $6 : 1e12 + $6)
    }
    END {
        count = split(ways, way, " ")
        printf "plant"
        for (w = 1; w <= count; w++) printf "\t%s found\truns\tseconds", way[w]
        print ""
        for (p = 1; p <= plant_count; p++) {
            printf "%s", plants[p]
            for (w = 1; w <= count; w++) {
                key = plants[p] SUBSEP way[w]
                if (!(key in n)) { printf "\t.\t.\t."; continue }
                r[key] = median(runs[key]); t[key] = median(time[key])
                printf "\t%d/%d\t%s\t%s", found[key], n[key], shown(r[key], "runs"), shown(t[key], "time")
            }
            print ""
        }
        print ""
        for (f = 1; f <= count; f++) {
            if (way[f] != "libfuzzer" && way[f] != "afl") continue
            for (w = 1; w <= count; w++) {
                if (w == f || way[w] == "afl" || way[w] == "libfuzzer") continue
                both = fewer = less = 0; log_runs = log_time = 0
                for (p = 1; p <= plant_count; p++) {
                    a = plants[p] SUBSEP way[f]; b = plants[p] SUBSEP way[w]
                    if (!(a in n) || !(b in n) || (r[a] >= 1e12 && r[b] >= 1e12)) continue
                    both++
                    fewer += r[a] < r[b]; less += t[a] < t[b]
                    # Not found: at least as many as were made.
                    log_runs += log((r[b] % 1e12 + 1) / (r[a] % 1e12 + 1))
                    log_time += log((t[b] % 1e12 + 1) / (t[a] % 1e12 + 1))
                }
                if (both)
                    printf "%s against %s: fewer runs in %d of %d plants, %.2f times as few; less time in %d, %.2f times as little\n",
                        way[f], way[w], fewer, both, exp(log_runs / both), less, exp(log_time / both)
            }
        }
    }' "$1"
}

run_libfuzzer() # plant way seed log: prints the runs
{
    local channels= mode=
    case $2 in
    cover) channels=0 mode=off ;;
    before) mode=off ;;
    random | portfolio) channels=0 mode=$2 ;;
    esac
    mkdir corpus
    HEDDLE_PLANT=$1 HEDDLE_FUZZ_CHANNELS=$channels HEDDLE_FUZZ_POOL=$mode \
        "$program" -seed="$3" -runs="$runs_max" -max_total_time="$seconds_max" -print_final_stats=1 \
        -artifact_prefix=./ corpus "$corpus" >log 2>&1
    sed -n 's/^stat::number_of_executed_units: *//p' log >runs
}

# What the engine says of a crash is that there is one; the target's own words come when it is run alone.
run_afl() # plant seed
{
    local crash
    # AFL++ itself passes over seeds that crash.
    HEDDLE_PLANT=$1 "$AFL" "$corpus"/* >log 2>&1
    if grep -aq '^finding: ' log; then
        echo $(($(grep -ac '^Execution successful' log) + 1)) >runs
        return
    fi
    HEDDLE_PLANT=$1 AFL_CUSTOM_MUTATOR_LIBRARY=$MUTATOR AFL_CUSTOM_MUTATOR_ONLY=1 AFL_BENCH_UNTIL_CRASH=1 \
        AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
        AFL_FAST_CAL=1 AFL_SKIP_CRASHES=1 AFL_FORKSRV_INIT_TMOUT=60000 \
        afl-fuzz -i "$corpus" -o out -s "$2" -t 5000+ -V "$seconds_max" -E "$runs_max" -- "$AFL" >afl-log 2>&1
    sed -n 's/^execs_done *: *//p' out/default/fuzzer_stats >runs
    crash=$(find out/default/crashes -name 'id:*' 2>/dev/null | sort | head -1)
    [ -z "$crash" ] || HEDDLE_PLANT=$1 "$AFL" "$crash" >log 2>&1
}

run_cell() # plant way seed
{
    local work times found runs
    work=$(mktemp -d "${TMPDIR:-/tmp}/heddle-bench.XXXXXX") || exit 1
    cd "$work" || exit 1
    : >log
    TIMEFORMAT='%U %S'
    if [ "$2" = afl ]; then
        times=$({ time run_afl "$1" "$3" 2>/dev/null; } 2>&1)
    else
        times=$({ time run_libfuzzer "$1" "$2" "$3" 2>/dev/null; } 2>&1)
    fi
    found=$(grep -a '^finding: ' log | head -1)
    runs=$(cat runs 2>/dev/null)
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$([ -n "$found" ] && echo found || echo -)" \
        "${runs:-0}" "$(awk '{ printf "%d", ($1 + $2) * 1000 }' <<<"$times")" "${found#finding: }" |
        tee -a "$results"
    cd / && rm -rf "$work"
}

if [ "${1-}" = --table ]; then
    print_table "${2:?RESULTS}"
    exit
fi
is_cell=
[ "${1-}" != --cell ] || { is_cell=1; shift; }
results=$(realpath "${1:?RESULTS}")
program=$(realpath "${2:?PROGRAM}")
corpus=$(realpath "${3:?CORPUS}")
shift 3
seconds_max=${SECONDS_MAX:-120}
runs_max=${RUNS_MAX:-400000}
if [ -n "$is_cell" ]; then
    run_cell "$@"
    exit
fi

plants=("$@")
[ ${#plants[@]} -gt 0 ] || plants=("${twenty[@]}")
ways=${WAYS:-libfuzzer random cover portfolio}
[ -n "${WAYS-}" ] || [ -z "${AFL-}" ] || ways+=" afl"
touch "$results"
# Seed after seed, so that what there is is comparable whenever it is stopped.
for ((seed = 1; seed <= ${SEEDS:-5}; seed++)); do
    for plant in "${plants[@]}"; do
        for way in $ways; do
            grep -q "^$plant	$way	$seed	" "$results" || printf '%s %s %s\n' "$plant" "$way" "$seed"
        done
    done
done | xargs -r -P "${JOBS:-1}" -L 1 "$0" --cell "$results" "$program" "$corpus"
echo
print_table "$results"
