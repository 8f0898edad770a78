/*
 * sim/posix/unsupported.c - calls that are not simulated: inside a run they end it with a finding,
 * never silently.
 *
 * Outside a run they are passed on as they came. All their arguments are integers or pointers, six
 * at most, so one shape of function serves (true of the calling conventions of x86-64 and AArch64,
 * where such arguments are in registers whatever the declaration says).
 */
#include "sim/posix/io.h"

#define UNSUPPORTED_CALLS(X)                                                                       \
    X(clone)                                                                                       \
    X(execv)                                                                                       \
    X(execve)                                                                                      \
    X(execveat)                                                                                    \
    X(execvp)                                                                                      \
    X(execvpe)                                                                                     \
    X(fanotify_init)                                                                               \
    X(fexecve)                                                                                     \
    X(fork)                                                                                        \
    X(gethostbyaddr)                                                                               \
    X(gethostbyname)                                                                               \
    X(inotify_add_watch)                                                                           \
    X(inotify_init)                                                                                \
    X(inotify_init1)                                                                               \
    X(memfd_create)                                                                                \
    X(mq_open)                                                                                     \
    X(msgget)                                                                                      \
    X(popen)                                                                                       \
    X(posix_spawn)                                                                                 \
    X(posix_spawnp)                                                                                \
    X(process_vm_readv)                                                                            \
    X(process_vm_writev)                                                                           \
    X(ptrace)                                                                                      \
    X(semget)                                                                                      \
    X(sem_open)                                                                                    \
    X(sendfile)                                                                                    \
    X(sendfile64)                                                                                  \
    X(shm_open)                                                                                    \
    X(shmat)                                                                                       \
    X(shmget)                                                                                      \
    X(signalfd)                                                                                    \
    X(splice)                                                                                      \
    X(system)                                                                                      \
    X(tee)                                                                                         \
    X(timer_create)                                                                                \
    X(unshare)                                                                                     \
    X(vfork)                                                                                       \
    X(vmsplice)                                                                                    \
    X(wait)                                                                                        \
    X(wait3)                                                                                       \
    X(wait4)                                                                                       \
    X(waitid)                                                                                      \
    X(waitpid)

#define X(name)                                                                                    \
    long __real_##name(long, long, long, long, long, long);                                        \
    long __wrap_##name(long, long, long, long, long, long);                                        \
    long __wrap_##name(long a, long b, long c, long d, long e, long f)                             \
    {                                                                                              \
        if (sched_is_simulated())                                                                  \
            io_unsupported(#name, __builtin_return_address(0));                                    \
        return __real_##name(a, b, c, d, e, f);                                                    \
    }
UNSUPPORTED_CALLS(X)
#undef X
