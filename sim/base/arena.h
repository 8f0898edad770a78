/*
 * sim/base/arena.h - memory that lives as long as one run and is given back all at once.
 *
 * A bump allocator over one reserved mapping: taking is a few instructions, and resetting costs
 * nothing however much was taken, which is what lets a run start in microseconds. Memory is zeroed
 * when taken.
 *
 * Owner: whoever made it; the engine's own arena belongs to the run.  Threads: none, the engine
 * runs on one.
 */
#ifndef SIM_BASE_ARENA_H
#define SIM_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ARENA_ALIGN_BYTES = 16 };

struct arena {
    char *base;
    size_t used_bytes;
    size_t used_bytes_max; /* since arena_init: what has ever been dirtied */
    size_t size_bytes;
};

/* Reserves address space (committed by the system as it is touched). Aborts when there is none. */
void arena_init(struct arena *arena, size_t size_bytes);
void arena_fini(struct arena *arena);

/* private: the part of arena_take() that is rare; `size` is aligned. */
void *arena_take_fresh(struct arena *arena, size_t size);

/* Zeroed, aligned to 16. Never NULL: running out of a run's memory ends the process with a message,
 * since the arena is far larger than every bound that the world enforces. */
static inline void *arena_take(struct arena *arena, size_t size_bytes)
{
    size_t size = (size_bytes + ARENA_ALIGN_BYTES - 1) & ~(size_t)(ARENA_ALIGN_BYTES - 1);

    /* Memory beyond what has ever been dirtied is still the system's zeroes. */
    if (__builtin_expect(size > arena->used_bytes_max - arena->used_bytes, 0))
        return arena_take_fresh(arena, size);
    char *taken = arena->base + arena->used_bytes;
    arena->used_bytes += size;
    return memset(taken, 0, size_bytes);
}

char *arena_strdup(struct arena *arena, const char *text);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *arena, const char *fmt, ...);

/* Forgets everything taken. */
void arena_reset(struct arena *arena);

#endif
