/*
 * fuzz/world/steer.h - a strategy that follows a recording where it says something, and another
 * strategy where it does not.
 *
 * So a fuzzer's input can hold a seed and a few deviations from what the seed makes of it. Each
 * step is shown to whoever listens.
 *
 * Owner: the process; one at a time.  Threads: none, the engine runs on one.
 */
#ifndef FUZZ_WORLD_STEER_H
#define FUZZ_WORLD_STEER_H

#include "sim/sched/strategy.h"

struct steer_listener {
    /* `thread` now does what it announced. May be NULL. */
    void (*stepped)(void *context, const struct strategy_run *run, const struct vthread *thread);
    /* `current` (NULL: nobody yet) made its decision number `count`, and `picked` goes on. May be
     * NULL. */
    void (*picked)(void *context, const struct strategy_run *run, const struct vthread *current,
                   uint32_t count, const struct vthread *picked);
    void *context;
};

/* `inner` with the recording of a run of CHOICE_FROM_MIXTURE in front of it. `listener` may be NULL
 * and is borrowed. Valid until called again. */
const struct strategy_spec *steer_by(const struct strategy_spec *inner,
                                     const struct steer_listener *listener);

#endif
