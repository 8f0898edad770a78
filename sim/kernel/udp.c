/*
 * sim/kernel/udp.c - see udp.h.
 */
#include "sim/kernel/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>

#include "sim/kernel/capture.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/option.h"
#include "sim/kernel/tcp.h"

enum { MASK_READABLE = EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND };
enum { MASK_WRITABLE = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND };

static const struct socket_ops udp_ops;
static const struct file_ops udp_file_ops;

static struct udp_socket *self_of(const struct socket *socket)
{
    return CONTAINER(socket, struct udp_socket, socket);
}

static struct udp_socket *of_file(const struct file *file)
{
    return self_of(CONTAINER(file, struct socket, file));
}

struct socket *udp_socket_new(struct host *host, int family, int type, int protocol)
{
    struct udp_socket *udp = (struct udp_socket *)socket_alloc(
        sizeof(*udp), &udp_file_ops, &udp_ops, host, family, type, protocol);

    udp->local.ip = ip_any(family);
    udp->remote.ip = ip_any(family);
    return &udp->socket;
}

bool udp_has_port(const struct socket *socket)
{
    return socket->ops == &udp_ops && self_of(socket)->bind != NULL;
}

static enum file_kind kind_of(const struct file *file)
{
    (void)file;
    return FILE_UDP;
}

static uint32_t poll_udp(struct file *file)
{
    const struct udp_socket *udp = of_file(file);
    uint32_t mask = MASK_WRITABLE;

    if (udp->error != 0)
        mask |= EPOLLERR;
    if ((udp->shutdown & SHUTDOWN_RECV) != 0)
        mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
    if (udp->shutdown == SHUTDOWN_BOTH)
        mask |= EPOLLHUP;
    if (udp->in_head != NULL)
        mask |= EPOLLIN | EPOLLRDNORM;
    return mask;
}

static int64_t readable_bytes(struct file *file)
{
    const struct udp_socket *udp = of_file(file);
    return udp->in_head == NULL ? 0 : udp->in_head->len_bytes;
}

static int take_error(struct socket *socket)
{
    struct udp_socket *udp = self_of(socket);
    int error = udp->error;

    udp->error = 0;
    return error;
}

/* ---- naming ---- */

static int bind_udp(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes)
{
    struct udp_socket *udp = self_of(socket);
    struct endpoint local;
    int result = endpoint_from_sockaddr(socket->family, addr, len_bytes, &local);
    bool was_v6only;

    if (result != 0)
        return result;
    if (socket->family == AF_INET6 && socket->options.is_v6only && ip_is_v4(&local.ip))
        return -EINVAL;
    if (!ip_is_any(&local.ip) && !host_has_address(socket->host, &local.ip) &&
        !socket->options.may_bind_any_address)
        return -EADDRNOTAVAIL;
    if (udp->bind != NULL)
        return -EINVAL;
    was_v6only = socket->options.is_v6only;
    socket_note_bound_to(socket, &local.ip);
    result = port_bind_new(socket->host, PORT_UDP, &local, socket, &udp->bind);
    if (result != 0) {
        udp->local.ip = ip_any(socket->family);
        socket->options.is_v6only = was_v6only;
        return result;
    }
    udp->local = udp->bind->local;
    udp->is_user_bound |= local.port != 0; /* sticky, as in Linux */
    udp->is_address_bound |= !ip_is_any(&local.ip);
    return 0;
}

static int bind_any(struct udp_socket *udp)
{
    struct endpoint any = {.ip = ip_any(udp->socket.family), .port = 0};
    int result;

    if (udp->bind != NULL)
        return 0;
    result = port_bind_new(udp->socket.host, PORT_UDP, &any, &udp->socket, &udp->bind);
    if (result == 0)
        udp->local.port = udp->bind->local.port;
    return result == 0 ? 0 : -EAGAIN;
}

/* Linux __udp_disconnect(). */
static void disconnect(struct udp_socket *udp)
{
    udp->is_connected = false;
    udp->remote = (struct endpoint){.ip = ip_any(udp->socket.family), .port = 0};
    if (!udp->is_address_bound)
        udp->local.ip = ip_any(udp->socket.family);
    if (udp->bind != NULL)
        port_bind_disconnect(udp->bind, &udp->local);
    if (!udp->is_user_bound) {
        port_bind_free(udp->bind);
        udp->bind = NULL;
        udp->local.port = 0;
    }
}

static int connect_udp(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes)
{
    struct udp_socket *udp = self_of(socket);
    struct endpoint remote;
    struct ip source;
    int result;

    if (len_bytes < sizeof(sa_family_t))
        return -EINVAL;
    if (addr->sa_family == AF_UNSPEC) {
        disconnect(udp);
        return 0;
    }
    result = bind_any(udp);
    if (result != 0)
        return result;
    result = endpoint_from_sockaddr(socket->family, addr, len_bytes, &remote);
    if (result != 0)
        return result;
    if (ip_is_any(&remote.ip))
        remote.ip = socket_here(&udp->local.ip, ip_is_v4(&remote.ip));
    if (socket->options.is_v6only && ip_is_v4(&remote.ip))
        return -ENETUNREACH;
    if (!host_source_address(socket->host, &remote.ip, &source))
        return -ENETUNREACH;
    if (ip_is_any(&udp->local.ip))
        udp->local.ip = source;
    udp->remote = remote;
    udp->is_connected = true;
    port_bind_connect(udp->bind, &udp->local, &remote);
    return 0;
}

static int name_of(struct socket *socket, enum socket_end end, struct sockaddr *addr,
                   socklen_t *len_bytes)
{
    const struct udp_socket *udp = self_of(socket);

    if (end != END_LOCAL && !udp->is_connected)
        return -ENOTCONN;
    return endpoint_to_sockaddr(socket->family, end != END_LOCAL ? &udp->remote : &udp->local, addr,
                                len_bytes);
}

/* ---- the network's side ---- */

static void free_datagram(struct datagram *datagram)
{
    kmem_give(datagram, sizeof(*datagram) + datagram->len_bytes);
}

static void fire_datagram(struct timer *timer);

static void launch(struct datagram *datagram, uint64_t due_ns)
{
    kernel->datagrams_in_flight++;
    timer_arm(&datagram->timer, host_lane(datagram->to), due_ns, fire_datagram, datagram);
}

/* Nobody listens there: the sender hears of it, if it is connected. */
static void refuse(struct datagram *datagram)
{
    struct host *back = datagram->from;

    if (link_is_cut(datagram->to, back)) {
        free_datagram(datagram);
        return;
    }
    datagram->is_refusal = true;
    datagram->from = datagram->to;
    datagram->to = back;
    launch(datagram, sched_now_ns() + link_draw_delay(datagram->from, back));
}

static void receive_refusal(struct datagram *datagram)
{
    struct port_bind *bind =
        port_find(datagram->to, PORT_UDP, &datagram->source, &datagram->destination);

    if (bind != NULL && bind->is_connected) {
        self_of(bind->socket)->error = ECONNREFUSED;
        file_wake(&bind->socket->file, EPOLLERR);
    }
    free_datagram(datagram);
}

static void receive(struct udp_socket *udp, struct datagram *datagram)
{
    uint32_t cost = datagram->len_bytes + UDP_OVERHEAD_BYTES;

    if (udp->in_bytes + cost > udp->socket.options.rcvbuf_bytes) {
        free_datagram(datagram);
        return;
    }
    datagram->next = NULL;
    if (udp->in_tail == NULL)
        udp->in_head = datagram;
    else
        udp->in_tail->next = datagram;
    udp->in_tail = datagram;
    udp->in_bytes += cost;
    file_wake(&udp->socket.file, MASK_READABLE);
}

/* On the lane of the host where it arrives. */
static void fire_datagram(struct timer *timer)
{
    struct datagram *datagram = timer->context;
    struct port_bind *bind;

    kernel->datagrams_in_flight--;
    if (link_is_cut(datagram->from, datagram->to)) {
        free_datagram(datagram);
        return;
    }
    if (datagram->is_refusal) {
        receive_refusal(datagram);
        return;
    }
    if (kernel_capture != NULL)
        kernel_capture(&(struct capture_packet){.from = &datagram->source,
                                                .to = &datagram->destination,
                                                .bytes = datagram->bytes,
                                                .len_bytes = datagram->len_bytes});
    bind = port_find(datagram->to, PORT_UDP, &datagram->destination, &datagram->source);
    if (bind == NULL)
        refuse(datagram);
    else
        receive(self_of(bind->socket), datagram);
}

/* ---- sending ---- */

/* What control messages say about a datagram to send. */
struct send_control {
    struct ip source;
    bool has_source;
    uint8_t tos;
};

static int read_control(const struct udp_socket *udp, const struct msghdr *message,
                        struct send_control *control)
{
    struct msghdr copy;

    if (message == NULL || message->msg_controllen == 0)
        return 0;
    copy = *message;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&copy); part != NULL;
         part = CMSG_NXTHDR(&copy, part)) {
        size_t bytes = part->cmsg_len - CMSG_LEN(0);
        if (part->cmsg_len < CMSG_LEN(0))
            return -EINVAL;
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            if (bytes < sizeof(info))
                return -EINVAL;
            memcpy(&info, CMSG_DATA(part), sizeof(info));
            control->source = ip_from_v4(ntohl(info.ipi_spec_dst.s_addr));
            control->has_source = info.ipi_spec_dst.s_addr != 0;
        } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            if (bytes < sizeof(info))
                return -EINVAL;
            memcpy(&info, CMSG_DATA(part), sizeof(info));
            memcpy(control->source.bytes, &info.ipi6_addr, sizeof(control->source.bytes));
            control->has_source = !ip_is_any(&control->source);
        } else if ((part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_TOS) ||
                   (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_TCLASS)) {
            int tos = 0;
            memcpy(&tos, CMSG_DATA(part), bytes < sizeof(tos) ? bytes : sizeof(tos));
            control->tos = (uint8_t)tos;
        } else if (part->cmsg_level != SOL_SOCKET) {
            return -EINVAL;
        }
    }
    if (control->has_source && !host_has_address(udp->socket.host, &control->source) &&
        !udp->socket.options.may_bind_any_address)
        return -EINVAL;
    return 0;
}

static int destination_of(const struct udp_socket *udp, const struct msghdr *message,
                          struct endpoint *destination)
{
    int result;

    if (message == NULL || message->msg_name == NULL) {
        if (!udp->is_connected)
            return -EDESTADDRREQ;
        *destination = udp->remote;
        return 0;
    }
    result = endpoint_from_sockaddr(udp->socket.family, message->msg_name, message->msg_namelen,
                                    destination);
    if (result != 0)
        return result;
    if (udp->socket.options.is_v6only && ip_is_v4(&destination->ip))
        return -ENETUNREACH;
    if (destination->port == 0)
        return -EINVAL;
    if (ip_is_any(&destination->ip))
        destination->ip = socket_here(&udp->local.ip, ip_is_v4(&destination->ip));
    return 0;
}

static void transmit(const struct datagram *first, uint32_t copies, const uint64_t due_ns[2])
{
    for (uint32_t i = 0; i < copies; i++) {
        size_t size = sizeof(*first) + first->len_bytes;
        struct datagram *copy = kmem_take_raw(size);
        memcpy(copy, first, size);
        launch(copy, due_ns[i]);
    }
}

static int64_t send_udp(struct socket *socket, const struct io_vector *from,
                        const struct msghdr *message, int flags)
{
    struct udp_socket *udp = self_of(socket);
    struct send_control control = {.has_source = false};
    struct datagram *datagram;
    struct endpoint destination;
    struct endpoint source;
    struct host *to;
    uint64_t due_ns[2];
    size_t bytes_max = socket->family == AF_INET ? UDP_PAYLOAD_BYTES_MAX : UDP_PAYLOAD_BYTES_MAX_V6;
    int result;

    result = bind_any(udp); /* whatever comes of it */
    if (result != 0)
        return result;
    if (from->total_bytes > UINT16_MAX)
        return -EMSGSIZE;
    if ((flags & MSG_OOB) != 0 && socket->family == AF_INET)
        return -EOPNOTSUPP;
    result = destination_of(udp, message, &destination);
    if (result == 0 && (flags & MSG_OOB) != 0 && ip_is_v4(&destination.ip))
        return -EOPNOTSUPP;
    if (result != 0)
        return result;
    control.tos = ip_is_v4(&destination.ip) ? socket->options.tos : socket->options.tclass;
    result = read_control(udp, message, &control);
    if (result != 0)
        return result;
    source = udp->local;
    if (control.has_source)
        source.ip = control.source;
    else if (ip_is_any(&source.ip) &&
             !host_source_address(socket->host, &destination.ip, &source.ip))
        return -ENETUNREACH;
    if (from->total_bytes > bytes_max)
        return -EMSGSIZE;
    if (udp->error != 0)
        return -take_error(socket);
    if ((udp->shutdown & SHUTDOWN_SEND) != 0)
        return -EPIPE;
    to = tcp_route(socket->host, &destination.ip);
    if (to == NULL || kernel->datagrams_in_flight >= LINK_DATAGRAMS_IN_FLIGHT_MAX)
        return (int64_t)from->total_bytes;
    datagram = kmem_take(sizeof(*datagram) + from->total_bytes);
    datagram->from = socket->host;
    datagram->to = to;
    datagram->source = source;
    datagram->destination = destination;
    datagram->tos = control.tos;
    datagram->len_bytes = (uint32_t)from->total_bytes;
    io_copy_in(from, 0, datagram->bytes, from->total_bytes);
    transmit(datagram, link_draw_datagram(socket->host, to, due_ns), due_ns);
    free_datagram(datagram);
    /* It has left the socket: Linux tells of the room each time, sock_def_write_space(). */
    file_wake(&socket->file, MASK_WRITABLE);
    return (int64_t)from->total_bytes;
}

/* ---- receiving ---- */

static void put_controls(const struct udp_socket *udp, const struct datagram *datagram,
                         struct msghdr *message)
{
    const struct socket_options *options = &udp->socket.options;
    const struct endpoint *to = &datagram->destination;
    size_t used = 0;
    int tos = datagram->tos;

    if (options->wants_pktinfo4 && ip_is_v4(&to->ip)) {
        struct in_pktinfo info = {.ipi_ifindex = 1};
        memcpy(&info.ipi_addr, to->ip.bytes + 12, 4);
        info.ipi_spec_dst = info.ipi_addr;
        socket_put_control(message, &used, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    }
    if (options->wants_pktinfo6 && udp->socket.family == AF_INET6) {
        struct in6_pktinfo info = {.ipi6_ifindex = 1};
        memcpy(&info.ipi6_addr, to->ip.bytes, sizeof(to->ip.bytes));
        socket_put_control(message, &used, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    }
    if (options->wants_tos && ip_is_v4(&to->ip))
        socket_put_control(message, &used, IPPROTO_IP, IP_TOS, &datagram->tos, 1);
    if (options->wants_tclass && !ip_is_v4(&to->ip))
        socket_put_control(message, &used, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
    if (options->wants_origdst && ip_is_v4(&to->ip)) {
        struct sockaddr_in name;
        socklen_t name_bytes = sizeof(name);
        endpoint_to_sockaddr(AF_INET, to, (struct sockaddr *)&name, &name_bytes);
        socket_put_control(message, &used, IPPROTO_IP, IP_ORIGDSTADDR, &name, sizeof(name));
    }
    message->msg_controllen = used;
}

static int64_t recv_udp(struct socket *socket, const struct io_vector *to, struct msghdr *message,
                        int flags)
{
    struct udp_socket *udp = self_of(socket);
    struct datagram *datagram = udp->in_head;
    size_t count = to->total_bytes;
    int64_t result;

    if ((flags & MSG_ERRQUEUE) != 0)
        return -EAGAIN;
    if (udp->error != 0)
        return -take_error(socket);
    if (datagram == NULL)
        return -EAGAIN;
    if (count > datagram->len_bytes)
        count = datagram->len_bytes;
    io_copy_out(to, 0, datagram->bytes, count);
    result = (flags & MSG_TRUNC) != 0 ? (int64_t)datagram->len_bytes : (int64_t)count;
    if (message != NULL) {
        message->msg_flags = count < datagram->len_bytes ? MSG_TRUNC : 0;
        if (message->msg_name != NULL) {
            int name = endpoint_to_sockaddr(socket->family, &datagram->source, message->msg_name,
                                            &message->msg_namelen);
            if (name != 0)
                return name;
        }
        put_controls(udp, datagram, message);
    }
    if ((flags & MSG_PEEK) != 0)
        return result;
    udp->in_head = datagram->next;
    if (udp->in_head == NULL)
        udp->in_tail = NULL;
    udp->in_bytes -= datagram->len_bytes + UDP_OVERHEAD_BYTES;
    free_datagram(datagram);
    return result;
}

static int shutdown_udp(struct socket *socket, int how)
{
    struct udp_socket *udp = self_of(socket);
    int bits = how + 1;

    if ((bits & ~SHUTDOWN_BOTH) != 0 || bits == 0)
        return -EINVAL;
    udp->shutdown |= (uint8_t)bits;
    file_wake(&socket->file, 0);
    return udp->is_connected ? 0 : -ENOTCONN;
}

static void release_udp(struct file *file)
{
    struct udp_socket *udp = of_file(file);

    port_bind_free(udp->bind);
    while (udp->in_head != NULL) {
        struct datagram *datagram = udp->in_head;
        udp->in_head = datagram->next;
        free_datagram(datagram);
    }
    option_fini(&udp->socket.options);
    kmem_give(udp, sizeof(*udp));
}

static void note_option(struct socket *socket, int name)
{
    if (name == SO_SNDBUF)
        file_wake(&socket->file, MASK_WRITABLE);
}

static const struct socket_ops udp_ops = {
    .bind = bind_udp,
    .connect = connect_udp,
    .shutdown = shutdown_udp,
    .name = name_of,
    .send = send_udp,
    .recv = recv_udp,
    .note_option = note_option,
    .take_error = take_error,
};

static const struct file_ops udp_file_ops = {
    .kind = kind_of,
    .poll = poll_udp,
    .read = socket_file_read,
    .write = socket_file_write,
    .readable_bytes = readable_bytes,
    .release = release_udp,
};
