/*
 * sim/posix/random.c - rand(3) and its kin: the same numbers in every run, from a state that a run
 * does not inherit from the one before.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/posix/thread.h"
#include "sim/posix/wrap_threads.h"

/* 31 bits of a 64-bit LCG (Knuth's MMIX), the high ones. */
static uint32_t next31(void)
{
    uint64_t *state = &posix_self()->process->random_state;

    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static void seed_with(uint64_t seed)
{
    posix_self()->process->random_state = seed;
    (void)next31();
}

int __wrap_rand(void)
{
    return sched_is_simulated() ? (int)next31() : __real_rand();
}

void __wrap_srand(unsigned seed)
{
    if (sched_is_simulated())
        seed_with(seed);
    else
        __real_srand(seed);
}

long __wrap_random(void)
{
    return sched_is_simulated() ? (long)next31() : __real_random();
}

void __wrap_srandom(unsigned seed)
{
    if (sched_is_simulated())
        seed_with(seed);
    else
        __real_srandom(seed);
}

long __wrap_lrand48(void)
{
    return sched_is_simulated() ? (long)next31() : __real_lrand48();
}

long __wrap_mrand48(void)
{
    return sched_is_simulated() ? (long)(int32_t)(next31() << 1) : __real_mrand48();
}

double __wrap_drand48(void)
{
    double value;

    if (!sched_is_simulated())
        return __real_drand48();
    /* The only floating-point result of the simulator: 31 random bits at the top of a mantissa. */
    uint64_t bits = UINT64_C(0x3ff0000000000000) | (uint64_t)next31() << 21;
    memcpy(&value, &bits, sizeof(value));
    return value - 1;
}

void __wrap_srand48(long seed)
{
    if (sched_is_simulated())
        seed_with((uint64_t)seed);
    else
        __real_srand48(seed);
}
