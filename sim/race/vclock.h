/*
 * sim/race/vclock.h - vector clocks: how much of each thread's past is known.
 *
 * Clocks count up over all runs and are never set back: a run begins with race.base at the highest
 * value ever given, so that whatever an earlier run left behind is in everybody's past. An entry
 * that a clock has no room for is race.base.
 *
 * Owner: the run's arena.  Threads: none, the engine runs on one.
 */
#ifndef SIM_RACE_VCLOCK_H
#define SIM_RACE_VCLOCK_H

#include <stdint.h>

enum { CLOCK_STEP = 8 }; /* entries are given in eights */

/* All zero is the clock that knows nothing of this run. */
struct vclock {
    uint32_t *at;
    uint32_t count; /* a multiple of CLOCK_STEP */
};

/* Makes room for entries below `count`. */
void vclock_grow(struct vclock *clock, uint32_t count);

/* Knows what both knew. */
static inline void vclock_join(struct vclock *into, const struct vclock *from)
{
    uint32_t count = from->count;

    if (__builtin_expect(into->count < count, 0))
        vclock_grow(into, count);
    for (uint32_t i = 0; i < count; i += CLOCK_STEP) {
        for (uint32_t j = i; j < i + CLOCK_STEP; j++)
            into->at[j] = into->at[j] > from->at[j] ? into->at[j] : from->at[j];
    }
}

/* Knows what `from` knows, no more. */
void vclock_copy(struct vclock *into, const struct vclock *from);

/* Knows nothing of this run any more. */
void vclock_clear(struct vclock *clock);

#endif
