/*
 * sim/search/sketch.c - see sketch.h.
 */
#include "sim/search/sketch.h"

#include <string.h>

/* splitmix64's finaliser: every bit of the hash moves every bit of the key, and none are equal that
 * were not. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static uint32_t find(const struct sketch *sketch, uint64_t key)
{
    uint32_t low = 0;
    uint32_t high = sketch->count;

    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (sketch->keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void sketch_add(struct sketch *sketch, uint64_t key, uint64_t runs)
{
    const uint32_t at = find(sketch, key);

    if (at < sketch->count && sketch->keys[at] == key) {
        sketch->runs[at] += runs;
        return;
    }
    if (at == SKETCH_ENTRIES_MAX)
        return;
    if (sketch->count < SKETCH_ENTRIES_MAX)
        sketch->count++;
    const size_t moved = sketch->count - 1 - at;
    memmove(&sketch->keys[at + 1], &sketch->keys[at], moved * sizeof(sketch->keys[0]));
    memmove(&sketch->runs[at + 1], &sketch->runs[at], moved * sizeof(sketch->runs[0]));
    sketch->keys[at] = key;
    sketch->runs[at] = runs;
}

void sketch_note(struct sketch *sketch, uint64_t trace_hash)
{
    sketch_add(sketch, mix(trace_hash), 1);
}

void sketch_merge(struct sketch *sketch, const struct sketch *other)
{
    for (uint32_t i = 0; i < other->count; i++)
        sketch_add(sketch, other->keys[i], other->runs[i]);
}

/* What `part` of the sample stands for in the whole: the sample's highest key says which share of
 * all keys it holds. */
static uint64_t scale(const struct sketch *sketch, uint64_t part)
{
    if (sketch->count < SKETCH_ENTRIES_MAX)
        return part;
    const uint64_t span = sketch->keys[SKETCH_ENTRIES_MAX - 1];
    return span == 0 ? part : (uint64_t)(((unsigned __int128)part << 64) / span);
}

uint64_t sketch_distinct(const struct sketch *sketch)
{
    return sketch->count < SKETCH_ENTRIES_MAX ? sketch->count
                                              : scale(sketch, SKETCH_ENTRIES_MAX - 1);
}

uint64_t sketch_seen_once(const struct sketch *sketch)
{
    uint64_t once = 0;

    for (uint32_t i = 0; i < sketch->count; i++)
        once += sketch->runs[i] == 1;
    return scale(sketch, once);
}
