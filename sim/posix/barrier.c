/*
 * sim/posix/barrier.c - pthread_barrier_*.
 */
#include <errno.h>

#include "sim/memory/heap.h"
#include "sim/posix/misuse.h"
#include "sim/posix/names.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/posix/wait.h"
#include "sim/posix/wrap_threads.h"

/* Overlays glibc's; `count` is where glibc keeps that of one initialised before the run. */
struct barrier {
    uint32_t arrived;
    uint32_t generation;
    uint32_t count; /* 0: destroyed */
    uint32_t epoch; /* of the run that the rest belongs to */
    struct waitq *waiters;
};
_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t), "must fit");

static void adopt(pthread_barrier_t *raw, struct barrier *barrier, uint32_t count)
{
    *barrier = (struct barrier){.count = count, .epoch = posix_run.epoch};
    barrier->waiters = arena_take(sched_arena(), sizeof(*barrier->waiters));
    names_first_use(raw, "barrier");
}

static struct barrier *barrier_of(pthread_barrier_t *raw, const char *what, const void *pc)
{
    struct barrier *barrier = (struct barrier *)(void *)raw;

    heap_check(raw, sizeof(*raw), true, pc);
    if (barrier->epoch != posix_run.epoch)
        adopt(raw, barrier, barrier->count);
    if (barrier->count == 0)
        misuse_fail(raw, pc, "%s of destroyed or uninitialised", what);
    return barrier;
}

int __wrap_pthread_barrier_init(pthread_barrier_t *raw, const pthread_barrierattr_t *attr,
                                unsigned count)
{
    if (!sched_is_simulated())
        return __real_pthread_barrier_init(raw, attr, count);
    heap_check(raw, sizeof(*raw), true, WRAP_PC);
    if (count == 0 || count > INT32_MAX)
        return EINVAL;
    adopt(raw, (struct barrier *)(void *)raw, count);
    return 0;
}

int __wrap_pthread_barrier_destroy(pthread_barrier_t *raw)
{
    const void *pc = WRAP_PC;

    if (!sched_is_simulated())
        return __real_pthread_barrier_destroy(raw);
    sched_point(OP_SIGNAL, raw, "pthread_barrier_destroy", pc);
    struct barrier *barrier = barrier_of(raw, "destroy", pc);
    if (barrier->arrived != 0)
        misuse_fail(raw, pc, "destroy while threads wait on");
    barrier->count = 0;
    return 0;
}

int __wrap_pthread_barrier_wait(pthread_barrier_t *raw)
{
    const void *pc = WRAP_PC;
    const struct op op = {
        .kind = OP_WAIT, .object = raw, .label = "pthread_barrier_wait", .pc = pc};

    if (!sched_is_simulated())
        return __real_pthread_barrier_wait(raw);
    sched_point(OP_WAIT, raw, "pthread_barrier_wait", pc);
    struct barrier *barrier = barrier_of(raw, "wait", pc);
    struct waitq *waiters = barrier->waiters;

    sync_release(raw);
    if (++barrier->arrived == barrier->count) {
        barrier->arrived = 0;
        barrier->generation++;
        waitq_wake_all(waiters);
        sync_acquire(raw);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    /* The barrier may be destroyed as soon as we are let go: only the generation is looked at, and
     * only after a signal, when nobody has let us go. */
    uint32_t generation = barrier->generation;
    while (wait_in(waiters, &op, NULL, TIME_NEVER, true) == PARK_SIGNAL) {
        (void)signal_deliver(sched_self());
        if (barrier->generation != generation)
            break;
    }
    sync_acquire(raw);
    return 0;
}
