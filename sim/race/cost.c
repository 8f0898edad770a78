/*
 * sim/race/cost.c - what the detector costs, in real time: a table, never asserted.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sim/race/litmus.h"
#include "sim/race/race.h"
#include "sim/sched/sched.h"
#include "sim/sched/strategy.h"

#define OPERATIONS 2000000
#define RUNS 100000

struct row {
    const char *name;
    void (*body)(unsigned long count);
};

static const struct row rows[] = {
    {"plain access, the same place again", litmus_touch_one},
    {"plain access, 32 places in turn", litmus_touch_many},
    {"atomic store and load in turn, points", litmus_atomic_store_load},
    {"atomic addition (acq_rel), a point", litmus_atomic_add},
    {"call and return, one access", litmus_call},
};

static uint64_t real_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void call_row(void *arg)
{
    const struct row *row = arg;

    row->body(OPERATIONS);
}

static void do_nothing(void *arg)
{
    (void)arg;
}

/* A thread by itself would not be watched at all. */
static void start_row(void *context)
{
    (void)sched_spawn("a", NULL, call_row, context);
    (void)sched_spawn("b", NULL, do_nothing, NULL);
}

static void call_body(void *arg)
{
    void (*const *body)(void) = arg;

    (*body)();
}

static void start_litmus(void *context)
{
    const struct litmus *litmus = context;

    litmus_reset();
    for (int i = 0; i < LITMUS_BODIES_MAX && litmus->bodies[i] != NULL; i++)
        (void)sched_spawn("t", NULL, call_body, (void *)&litmus->bodies[i]);
}

static bool end_at_quiet(void *context, uint64_t next_due_ns)
{
    (void)context;
    return next_due_ns != TIME_NEVER;
}

static uint64_t run(void (*start)(void *), const void *context, uint64_t seed)
{
    static const struct strategy_spec random = {.ops = &strategy_random};
    struct run_result result;
    struct run_spec spec = {
        .strategy = &random,
        .source = {.kind = CHOICE_FROM_SEED, .seed = seed},
        .start = start,
        .quiet = end_at_quiet,
        .context = (void *)(uintptr_t)context,
    };

    sched_run(&spec, &result);
    if (result.finding.kind != FINDING_NONE)
        printf("%s\n", result.finding.title);
    return result.steps;
}

static void time_runs(const char *name)
{
    const struct litmus *litmus = litmus_table;
    uint64_t steps = 0;

    while (strcmp(litmus->name, name) != 0)
        litmus++;
    uint64_t start = real_ns();
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        steps += run(start_litmus, litmus, seed);
    uint64_t elapsed = real_ns() - start;
    printf("%-40s %10.0f ns a run of %.1f points\n", name, (double)elapsed / RUNS,
           (double)steps / RUNS);
}

int main(void)
{
    sched_init();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)run(start_row, &rows[i], 1);
        uint64_t start = real_ns();
        (void)run(start_row, &rows[i], 1);
        printf("%-40s %10.1f ns\n", rows[i].name, (double)(real_ns() - start) / OPERATIONS);
    }
    time_runs("release, acquire");
    time_runs("spin lock");
    time_runs("Peterson, seq_cst");
    return 0;
}
