/*
 * sim/race/callstack.h - call stacks as numbers: each distinct stack is kept once.
 *
 * A stack is a node: a return address and the node of its caller. The same stacks come back in
 * every run, so nodes live as long as the process. When there is no more room a stack is 0, which
 * prints as unknown.
 *
 * Owner: the process.  Threads: none, the engine runs on one.
 */
#ifndef SIM_RACE_CALLSTACK_H
#define SIM_RACE_CALLSTACK_H

#include <stddef.h>
#include <stdint.h>

enum { CALLSTACK_BITS = 22, CALLSTACK_COUNT_MAX = 1 << CALLSTACK_BITS };

/* The number of `pc` called from `caller` (0: from nowhere). 0 when there is no more room. */
uint32_t callstack_push(uint32_t caller, const void *pc);

/* Innermost first; returns how many were written. */
size_t callstack_pcs(uint32_t stack, const void **out, size_t out_max);

#endif
