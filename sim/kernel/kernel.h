/*
 * sim/kernel/kernel.h - the simulated kernel, by file descriptor, without blocking.
 *
 * These are the calls as actors make them from their lanes: the same model, faults of the network
 * included, that code under test reaches through sim/posix, but no point, no planned fault, no
 * waiting. Each returns what the system call returns, or -errno; what would wait is -EAGAIN
 * (-EINPROGRESS for connect). A lane_watch (sim/kernel/file.h) tells when to try again.
 *
 * Owner: the run.  Threads: none; from a lane, from run_spec.start, or on a virtual thread.
 */
#ifndef SIM_KERNEL_KERNEL_H
#define SIM_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "sim/kernel/call.h"
#include "sim/kernel/file.h"
#include "sim/kernel/link.h"
#include "sim/kernel/memory.h"
#include "sim/kernel/process.h"

/* What the kernel knows in one run. */
struct kernel {
    struct kmem memory;
    struct host *hosts;
    struct host *host_tail;
    uint32_t host_count;
    struct process *processes;
    struct process *process_tail;
    int32_t pid_next;
    uint32_t file_serial;
    uint32_t datagrams_in_flight;
    uint32_t segments_in_flight;
    uint64_t change_serial; /* changes to files so far */
    uint64_t random_state;
    bool has_random_state;
    struct inode *root; /* of files: sim/kernel/inode.h */
    uint64_t inode_serial;
    struct thread_progress *progress; /* by virtual thread id */
    uint32_t progress_capacity;
};
extern struct kernel *kernel; /* NULL between runs */

/* A new, empty kernel in the run's arena. First thing in run_spec.start. */
void kernel_begin(void);
/* From run_spec.finish. Nothing is left to give back; pointers must not be used any more. */
void kernel_end(void);

/* Sockets here never block, whatever SOCK_NONBLOCK says. */
int kernel_socket(struct process *process, int domain, int type, int protocol);
int kernel_socketpair(struct process *process, int domain, int type, int protocol, int fds[2]);
int kernel_bind(struct process *process, int fd, const struct sockaddr *addr, socklen_t len_bytes);
int kernel_listen(struct process *process, int fd, int backlog);
int kernel_accept(struct process *process, int fd, struct sockaddr *addr, socklen_t *len_bytes,
                  int flags);
int kernel_connect(struct process *process, int fd, const struct sockaddr *addr,
                   socklen_t len_bytes);
int kernel_shutdown(struct process *process, int fd, int how);
int kernel_getsockname(struct process *process, int fd, struct sockaddr *addr,
                       socklen_t *len_bytes);
int kernel_getpeername(struct process *process, int fd, struct sockaddr *addr,
                       socklen_t *len_bytes);
int kernel_setsockopt(struct process *process, int fd, int level, int name, const void *value,
                      socklen_t len_bytes);
int kernel_getsockopt(struct process *process, int fd, int level, int name, void *value,
                      socklen_t *len_bytes);
int64_t kernel_send(struct process *process, int fd, const void *data, size_t len_bytes, int flags);
int64_t kernel_recv(struct process *process, int fd, void *data, size_t len_bytes, int flags);
int64_t kernel_sendmsg(struct process *process, int fd, const struct msghdr *message, int flags);
int64_t kernel_recvmsg(struct process *process, int fd, struct msghdr *message, int flags);
int64_t kernel_read(struct process *process, int fd, void *data, size_t len_bytes);
int64_t kernel_write(struct process *process, int fd, const void *data, size_t len_bytes);

int kernel_pipe(struct process *process, int fds[2], int flags);
int kernel_eventfd(struct process *process, uint32_t initial, int flags);
int kernel_timerfd(struct process *process, int clock, int flags);
int kernel_timerfd_settime(struct process *process, int fd, int flags,
                           const struct itimerspec *value, struct itimerspec *old);
int kernel_timerfd_gettime(struct process *process, int fd, struct itimerspec *value);

int kernel_epoll_create(struct process *process, int flags);
int kernel_epoll_ctl(struct process *process, int epoll_fd, int op, int fd,
                     const struct epoll_event *event);
/* What is ready now; 0 when nothing is. */
int kernel_epoll_collect(struct process *process, int epoll_fd, struct epoll_event *events,
                         int events_max);

int kernel_dup(struct process *process, int fd, int from, bool is_cloexec);
int kernel_dup3(struct process *process, int fd, int to, int flags);
int kernel_close(struct process *process, int fd);
/* EPOLL bits that hold now; EPOLLNVAL (POLLNVAL) when not open. */
uint32_t kernel_poll(struct process *process, int fd);
int kernel_ioctl_readable(struct process *process, int fd); /* FIONREAD */

#endif
