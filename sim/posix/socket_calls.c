/*
 * sim/posix/socket_calls.c - making, naming, connecting and accepting sockets.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "sim/kernel/socket.h"
#include "sim/kernel/tcp.h"
#include "sim/posix/io.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/wrap_io.h"

/* What is done before connect() is seen after accept(): as TSan, which connection does not matter.
 */
static const char connections;

/* As io_begin; -ENOTSOCK when the file is none. */
static int64_t begin(struct io_call *call, enum kernel_call name, int fd, const void *pc)
{
    int64_t result = io_begin(call, name, fd, pc);

    if (result != 0)
        return result;
    return call->file->is_socket ? 0 : -ENOTSOCK;
}

int __wrap_socket(int domain, int type, int protocol)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_socket(domain, type, protocol);
    result = io_begin(&call, CALL_socket, IO_NO_FD, WRAP_PC);
    if (result == 0)
        result = kernel_socket(call.process, domain, type, protocol);
    return (int)io_end_progress(&call, result);
}

int __wrap_socketpair(int domain, int type, int protocol, int *fds)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_socketpair(domain, type, protocol, fds);
    result = io_begin(&call, CALL_socketpair, IO_NO_FD, WRAP_PC);
    if (result == 0)
        result = kernel_socketpair(call.process, domain, type, protocol, fds);
    return (int)io_end_progress(&call, result);
}

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_bind(fd, addr, len_bytes);
    result = begin(&call, CALL_bind, fd, WRAP_PC);
    if (result == 0)
        result = socket_bind(socket_of(call.file), addr, len_bytes);
    return (int)io_end_progress(&call, result);
}

int __wrap_listen(int fd, int backlog)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_listen(fd, backlog);
    result = begin(&call, CALL_listen, fd, WRAP_PC);
    if (result == 0)
        result = socket_listen(socket_of(call.file), backlog);
    return (int)io_end_progress(&call, result);
}

/* ---- accepting ---- */

static int64_t accept_on(struct io_call *call, struct sockaddr *addr, socklen_t *len_bytes,
                         int flags)
{
    uint64_t timeout_ns = socket_of(call->file)->options.recv_timeout_ns;
    uint64_t deadline_ns = timeout_ns == 0 ? TIME_NEVER : sched_now_ns() + timeout_ns;

    for (;;) {
        struct socket *child;
        int64_t result;

        /* Before a connection is taken off the queue. */
        if (call->process->fd_count >= call->process->fd_limit)
            return -EMFILE;
        result = socket_accept(socket_of(call->file), flags, &child);
        if (result == 0) {
            int fd;
            sync_acquire(&connections);
            fd = process_fd_open(call->process, &child->file, 0, (flags & SOCK_CLOEXEC) != 0);
            if (fd < 0 || addr == NULL)
                return fd;
            result = socket_name(child, END_ACCEPTED, addr, len_bytes);
            if (result != 0) {
                process_fd_close(call->process, fd);
                return result;
            }
            return fd;
        }
        if (result != -EAGAIN || io_is_nonblocking(call, 0))
            return result;
        result = io_wait(call, &call->file->watches, EPOLLIN, true, deadline_ns);
        if (result != 0)
            return result;
    }
}

static int accept_call(enum kernel_call name, int fd, struct sockaddr *addr, socklen_t *len_bytes,
                       int flags, const void *pc)
{
    struct io_call call;
    int64_t result = begin(&call, name, fd, pc);

    if (result == 0)
        result = accept_on(&call, addr, len_bytes, flags);
    return (int)io_end_progress(&call, result);
}

int __wrap_accept(int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    if (!sched_is_simulated())
        return __real_accept(fd, addr, len_bytes);
    return accept_call(CALL_accept, fd, addr, len_bytes, 0, WRAP_PC);
}

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len_bytes, int flags)
{
    if (!sched_is_simulated())
        return __real_accept4(fd, addr, len_bytes, flags);
    return accept_call(CALL_accept4, fd, addr, len_bytes, flags, WRAP_PC);
}

/* ---- connecting ---- */

static int64_t connect_on(struct io_call *call, const struct sockaddr *addr, socklen_t len_bytes)
{
    struct socket *socket = socket_of(call->file);
    uint64_t timeout_ns = socket->options.send_timeout_ns;
    uint64_t deadline_ns = timeout_ns == 0 ? TIME_NEVER : sched_now_ns() + timeout_ns;
    int64_t result;

    sync_release(&connections);
    result = socket_connect(socket, addr, len_bytes);
    if ((result != -EINPROGRESS && result != -EALREADY) || io_is_nonblocking(call, 0))
        return result;
    while (tcp_of(socket)->state == TCP_SYN_SENT) {
        int64_t waited =
            io_wait(call, &call->file->watches, EPOLLOUT | EPOLLERR | EPOLLHUP, false, deadline_ns);
        if (waited != 0)
            return waited == -EAGAIN ? result : waited;
    }
    return socket_connect(socket, addr, len_bytes);
}

int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_connect(fd, addr, len_bytes);
    result = begin(&call, CALL_connect, fd, WRAP_PC);
    if (result == 0)
        result = connect_on(&call, addr, len_bytes);
    if (result == -EINPROGRESS)
        kernel_note_progress(call.file);
    return (int)io_end_progress(&call, result);
}

int __wrap_shutdown(int fd, int how)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_shutdown(fd, how);
    result = begin(&call, CALL_shutdown, fd, WRAP_PC);
    if (result == 0) {
        sync_release(file_sync(call.file, true));
        result = socket_shutdown(socket_of(call.file), how);
    }
    return (int)io_end_progress(&call, result);
}

/* ---- names and options ---- */

int __wrap_getsockname(int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_getsockname(fd, addr, len_bytes);
    result = begin(&call, CALL_getsockname, fd, WRAP_PC);
    if (result == 0)
        result = socket_name(socket_of(call.file), END_LOCAL, addr, len_bytes);
    return (int)io_end(&call, result);
}

int __wrap_getpeername(int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_getpeername(fd, addr, len_bytes);
    result = begin(&call, CALL_getpeername, fd, WRAP_PC);
    if (result == 0)
        result = socket_name(socket_of(call.file), END_PEER, addr, len_bytes);
    return (int)io_end(&call, result);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len_bytes)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_setsockopt(fd, level, name, value, len_bytes);
    result = begin(&call, CALL_setsockopt, fd, WRAP_PC);
    if (result == 0)
        result = socket_set_option(socket_of(call.file), level, name, value, len_bytes);
    return (int)io_end(&call, result);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len_bytes)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_getsockopt(fd, level, name, value, len_bytes);
    result = begin(&call, CALL_getsockopt, fd, WRAP_PC);
    if (result == 0)
        result = socket_get_option(socket_of(call.file), level, name, value, len_bytes);
    return (int)io_end(&call, result);
}
