/*
 * core/rt/fd_check.h - what is always true of the fd table, and what is true when nobody is at
 * work.
 *
 * F1 a closed entry holds nothing, and no handler is called for it. F2 a life is closed exactly
 * once. F3 who is in a handler has its running bit, and had its bit in thread_mask since. F4 an
 * update bit and a place in the worker's private array are one; both are gone when it sleeps. F5
 * likewise for the shared list. F6 whoever may handle what somebody wants has it registered, or has
 * still to look. F7 nobody else is inside a fd of one worker. F8 no reference is left behind.
 *
 * Threads: none; between steps, from outside any worker. Relaxed loads without scheduling points.
 */
#ifndef CORE_RT_FD_CHECK_H
#define CORE_RT_FD_CHECK_H

#include <stdbool.h>

struct rt;

/* Aborts on a broken invariant. See rt_check(). */
void fd_check(const struct rt *rt, bool is_quiet);

#endif
