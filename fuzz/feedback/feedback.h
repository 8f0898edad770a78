/*
 * fuzz/feedback/feedback.h - what a run did that code coverage does not see: who met whom, and how.
 *
 * Each step of the run is looked at. Meetings of two threads at one object are hashed into a map of
 * counters, in channels of their own so that none can crowd out another; the fuzzer's engine takes
 * them for coverage (libFuzzer's extra counters, AFL++'s map). Everything is named by places in the
 * code and by names, never by addresses or by thread numbers: the same run has the same features in
 * every process of one build.
 *
 * Owner: the process.  Threads: none, the engine runs on one; between runs but feedback_step().
 */
#ifndef FUZZ_FEEDBACK_FEEDBACK_H
#define FUZZ_FEEDBACK_FEEDBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vthread;

/* X(enumerator, word, counters: a power of two)
 * libFuzzer keeps 2^21 features, eight a counter: all channels together stay at 64 Ki. */
#define FEEDBACK_CHANNELS(X)                                                                       \
    X(SYNC, "sync", 4096)        /* who let go of a lock, and who took it next */                  \
    X(READS, "reads", 16384)     /* who wrote what another reads */                                \
    X(CONTEXT, "context", 32768) /* the same, and what the reader is in the middle of */           \
    X(ALIAS, "alias", 8192)      /* what two threads did to one object, one after the other */     \
    X(STATE, "state", 4096)      /* which mark of the code under test followed which */

enum feedback_channel {
#define X(name, word, counters) FEEDBACK_##name,
    FEEDBACK_CHANNELS(X)
#undef X
        FEEDBACK_CHANNEL_COUNT
};

enum {
#define X(name, word, counters) +counters
    FEEDBACK_COUNTERS = 0 FEEDBACK_CHANNELS(X),
#undef X
    FEEDBACK_ALL = (1 << FEEDBACK_CHANNEL_COUNT) - 1,
};

const char *feedback_channel_word(enum feedback_channel channel);

/* Once in the process, before the first run. */
void feedback_install(void);

/* Which channels count, as a bit set; FEEDBACK_ALL at first. */
void feedback_channels_set(uint32_t channels);

/* Whether any does. */
bool feedback_is_on(void);

/* Around each run. */
void feedback_begin(void);
void feedback_end(void);

/* For a strategy's `stepped`: `thread` now does what it announced. */
void feedback_step(const struct vthread *thread);

/* ---- of the last run ---- */

/* The counters that it touched, as numbers below FEEDBACK_COUNTERS, in the order of first touch. */
const uint16_t *feedback_touched(size_t *count);
/* 0 if the run did not touch it. */
uint8_t feedback_counter(uint16_t number);
/* Of all that it touched and how often; equal runs have equal ones. */
uint64_t feedback_hash(void);

/* Whether it came to code where none had come that was asked about; libFuzzer alone knows. */
bool feedback_has_new_code(void);

#endif
