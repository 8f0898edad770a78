/*
 * sim/posix/cxx.c - static locals and thread_local objects of C++; see cxx.h.
 *
 * A static local has a guard of eight bytes. The first byte is 1 once the object is made: compiled
 * code looks at it before it asks. The second is ours while a thread makes the object.
 */
#include "sim/posix/cxx.h"

#include "sim/posix/sanitizer.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/posix/wait.h"
#include "sim/posix/wrap_threads.h"

enum { GUARD_DONE, GUARD_BUSY, ORDER_RELEASE = 3 };

struct cxx_destructor {
    struct cxx_destructor *next;
    void (*destroy)(void *object);
    void *object;
};

/* Linked into the explore build only: what compiled code reads as an atomic is written as one. */
void __tsan_atomic8_store(volatile uint8_t *address, uint8_t value, int order)
    __attribute__((weak));

/* ---- static locals ---- */

int __wrap___cxa_guard_acquire(uint64_t *guard)
{
    const struct op op = {.kind = OP_LOCK, .object = guard, .label = "static local", .pc = WRAP_PC};
    volatile uint8_t *bytes = (volatile uint8_t *)guard;

    if (!sched_is_simulated())
        return __real___cxa_guard_acquire(guard);
    sched_point(OP_CAS, guard, op.label, op.pc);
    while (bytes[GUARD_DONE] == 0 && bytes[GUARD_BUSY] != 0) {
        if (wait_in(&posix_run.once_waiters, &op, NULL, TIME_NEVER, true) == PARK_SIGNAL)
            (void)signal_deliver(sched_self());
    }
    if (bytes[GUARD_DONE] != 0) {
        sync_acquire(guard);
        return 0;
    }
    bytes[GUARD_BUSY] = 1;
    return 1;
}

void __wrap___cxa_guard_release(uint64_t *guard)
{
    volatile uint8_t *bytes = (volatile uint8_t *)guard;

    if (!sched_is_simulated()) {
        __real___cxa_guard_release(guard);
        return;
    }
    sync_release(guard);
    if (__tsan_atomic8_store != NULL)
        __tsan_atomic8_store(&bytes[GUARD_DONE], 1, ORDER_RELEASE);
    else
        bytes[GUARD_DONE] = 1;
    bytes[GUARD_BUSY] = 0;
    waitq_wake_all(&posix_run.once_waiters);
}

void __wrap___cxa_guard_abort(uint64_t *guard)
{
    volatile uint8_t *bytes = (volatile uint8_t *)guard;

    if (!sched_is_simulated()) {
        __real___cxa_guard_abort(guard);
        return;
    }
    bytes[GUARD_BUSY] = 0;
    waitq_wake_all(&posix_run.once_waiters);
}

/* ---- thread_local objects ---- */

int __wrap___cxa_thread_atexit(void (*destroy)(void *object), void *object, void *owner)
{
    if (!sched_is_simulated())
        return __real___cxa_thread_atexit(destroy, object, owner);
    struct posix_thread *self = posix_self();
    struct cxx_destructor *kept = arena_take(sched_arena(), sizeof(*kept));
    *kept =
        (struct cxx_destructor){.next = self->destructors, .destroy = destroy, .object = object};
    self->destructors = kept;
    return 0;
}

void cxx_thread_end(struct posix_thread *self)
{
    while (self->destructors != NULL) {
        const struct cxx_destructor *destructor = self->destructors;
        self->destructors = destructor->next;
        destructor->destroy(destructor->object);
    }
}
