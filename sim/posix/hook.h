/*
 * sim/posix/hook.h - the simulator's end of the core's seam (core/base/hook.h).
 *
 * Threads: none, the engine runs on one.
 */
#ifndef SIM_POSIX_HOOK_H
#define SIM_POSIX_HOOK_H

#include <stdbool.h>
#include <stdint.h>

struct process;

enum { HOOK_PLANTS_MAX = 256 };

/* The planted bugs that are on: a bit set over enum plant of `count` bits; NULL: none. Stays until
 * called again. */
void hook_plants_set(const uint64_t *mask, unsigned count);

/* The `nth` allocation of `process` from now (1: the next), on the heap or from a pool, fails. 0
 * takes that back. In a run. */
void hook_alloc_fail_nth(struct process *process, uint32_t nth);

/* Whether this allocation is to fail: a planned fault, or else a draw. On a virtual thread. */
bool hook_alloc_fails(void);

/* How often each MARK() was passed since the process began or marks_reset(). */
uint64_t marks_count(const char *name);
void marks_each(void (*each)(void *context, const char *name, uint64_t count), void *context);
void marks_reset(void);
/* Called at each MARK() when not NULL, on the thread that passes it. */
extern void (*mark_passed)(const char *name);

#endif
