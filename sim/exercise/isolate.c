/*
 * sim/exercise/isolate.c - workers isolate themselves while the others work.
 *
 * Property: who is alone is alone: nobody else is between the begin and the end of a piece of work.
 */
#include <stdlib.h>

#include "core/base/atomic.h"
#include "core/base/hook.h"
#include "sim/exercise/exercise.h"
#include "sim/sched/sched.h"

struct state {
    _Atomic uint32_t is_working[WORKERS_MAX]; /* in the middle of something shared */
    _Atomic uint32_t alone_count;
};

static void be_alone(struct exercise_run *run, int worker)
{
    struct state *state = run->state;

    if (exercise_draw(3) == 0)
        isolate_begin_full();
    else
        isolate_begin();
    uint32_t others = atom_fetch_add(&state->alone_count, 1, memory_order_relaxed);
    for (unsigned i = 0; i < run->workers; i++) {
        if (i != (unsigned)worker)
            others += atom_load(&state->is_working[i]);
    }
    if (others != 0)
        finding_fail(FINDING_INVARIANT, NULL,
                     "invariant: a worker works while another one is alone");
    atom_fetch_sub(&state->alone_count, 1, memory_order_relaxed);
    isolate_end();
}

static void work(struct exercise_run *run, int worker)
{
    struct state *state = run->state;

    atom_store(&state->is_working[worker], 1);
    atom_store(&state->is_working[worker], 0);
}

static void step(struct exercise_run *run, int worker, uint32_t round)
{
    (void)round;
    if (exercise_draw(2) == 0)
        be_alone(run, worker);
    else
        work(run, worker);
}

static void begin(struct exercise_run *run)
{
    run->state = calloc(1, sizeof(struct state));
    BUG_ON(run->state == NULL);
    exercise_drive(run, step);
}

static void end(struct exercise_run *run)
{
    free(run->state);
    run->state = NULL;
}

const struct exercise exercise_isolate = {
    .name = "isolate",
    .begin = begin,
    .end = end,
};
