/*
 * sim/bench/programs.c - small programs under a random walk, three of them as other tools measure
 * them.
 *
 * (a) two threads take and give one mutex ten times each; (b) Dekker's mutual exclusion for three
 * threads, two rounds, sequentially consistent; (c) three threads drop a reference. Plus a mix that
 * stands for a small foreign program, one with many threads, and one that does nothing at all. In
 * the explore build races are looked for meanwhile.
 */
#include <stdio.h>

#include "sim/bench/bench.h"
#include "sim/bench/small.h"
#include "sim/posix/program.h"
#include "sim/sched/sched.h"
#include "sim/sched/strategy.h"

enum { STRETCH_RUNS = 500 };

#ifdef HEDDLE_BUILD_EXPLORE
#define WATCHED " (races watched)"
static const double budget_26_points = 300000;
#else
#define WATCHED ""
static const double budget_26_points = 1000000;
#endif

static void measure(const char *name, int (*program)(void *arg), double budget)
{
    struct strategy_spec strategy = {.ops = &strategy_random};
    struct run_spec spec = {.strategy = &strategy, .step_cost_ns = 100, .steps_max = 100000};
    struct run_result result;
    uint64_t runs = 0;
    uint64_t steps = 0;
    uint64_t switches = 0;
    double best_s = 1e9; /* a run; of several stretches: what other work did not disturb */

    for (double begin = bench_now_s(); bench_now_s() - begin < bench_options.seconds;) {
        double from = bench_now_s();
        for (int i = 0; i < STRETCH_RUNS; i++) {
            spec.source = (struct choice_source){.kind = CHOICE_FROM_SEED, .seed = ++runs};
            program_run(program, NULL, &spec, &result);
            steps += result.steps;
            switches += result.switches;
        }
        double run_s = (bench_now_s() - from) / (double)STRETCH_RUNS;
        if (run_s < best_s)
            best_s = run_s;
    }
    char detail[64];
    (void)snprintf(detail, sizeof(detail), "%.1f points, %.1f switches a run",
                   (double)steps / (double)runs, (double)switches / (double)runs);
    bench_row("programs", name, 1 / best_s, "runs/s", budget, detail);
}

void bench_programs(void)
{
    measure("one thread that does nothing" WATCHED, small_empty, 0);
    measure("(a) 2 threads x 10 lock and unlock" WATCHED, small_mutex, 1000000);
    measure("(b) 3-thread Dekker, 2 rounds" WATCHED, small_dekker, 1300000);
    measure("(c) 3 threads drop a reference" WATCHED, small_reference, 6500000);
    measure("3 threads, 26 points: lock, load, store" WATCHED, small_mixed, budget_26_points);
    measure("100 threads of one atomic each" WATCHED, small_crowd, 20000);
}
