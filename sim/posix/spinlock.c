/*
 * sim/posix/spinlock.c - pthread_spin_*.
 *
 * Four bytes hold the run's number and the owner; those who wait are in one queue for all
 * spinlocks.
 */
#include <errno.h>

#include "sim/memory/heap.h"
#include "sim/oracle/deadlock.h"
#include "sim/posix/misuse.h"
#include "sim/posix/names.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/posix/wait.h"
#include "sim/posix/wrap_threads.h"

enum { OWNER_BITS = 12 };
#define OWNER_MASK ((UINT32_C(1) << OWNER_BITS) - 1)
_Static_assert(VTHREADS_MAX < 1 << OWNER_BITS, "an owner's id and one");

/* Who has it; NULL when it is free, as it is at first in every run. */
static struct vthread *owner_of(const pthread_spinlock_t *raw)
{
    uint32_t word = *(const volatile uint32_t *)raw;

    if (word >> OWNER_BITS != (posix_run.epoch & (UINT32_MAX >> OWNER_BITS)) ||
        (word & OWNER_MASK) == 0)
        return NULL;
    return sched_thread((word & OWNER_MASK) - 1);
}

static void take(pthread_spinlock_t *raw, const void *pc)
{
    struct vthread *self = sched_self();

    *(volatile uint32_t *)raw = posix_run.epoch << OWNER_BITS | (self->id + 1);
    held_push(posix_self(), (const void *)(uintptr_t)raw, HELD_SPIN, pc);
    sync_acquire((const void *)(uintptr_t)raw);
    for (struct waiter *waiter = posix_run.spin_waiters.head; waiter != NULL;
         waiter = waiter->next) {
        struct vthread *thread = waiter->thread;
        if (thread->parked_op.object == raw && thread->state == VTHREAD_RUNNABLE &&
            thread->park_result == PARK_WOKEN)
            sched_repark(thread, self);
    }
}

static void check(pthread_spinlock_t *raw, const void *pc)
{
    char name[OBJECT_NAME_BYTES];

    heap_check(raw, sizeof(*raw), true, pc);
    if (!object_name(raw, name, sizeof(name)))
        names_first_use((const void *)(uintptr_t)raw, "spinlock");
}

int __wrap_pthread_spin_init(pthread_spinlock_t *raw, int shared)
{
    if (!sched_is_simulated())
        return __real_pthread_spin_init(raw, shared);
    check(raw, WRAP_PC);
    *raw = 0;
    return 0;
}

int __wrap_pthread_spin_destroy(pthread_spinlock_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_spin_destroy(raw);
    check(raw, WRAP_PC);
    if (owner_of(raw) != NULL)
        misuse_fail_held(raw, posix_of(owner_of(raw)), WRAP_PC, "destroy while held of");
    return 0;
}

int __wrap_pthread_spin_lock(pthread_spinlock_t *raw)
{
    const void *pc = WRAP_PC;
    const struct op op = {.kind = OP_LOCK,
                          .object = (const void *)(uintptr_t)raw,
                          .label = "pthread_spin_lock",
                          .pc = pc};

    if (!sched_is_simulated())
        return __real_pthread_spin_lock(raw);
    sched_point(op.kind, op.object, op.label, pc);
    check(raw, pc);
    if (owner_of(raw) == sched_self())
        deadlock_fail_self(&op);
    while (owner_of(raw) != NULL) {
        struct vthread *holder = owner_of(raw);
        wait_check_cycle(&op, holder);
        if (wait_in(&posix_run.spin_waiters, &op, holder, TIME_NEVER, true) == PARK_SIGNAL)
            (void)signal_deliver(sched_self());
        heap_check(raw, sizeof(*raw), true, pc);
    }
    take(raw, pc);
    return 0;
}

int __wrap_pthread_spin_trylock(pthread_spinlock_t *raw)
{
    const void *pc = WRAP_PC;

    if (!sched_is_simulated())
        return __real_pthread_spin_trylock(raw);
    sched_point(OP_TRY_LOCK, (const void *)(uintptr_t)raw, "pthread_spin_trylock", pc);
    check(raw, pc);
    bool is_free = owner_of(raw) == NULL;
    if (is_free)
        take(raw, pc);
    sched_trace_value(is_free);
    sched_memory_result(raw, 0, is_free);
    return is_free ? 0 : EBUSY;
}

int __wrap_pthread_spin_unlock(pthread_spinlock_t *raw)
{
    const void *pc = WRAP_PC;

    if (!sched_is_simulated())
        return __real_pthread_spin_unlock(raw);
    sched_point(OP_UNLOCK, (const void *)(uintptr_t)raw, "pthread_spin_unlock", pc);
    check(raw, pc);
    struct vthread *owner = owner_of(raw);
    if (owner == NULL)
        misuse_fail(raw, pc, "unlock of unlocked");
    if (owner != sched_self())
        misuse_fail_held(raw, posix_of(owner), pc, "unlock by a non-owner of");
    *(volatile uint32_t *)raw = 0;
    held_pop(posix_self(), (const void *)(uintptr_t)raw);
    sync_release((const void *)(uintptr_t)raw);
    sched_memory_result(raw, 1, 0); /* for those who spin on trylock */
    for (struct waiter *waiter = posix_run.spin_waiters.head; waiter != NULL;
         waiter = waiter->next) {
        if (waiter->thread->parked_op.object == raw)
            sched_unpark(waiter->thread);
    }
    return 0;
}
