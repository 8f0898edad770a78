/*
 * sim/foreign/apart.h - each run in a process of its own.
 *
 * For programs that are not the same again when their memory is put back. This process then never
 * runs the program itself: for each run it makes a child, which is as this process is and does the
 * run, and takes over what that came to.
 *
 * Owner: the process.  Threads: one; between runs.
 */
#ifndef SIM_FOREIGN_APART_H
#define SIM_FOREIGN_APART_H

#include <stdbool.h>
#include <stddef.h>

/* From here on sched_run() works so. Before anything has run in this process. */
void apart_begin(void);
bool apart_is_on(void);

/* What callbacks of the next runs fill, `size_bytes` of it: a run's process gives it back to this
 * one. It may point only to memory that the two share. NULL: nothing. */
void apart_share(void *memory, size_t size_bytes);

/* Calls `work` in a child and waits; memory that it is to leave something in must be shared. False
 * when the child died or took longer than `seconds_max` (0: no bound). */
bool apart_call(void (*work)(void *context), void *context, unsigned seconds_max);

#endif
