/*
 * sim/posix/signal_wait.c - waiting for signals: pause, sigsuspend, sigwait and its kin.
 */
#include <errno.h>

#include "sim/posix/clock.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/posix/wrap_threads.h"

static int fail_with(int err)
{
    errno = err;
    return -1;
}

/* Until a handler has run. */
static int wait_for_handler(const char *label, const void *pc)
{
    const struct op op = {.kind = OP_CALL, .label = label, .pc = pc};

    while (signal_deliver(sched_self()) == SIGNAL_NONE)
        (void)sched_park(&op, NULL, TIME_NEVER, true);
    return fail_with(EINTR);
}

int __wrap_pause(void)
{
    if (!sched_is_simulated())
        return __real_pause();
    sched_point(OP_CALL, NULL, "pause", WRAP_PC);
    return wait_for_handler("pause", WRAP_PC);
}

int __wrap_sigsuspend(const sigset_t *set)
{
    if (!sched_is_simulated())
        return __real_sigsuspend(set);
    sched_point(OP_CALL, NULL, "sigsuspend", WRAP_PC);
    struct posix_thread *self = posix_self();
    uint64_t was_masked = self->signals_masked;
    self->signals_masked = set->__val[0];
    signal_retarget(self);
    int result = wait_for_handler("sigsuspend", WRAP_PC);
    self->signals_masked = was_masked;
    signal_retarget(self);
    return result;
}

/* The signal taken, or -errno. */
static int wait_for_signal(const sigset_t *set, uint64_t deadline_ns, const char *label,
                           const void *pc)
{
    const struct op op = {.kind = OP_CALL, .label = label, .pc = pc};
    struct posix_thread *self = posix_self();

    sched_point(OP_CALL, NULL, label, pc);
    for (;;) {
        int signo = signal_take(self, set->__val[0]);
        if (signo != 0)
            return signo;
        self->signals_awaited = set->__val[0];
        enum park_result result = sched_park(&op, NULL, deadline_ns, true);
        self->signals_awaited = 0;
        if (result == PARK_TIMEOUT)
            return -EAGAIN;
        if (result == PARK_SIGNAL && signal_deliver(self->thread) == SIGNAL_INTERRUPT)
            return -EINTR;
    }
}

int __wrap_sigwait(const sigset_t *set, int *signo)
{
    int result;

    if (!sched_is_simulated())
        return __real_sigwait(set, signo);
    do
        result = wait_for_signal(set, TIME_NEVER, "sigwait", WRAP_PC);
    while (result == -EINTR); /* so glibc */
    *signo = result;
    return 0;
}

static int report(int result, siginfo_t *info)
{
    if (result < 0)
        return fail_with(-result);
    if (info != NULL)
        *info = (siginfo_t){.si_signo = result, .si_code = SI_USER};
    return result;
}

int __wrap_sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    if (!sched_is_simulated())
        return __real_sigwaitinfo(set, info);
    return report(wait_for_signal(set, TIME_NEVER, "sigwaitinfo", WRAP_PC), info);
}

int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *span)
{
    uint64_t span_ns = 0;
    uint64_t deadline_ns = TIME_NEVER;

    if (!sched_is_simulated())
        return __real_sigtimedwait(set, info, span);
    if (span != NULL) {
        if (!clock_span_ns(span, &span_ns))
            return fail_with(EINVAL);
        deadline_ns = sched_now_ns() + span_ns;
    }
    return report(wait_for_signal(set, deadline_ns, "sigtimedwait", WRAP_PC), info);
}
