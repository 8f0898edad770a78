/*
 * sim/sched/strategy.h - who runs next: one strategy a file, one table of them.
 *
 * A strategy sees every runnable thread with the operation it is about to do, and picks. It draws
 * only from choice_sched_random(), so a run is named by (strategy, seed). Fairness is part of the
 * contract: a thread that yields or spins must come to be passed over, or waiting loops never end.
 *
 * Threads: none, the engine runs on one.
 */
#ifndef SIM_SCHED_STRATEGY_H
#define SIM_SCHED_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sched/vthread.h"

/* The runnable threads at a decision, as a bit set over ids, and the arrays the strategies keep. */
struct strategy_run {
    uint64_t enabled[VTHREADS_MAX / 64];
    uint32_t enabled_count;
    uint32_t thread_count; /* ids below this exist */
    struct vthread **threads;
    uint64_t steps;
    uint64_t base_steps;
    const struct strategy_spec *spec;
    uint64_t priority[VTHREADS_MAX];
    struct vthread *demoted; /* POS: who yielded last */
    /* PCT */
    uint64_t change_points[16];
    uint32_t change_count;
    uint32_t change_next;
    uint64_t low_water; /* next priority below all given so far */
};

struct strategy_ops {
    const char *name;
    void (*begin)(struct strategy_run *run);
    /* `current` just did a step and may be runnable or not. Returns an enabled thread. `dull` is
     * what the dull strategy would pick. */
    struct vthread *(*pick)(struct strategy_run *run, struct vthread *current,
                            struct vthread *dull);
    /* A new thread or lane; thread->parent_id says whose child it is. */
    void (*spawned)(struct strategy_run *run, struct vthread *thread);
    /* The thread yielded or was found to spin. */
    void (*yielded)(struct strategy_run *run, struct vthread *thread);
    /* `thread` now does the operation that it announced, whether or not there was a decision. May
     * be NULL, and costs nothing then. */
    void (*stepped)(struct strategy_run *run, struct vthread *thread);
    /* pick() is asked each time anybody stops, even when only one thread can go on, and may choose
     * a thread that yielded: for strategies that are told everything. */
    bool sees_all;
};

/* Of `period` without a number: the trials of a campaign take one plan after the other. */
#define STRATEGY_PLAN_NEXT UINT32_MAX

/* A strategy with its parameter: "dull", "random", "pct,d=3", "pos", "sticky,p=16", "surw", "rff",
 * "period,n=12", "skewed", "late". */
struct strategy_spec {
    const struct strategy_ops *ops;
    uint32_t depth;      /* pct */
    uint32_t switch_ppm; /* sticky: chance to leave a runnable thread, in 1/1000000 */
    uint32_t plan;       /* period: number in the list of plans (sim/sched/plan.h) */
};

/* 0, or -1 with a message in `error` when the text names no strategy or an unknown parameter. */
int strategy_parse(const char *text, struct strategy_spec *out, char *error, size_t error_bytes);
void strategy_print(const struct strategy_spec *spec, char *out, size_t out_bytes);

extern const struct strategy_ops strategy_dull;
extern const struct strategy_ops strategy_random;
extern const struct strategy_ops strategy_sticky;
extern const struct strategy_ops strategy_pct;
extern const struct strategy_ops strategy_pos;
extern const struct strategy_ops strategy_surw;
extern const struct strategy_ops strategy_rff;
extern const struct strategy_ops strategy_period;
extern const struct strategy_ops strategy_skewed;
extern const struct strategy_ops strategy_late;
extern const struct strategy_ops strategy_recorded; /* the choices of a recording */
extern const struct strategy_ops strategy_bytes;    /* the choices of a byte string */

#endif
