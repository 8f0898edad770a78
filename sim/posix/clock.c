/*
 * sim/posix/clock.c - reading clocks: see clock.h.
 *
 * What the clocks of a process show is the kernel's affair (process_clock_ns: start values, skew).
 * Processor time is steps: it passes for who runs, and only then.
 */
#include "sim/posix/clock.h"

#include <errno.h>

#include "sim/kernel/process.h"
#include "sim/posix/thread.h"
#include "sim/posix/wrap_threads.h"

enum {
    NS_PER_S = 1000000000,
    STEP_CPU_NS = 100,
    COARSE_TICK_NS = 4000000, /* CONFIG_HZ=250 */
};

struct timespec clock_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

bool clock_span_ns(const struct timespec *span, uint64_t *span_ns)
{
    if (span->tv_nsec < 0 || span->tv_nsec >= NS_PER_S || span->tv_sec < 0)
        return false;
    uint64_t seconds = (uint64_t)span->tv_sec;
    *span_ns = seconds >= UINT64_C(1) << 33 ? TIME_NEVER / 2
                                            : seconds * NS_PER_S + (uint64_t)span->tv_nsec;
    return true;
}

int64_t clock_now_ns(clockid_t clock)
{
    static const struct process nobody = {.realtime_offset_ns = POSIX_REALTIME_START_NS};
    const struct process *process = sched_self()->process;

    return process_clock_ns(process != NULL ? process : &nobody, clock);
}

bool clock_deadline(clockid_t clock, const struct timespec *at, uint64_t *deadline_ns)
{
    uint64_t at_ns;
    uint64_t now_ns = sched_now_ns();

    if (at->tv_nsec < 0 || at->tv_nsec >= NS_PER_S)
        return false;
    *deadline_ns = now_ns;
    if (at->tv_sec < 0 || !clock_span_ns(at, &at_ns))
        return true;
    int64_t left_ns = (int64_t)at_ns - clock_now_ns(clock);
    if (left_ns > 0)
        *deadline_ns = now_ns + (uint64_t)left_ns;
    return true;
}

static uint64_t process_cpu_ns(void)
{
    const struct process *process = sched_self()->process;
    uint64_t steps = 0;

    for (size_t i = 0; i < sched_thread_count(); i++) {
        const struct vthread *thread = sched_thread(i);
        if (!thread->is_lane && thread->process == process)
            steps += thread->steps;
    }
    return steps * STEP_CPU_NS;
}

static bool is_cpu_clock(clockid_t clock)
{
    return clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID ||
           clock < 0; /* pthread_getcpuclockid, clock_getcpuclockid */
}

static bool is_coarse(clockid_t clock)
{
    return clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
}

/* Negative for a clock that does not exist. */
static int64_t read_clock(clockid_t clock)
{
    if (clock == CLOCK_THREAD_CPUTIME_ID)
        return (int64_t)(sched_self()->steps * STEP_CPU_NS);
    if (is_cpu_clock(clock))
        return (int64_t)process_cpu_ns();
    if (clock > CLOCK_TAI)
        return -1;
    int64_t ns = clock_now_ns(clock);
    return is_coarse(clock) ? ns - ns % COARSE_TICK_NS : ns;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!sched_is_simulated())
        return __real_clock_gettime(clock, now);
    sched_point(OP_CLOCK, NULL, "clock_gettime", WRAP_PC);
    int64_t ns = read_clock(clock);
    if (ns < 0) {
        errno = EINVAL;
        return -1;
    }
    *now = clock_timespec((uint64_t)ns);
    return 0;
}

int __wrap_clock_getres(clockid_t clock, struct timespec *resolution)
{
    if (!sched_is_simulated())
        return __real_clock_getres(clock, resolution);
    if (!is_cpu_clock(clock) && clock > CLOCK_TAI) {
        errno = EINVAL;
        return -1;
    }
    if (resolution != NULL)
        *resolution = (struct timespec){.tv_nsec = is_coarse(clock) ? COARSE_TICK_NS : 1};
    return 0;
}

int __wrap_clock_settime(clockid_t clock, const struct timespec *to)
{
    if (!sched_is_simulated())
        return __real_clock_settime(clock, to);
    errno = EPERM;
    return -1;
}

int __wrap_gettimeofday(struct timeval *now, void *zone)
{
    if (!sched_is_simulated())
        return __real_gettimeofday(now, zone);
    sched_point(OP_CLOCK, NULL, "gettimeofday", WRAP_PC);
    struct timespec at = clock_timespec((uint64_t)read_clock(CLOCK_REALTIME));
    *now = (struct timeval){.tv_sec = at.tv_sec, .tv_usec = at.tv_nsec / 1000};
    return 0;
}

time_t __wrap_time(time_t *out)
{
    if (!sched_is_simulated())
        return __real_time(out);
    sched_point(OP_CLOCK, NULL, "time", WRAP_PC);
    time_t now = (time_t)(read_clock(CLOCK_REALTIME) / NS_PER_S);
    if (out != NULL)
        *out = now;
    return now;
}

int __wrap_timespec_get(struct timespec *now, int base)
{
    if (!sched_is_simulated())
        return __real_timespec_get(now, base);
    if (base != TIME_UTC)
        return 0;
    sched_point(OP_CLOCK, NULL, "timespec_get", WRAP_PC);
    *now = clock_timespec((uint64_t)read_clock(CLOCK_REALTIME));
    return base;
}

clock_t __wrap_clock(void)
{
    if (!sched_is_simulated())
        return __real_clock();
    sched_point(OP_CLOCK, NULL, "clock", WRAP_PC);
    return (clock_t)(process_cpu_ns() / (NS_PER_S / CLOCKS_PER_SEC));
}

clock_t __wrap_times(struct tms *out)
{
    enum { TICK_NS = 10000000 }; /* sysconf(_SC_CLK_TCK) is 100 */

    if (!sched_is_simulated())
        return __real_times(out);
    sched_point(OP_CLOCK, NULL, "times", WRAP_PC);
    if (out != NULL)
        *out = (struct tms){.tms_utime = (clock_t)(process_cpu_ns() / TICK_NS)};
    return (clock_t)(read_clock(CLOCK_MONOTONIC) / TICK_NS);
}
