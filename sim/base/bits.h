/*
 * sim/base/bits.h - sets of small numbers as words.
 *
 * Threads: any; pure.
 */
#ifndef SIM_BASE_BITS_H
#define SIM_BASE_BITS_H

#include <stdint.h>

/* The number of the `nth` bit that is set, the lowest being the 0th; there are more than `nth`. */
static inline uint32_t bits_select(uint64_t bits, uint32_t nth)
{
#ifdef __x86_64__
    /* A loop of random length is mispredicted each time it ends. */
    if (__builtin_expect(__builtin_cpu_supports("bmi2"), 1)) {
        uint64_t bit;
        __asm__("pdep %2, %1, %0" : "=r"(bit) : "r"(UINT64_C(1) << nth), "r"(bits));
        return (uint32_t)__builtin_ctzll(bit);
    }
#endif
    while (nth-- > 0)
        bits &= bits - 1;
    return (uint32_t)__builtin_ctzll(bits);
}

#endif
