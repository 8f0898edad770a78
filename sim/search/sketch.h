/*
 * sim/search/sketch.h - a sample of the behaviours (trace hashes) that runs showed, with how often.
 *
 * It keeps those whose mixed hash is lowest, so which ones it keeps depends on the set alone: the
 * sketches of parts of a campaign merge into that of the whole, in any order. A hash that is in the
 * sample of the whole was in that of every part where it occurred, so its count is exact. From the
 * sample follow the number of distinct behaviours, of those seen once, and with that what Good and
 * Turing give as the chance that the next run shows a new one: seen once / runs.
 *
 * Owner: the caller's storage.  Threads: one.
 */
#ifndef SIM_SEARCH_SKETCH_H
#define SIM_SEARCH_SKETCH_H

#include <stddef.h>
#include <stdint.h>

enum { SKETCH_ENTRIES_MAX = 256 };

/* All zero is empty. Entries are sorted by key. */
struct sketch {
    uint32_t count;
    uint64_t keys[SKETCH_ENTRIES_MAX]; /* mixed */
    uint64_t runs[SKETCH_ENTRIES_MAX]; /* > 0 */
};

/* One more run that showed `trace_hash`. */
void sketch_note(struct sketch *sketch, uint64_t trace_hash);
/* `runs` runs of a behaviour by its key, as another sketch has it. */
void sketch_add(struct sketch *sketch, uint64_t key, uint64_t runs);
void sketch_merge(struct sketch *sketch, const struct sketch *other);

/* Estimates; exact while the sample is not full. */
uint64_t sketch_distinct(const struct sketch *sketch);
uint64_t sketch_seen_once(const struct sketch *sketch);

#endif
