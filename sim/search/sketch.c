/*
 * sim/search/sketch.c - see sketch.h.
 */
#include "sim/search/sketch.h"

#include <stdbool.h>
#include <string.h>

/* splitmix64's finaliser: every bit of the feature moves every bit of the key. */
static uint32_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((value ^ (value >> 31)) >> 32);
}

/* Keys of a level are the lowest ones. */
static bool is_kept(const struct sketch *sketch, uint32_t key)
{
    return (uint64_t)key << sketch->level >> 32 == 0;
}

static uint32_t find(const struct sketch *sketch, uint32_t key)
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

void sketch_raise(struct sketch *sketch, uint32_t level)
{
    if (level > SKETCH_LEVEL_MAX)
        level = SKETCH_LEVEL_MAX;
    if (sketch->level >= level)
        return;
    sketch->level = level;
    while (sketch->count > 0 && !is_kept(sketch, sketch->keys[sketch->count - 1])) {
        sketch->count--;
        sketch->keys[sketch->count] = 0;
        sketch->seen[sketch->count] = 0;
    }
}

static uint8_t sum(uint32_t a, uint32_t b)
{
    return a + b > SKETCH_SEEN_MAX ? SKETCH_SEEN_MAX : (uint8_t)(a + b);
}

void sketch_add(struct sketch *sketch, uint32_t key, uint32_t seen)
{
    uint32_t at = find(sketch, key);

    if (!is_kept(sketch, key))
        return;
    if (at < sketch->count && sketch->keys[at] == key) {
        sketch->seen[at] = sum(sketch->seen[at], seen);
        return;
    }
    while (sketch->count == SKETCH_KEYS_MAX && sketch->level < SKETCH_LEVEL_MAX)
        sketch_raise(sketch, sketch->level + 1);
    if (!is_kept(sketch, key) || sketch->count == SKETCH_KEYS_MAX)
        return;
    at = find(sketch, key);
    const size_t moved = sketch->count - at;
    memmove(&sketch->keys[at + 1], &sketch->keys[at], moved * sizeof(sketch->keys[0]));
    memmove(&sketch->seen[at + 1], &sketch->seen[at], moved * sizeof(sketch->seen[0]));
    sketch->keys[at] = key;
    sketch->seen[at] = sum(seen, 0);
    sketch->count++;
}

void sketch_note_run(struct sketch *sketch, const uint64_t *features, size_t count)
{
    sketch->runs++;
    for (size_t i = 0; i < count; i++)
        sketch_add(sketch, mix(features[i]), 1);
}

void sketch_merge(struct sketch *sketch, const struct sketch *other)
{
    sketch->runs += other->runs;
    sketch_raise(sketch, other->level);
    for (uint32_t i = 0; i < other->count; i++)
        sketch_add(sketch, other->keys[i], other->seen[i]);
}

uint64_t sketch_distinct(const struct sketch *sketch)
{
    return (uint64_t)sketch->count << sketch->level;
}

uint64_t sketch_seen_in(const struct sketch *sketch, uint32_t runs)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < sketch->count; i++)
        count += sketch->seen[i] == runs;
    return count << sketch->level;
}

/* S + (n - 1) / n * f1 (f1 - 1) / (2 (f2 + 1)), which needs no f2. */
uint64_t sketch_total(const struct sketch *sketch)
{
    const uint64_t once = sketch_seen_in(sketch, 1);
    const uint64_t twice = sketch_seen_in(sketch, 2);

    if (once < 2)
        return sketch_distinct(sketch);
    const unsigned __int128 unseen =
        (unsigned __int128)once * (once - 1) / (2 * ((unsigned __int128)twice + 1));
    return sketch_distinct(sketch) + (uint64_t)(unseen * (sketch->runs - 1) / sketch->runs);
}
