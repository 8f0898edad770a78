/*
 * sim/kernel/unix.c - see unix.h.
 */
#include "sim/kernel/unix.h"

#include <errno.h>
#include <sys/epoll.h>

#include "sim/choice/choice.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/option.h"

enum { MASK_READABLE = EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND };
enum { MASK_WRITABLE = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND };

static const struct socket_ops unix_ops;
static const struct file_ops unix_file_ops;

static struct unix_socket *self_of(const struct socket *socket)
{
    return CONTAINER(socket, struct unix_socket, socket);
}

static struct unix_socket *of_file(const struct file *file)
{
    return self_of(CONTAINER(file, struct socket, file));
}

struct socket *unix_socket_new(struct host *host, int type, int protocol)
{
    struct unix_socket *end = (struct unix_socket *)socket_alloc(
        sizeof(*end), &unix_file_ops, &unix_ops, host, AF_UNIX, type, protocol);
    return &end->socket;
}

void unix_pair(struct socket *a, struct socket *b)
{
    self_of(a)->peer = self_of(b);
    self_of(b)->peer = self_of(a);
    self_of(a)->is_connected = true;
    self_of(b)->is_connected = true;
}

static bool is_stream(const struct unix_socket *end)
{
    return end->socket.type == SOCK_STREAM;
}

static enum file_kind kind_of(const struct file *file)
{
    (void)file;
    return FILE_PAIR;
}

static bool is_writable(const struct unix_socket *end)
{
    return end->sent_bytes * 4 <= end->socket.options.sndbuf_bytes;
}

static uint32_t poll_unix(struct file *file)
{
    const struct unix_socket *end = of_file(file);
    uint32_t mask = 0;

    if (end->error != 0)
        mask |= EPOLLERR;
    if (end->shutdown == SHUTDOWN_BOTH)
        mask |= EPOLLHUP;
    if ((end->shutdown & SHUTDOWN_RECV) != 0)
        mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
    if (end->in_head != NULL)
        mask |= EPOLLIN | EPOLLRDNORM;
    if (!end->is_connected && end->socket.type != SOCK_DGRAM)
        mask |= EPOLLHUP;
    if (is_writable(end))
        mask |= MASK_WRITABLE;
    return mask;
}

static int64_t readable_bytes(struct file *file)
{
    const struct unix_socket *end = of_file(file);

    if (end->socket.type != SOCK_DGRAM)
        return end->in_bytes;
    return end->in_head == NULL ? 0 : end->in_head->end - end->in_head->begin;
}

static void *sync_of(struct file *file, bool is_write)
{
    struct unix_socket *end = of_file(file);
    return is_write && end->peer != NULL ? end->peer : end;
}

static int take_error(struct socket *socket)
{
    struct unix_socket *end = self_of(socket);
    int error = end->error;

    end->error = 0;
    return error;
}

/* ---- queues ---- */

static uint32_t cost_of(const struct stream_segment *segment)
{
    return segment->capacity + UNIX_OVERHEAD_BYTES;
}

static void tell_room(struct unix_socket *end)
{
    if (is_writable(end))
        file_wake(&end->socket.file, MASK_WRITABLE);
}

/* Linux finds this out with the message in hand; giving that back tells of room. */
static int64_t refuse_message(struct unix_socket *end, int64_t error)
{
    tell_room(end);
    return error;
}

/* The first message has been read whole: its sender has room again. */
static void drop_first(struct unix_socket *end)
{
    struct stream_segment *segment = end->in_head;
    struct unix_socket *sender = end->peer;

    end->in_head = segment->next;
    if (end->in_head == NULL)
        end->in_tail = NULL;
    if (sender != NULL) {
        sender->sent_bytes -= cost_of(segment);
        tell_room(sender);
    }
    stream_segment_free(segment);
}

static void put_message(struct unix_socket *end, const struct io_vector *from, size_t offset,
                        size_t len_bytes)
{
    struct unix_socket *peer = end->peer;
    struct stream_segment *segment = stream_segment_new(0, (uint32_t)len_bytes);

    io_copy_in(from, offset, segment->bytes, len_bytes);
    segment->end = (uint32_t)len_bytes;
    if (peer->in_tail == NULL)
        peer->in_head = segment;
    else
        peer->in_tail->next = segment;
    peer->in_tail = segment;
    peer->in_bytes += (uint32_t)len_bytes;
    end->sent_bytes += cost_of(segment);
    file_wake(&peer->socket.file, MASK_READABLE);
}

/* ---- sending ---- */

static int64_t send_stream(struct unix_socket *end, const struct io_vector *from, int flags)
{
    size_t wanted = from->total_bytes;
    size_t done = 0;

    if ((end->shutdown & SHUTDOWN_SEND) != 0)
        return -EPIPE;
    if (socket_is_nonblocking(&end->socket, flags))
        wanted = io_draw_short(CHOICE_SHORT_WRITE, wanted);
    while (done < wanted) {
        size_t chunk = wanted - done;
        size_t chunk_max = end->socket.options.sndbuf_bytes / 2 - 64;

        if (end->error != 0)
            return done > 0 ? (int64_t)done : -take_error(&end->socket);
        if (end->sent_bytes >= end->socket.options.sndbuf_bytes)
            return done > 0 ? (int64_t)done : -EAGAIN;
        if (end->peer == NULL || (end->peer->shutdown & SHUTDOWN_RECV) != 0)
            return refuse_message(end, done > 0 ? (int64_t)done : -EPIPE);
        if (chunk > chunk_max)
            chunk = chunk_max;
        if (chunk > UNIX_MESSAGE_BYTES_MAX)
            chunk = UNIX_MESSAGE_BYTES_MAX;
        put_message(end, from, done, chunk);
        done += chunk;
    }
    return (int64_t)done;
}

/* A datagram socket finds out that its peer has gone. */
static int64_t lose_peer(struct unix_socket *end)
{
    end->is_connected = false;
    while (end->in_head != NULL)
        drop_first(end);
    return -ECONNREFUSED;
}

static int64_t send_message(struct unix_socket *end, const struct io_vector *from)
{
    bool is_datagram = end->socket.type == SOCK_DGRAM;

    if (!is_datagram && end->error != 0)
        return -take_error(&end->socket);
    if (!is_datagram && !end->is_connected)
        return -ENOTCONN;
    if (from->total_bytes > end->socket.options.sndbuf_bytes - 32)
        return -EMSGSIZE;
    if (end->error != 0)
        return -take_error(&end->socket);
    if ((end->shutdown & SHUTDOWN_SEND) != 0)
        return -EPIPE;
    if (end->sent_bytes >= end->socket.options.sndbuf_bytes)
        return -EAGAIN;
    if (!end->is_connected)
        return refuse_message(end, -ENOTCONN);
    if (end->peer == NULL)
        return refuse_message(end, is_datagram ? lose_peer(end) : -EPIPE);
    if ((end->peer->shutdown & SHUTDOWN_RECV) != 0)
        return refuse_message(end, -EPIPE);
    put_message(end, from, 0, from->total_bytes);
    return (int64_t)from->total_bytes;
}

static int64_t send_unix(struct socket *socket, const struct io_vector *from,
                         const struct msghdr *message, int flags)
{
    struct unix_socket *end = self_of(socket);

    if ((flags & MSG_OOB) != 0)
        return -EOPNOTSUPP;
    if (message != NULL && message->msg_namelen != 0 && message->msg_name != NULL)
        return is_stream(end) ? (end->is_connected ? -EISCONN : -EOPNOTSUPP) : -EINVAL;
    if (is_stream(end) && !end->is_connected)
        return -ENOTCONN;
    return is_stream(end) ? send_stream(end, from, flags) : send_message(end, from);
}

/* ---- receiving ---- */

static size_t read_stream(struct unix_socket *end, const struct io_vector *to, int flags)
{
    size_t wanted = to->total_bytes < end->in_bytes ? to->total_bytes : end->in_bytes;
    struct stream_segment *segment = end->in_head;
    size_t done = 0;

    wanted = io_draw_short(CHOICE_SHORT_READ, wanted);
    while (done < wanted) {
        struct stream_segment *next = segment->next;
        size_t chunk = segment->end - segment->begin;

        if (chunk > wanted - done)
            chunk = wanted - done;
        io_copy_out(to, done, segment->bytes + segment->begin, chunk);
        done += chunk;
        if ((flags & MSG_PEEK) == 0) {
            segment->begin += (uint32_t)chunk;
            end->in_bytes -= (uint32_t)chunk;
            if (segment->begin == segment->end)
                drop_first(end);
        }
        segment = next;
    }
    /* Linux looks for more and meets the error, which is then gone though the bytes are returned.
     */
    if ((flags & MSG_WAITALL) != 0 && done < to->total_bytes)
        end->error = 0;
    return done;
}

static int64_t read_message(struct unix_socket *end, const struct io_vector *to,
                            struct msghdr *message, int flags)
{
    struct stream_segment *segment = end->in_head;
    size_t len_bytes = segment->end - segment->begin;
    size_t count = to->total_bytes < len_bytes ? to->total_bytes : len_bytes;

    io_copy_out(to, 0, segment->bytes, count);
    if (message != NULL && count < len_bytes)
        message->msg_flags |= MSG_TRUNC;
    if ((flags & MSG_PEEK) == 0) {
        end->in_bytes -= (uint32_t)len_bytes;
        drop_first(end);
    }
    return (flags & MSG_TRUNC) != 0 ? (int64_t)len_bytes : (int64_t)count;
}

static int64_t recv_unix(struct socket *socket, const struct io_vector *to, struct msghdr *message,
                         int flags)
{
    struct unix_socket *end = self_of(socket);

    if (message != NULL) {
        message->msg_namelen = 0;
        message->msg_controllen = 0;
        message->msg_flags = 0;
    }
    if (is_stream(end) && !end->is_connected)
        return -EINVAL;
    if ((flags & MSG_OOB) != 0)
        return is_stream(end) ? -EINVAL : -EOPNOTSUPP;
    if (!is_stream(end) && end->error != 0)
        return -take_error(socket);
    if (end->in_head != NULL)
        return is_stream(end) ? (int64_t)read_stream(end, to, flags)
                              : read_message(end, to, message, flags);
    if (end->error != 0)
        return -take_error(socket);
    if ((end->shutdown & SHUTDOWN_RECV) != 0 && socket->type != SOCK_DGRAM)
        return 0;
    return -EAGAIN;
}

/* ---- the end ---- */

static int shutdown_unix(struct socket *socket, int how)
{
    struct unix_socket *end = self_of(socket);
    int bits = how + 1;

    if (how < SHUT_RD || how > SHUT_RDWR)
        return -EINVAL;
    end->shutdown |= (uint8_t)bits;
    file_wake(&socket->file, 0);
    if (end->peer != NULL && socket->type != SOCK_DGRAM) {
        if ((bits & SHUTDOWN_RECV) != 0)
            end->peer->shutdown |= SHUTDOWN_SEND;
        if ((bits & SHUTDOWN_SEND) != 0)
            end->peer->shutdown |= SHUTDOWN_RECV;
        file_wake(&end->peer->socket.file, 0);
    }
    return 0;
}

static int name_of(struct socket *socket, enum socket_end which, struct sockaddr *addr,
                   socklen_t *len_bytes)
{
    sa_family_t family = AF_UNIX;

    if (which != END_LOCAL && !self_of(socket)->is_connected)
        return -ENOTCONN;
    if (addr == NULL || len_bytes == NULL)
        return 0;
    if ((int)*len_bytes < 0)
        return -EINVAL;
    __builtin_memcpy(addr, &family, *len_bytes < sizeof(family) ? *len_bytes : sizeof(family));
    *len_bytes = sizeof(family);
    return 0;
}

/* Since Linux 6.10 an empty message at the front does not count. */
static bool has_unread_bytes(const struct unix_socket *end)
{
    const struct stream_segment *first = end->in_head;
    return first != NULL && (first->end > first->begin || first->next != NULL);
}

static void release_unix(struct file *file)
{
    struct unix_socket *end = of_file(file);
    struct unix_socket *peer = end->peer;
    bool has_unread = has_unread_bytes(end);

    if (peer != NULL && end->socket.type != SOCK_DGRAM) {
        peer->shutdown = SHUTDOWN_BOTH;
        if (has_unread)
            peer->error = ECONNRESET;
        file_wake(&peer->socket.file, 0);
    }
    while (end->in_head != NULL)
        drop_first(end);
    if (peer != NULL)
        peer->peer = NULL;
    option_fini(&end->socket.options);
    kmem_give(end, sizeof(*end));
}

static void note_option(struct socket *socket, int name)
{
    if (name == SO_SNDBUF)
        tell_room(self_of(socket));
}

static const struct socket_ops unix_ops = {
    .shutdown = shutdown_unix,
    .name = name_of,
    .send = send_unix,
    .recv = recv_unix,
    .note_option = note_option,
    .take_error = take_error,
};

static const struct file_ops unix_file_ops = {
    .kind = kind_of,
    .poll = poll_unix,
    .read = socket_file_read,
    .write = socket_file_write,
    .readable_bytes = readable_bytes,
    .release = release_unix,
    .sync = sync_of,
};
