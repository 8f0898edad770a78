/*
 * sim/posix/sem.c - unnamed semaphores.
 */
#include <errno.h>
#include <limits.h>

#include "sim/memory/heap.h"
#include "sim/posix/clock.h"
#include "sim/posix/misuse.h"
#include "sim/posix/names.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/posix/wait.h"
#include "sim/posix/wrap_threads.h"

enum { SEM_DESTROYED = 0xdead };

/* Overlays glibc's, whose value is at the start too. */
struct semaphore {
    uint32_t value;
    uint32_t epoch; /* of the run that the rest belongs to */
    uint32_t unused;
    uint32_t state;        /* 0 or SEM_DESTROYED */
    struct waitq *waiters; /* a gate, open while the value is not 0 */
};
_Static_assert(sizeof(struct semaphore) <= sizeof(sem_t), "must fit");

static void adopt(sem_t *raw, struct semaphore *sem, uint32_t value)
{
    *sem = (struct semaphore){.value = value, .epoch = posix_run.epoch};
    sem->waiters = arena_take(sched_arena(), sizeof(*sem->waiters));
    names_first_use(raw, "semaphore");
}

static struct semaphore *sem_of(sem_t *raw, const char *what, const void *pc)
{
    struct semaphore *sem = (struct semaphore *)(void *)raw;

    heap_check(raw, sizeof(*raw), true, pc);
    if (__builtin_expect(sem->epoch != posix_run.epoch, 0))
        adopt(raw, sem, sem->value);
    else if (__builtin_expect(sem->state == SEM_DESTROYED, 0))
        misuse_fail(raw, pc, "%s of destroyed", what);
    return sem;
}

static int fail_with(int err)
{
    sched_trace_value((uint64_t)err);
    errno = err;
    return -1;
}

static void take(sem_t *raw, struct semaphore *sem)
{
    sync_acquire(raw);
    if (--sem->value == 0)
        wait_shut(sem->waiters, NULL);
}

static int wait_for_value(sem_t *raw, uint64_t deadline_ns, const char *label, const void *pc)
{
    const struct op op = {.kind = OP_WAIT, .object = raw, .label = label, .pc = pc};

    sched_point(OP_WAIT, raw, label, pc);
    struct semaphore *sem = sem_of(raw, "wait", pc);
    while (sem->value == 0) {
        enum park_result result = wait_in(sem->waiters, &op, NULL, deadline_ns, true);
        sem = sem_of(raw, "wait", pc);
        if (result == PARK_TIMEOUT)
            return fail_with(ETIMEDOUT);
        if (result == PARK_SIGNAL && signal_deliver(sched_self()) == SIGNAL_INTERRUPT)
            return fail_with(EINTR);
    }
    take(raw, sem);
    return 0;
}

int __wrap_sem_init(sem_t *raw, int shared, unsigned value)
{
    if (!sched_is_simulated())
        return __real_sem_init(raw, shared, value);
    heap_check(raw, sizeof(*raw), true, WRAP_PC);
    if (value > SEM_VALUE_MAX)
        return fail_with(EINVAL);
    adopt(raw, (struct semaphore *)(void *)raw, value);
    return 0;
}

int __wrap_sem_destroy(sem_t *raw)
{
    const void *pc = WRAP_PC;

    if (!sched_is_simulated())
        return __real_sem_destroy(raw);
    sched_point(OP_SIGNAL, raw, "sem_destroy", pc);
    struct semaphore *sem = sem_of(raw, "destroy", pc);
    if (sem->waiters->count != 0 && sem->value == 0)
        misuse_fail(raw, pc, "destroy while threads wait on");
    sem->state = SEM_DESTROYED;
    return 0;
}

int __wrap_sem_wait(sem_t *raw)
{
    if (!sched_is_simulated())
        return __real_sem_wait(raw);
    return wait_for_value(raw, TIME_NEVER, "sem_wait", WRAP_PC);
}

int __wrap_sem_trywait(sem_t *raw)
{
    const void *pc = WRAP_PC;

    if (!sched_is_simulated())
        return __real_sem_trywait(raw);
    sched_point(OP_TRY_LOCK, raw, "sem_trywait", pc);
    struct semaphore *sem = sem_of(raw, "trywait", pc);
    bool may = sem->value != 0;
    if (may)
        take(raw, sem);
    sched_memory_result(raw, 0, may);
    return may ? 0 : fail_with(EAGAIN);
}

int __wrap_sem_timedwait(sem_t *raw, const struct timespec *until)
{
    if (!sched_is_simulated())
        return __real_sem_timedwait(raw, until);
    return __wrap_sem_clockwait(raw, CLOCK_REALTIME, until);
}

int __wrap_sem_clockwait(sem_t *raw, clockid_t clock, const struct timespec *until)
{
    uint64_t deadline_ns;

    if (!sched_is_simulated())
        return __real_sem_clockwait(raw, clock, until);
    if ((clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) ||
        !clock_deadline(clock, until, &deadline_ns))
        return fail_with(EINVAL);
    return wait_for_value(raw, deadline_ns, "sem_timedwait", WRAP_PC);
}

int __wrap_sem_post(sem_t *raw)
{
    const void *pc = WRAP_PC;

    if (!sched_is_simulated())
        return __real_sem_post(raw);
    sched_point(OP_SIGNAL, raw, "sem_post", pc);
    struct semaphore *sem = sem_of(raw, "post", pc);
    if (sem->value == SEM_VALUE_MAX)
        return fail_with(EOVERFLOW);
    sync_release(raw);
    sem->value++;
    sched_memory_result(raw, 0, 1); /* for those who spin on sem_trywait */
    wait_open(sem->waiters);
    return 0;
}

int __wrap_sem_getvalue(sem_t *raw, int *value)
{
    const void *pc = WRAP_PC;

    if (!sched_is_simulated())
        return __real_sem_getvalue(raw, value);
    sched_point(OP_LOAD, raw, "sem_getvalue", pc);
    const struct semaphore *sem = sem_of(raw, "getvalue", pc);
    *value = (int)sem->value;
    sched_memory_result(raw, sem->value, sem->value);
    return 0;
}
