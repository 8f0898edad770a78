/*
 * sim/search/sketch.h - in how many runs each feature of behaviour was seen: a sample that merges.
 *
 * A feature is a species, a run is a catch that shows some of them. From the number of features
 * seen in one run only and in two follow how likely the next run shows a new one (Good, Turing) and
 * how many there are (Chao), as Boehme: "STADS", TOSEM 2018, does for fuzzers.
 *
 * It keeps the features whose mixed hash begins with `level` zeros, with the least level at which
 * they have room. So what it keeps depends on the set alone: sketches of parts of a campaign merge
 * into that of the whole, in any order, and the counts of what is kept are exact (up to SEEN_MAX).
 *
 * Owner: the caller's storage.  Threads: one.
 */
#ifndef SIM_SEARCH_SKETCH_H
#define SIM_SEARCH_SKETCH_H

#include <stddef.h>
#include <stdint.h>

enum { SKETCH_KEYS_MAX = 4096, SKETCH_SEEN_MAX = UINT8_MAX, SKETCH_LEVEL_MAX = 31 };

/* All zero is empty. Entries are sorted by key. */
struct sketch {
    uint64_t runs; /* that were watched */
    uint32_t level;
    uint32_t count;
    uint32_t keys[SKETCH_KEYS_MAX]; /* mixed */
    uint8_t seen[SKETCH_KEYS_MAX];  /* in how many runs, > 0; SKETCH_SEEN_MAX and more are one */
};

/* One more run, which showed these features, each given once. */
void sketch_note_run(struct sketch *sketch, const uint64_t *features, size_t count);

/* A feature by its key, as another sketch has it; that one's level is at least raised to. */
void sketch_raise(struct sketch *sketch, uint32_t level);
void sketch_add(struct sketch *sketch, uint32_t key, uint32_t seen);
void sketch_merge(struct sketch *sketch, const struct sketch *other);

/* Estimates; exact at level 0. */
uint64_t sketch_distinct(const struct sketch *sketch);
uint64_t sketch_seen_in(const struct sketch *sketch, uint32_t runs);
/* How many features there are, those never seen among them: a lower bound, after Chao. */
uint64_t sketch_total(const struct sketch *sketch);

#endif
