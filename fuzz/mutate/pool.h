/*
 * fuzz/mutate/pool.h - which input is changed next, and how: the part of the fuzzer that spends.
 *
 * An engine picks from one large corpus, where a small scene with a bug that one schedule in
 * hundreds shows is seldom looked at again. Here runs are shared out by what they cost, in steps:
 *
 *     spread  schedules of each scene that the engine loaded, more steps for one where threads
 *             meet more often, and of the same with more work where they meet in more ways then;
 *             and changes of such schedules as showed something new
 *     fresh   a few schedules of each scene that a mutation made and that showed something new
 *     engine  the whole mutator on what the engine picked
 *
 * All is decided by what the engine's own numbers and the runs were: no clock. What comes
 * to code that no run came to is for the engine's corpus; of what has new features of schedules
 * alone only the first few inputs of each scene are.
 *
 * Owner: the process.  Threads: one at a time.
 */
#ifndef FUZZ_MUTATE_POOL_H
#define FUZZ_MUTATE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mutate_engine;

enum pool_mode {
    POOL_ON,
    POOL_OFF,       /* the engine's choice alone */
    POOL_RANDOM,    /* to compare with: loaded scenes alone, any of them, strategy `random` */
    POOL_PORTFOLIO, /* likewise, any of the mutator's strategies */
    POOL_MODE_COUNT
};

/* What a run was. */
struct pool_run {
    uint64_t scene; /* names all but the recorded part */
    uint64_t steps;
    const uint16_t *features;
    size_t feature_count;
    bool has_new_code;
};

/* "", "off", "random", "portfolio"; POOL_MODE_COUNT: none of these. */
enum pool_mode pool_mode_of(const char *word);
/* Before the first run; POOL_ON otherwise. */
void pool_set_mode(enum pool_mode mode);

/* After each run of an input. False: it need not come into the corpus. */
bool pool_ran(const uint8_t *data, size_t len, const struct pool_run *run);

/* The next input, from the one that the engine picked; in place, at most `len_max`. `other` is one
 * that it picked to be crossed with, or NULL. */
size_t pool_next(uint8_t *data, size_t len, size_t len_max, const uint8_t *other, size_t other_len,
                 uint64_t seed, const struct mutate_engine *engine);

/* Forgets all. */
void pool_reset(void);

#endif
