#include "core/base/pool.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/atomic.h"

enum { ROOM_SCARCE = 64 };

#ifdef CORE_SIMULATED

/*
 * Behind each object, so that its address stays the allocator's: the list of live objects, for
 * checks from outside the workers. Virtual threads switch only at instrumented accesses, and these
 * are not.
 */
struct live {
    struct live *older;
    struct live *newer;
};

#define UNSEEN __attribute__((no_sanitize("thread")))

static size_t live_offset(const struct pool *pool)
{
    size_t align = _Alignof(max_align_t);

    return (pool->size_bytes + align - 1) / align * align;
}

static size_t block_size(const struct pool *pool)
{
    return live_offset(pool) + sizeof(struct live);
}

UNSEEN static struct live *live_of(const struct pool *pool, const void *object)
{
    return (struct live *)(void *)((char *)(uintptr_t)object + live_offset(pool));
}

UNSEEN static void enlist(struct pool *pool, void *object)
{
    struct live *live = live_of(pool, object);

    live->older = pool->live;
    live->newer = NULL;
    if (live->older != NULL)
        live->older->newer = live;
    pool->live = live;
}

UNSEEN static void delist(struct pool *pool, void *object)
{
    struct live *live = live_of(pool, object);

    if (live->newer != NULL)
        live->newer->older = live->older;
    else
        pool->live = live->older;
    if (live->older != NULL)
        live->older->newer = live->newer;
}

UNSEEN void *pool_live_next(const struct pool *pool, const void *object)
{
    struct live *live = object == NULL ? pool->live : live_of(pool, object)->older;

    return live == NULL ? NULL : (void *)((char *)live - live_offset(pool));
}

#else

static size_t block_size(const struct pool *pool)
{
    return pool->size_bytes;
}

void *pool_live_next(const struct pool *pool, const void *object)
{
    (void)pool;
    (void)object;
    return NULL;
}

#endif

void pool_init(struct pool *pool, const char *name, size_t size_bytes, unsigned count_max)
{
    BUG_ON(size_bytes == 0);
    pool->name = name;
    pool->size_bytes = size_bytes;
    pool->count_max = count_max;
    atomic_init(&pool->count, 0);
    pool->live = NULL;
}

void pool_fini(struct pool *pool)
{
    BUG_ON(pool_count(pool) != 0);
}

/* Which of several takes and gives comes first matters only where there may be no room for all. */
static bool is_roomy(const struct pool *pool)
{
#ifdef CORE_SIMULATED
    const unsigned count = atom_peek(&pool->count);

    return count <= pool->count_max && pool->count_max - count > ROOM_SCARCE;
#else
    (void)pool;
    return true;
#endif
}

static unsigned count_up(struct pool *pool)
{
    if (is_roomy(pool))
        return atom_count_add(&pool->count, 1);
    return atom_fetch_add(&pool->count, 1, memory_order_relaxed);
}

static unsigned count_down(struct pool *pool)
{
    if (is_roomy(pool))
        return atom_count_sub(&pool->count, 1);
    return atom_fetch_sub(&pool->count, 1, memory_order_relaxed);
}

void *pool_take(struct pool *pool)
{
    void *object;

    if (HOOK_ALLOC_FAILS(pool->name))
        return NULL;
    if (count_up(pool) >= pool->count_max)
        goto drop_count;
    object = malloc(block_size(pool));
    if (object == NULL)
        goto drop_count;
#ifdef CORE_SIMULATED
    enlist(pool, object);
#endif
    return object;

drop_count:
    MARK("pool.refused");
    count_down(pool);
    return NULL;
}

void *pool_take_zero(struct pool *pool)
{
    void *object = pool_take(pool);

    if (object != NULL)
        memset(object, 0, pool->size_bytes);
    return object;
}

void pool_give(struct pool *pool, void *object)
{
    if (object == NULL)
        return;
#ifdef CORE_SIMULATED
    delist(pool, object);
#endif
    free(object);
    BUG_ON(count_down(pool) == 0);
}

unsigned pool_count(const struct pool *pool)
{
    return atomic_load_explicit(&pool->count, memory_order_relaxed);
}
