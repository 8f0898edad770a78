/*
 * sim/kernel/tcp_listen.c - handshakes, the backlog, accepting; see tcp.h.
 *
 * As in Linux: a SYN is dropped while the accept queue is full and tried again after a second; the
 * queue may fill up between SYN and ACK, then the client believes to be connected while the
 * listener tries again too.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "sim/kernel/kernel.h"
#include "sim/kernel/option.h"
#include "sim/kernel/tcp.h"

enum { MASK_READABLE = EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND };

uint32_t tcp_defer_seconds(uint32_t seconds)
{
    uint32_t period = 1;
    uint32_t timeout = 1;

    while (period < seconds && period < 255) {
        timeout *= 2;
        period += timeout;
    }
    return period;
}

void tcp_retry_at(struct tcp *tcp, uint64_t due_ns, void (*fire)(struct timer *))
{
    timer_cancel(&tcp->retry);
    tcp->is_retrying = true;
    timer_arm(&tcp->retry, host_lane(tcp->host), due_ns, fire, tcp);
}

/* 1, 3, 7... s after the handshake began. */
static uint64_t next_try_ns(const struct tcp *tcp)
{
    return tcp->began_ns + TCP_RETRY_NS * ((UINT64_C(1) << (tcp->retries + 1)) - 1);
}

/* ---- the client's SYN ---- */

static void fire_syn_again(struct timer *timer)
{
    struct tcp *client = timer->context;

    tcp_send_control(client, TCP_SEGMENT_SYN);
}

static void fire_give_up(struct timer *timer)
{
    struct tcp *client = timer->context;

    tcp_done(client, ETIMEDOUT);
    tcp_reap(client);
}

static void fire_refused(struct timer *timer)
{
    struct tcp *client = timer->context;

    if (client->state == TCP_SYN_SENT)
        tcp_done(client, ECONNREFUSED);
    tcp_reap(client);
}

static bool is_accept_queue_full(const struct tcp *listener)
{
    return listener->accept_count > listener->backlog;
}

static void answer_syn(struct tcp *listener, struct port_bind *bind, struct tcp *client)
{
    const struct socket_options *options = &listener->socket->socket.options;
    struct tcp *embryo = tcp_new(listener->host);

    embryo->state = TCP_SYN_RECV;
    embryo->peer = client;
    client->peer = embryo;
    embryo->listener = listener;
    embryo->local = client->remote;
    embryo->remote = client->local;
    embryo->sndbuf_bytes = options->sndbuf_bytes;
    embryo->rcvbuf_bytes = options->rcvbuf_bytes;
    embryo->began_ns = sched_now_ns();
    embryo->is_deferred = options->defer_accept_s != 0;
    embryo->bind = port_bind_copy(bind, &embryo->local, &embryo->remote);
    embryo->queue_next = listener->embryo_head;
    embryo->queue_prev = &listener->embryo_head;
    if (embryo->queue_next != NULL)
        embryo->queue_next->queue_prev = &embryo->queue_next;
    listener->embryo_head = embryo;
    listener->embryo_count++;
    tcp_wire_begin(embryo, client->host);
    tcp_send_control(embryo, TCP_SEGMENT_SYNACK);
}

void tcp_receive_syn(struct tcp *client)
{
    struct host *host = client->wire.link->to;
    struct port_bind *bind = port_find(host, PORT_TCP, &client->remote, &client->local);
    struct tcp *listener;

    if (client->state != TCP_SYN_SENT || client->peer != NULL)
        return;
    if (bind == NULL) {
        tcp_retry_at(client, sched_now_ns() + link_draw_delay(host, client->host), fire_refused);
        return;
    }
    listener = tcp_of(bind->socket);
    if (!is_accept_queue_full(listener)) {
        answer_syn(listener, bind, client);
        return;
    }
    if (client->retries < client->socket->socket.options.syn_retries)
        tcp_retry_at(client, next_try_ns(client), fire_syn_again);
    else
        tcp_retry_at(client, next_try_ns(client), fire_give_up);
    client->retries++;
}

/* ---- the listener's end ---- */

void tcp_leave_listener(struct tcp *tcp)
{
    if (tcp->queue_prev == NULL)
        return;
    *tcp->queue_prev = tcp->queue_next;
    if (tcp->queue_next != NULL)
        tcp->queue_next->queue_prev = tcp->queue_prev;
    tcp->queue_prev = NULL;
    tcp->queue_next = NULL;
    tcp->listener->embryo_count--;
    tcp->listener = NULL;
}

/* Given up in silence: what the client sends from now on is answered with a reset. */
static void drop_embryo(struct tcp *embryo)
{
    timer_cancel(&embryo->retry);
    tcp_leave_listener(embryo);
    embryo->state = TCP_CLOSE;
    embryo->is_refusing = true;
    tcp_queue_clear(&embryo->in);
    port_bind_free(embryo->bind);
    embryo->bind = NULL;
    tcp_reap(embryo);
}

static void fire_embryo(struct timer *timer)
{
    struct tcp *embryo = timer->context;
    uint64_t age_ns = sched_now_ns() - embryo->began_ns;

    if (embryo->retries >= TCP_SYNACK_RETRIES) {
        drop_embryo(embryo);
        return;
    }
    embryo->retries++;
    if (age_ns / TCP_RETRY_NS >= embryo->listener->socket->socket.options.defer_accept_s)
        embryo->is_deferred = false;
    tcp_send_control(embryo, TCP_SEGMENT_SYNACK);
    tcp_retry_at(embryo, next_try_ns(embryo), fire_embryo);
}

void tcp_complete(struct tcp *embryo, bool has_data)
{
    struct tcp *listener = embryo->listener;

    if (has_data)
        embryo->is_deferred = false;
    if (embryo->is_deferred || is_accept_queue_full(listener)) {
        if (!timer_is_armed(&embryo->retry))
            tcp_retry_at(embryo, next_try_ns(embryo), fire_embryo);
        return;
    }
    timer_cancel(&embryo->retry);
    tcp_leave_listener(embryo);
    embryo->listener = listener;
    embryo->state = embryo->has_fin ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
    embryo->shutdown |= listener->shutdown;
    embryo->is_address_bound = listener->is_address_bound;
    embryo->inherited = kmem_take(sizeof(*embryo->inherited));
    option_copy(embryo->inherited, &listener->socket->socket.options);
    if (listener->accept_tail == NULL)
        listener->accept_head = embryo;
    else
        listener->accept_tail->queue_next = embryo;
    listener->accept_tail = embryo;
    listener->accept_count++;
    /* What was shut before listen() is shut for whoever connects. */
    if ((embryo->shutdown & SHUTDOWN_SEND) != 0)
        tcp_close_send(embryo);
    tcp_wake(listener, MASK_READABLE);
}

static struct tcp *take_accepted(struct tcp *listener)
{
    struct tcp *tcp = listener->accept_head;

    listener->accept_head = tcp->queue_next;
    if (listener->accept_head == NULL)
        listener->accept_tail = NULL;
    listener->accept_count--;
    tcp->queue_next = NULL;
    tcp->listener = NULL;
    return tcp;
}

int tcp_accept(struct socket *socket, struct socket **child)
{
    struct tcp *listener = tcp_of(socket);
    struct tcp_socket *accepted;
    struct tcp *tcp;

    if (listener->state != TCP_LISTEN)
        return -EINVAL;
    if (listener->accept_head == NULL)
        return -EAGAIN;
    tcp = take_accepted(listener);
    accepted = (struct tcp_socket *)socket_alloc(sizeof(*accepted), &tcp_file_ops, &tcp_socket_ops,
                                                 socket->host, socket->family, SOCK_STREAM,
                                                 socket->protocol);
    accepted->socket.options = *tcp->inherited;
    kmem_give(tcp->inherited, sizeof(*tcp->inherited));
    tcp->inherited = NULL;
    accepted->tcp = tcp;
    accepted->phase = PHASE_CONNECTED;
    tcp->socket = accepted;
    if (tcp->bind != NULL)
        tcp->bind->socket = &accepted->socket;
    if (tcp->state == TCP_CLOSE) { /* reset while it waited */
        port_bind_free(tcp->bind);
        tcp->bind = NULL;
    }
    *child = &accepted->socket;
    return 0;
}

int tcp_listen(struct socket *socket, int backlog)
{
    struct tcp_socket *self = (struct tcp_socket *)socket;
    struct tcp *tcp = self->tcp;

    if (self->phase != PHASE_UNCONNECTED)
        return -EINVAL;
    if (tcp->state != TCP_CLOSE && tcp->state != TCP_LISTEN)
        return -EINVAL;
    if (backlog < 0 || backlog > TCP_BACKLOG_MAX)
        backlog = TCP_BACKLOG_MAX;
    if (tcp->state == TCP_LISTEN) {
        tcp->backlog = (uint32_t)backlog;
        return 0;
    }
    if (tcp->bind == NULL) {
        struct endpoint local = {.ip = tcp->local.ip, .port = 0};
        int result = port_bind_new(socket->host, PORT_TCP, &local, socket, &tcp->bind);
        if (result != 0)
            return result;
        tcp->local = tcp->bind->local;
    }
    tcp->bind->is_reuseaddr = socket->options.is_reuseaddr;
    tcp->bind->is_reuseport = socket->options.is_reuseport;
    if (!port_may_listen(tcp->bind))
        return -EADDRINUSE;
    tcp->bind->is_listening = true;
    tcp->backlog = (uint32_t)backlog;
    tcp->state = TCP_LISTEN;
    return 0;
}

void tcp_listener_close(struct tcp *listener)
{
    listener->state = TCP_CLOSE;
    if (listener->bind != NULL)
        listener->bind->is_listening = false;
    while (listener->embryo_head != NULL)
        drop_embryo(listener->embryo_head);
    while (listener->accept_head != NULL) {
        struct tcp *tcp = take_accepted(listener);
        if (tcp->state != TCP_CLOSE)
            tcp_abort(tcp);
        port_bind_free(tcp->bind);
        tcp->bind = NULL;
        tcp_reap(tcp);
    }
}
