/*
 * sim/kernel/call.h - the kernel's calls by name: planned faults, drawn errors, and whether
 * anything gets done.
 *
 * Owner: the run.  Threads: none; on a virtual thread after its point.
 */
#ifndef SIM_KERNEL_CALL_H
#define SIM_KERNEL_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/kernel/file.h"
#include "sim/kernel/process.h"

/* X(enumerator and name, errors that the system may give at any time: drawn by CHOICE_ERRNO) */
#define KERNEL_CALLS(X)                                                                            \
    X(accept, EMFILE, ENFILE, ECONNABORTED, ENOBUFS)                                               \
    X(accept4, EMFILE, ENFILE, ECONNABORTED, ENOBUFS)                                              \
    X(access, 0)                                                                                   \
    X(bind, ENOMEM)                                                                                \
    X(chdir, 0)                                                                                    \
    X(chmod, 0)                                                                                    \
    X(chown, 0)                                                                                    \
    X(close, 0)                                                                                    \
    X(connect, EADDRNOTAVAIL, ENOBUFS, ENETUNREACH)                                                \
    X(dup, EMFILE)                                                                                 \
    X(dup2, 0)                                                                                     \
    X(dup3, 0)                                                                                     \
    X(epoll_create, EMFILE, ENFILE, ENOMEM)                                                        \
    X(epoll_create1, EMFILE, ENFILE, ENOMEM)                                                       \
    X(epoll_ctl, ENOMEM, ENOSPC)                                                                   \
    X(epoll_pwait, 0)                                                                              \
    X(epoll_pwait2, 0)                                                                             \
    X(epoll_wait, 0)                                                                               \
    X(eventfd, EMFILE, ENFILE, ENOMEM)                                                             \
    X(eventfd_read, 0)                                                                             \
    X(eventfd_write, 0)                                                                            \
    X(fallocate, ENOSPC)                                                                           \
    X(fcntl, 0)                                                                                    \
    X(fdatasync, EIO)                                                                              \
    X(flock, ENOLCK)                                                                               \
    X(fstat, 0)                                                                                    \
    X(fsync, EIO)                                                                                  \
    X(ftruncate, 0)                                                                                \
    X(getcwd, 0)                                                                                   \
    X(getpeername, 0)                                                                              \
    X(getrandom, 0)                                                                                \
    X(getsockname, 0)                                                                              \
    X(getsockopt, 0)                                                                               \
    X(ioctl, 0)                                                                                    \
    X(link, ENOSPC)                                                                                \
    X(listen, ENOBUFS)                                                                             \
    X(lseek, 0)                                                                                    \
    X(madvise, 0)                                                                                  \
    X(mkdir, ENOSPC)                                                                               \
    X(mmap, ENOMEM)                                                                                \
    X(mprotect, ENOMEM)                                                                            \
    X(mremap, ENOMEM)                                                                              \
    X(msync, 0)                                                                                    \
    X(munmap, 0)                                                                                   \
    X(open, EMFILE, ENFILE)                                                                        \
    X(opendir, EMFILE, ENFILE)                                                                     \
    X(pipe, EMFILE, ENFILE)                                                                        \
    X(pipe2, EMFILE, ENFILE)                                                                       \
    X(poll, ENOMEM)                                                                                \
    X(ppoll, ENOMEM)                                                                               \
    X(pread, EIO)                                                                                  \
    X(preadv, EIO)                                                                                 \
    X(pselect, ENOMEM)                                                                             \
    X(pwrite, ENOSPC, EIO)                                                                         \
    X(pwritev, ENOSPC, EIO)                                                                        \
    X(read, 0)                                                                                     \
    X(readdir, 0)                                                                                  \
    X(readlink, 0)                                                                                 \
    X(readv, 0)                                                                                    \
    X(recv, 0)                                                                                     \
    X(recvfrom, 0)                                                                                 \
    X(recvmmsg, 0)                                                                                 \
    X(recvmsg, 0)                                                                                  \
    X(rename, ENOSPC)                                                                              \
    X(select, ENOMEM)                                                                              \
    X(send, ENOBUFS)                                                                               \
    X(sendmmsg, ENOBUFS)                                                                           \
    X(sendmsg, ENOBUFS)                                                                            \
    X(sendto, ENOBUFS)                                                                             \
    X(setsockopt, ENOBUFS)                                                                         \
    X(shutdown, 0)                                                                                 \
    X(socket, EMFILE, ENFILE, ENOBUFS)                                                             \
    X(socketpair, EMFILE, ENFILE)                                                                  \
    X(stat, 0)                                                                                     \
    X(symlink, ENOSPC)                                                                             \
    X(timerfd_create, EMFILE, ENFILE, ENOMEM)                                                      \
    X(timerfd_gettime, 0)                                                                          \
    X(timerfd_settime, 0)                                                                          \
    X(truncate, 0)                                                                                 \
    X(unlink, 0)                                                                                   \
    X(utimes, 0)                                                                                   \
    X(write, 0)                                                                                    \
    X(writev, 0)

enum kernel_call {
#define X(name, ...) CALL_##name,
    KERNEL_CALLS(X)
#undef X
        KERNEL_CALL_COUNT
};

const char *kernel_call_word(enum kernel_call call);
/* KERNEL_CALL_COUNT when there is no such call. */
enum kernel_call kernel_call_by_word(const char *word, size_t len_bytes);

/* ---- faults ---- */

/* The `nth` call (from 1) of this name by `process` fails with `error`, or, when `error` is 0,
 * moves at most `bytes_max` bytes. 0, or -ENOENT when there is no call of that name. */
int kernel_fault_add(struct process *process, const char *call, uint32_t nth, int error,
                     uint32_t bytes_max);

struct call_fault {
    int error;          /* 0: none, else an errno */
    uint32_t bytes_max; /* UINT32_MAX: no limit */
};

/* Counts a call by code under test and says whether it is to fail: a planned fault, or else a draw.
 * `may_draw_error` is false where the error would be no longer legal (the call is half done). */
struct call_fault kernel_call_begin(struct process *process, enum kernel_call call,
                                    bool may_draw_error);

/* ---- progress ---- */

/* epoll_wait returns in a row, with events, of a thread that gets nothing done in between. */
enum { KERNEL_IDLE_POLLS_MAX = 200, KERNEL_IDLE_POLLS_FREE = 4 };

/* The running thread has done something: moved bytes, changed a registration. `file` may be NULL.
 */
void kernel_note_progress(struct file *file);

/* epoll_wait (poll, select) of the running thread is about to report `fd`, which is `file`. Returns
 * the number of such reports in a row without progress; it starts again when another file is
 * reported first or when anybody changed `file`. Past KERNEL_IDLE_POLLS_MAX it records the finding.
 */
uint32_t kernel_note_report(int fd, struct file *file, const void *pc);

/* Reports in a row of the running thread so far. */
uint32_t kernel_idle_reports(void);

#endif
