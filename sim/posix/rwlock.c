/*
 * sim/posix/rwlock.c - pthread_rwlock_*.
 *
 * One queue for readers and writers; after each change those who could go in are runnable and the
 * others are not. As in glibc a reader may pass waiting writers, unless the lock was made with
 * PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP.
 */
#include <errno.h>

#include "sim/memory/heap.h"
#include "sim/oracle/deadlock.h"
#include "sim/posix/clock.h"
#include "sim/posix/misuse.h"
#include "sim/posix/names.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/posix/wait.h"
#include "sim/posix/wrap_threads.h"

enum { RWLOCK_DESTROYED = 0xdead };

/* Overlays glibc's: zero is a free lock, and `flags` is where static initialisers put the kind. */
struct rwlock_state {
    uint32_t readers;
    uint32_t writers_waiting;
    uint32_t epoch; /* of the run that the rest belongs to */
    uint32_t state; /* 0 or RWLOCK_DESTROYED */
    struct waitq waiters;
    struct posix_thread *writer; /* who has it for writing */
    uint32_t flags;
    uint32_t unused;
};
_Static_assert(sizeof(struct rwlock_state) <= sizeof(pthread_rwlock_t), "must fit");
_Static_assert(__builtin_offsetof(struct rwlock_state, flags) ==
                   __builtin_offsetof(pthread_rwlock_t, __data.__flags),
               "static initialisers");

/* Readers release into one place and writers into another, so that readers are not ordered among
 * themselves. */
static const void *readers_clock(const pthread_rwlock_t *raw)
{
    return (const char *)raw + sizeof(uint64_t);
}

static void adopt(pthread_rwlock_t *raw, struct rwlock_state *lock, uint32_t flags)
{
    *lock = (struct rwlock_state){.epoch = posix_run.epoch, .flags = flags};
    names_first_use(raw, "rwlock");
}

static struct rwlock_state *rwlock_of(pthread_rwlock_t *raw, const char *what, const void *pc)
{
    struct rwlock_state *lock = (struct rwlock_state *)(void *)raw;

    heap_check(raw, sizeof(*raw), true, pc);
    if (__builtin_expect(lock->epoch != posix_run.epoch, 0))
        adopt(raw, lock, lock->flags);
    else if (__builtin_expect(lock->state == RWLOCK_DESTROYED, 0))
        misuse_fail(raw, pc, "%s of destroyed", what);
    return lock;
}

static bool may_enter(const struct rwlock_state *lock, bool is_writer)
{
    if (lock->writer != NULL)
        return false;
    if (is_writer)
        return lock->readers == 0;
    return lock->writers_waiting == 0 ||
           lock->flags != PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
}

/* After every change: those who may go in are runnable. */
static void update_waiters(struct rwlock_state *lock)
{
    struct vthread *holder = lock->writer == NULL ? NULL : lock->writer->thread;

    for (struct waiter *waiter = lock->waiters.head; waiter != NULL; waiter = waiter->next) {
        struct vthread *thread = waiter->thread;
        if (may_enter(lock, thread->parked_op.kind == OP_LOCK))
            sched_unpark(thread);
        else if (thread->state == VTHREAD_RUNNABLE && thread->park_result == PARK_WOKEN)
            sched_repark(thread, holder);
        else if (thread->state == VTHREAD_PARKED)
            thread->parked_holder = holder;
    }
}

static void enter(pthread_rwlock_t *raw, struct rwlock_state *lock, bool is_writer, const void *pc)
{
    struct posix_thread *self = posix_self();

    if (is_writer)
        lock->writer = self;
    else
        lock->readers++;
    held_push(self, raw, is_writer ? HELD_WRITE : HELD_READ, pc);
    sync_acquire(raw);
    if (is_writer)
        sync_acquire(readers_clock(raw));
    update_waiters(lock);
}

static int wait_to_enter(pthread_rwlock_t *raw, struct rwlock_state *lock, uint64_t deadline_ns,
                         const struct op *op)
{
    bool is_writer = op->kind == OP_LOCK;

    while (!may_enter(lock, is_writer)) {
        struct vthread *holder = lock->writer == NULL ? NULL : lock->writer->thread;
        if (deadline_ns == TIME_NEVER)
            wait_check_cycle(op, holder);
        lock->writers_waiting += is_writer;
        enum park_result result = wait_in(&lock->waiters, op, holder, deadline_ns, true);
        lock = rwlock_of(raw, "lock", op->pc);
        lock->writers_waiting -= is_writer;
        if (result == PARK_TIMEOUT) {
            update_waiters(lock); /* a reader may have waited for this writer */
            sched_trace_value(ETIMEDOUT);
            return ETIMEDOUT;
        }
        if (result == PARK_SIGNAL)
            (void)signal_deliver(sched_self());
    }
    return 0;
}

static int lock_for(pthread_rwlock_t *raw, bool is_writer, uint64_t deadline_ns, const char *label,
                    const void *pc)
{
    const struct op op = {
        .kind = is_writer ? OP_LOCK : OP_LOCK_READ, .object = raw, .label = label, .pc = pc};

    sched_point(op.kind, raw, label, pc);
    struct rwlock_state *lock = rwlock_of(raw, "lock", pc);
    struct posix_thread *self = posix_self();

    if (lock->writer == self)
        return EDEADLK; /* as glibc finds out too */
    if (!may_enter(lock, is_writer)) {
        /* glibc waits for itself here, for ever. */
        if (is_writer && deadline_ns == TIME_NEVER && held_find(self, raw) != NULL)
            deadlock_fail_self(&op);
        int err = wait_to_enter(raw, lock, deadline_ns, &op);
        if (err != 0)
            return err;
    }
    enter(raw, lock, is_writer, pc);
    return 0;
}

static int try_lock_for(pthread_rwlock_t *raw, bool is_writer, const char *label, const void *pc)
{
    sched_point(OP_TRY_LOCK, raw, label, pc);
    struct rwlock_state *lock = rwlock_of(raw, "trylock", pc);
    bool may = may_enter(lock, is_writer);

    if (may)
        enter(raw, lock, is_writer, pc);
    sched_trace_value(may);
    sched_memory_result(raw, 0, may);
    return may ? 0 : EBUSY;
}

static int lock_for_until(pthread_rwlock_t *raw, bool is_writer, clockid_t clock,
                          const struct timespec *until, const char *label, const void *pc)
{
    uint64_t deadline_ns;

    if ((clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) ||
        !clock_deadline(clock, until, &deadline_ns))
        return EINVAL;
    return lock_for(raw, is_writer, deadline_ns, label, pc);
}

/* ---- the calls ---- */

int __wrap_pthread_rwlock_init(pthread_rwlock_t *raw, const pthread_rwlockattr_t *attr)
{
    int kind = PTHREAD_RWLOCK_DEFAULT_NP;

    if (!sched_is_simulated())
        return __real_pthread_rwlock_init(raw, attr);
    heap_check(raw, sizeof(*raw), true, WRAP_PC);
    if (attr != NULL)
        (void)pthread_rwlockattr_getkind_np(attr, &kind);
    adopt(raw, (struct rwlock_state *)(void *)raw, (uint32_t)kind);
    return 0;
}

int __wrap_pthread_rwlock_destroy(pthread_rwlock_t *raw)
{
    const void *pc = WRAP_PC;

    if (!sched_is_simulated())
        return __real_pthread_rwlock_destroy(raw);
    sched_point(OP_UNLOCK, raw, "pthread_rwlock_destroy", pc);
    struct rwlock_state *lock = rwlock_of(raw, "destroy", pc);
    if (lock->writer != NULL || lock->readers != 0)
        misuse_fail_held(raw, lock->writer, pc, "destroy while held of");
    lock->state = RWLOCK_DESTROYED;
    return 0;
}

int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_rwlock_rdlock(raw);
    return lock_for(raw, false, TIME_NEVER, "pthread_rwlock_rdlock", WRAP_PC);
}

int __wrap_pthread_rwlock_tryrdlock(pthread_rwlock_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_rwlock_tryrdlock(raw);
    return try_lock_for(raw, false, "pthread_rwlock_tryrdlock", WRAP_PC);
}

int __wrap_pthread_rwlock_timedrdlock(pthread_rwlock_t *raw, const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_pthread_rwlock_timedrdlock(raw, until);
    return lock_for_until(raw, false, CLOCK_REALTIME, until, "pthread_rwlock_timedrdlock", WRAP_PC);
}

int __wrap_pthread_rwlock_clockrdlock(pthread_rwlock_t *raw, clockid_t clock,
                                      const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_pthread_rwlock_clockrdlock(raw, clock, until);
    return lock_for_until(raw, false, clock, until, "pthread_rwlock_clockrdlock", WRAP_PC);
}

int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_rwlock_wrlock(raw);
    return lock_for(raw, true, TIME_NEVER, "pthread_rwlock_wrlock", WRAP_PC);
}

int __wrap_pthread_rwlock_trywrlock(pthread_rwlock_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_rwlock_trywrlock(raw);
    return try_lock_for(raw, true, "pthread_rwlock_trywrlock", WRAP_PC);
}

int __wrap_pthread_rwlock_timedwrlock(pthread_rwlock_t *raw, const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_pthread_rwlock_timedwrlock(raw, until);
    return lock_for_until(raw, true, CLOCK_REALTIME, until, "pthread_rwlock_timedwrlock", WRAP_PC);
}

int __wrap_pthread_rwlock_clockwrlock(pthread_rwlock_t *raw, clockid_t clock,
                                      const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_pthread_rwlock_clockwrlock(raw, clock, until);
    return lock_for_until(raw, true, clock, until, "pthread_rwlock_clockwrlock", WRAP_PC);
}

int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *raw)
{
    const void *pc = WRAP_PC;

    if (!sched_is_simulated())
        return __real_pthread_rwlock_unlock(raw);
    struct posix_thread *self = posix_self();
    const struct held_lock *held = held_find(self, raw);
    bool is_reader = held != NULL && held->kind == HELD_READ;

    self->thread->second_object = is_reader ? raw : NULL; /* readers do not disturb each other */
    sched_point(OP_UNLOCK, raw, "pthread_rwlock_unlock", pc);
    self->thread->second_object = NULL;
    struct rwlock_state *lock = rwlock_of(raw, "unlock", pc);

    if (lock->writer == NULL && lock->readers == 0)
        misuse_fail(raw, pc, "unlock of unlocked");
    if (held_find(self, raw) == NULL)
        misuse_fail_held(raw, lock->writer, pc, "unlock by a non-owner of");
    held_pop(self, raw);
    if (lock->writer == self) {
        lock->writer = NULL;
        sync_release(raw);
    } else {
        lock->readers--;
        sync_release(readers_clock(raw));
    }
    sched_memory_result(raw, 1, 0); /* for those who spin on trylock */
    update_waiters(lock);
    return 0;
}
