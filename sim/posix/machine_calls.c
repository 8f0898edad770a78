/*
 * sim/posix/machine_calls.c - the machine and the process as a whole: its use of time, processors,
 * privileges, the log; interval timers; and the program that would take its place.
 */
#include <errno.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <unistd.h>

#include "sim/posix/exit.h"
#include "sim/posix/io.h"
#include "sim/posix/run.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/posix/wrap_machine.h"

enum { NS_PER_US = 1000, US_PER_S = 1000000, PROCESSORS = 4, EXEC_WORDS_MAX = 256 };

/* ---- facts ---- */

int __wrap_uname(struct utsname *out)
{
    if (!sched_is_simulated())
        return __real_uname(out);
    *out = (struct utsname){.sysname = "Linux",
                            .nodename = "node",
                            .release = "6.1.0",
                            .version = "#1",
                            .machine = "x86_64"};
    return gethostname(out->nodename, sizeof(out->nodename));
}

int __wrap_getrusage(int who, struct rusage *out)
{
    if (!sched_is_simulated())
        return __real_getrusage(who, out);
    *out = (struct rusage){0};
    if (who == RUSAGE_CHILDREN)
        return 0;
    out->ru_utime.tv_sec = (time_t)(sched_now_ns() / NS_PER_US / US_PER_S);
    out->ru_utime.tv_usec = (suseconds_t)(sched_now_ns() / NS_PER_US % US_PER_S);
    return 0;
}

int __wrap_sched_getcpu(void)
{
    return sched_is_simulated() ? 0 : __real_sched_getcpu();
}

int __wrap_sched_getaffinity(pid_t pid, size_t set_bytes, cpu_set_t *set)
{
    if (!sched_is_simulated())
        return __real_sched_getaffinity(pid, set_bytes, set);
    CPU_ZERO_S(set_bytes, set);
    for (int i = 0; i < PROCESSORS; i++)
        CPU_SET_S(i, set_bytes, set);
    return 0;
}

/* There is one processor, whatever is asked for. */
int __wrap_sched_setaffinity(pid_t pid, size_t set_bytes, const cpu_set_t *set)
{
    return sched_is_simulated() ? 0 : __real_sched_setaffinity(pid, set_bytes, set);
}

int __wrap_getnameinfo(const struct sockaddr *address, socklen_t address_bytes, char *host,
                       socklen_t host_bytes, char *service, socklen_t service_bytes, int flags)
{
    int result;

    if (!sched_is_simulated())
        return __real_getnameinfo(address, address_bytes, host, host_bytes, service, service_bytes,
                                  flags);
    if ((flags & NI_NAMEREQD) != 0)
        return EAI_NONAME; /* no address has a name */
    sched_bypass_begin();
    result = __real_getnameinfo(address, address_bytes, host, host_bytes, service, service_bytes,
                                flags | NI_NUMERICHOST | NI_NUMERICSERV);
    sched_bypass_end();
    return result;
}

/* ---- privileges: there is one user, who may do everything ---- */

#define ACCEPTED(name, parameters, arguments)                                                      \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        return sched_is_simulated() ? 0 : __real_##name arguments;                                 \
    }

ACCEPTED(setuid, (uid_t id), (id))
ACCEPTED(seteuid, (uid_t id), (id))
ACCEPTED(setgid, (gid_t id), (id))
ACCEPTED(setegid, (gid_t id), (id))
ACCEPTED(setgroups, (size_t count, const gid_t *list), (count, list))
ACCEPTED(initgroups, (const char *user, gid_t group), (user, group))
ACCEPTED(setpriority, (int which, unsigned who, int priority), (which, who, priority))

/* ---- the log, which nobody reads ---- */

void __wrap_openlog(const char *name, int option, int facility)
{
    if (!sched_is_simulated())
        __real_openlog(name, option, facility);
}

void __wrap_closelog(void)
{
    if (!sched_is_simulated())
        __real_closelog();
}

void __wrap_vsyslog(int priority, const char *format, va_list args)
{
    if (!sched_is_simulated())
        __real_vsyslog(priority, format, args);
}

void __wrap_syslog(int priority, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    __wrap_vsyslog(priority, format, args);
    va_end(args);
}

void __wrap___syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list args;

    (void)flag;
    va_start(args, format);
    __wrap_vsyslog(priority, format, args);
    va_end(args);
}

/* ---- interval timers: the real one ---- */

static struct {
    uint32_t epoch; /* of the run that the rest belongs to */
    struct posix_process *process;
    struct timer timer;
    uint64_t interval_ns;
} interval;

static void fire_interval(struct timer *timer)
{
    (void)timer;
    (void)sim_signal_send(interval.process->process, SIGALRM);
    if (interval.interval_ns != 0)
        timer_arm(&interval.timer, sched_clock_lane(), sched_now_ns() + interval.interval_ns,
                  fire_interval, NULL);
}

static struct timeval timeval_of(uint64_t ns)
{
    return (struct timeval){.tv_sec = (time_t)(ns / NS_PER_US / US_PER_S),
                            .tv_usec = (suseconds_t)(ns / NS_PER_US % US_PER_S)};
}

static void show_interval(struct itimerval *out)
{
    uint64_t left_ns = 0;

    if (interval.epoch != posix_run.epoch) {
        memset(&interval, 0, sizeof(interval));
        interval.epoch = posix_run.epoch;
    }
    if (timer_is_armed(&interval.timer) && interval.timer.due_ns > sched_now_ns())
        left_ns = interval.timer.due_ns - sched_now_ns();
    *out = (struct itimerval){timeval_of(interval.interval_ns), timeval_of(left_ns)};
}

static bool is_time(const struct timeval *time)
{
    return time->tv_sec >= 0 && time->tv_usec >= 0 && time->tv_usec < US_PER_S;
}

static uint64_t ns_of(const struct timeval *time)
{
    return ((uint64_t)time->tv_sec * US_PER_S + (uint64_t)time->tv_usec) * NS_PER_US;
}

int __wrap_setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old)
{
    struct itimerval before;

    if (!sched_is_simulated())
        return __real_setitimer(which, value, old);
    if (which != ITIMER_REAL)
        io_unsupported("setitimer of processor time", WRAP_PC);
    sched_point(OP_CLOCK, NULL, "setitimer", WRAP_PC);
    show_interval(&before);
    if (!is_time(&value->it_value) || !is_time(&value->it_interval)) {
        errno = EINVAL;
        return -1;
    }
    if (old != NULL)
        *old = before;
    interval.process = posix_self()->process;
    if (interval.process->alarm != NULL)
        timer_cancel(interval.process->alarm); /* alarm() sets the same timer */
    timer_cancel(&interval.timer);
    interval.interval_ns = ns_of(&value->it_interval);
    if (ns_of(&value->it_value) != 0)
        timer_arm(&interval.timer, sched_clock_lane(), sched_now_ns() + ns_of(&value->it_value),
                  fire_interval, NULL);
    return 0;
}

int __wrap_getitimer(__itimer_which_t which, struct itimerval *value)
{
    if (!sched_is_simulated())
        return __real_getitimer(which, value);
    if (which != ITIMER_REAL)
        io_unsupported("getitimer of processor time", WRAP_PC);
    sched_point(OP_CLOCK, NULL, "getitimer", WRAP_PC);
    show_interval(value);
    return 0;
}

/* ---- another program in its place ---- */

/* Gathers execl()'s words; false when there are too many. */
static bool gather(char **words, const char *first, va_list args)
{
    size_t count = 0;

    for (const char *word = first; word != NULL; word = va_arg(args, const char *)) {
        if (count + 1 == EXEC_WORDS_MAX)
            return false;
        words[count++] = (char *)(uintptr_t)word;
    }
    words[count] = NULL;
    return true;
}

#define EXEC(name, call)                                                                           \
    int __wrap_##name(const char *path, const char *first, ...)                                    \
    {                                                                                              \
        char *words[EXEC_WORDS_MAX];                                                               \
        va_list args;                                                                              \
        if (sched_is_simulated())                                                                  \
            io_unsupported(#name, WRAP_PC);                                                        \
        va_start(args, first);                                                                     \
        const bool fits = gather(words, first, args);                                              \
        va_end(args);                                                                              \
        if (!fits) {                                                                               \
            errno = E2BIG;                                                                         \
            return -1;                                                                             \
        }                                                                                          \
        return call;                                                                               \
    }

EXEC(execl, execv(path, words))
EXEC(execlp, execvp(path, words))

int __wrap_execle(const char *path, const char *first, ...)
{
    char *words[EXEC_WORDS_MAX];
    va_list args;

    if (sched_is_simulated())
        io_unsupported("execle", WRAP_PC);
    va_start(args, first);
    const bool fits = gather(words, first, args);
    char *const *environment = va_arg(args, char *const *);
    va_end(args);
    if (!fits) {
        errno = E2BIG;
        return -1;
    }
    return execve(path, words, environment);
}
