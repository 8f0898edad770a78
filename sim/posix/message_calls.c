/*
 * sim/posix/message_calls.c - sending and receiving on sockets.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "sim/kernel/socket.h"
#include "sim/posix/io.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/wrap_io.h"

enum { MESSAGES_MAX = 1024 /* UIO_MAXIOV */ };

/* As io_begin; -ENOTSOCK when the file is none. */
static int64_t begin(struct io_call *call, enum kernel_call name, int fd, const void *pc)
{
    int64_t result = io_begin(call, name, fd, pc);

    if (result != 0)
        return result;
    return call->file->is_socket ? 0 : -ENOTSOCK;
}

/* ---- receiving ---- */

static uint64_t recv_deadline(const struct io_call *call)
{
    uint64_t timeout_ns = socket_of(call->file)->options.recv_timeout_ns;
    return timeout_ns == 0 ? TIME_NEVER : sched_now_ns() + timeout_ns;
}

/* One message, or, with MSG_WAITALL on a stream, all that was asked for. */
static int64_t receive(struct io_call *call, struct msghdr *message, int flags)
{
    struct socket *socket = socket_of(call->file);
    bool is_blocking = !io_is_nonblocking(call, flags);
    bool wants_all = is_blocking && (flags & MSG_WAITALL) != 0 && (flags & MSG_PEEK) == 0 &&
                     socket->type == SOCK_STREAM;
    uint64_t deadline_ns = recv_deadline(call);
    struct io_vector whole;
    struct io_vector to;
    int64_t done = 0;
    int64_t result = io_vector_init(&to, message->msg_iov, message->msg_iovlen);

    if (result != 0)
        return result;
    if (to.total_bytes > call->fault.bytes_max)
        to.total_bytes = call->fault.bytes_max;
    whole = to;
    for (;;) {
        result = socket_recvmsg(socket, &to, message, flags);
        if (result > 0) {
            done += result;
            if (!wants_all || (size_t)result >= to.total_bytes)
                break;
            to.start_bytes += (size_t)result;
            to.total_bytes -= (size_t)result;
            continue;
        }
        if (result != -EAGAIN || !is_blocking)
            break;
        result =
            io_wait(call, &call->file->watches, EPOLLIN | EPOLLERR | EPOLLHUP, true, deadline_ns);
        if (result != 0)
            break;
    }
    if (done == 0)
        return result;
    sync_acquire(file_sync(call->file, false));
    io_trace_bytes(&whole, (size_t)done < whole.total_bytes ? (size_t)done : whole.total_bytes);
    return done;
}

static ssize_t recv_call(enum kernel_call name, int fd, struct msghdr *message, int flags,
                         const void *pc)
{
    struct io_call call;
    int64_t result = begin(&call, name, fd, pc);

    if (result == 0)
        result = receive(&call, message, flags);
    return io_end_progress(&call, result);
}

static ssize_t recv_buffer(enum kernel_call name, int fd, void *buffer, size_t len_bytes, int flags,
                           struct sockaddr *addr, socklen_t *addr_bytes, const void *pc)
{
    struct iovec part = {.iov_base = buffer, .iov_len = len_bytes};
    struct msghdr message = {
        .msg_name = addr,
        .msg_namelen = addr != NULL && addr_bytes != NULL ? *addr_bytes : 0,
        .msg_iov = &part,
        .msg_iovlen = 1,
    };
    ssize_t result = recv_call(name, fd, &message, flags, pc);

    if (result >= 0 && addr != NULL && addr_bytes != NULL)
        *addr_bytes = message.msg_namelen;
    return result;
}

ssize_t __wrap_recv(int fd, void *buffer, size_t len_bytes, int flags)
{
    if (!sched_is_simulated())
        return __real_recv(fd, buffer, len_bytes, flags);
    return recv_buffer(CALL_recv, fd, buffer, len_bytes, flags, NULL, NULL, WRAP_PC);
}

ssize_t __wrap___recv_chk(int fd, void *buffer, size_t len_bytes, size_t buffer_bytes, int flags)
{
    if (!sched_is_simulated())
        return __real___recv_chk(fd, buffer, len_bytes, buffer_bytes, flags);
    return recv_buffer(CALL_recv, fd, buffer, len_bytes, flags, NULL, NULL, WRAP_PC);
}

ssize_t __wrap_recvfrom(int fd, void *buffer, size_t len_bytes, int flags, struct sockaddr *addr,
                        socklen_t *addr_bytes)
{
    if (!sched_is_simulated())
        return __real_recvfrom(fd, buffer, len_bytes, flags, addr, addr_bytes);
    return recv_buffer(CALL_recvfrom, fd, buffer, len_bytes, flags, addr, addr_bytes, WRAP_PC);
}

ssize_t __wrap___recvfrom_chk(int fd, void *buffer, size_t len_bytes, size_t buffer_bytes,
                              int flags, struct sockaddr *addr, socklen_t *addr_bytes)
{
    if (!sched_is_simulated())
        return __real___recvfrom_chk(fd, buffer, len_bytes, buffer_bytes, flags, addr, addr_bytes);
    return recv_buffer(CALL_recvfrom, fd, buffer, len_bytes, flags, addr, addr_bytes, WRAP_PC);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    if (!sched_is_simulated())
        return __real_recvmsg(fd, message, flags);
    return recv_call(CALL_recvmsg, fd, message, flags, WRAP_PC);
}

int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
{
    struct io_call call;
    int64_t result;
    unsigned done = 0;

    if (!sched_is_simulated())
        return __real_recvmmsg(fd, messages, count, flags, timeout);
    result = begin(&call, CALL_recvmmsg, fd, WRAP_PC);
    if (timeout != NULL)
        io_unsupported("recvmmsg with a timeout", call.pc);
    while (result >= 0 && done < count && done < MESSAGES_MAX) {
        result = receive(&call, &messages[done].msg_hdr, flags & ~MSG_WAITFORONE);
        if (result < 0)
            break;
        messages[done++].msg_len = (unsigned)result;
        if ((flags & MSG_WAITFORONE) != 0)
            flags |= MSG_DONTWAIT;
    }
    return (int)io_end_progress(&call, done > 0 ? (int64_t)done : result);
}

/* ---- sending ---- */

static int64_t transmit(struct io_call *call, const struct msghdr *message, int flags)
{
    struct socket *socket = socket_of(call->file);
    uint64_t timeout_ns = socket->options.send_timeout_ns;
    uint64_t deadline_ns = timeout_ns == 0 ? TIME_NEVER : sched_now_ns() + timeout_ns;
    bool is_blocking = !io_is_nonblocking(call, flags);
    struct io_vector from;
    int64_t done = 0;
    int64_t result = io_vector_init(&from, message->msg_iov, message->msg_iovlen);

    if (result != 0)
        return result;
    if (socket->type == SOCK_STREAM && from.total_bytes > call->fault.bytes_max)
        from.total_bytes = call->fault.bytes_max;
    sync_release(file_sync(call->file, true));
    for (;;) {
        result = socket_sendmsg(socket, &from, message, flags);
        if (result >= 0) {
            done += result;
            from.start_bytes += (size_t)result;
            from.total_bytes -= (size_t)result;
            if (!is_blocking || from.total_bytes == 0)
                return done;
        } else if (result != -EAGAIN || !is_blocking) {
            break;
        }
        result =
            io_wait(call, &call->file->watches, EPOLLOUT | EPOLLERR | EPOLLHUP, true, deadline_ns);
        if (result != 0)
            break;
    }
    if (done > 0)
        return done;
    if (socket->type == SOCK_STREAM)
        io_raise_sigpipe(result, flags);
    return result;
}

static ssize_t send_call(enum kernel_call name, int fd, const struct msghdr *message, int flags,
                         const void *pc)
{
    struct io_call call;
    int64_t result = begin(&call, name, fd, pc);

    if (result == 0)
        result = transmit(&call, message, flags);
    return io_end_progress(&call, result);
}

ssize_t __wrap_send(int fd, const void *buffer, size_t len_bytes, int flags)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = len_bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (!sched_is_simulated())
        return __real_send(fd, buffer, len_bytes, flags);
    return send_call(CALL_send, fd, &message, flags, WRAP_PC);
}

ssize_t __wrap_sendto(int fd, const void *buffer, size_t len_bytes, int flags,
                      const struct sockaddr *addr, socklen_t addr_bytes)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = len_bytes};
    struct msghdr message = {
        .msg_name = (void *)(uintptr_t)addr,
        .msg_namelen = addr_bytes,
        .msg_iov = &part,
        .msg_iovlen = 1,
    };

    if (!sched_is_simulated())
        return __real_sendto(fd, buffer, len_bytes, flags, addr, addr_bytes);
    return send_call(CALL_sendto, fd, &message, flags, WRAP_PC);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (!sched_is_simulated())
        return __real_sendmsg(fd, message, flags);
    return send_call(CALL_sendmsg, fd, message, flags, WRAP_PC);
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    struct io_call call;
    int64_t result;
    unsigned done = 0;

    if (!sched_is_simulated())
        return __real_sendmmsg(fd, messages, count, flags);
    result = begin(&call, CALL_sendmmsg, fd, WRAP_PC);
    while (result >= 0 && done < count && done < MESSAGES_MAX) {
        result = transmit(&call, &messages[done].msg_hdr, flags);
        if (result < 0)
            break;
        messages[done++].msg_len = (unsigned)result;
    }
    return (int)io_end_progress(&call, done > 0 ? (int64_t)done : result);
}
