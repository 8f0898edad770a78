/*
 * sim/choice/choice.h - the one stream that decides everything that could have gone another way.
 *
 * Every nondeterministic thing in a run asks choice_draw(class, n) and gets 0..n-1. 0 is always the
 * dull answer: no fault, whole read, first in order, least delay. Each class draws from a substream
 * of its own, so that one more draw in the network does not reshuffle anything else. The source
 * behind the stream is a seed, bytes (a fuzzer's), or a recording; the answers that were not dull
 * are recorded as deviations, keyed by who drew and that drawer's own count, so that an edit
 * elsewhere does not shift them.
 *
 * Thread choices go through the strategies (sim/sched/strategy.h) but are recorded here too, as
 * class CHOICE_SCHED.
 *
 * Owner: the run.  Threads: none, the engine runs on one.
 */
#ifndef SIM_CHOICE_CHOICE_H
#define SIM_CHOICE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/random.h"

/* X(enumerator, word in scenario files, default rate of not-dull answers in 1/65536 per draw) */
#define CHOICE_CLASSES(X)                                                                          \
    X(SCHED, "sched", 0)          /* which thread runs */                                          \
    X(TIMER, "timer", 8192)       /* which of the timers due at the same instant fires first */    \
    X(WAKE, "wake", 16384)        /* which waiter of a condition or semaphore is woken */          \
    X(SPURIOUS, "spurious", 512)  /* a condition wait or poll returns for nothing */               \
    X(EPOLL_ORDER, "epoll", 8192) /* which ready fd epoll reports next */                          \
    X(SHORT_READ, "short-read", 2048)   /* a read returns fewer bytes than there are */            \
    X(SHORT_WRITE, "short-write", 2048) /* a write takes fewer bytes than there is room for */     \
    X(INTERRUPT, "interrupt", 0)        /* a blocking call returns EINTR */                        \
    X(ERRNO, "errno", 0)                /* a call fails as the system may make it fail */          \
    X(ALLOC, "alloc", 0)                /* an allocation fails */                                  \
    X(DELAY, "delay", 32768)            /* how long within its range a link holds a segment */     \
    X(LOSS, "loss", 0)                  /* a datagram is lost */                                   \
    X(DUPLICATE, "duplicate", 0)        /* a datagram arrives twice */                             \
    X(REORDER, "reorder", 0)            /* a datagram overtakes the one before */                  \
    X(RANGE, "range", 65536)            /* a value within a scenario's range */                    \
    X(CLOCK, "clock", 0)                /* once a run: time stands still while anybody can run */

enum choice_class {
#define X(name, word, rate) CHOICE_##name,
    CHOICE_CLASSES(X)
#undef X
        CHOICE_CLASS_COUNT
};

const char *choice_class_word(enum choice_class class);
/* CHOICE_CLASS_COUNT when no class has that word. */
enum choice_class choice_class_by_word(const char *word, size_t len_bytes);

enum {
    CHOICE_DEVIATIONS_MAX = 1 << 20,
    CHOICE_NAME_BYTES_MAX = 24,
    CHOICE_COUNT_BITS = 24, /* of class_count */
};

/* One answer that was not dull. `who` is the drawing thread's name hashed by choice_who(), `count`
 * that thread's own number of draws in this class before this one. For CHOICE_SCHED `value` is the
 * choice_who() of the thread that ran instead of the dull one. */
struct choice_deviation {
    uint32_t who;
    uint32_t class_count; /* class << 24 | count, count saturating */
    uint32_t value;
    uint32_t step; /* where it was recorded: for people, not a key */
};

/* A stable 32-bit name of a thread ("w0", "c1"): never an address. */
static inline uint32_t choice_who(const char *name)
{
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */

    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * UINT32_C(16777619);
    return hash == 0 ? 1 : hash; /* 0 means "nobody" */
}

enum choice_source_kind {
    CHOICE_FROM_DULL,
    CHOICE_FROM_SEED,
    CHOICE_FROM_BYTES,
    CHOICE_FROM_RECORD,
    CHOICE_FROM_MIXTURE, /* what is recorded as recorded, the rest from the seed */
};

struct choice_source {
    enum choice_source_kind kind;
    uint64_t seed;        /* CHOICE_FROM_SEED, _MIXTURE */
    const uint8_t *bytes; /* CHOICE_FROM_BYTES; borrowed for the run */
    size_t len_bytes;
    const struct choice_deviation *deviations; /* CHOICE_FROM_RECORD, _MIXTURE; borrowed */
    size_t deviation_count;
    bool is_still; /* no step takes time, whatever the kind; recorded as CHOICE_CLOCK */
};

/* Starts a run's stream. With a seed, each class is first switched on or off and weighted for the
 * whole run (swarm testing), so that rare answers are sometimes common. */
void choice_begin(const struct choice_source *source);

/* An answer in 0..n-1 for the thread now running (or the lane); n of 0 or 1 draws nothing. Under a
 * seed the answer is dull except at the class's rate in this run. */
uint32_t choice_draw(enum choice_class class, uint32_t n);

/* A draw whose every value is as likely as another under a seed (ranges, ties). */
uint32_t choice_draw_even(enum choice_class class, uint32_t n);

/* For the scheduler, once in a run: whether time stands still while anybody can run. */
bool choice_clock_is_still(void);

/* private: what is asked at every decision of the scheduler. */
struct choice_sched {
    uint64_t random_state;
    uint64_t random; /* the next answer, made before it is asked for: all the rest waits for it */
    bool is_seeded;
    uint32_t recorded_count;
    struct choice_deviation *recorded; /* room for CHOICE_DEVIATIONS_MAX, and one to spare */
};
extern struct choice_sched choice_sched;

/* For strategies: 64 random bits of the scheduler's substream. Zero without a seed. */
static inline uint64_t choice_sched_random(void)
{
    if (!choice_sched.is_seeded)
        return 0;
    uint64_t random = choice_sched.random;
    choice_sched.random = random_next(&choice_sched.random_state);
    return random;
}

/* For the strategy that reads a fuzzer's bytes: 0..n-1, 0 without bytes. */
uint32_t choice_sched_byte(uint32_t n);

/* For the scheduler: the recorded thread for decision `count` of `who`, 0 when it is dull. */
uint32_t choice_sched_recorded(uint32_t who, uint32_t count);
/* For the scheduler: decision `count` of `who`, made at `step`, was `value`, and the dull one or
 * not. No branch depends on that: half of a random walk's decisions are not. */
static inline void choice_sched_record(uint32_t who, uint32_t count, uint32_t value, uint64_t step,
                                       bool is_dull)
{
    uint32_t at = choice_sched.recorded_count;
    uint32_t count_max = (UINT32_C(1) << CHOICE_COUNT_BITS) - 1;

    choice_sched.recorded[at] = (struct choice_deviation){
        .who = who,
        .class_count =
            (uint32_t)CHOICE_SCHED << CHOICE_COUNT_BITS | (count < count_max ? count : count_max),
        .value = value,
        .step = (uint32_t)step,
    };
    choice_sched.recorded_count = at + (!is_dull && at < CHOICE_DEVIATIONS_MAX);
}

/* The deviations of the run so far, in the order they happened; valid until choice_begin. */
const struct choice_deviation *choice_deviations(size_t *count);

/* Another process made the run of `source`: what choice_deviations() and choice_recorded_unused()
 * said there they say here from now on. `unused_first` may be NULL. */
void choice_adopt(const struct choice_source *source, const struct choice_deviation *deviations,
                  size_t count, size_t unused_count, const struct choice_deviation *unused_first);

/* How many recorded deviations were never asked for: the code has changed since. */
size_t choice_recorded_unused(const struct choice_deviation **first);

#endif
