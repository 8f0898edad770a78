/*
 * sim/posix/mutex.c - pthread_mutex_*: see mutex.h.
 *
 * Every way to misuse a mutex that POSIX leaves undefined ends the run with its name: what glibc
 * happens to do about it is not a behaviour to explore.
 */
#include "sim/posix/mutex.h"

#include <errno.h>

#include "sim/oracle/deadlock.h"
#include "sim/posix/clock.h"
#include "sim/posix/misuse.h"
#include "sim/posix/names.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/signal.h"
#include "sim/posix/wrap_threads.h"
#include "sim/sched/internal.h"

enum {
    KIND_TYPE_MASK = 3, /* PTHREAD_MUTEX_NORMAL to PTHREAD_MUTEX_ADAPTIVE_NP */
    KIND_ROBUST = 16,
    KIND_KNOWN = 0x3ff, /* the flags of glibc 2.36, elision included */
};

void mutex_adopt(pthread_mutex_t *raw, struct mutex *mutex, const char *what, const void *pc)
{
    if (mutex->epoch != posix_run.epoch)
        names_first_use(raw, "mutex");
    if (mutex->kind == MUTEX_DESTROYED_KIND)
        misuse_fail(raw, pc, "%s of destroyed", what);
    if ((mutex->kind & ~KIND_KNOWN) != 0)
        misuse_fail(raw, pc, "%s of uninitialised", what);
    mutex->depth = 0;
    mutex->robust = ROBUST_FINE;
    mutex->owner = NULL;
    mutex->waiters = NULL;
    mutex->epoch = posix_run.epoch;
}

struct waitq *mutex_waiters(struct mutex *mutex)
{
    if (mutex->waiters == NULL)
        mutex->waiters = arena_take(sched_arena(), sizeof(*mutex->waiters));
    return mutex->waiters;
}

static inline __attribute__((always_inline)) void take(pthread_mutex_t *raw, struct mutex *mutex,
                                                       struct posix_thread *self, int32_t depth,
                                                       const void *pc)
{
    mutex->depth = depth;
    mutex->owner = self;
    held_push(self, raw, HELD_MUTEX, pc);
    sync_acquire(raw);
    if (__builtin_expect(mutex->waiters != NULL, 0))
        wait_shut(mutex->waiters, self->thread);
}

static inline __attribute__((always_inline)) void give(pthread_mutex_t *raw, struct mutex *mutex,
                                                       struct posix_thread *self)
{
    mutex->depth = 0;
    mutex->owner = NULL;
    held_pop(self, raw);
    sync_release(raw);
    sched_memory_result_inline(raw, 1, 0); /* for those who spin on trylock */
    if (__builtin_expect(mutex->waiters != NULL, 0))
        wait_open(mutex->waiters);
}

/* Waits until the mutex is free. 0 or ETIMEDOUT. */
static int wait_until_free(pthread_mutex_t *raw, struct mutex *mutex, uint64_t deadline_ns,
                           const char *label, const void *pc)
{
    const struct op op = {.kind = OP_LOCK, .object = raw, .label = label, .pc = pc};

    while (mutex->depth != 0) {
        struct vthread *holder = mutex->owner->thread;
        if (deadline_ns == TIME_NEVER)
            wait_check_cycle(&op, holder);
        enum park_result result = wait_in(mutex_waiters(mutex), &op, holder, deadline_ns, true);
        if (result == PARK_TIMEOUT) {
            sched_trace_value(ETIMEDOUT);
            return ETIMEDOUT;
        }
        if (result == PARK_SIGNAL)
            (void)signal_deliver(sched_self());
        /* It may have been freed while we waited. */
        mutex = mutex_of(raw, label, pc);
    }
    return 0;
}

/* The caller has it already. Returns -1 when its time has to run out. */
static int relock(pthread_mutex_t *raw, struct mutex *mutex, uint64_t deadline_ns,
                  const char *label, const void *pc)
{
    switch (mutex->kind & KIND_TYPE_MASK) {
    case PTHREAD_MUTEX_RECURSIVE:
        if (mutex->depth == INT32_MAX)
            return EAGAIN;
        mutex->depth++;
        return 0;
    case PTHREAD_MUTEX_ERRORCHECK:
        return EDEADLK;
    default:
        if (deadline_ns != TIME_NEVER)
            return -1;
        deadlock_fail_self(&(struct op){.kind = OP_LOCK, .object = raw, .label = label, .pc = pc});
    }
}

/* A free robust mutex whose owner has ended. */
static int take_orphan(pthread_mutex_t *raw, struct mutex *mutex, struct posix_thread *self,
                       const void *pc)
{
    if (mutex->robust == ROBUST_LOST)
        return ENOTRECOVERABLE;
    take(raw, mutex, self, 1, pc);
    mutex->robust = ROBUST_INHERITED;
    return EOWNERDEAD;
}

void mutex_orphan_all(struct posix_thread *thread)
{
    for (uint32_t i = thread->held_count; i-- > 0;) {
        pthread_mutex_t *raw = (pthread_mutex_t *)(uintptr_t)thread->held[i].object;
        struct mutex *mutex = (struct mutex *)(void *)raw;
        if (thread->held[i].kind != HELD_MUTEX || (mutex->kind & KIND_ROBUST) == 0)
            continue;
        mutex->robust = ROBUST_ORPHANED;
        give(raw, mutex, thread);
    }
}

static inline __attribute__((always_inline)) int lock(pthread_mutex_t *raw, uint64_t deadline_ns,
                                                      const char *label, const void *pc)
{
    sched_point_inline(OP_LOCK, raw, label, pc);
    struct mutex *mutex = mutex_of(raw, "lock", pc);
    struct posix_thread *self = posix_self();

    if (__builtin_expect(mutex->depth != 0, 0)) {
        int err = mutex->owner == self ? relock(raw, mutex, deadline_ns, label, pc) : -1;
        if (err < 0)
            err = wait_until_free(raw, mutex, deadline_ns, label, pc);
        if (err != 0 || mutex->owner == self)
            return err;
    }
    if (__builtin_expect(mutex->robust != ROBUST_FINE, 0))
        return take_orphan(raw, mutex, self, pc);
    take(raw, mutex, self, 1, pc);
    return 0;
}

int32_t mutex_drop(pthread_mutex_t *raw, struct mutex *mutex)
{
    int32_t depth = mutex->depth;

    give(raw, mutex, posix_self());
    return depth;
}

void mutex_retake(pthread_mutex_t *raw, struct mutex *mutex, int32_t depth, const char *label,
                  const void *pc)
{
    (void)wait_until_free(raw, mutex, TIME_NEVER, label, pc);
    take(raw, mutex, posix_self(), depth, pc);
}

static int try_lock(pthread_mutex_t *raw, const char *label, const void *pc)
{
    sched_point(OP_TRY_LOCK, raw, label, pc);
    struct mutex *mutex = mutex_of(raw, "trylock", pc);
    struct posix_thread *self = posix_self();
    uint64_t was_depth = (uint64_t)mutex->depth;
    int err = 0;

    if (mutex->depth == 0 && mutex->robust != ROBUST_FINE)
        err = take_orphan(raw, mutex, self, pc);
    else if (mutex->depth == 0)
        take(raw, mutex, self, 1, pc);
    else if (mutex->owner == self && (mutex->kind & KIND_TYPE_MASK) == PTHREAD_MUTEX_RECURSIVE)
        mutex->depth++;
    else
        err = EBUSY;
    sched_trace_value((uint64_t)err);
    sched_memory_result(raw, was_depth, (uint64_t)mutex->depth);
    return err;
}

static int lock_until(pthread_mutex_t *raw, clockid_t clock, const struct timespec *until,
                      const char *label, const void *pc)
{
    uint64_t deadline_ns;

    /* A bad time only matters to who has to wait; so glibc. */
    if (!clock_deadline(clock, until, &deadline_ns)) {
        struct mutex *mutex = mutex_of(raw, "lock", pc);
        if (mutex->depth != 0 && mutex->owner != posix_self())
            return EINVAL;
        deadline_ns = sched_now_ns();
    }
    return lock(raw, deadline_ns, label, pc);
}

static inline __attribute__((always_inline)) int unlock(pthread_mutex_t *raw, const char *label,
                                                        const void *pc)
{
    sched_point_inline(OP_UNLOCK, raw, label, pc);
    struct mutex *mutex = mutex_of(raw, "unlock", pc);
    struct posix_thread *self = posix_self();

    if (__builtin_expect(mutex->owner != self, 0)) {
        if ((mutex->kind & KIND_TYPE_MASK) == PTHREAD_MUTEX_ERRORCHECK)
            return EPERM; /* a result that POSIX defines: the caller may live by it */
        if (mutex->depth == 0)
            misuse_fail(raw, pc, "unlock of unlocked");
        misuse_fail_held(raw, mutex->owner, pc, "unlock by a non-owner of");
    }
    if (__builtin_expect(mutex->depth > 1, 0)) {
        mutex->depth--;
        return 0;
    }
    if (__builtin_expect(mutex->robust != ROBUST_FINE, 0))
        mutex->robust = ROBUST_LOST;
    give(raw, mutex, self);
    return 0;
}

static void destroy(pthread_mutex_t *raw, const char *label, const void *pc)
{
    sched_point(OP_UNLOCK, raw, label, pc);
    struct mutex *mutex = mutex_of(raw, "destroy", pc);
    if (mutex->depth != 0)
        misuse_fail_held(raw, mutex->owner, pc, "destroy while held of");
    mutex->depth = MUTEX_DESTROYED_DEPTH;
    mutex->kind = MUTEX_DESTROYED_KIND;
}

/* ---- the calls ---- */

int __wrap_pthread_mutex_init(pthread_mutex_t *raw, const pthread_mutexattr_t *attr)
{
    struct mutex *mutex = (struct mutex *)(void *)raw;
    int type = PTHREAD_MUTEX_DEFAULT;
    int robust = PTHREAD_MUTEX_STALLED;

    if (!sched_is_simulated())
        return __real_pthread_mutex_init(raw, attr);
    heap_check(raw, sizeof(*raw), true, WRAP_PC);
    if (attr != NULL) {
        (void)pthread_mutexattr_gettype(attr, &type);
        (void)pthread_mutexattr_getrobust(attr, &robust);
    }
    *mutex = (struct mutex){.kind = type | (robust == PTHREAD_MUTEX_ROBUST ? KIND_ROBUST : 0)};
    mutex_adopt(raw, mutex, "init", WRAP_PC);
    return 0;
}

int __wrap_pthread_mutex_destroy(pthread_mutex_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_mutex_destroy(raw);
    destroy(raw, "pthread_mutex_destroy", WRAP_PC);
    return 0;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_mutex_lock(raw);
    return lock(raw, TIME_NEVER, "pthread_mutex_lock", WRAP_PC);
}

int __wrap_pthread_mutex_trylock(pthread_mutex_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_mutex_trylock(raw);
    return try_lock(raw, "pthread_mutex_trylock", WRAP_PC);
}

int __wrap_pthread_mutex_timedlock(pthread_mutex_t *raw, const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_pthread_mutex_timedlock(raw, until);
    return lock_until(raw, CLOCK_REALTIME, until, "pthread_mutex_timedlock", WRAP_PC);
}

int __wrap_pthread_mutex_clocklock(pthread_mutex_t *raw, clockid_t clock,
                                   const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_pthread_mutex_clocklock(raw, clock, until);
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return EINVAL;
    return lock_until(raw, clock, until, "pthread_mutex_clocklock", WRAP_PC);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_mutex_unlock(raw);
    return unlock(raw, "pthread_mutex_unlock", WRAP_PC);
}

int __wrap_pthread_mutex_consistent(pthread_mutex_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_mutex_consistent(raw);
    struct mutex *mutex = mutex_of(raw, "consistent", WRAP_PC);
    if (mutex->robust != ROBUST_INHERITED || mutex->owner != posix_self())
        return EINVAL;
    mutex->robust = ROBUST_FINE;
    return 0;
}

/* ---- C11: the same object, other words ---- */

int __wrap_mtx_init(mtx_t *raw, int type)
{
    struct mutex *mutex = (struct mutex *)(void *)raw;

    if (!sched_is_simulated())
        return __real_mtx_init(raw, type);
    heap_check(raw, sizeof(*raw), true, WRAP_PC);
    *mutex = (struct mutex){.kind = (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE
                                                                : PTHREAD_MUTEX_NORMAL};
    mutex_adopt((pthread_mutex_t *)(void *)raw, mutex, "init", WRAP_PC);
    return thrd_success;
}

void __wrap_mtx_destroy(mtx_t *raw)
{
    if (sched_is_simulated())
        destroy((pthread_mutex_t *)(void *)raw, "mtx_destroy", WRAP_PC);
    else
        __real_mtx_destroy(raw);
}

int __wrap_mtx_lock(mtx_t *raw)
{
    if (!sched_is_simulated())
        return __real_mtx_lock(raw);
    return thread_error11(lock((pthread_mutex_t *)(void *)raw, TIME_NEVER, "mtx_lock", WRAP_PC));
}

int __wrap_mtx_trylock(mtx_t *raw)
{
    if (!sched_is_simulated())
        return __real_mtx_trylock(raw);
    return thread_error11(try_lock((pthread_mutex_t *)(void *)raw, "mtx_trylock", WRAP_PC));
}

int __wrap_mtx_timedlock(mtx_t *raw, const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_mtx_timedlock(raw, until);
    return thread_error11(lock_until((pthread_mutex_t *)(void *)raw, CLOCK_REALTIME, until,
                                     "mtx_timedlock", WRAP_PC));
}

int __wrap_mtx_unlock(mtx_t *raw)
{
    if (!sched_is_simulated())
        return __real_mtx_unlock(raw);
    return thread_error11(unlock((pthread_mutex_t *)(void *)raw, "mtx_unlock", WRAP_PC));
}
