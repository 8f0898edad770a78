/*
 * sim/kernel/socket.c - see socket.h.
 */
#include "sim/kernel/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

#include "sim/kernel/kernel.h"
#include "sim/kernel/option.h"
#include "sim/kernel/tcp.h"
#include "sim/kernel/udp.h"
#include "sim/kernel/unix.h"

enum { TYPE_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC };

struct socket *socket_alloc(size_t size_bytes, const struct file_ops *file_ops,
                            const struct socket_ops *ops, struct host *host, int family, int type,
                            int protocol)
{
    struct socket *socket = kmem_take(size_bytes);

    file_init(&socket->file, file_ops, O_RDWR);
    socket->file.is_socket = true;
    socket->ops = ops;
    socket->host = host;
    socket->family = family;
    socket->type = type;
    socket->protocol = protocol;
    socket->options.sndbuf_bytes = SOCKET_SNDBUF_DEFAULT;
    socket->options.rcvbuf_bytes = SOCKET_RCVBUF_DEFAULT;
    socket->options.recv_low_bytes = 1;
    return socket;
}

struct socket *socket_of(struct file *file)
{
    return file->is_socket ? CONTAINER(file, struct socket, file) : NULL;
}

static int inet_protocol(int type, int protocol)
{
    int wanted = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;

    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    if (protocol != 0 && protocol != wanted)
        return -EPROTONOSUPPORT;
    return wanted;
}

int socket_new(struct host *host, int family, int type, int protocol, struct socket **out)
{
    int plain = type & ~TYPE_FLAGS;

    if ((plain & ~0xf) != 0)
        return -EINVAL;
    switch (family) {
    case AF_INET:
    case AF_INET6:
        protocol = inet_protocol(plain, protocol);
        if (protocol < 0)
            return protocol;
        *out = plain == SOCK_STREAM ? tcp_socket_new(host, family, plain, protocol)
                                    : udp_socket_new(host, family, plain, protocol);
        break;
    case AF_UNIX:
        if (plain != SOCK_STREAM && plain != SOCK_DGRAM && plain != SOCK_SEQPACKET)
            return -ESOCKTNOSUPPORT;
        if (protocol != 0 && protocol != PF_UNIX)
            return -EPROTONOSUPPORT;
        *out = unix_socket_new(host, plain, 0);
        break;
    default:
        return -EAFNOSUPPORT;
    }
    if ((type & SOCK_NONBLOCK) != 0)
        (*out)->file.status_flags |= O_NONBLOCK;
    return 0;
}

int socket_pair_new(struct host *host, int family, int type, int protocol, struct socket *ends[2])
{
    int result = socket_new(host, family, type, protocol, &ends[0]);

    if (result != 0)
        return result;
    if (family != AF_UNIX) {
        file_put(&ends[0]->file);
        return -EOPNOTSUPP;
    }
    result = socket_new(host, family, type, protocol, &ends[1]);
    KERNEL_CHECK(result == 0);
    unix_pair(ends[0], ends[1]);
    return 0;
}

bool socket_is_nonblocking(const struct socket *socket, int flags)
{
    return (flags & MSG_DONTWAIT) != 0 || (socket->file.status_flags & O_NONBLOCK) != 0;
}

bool socket_has_port(const struct socket *socket)
{
    return tcp_has_port(socket) || udp_has_port(socket);
}

void socket_note_bound_to(struct socket *socket, const struct ip *ip)
{
    if (socket->family == AF_INET6 && !ip_is_any(ip) && !ip_is_v4(ip))
        socket->options.is_v6only = true;
}

struct ip socket_here(const struct ip *local, bool is_v4)
{
    if (is_v4 && ip_is_v4(local) && !ip_is_any(local))
        return *local;
    return ip_loopback(is_v4);
}

/* ---- calls ---- */

int socket_bind(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes)
{
    if (len_bytes > sizeof(struct sockaddr_storage))
        return -EINVAL;
    return socket->ops->bind == NULL ? -EOPNOTSUPP : socket->ops->bind(socket, addr, len_bytes);
}

int socket_listen(struct socket *socket, int backlog)
{
    return socket->ops->listen == NULL ? -EOPNOTSUPP : socket->ops->listen(socket, backlog);
}

int socket_accept(struct socket *socket, int flags, struct socket **child)
{
    int result;

    if ((flags & ~TYPE_FLAGS) != 0)
        return -EINVAL;
    if (socket->ops->accept == NULL)
        return -EOPNOTSUPP;
    result = socket->ops->accept(socket, child);
    if (result == 0 && (flags & SOCK_NONBLOCK) != 0)
        (*child)->file.status_flags |= O_NONBLOCK;
    return result;
}

int socket_connect(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes)
{
    if (len_bytes > sizeof(struct sockaddr_storage))
        return -EINVAL;
    return socket->ops->connect == NULL ? -EOPNOTSUPP
                                        : socket->ops->connect(socket, addr, len_bytes);
}

int socket_shutdown(struct socket *socket, int how)
{
    return socket->ops->shutdown(socket, how);
}

int socket_name(struct socket *socket, enum socket_end end, struct sockaddr *addr,
                socklen_t *len_bytes)
{
    return socket->ops->name(socket, end, addr, len_bytes);
}

int64_t socket_sendmsg(struct socket *socket, const struct io_vector *from,
                       const struct msghdr *message, int flags)
{
    return socket->ops->send(socket, from, message, flags);
}

int64_t socket_recvmsg(struct socket *socket, const struct io_vector *to, struct msghdr *message,
                       int flags)
{
    return socket->ops->recv(socket, to, message, flags);
}

int64_t socket_file_read(struct file *file, const struct io_vector *to)
{
    struct socket *socket = CONTAINER(file, struct socket, file);

    if (to->total_bytes == 0)
        return 0; /* as sock_read_iter() */
    return socket->ops->recv(socket, to, NULL, 0);
}

int64_t socket_file_write(struct file *file, const struct io_vector *from)
{
    struct socket *socket = CONTAINER(file, struct socket, file);
    return socket->ops->send(socket, from, NULL, 0);
}

void socket_put_control(struct msghdr *message, size_t *used_bytes, int level, int type,
                        const void *data, size_t len_bytes)
{
    size_t left = message->msg_controllen - *used_bytes;
    size_t cmsg_bytes = CMSG_LEN(len_bytes);
    struct cmsghdr header;

    if (message->msg_control == NULL || left < sizeof(header)) {
        message->msg_flags |= MSG_CTRUNC;
        return;
    }
    if (left < cmsg_bytes) {
        message->msg_flags |= MSG_CTRUNC;
        cmsg_bytes = left;
    }
    header = (struct cmsghdr){.cmsg_len = cmsg_bytes, .cmsg_level = level, .cmsg_type = type};
    memcpy((char *)message->msg_control + *used_bytes, &header, sizeof(header));
    memcpy((char *)message->msg_control + *used_bytes + sizeof(header), data,
           cmsg_bytes - sizeof(header));
    *used_bytes += CMSG_SPACE(len_bytes) < left ? CMSG_SPACE(len_bytes) : left;
}
