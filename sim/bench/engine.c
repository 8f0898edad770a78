/*
 * sim/bench/engine.c - what a scheduling point costs: alone, decided without a switch, with one.
 */
#include "sim/bench/bench.h"
#include "sim/sched/sched.h"
#include "sim/sched/strategy.h"

enum { POINTS = 200000 };

static void pass_points(void *arg)
{
    int object;

    (void)arg;
    for (int i = 0; i < POINTS; i++)
        sched_point(OP_LOAD, &object, "object", NULL);
}

static void start_one(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, pass_points, NULL);
}

static void start_two(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, pass_points, NULL);
    (void)sched_spawn("b", NULL, pass_points, NULL);
}

static bool end(void *context, uint64_t next_due_ns)
{
    (void)context;
    (void)next_due_ns;
    return false;
}

static void ignore_run(struct strategy_run *run)
{
    (void)run;
}

static void ignore_thread(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    (void)thread;
}

/* The other one of two, as long as both are there. */
static struct vthread *pick_other(struct strategy_run *run, struct vthread *current,
                                  struct vthread *dull)
{
    if (run->enabled_count < 2 || current == NULL)
        return dull;
    return run->threads[current->id == 1 ? 2 : 1];
}

static const struct strategy_ops alternate = {.name = "alternate",
                                              .begin = ignore_run,
                                              .pick = pick_other,
                                              .spawned = ignore_thread,
                                              .yielded = ignore_thread};

static void measure(const char *name, void (*start)(void *), const struct strategy_ops *ops,
                    double budget)
{
    struct strategy_spec strategy = {.ops = ops, .switch_ppm = 10000, .depth = 3};
    struct run_spec spec = {.strategy = &strategy,
                            .source = {.kind = CHOICE_FROM_SEED, .seed = 1},
                            .step_cost_ns = 100,
                            .base_steps = POINTS,
                            .start = start,
                            .quiet = end};
    struct run_result result;
    double best = 1e9;

    /* The best of several stretches: what the machine's other work did not disturb. */
    for (double begin = bench_now_s(); bench_now_s() - begin < bench_options.seconds;) {
        double from = bench_now_s();
        sched_run(&spec, &result);
        double ns = (bench_now_s() - from) * 1e9 / (double)result.steps;
        if (ns < best)
            best = ns;
    }
    bench_row("engine", name, best, "ns", budget, NULL);
}

void bench_engine(void)
{
    measure("a point, one thread", start_one, &strategy_random, 10);
    measure("a point with a decision, no switch", start_two, &strategy_dull, 10);
    measure("a point with a switch of thread and TLS", start_two, &alternate, 20);
    measure("a point under the random walk (half switch)", start_two, &strategy_random, 0);
    measure("a point under PCT", start_two, &strategy_pct, 0);
    measure("a point under POS", start_two, &strategy_pos, 0);
    measure("a point under the sticky walk", start_two, &strategy_sticky, 0);
}
