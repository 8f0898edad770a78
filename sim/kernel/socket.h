/*
 * sim/kernel/socket.h - sockets: what all families have in common, over one table of operations
 * each.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_SOCKET_H
#define SIM_KERNEL_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "sim/kernel/process.h"

struct socket;
struct tcp;

/* Bits of `shutdown`, as in Linux. */
enum { SHUTDOWN_RECV = 1, SHUTDOWN_SEND = 2, SHUTDOWN_BOTH = 3 };

enum {
    SOCKET_SNDBUF_DEFAULT = 212992, /* net.core.wmem_default */
    SOCKET_RCVBUF_DEFAULT = 212992,
    TCP_SNDBUF_DEFAULT = 87040,  /* what tcp_wmem grows to on an Ethernet */
    TCP_RCVBUF_DEFAULT = 131072, /* net.ipv4.tcp_rmem[1] */
    SOCKET_BUFFER_MAX = 212992,  /* net.core.[rw]mem_max, before doubling */
    SOCKET_SNDBUF_MIN = 4608,
    SOCKET_RCVBUF_MIN = 2304,
};

/* Options that change what the kernel does; an accepted socket inherits them. */
struct socket_options {
    uint64_t recv_timeout_ns; /* 0: none */
    uint64_t send_timeout_ns;
    uint32_t sndbuf_bytes; /* as getsockopt shows them: doubled */
    uint32_t rcvbuf_bytes;
    uint32_t recv_low_bytes;
    uint32_t linger_s;
    uint32_t user_timeout_ms;
    uint32_t defer_accept_s;
    uint32_t syn_retries;
    uint8_t tos;
    uint8_t tclass; /* the same for IPv6 */
    bool is_lingering;
    bool is_reuseaddr;
    bool is_reuseport;
    bool is_v6only;
    bool may_bind_any_address; /* IP_FREEBIND, IP_TRANSPARENT */
    bool wants_pktinfo4;
    bool wants_pktinfo6;
    bool wants_tos;
    bool wants_tclass;
    bool wants_origdst;
    struct option_value *stored; /* those that only come back: sim/kernel/option.c */
};

/* Which name: accept() tells the peer's even when the connection is over already. */
enum socket_end { END_LOCAL, END_PEER, END_ACCEPTED };

struct socket_ops {
    /* -EOPNOTSUPP when NULL. What would wait is -EAGAIN; connect gives -EINPROGRESS then. */
    int (*bind)(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes);
    int (*listen)(struct socket *socket, int backlog);
    int (*accept)(struct socket *socket, struct socket **child);
    int (*connect)(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes);
    int (*shutdown)(struct socket *socket, int how);
    int (*name)(struct socket *socket, enum socket_end end, struct sockaddr *addr,
                socklen_t *len_bytes);
    int64_t (*send)(struct socket *socket, const struct io_vector *from,
                    const struct msghdr *message, int flags);
    /* `message` (may be NULL) gets name, control and flags. */
    int64_t (*recv)(struct socket *socket, const struct io_vector *to, struct msghdr *message,
                    int flags);
    /* An option of SOL_SOCKET was set: who waits may have to know. May be NULL. */
    void (*note_option)(struct socket *socket, int name);
    /* Takes SO_ERROR. */
    int (*take_error)(struct socket *socket);
};

struct socket {
    struct file file;
    const struct socket_ops *ops;
    struct host *host;
    int family;
    int type;
    int protocol;
    struct socket_options options;
};

/* -EAFNOSUPPORT and the like. `type` holds SOCK_NONBLOCK too. */
int socket_new(struct host *host, int family, int type, int protocol, struct socket **out);
int socket_pair_new(struct host *host, int family, int type, int protocol, struct socket *ends[2]);
/* NULL when the file is no socket. */
struct socket *socket_of(struct file *file);

int socket_bind(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes);
int socket_listen(struct socket *socket, int backlog);
int socket_accept(struct socket *socket, int flags, struct socket **child);
int socket_connect(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes);
int socket_shutdown(struct socket *socket, int how);
int socket_name(struct socket *socket, enum socket_end end, struct sockaddr *addr,
                socklen_t *len_bytes);
int64_t socket_sendmsg(struct socket *socket, const struct io_vector *from,
                       const struct msghdr *message, int flags);
int64_t socket_recvmsg(struct socket *socket, const struct io_vector *to, struct msghdr *message,
                       int flags);
int socket_set_option(struct socket *socket, int level, int name, const void *value,
                      socklen_t len_bytes);
int socket_get_option(struct socket *socket, int level, int name, void *value,
                      socklen_t *len_bytes);

/* For the families: zeroed storage of `size_bytes` that begins with a struct socket. */
struct socket *socket_alloc(size_t size_bytes, const struct file_ops *file_ops,
                            const struct socket_ops *ops, struct host *host, int family, int type,
                            int protocol);
int64_t socket_file_read(struct file *file, const struct io_vector *to);
int64_t socket_file_write(struct file *file, const struct io_vector *from);
/* A blocking call may not be cut short; a non-blocking one may. */
bool socket_is_nonblocking(const struct socket *socket, int flags);

/* An IPv6 socket bound to an IPv6 address hears nothing of IPv4 any more, as in inet6_bind(). */
void socket_note_bound_to(struct socket *socket, const struct ip *ip);

/* What "any" means as a destination for a socket at `local`. */
struct ip socket_here(const struct ip *local, bool is_v4);

/* Appends a control message to `message`; sets MSG_CTRUNC when there is no room. `used_bytes` is
 * how much of it is filled so far. */
void socket_put_control(struct msghdr *message, size_t *used_bytes, int level, int type,
                        const void *data, size_t len_bytes);

#endif
