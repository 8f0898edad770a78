/*
 * sim/race/order.c - who comes after whom: locks, threads, atomic operations and fences.
 *
 * An object carries the clock that an acquirer learns. A release store begins a release sequence
 * and forgets the one before; read-modify-writes by anybody, and in C11 relaxed stores by the
 * thread that began it, continue it. A relaxed store by another thread ends it, and nothing is
 * learnt from its value.
 *
 * When several threads have released into a sequence (read-modify-writes of release order that did
 * not acquire) and one of them then stores relaxed, only that thread's part goes on. The part is
 * kept for the latest of them; for the others the whole is kept, which can hide a race and cannot
 * invent one.
 */
#include <string.h>

#include "sim/race/internal.h"
#include "sim/race/shadow.h"

enum { SYNCS_FIRST = 256 };

struct sync {
    const volatile void *address;
    struct sync *next; /* another within the same 8 bytes */
    struct vclock clock;
    struct vclock own;   /* of `head` alone, when is_joined */
    uint64_t heads;      /* bit per thread (modulo 64) that released into the sequence */
    uint32_t head;       /* who released last */
    uint32_t head_clock; /* its own clock then */
    bool has_clock;
    bool is_joined; /* `clock` knows more than `head` did */
};

static struct {
    struct sync **table;
    uint32_t count;
    uint32_t capacity;
} syncs;

void race_order_begin(void)
{
    syncs.table = NULL;
    syncs.count = 0;
    syncs.capacity = 0;
}

static bool does_acquire(int order)
{
    return order == ORDER_CONSUME || order == ORDER_ACQUIRE || order >= ORDER_ACQ_REL;
}

static bool does_release(int order)
{
    return order >= ORDER_RELEASE;
}

/* ---- objects ---- */

static struct sync *sync_find(const volatile void *address)
{
    if (!shadow_covers((uintptr_t)address))
        return NULL;
    const struct sync_ref *ref = shadow_sync((uintptr_t)address);
    if (ref->run != race.run)
        return NULL;
    struct sync *sync = syncs.table[ref->index];
    while (sync != NULL && sync->address != address)
        sync = sync->next;
    return sync;
}

static uint32_t sync_number(struct sync *sync)
{
    if (syncs.count == syncs.capacity) {
        uint32_t capacity = syncs.capacity == 0 ? SYNCS_FIRST : syncs.capacity * 2;
        struct sync **table = arena_take(sched_arena(), capacity * sizeof(struct sync *));
        if (syncs.count != 0)
            memcpy((void *)table, (const void *)syncs.table, syncs.count * sizeof(struct sync *));
        syncs.table = table;
        syncs.capacity = capacity;
    }
    syncs.table[syncs.count] = sync;
    return syncs.count++;
}

static struct sync *sync_get(const volatile void *address)
{
    struct sync *sync = sync_find(address);

    if (sync != NULL)
        return sync;
    struct sync_ref *ref = shadow_sync((uintptr_t)address);
    sync = arena_take(sched_arena(), sizeof(*sync));
    sync->address = address;
    *shadow_touched((uintptr_t)address) = race.run;
    if (ref->run == race.run) {
        sync->next = syncs.table[ref->index];
        syncs.table[ref->index] = sync;
    } else {
        *ref = (struct sync_ref){.run = race.run, .index = sync_number(sync)};
    }
    return sync;
}

/* ---- learning and giving out ---- */

static bool knows(const struct vclock *clock, uint32_t thread, uint32_t value)
{
    return thread < clock->count && clock->at[thread] >= value;
}

static void learn(struct race_thread *self, const struct sync *sync)
{
    if (sync == NULL || !sync->has_clock ||
        (!sync->is_joined && knows(&self->clock, sync->head, sync->head_clock)))
        return;
    vclock_join(&self->clock, &sync->clock);
}

/* A relaxed load: known for certain only after an acquire fence. */
static void learn_later(struct race_thread *self, const struct sync *sync)
{
    if (sync == NULL || !sync->has_clock ||
        (!sync->is_joined && knows(&self->clock, sync->head, sync->head_clock)))
        return;
    if (self->has_pending)
        vclock_join(&self->pending, &sync->clock);
    else
        vclock_copy(&self->pending, &sync->clock);
    self->has_pending = true;
}

static void set_head(struct sync *sync, const struct race_thread *self, const struct vclock *clock)
{
    sync->has_clock = true;
    sync->head = self->number;
    sync->head_clock = clock->at[self->number];
    sync->heads |= UINT64_C(1) << (self->number & 63);
}

/* Begins a sequence with what `clock` (of `self`) knows. */
static void give_only(struct sync *sync, const struct race_thread *self, const struct vclock *clock)
{
    vclock_copy(&sync->clock, clock);
    sync->is_joined = false;
    sync->heads = 0;
    set_head(sync, self, clock);
}

/* Adds to the sequence. */
static void give_also(struct sync *sync, const struct race_thread *self, const struct vclock *clock)
{
    if (!sync->has_clock || (!sync->is_joined && knows(clock, sync->head, sync->head_clock))) {
        uint64_t heads = sync->has_clock ? sync->heads : 0;
        give_only(sync, self, clock);
        sync->heads |= heads;
        return;
    }
    vclock_join(&sync->clock, clock);
    vclock_copy(&sync->own, clock);
    sync->is_joined = true;
    set_head(sync, self, clock);
}

/* A relaxed store: what is left of the sequence. */
static void cut(struct sync *sync, const struct race_thread *self)
{
    uint64_t bit = UINT64_C(1) << (self->number & 63);

    if (!sync->has_clock)
        return;
    if ((sync->heads & bit) == 0) {
        sync->has_clock = false;
        sync->heads = 0;
        sync->is_joined = false;
        return;
    }
    if (sync->head != self->number)
        return;
    if (sync->is_joined)
        vclock_copy(&sync->clock, &sync->own);
    sync->is_joined = false;
    sync->heads = bit;
}

void race_acquire(struct race_thread *self, const volatile void *object)
{
    learn(self, sync_find(object));
}

void race_release(struct race_thread *self, const volatile void *object)
{
    if (!shadow_covers((uintptr_t)object))
        return;
    give_also(sync_get(object), self, &self->clock);
    race_tick(self);
}

/* ---- atomic operations ---- */

void race_order_load(struct race_thread *self, const volatile void *address, int order)
{
    struct sync *sync = sync_find(address);

    if (does_acquire(order))
        learn(self, sync);
    else
        learn_later(self, sync);
}

void race_order_store(struct race_thread *self, const volatile void *address, int order)
{
    if (does_release(order)) {
        give_only(sync_get(address), self, &self->clock);
        race_tick(self);
        return;
    }
    struct sync *sync = self->has_fenced ? sync_get(address) : sync_find(address);
    if (sync == NULL)
        return;
    cut(sync, self);
    if (self->has_fenced)
        give_also(sync, self, &self->fenced);
}

void race_order_rmw(struct race_thread *self, const volatile void *address, int order)
{
    race_order_load(self, address, order);
    if (does_release(order)) {
        give_also(sync_get(address), self, &self->clock);
        race_tick(self);
    } else if (self->has_fenced) {
        give_also(sync_get(address), self, &self->fenced);
    }
}

void race_order_fence(struct race_thread *self, int order)
{
    if (does_acquire(order) && self->has_pending) {
        vclock_join(&self->clock, &self->pending);
        self->has_pending = false;
    }
    if (does_release(order)) {
        vclock_copy(&self->fenced, &self->clock);
        self->has_fenced = true;
        race_tick(self);
    }
}
