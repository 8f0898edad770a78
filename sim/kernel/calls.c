/*
 * sim/kernel/calls.c - the calls by file descriptor; see kernel.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "sim/kernel/epoll.h"
#include "sim/kernel/eventfd.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/pipe.h"
#include "sim/kernel/socket.h"
#include "sim/kernel/timerfd.h"

/* The socket behind `fd`, or NULL with -EBADF or -ENOTSOCK in *error. */
static struct socket *find_socket(struct process *process, int fd, int *error)
{
    struct file *file = process_file(process, fd);

    if (file == NULL) {
        *error = -EBADF;
        return NULL;
    }
    *error = -ENOTSOCK;
    return socket_of(file);
}

/* Two files become two fds, or neither. */
static int open_pair(struct process *process, struct file *first, struct file *second, int fds[2],
                     bool is_cloexec)
{
    int a = process_fd_open(process, first, 0, is_cloexec);
    int b;

    if (a < 0) {
        file_put(second);
        return a;
    }
    b = process_fd_open(process, second, 0, is_cloexec);
    if (b < 0) {
        process_fd_close(process, a);
        return b;
    }
    fds[0] = a;
    fds[1] = b;
    return 0;
}

/* ---- sockets ---- */

int kernel_socket(struct process *process, int domain, int type, int protocol)
{
    struct socket *socket;
    int result = socket_new(process->host, domain, type, protocol, &socket);

    if (result != 0)
        return result;
    return process_fd_open(process, &socket->file, 0, (type & SOCK_CLOEXEC) != 0);
}

int kernel_socketpair(struct process *process, int domain, int type, int protocol, int fds[2])
{
    struct socket *ends[2];
    int result = socket_pair_new(process->host, domain, type, protocol, ends);

    if (result != 0)
        return result;
    return open_pair(process, &ends[0]->file, &ends[1]->file, fds, (type & SOCK_CLOEXEC) != 0);
}

int kernel_bind(struct process *process, int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    return socket == NULL ? error : socket_bind(socket, addr, len_bytes);
}

int kernel_listen(struct process *process, int fd, int backlog)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    return socket == NULL ? error : socket_listen(socket, backlog);
}

int kernel_accept(struct process *process, int fd, struct sockaddr *addr, socklen_t *len_bytes,
                  int flags)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    struct socket *child;
    int child_fd;
    int result;

    if (socket == NULL)
        return error;
    if (process->fd_count >= process->fd_limit)
        return -EMFILE; /* before a connection is taken off the queue */
    result = socket_accept(socket, flags, &child);
    if (result != 0)
        return result;
    child_fd = process_fd_open(process, &child->file, 0, (flags & SOCK_CLOEXEC) != 0);
    if (child_fd < 0 || addr == NULL)
        return child_fd;
    result = socket_name(child, END_ACCEPTED, addr, len_bytes);
    return result == 0 ? child_fd : result;
}

int kernel_connect(struct process *process, int fd, const struct sockaddr *addr,
                   socklen_t len_bytes)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    return socket == NULL ? error : socket_connect(socket, addr, len_bytes);
}

int kernel_shutdown(struct process *process, int fd, int how)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    return socket == NULL ? error : socket_shutdown(socket, how);
}

int kernel_getsockname(struct process *process, int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    return socket == NULL ? error : socket_name(socket, END_LOCAL, addr, len_bytes);
}

int kernel_getpeername(struct process *process, int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    return socket == NULL ? error : socket_name(socket, END_PEER, addr, len_bytes);
}

int kernel_setsockopt(struct process *process, int fd, int level, int name, const void *value,
                      socklen_t len_bytes)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    return socket == NULL ? error : socket_set_option(socket, level, name, value, len_bytes);
}

int kernel_getsockopt(struct process *process, int fd, int level, int name, void *value,
                      socklen_t *len_bytes)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    return socket == NULL ? error : socket_get_option(socket, level, name, value, len_bytes);
}

int64_t kernel_sendmsg(struct process *process, int fd, const struct msghdr *message, int flags)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    struct io_vector from;

    if (socket == NULL)
        return error;
    error = io_vector_init(&from, message->msg_iov, message->msg_iovlen);
    return error != 0 ? error : socket_sendmsg(socket, &from, message, flags);
}

int64_t kernel_recvmsg(struct process *process, int fd, struct msghdr *message, int flags)
{
    int error;
    struct socket *socket = find_socket(process, fd, &error);
    struct io_vector to;

    if (socket == NULL)
        return error;
    error = io_vector_init(&to, message->msg_iov, message->msg_iovlen);
    return error != 0 ? error : socket_recvmsg(socket, &to, message, flags);
}

int64_t kernel_send(struct process *process, int fd, const void *data, size_t len_bytes, int flags)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = len_bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return kernel_sendmsg(process, fd, &message, flags);
}

int64_t kernel_recv(struct process *process, int fd, void *data, size_t len_bytes, int flags)
{
    struct iovec part = {.iov_base = data, .iov_len = len_bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return kernel_recvmsg(process, fd, &message, flags);
}

/* ---- any file ---- */

int64_t kernel_read(struct process *process, int fd, void *data, size_t len_bytes)
{
    struct file *file = process_file(process, fd);
    struct iovec part = {.iov_base = data, .iov_len = len_bytes};
    struct io_vector to;

    if (file == NULL)
        return -EBADF;
    return io_vector_init(&to, &part, 1) != 0 ? -EINVAL : file_read(file, &to);
}

int64_t kernel_write(struct process *process, int fd, const void *data, size_t len_bytes)
{
    struct file *file = process_file(process, fd);
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = len_bytes};
    struct io_vector from;

    if (file == NULL)
        return -EBADF;
    return io_vector_init(&from, &part, 1) != 0 ? -EINVAL : file_write(file, &from);
}

int kernel_close(struct process *process, int fd)
{
    return process_fd_close(process, fd);
}

int kernel_dup(struct process *process, int fd, int from, bool is_cloexec)
{
    struct file *file = process_file(process, fd);
    return file == NULL ? -EBADF : process_fd_open(process, file_get(file), from, is_cloexec);
}

int kernel_dup3(struct process *process, int fd, int to, int flags)
{
    struct file *file = process_file(process, fd);

    if ((flags & ~O_CLOEXEC) != 0 || fd == to)
        return -EINVAL;
    if (to < 0 || (uint32_t)to >= process->fd_limit || file == NULL)
        return -EBADF;
    return process_fd_replace(process, to, file_get(file), (flags & O_CLOEXEC) != 0);
}

uint32_t kernel_poll(struct process *process, int fd)
{
    struct file *file = process_file(process, fd);
    return file == NULL ? POLLNVAL : file_poll(file);
}

int kernel_ioctl_readable(struct process *process, int fd)
{
    struct file *file = process_file(process, fd);

    if (file == NULL)
        return -EBADF;
    return file->ops->readable_bytes == NULL ? -ENOTTY : (int)file->ops->readable_bytes(file);
}

/* ---- pipes, eventfds, timerfds ---- */

int kernel_pipe(struct process *process, int fds[2], int flags)
{
    struct file *reader;
    struct file *writer;

    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0)
        return -EINVAL;
    pipe_new(flags, &reader, &writer);
    return open_pair(process, reader, writer, fds, (flags & O_CLOEXEC) != 0);
}

int kernel_eventfd(struct process *process, uint32_t initial, int flags)
{
    if ((flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) != 0)
        return -EINVAL;
    return process_fd_open(process, eventfd_new(initial, flags), 0, (flags & EFD_CLOEXEC) != 0);
}

int kernel_timerfd(struct process *process, int clock, int flags)
{
    if ((flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) != 0)
        return -EINVAL;
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
        clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
        return -EINVAL;
    return process_fd_open(process, timerfd_new(process, clock, flags), 0,
                           (flags & TFD_CLOEXEC) != 0);
}

int kernel_timerfd_settime(struct process *process, int fd, int flags,
                           const struct itimerspec *value, struct itimerspec *old)
{
    struct file *file = process_file(process, fd);

    if (file == NULL)
        return -EBADF;
    return timerfd_is(file) ? timerfd_set(file, flags, value, old) : -EINVAL;
}

int kernel_timerfd_gettime(struct process *process, int fd, struct itimerspec *value)
{
    struct file *file = process_file(process, fd);

    if (file == NULL)
        return -EBADF;
    if (!timerfd_is(file))
        return -EINVAL;
    timerfd_get(file, value);
    return 0;
}

/* ---- epoll ---- */

int kernel_epoll_create(struct process *process, int flags)
{
    if ((flags & ~EPOLL_CLOEXEC) != 0)
        return -EINVAL;
    return process_fd_open(process, epoll_new(), 0, (flags & EPOLL_CLOEXEC) != 0);
}

int kernel_epoll_ctl(struct process *process, int epoll_fd, int op, int fd,
                     const struct epoll_event *event)
{
    struct file *file = process_file(process, epoll_fd);
    struct file *target = process_file(process, fd);

    if (event == NULL && op != EPOLL_CTL_DEL)
        return -EFAULT;
    if (file == NULL || target == NULL)
        return -EBADF;
    return epoll_ctl_file(file, op, fd, target, event);
}

int kernel_epoll_collect(struct process *process, int epoll_fd, struct epoll_event *events,
                         int events_max)
{
    struct file *file = process_file(process, epoll_fd);

    if (file == NULL)
        return -EBADF;
    if (epoll_of(file) == NULL || events_max <= 0)
        return -EINVAL;
    return epoll_collect(epoll_of(file), events, events_max, NULL);
}
