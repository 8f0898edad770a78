/*
 * sim/memory/alloc.h - memory for the code under test, for other calls than malloc that give it out
 * and take it back.
 *
 * Threads: any; off a virtual thread it is the system's.
 */
#ifndef SIM_MEMORY_ALLOC_H
#define SIM_MEMORY_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the caller gets memory from the run's heap. */
bool alloc_is_ours(void);

/* As malloc, or aligned_alloc: NULL when there is none. `pc` and `frame` are the calling wrapper's
 * return address and frame. */
void *alloc_take(size_t size_bytes, size_t alignment, const void *pc, const void *frame);
/* As realloc. */
void *alloc_change(void *memory, size_t size_bytes, const void *pc, const void *frame);
/* As free. */
void alloc_give(void *memory, const void *pc, const void *frame);

#endif
