/*
 * sim/actor/peer.c - see peer.h.
 */
#include "sim/actor/peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "sim/actor/body.h"
#include "sim/actor/tls.h"

enum {
    READ_BYTES = 16384,
    BODY_PIECE_BYTES = 4096,
    CHUNK_BYTES = 1000,
    IN_CAPACITY_FIRST = 1024,
    WIRE_BYTES = 2 * BODY_PIECE_BYTES,
    TICKET_BYTES = 20,
    SHORT_GAP_NS = 5000,
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

static void end_waiting(struct timer *timer)
{
    struct peer *peer = timer->context;

    pump(peer);
    if (peer->changed != NULL)
        peer->changed(peer);
}

static void wait_to_send(struct peer *peer, uint64_t ns)
{
    timer_arm(&peer->send_timer, peer->lane, sched_now_ns() + ns, end_waiting, peer);
}

/* As much of `len` as the mood allows at once. */
static size_t limit_by_mood(const struct peer *peer, size_t len)
{
    if (peer->short_left != 0 && len > peer->short_bytes)
        len = peer->short_bytes;
    if (peer->hold_ns != 0 && len > peer->hold_bytes)
        len = (size_t)peer->hold_bytes;
    return len;
}

static void note_sent(struct peer *peer, uint64_t sent)
{
    if (peer->hold_ns != 0)
        peer->hold_bytes -= sent;
    if (peer->short_left != 0) {
        peer->short_left--;
        wait_to_send(peer, SHORT_GAP_NS);
    }
}

/* What send() returns; -EAGAIN while the mood forbids it. */
static int64_t send_bytes(struct peer *peer, const uint8_t *bytes, size_t len)
{
    if (timer_is_armed(&peer->send_timer))
        return -EAGAIN;
    if (peer->hold_ns != 0 && peer->hold_bytes == 0) {
        wait_to_send(peer, peer->hold_ns);
        peer->hold_ns = 0;
        return -EAGAIN;
    }
    int64_t sent = kernel_send(peer->process, peer->fd, bytes, limit_by_mood(peer, len),
                               MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        note_sent(peer, (uint64_t)sent);
    return sent;
}

/* Bytes of the item as they are to be sent: at most BODY_PIECE_BYTES of a body, made in `piece`. */
static const uint8_t *piece_of(const struct peer_item *item, uint8_t *piece, size_t *len)
{
    *len = (size_t)item->left_bytes;
    if (item->bytes != NULL)
        return item->bytes;
    if (*len > BODY_PIECE_BYTES)
        *len = BODY_PIECE_BYTES;
    body_fill(item->key, item->offset, piece, *len);
    return piece;
}

/* Sends one piece of the item; the byte count, or -errno. */
static int64_t send_piece(struct peer *peer, const struct peer_item *item)
{
    uint8_t piece[BODY_PIECE_BYTES];
    size_t len;
    const uint8_t *bytes = piece_of(item, piece, &len);

    return send_bytes(peer, bytes, len);
}

/* ---- TLS ---- */

/* Appends a record; false when there is no room now. */
static bool put_record(struct peer *peer, enum tls_end_record type, const uint8_t *bytes,
                       size_t len)
{
    if (peer->wire_begin == peer->wire_end) {
        peer->wire_begin = 0;
        peer->wire_end = 0;
    }
    if (WIRE_BYTES - peer->wire_end < TLS_END_HEAD_BYTES + len)
        return false;
    tls_end_put_head(peer->wire + peer->wire_end, type, len);
    if (len != 0)
        memcpy(peer->wire + peer->wire_end + TLS_END_HEAD_BYTES, bytes, len);
    peer->wire_end += TLS_END_HEAD_BYTES + len;
    return true;
}

/* 0 when all records are with the kernel. */
static int64_t send_wire(struct peer *peer)
{
    while (peer->wire_begin < peer->wire_end) {
        int64_t sent =
            send_bytes(peer, peer->wire + peer->wire_begin, peer->wire_end - peer->wire_begin);
        if (sent < 0)
            return sent;
        peer->wire_begin += (size_t)sent;
    }
    return 0;
}

/* Puts one piece of the item into a record, once the one before is sent. */
static int64_t send_in_record(struct peer *peer, const struct peer_item *item)
{
    uint8_t piece[BODY_PIECE_BYTES];
    size_t len;
    int64_t error = send_wire(peer);

    if (error != 0)
        return error;
    if (!peer->tls->is_open)
        return -EAGAIN;
    const uint8_t *bytes = piece_of(item, piece, &len);
    if (len > BODY_PIECE_BYTES)
        len = BODY_PIECE_BYTES;
    return put_record(peer, TLS_END_DATA, bytes, len) ? (int64_t)len : -EAGAIN;
}

void peer_start_tls(struct peer *peer, bool is_server, const char *wanted, const char *who)
{
    peer->tls = arena_take(sched_arena(), sizeof(*peer->tls));
    peer->wire = arena_take(sched_arena(), WIRE_BYTES);
    peer->who = who;
    tls_end_init(peer->tls, is_server, wanted);
    if (!is_server)
        peer->wire_end = tls_end_put_hello(peer->tls, "heddle", peer->wire);
}

void peer_send_ticket(struct peer *peer)
{
    static const uint8_t ticket[TICKET_BYTES] = "nothing that anybody";

    if (peer_is_open(peer) && peer->tls != NULL && peer->tls->is_open && !peer->is_close_notified &&
        put_record(peer, TLS_END_TICKET, ticket, sizeof(ticket)))
        pump(peer);
}

/* Decodes what came, in the room behind what is there, and answers the handshake. */
static void take_records(struct peer *peer, const uint8_t *bytes, size_t len, uint8_t *room)
{
    uint8_t reply[TLS_END_HELLO_MAX];
    size_t plain_len;
    size_t reply_len = tls_end_take(peer->tls, bytes, len, room, &plain_len, reply);

    peer->in_end += plain_len;
    if (peer->tls->error != NULL)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s got %s", peer->who,
                     peer->tls->error);
    if (peer->tls->is_open && !peer->tls->is_agreed && strcmp(peer->tls->wanted, "h2") == 0)
        finding_fail(FINDING_EXPECTATION, NULL,
                     "expectation: %s speaks h2, and ALPN has not agreed", peer->who);
    if (reply_len != 0 && WIRE_BYTES - peer->wire_end >= reply_len) {
        memcpy(peer->wire + peer->wire_end, reply, reply_len);
        peer->wire_end += reply_len;
    }
    if (peer->tls->is_peer_done)
        peer->is_eof = true;
}

static void flush_wire(struct peer *peer)
{
    int64_t error = send_wire(peer);

    if (error < 0 && error != -EAGAIN && error != -EINTR)
        give_up(peer, (int)-error);
}

static void send_queued(struct peer *peer)
{
    if (peer->tls != NULL && peer->out_head == NULL)
        flush_wire(peer);
    while (peer->out_head != NULL) {
        struct peer_item *item = peer->out_head;
        int64_t sent = item->left_bytes == 0 ? 0
                       : peer->tls != NULL   ? send_in_record(peer, item)
                                             : send_piece(peer, item);
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
    if (peer->tls != NULL)
        flush_wire(peer);
}

static void close_now(struct peer *peer)
{
    lane_watch_end(&peer->watch);
    timer_cancel(&peer->send_timer);
    timer_cancel(&peer->read_timer);
    (void)kernel_close(peer->process, peer->fd);
    peer->fd = -1;
    peer->is_connected = false;
}

/* The end of our bytes, said in TLS too. */
static void notify_close(struct peer *peer)
{
    if (peer->tls == NULL || peer->is_close_notified || !peer->tls->is_open ||
        !put_record(peer, TLS_END_CLOSE, NULL, 0))
        return;
    peer->is_close_notified = true;
    flush_wire(peer);
}

static void end_when_sent(struct peer *peer)
{
    if (peer->out_head != NULL || peer->fd < 0)
        return;
    if (peer->is_close_wanted || peer->is_shutdown_wanted)
        notify_close(peer);
    if (!peer->is_reset && peer->wire_begin != peer->wire_end)
        return;
    if (peer->is_close_wanted) {
        close_now(peer);
    } else if (peer->is_shutdown_wanted) {
        peer->is_shutdown_wanted = false;
        peer->is_shutdown = true;
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
    uint8_t records[READ_BYTES];

    while (!peer->is_eof && !peer->is_reset && !peer->is_paused &&
           !timer_is_armed(&peer->read_timer)) {
        int readable = kernel_ioctl_readable(peer->process, peer->fd);
        size_t want = readable > 0 ? (size_t)readable : 1;
        if (want > READ_BYTES)
            want = READ_BYTES;
        if (peer->slow_bytes != 0 && want > peer->slow_bytes)
            want = peer->slow_bytes;
        uint8_t *room = room_for(peer, want);
        int64_t got = kernel_recv(peer->process, peer->fd, peer->tls == NULL ? room : records, want,
                                  MSG_DONTWAIT);
        if (got == -EAGAIN || got == -EINTR)
            return;
        if (got < 0)
            give_up(peer, (int)-got);
        else if (got == 0)
            peer->is_eof = true;
        else if (peer->tls == NULL)
            peer->in_end += (size_t)got;
        else
            take_records(peer, records, (size_t)got, room);
        if (got > 0 && peer->slow_bytes != 0)
            timer_arm(&peer->read_timer, peer->lane, sched_now_ns() + peer->slow_ns, end_waiting,
                      peer);
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

void peer_send_stretch(struct peer *peer, uint32_t key, uint64_t offset, uint64_t len_bytes)
{
    if (peer->is_reset || len_bytes == 0)
        return;
    add_body(peer, key, offset, len_bytes);
    pump(peer);
}

bool peer_has_unsent(const struct peer *peer)
{
    return peer->out_head != NULL || peer->wire_begin != peer->wire_end;
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

void peer_set_short(struct peer *peer, uint32_t bytes, uint32_t times)
{
    peer->short_bytes = bytes;
    peer->short_left = times;
}

void peer_set_hold(struct peer *peer, uint64_t bytes, uint64_t ns)
{
    peer->hold_bytes = bytes;
    peer->hold_ns = ns;
}

void peer_set_slow(struct peer *peer, uint32_t bytes, uint64_t ns)
{
    int buffer = (int)bytes;

    peer->slow_bytes = bytes;
    peer->slow_ns = ns;
    if (peer->fd >= 0)
        (void)kernel_setsockopt(peer->process, peer->fd, SOL_SOCKET, SO_RCVBUF, &buffer,
                                sizeof(buffer));
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
