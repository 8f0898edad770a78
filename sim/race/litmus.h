/*
 * sim/race/litmus.h - small racy and race-free programs, compiled with -fsanitize=thread.
 *
 * Threads: each body runs on a virtual thread of its own.
 */
#ifndef SIM_RACE_LITMUS_H
#define SIM_RACE_LITMUS_H

#include <stdbool.h>
#include <stddef.h>

enum { LITMUS_BODIES_MAX = 4 };

struct litmus {
    const char *name;
    bool has_race; /* in some schedule */
    void (*bodies[LITMUS_BODIES_MAX])(void);
};

extern const struct litmus litmus_table[];
extern const size_t litmus_count;

/* Sets the variables back; not instrumented, between runs. */
void litmus_reset(void);

/* Plain accesses for the benchmark: `count` times, to one place and to many. */
void litmus_touch_one(unsigned long count);
void litmus_touch_many(unsigned long count);
void litmus_atomic_store_load(unsigned long count);
void litmus_atomic_add(unsigned long count);
void litmus_call(unsigned long count);

/* A longjmp out of a few calls, then a racy write: its call stack must be whole. */
void litmus_jump(void);
void litmus_touch_heap(char *memory);

#endif
