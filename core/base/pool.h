/*
 * core/base/pool.h - bounded pools of objects of one size.
 *
 * A pool belongs to an instance; it holds no memory of its own but a bound and a gauge. Each object
 * is allocated by itself, so that a use after free is the allocator's to find. Each take may be
 * refused: by the bound, by memory, or by the simulator (HOOK_ALLOC_FAILS names the pool). In a
 * simulated build the live ones can be listed by a check from outside the workers.
 *
 * Threads: any, unless said otherwise.
 */
#ifndef CORE_BASE_POOL_H
#define CORE_BASE_POOL_H

#include <stddef.h>

#include "core/base/attr.h"

struct pool {
    const char *name; /* lives for ever: a literal */
    size_t size_bytes;
    unsigned count_max;
    /* private */
    _Atomic unsigned count; /* objects taken and not given back */
    void *live;             /* simulated builds: newest live object, or NULL */
};

/* `name` must live for ever. */
void pool_init(struct pool *pool, const char *name, size_t size_bytes, unsigned count_max);

/* Nothing may be left: an object still taken is a leak, and our mistake. */
void pool_fini(struct pool *pool);

/* An object of pool->size_bytes, content undefined (aligned for any type); NULL when refused. */
MUST_CHECK void *pool_take(struct pool *pool);

/* The same, all bytes zero. */
MUST_CHECK void *pool_take_zero(struct pool *pool);

/* NULL does nothing. */
void pool_give(struct pool *pool, void *object);

/* How many are taken now. No scheduling point: for gauges and checks. */
unsigned pool_count(const struct pool *pool);

/* Walks the live objects, newest first, between steps: NULL starts, NULL ends. Only a simulated
 * build keeps the list; a native one answers NULL at once. */
void *pool_live_next(const struct pool *pool, const void *object);

#endif
