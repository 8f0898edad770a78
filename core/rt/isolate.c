#include "core/rt/isolate.h"

#include "core/base/atomic.h"
#include "core/base/attr.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/rt/worker.h"

/* In struct isolate.requests. */
#define REQUEST UINT64_C(1)
#define REQUEST_FULL (UINT64_C(1) << 32)

/*
 * pair: isolate.rendezvous. Two sides announce, then look at the other's announcement:
 *
 *     isolator                          worker
 *     requests++                        clear own harmless (or idle) bit
 *     look at all harmless bits         look at requests
 *
 * All four are seq_cst: with less, each could miss the other, and two workers would be at work. A
 * worker that was seen harmless or idle once after the request has to look at it before it works,
 * so the two masks need not be read at one moment.
 *
 * pair: isolate.work. Setting one's harmless bit releases what one did; who finds all bits set has
 * acquired it. Likewise isolate_end() releases, and isolate_harmless_end() acquires.
 */

void isolate_init(struct isolate *isolate)
{
    atomic_init(&isolate->enabled, 0);
    atomic_init(&isolate->harmless, 0);
    atomic_init(&isolate->idle, 0);
    atomic_init(&isolate->requests, 0);
    atomic_init(&isolate->next, ISOLATE_NOBODY);
    atomic_init(&isolate->owner, ISOLATE_NOBODY);
}

/* Waits until every worker of `enabled` is idle, or at least harmless. */
static void wait_for_all(struct isolate *isolate, bool is_full)
{
    for (;;) {
        /* pair: isolate.work (the acquire), isolate.rendezvous (the order). */
        uint64_t set = atom_load_seq_cst(&isolate->idle);
        uint64_t enabled;

        if (!is_full)
            set |= atom_load_seq_cst(&isolate->harmless);
        enabled = atom_load_seq_cst(&isolate->enabled);

        if ((set & enabled) == enabled)
            return;
        cpu_relax();
    }
}

static void become_alone(struct isolate *isolate, bool is_full, struct worker *self)
{
    int nobody;

    for (;;) {
        wait_for_all(isolate, is_full);
        /* Being next is not enough: the last one to be alone may have cleared its harmless bit
         * since we looked. So the bits are looked at once more in that position. */
        if (atom_load(&isolate->next) == self->id)
            break;
        nobody = ISOLATE_NOBODY;
        /* pair: isolate.work. Acquires what the last one alone did. */
        if (!atom_cas(&isolate->next, &nobody, self->id, memory_order_seq_cst))
            cpu_relax();
    }
    atom_store(&isolate->owner, self->id);
}

void isolate_begin(void)
{
    struct worker *self = worker_self();
    struct isolate *isolate = &self->rt->isolate;

    BUG_ON(isolate_is_mine());
    /* pair: isolate.work. While it waits the caller is harmless to other isolators. */
    atom_fetch_or(&isolate->harmless, self->bit, memory_order_seq_cst);
    /* pair: isolate.rendezvous. */
    atom_fetch_add(&isolate->requests, REQUEST, memory_order_seq_cst);
    become_alone(isolate, false, self);
    if (PLANT(C31)) {
        /* The bit stays: when this worker goes on after its isolation, the next isolator takes it
         * for harmless. */
        return;
    }
    atom_fetch_and(&isolate->harmless, ~self->bit, memory_order_seq_cst);
}

void isolate_begin_full(void)
{
    struct worker *self = worker_self();
    struct isolate *isolate = &self->rt->isolate;

    BUG_ON(isolate_is_mine());
    isolate_idle_begin(self);
    /* pair: isolate.rendezvous. */
    atom_fetch_add(&isolate->requests, REQUEST_FULL, memory_order_seq_cst);
    become_alone(isolate, true, self);
    /* From here on the two kinds are one: who ends a harmless section has to wait. */
    atom_fetch_add(&isolate->requests, REQUEST - REQUEST_FULL, memory_order_seq_cst);
    atom_fetch_and(&isolate->idle, ~self->bit, memory_order_seq_cst);
}

void isolate_end(void)
{
    struct isolate *isolate = &worker_self()->rt->isolate;

    BUG_ON(!isolate_is_mine());
    atom_store(&isolate->owner, ISOLATE_NOBODY);
    /* pair: isolate.work. Nobody may see requests fall before the owner is gone. */
    atom_store_seq_cst(&isolate->next, ISOLATE_NOBODY);
    BUG_ON((uint32_t)atom_fetch_sub(&isolate->requests, REQUEST, memory_order_seq_cst) == 0);
}

bool isolate_is_mine(void)
{
    struct worker *self = worker_self();

    return atom_load(&self->rt->isolate.owner) == self->id;
}

void isolate_harmless_begin(void)
{
    struct worker *self = worker_self();

    /* pair: isolate.work. */
    atom_fetch_or(&self->rt->isolate.harmless, self->bit, memory_order_seq_cst);
}

void isolate_harmless_end(void)
{
    struct worker *self = worker_self();
    struct isolate *isolate = &self->rt->isolate;

    for (;;) {
        /* pair: isolate.rendezvous. */
        atom_fetch_and(&isolate->harmless, ~self->bit, memory_order_seq_cst);
        if ((uint32_t)atom_load_seq_cst(&isolate->requests) == 0 || isolate_is_mine())
            return;
        MARK("rt.isolate.waits");
        atom_fetch_or(&isolate->harmless, self->bit, memory_order_seq_cst);
        /* pair: isolate.work. Acquires what was done by the one that was alone. */
        while ((uint32_t)atom_load_seq_cst(&isolate->requests) != 0)
            cpu_relax();
    }
}

void isolate_idle_begin(struct worker *worker)
{
    struct isolate *isolate = &worker->rt->isolate;

    /* pair: isolate.work. */
    atom_fetch_or(&isolate->idle, worker->bit, memory_order_seq_cst);
}

bool isolate_is_wanted(struct worker *worker)
{
    /* pair: isolate.rendezvous, isolate.work. */
    return atom_load_seq_cst(&worker->rt->isolate.requests) != 0;
}

void isolate_idle_end(struct worker *worker)
{
    struct isolate *isolate = &worker->rt->isolate;

    for (;;) {
        /* pair: isolate.rendezvous. */
        atom_fetch_and(&isolate->idle, ~worker->bit, memory_order_seq_cst);
        if (!isolate_is_wanted(worker))
            return;
        MARK("rt.isolate.waits_in_poller");
        isolate_idle_begin(worker);
        while (isolate_is_wanted(worker))
            cpu_relax();
    }
}

void isolate_leave(struct worker *worker)
{
    struct isolate *isolate = &worker->rt->isolate;

    /* pair: isolate.work. Who waits for all enabled workers sees what this one did. */
    atom_fetch_and(&isolate->enabled, ~worker->bit, memory_order_seq_cst);
}

void isolate_check_working(struct worker *worker)
{
    /* Relaxed is enough: ending harmlessness acquired the end of the last isolation, and the next
     * cannot begin while this worker works. */
    int owner = atom_peek(&worker->rt->isolate.owner);

    BUG_ON(owner != ISOLATE_NOBODY && owner != worker->id);
}
