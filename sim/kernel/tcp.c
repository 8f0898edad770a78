/*
 * sim/kernel/tcp.c - ends, segments and states; see tcp.h.
 */
#include "sim/kernel/tcp.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "sim/kernel/capture.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/option.h"

enum { MASK_READABLE = EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND };
enum { MASK_WRITABLE = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND };

static const char *const state_words[] = {
    [TCP_ESTABLISHED] = "established",
    [TCP_SYN_SENT] = "syn-sent",
    [TCP_SYN_RECV] = "syn-recv",
    [TCP_FIN_WAIT1] = "fin-wait-1",
    [TCP_FIN_WAIT2] = "fin-wait-2",
    [TCP_TIME_WAIT] = "time-wait",
    [TCP_CLOSE] = "close",
    [TCP_CLOSE_WAIT] = "close-wait",
    [TCP_LAST_ACK] = "last-ack",
    [TCP_LISTEN] = "listen",
    [TCP_CLOSING] = "closing",
};

const char *tcp_state_word(int state)
{
    return state_words[state];
}

struct tcp *tcp_new(struct host *host)
{
    struct tcp *tcp = kmem_take(sizeof(*tcp));

    tcp->host = host;
    tcp->state = TCP_CLOSE;
    tcp->sndbuf_bytes = TCP_SNDBUF_DEFAULT;
    tcp->rcvbuf_bytes = TCP_RCVBUF_DEFAULT;
    return tcp;
}

struct host *tcp_route(struct host *host, const struct ip *ip)
{
    return host_has_address(host, ip) ? host : host_by_address(ip);
}

void tcp_wake(struct tcp *tcp, uint32_t mask)
{
    if (tcp->socket != NULL)
        file_wake(&tcp->socket->socket.file, mask);
}

/* ---- queues ---- */

void tcp_queue_add(struct tcp_queue *queue, struct stream_segment *segment)
{
    segment->next = NULL;
    if (queue->tail == NULL)
        queue->head = segment;
    else
        queue->tail->next = segment;
    queue->tail = segment;
    queue->bytes += segment->end - segment->begin;
}

void tcp_queue_clear(struct tcp_queue *queue)
{
    while (queue->head != NULL) {
        struct stream_segment *segment = queue->head;
        queue->head = segment->next;
        stream_segment_free(segment);
    }
    queue->tail = NULL;
    queue->bytes = 0;
}

/* Takes the first `limit_bytes` at most, as one segment. */
static struct stream_segment *take_first(struct tcp_queue *queue, uint32_t limit_bytes)
{
    struct stream_segment *segment = queue->head;
    uint32_t bytes = segment->end - segment->begin;

    if (bytes > limit_bytes) {
        struct stream_segment *part = stream_segment_new(TCP_SEGMENT_DATA, limit_bytes);
        memcpy(part->bytes, segment->bytes + segment->begin, limit_bytes);
        part->end = limit_bytes;
        segment->begin += limit_bytes;
        queue->bytes -= limit_bytes;
        return part;
    }
    queue->head = segment->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    queue->bytes -= bytes;
    return segment;
}

/* ---- room ---- */

/* Half of what SO_SNDBUF and SO_RCVBUF say is for payload, as Linux doubles what was asked for. */
uint32_t tcp_room_bytes(const struct tcp *tcp)
{
    uint32_t used = tcp->out.bytes + tcp->in_flight_bytes;
    uint32_t capacity = tcp->sndbuf_bytes / 2;

    return used < capacity ? capacity - used : 0;
}

/* Linux __sk_stream_is_writeable(): a third of the buffer is free. */
bool tcp_is_writable(const struct tcp *tcp)
{
    uint32_t used = tcp->out.bytes + tcp->in_flight_bytes;
    uint32_t capacity = tcp->sndbuf_bytes / 2;

    return used < capacity && capacity - used >= used / 2;
}

bool tcp_is_readable(const struct tcp *tcp)
{
    uint32_t target = tcp->socket == NULL ? 1 : tcp->socket->socket.options.recv_low_bytes;
    uint32_t window = tcp->rcvbuf_bytes / 2;

    return tcp->in.bytes > 0 && (tcp->in.bytes >= target || tcp->in.bytes >= window);
}

static uint32_t window_bytes(const struct tcp *tcp)
{
    uint32_t used = tcp->peer->in.bytes + tcp->in_flight_bytes;
    uint32_t window = tcp->peer->rcvbuf_bytes / 2;

    return used < window ? window - used : 0;
}

/* ---- sending ---- */

static void deliver(struct stream_wire *wire, struct stream_segment *segment);
static void note_held(struct stream_wire *wire, bool is_held);

void tcp_wire_begin(struct tcp *tcp, struct host *to)
{
    stream_wire_init(&tcp->wire, tcp->host, to);
    tcp->wire.deliver = deliver;
    tcp->wire.held = note_held;
}

void tcp_send_control(struct tcp *tcp, enum tcp_segment type)
{
    stream_wire_send(&tcp->wire, stream_segment_new(type, 0));
}

void tcp_send_ack(struct tcp *tcp)
{
    if (tcp->is_ack_in_flight || tcp->state == TCP_SYN_SENT)
        return;
    tcp->is_ack_in_flight = true;
    tcp_send_control(tcp, TCP_SEGMENT_ACK);
}

void tcp_push(struct tcp *tcp)
{
    if (tcp->peer == NULL || tcp->state == TCP_SYN_SENT || tcp->state == TCP_CLOSE)
        return;
    while (tcp->out.head != NULL && window_bytes(tcp) > 0) {
        struct stream_segment *segment = take_first(&tcp->out, window_bytes(tcp));
        tcp->in_flight_bytes += segment->end - segment->begin;
        stream_wire_send(&tcp->wire, segment);
    }
    if (tcp->wants_fin && !tcp->is_fin_sent && tcp->out.head == NULL) {
        tcp->is_fin_sent = true;
        tcp_send_control(tcp, TCP_SEGMENT_FIN);
    }
}

void tcp_close_send(struct tcp *tcp)
{
    switch (tcp->state) {
    case TCP_ESTABLISHED:
    case TCP_SYN_RECV:
        tcp->state = TCP_FIN_WAIT1;
        break;
    case TCP_CLOSE_WAIT:
        tcp->state = TCP_LAST_ACK;
        break;
    default:
        return;
    }
    tcp->wants_fin = true;
    tcp_push(tcp);
}

static void drop_sends(struct tcp *tcp)
{
    tcp_queue_clear(&tcp->out);
    tcp->wants_fin = false;
    tcp->wants_space = false;
}

void tcp_abort(struct tcp *tcp)
{
    drop_sends(tcp);
    if (tcp->peer != NULL)
        tcp_send_control(tcp, TCP_SEGMENT_RST);
    tcp->state = TCP_CLOSE;
}

/* The connection is over. A port that was bound by hand stays with its socket until that is closed.
 */
static void release_port(struct tcp *tcp, bool is_time_wait)
{
    bool is_kept = tcp->socket != NULL && tcp->is_user_bound;

    if (tcp->bind == NULL || tcp->listener != NULL)
        return;
    if (is_time_wait)
        port_bind_linger(is_kept ? port_bind_copy(tcp->bind, &tcp->local, &tcp->remote)
                                 : tcp->bind);
    else if (!is_kept)
        port_bind_free(tcp->bind);
    if (!is_kept)
        tcp->bind = NULL;
}

void tcp_done(struct tcp *tcp, int error)
{
    bool was_embryo = tcp->state == TCP_SYN_RECV;

    tcp->state = TCP_CLOSE;
    tcp->shutdown = SHUTDOWN_BOTH;
    if (error != 0)
        tcp->error = error;
    drop_sends(tcp);
    timer_cancel(&tcp->retry);
    if (was_embryo)
        tcp_leave_listener(tcp);
    release_port(tcp, false);
    tcp_wake(tcp, 0);
    if (error != 0)
        tcp_wake(tcp, EPOLLERR);
}

/* ---- giving up ---- */

static void fire_give_up(struct timer *timer)
{
    struct tcp *tcp = timer->context;

    stream_wire_fini(&tcp->wire);
    tcp->in_flight_bytes = 0;
    tcp_done(tcp, ETIMEDOUT);
    tcp_reap(tcp);
}

static void note_held(struct stream_wire *wire, bool is_held)
{
    struct tcp *tcp = CONTAINER(wire, struct tcp, wire);
    uint64_t limit_ns = tcp->state == TCP_SYN_SENT ? TCP_GIVE_UP_SYN_NS : TCP_GIVE_UP_NS;

    if (!is_held) {
        if (!tcp->is_retrying)
            timer_cancel(&tcp->retry);
        return;
    }
    if (timer_is_armed(&tcp->retry))
        return;
    if (tcp->socket != NULL && tcp->socket->socket.options.user_timeout_ms != 0)
        limit_ns = (uint64_t)tcp->socket->socket.options.user_timeout_ms * 1000000;
    tcp->is_retrying = false;
    timer_arm(&tcp->retry, host_lane(tcp->host), wire->held_since_ns + limit_ns, fire_give_up, tcp);
}

/* ---- receiving ---- */

/* The port waits out TIME_WAIT, the end itself is over. */
static void enter_time_wait(struct tcp *tcp)
{
    tcp->state = TCP_CLOSE;
    tcp->shutdown = SHUTDOWN_BOTH;
    release_port(tcp, true);
    tcp_wake(tcp, 0);
}

static void note_fin_acked(struct tcp *tcp)
{
    tcp->is_fin_acked = true;
    switch (tcp->state) {
    case TCP_FIN_WAIT1:
        tcp->state = TCP_FIN_WAIT2;
        tcp->shutdown |= SHUTDOWN_SEND;
        tcp_wake(tcp, 0);
        break;
    case TCP_CLOSING:
        enter_time_wait(tcp);
        break;
    case TCP_LAST_ACK:
        tcp_done(tcp, 0);
        break;
    default:
        break;
    }
}

static void receive_reset(struct tcp *tcp)
{
    if (tcp->state == TCP_SYN_SENT)
        tcp_done(tcp, ECONNREFUSED);
    else if (tcp->state == TCP_CLOSE_WAIT)
        tcp_done(tcp, EPIPE);
    else if (tcp->state != TCP_CLOSE)
        tcp_done(tcp, ECONNRESET);
}

/* Nobody will read what came: the sender learns by a reset. */
static void refuse_data(struct tcp *tcp)
{
    if (tcp->state != TCP_CLOSE)
        tcp_done(tcp, ECONNRESET);
    tcp_send_control(tcp, TCP_SEGMENT_RST);
}

static bool takes_data(const struct tcp *tcp)
{
    switch (tcp->state) {
    case TCP_ESTABLISHED:
    case TCP_SYN_RECV:
        return true;
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
        return (tcp->shutdown & SHUTDOWN_RECV) == 0;
    default:
        return false;
    }
}

static void receive_data(struct tcp *tcp, struct tcp *sender, struct stream_segment *segment)
{
    sender->in_flight_bytes -= segment->end - segment->begin;
    if (!takes_data(tcp)) {
        stream_segment_free(segment);
        refuse_data(tcp);
        return;
    }
    tcp_queue_add(&tcp->in, segment);
    if (sender->wants_space)
        tcp_send_ack(tcp);
    if (tcp->state == TCP_SYN_RECV)
        tcp_complete(tcp, true);
    else if (tcp_is_readable(tcp))
        tcp_wake(tcp, MASK_READABLE);
}

static void receive_fin(struct tcp *tcp, struct tcp *sender)
{
    switch (tcp->state) {
    case TCP_SYN_RECV:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
        break;
    default:
        tcp_send_control(tcp, TCP_SEGMENT_RST);
        return;
    }
    /* Whoever still holds the socket is told when the acknowledgement arrives. */
    if (sender->socket != NULL)
        tcp_send_ack(tcp);
    else
        note_fin_acked(sender);
    tcp->has_fin = true;
    tcp->shutdown |= SHUTDOWN_RECV;
    switch (tcp->state) {
    case TCP_SYN_RECV:
        tcp_complete(tcp, true);
        break;
    case TCP_ESTABLISHED:
        tcp->state = TCP_CLOSE_WAIT;
        break;
    case TCP_FIN_WAIT1:
        /* Ours may have arrived there, its acknowledgement being on its way. */
        tcp->state = TCP_CLOSING;
        break;
    default:
        enter_time_wait(tcp);
        return;
    }
    tcp_wake(tcp, 0);
}

static void receive_synack(struct tcp *tcp)
{
    if (tcp->state == TCP_SYN_SENT) {
        tcp->state = TCP_ESTABLISHED;
        timer_cancel(&tcp->retry);
        tcp_send_ack(tcp);
        tcp_push(tcp);
        tcp_wake(tcp, 0);
    } else if (tcp->state == TCP_CLOSE) {
        tcp_send_control(tcp, TCP_SEGMENT_RST);
    } else {
        tcp_send_ack(tcp); /* it was not heard the first time */
    }
}

static void receive_ack(struct tcp *tcp, struct tcp *sender)
{
    sender->is_ack_in_flight = false;
    if (tcp->is_refusing) {
        tcp_send_control(tcp, TCP_SEGMENT_RST);
        return;
    }
    if (tcp->state == TCP_SYN_RECV) {
        tcp_complete(tcp, false);
        return;
    }
    if (tcp->is_fin_sent && !tcp->is_fin_acked && sender->has_fin)
        note_fin_acked(tcp);
    tcp_push(tcp);
    if (tcp->wants_space && tcp_is_writable(tcp)) {
        tcp->wants_space = false;
        tcp_wake(tcp, MASK_WRITABLE);
    }
}

bool tcp_is_data(const struct stream_segment *segment)
{
    return segment->type == TCP_SEGMENT_DATA;
}

static void capture(const struct tcp *sender, const struct stream_segment *segment)
{
    static const uint8_t flags[] = {
        [TCP_SEGMENT_SYN] = CAPTURE_SYN,
        [TCP_SEGMENT_SYNACK] = CAPTURE_SYN | CAPTURE_ACK,
        [TCP_SEGMENT_ACK] = CAPTURE_ACK,
        [TCP_SEGMENT_DATA] = CAPTURE_ACK | CAPTURE_PSH,
        [TCP_SEGMENT_FIN] = CAPTURE_ACK | CAPTURE_FIN,
        [TCP_SEGMENT_RST] = CAPTURE_RST | CAPTURE_ACK,
    };

    kernel_capture(&(struct capture_packet){.from = &sender->local,
                                            .to = &sender->remote,
                                            .is_tcp = true,
                                            .flags = flags[segment->type],
                                            .bytes = segment->bytes + segment->begin,
                                            .len_bytes = segment->end - segment->begin});
}

/* A segment of one end reaches the other: a step of the lane of the other's host. */
static void deliver(struct stream_wire *wire, struct stream_segment *segment)
{
    struct tcp *sender = CONTAINER(wire, struct tcp, wire);
    struct tcp *tcp = sender->peer;
    enum tcp_segment type = (enum tcp_segment)segment->type;

    if (kernel_capture != NULL)
        capture(sender, segment);
    if (type == TCP_SEGMENT_DATA) {
        receive_data(tcp, sender, segment);
        tcp_reap(tcp);
        return;
    }
    stream_segment_free(segment);
    switch (type) {
    case TCP_SEGMENT_SYN:
        tcp_receive_syn(sender);
        break;
    case TCP_SEGMENT_SYNACK:
        receive_synack(tcp);
        break;
    case TCP_SEGMENT_ACK:
        receive_ack(tcp, sender);
        break;
    case TCP_SEGMENT_FIN:
        receive_fin(tcp, sender);
        break;
    case TCP_SEGMENT_RST:
        receive_reset(tcp);
        break;
    case TCP_SEGMENT_DATA:
        break;
    }
    tcp_reap(tcp == NULL ? sender : tcp);
}

/* ---- the end of an end ---- */

static bool is_over(const struct tcp *tcp)
{
    return tcp->socket == NULL && tcp->listener == NULL && tcp->state == TCP_CLOSE &&
           stream_wire_is_empty(&tcp->wire) && !timer_is_armed(&tcp->retry);
}

static void free_end(struct tcp *tcp)
{
    stream_wire_fini(&tcp->wire);
    tcp_queue_clear(&tcp->out);
    tcp_queue_clear(&tcp->in);
    port_bind_free(tcp->bind);
    if (tcp->inherited != NULL) {
        option_fini(tcp->inherited);
        kmem_give(tcp->inherited, sizeof(*tcp->inherited));
    }
    kmem_give(tcp, sizeof(*tcp));
}

void tcp_reap(struct tcp *tcp)
{
    struct tcp *peer = tcp->peer;

    if (!is_over(tcp) || (peer != NULL && !is_over(peer)))
        return;
    free_end(tcp);
    if (peer != NULL)
        free_end(peer);
}
