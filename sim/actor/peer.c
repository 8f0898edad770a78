/*
 * sim/actor/peer.c - see peer.h.
 */
#include "sim/actor/peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "sim/actor/body.h"

enum {
    READ_BYTES = 16384,
    BODY_PIECE_BYTES = 4096,
    CHUNK_BYTES = 1000,
    IN_CAPACITY_FIRST = 1024,
};

/* Bytes to send, or a stretch of a body made when its turn comes. */
struct peer_item {
    struct peer_item *next;
    const uint8_t *bytes; /* NULL: a body */
    uint32_t key;
    uint64_t offset;
    uint64_t left_bytes;
};

static void pump(struct peer *peer);

static void on_watch(struct lane_watch *watch, uint32_t mask)
{
    struct peer *peer = watch->context;

    (void)mask;
    pump(peer);
    if (peer->changed != NULL)
        peer->changed(peer);
}

void peer_init(struct peer *peer, struct process *process, struct vthread *lane,
               void (*changed)(struct peer *peer), void *context)
{
    *peer = (struct peer){
        .process = process, .lane = lane, .changed = changed, .context = context, .fd = -1};
}

static void give_up(struct peer *peer, int error)
{
    peer->is_reset = true;
    peer->error = error;
    peer->is_connecting = false;
    peer->out_head = NULL;
    peer->out_tail = NULL;
}

static void begin_watching(struct peer *peer)
{
    lane_watch_begin(&peer->watch, process_file(peer->process, peer->fd), peer->lane, on_watch,
                     peer);
}

int peer_connect(struct peer *peer, const struct sockaddr *addr, socklen_t len_bytes)
{
    int fd = kernel_socket(peer->process, addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        give_up(peer, -fd);
        return fd;
    }
    peer->fd = fd;
    int ret = kernel_connect(peer->process, fd, addr, len_bytes);
    if (ret != 0 && ret != -EINPROGRESS) {
        give_up(peer, -ret);
        (void)kernel_close(peer->process, fd);
        peer->fd = -1;
        return ret;
    }
    peer->is_connecting = true;
    begin_watching(peer);
    return 0;
}

void peer_adopt(struct peer *peer, int fd)
{
    peer->fd = fd;
    peer->is_connected = true;
    begin_watching(peer);
}

bool peer_is_open(const struct peer *peer)
{
    return peer->fd >= 0 && !peer->is_reset;
}

/* ---- sending ---- */

static struct peer_item *add_item(struct peer *peer)
{
    struct peer_item *item = arena_take(sched_arena(), sizeof(*item));

    if (peer->out_tail != NULL)
        peer->out_tail->next = item;
    else
        peer->out_head = item;
    peer->out_tail = item;
    return item;
}

static void add_bytes(struct peer *peer, const void *bytes, size_t len_bytes)
{
    uint8_t *copy = arena_take(sched_arena(), len_bytes);
    struct peer_item *item = add_item(peer);

    memcpy(copy, bytes, len_bytes);
    item->bytes = copy;
    item->left_bytes = len_bytes;
}

static void add_body(struct peer *peer, uint32_t key, uint64_t offset, uint64_t len_bytes)
{
    struct peer_item *item = add_item(peer);

    item->key = key;
    item->offset = offset;
    item->left_bytes = len_bytes;
}

/* Sends one piece of the item; the byte count, or -errno. */
static int64_t send_piece(struct peer *peer, const struct peer_item *item)
{
    uint8_t piece[BODY_PIECE_BYTES];
    const uint8_t *bytes = item->bytes;
    size_t len = (size_t)item->left_bytes;

    if (bytes == NULL) {
        if (len > sizeof(piece))
            len = sizeof(piece);
        body_fill(item->key, item->offset, piece, len);
        bytes = piece;
    }
    return kernel_send(peer->process, peer->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_queued(struct peer *peer)
{
    while (peer->out_head != NULL) {
        struct peer_item *item = peer->out_head;
        int64_t sent = item->left_bytes == 0 ? 0 : send_piece(peer, item);
        if (sent == -EAGAIN || sent == -EINTR)
            return;
        if (sent < 0) {
            give_up(peer, (int)-sent);
            return;
        }
        item->left_bytes -= (uint64_t)sent;
        item->offset += (uint64_t)sent;
        if (item->bytes != NULL)
            item->bytes += sent;
        if (item->left_bytes == 0) {
            peer->out_head = item->next;
            if (peer->out_head == NULL)
                peer->out_tail = NULL;
        }
    }
}

static void close_now(struct peer *peer)
{
    lane_watch_end(&peer->watch);
    (void)kernel_close(peer->process, peer->fd);
    peer->fd = -1;
    peer->is_connected = false;
}

static void end_when_sent(struct peer *peer)
{
    if (peer->out_head != NULL || peer->fd < 0)
        return;
    if (peer->is_close_wanted) {
        close_now(peer);
    } else if (peer->is_shutdown_wanted) {
        peer->is_shutdown_wanted = false;
        (void)kernel_shutdown(peer->process, peer->fd, SHUT_WR);
    }
}

/* ---- receiving ---- */

static uint8_t *room_for(struct peer *peer, size_t len_bytes)
{
    if (peer->in_begin == peer->in_end) {
        peer->in_begin = 0;
        peer->in_end = 0;
    }
    if (peer->in_capacity - peer->in_end < len_bytes) {
        size_t held = peer->in_end - peer->in_begin;
        size_t capacity = peer->in_capacity == 0 ? IN_CAPACITY_FIRST : peer->in_capacity;
        while (capacity - held < len_bytes)
            capacity *= 2;
        uint8_t *in =
            capacity == peer->in_capacity ? peer->in : arena_take(sched_arena(), capacity);
        memmove(in, peer->in + peer->in_begin, held);
        peer->in = in;
        peer->in_capacity = capacity;
        peer->in_begin = 0;
        peer->in_end = held;
    }
    return peer->in + peer->in_end;
}

static void receive_all(struct peer *peer)
{
    while (!peer->is_eof && !peer->is_reset && !peer->is_paused) {
        int readable = kernel_ioctl_readable(peer->process, peer->fd);
        size_t want = readable > 0 ? (size_t)readable : 1;
        if (want > READ_BYTES)
            want = READ_BYTES;
        uint8_t *room = room_for(peer, want);
        int64_t got = kernel_recv(peer->process, peer->fd, room, want, MSG_DONTWAIT);
        if (got == -EAGAIN || got == -EINTR)
            return;
        if (got < 0)
            give_up(peer, (int)-got);
        else if (got == 0)
            peer->is_eof = true;
        else
            peer->in_end += (size_t)got;
    }
}

static void finish_connecting(struct peer *peer)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if ((kernel_poll(peer->process, peer->fd) & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
        return;
    (void)kernel_getsockopt(peer->process, peer->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        give_up(peer, error);
        return;
    }
    peer->is_connecting = false;
    peer->is_connected = true;
}

/* Does everything that can be done now. */
static void pump(struct peer *peer)
{
    if (peer->fd < 0 || peer->is_reset)
        return;
    if (peer->is_connecting)
        finish_connecting(peer);
    if (peer->is_connecting || peer->is_reset)
        return;
    receive_all(peer);
    if (!peer->is_reset)
        send_queued(peer);
    end_when_sent(peer);
}

void peer_send(struct peer *peer, const void *bytes, size_t len_bytes)
{
    if (peer->is_reset)
        return;
    add_bytes(peer, bytes, len_bytes);
    pump(peer);
}

void peer_send_body(struct peer *peer, uint32_t key, uint64_t len_bytes, bool is_chunked)
{
    if (peer->is_reset)
        return;
    if (!is_chunked) {
        if (len_bytes != 0)
            add_body(peer, key, 0, len_bytes);
    } else {
        for (uint64_t at = 0; at < len_bytes; at += CHUNK_BYTES) {
            char head[32];
            uint64_t size = len_bytes - at < CHUNK_BYTES ? len_bytes - at : CHUNK_BYTES;
            int len = snprintf(head, sizeof(head), "%llx\r\n", (unsigned long long)size);
            add_bytes(peer, head, (size_t)len);
            add_body(peer, key, at, size);
            add_bytes(peer, "\r\n", 2);
        }
        add_bytes(peer, "0\r\n\r\n", 5);
    }
    pump(peer);
}

bool peer_has_unsent(const struct peer *peer)
{
    return peer->out_head != NULL;
}

void peer_shutdown(struct peer *peer)
{
    peer->is_shutdown_wanted = true;
    if (!peer->is_connecting)
        end_when_sent(peer);
}

void peer_close(struct peer *peer)
{
    if (peer->fd < 0)
        return;
    peer->is_close_wanted = true;
    if (peer->is_reset)
        close_now(peer);
    else if (!peer->is_connecting)
        end_when_sent(peer);
}

void peer_reset(struct peer *peer)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    if (peer->fd < 0)
        return;
    peer->out_head = NULL;
    peer->out_tail = NULL;
    (void)kernel_setsockopt(peer->process, peer->fd, SOL_SOCKET, SO_LINGER, &linger,
                            sizeof(linger));
    close_now(peer);
}

void peer_pause(struct peer *peer, bool is_paused)
{
    peer->is_paused = is_paused;
    if (!is_paused)
        pump(peer);
}

const uint8_t *peer_bytes(const struct peer *peer, size_t *len_bytes)
{
    *len_bytes = peer->in_end - peer->in_begin;
    return peer->in + peer->in_begin;
}

void peer_consume(struct peer *peer, size_t len_bytes)
{
    peer->in_begin += len_bytes;
}
