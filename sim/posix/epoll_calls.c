/*
 * sim/posix/epoll_calls.c - epoll, eventfds and timerfds.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "sim/kernel/epoll.h"
#include "sim/kernel/eventfd.h"
#include "sim/posix/io.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/wrap_io.h"

enum { EVENTS_MAX = INT32_MAX / (int)sizeof(struct epoll_event) };

static int create(enum kernel_call name, int flags, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, name, IO_NO_FD, pc);

    if (result == 0)
        result = kernel_epoll_create(call.process, flags);
    return (int)io_end_progress(&call, result);
}

int __wrap_epoll_create(int size)
{
    if (!sched_is_simulated())
        return __real_epoll_create(size);
    if (size <= 0) {
        errno = EINVAL;
        return -1;
    }
    return create(CALL_epoll_create, 0, WRAP_PC);
}

int __wrap_epoll_create1(int flags)
{
    if (!sched_is_simulated())
        return __real_epoll_create1(flags);
    return create(CALL_epoll_create1, flags, WRAP_PC);
}

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_epoll_ctl(epoll_fd, op, fd, event);
    result = io_begin(&call, CALL_epoll_ctl, epoll_fd, WRAP_PC);
    if (result == 0) {
        sync_release(call.file);
        result = kernel_epoll_ctl(call.process, epoll_fd, op, fd, event);
    }
    return (int)io_end_progress(&call, result);
}

/* ---- waiting ---- */

static int64_t wait_for_events(struct io_call *call, struct epoll_event *events, int events_max,
                               uint64_t deadline_ns)
{
    struct epoll *epoll = epoll_of(call->file);

    if (events_max <= 0 || events_max > EVENTS_MAX || epoll == NULL)
        return -EINVAL;
    for (;;) {
        struct epoll_item *first = NULL;
        int count = epoll_collect(epoll, events, events_max, &first);
        int64_t result;

        if (count > 0) {
            /* Not the data: programs keep pointers there. */
            for (int i = 0; i < count; i++)
                sched_trace_value(events[i].events);
            sync_acquire(call->file);
            io_check_user(events, (size_t)count * sizeof(*events), true);
            io_note_report(call, first->fd, first->file);
            return count;
        }
        if (epoll->ready.head != NULL)
            continue;
        result = io_wait(call, &epoll->waiters, EPOLLIN, true, deadline_ns);
        if (result == -EAGAIN)
            return 0;
        if (result != 0)
            return result;
    }
}

static int wait_call(enum kernel_call name, int fd, struct epoll_event *events, int events_max,
                     uint64_t deadline_ns, const sigset_t *mask, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, name, fd, pc);

    if (result == 0) {
        uint64_t old_mask = io_mask_begin(mask);
        result = wait_for_events(&call, events, events_max, deadline_ns);
        result = io_mask_end(mask, old_mask, result);
    }
    return (int)io_end(&call, result);
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int events_max, int timeout_ms)
{
    if (!sched_is_simulated())
        return __real_epoll_wait(fd, events, events_max, timeout_ms);
    return wait_call(CALL_epoll_wait, fd, events, events_max, io_deadline_ms(timeout_ms), NULL,
                     WRAP_PC);
}

int __wrap_epoll_pwait(int fd, struct epoll_event *events, int events_max, int timeout_ms,
                       const sigset_t *mask)
{
    if (!sched_is_simulated())
        return __real_epoll_pwait(fd, events, events_max, timeout_ms, mask);
    return wait_call(CALL_epoll_pwait, fd, events, events_max, io_deadline_ms(timeout_ms), mask,
                     WRAP_PC);
}

int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int events_max,
                        const struct timespec *timeout, const sigset_t *mask)
{
    int64_t error = 0;
    uint64_t deadline_ns;

    if (!sched_is_simulated())
        return __real_epoll_pwait2(fd, events, events_max, timeout, mask);
    deadline_ns = io_deadline_timespec(timeout, &error);
    if (error != 0) {
        errno = (int)-error;
        return -1;
    }
    return wait_call(CALL_epoll_pwait2, fd, events, events_max, deadline_ns, mask, WRAP_PC);
}

/* ---- eventfds ---- */

int __wrap_eventfd(unsigned initial, int flags)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_eventfd(initial, flags);
    result = io_begin(&call, CALL_eventfd, IO_NO_FD, WRAP_PC);
    if (result == 0)
        result = kernel_eventfd(call.process, initial, flags);
    return (int)io_end_progress(&call, result);
}

int __wrap_eventfd_read(int fd, eventfd_t *value)
{
    struct iovec part = {.iov_base = value, .iov_len = sizeof(*value)};
    struct io_call call;
    struct io_vector to;
    int64_t result;

    if (!sched_is_simulated())
        return __real_eventfd_read(fd, value);
    result = io_begin(&call, CALL_eventfd_read, fd, WRAP_PC);
    if (result == 0 && io_vector_init(&to, &part, 1) == 0)
        result = io_read(&call, &to);
    return io_end_progress(&call, result) == sizeof(*value) ? 0 : -1;
}

int __wrap_eventfd_write(int fd, eventfd_t value)
{
    struct iovec part = {.iov_base = &value, .iov_len = sizeof(value)};
    struct io_call call;
    struct io_vector from;
    int64_t result;

    if (!sched_is_simulated())
        return __real_eventfd_write(fd, value);
    result = io_begin(&call, CALL_eventfd_write, fd, WRAP_PC);
    if (result == 0 && io_vector_init(&from, &part, 1) == 0)
        result = io_write(&call, &from);
    return io_end_progress(&call, result) == sizeof(value) ? 0 : -1;
}

/* ---- timerfds ---- */

int __wrap_timerfd_create(clockid_t clock, int flags)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_timerfd_create(clock, flags);
    result = io_begin(&call, CALL_timerfd_create, IO_NO_FD, WRAP_PC);
    if (result == 0)
        result = kernel_timerfd(call.process, clock, flags);
    return (int)io_end_progress(&call, result);
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                           struct itimerspec *old)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_timerfd_settime(fd, flags, value, old);
    result = io_begin(&call, CALL_timerfd_settime, fd, WRAP_PC);
    if (result == 0)
        result = kernel_timerfd_settime(call.process, fd, flags, value, old);
    return (int)io_end_progress(&call, result);
}

int __wrap_timerfd_gettime(int fd, struct itimerspec *value)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_timerfd_gettime(fd, value);
    result = io_begin(&call, CALL_timerfd_gettime, fd, WRAP_PC);
    if (result == 0)
        result = kernel_timerfd_gettime(call.process, fd, value);
    return (int)io_end(&call, result);
}
