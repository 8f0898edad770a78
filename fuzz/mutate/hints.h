/*
 * fuzz/mutate/hints.h - what a run of an input showed, for mutations that aim.
 *
 * Names are those that stand in a scenario's recorded part. All of it depends on the input alone.
 *
 * Owner: who made it, caller's storage.  Threads: any.
 */
#ifndef FUZZ_MUTATE_HINTS_H
#define FUZZ_MUTATE_HINTS_H

#include <stddef.h>
#include <stdint.h>

enum {
    HINTS_NAME_BYTES = 16,
    HINTS_TURNS_MAX = 512,
    HINTS_CHOICES_MAX = 1024,
    HINTS_TIMES_MAX = 64,
    HINTS_THREADS_MAX = 64,
};

/* At its decision `count`, `thread` could have let `other` run: the line `sched thread@count ->
 * other`. Threads are numbers in `names`. */
struct hints_turn {
    uint8_t thread;
    uint8_t other;
    uint32_t count;
};

/* A choice of the run that was not dull: as a turn, or draw number `count` in `class` was `value`.
 */
struct hints_choice {
    uint8_t thread;
    uint8_t class; /* enum choice_class */
    uint8_t other; /* of CHOICE_SCHED */
    uint32_t count;
    uint32_t value; /* of others */
};

struct hints {
    char names[HINTS_THREADS_MAX][HINTS_NAME_BYTES];
    size_t name_count;
    /* The other was about to do something that does not commute with what was done. */
    struct hints_turn contended[HINTS_TURNS_MAX];
    size_t contended_count;
    /* Two met at an object; there the first could have let the second go first. */
    struct hints_turn flips[HINTS_TURNS_MAX];
    size_t flip_count;
    /* All of the run's choices, if they fit; none otherwise. */
    struct hints_choice choices[HINTS_CHOICES_MAX];
    size_t choice_count;
    /* When timers fired, in ns from time zero of the scenario, ascending. */
    uint64_t times_ns[HINTS_TIMES_MAX];
    size_t time_count;
};

#endif
