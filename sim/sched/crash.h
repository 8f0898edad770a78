/*
 * sim/sched/crash.h - processor traps and endless loops of the code under test end the run only.
 *
 * Threads: one; the handlers run on a signal stack of their own.
 */
#ifndef SIM_SCHED_CRASH_H
#define SIM_SCHED_CRASH_H

#include <stdbool.h>
#include <stddef.h>

/* Installs the handlers and the signal stack. Again when somebody put other handlers over them. */
void crash_init(void);
/* Before each run: starts the watch over loops that reach no point (processor time). */
void crash_arm(void);

/* Says in words what an address is ("freed memory"), set by sim/memory; may stay NULL. */
extern void (*crash_describe)(const void *address, char *out, size_t out_bytes);

/* Asked first about a trap, with the address touched: true when it was mended and the instruction
 * can be done again. Set by sim/foreign for pages that it watches; may stay NULL. */
extern bool (*crash_mend)(void *address);

#endif
