/*
 * sim/sched/strategy_dull.c - no preemption, round and round: the base run.
 *
 * Also the stand-in for runs from a recording, whose deviations the scheduler applies itself.
 */
#include "sim/sched/strategy.h"

static void begin(struct strategy_run *run)
{
    (void)run;
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    (void)run;
    (void)current;
    return dull;
}

static void ignore(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    (void)thread;
}

const struct strategy_ops strategy_dull = {
    .name = "dull", .begin = begin, .pick = pick, .spawned = ignore, .yielded = ignore};

const struct strategy_ops strategy_recorded = {
    .name = "recorded", .begin = begin, .pick = pick, .spawned = ignore, .yielded = ignore};
