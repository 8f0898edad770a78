/*
 * fuzz/target/cut.h - pieces to cut an input into, so that a parser can be held to giving the same
 * result however its bytes arrive. Decided by the input itself: runs repeat.
 *
 * Threads: any.
 */
#ifndef FUZZ_TARGET_CUT_H
#define FUZZ_TARGET_CUT_H

#include <stddef.h>
#include <stdint.h>

struct cut {
    uint32_t mix;
};

static inline struct cut cut_begin(const uint8_t *data, size_t len)
{
    uint32_t mix = 2166136261U;

    for (size_t i = 0; i < len && i < 64; i++)
        mix = (mix ^ data[i]) * 16777619U;
    return (struct cut){mix ^ (uint32_t)len};
}

/* The length of the next piece of the `left` (> 0) bytes: mostly a few. */
static inline size_t cut_next(struct cut *cut, size_t left)
{
    cut->mix = cut->mix * 1664525U + 1013904223U;
    size_t len = 1 + (cut->mix >> 24) % ((cut->mix & 0x100000) != 0 ? 64 : 4);
    return len < left ? len : left;
}

#endif
