/*
 * sim/memory/native.h - the run's blocks when a sanitizer's malloc serves them.
 *
 * A table of living blocks by address, so that the run's leavings can be freed and reported.
 *
 * Owner: the process.  Threads: none, the engine runs on one.
 */
#ifndef SIM_MEMORY_NATIVE_H
#define SIM_MEMORY_NATIVE_H

#include <stdbool.h>
#include <stddef.h>

struct process;

/* Whether the program is linked with a sanitizer that has its own malloc. */
bool native_is_used(void);

void native_begin(void);
/* Frees all that is left. */
void native_end(void);

/* A block that code under test got. NULL is passed through. On a virtual thread. */
void *native_add(void *memory, size_t size_bytes, const void *pc);
/* It gives the block back (or moves it): forgets it. Anything else is none of our business. */
void native_remove(const void *memory);
/* The same for a plain free. True: the block stays the allocator's until the run ends, and must not
 * be freed. TSan's allocator gives freed memory out again at once, and then two blocks would be one
 * object for the strategies, in this build alone. What others do to the block after this is a race
 * with the free, as TSan would have it. */
bool native_keep(const void *memory);

/* Living blocks of `process` (NULL: of all), in order of allocation. */
void native_each(const struct process *process,
                 void (*each)(void *context, const void *pc, size_t size_bytes), void *context);

#endif
