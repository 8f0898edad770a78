/*
 * sim/kernel/differential_sides.c - see differential_sides.h.
 */
#include "sim/kernel/differential_sides.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sim/kernel/kernel.h"

/* ---- real ---- */

static int64_t result_of(int64_t result)
{
    return result < 0 ? -errno : result;
}

static int64_t real_socket(int domain, int type)
{
    return result_of(socket(domain, type | SOCK_NONBLOCK, 0));
}

static int64_t real_socketpair(int type, int fds[2])
{
    return result_of(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds));
}

static int64_t real_pipe(int fds[2])
{
    return result_of(pipe2(fds, O_NONBLOCK));
}

static int64_t real_eventfd(unsigned initial, int flags)
{
    return result_of(eventfd(initial, flags | EFD_NONBLOCK));
}

static int64_t real_bind(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    return result_of(bind(fd, addr, len_bytes));
}

static int64_t real_listen(int fd, int backlog)
{
    return result_of(listen(fd, backlog));
}

static int64_t real_accept(int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    return result_of(accept4(fd, addr, len_bytes, SOCK_NONBLOCK));
}

static int64_t real_connect(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    return result_of(connect(fd, addr, len_bytes));
}

static int64_t real_shutdown(int fd, int how)
{
    return result_of(shutdown(fd, how));
}

static int64_t real_close(int fd)
{
    return result_of(close(fd));
}

static int64_t real_dup(int fd)
{
    return result_of(dup(fd));
}

static int64_t real_dup2(int fd, int to)
{
    return result_of(dup3(fd, to, 0));
}

static int64_t real_name(int fd, int is_peer, struct sockaddr *addr, socklen_t *len_bytes)
{
    return result_of(is_peer ? getpeername(fd, addr, len_bytes) : getsockname(fd, addr, len_bytes));
}

static int64_t real_setsockopt(int fd, int level, int name, const void *value, socklen_t len_bytes)
{
    return result_of(setsockopt(fd, level, name, value, len_bytes));
}

static int64_t real_getsockopt(int fd, int level, int name, void *value, socklen_t *len_bytes)
{
    return result_of(getsockopt(fd, level, name, value, len_bytes));
}

static int64_t real_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return result_of(sendmsg(fd, message, flags | MSG_NOSIGNAL));
}

static int64_t real_recvmsg(int fd, struct msghdr *message, int flags)
{
    return result_of(recvmsg(fd, message, flags));
}

static int64_t real_read(int fd, void *data, size_t len_bytes)
{
    return result_of(read(fd, data, len_bytes));
}

static int64_t real_write(int fd, const void *data, size_t len_bytes)
{
    return result_of(write(fd, data, len_bytes));
}

static int64_t real_readable(int fd)
{
    int bytes = 0;
    int64_t result = result_of(ioctl(fd, FIONREAD, &bytes));
    return result < 0 ? result : bytes;
}

static int64_t real_poll(struct pollfd *fds, int count)
{
    return result_of(poll(fds, (nfds_t)count, 0));
}

static int64_t real_epoll_create(void)
{
    return result_of(epoll_create1(0));
}

static int64_t real_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
    return result_of(epoll_ctl(epoll_fd, op, fd, event));
}

static int64_t real_epoll_wait(int epoll_fd, struct epoll_event *events, int events_max)
{
    return result_of(epoll_wait(epoll_fd, events, events_max, 0));
}

const struct side real_side = {
    .word = "real",
    .socket = real_socket,
    .socketpair = real_socketpair,
    .pipe = real_pipe,
    .eventfd = real_eventfd,
    .bind = real_bind,
    .listen = real_listen,
    .accept = real_accept,
    .connect = real_connect,
    .shutdown = real_shutdown,
    .close = real_close,
    .dup = real_dup,
    .dup2 = real_dup2,
    .name = real_name,
    .setsockopt = real_setsockopt,
    .getsockopt = real_getsockopt,
    .sendmsg = real_sendmsg,
    .recvmsg = real_recvmsg,
    .read = real_read,
    .write = real_write,
    .readable = real_readable,
    .poll = real_poll,
    .epoll_create = real_epoll_create,
    .epoll_ctl = real_epoll_ctl,
    .epoll_wait = real_epoll_wait,
};

/* ---- simulated ---- */

static struct process *self;

void sim_side_begin(void)
{
    kernel_begin();
    self = process_new("p", NULL, true);
}

static int64_t sim_socket(int domain, int type)
{
    return kernel_socket(self, domain, type | SOCK_NONBLOCK, 0);
}

static int64_t sim_socketpair(int type, int fds[2])
{
    return kernel_socketpair(self, AF_UNIX, type | SOCK_NONBLOCK, 0, fds);
}

static int64_t sim_pipe(int fds[2])
{
    return kernel_pipe(self, fds, O_NONBLOCK);
}

static int64_t sim_eventfd(unsigned initial, int flags)
{
    return kernel_eventfd(self, initial, flags | EFD_NONBLOCK);
}

static int64_t sim_bind(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    return kernel_bind(self, fd, addr, len_bytes);
}

static int64_t sim_listen(int fd, int backlog)
{
    return kernel_listen(self, fd, backlog);
}

static int64_t sim_accept(int fd, struct sockaddr *addr, socklen_t *len_bytes)
{
    return kernel_accept(self, fd, addr, len_bytes, SOCK_NONBLOCK);
}

static int64_t sim_connect(int fd, const struct sockaddr *addr, socklen_t len_bytes)
{
    return kernel_connect(self, fd, addr, len_bytes);
}

static int64_t sim_shutdown(int fd, int how)
{
    return kernel_shutdown(self, fd, how);
}

static int64_t sim_close(int fd)
{
    return kernel_close(self, fd);
}

static int64_t sim_dup(int fd)
{
    return kernel_dup(self, fd, 0, false);
}

static int64_t sim_dup2(int fd, int to)
{
    return kernel_dup3(self, fd, to, 0);
}

static int64_t sim_name(int fd, int is_peer, struct sockaddr *addr, socklen_t *len_bytes)
{
    return is_peer ? kernel_getpeername(self, fd, addr, len_bytes)
                   : kernel_getsockname(self, fd, addr, len_bytes);
}

static int64_t sim_setsockopt(int fd, int level, int name, const void *value, socklen_t len_bytes)
{
    return kernel_setsockopt(self, fd, level, name, value, len_bytes);
}

static int64_t sim_getsockopt(int fd, int level, int name, void *value, socklen_t *len_bytes)
{
    return kernel_getsockopt(self, fd, level, name, value, len_bytes);
}

static int64_t sim_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return kernel_sendmsg(self, fd, message, flags | MSG_NOSIGNAL);
}

static int64_t sim_recvmsg(int fd, struct msghdr *message, int flags)
{
    return kernel_recvmsg(self, fd, message, flags);
}

static int64_t sim_read(int fd, void *data, size_t len_bytes)
{
    return kernel_read(self, fd, data, len_bytes);
}

static int64_t sim_write(int fd, const void *data, size_t len_bytes)
{
    return kernel_write(self, fd, data, len_bytes);
}

static int64_t sim_readable(int fd)
{
    return kernel_ioctl_readable(self, fd);
}

static int64_t sim_poll(struct pollfd *fds, int count)
{
    int ready = 0;

    for (int i = 0; i < count; i++) {
        uint32_t mask = kernel_poll(self, fds[i].fd);
        if (mask != POLLNVAL)
            mask &= (uint32_t)(uint16_t)fds[i].events | POLLERR | POLLHUP;
        fds[i].revents = (short)mask;
        ready += mask != 0;
    }
    return ready;
}

static int64_t sim_epoll_create(void)
{
    return kernel_epoll_create(self, 0);
}

static int64_t sim_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
    return kernel_epoll_ctl(self, epoll_fd, op, fd, event);
}

static int64_t sim_epoll_wait(int epoll_fd, struct epoll_event *events, int events_max)
{
    return kernel_epoll_collect(self, epoll_fd, events, events_max);
}

const struct side sim_side = {
    .word = "simulated",
    .socket = sim_socket,
    .socketpair = sim_socketpair,
    .pipe = sim_pipe,
    .eventfd = sim_eventfd,
    .bind = sim_bind,
    .listen = sim_listen,
    .accept = sim_accept,
    .connect = sim_connect,
    .shutdown = sim_shutdown,
    .close = sim_close,
    .dup = sim_dup,
    .dup2 = sim_dup2,
    .name = sim_name,
    .setsockopt = sim_setsockopt,
    .getsockopt = sim_getsockopt,
    .sendmsg = sim_sendmsg,
    .recvmsg = sim_recvmsg,
    .read = sim_read,
    .write = sim_write,
    .readable = sim_readable,
    .poll = sim_poll,
    .epoll_create = sim_epoll_create,
    .epoll_ctl = sim_epoll_ctl,
    .epoll_wait = sim_epoll_wait,
};
