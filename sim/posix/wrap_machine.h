/*
 * sim/posix/wrap_machine.h - the wrapped calls about the machine and the process as a whole: as
 * wrap_io.h.
 *
 * Threads: any.
 */
#ifndef SIM_POSIX_WRAP_MACHINE_H
#define SIM_POSIX_WRAP_MACHINE_H

#include <sched.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/utsname.h>

/* Who called: directly inside a __wrap_ function only. */
#ifndef WRAP_PC
#define WRAP_PC __builtin_return_address(0)
#endif

#define WRAPPED(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);

WRAPPED(void, __syslog_chk, int, int, const char *, ...)
WRAPPED(void, closelog, void)
WRAPPED(int, execl, const char *, const char *, ...)
WRAPPED(int, execle, const char *, const char *, ...)
WRAPPED(int, execlp, const char *, const char *, ...)
WRAPPED(int, getitimer, __itimer_which_t, struct itimerval *)
WRAPPED(int, getnameinfo, const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t,
        int)
WRAPPED(int, getrusage, int, struct rusage *)
WRAPPED(int, initgroups, const char *, gid_t)
WRAPPED(void, openlog, const char *, int, int)
WRAPPED(int, sched_getaffinity, pid_t, size_t, cpu_set_t *)
WRAPPED(int, sched_getcpu, void)
WRAPPED(int, sched_setaffinity, pid_t, size_t, const cpu_set_t *)
WRAPPED(int, setegid, gid_t)
WRAPPED(int, seteuid, uid_t)
WRAPPED(int, setgid, gid_t)
WRAPPED(int, setgroups, size_t, const gid_t *)
WRAPPED(int, setitimer, __itimer_which_t, const struct itimerval *, struct itimerval *)
WRAPPED(int, setpriority, int, unsigned, int)
WRAPPED(int, setuid, uid_t)
WRAPPED(void, syslog, int, const char *, ...)
WRAPPED(int, uname, struct utsname *)
WRAPPED(void, vsyslog, int, const char *, va_list)

#undef WRAPPED

#endif
