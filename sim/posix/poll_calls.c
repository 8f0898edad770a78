/*
 * sim/posix/poll_calls.c - poll and select.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>

#include "sim/posix/io.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/wrap_io.h"

enum {
    ALWAYS = POLLERR | POLLHUP,
    /* Linux fs/select.c */
    SELECT_IN = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR,
    SELECT_OUT = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR,
    SELECT_EXCEPT = POLLPRI,
    NS_PER_US = 1000,
    US_PER_S = 1000000,
};

/* ---- poll ---- */

/* `always` is what is reported though nobody asked. */
static int collect(const struct io_call *call, struct pollfd *fds, nfds_t count, uint32_t always)
{
    int ready = 0;

    for (nfds_t i = 0; i < count; i++) {
        uint32_t mask;

        fds[i].revents = 0;
        if (fds[i].fd < 0)
            continue;
        mask = kernel_poll(call->process, fds[i].fd);
        if (mask != POLLNVAL)
            mask &= (uint32_t)(uint16_t)fds[i].events | always;
        fds[i].revents = (short)mask;
        ready += mask != 0;
    }
    return ready;
}

static void note_report(struct io_call *call, const struct pollfd *fds, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++) {
        struct file *file = process_file(call->process, fds[i].fd);
        if (fds[i].revents == 0 || file == NULL)
            continue;
        sync_acquire(file_sync(file, false));
        io_note_report(call, fds[i].fd, file);
        return;
    }
}

/* Parks until one of the files changes, then looks again. */
static int64_t wait_for_change(struct io_call *call, const struct pollfd *fds, nfds_t count,
                               uint64_t deadline_ns)
{
    struct file_wait **waits = kmem_take(count * sizeof(struct file_wait *) + 1);
    enum io_parked parked;

    for (nfds_t i = 0; i < count; i++) {
        struct file *file = process_file(call->process, fds[i].fd);
        if (file != NULL)
            waits[i] = file_wait_begin(call->process, file, &file->watches,
                                       (uint32_t)(uint16_t)fds[i].events | ALWAYS, false);
    }
    parked = io_park(call, deadline_ns);
    for (nfds_t i = 0; i < count; i++) {
        if (waits[i] != NULL)
            file_wait_end(waits[i]);
    }
    kmem_give(waits, count * sizeof(struct file_wait *) + 1);
    return io_after_park(call, parked, false);
}

static int64_t poll_files(struct io_call *call, struct pollfd *fds, nfds_t count, uint32_t always,
                          uint64_t deadline_ns)
{
    if (count > call->process->fd_limit)
        return -EINVAL;
    for (;;) {
        int64_t result = collect(call, fds, count, always);

        if (result > 0) {
            note_report(call, fds, count);
            return result;
        }
        result = wait_for_change(call, fds, count, deadline_ns);
        if (result == -EAGAIN)
            return 0;
        if (result != 0)
            return result;
    }
}

static int poll_call(enum kernel_call name, struct pollfd *fds, nfds_t count, uint64_t deadline_ns,
                     const sigset_t *mask, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, name, IO_NO_FD, pc);

    if (result == 0) {
        uint64_t old_mask = io_mask_begin(mask);
        result = poll_files(&call, fds, count, ALWAYS, deadline_ns);
        result = io_mask_end(mask, old_mask, result);
    }
    return (int)io_end(&call, result);
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (!sched_is_simulated())
        return __real_poll(fds, count, timeout_ms);
    return poll_call(CALL_poll, fds, count, io_deadline_ms(timeout_ms), NULL, WRAP_PC);
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t fds_bytes)
{
    if (!sched_is_simulated())
        return __real___poll_chk(fds, count, timeout_ms, fds_bytes);
    return poll_call(CALL_poll, fds, count, io_deadline_ms(timeout_ms), NULL, WRAP_PC);
}

static int ppoll_call(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                      const sigset_t *mask, const void *pc)
{
    int64_t error = 0;
    uint64_t deadline_ns = io_deadline_timespec(timeout, &error);

    if (error != 0) {
        errno = (int)-error;
        return -1;
    }
    return poll_call(CALL_ppoll, fds, count, deadline_ns, mask, pc);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    if (!sched_is_simulated())
        return __real_ppoll(fds, count, timeout, mask);
    return ppoll_call(fds, count, timeout, mask, WRAP_PC);
}

int __wrap___ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *mask, size_t fds_bytes)
{
    if (!sched_is_simulated())
        return __real___ppoll_chk(fds, count, timeout, mask, fds_bytes);
    return ppoll_call(fds, count, timeout, mask, WRAP_PC);
}

/* ---- select: the same over other words ---- */

static bool has(const fd_set *set, int fd)
{
    return set != NULL && FD_ISSET(fd, set);
}

static nfds_t gather(struct pollfd *fds, int fd_end, const fd_set *in, const fd_set *out,
                     const fd_set *except)
{
    nfds_t count = 0;

    for (int fd = 0; fd < fd_end; fd++) {
        int events = (has(in, fd) ? SELECT_IN : 0) | (has(out, fd) ? SELECT_OUT : 0) |
                     (has(except, fd) ? SELECT_EXCEPT : 0);
        if (events != 0)
            fds[count++] = (struct pollfd){.fd = fd, .events = (short)events};
    }
    return count;
}

static int scatter(const struct pollfd *fds, nfds_t count, fd_set *in, fd_set *out, fd_set *except)
{
    static const int masks[] = {SELECT_IN, SELECT_OUT, SELECT_EXCEPT};
    fd_set *sets[] = {in, out, except};
    int ready = 0;

    for (int s = 0; s < 3; s++) {
        if (sets[s] == NULL)
            continue;
        for (nfds_t i = 0; i < count; i++) {
            if (!FD_ISSET(fds[i].fd, sets[s]))
                continue;
            if ((fds[i].revents & masks[s]) != 0)
                ready++;
            else
                FD_CLR(fds[i].fd, sets[s]);
        }
    }
    return ready;
}

static int64_t select_files(struct io_call *call, int fd_end, fd_set *in, fd_set *out,
                            fd_set *except, uint64_t deadline_ns)
{
    struct pollfd fds[FD_SETSIZE];
    nfds_t count;
    int64_t result;

    if (fd_end < 0 || fd_end > FD_SETSIZE)
        return -EINVAL;
    count = gather(fds, fd_end, in, out, except);
    for (nfds_t i = 0; i < count; i++) {
        if (process_file(call->process, fds[i].fd) == NULL)
            return -EBADF;
    }
    result = poll_files(call, fds, count, 0, deadline_ns);
    return result < 0 ? result : scatter(fds, count, in, out, except);
}

static int select_call(enum kernel_call name, int fd_end, fd_set *in, fd_set *out, fd_set *except,
                       uint64_t deadline_ns, const sigset_t *mask, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, name, IO_NO_FD, pc);

    if (result == 0) {
        uint64_t old_mask = io_mask_begin(mask);
        result = select_files(&call, fd_end, in, out, except, deadline_ns);
        result = io_mask_end(mask, old_mask, result);
    }
    return (int)io_end(&call, result);
}

int __wrap_select(int fd_end, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
    uint64_t deadline_ns = TIME_NEVER;
    int result;

    if (!sched_is_simulated())
        return __real_select(fd_end, in, out, except, timeout);
    if (timeout != NULL) {
        if (timeout->tv_sec < 0 || timeout->tv_usec < 0) {
            errno = EINVAL;
            return -1;
        }
        deadline_ns =
            sched_now_ns() +
            ((uint64_t)timeout->tv_sec * US_PER_S + (uint64_t)timeout->tv_usec) * NS_PER_US;
    }
    result = select_call(CALL_select, fd_end, in, out, except, deadline_ns, NULL, WRAP_PC);
    if (timeout != NULL) { /* Linux tells what was left */
        uint64_t now_ns = sched_now_ns();
        uint64_t left_us = now_ns < deadline_ns ? (deadline_ns - now_ns) / NS_PER_US : 0;
        timeout->tv_sec = (time_t)(left_us / US_PER_S);
        timeout->tv_usec = (suseconds_t)(left_us % US_PER_S);
    }
    return result;
}

int __wrap_pselect(int fd_end, fd_set *in, fd_set *out, fd_set *except,
                   const struct timespec *timeout, const sigset_t *mask)
{
    int64_t error = 0;
    uint64_t deadline_ns;

    if (!sched_is_simulated())
        return __real_pselect(fd_end, in, out, except, timeout, mask);
    deadline_ns = io_deadline_timespec(timeout, &error);
    if (error != 0) {
        errno = (int)-error;
        return -1;
    }
    return select_call(CALL_pselect, fd_end, in, out, except, deadline_ns, mask, WRAP_PC);
}
