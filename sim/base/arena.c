/*
 * sim/base/arena.c - see arena.h.
 */
#include "sim/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void arena_init(struct arena *arena, size_t size_bytes)
{
    void *base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        perror("heddle: cannot reserve memory for a run");
        abort();
    }
    arena->base = base;
    arena->used_bytes = 0;
    arena->used_bytes_max = 0;
    arena->size_bytes = size_bytes;
}

void arena_fini(struct arena *arena)
{
    munmap(arena->base, arena->size_bytes);
    arena->base = NULL;
}

void *arena_take_fresh(struct arena *arena, size_t size)
{
    if (size > arena->size_bytes - arena->used_bytes) {
        fprintf(stderr, "heddle: a run used more than %zu MiB\n", arena->size_bytes >> 20);
        abort();
    }
    char *taken = arena->base + arena->used_bytes;
    size_t end = arena->used_bytes + size;
    if (arena->used_bytes < arena->used_bytes_max) {
        size_t dirty = arena->used_bytes_max - arena->used_bytes;
        memset(taken, 0, size < dirty ? size : dirty);
    }
    arena->used_bytes = end;
    if (end > arena->used_bytes_max)
        arena->used_bytes_max = end;
    return taken;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(arena_take(arena, len), text, len);
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return arena_strdup(arena, text);
}

void arena_reset(struct arena *arena)
{
    /* One huge run must not keep its memory for the thousands of small ones after it. */
    enum { KEEP_BYTES = 8 << 20 };
    if (arena->used_bytes_max > KEEP_BYTES) {
        madvise(arena->base + KEEP_BYTES, arena->used_bytes_max - KEEP_BYTES, MADV_DONTNEED);
        arena->used_bytes_max = KEEP_BYTES;
    }
    arena->used_bytes = 0;
}
