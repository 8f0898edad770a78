/*
 * sim/race/race.h - the memory runtime: data races between virtual threads, by happens-before.
 *
 * Code compiled with -fsanitize=thread calls __tsan_* at each memory access, atomic operation,
 * function entry and exit. In the explore build these functions are ours. They keep a vector clock
 * per virtual thread and the last accesses of each 8 bytes of memory; two accesses to the same
 * byte, one of them a write and one of them not atomic, that no chain of synchronisation orders,
 * are a data race and end the run.
 *
 * Memory itself is sequentially consistent: an atomic load reads the latest store, whatever its
 * order says. Orders decide only what is ordered, so a missing acquire or release is found as the
 * race it causes and not by stale values.
 *
 * Owner: the process; each run starts from nothing, noticed by itself at the first access. Threads:
 * none, the engine runs on one.
 */
#ifndef SIM_RACE_RACE_H
#define SIM_RACE_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sched/sched.h"

/* ---- switches; between runs, they stay ---- */

/* Memory points: plain accesses are scheduling points too. Off at first. An access to the thread's
 * own stack that no other thread has touched in this run is still none. */
void race_points_set(bool is_on);

/* Atomic operations that were not announced by core_hook_atomic() are scheduling points. On at
 * first; off for core, which announces those that are to be points in every build. */
void race_atomic_points_set(bool is_on);

/* Goes on after a race; the distinct ones are collected. Off at first: a race ends the run. */
void race_keep_going_set(bool is_on);

/* ---- races collected under race_keep_going_set(true), over all runs ---- */

enum { RACE_COLLECTED_MAX = 64 };

size_t race_collected_count(void);
/* As the run that ended there would have reported it. */
const struct finding *race_collected(size_t index);
void race_collected_clear(void);

/* ---- for the simulator; in a run, nothing happens elsewhere ---- */

/* The running thread reads or writes a range on behalf of the code under test (a system call). */
void race_range(const volatile void *address, size_t size_bytes, bool is_write, const void *pc);

/* The running thread frees memory: that is a write to all of it, and the memory's past is
 * forgotten. */
void race_freed(const volatile void *address, size_t size_bytes, const void *pc);

/* Nobody has touched the range yet: it is the memory of a process that begins. */
void race_fresh(const void *address, size_t size_bytes);

/* The calls that the running thread is in, innermost first, `pc` being the last one made. Returns
 * how many were written; 0: not known. */
size_t race_callers(const void *pc, const void **out, size_t out_max);

#endif
