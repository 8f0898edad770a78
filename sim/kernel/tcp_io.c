/*
 * sim/kernel/tcp_io.c - what a TCP socket does for its owner; see tcp.h.
 *
 * The order in which errors are looked for follows net/ipv4/tcp.c and af_inet.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "sim/choice/choice.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/option.h"
#include "sim/kernel/tcp.h"

static struct tcp_socket *self_of(const struct socket *socket)
{
    return CONTAINER(socket, struct tcp_socket, socket);
}

struct tcp *tcp_of(const struct socket *socket)
{
    return self_of(socket)->tcp;
}

static struct tcp *of_file(const struct file *file)
{
    return tcp_of(CONTAINER(file, struct socket, file));
}

struct socket *tcp_socket_new(struct host *host, int family, int type, int protocol)
{
    struct tcp_socket *self = (struct tcp_socket *)socket_alloc(
        sizeof(*self), &tcp_file_ops, &tcp_socket_ops, host, family, type, protocol);

    self->socket.options.sndbuf_bytes = TCP_SNDBUF_DEFAULT;
    self->socket.options.rcvbuf_bytes = TCP_RCVBUF_DEFAULT;
    self->socket.options.syn_retries = TCP_SYN_RETRIES;
    self->tcp = tcp_new(host);
    self->tcp->socket = self;
    self->tcp->local.ip = ip_any(family);
    self->tcp->remote.ip = ip_any(family);
    return &self->socket;
}

static int take_error(struct socket *socket)
{
    struct tcp *tcp = tcp_of(socket);
    int error = tcp->error;

    tcp->error = 0;
    return error;
}

static enum file_kind kind_of(const struct file *file)
{
    const struct tcp *tcp = of_file(file);

    if (tcp->state == TCP_LISTEN)
        return FILE_LISTENER;
    return tcp->peer != NULL || tcp->state == TCP_SYN_SENT ? FILE_CONNECTION : FILE_SOCKET;
}

static uint32_t poll_tcp(struct file *file)
{
    struct tcp *tcp = of_file(file);
    uint32_t mask = 0;

    if (tcp->state == TCP_LISTEN)
        return tcp->accept_head != NULL ? EPOLLIN | EPOLLRDNORM : 0;
    if (tcp->shutdown == SHUTDOWN_BOTH || tcp->state == TCP_CLOSE)
        mask |= EPOLLHUP;
    if ((tcp->shutdown & SHUTDOWN_RECV) != 0)
        mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    if (tcp->state != TCP_SYN_SENT) {
        if (tcp_is_readable(tcp))
            mask |= EPOLLIN | EPOLLRDNORM;
        if ((tcp->shutdown & SHUTDOWN_SEND) != 0 || tcp_is_writable(tcp))
            mask |= EPOLLOUT | EPOLLWRNORM;
        else
            tcp->wants_space = true;
    }
    if (tcp->error != 0)
        mask |= EPOLLERR;
    return mask;
}

static int64_t readable_bytes(struct file *file)
{
    const struct tcp *tcp = of_file(file);

    if (tcp->state == TCP_LISTEN)
        return -EINVAL;
    return tcp->in.bytes;
}

static void *sync_of(struct file *file, bool is_write)
{
    struct tcp *tcp = of_file(file);
    return is_write && tcp->peer != NULL ? tcp->peer : tcp;
}

/* ---- naming ---- */

/* 0 when `ip` may be bound by this socket. */
static int check_bind_address(const struct socket *socket, const struct ip *ip)
{
    if (socket->family == AF_INET6 && socket->options.is_v6only && ip_is_v4(ip))
        return -EINVAL;
    if (ip_is_any(ip) || host_has_address(socket->host, ip) || socket->options.may_bind_any_address)
        return 0;
    return -EADDRNOTAVAIL;
}

int tcp_bind(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes)
{
    struct tcp *tcp = tcp_of(socket);
    struct endpoint local;
    int result = endpoint_from_sockaddr(socket->family, addr, len_bytes, &local);
    bool was_v6only;

    if (result == 0)
        result = check_bind_address(socket, &local.ip);
    if (result != 0)
        return result;
    if (tcp->state != TCP_CLOSE || tcp->bind != NULL)
        return -EINVAL;
    was_v6only = socket->options.is_v6only;
    socket_note_bound_to(socket, &local.ip);
    result = port_bind_new(socket->host, PORT_TCP, &local, socket, &tcp->bind);
    if (result != 0) {
        tcp->local.ip = ip_any(socket->family);
        socket->options.is_v6only = was_v6only;
        return result;
    }
    tcp->local = tcp->bind->local;
    tcp->is_user_bound |= local.port != 0; /* sticky, as in Linux */
    tcp->is_address_bound |= !ip_is_any(&local.ip);
    return 0;
}

bool tcp_has_port(const struct socket *socket)
{
    return socket->ops == &tcp_socket_ops && tcp_of(socket)->bind != NULL;
}

static int name_of(struct socket *socket, enum socket_end end, struct sockaddr *addr,
                   socklen_t *len_bytes)
{
    const struct tcp *tcp = tcp_of(socket);

    if (end == END_PEER &&
        (tcp->remote.port == 0 || tcp->state == TCP_CLOSE || tcp->state == TCP_SYN_SENT))
        return -ENOTCONN;
    return endpoint_to_sockaddr(socket->family, end != END_LOCAL ? &tcp->remote : &tcp->local, addr,
                                len_bytes);
}

/* ---- connecting ---- */

/* Makes the socket as it was before it was connected, its port and its options kept. Linux
 * tcp_disconnect(). */
static void disconnect(struct tcp_socket *self)
{
    struct tcp *old = self->tcp;
    struct tcp *fresh;
    int error = old->error;
    bool keeps_port = old->is_user_bound || old->state == TCP_CLOSE;

    switch (old->state) {
    case TCP_LISTEN:
        tcp_listener_close(old);
        break;
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
        tcp_abort(old);
        error = ECONNRESET;
        break;
    case TCP_SYN_SENT:
        error = ECONNRESET;
        break;
    default:
        break;
    }
    fresh = tcp_new(old->host);
    fresh->socket = self;
    fresh->error = error;
    fresh->local.ip = ip_any(self->socket.family);
    fresh->remote.ip = ip_any(self->socket.family);
    fresh->sndbuf_bytes = self->socket.options.sndbuf_bytes;
    fresh->rcvbuf_bytes = self->socket.options.rcvbuf_bytes;
    if (old->is_address_bound) {
        fresh->is_address_bound = true;
        fresh->local.ip = old->local.ip;
    }
    if (old->bind != NULL && keeps_port) {
        fresh->bind = old->bind;
        fresh->is_user_bound = old->is_user_bound;
        fresh->local.port = old->bind->local.port;
        if (fresh->bind->is_connected)
            port_bind_disconnect(fresh->bind, &fresh->local);
    } else {
        fresh->local.port = old->local.port; /* getsockname still shows it */
        port_bind_free(old->bind);
    }
    old->bind = NULL;
    old->state = TCP_CLOSE;
    old->socket = NULL;
    timer_cancel(&old->retry);
    self->tcp = fresh;
    tcp_reap(old);
    file_wake(&self->socket.file, EPOLLERR);
}

static void fire_nobody(struct timer *timer)
{
    struct tcp *tcp = timer->context;

    tcp_done(tcp, ETIMEDOUT);
    tcp_reap(tcp);
}

static int send_syn(struct socket *socket, struct tcp *tcp, const struct endpoint *remote)
{
    struct host *to = tcp_route(socket->host, &remote->ip);
    struct ip source = tcp->local.ip;
    int result;

    if (ip_is_any(&source) && !host_source_address(socket->host, &remote->ip, &source))
        return -ENETUNREACH;
    if (tcp->bind == NULL) {
        result = port_bind_ephemeral(socket->host, PORT_TCP, &source, remote, socket, &tcp->bind);
        if (result != 0)
            return result;
        tcp->local = tcp->bind->local;
    } else {
        tcp->local = (struct endpoint){.ip = source, .port = tcp->bind->local.port};
        if (port_has_connection(socket->host, &tcp->local, remote, tcp->bind))
            return -EADDRNOTAVAIL;
        port_bind_connect(tcp->bind, &tcp->local, remote);
    }
    tcp->remote = *remote;
    tcp->state = TCP_SYN_SENT;
    tcp->error = 0;
    tcp->began_ns = sched_now_ns();
    if (to == NULL) {
        tcp_retry_at(tcp, sched_now_ns() + TCP_GIVE_UP_SYN_NS, fire_nobody);
        return 0;
    }
    tcp_wire_begin(tcp, to);
    tcp_send_control(tcp, TCP_SEGMENT_SYN);
    return 0;
}

static int begin_connect(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes)
{
    struct tcp *tcp = tcp_of(socket);
    struct endpoint remote;
    int result = endpoint_from_sockaddr(socket->family, addr, len_bytes, &remote);

    if (result != 0)
        return result;
    if (ip_is_any(&remote.ip))
        remote.ip = socket_here(&tcp->local.ip, ip_is_v4(&remote.ip));
    if (socket->family == AF_INET6 && socket->options.is_v6only && ip_is_v4(&remote.ip))
        return -ENETUNREACH;
    return send_syn(socket, tcp, &remote);
}

int tcp_connect(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes)
{
    struct tcp_socket *self = self_of(socket);
    int result = -EALREADY;
    int error;

    if (len_bytes < sizeof(sa_family_t))
        return -EINVAL;
    if (addr->sa_family == AF_UNSPEC) {
        disconnect(self);
        self->phase = PHASE_UNCONNECTED;
        return 0;
    }
    switch (self->phase) {
    case PHASE_CONNECTED:
        return -EISCONN;
    case PHASE_BROKEN:
        return -EINVAL;
    case PHASE_UNCONNECTED:
        if (self->tcp->state != TCP_CLOSE)
            return -EISCONN;
        result = begin_connect(socket, addr, len_bytes);
        if (result != 0)
            return result;
        self->phase = PHASE_CONNECTING;
        return -EINPROGRESS;
    case PHASE_CONNECTING:
        break;
    }
    if (self->tcp->state == TCP_SYN_SENT)
        return result;
    if (self->tcp->state != TCP_CLOSE) {
        self->phase = PHASE_CONNECTED;
        return 0;
    }
    error = take_error(socket);
    self->phase = PHASE_UNCONNECTED;
    disconnect(self);
    return error != 0 ? -error : -ECONNABORTED;
}

/* ---- moving bytes ---- */

static int64_t send_error(struct socket *socket, int error)
{
    int pending = error == -EPIPE ? take_error(socket) : 0;
    return pending != 0 ? -pending : error;
}

static void queue_bytes(struct tcp *tcp, const struct io_vector *from, size_t len_bytes)
{
    for (size_t done = 0; done < len_bytes;) {
        size_t chunk = len_bytes - done;
        struct stream_segment *segment;

        if (chunk > TCP_SEGMENT_BYTES_MAX)
            chunk = TCP_SEGMENT_BYTES_MAX;
        segment = stream_segment_new(TCP_SEGMENT_DATA, (uint32_t)chunk);
        io_copy_in(from, done, segment->bytes, chunk);
        segment->end = (uint32_t)chunk;
        tcp_queue_add(&tcp->out, segment);
        done += chunk;
    }
    tcp_push(tcp);
}

static int64_t send_tcp(struct socket *socket, const struct io_vector *from,
                        const struct msghdr *message, int flags)
{
    struct tcp *tcp = tcp_of(socket);
    size_t room = tcp_room_bytes(tcp);
    size_t count = from->total_bytes;

    (void)message;
    if ((flags & (MSG_OOB | MSG_FASTOPEN)) != 0)
        return -EOPNOTSUPP;
    if (tcp->state != TCP_ESTABLISHED && tcp->state != TCP_CLOSE_WAIT) {
        int pending = take_error(socket);
        if (pending != 0)
            return -pending;
        return tcp->state == TCP_SYN_SENT ? -EAGAIN : -EPIPE;
    }
    if (tcp->error != 0 || (tcp->shutdown & SHUTDOWN_SEND) != 0)
        return send_error(socket, -EPIPE);
    if (count == 0)
        return 0;
    if (room == 0) {
        tcp->wants_space = true;
        return -EAGAIN;
    }
    if (count > room)
        count = room;
    if (socket_is_nonblocking(socket, flags))
        count = io_draw_short(CHOICE_SHORT_WRITE, count);
    queue_bytes(tcp, from, count);
    if (count < from->total_bytes)
        tcp->wants_space = true;
    return (int64_t)count;
}

/* Copies the first `len_bytes` out; takes them unless they are only peeked at. */
static void read_queue(struct tcp *tcp, const struct io_vector *to, size_t len_bytes, int flags)
{
    struct stream_segment *segment = tcp->in.head;
    size_t done = 0;

    while (done < len_bytes && segment != NULL) {
        struct stream_segment *next = segment->next;
        size_t chunk = segment->end - segment->begin;

        if (chunk > len_bytes - done)
            chunk = len_bytes - done;
        if ((flags & MSG_TRUNC) == 0)
            io_copy_out(to, done, segment->bytes + segment->begin, chunk);
        done += chunk;
        if ((flags & MSG_PEEK) == 0) {
            segment->begin += (uint32_t)chunk;
            tcp->in.bytes -= (uint32_t)chunk;
            if (segment->begin == segment->end) {
                tcp->in.head = next;
                if (next == NULL)
                    tcp->in.tail = NULL;
                stream_segment_free(segment);
            }
        }
        segment = next;
    }
}

static int64_t recv_nothing(struct socket *socket, struct tcp *tcp)
{
    if (tcp->has_fin)
        return 0;
    if (tcp->error != 0)
        return -take_error(socket);
    if ((tcp->shutdown & SHUTDOWN_RECV) != 0)
        return 0;
    return tcp->state == TCP_CLOSE ? -ENOTCONN : -EAGAIN;
}

static int64_t recv_tcp(struct socket *socket, const struct io_vector *to, struct msghdr *message,
                        int flags)
{
    struct tcp *tcp = tcp_of(socket);
    size_t count = to->total_bytes;

    if (message != NULL) {
        message->msg_namelen = 0;
        message->msg_controllen = 0;
        message->msg_flags = 0;
    }
    if ((flags & MSG_ERRQUEUE) != 0)
        return -EAGAIN;
    if (tcp->state == TCP_LISTEN)
        return -ENOTCONN;
    if ((flags & MSG_OOB) != 0)
        return -EINVAL;
    if (tcp->in.bytes == 0)
        return recv_nothing(socket, tcp);
    if (count > tcp->in.bytes)
        count = tcp->in.bytes;
    count = io_draw_short(CHOICE_SHORT_READ, count);
    read_queue(tcp, to, count, flags);
    /* The window opens: the other end may be waiting for that. */
    if (tcp->peer != NULL && (tcp->peer->out.head != NULL || tcp->peer->wants_space) &&
        tcp->state != TCP_CLOSE)
        tcp_send_ack(tcp);
    return (int64_t)count;
}

/* Linux tells who waits, as what is there may be enough now. */
static void note_option(struct socket *socket, int name)
{
    struct tcp *tcp = tcp_of(socket);

    tcp->sndbuf_bytes = socket->options.sndbuf_bytes;
    tcp->rcvbuf_bytes = socket->options.rcvbuf_bytes;
    if (name == SO_RCVLOWAT && (tcp_is_readable(tcp) || tcp->has_fin))
        file_wake(&socket->file, EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND);
    if (name == SO_SNDBUF && tcp->wants_space && tcp_is_writable(tcp)) {
        tcp->wants_space = false;
        file_wake(&socket->file, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
    }
}

/* ---- shutting down and closing ---- */

int tcp_shutdown(struct socket *socket, int how)
{
    struct tcp_socket *self = self_of(socket);
    struct tcp *tcp = self->tcp;
    int bits = how + 1;
    int result = 0;

    if ((bits & ~SHUTDOWN_BOTH) != 0 || bits == 0)
        return -EINVAL;
    if (self->phase == PHASE_CONNECTING)
        self->phase =
            tcp->state == TCP_SYN_SENT || tcp->state == TCP_CLOSE ? PHASE_BROKEN : PHASE_CONNECTED;
    switch (tcp->state) {
    case TCP_LISTEN:
        if ((bits & SHUTDOWN_RECV) != 0) {
            disconnect(self);
            self->phase = PHASE_UNCONNECTED;
        }
        break;
    case TCP_SYN_SENT:
        disconnect(self);
        self->phase = PHASE_UNCONNECTED;
        break;
    case TCP_CLOSE:
        result = -ENOTCONN;
        tcp->shutdown |= (uint8_t)bits;
        break;
    default:
        tcp->shutdown |= (uint8_t)bits;
        if ((bits & SHUTDOWN_SEND) != 0)
            tcp_close_send(tcp);
        break;
    }
    file_wake(&socket->file, 0);
    return result;
}

/* Linux tcp_close(): unread data, or lingering for no time, means a reset. */
static void close_end(struct tcp *tcp, const struct socket_options *options)
{
    switch (tcp->state) {
    case TCP_LISTEN:
        tcp_listener_close(tcp);
        return;
    case TCP_CLOSE:
        return;
    case TCP_SYN_SENT:
        tcp->state = TCP_CLOSE;
        return;
    default:
        break;
    }
    if (tcp->in.bytes > 0 || (options->is_lingering && options->linger_s == 0))
        tcp_abort(tcp);
    else
        tcp_close_send(tcp);
}

void tcp_release(struct file *file)
{
    struct tcp_socket *self = self_of(CONTAINER(file, struct socket, file));
    struct tcp *tcp = self->tcp;

    tcp->shutdown = SHUTDOWN_BOTH;
    close_end(tcp, &self->socket.options);
    tcp->socket = NULL;
    if (tcp->bind != NULL)
        tcp->bind->socket = NULL;
    if (tcp->state == TCP_CLOSE || tcp->is_retrying) {
        timer_cancel(&tcp->retry);
        tcp->is_retrying = false;
    }
    if (tcp->state == TCP_CLOSE) {
        port_bind_free(tcp->bind);
        tcp->bind = NULL;
    }
    tcp_queue_clear(&tcp->in);
    tcp_reap(tcp);
    option_fini(&self->socket.options);
    kmem_give(self, sizeof(*self));
}

void tcp_fill_info(struct socket *socket, struct tcp_info *info)
{
    const struct tcp *tcp = tcp_of(socket);

    info->tcpi_state = (uint8_t)tcp->state;
    info->tcpi_snd_mss = 1448;
    info->tcpi_rcv_mss = 1448;
    info->tcpi_rtt = 20;
    info->tcpi_rttvar = 10;
    info->tcpi_snd_cwnd = 10;
    info->tcpi_unacked = tcp->in_flight_bytes == 0 ? 0 : 1;
    info->tcpi_rcv_space = tcp->rcvbuf_bytes / 2;
    if (tcp->state == TCP_LISTEN) {
        info->tcpi_unacked = tcp->accept_count;
        info->tcpi_sacked = tcp->backlog;
    }
}

const struct socket_ops tcp_socket_ops = {
    .bind = tcp_bind,
    .listen = tcp_listen,
    .accept = tcp_accept,
    .connect = tcp_connect,
    .shutdown = tcp_shutdown,
    .name = name_of,
    .send = send_tcp,
    .recv = recv_tcp,
    .note_option = note_option,
    .take_error = take_error,
};

const struct file_ops tcp_file_ops = {
    .kind = kind_of,
    .poll = poll_tcp,
    .read = socket_file_read,
    .write = socket_file_write,
    .readable_bytes = readable_bytes,
    .release = tcp_release,
    .sync = sync_of,
};
