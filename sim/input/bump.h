/*
 * sim/input/bump.h - memory of one scenario: taken piece by piece, freed whole.
 *
 * Unlike the engine's arena it outlives runs and is as small as its scenario. Running out of memory
 * ends the process with a message.
 *
 * Owner: the scenario (or what is being made into one).  Threads: one at a time.
 */
#ifndef SIM_INPUT_BUMP_H
#define SIM_INPUT_BUMP_H

#include <stddef.h>
#include <stdint.h>

struct bytes;
struct bump;

struct bump *bump_new(void);
void bump_free(struct bump *bump); /* NULL: nothing */

/* Zeroed, aligned to 16. Never NULL, not even for 0 bytes. */
void *bump_take(struct bump *bump, size_t size_bytes);

/* A copy with a NUL behind it. */
struct bytes bump_copy(struct bump *bump, const void *data, size_t len);

#endif
