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
    X(aio_read)                                                                                    \
    X(aio_write)                                                                                   \
    X(chroot)                                                                                      \
    X(clone)                                                                                       \
    X(copy_file_range)                                                                             \
    X(daemon)                                                                                      \
    X(execv)                                                                                       \
    X(execve)                                                                                      \
    X(execveat)                                                                                    \
    X(execvp)                                                                                      \
    X(execvpe)                                                                                     \
    X(fanotify_init)                                                                               \
    X(fanotify_mark)                                                                               \
    X(fexecve)                                                                                     \
    X(fork)                                                                                        \
    X(freopen)                                                                                     \
    X(freopen64)                                                                                   \
    X(ftw)                                                                                         \
    X(getdents64)                                                                                  \
    X(gethostbyaddr)                                                                               \
    X(gethostbyname)                                                                               \
    X(getifaddrs)                                                                                  \
    X(glob)                                                                                        \
    X(inotify_add_watch)                                                                           \
    X(inotify_init)                                                                                \
    X(inotify_init1)                                                                               \
    X(inotify_rm_watch)                                                                            \
    X(lio_listio)                                                                                  \
    X(memfd_create)                                                                                \
    X(mkfifo)                                                                                      \
    X(mkfifoat)                                                                                    \
    X(mknod)                                                                                       \
    X(mknodat)                                                                                     \
    X(mq_open)                                                                                     \
    X(msgget)                                                                                      \
    X(name_to_handle_at)                                                                           \
    X(nftw)                                                                                        \
    X(nftw64)                                                                                      \
    X(pidfd_open)                                                                                  \
    X(popen)                                                                                       \
    X(posix_openpt)                                                                                \
    X(posix_spawn)                                                                                 \
    X(posix_spawnp)                                                                                \
    X(preadv2)                                                                                     \
    X(process_vm_readv)                                                                            \
    X(process_vm_writev)                                                                           \
    X(ptrace)                                                                                      \
    X(pwritev2)                                                                                    \
    X(scandir)                                                                                     \
    X(scandir64)                                                                                   \
    X(scandirat)                                                                                   \
    X(sem_open)                                                                                    \
    X(semget)                                                                                      \
    X(sendfile)                                                                                    \
    X(sendfile64)                                                                                  \
    X(setns)                                                                                       \
    X(setsid)                                                                                      \
    X(shm_open)                                                                                    \
    X(shmat)                                                                                       \
    X(shmget)                                                                                      \
    X(signalfd)                                                                                    \
    X(splice)                                                                                      \
    X(statx)                                                                                       \
    X(system)                                                                                      \
    X(tee)                                                                                         \
    X(tgkill)                                                                                      \
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
