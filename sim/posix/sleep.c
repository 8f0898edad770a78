/*
 * sim/posix/sleep.c - letting time or others go first.
 */
#include <errno.h>

#include "sim/posix/clock.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/posix/wrap_threads.h"

enum { NS_PER_S = 1000000000 };

/* Sleeps until `deadline_ns` of virtual time. 0, or EINTR. */
static int sleep_until(uint64_t deadline_ns, const char *label, const void *pc)
{
    const struct op op = {.kind = OP_SLEEP, .label = label, .pc = pc};

    sched_point(OP_SLEEP, NULL, label, pc);
    while (sched_now_ns() < deadline_ns) {
        if (sched_park(&op, NULL, deadline_ns, true) != PARK_SIGNAL)
            continue;
        /* nanosleep is never restarted after a handler ran. */
        if (signal_deliver(sched_self()) != SIGNAL_NONE)
            return EINTR;
    }
    if (sched_self()->has_pending_signal) /* it came as the time ran out */
        (void)signal_deliver(sched_self());
    return 0;
}

static int sleep_for(const struct timespec *span, struct timespec *left, const char *label,
                     const void *pc)
{
    uint64_t span_ns;

    if (!clock_span_ns(span, &span_ns))
        return EINVAL;
    uint64_t deadline_ns = sched_now_ns() + span_ns;
    int err = sleep_until(deadline_ns, label, pc);
    if (err == EINTR && left != NULL) {
        uint64_t now_ns = sched_now_ns();
        *left = clock_timespec(deadline_ns > now_ns ? deadline_ns - now_ns : 0);
    }
    return err;
}

static int fail_with(int err)
{
    if (err == 0)
        return 0;
    errno = err;
    return -1;
}

int __wrap_nanosleep(const struct timespec *span, struct timespec *left)
{
    if (!sched_is_simulated())
        return __real_nanosleep(span, left);
    return fail_with(sleep_for(span, left, "nanosleep", WRAP_PC));
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *span,
                           struct timespec *left)
{
    uint64_t deadline_ns;

    if (!sched_is_simulated())
        return __real_clock_nanosleep(clock, flags, span, left);
    if ((flags & TIMER_ABSTIME) == 0)
        return sleep_for(span, left, "clock_nanosleep", WRAP_PC);
    if (!clock_deadline(clock, span, &deadline_ns))
        return EINVAL;
    return sleep_until(deadline_ns, "clock_nanosleep", WRAP_PC);
}

int __wrap_usleep(useconds_t us)
{
    struct timespec span = clock_timespec((uint64_t)us * 1000);

    if (!sched_is_simulated())
        return __real_usleep(us);
    return fail_with(sleep_for(&span, NULL, "usleep", WRAP_PC));
}

unsigned __wrap_sleep(unsigned seconds)
{
    struct timespec span = {.tv_sec = seconds};
    struct timespec left = {0};

    if (!sched_is_simulated())
        return __real_sleep(seconds);
    if (sleep_for(&span, &left, "sleep", WRAP_PC) == 0)
        return 0;
    return (unsigned)left.tv_sec + (left.tv_nsec >= NS_PER_S / 2);
}

int __wrap_thrd_sleep(const struct timespec *span, struct timespec *left)
{
    if (!sched_is_simulated())
        return __real_thrd_sleep(span, left);
    int err = sleep_for(span, left, "thrd_sleep", WRAP_PC);
    return err == 0 ? 0 : err == EINTR ? -1 : -2;
}

int __wrap_sched_yield(void)
{
    if (!sched_is_simulated())
        return __real_sched_yield();
    sched_yield_point("sched_yield", WRAP_PC);
    return 0;
}

int __wrap_pthread_yield(void)
{
    if (!sched_is_simulated())
        return __real_sched_yield();
    sched_yield_point("pthread_yield", WRAP_PC);
    return 0;
}

void __wrap_thrd_yield(void)
{
    if (sched_is_simulated())
        sched_yield_point("thrd_yield", WRAP_PC);
    else
        __real_thrd_yield();
}
