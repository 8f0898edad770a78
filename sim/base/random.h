/*
 * sim/base/random.h - the generator behind every seed: splitmix64, frozen.
 *
 * Changing anything here changes the meaning of every seed ever printed.
 *
 * Threads: any; the state is the caller's.
 */
#ifndef SIM_BASE_RANDOM_H
#define SIM_BASE_RANDOM_H

#include <stdint.h>

/* Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014: the finaliser.
 */
static inline uint64_t random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return random_mix(*state);
}

/* 0..n-1, n > 0; the bias is below 2^-32. */
static inline uint32_t random_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(((random_next(state) >> 32) * n) >> 32);
}

#endif
