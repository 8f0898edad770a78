/*
 * sim/race/litmus_posix.h - small pthread programs, racy and race-free, compiled with
 * -fsanitize=thread.
 *
 * Threads: each main runs as the first thread of a simulated process.
 */
#ifndef SIM_RACE_LITMUS_POSIX_H
#define SIM_RACE_LITMUS_POSIX_H

#include <stddef.h>

struct litmus_posix {
    const char *name;
    const char *title; /* what some schedules find, and nothing else; NULL: it is correct */
    int (*main)(void *arg);
};

extern const struct litmus_posix litmus_posix_table[];
extern const size_t litmus_posix_count;

/* litmus_memory.c */
extern const struct litmus_posix litmus_memory_table[];
extern const size_t litmus_memory_count;

#endif
