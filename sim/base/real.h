/*
 * sim/base/real.h - the real clock, for budgets and progress. No run may see it.
 *
 * Threads: any; between runs.
 */
#ifndef SIM_BASE_REAL_H
#define SIM_BASE_REAL_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some moment of this machine's; never goes back. */
static inline uint64_t real_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
