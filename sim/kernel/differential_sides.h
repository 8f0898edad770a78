/*
 * sim/kernel/differential_sides.h - the real kernel and the simulated one behind the same calls,
 * for the differential test.
 *
 * Every call returns a result, or -errno.
 *
 * Threads: the test's; the simulated side is called from a lane.
 */
#ifndef SIM_KERNEL_DIFFERENTIAL_SIDES_H
#define SIM_KERNEL_DIFFERENTIAL_SIDES_H

#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct side {
    const char *word;
    int64_t (*socket)(int domain, int type);
    int64_t (*socketpair)(int type, int fds[2]);
    int64_t (*pipe)(int fds[2]);
    int64_t (*eventfd)(unsigned initial, int flags);
    int64_t (*bind)(int fd, const struct sockaddr *addr, socklen_t len_bytes);
    int64_t (*listen)(int fd, int backlog);
    int64_t (*accept)(int fd, struct sockaddr *addr, socklen_t *len_bytes);
    int64_t (*connect)(int fd, const struct sockaddr *addr, socklen_t len_bytes);
    int64_t (*shutdown)(int fd, int how);
    int64_t (*close)(int fd);
    int64_t (*dup)(int fd);
    int64_t (*dup2)(int fd, int to);
    int64_t (*name)(int fd, int is_peer, struct sockaddr *addr, socklen_t *len_bytes);
    int64_t (*setsockopt)(int fd, int level, int name, const void *value, socklen_t len_bytes);
    int64_t (*getsockopt)(int fd, int level, int name, void *value, socklen_t *len_bytes);
    int64_t (*sendmsg)(int fd, const struct msghdr *message, int flags);
    int64_t (*recvmsg)(int fd, struct msghdr *message, int flags);
    int64_t (*read)(int fd, void *data, size_t len_bytes);
    int64_t (*write)(int fd, const void *data, size_t len_bytes);
    int64_t (*readable)(int fd);
    int64_t (*poll)(struct pollfd *fds, int count);
    int64_t (*epoll_create)(void);
    int64_t (*epoll_ctl)(int epoll_fd, int op, int fd, struct epoll_event *event);
    int64_t (*epoll_wait)(int epoll_fd, struct epoll_event *events, int events_max);
};

extern const struct side real_side;
extern const struct side sim_side;

/* A new process of the simulated side; in a run. */
void sim_side_begin(void);

#endif
