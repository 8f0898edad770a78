/*
 * sim/posix/cond.c - pthread_cond_*.
 *
 * A waiter that is signalled while the mutex is held goes straight into the mutex's queue: it could
 * not get on anyway, and no step is spent on finding that out.
 */
#include <errno.h>

#include "sim/memory/heap.h"
#include "sim/posix/clock.h"
#include "sim/posix/misuse.h"
#include "sim/posix/mutex.h"
#include "sim/posix/names.h"
#include "sim/posix/signal.h"
#include "sim/posix/wrap_threads.h"

enum { COND_MONOTONIC = 2, COND_DESTROYED = 0xdead };

/* Overlays glibc's: zero is a condition with the real-time clock, and `flags` is where glibc keeps
 * the clock of one that was initialised before the run. */
struct cond {
    struct waitq waiters; /* a list */
    uint32_t epoch;       /* of the run that the rest belongs to */
    uint32_t state;       /* 0 or COND_DESTROYED */
    uint32_t unused;
    uint32_t flags;
    pthread_mutex_t *mutex; /* of those who wait */
};
_Static_assert(sizeof(struct cond) <= sizeof(pthread_cond_t), "must fit");
_Static_assert(__builtin_offsetof(struct cond, flags) ==
                   __builtin_offsetof(pthread_cond_t, __data.__wrefs),
               "where glibc keeps the clock");

static void adopt(pthread_cond_t *raw, struct cond *cond, uint32_t flags)
{
    *cond = (struct cond){.epoch = posix_run.epoch, .flags = flags};
    names_first_use(raw, "cond");
}

static struct cond *cond_of(pthread_cond_t *raw, const char *what, const void *pc)
{
    struct cond *cond = (struct cond *)(void *)raw;

    heap_check(raw, sizeof(*raw), true, pc);
    if (__builtin_expect(cond->epoch != posix_run.epoch, 0))
        adopt(raw, cond, cond->flags & COND_MONOTONIC);
    else if (__builtin_expect(cond->state == COND_DESTROYED, 0))
        misuse_fail(raw, pc, "%s of destroyed", what);
    return cond;
}

static int wait_for_signal(pthread_cond_t *raw, pthread_mutex_t *raw_mutex, uint64_t deadline_ns,
                           const char *label, const void *pc)
{
    const struct op op = {.kind = OP_WAIT, .object = raw, .label = label, .pc = pc};

    struct vthread *self = sched_self();

    self->second_object = raw_mutex;
    sched_point(OP_WAIT, raw, label, pc);
    struct cond *cond = cond_of(raw, "wait", pc);
    struct mutex *mutex = mutex_of(raw_mutex, "wait", pc);
    if (mutex->depth == 0)
        misuse_fail(raw_mutex, pc, "wait with unlocked");
    if (mutex->owner != posix_self())
        misuse_fail_held(raw_mutex, mutex->owner, pc, "wait with another thread's");
    if (cond->waiters.count != 0 && cond->mutex != raw_mutex)
        misuse_fail(raw, pc, "waits with two mutexes on");
    cond->mutex = raw_mutex;

    int32_t depth = mutex_drop(raw_mutex, mutex);
    enum park_result result = PARK_WOKEN;
    if (choice_draw(CHOICE_SPURIOUS, 2) == 0)
        result = wait_in(&cond->waiters, &op, NULL, deadline_ns, true);
    else
        sched_point(OP_LOCK, raw_mutex, label, pc);
    self->second_object = NULL;
    if (result == PARK_SIGNAL)
        (void)signal_deliver(sched_self()); /* and POSIX lets the wait end for nothing */
    mutex_retake(raw_mutex, mutex_of(raw_mutex, "wait", pc), depth, label, pc);
    sched_trace_value(result == PARK_TIMEOUT);
    return result == PARK_TIMEOUT ? ETIMEDOUT : 0;
}

/* One waiter goes on: with the mutex if that is free, to its queue if not. */
static void wake(struct cond *cond, struct vthread *thread)
{
    struct mutex *mutex = (struct mutex *)(void *)cond->mutex;

    const struct op op = {.kind = OP_LOCK,
                          .object = cond->mutex,
                          .label = thread->parked_op.label,
                          .pc = thread->parked_op.pc};

    if (mutex->epoch != posix_run.epoch || mutex->depth <= 0) {
        wait_release(&cond->waiters, thread);
        thread->parked_op = op; /* what it goes on with */
        return;
    }
    wait_move(&cond->waiters, thread, mutex_waiters(mutex), &op, mutex->owner->thread);
}

static void signal_one(pthread_cond_t *raw, const char *label, const void *pc)
{
    sched_point(OP_SIGNAL, raw, label, pc);
    struct cond *cond = cond_of(raw, "signal", pc);
    struct vthread *thread = wait_choose(&cond->waiters);
    if (thread != NULL)
        wake(cond, thread);
}

static void signal_all(pthread_cond_t *raw, const char *label, const void *pc)
{
    sched_point(OP_SIGNAL, raw, label, pc);
    struct cond *cond = cond_of(raw, "broadcast", pc);
    while (cond->waiters.head != NULL)
        wake(cond, cond->waiters.head->thread);
}

/* Until a time on the clock that the condition was made with. */
static int wait_until(pthread_cond_t *raw, pthread_mutex_t *mutex, const struct timespec *until,
                      const char *label, const void *pc)
{
    const struct cond *cond = cond_of(raw, "wait", pc);
    clockid_t clock = (cond->flags & COND_MONOTONIC) != 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    uint64_t deadline_ns;

    if (!clock_deadline(clock, until, &deadline_ns))
        return EINVAL;
    return wait_for_signal(raw, mutex, deadline_ns, label, pc);
}

static void destroy(pthread_cond_t *raw, const char *label, const void *pc)
{
    sched_point(OP_SIGNAL, raw, label, pc);
    struct cond *cond = cond_of(raw, "destroy", pc);
    if (cond->waiters.count != 0)
        misuse_fail(raw, pc, "destroy while threads wait on");
    cond->state = COND_DESTROYED;
}

/* ---- the calls ---- */

int __wrap_pthread_cond_init(pthread_cond_t *raw, const pthread_condattr_t *attr)
{
    clockid_t clock = CLOCK_REALTIME;

    if (!sched_is_simulated())
        return __real_pthread_cond_init(raw, attr);
    heap_check(raw, sizeof(*raw), true, WRAP_PC);
    if (attr != NULL)
        (void)pthread_condattr_getclock(attr, &clock);
    adopt(raw, (struct cond *)(void *)raw, clock == CLOCK_MONOTONIC ? COND_MONOTONIC : 0);
    return 0;
}

int __wrap_pthread_cond_destroy(pthread_cond_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_cond_destroy(raw);
    destroy(raw, "pthread_cond_destroy", WRAP_PC);
    return 0;
}

int __wrap_pthread_cond_wait(pthread_cond_t *raw, pthread_mutex_t *mutex)
{
    if (!sched_is_simulated())
        return __real_pthread_cond_wait(raw, mutex);
    return wait_for_signal(raw, mutex, TIME_NEVER, "pthread_cond_wait", WRAP_PC);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *raw, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_pthread_cond_timedwait(raw, mutex, until);
    return wait_until(raw, mutex, until, "pthread_cond_timedwait", WRAP_PC);
}

int __wrap_pthread_cond_clockwait(pthread_cond_t *raw, pthread_mutex_t *mutex, clockid_t clock,
                                  const struct timespec *until)
{
    uint64_t deadline_ns;

    if (!sched_is_simulated())
        return __real_pthread_cond_clockwait(raw, mutex, clock, until);
    if ((clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) ||
        !clock_deadline(clock, until, &deadline_ns))
        return EINVAL;
    return wait_for_signal(raw, mutex, deadline_ns, "pthread_cond_clockwait", WRAP_PC);
}

int __wrap_pthread_cond_signal(pthread_cond_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_cond_signal(raw);
    signal_one(raw, "pthread_cond_signal", WRAP_PC);
    return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *raw)
{
    if (!sched_is_simulated())
        return __real_pthread_cond_broadcast(raw);
    signal_all(raw, "pthread_cond_broadcast", WRAP_PC);
    return 0;
}

/* ---- C11: the same object, other words ---- */

int __wrap_cnd_init(cnd_t *raw)
{
    if (!sched_is_simulated())
        return __real_cnd_init(raw);
    heap_check(raw, sizeof(*raw), true, WRAP_PC);
    adopt((pthread_cond_t *)(void *)raw, (struct cond *)(void *)raw, 0);
    return thrd_success;
}

void __wrap_cnd_destroy(cnd_t *raw)
{
    if (sched_is_simulated())
        destroy((pthread_cond_t *)(void *)raw, "cnd_destroy", WRAP_PC);
    else
        __real_cnd_destroy(raw);
}

int __wrap_cnd_wait(cnd_t *raw, mtx_t *mutex)
{
    if (!sched_is_simulated())
        return __real_cnd_wait(raw, mutex);
    return thread_error11(wait_for_signal((pthread_cond_t *)(void *)raw,
                                          (pthread_mutex_t *)(void *)mutex, TIME_NEVER, "cnd_wait",
                                          WRAP_PC));
}

int __wrap_cnd_timedwait(cnd_t *raw, mtx_t *mutex, const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_cnd_timedwait(raw, mutex, until);
    return thread_error11(wait_until((pthread_cond_t *)(void *)raw,
                                     (pthread_mutex_t *)(void *)mutex, until, "cnd_timedwait",
                                     WRAP_PC));
}

int __wrap_cnd_signal(cnd_t *raw)
{
    if (!sched_is_simulated())
        return __real_cnd_signal(raw);
    signal_one((pthread_cond_t *)(void *)raw, "cnd_signal", WRAP_PC);
    return thrd_success;
}

int __wrap_cnd_broadcast(cnd_t *raw)
{
    if (!sched_is_simulated())
        return __real_cnd_broadcast(raw);
    signal_all((pthread_cond_t *)(void *)raw, "cnd_broadcast", WRAP_PC);
    return thrd_success;
}
