/*
 * sim/race/vclock.c - see vclock.h.
 */
#include "sim/race/vclock.h"

#include <string.h>

#include "sim/race/internal.h"

void vclock_grow(struct vclock *clock, uint32_t count)
{
    uint32_t rounded = (count + CLOCK_STEP - 1) & ~(uint32_t)(CLOCK_STEP - 1);

    if (rounded <= clock->count)
        return;
    uint32_t *at = arena_take(sched_arena(), rounded * sizeof(*at));
    if (clock->count != 0)
        memcpy(at, clock->at, clock->count * sizeof(*at));
    for (uint32_t i = clock->count; i < rounded; i++)
        at[i] = race.base;
    clock->at = at;
    clock->count = rounded;
}

void vclock_copy(struct vclock *into, const struct vclock *from)
{
    vclock_grow(into, from->count);
    if (from->count != 0)
        memcpy(into->at, from->at, from->count * sizeof(*into->at));
    for (uint32_t i = from->count; i < into->count; i++)
        into->at[i] = race.base;
}

void vclock_clear(struct vclock *clock)
{
    for (uint32_t i = 0; i < clock->count; i++)
        clock->at[i] = race.base;
}
