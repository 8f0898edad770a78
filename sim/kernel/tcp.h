/*
 * sim/kernel/tcp.h - TCP connections: two ends, each with its state, and a wire in each direction.
 *
 * The model is of segments, not of sequence numbers: what leaves one end arrives at the other in
 * order, late or very late, until somebody resets. Handshake, windows, half-close, resets, backlog
 * and who is woken by what follow Linux; the differential test holds it to that.
 *
 *                     connect                        listen
 *        CLOSE ----------------> SYN_SENT     CLOSE --------> LISTEN
 *                                    | SYNACK                    | SYN
 *                                    v                           v
 *        CLOSE_WAIT <-- FIN -- ESTABLISHED <--- ACK (room) -- SYN_RECV (a new end)
 *            | shut send             | shut send
 *            v                       v
 *        LAST_ACK                FIN_WAIT1 -- acked --> FIN_WAIT2
 *            | acked                 | FIN                 | FIN
 *            v                       v                     v
 *        CLOSE                   CLOSING -- acked --> CLOSE (the port lingers in TIME_WAIT)
 *
 *        A reset, or time running out, leads from anywhere to CLOSE with an error.
 *
 * tcp.c has the segments and the states, tcp_listen.c the handshake, tcp_io.c what a socket does.
 *
 * Owner: the run's arena. Both ends are given back together, once no fd, no queue and no segment
 * refers to either.  Threads: none.
 */
#ifndef SIM_KERNEL_TCP_H
#define SIM_KERNEL_TCP_H

#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/link.h"
#include "sim/kernel/port.h"
#include "sim/kernel/socket.h"

enum {
    TCP_SEGMENT_BYTES_MAX = 16384,
    TCP_BACKLOG_MAX = 4096, /* net.core.somaxconn */
    TCP_SYN_RETRIES = 6,    /* net.ipv4.tcp_syn_retries: 127 s in all */
    TCP_SYNACK_RETRIES = 5, /* net.ipv4.tcp_synack_retries */
};
#define TCP_RETRY_NS UINT64_C(1000000000)         /* first retry of a handshake; doubles */
#define TCP_GIVE_UP_NS UINT64_C(924600000000)     /* net.ipv4.tcp_retries2 = 15 */
#define TCP_GIVE_UP_SYN_NS UINT64_C(127000000000) /* 1 + 2 + ... + 64 s */

/* X(enumerator) */
#define TCP_SEGMENTS(X) X(SYN) X(SYNACK) X(ACK) X(DATA) X(FIN) X(RST)

enum tcp_segment {
#define X(name) TCP_SEGMENT_##name,
    TCP_SEGMENTS(X)
#undef X
};

struct tcp_queue {
    struct stream_segment *head;
    struct stream_segment *tail;
    uint32_t bytes;
};

struct tcp {
    struct tcp_socket *socket; /* NULL: not accepted yet, or closed by its owner */
    struct host *host;
    struct tcp *peer;     /* NULL: before a SYN was answered */
    struct tcp *listener; /* in its handshake or its accept queue; else NULL */
    struct port_bind *bind;
    struct socket_options *inherited; /* of its listener, until it is accepted */
    struct endpoint local;
    struct endpoint remote;
    int state; /* TCP_ESTABLISHED ... of netinet/tcp.h */
    int error; /* SO_ERROR: positive errno */
    uint8_t shutdown;
    bool has_fin;   /* the other end's FIN came (Linux SOCK_DONE) */
    bool wants_fin; /* ours goes when all is sent */
    bool is_fin_sent;
    bool is_fin_acked;
    bool wants_space;      /* somebody was told there is no room (Linux SOCK_NOSPACE) */
    bool is_ack_in_flight; /* towards the other end */
    bool is_retrying;      /* `retry` is for the handshake, not for giving up */
    bool is_deferred;      /* TCP_DEFER_ACCEPT holds it back until data comes */
    bool is_refusing;      /* was dropped without a word: whatever comes is reset */
    bool is_user_bound;    /* to a port, which it keeps when the connection is over */
    bool is_address_bound;
    uint32_t retries;
    uint64_t began_ns; /* of the handshake */

    struct stream_wire wire; /* to the other end */
    struct tcp_queue out;    /* not sent for want of window */
    uint32_t in_flight_bytes;
    struct tcp_queue in; /* received, not read */
    uint32_t sndbuf_bytes;
    uint32_t rcvbuf_bytes;
    struct timer retry;

    /* A listener's: handshakes going on, and ends ready to be accepted. */
    uint32_t backlog;
    uint32_t embryo_count;
    uint32_t accept_count;
    struct tcp *embryo_head;
    struct tcp *accept_head;
    struct tcp *accept_tail;
    struct tcp *queue_next;  /* in either list of its listener */
    struct tcp **queue_prev; /* in the list of handshakes only */
};

/* The BSD socket's own idea of whether it is connected. */
enum socket_phase { PHASE_UNCONNECTED, PHASE_CONNECTING, PHASE_CONNECTED, PHASE_BROKEN };

struct tcp_socket {
    struct socket socket;
    struct tcp *tcp;
    enum socket_phase phase;
};

struct socket *tcp_socket_new(struct host *host, int family, int type, int protocol);
struct tcp *tcp_of(const struct socket *socket);
bool tcp_is_data(const struct stream_segment *segment);
const char *tcp_state_word(int state);

/* ---- tcp.c: ends, segments, states ---- */

struct tcp *tcp_new(struct host *host);
/* Where `ip` lives, seen from `host`; NULL when nowhere. */
struct host *tcp_route(struct host *host, const struct ip *ip);
void tcp_wire_begin(struct tcp *tcp, struct host *to);
void tcp_send_control(struct tcp *tcp, enum tcp_segment type);
/* Sends what the window allows, then the FIN if one is wanted. */
void tcp_push(struct tcp *tcp);
/* Tells the other end of room or of what arrived. */
void tcp_send_ack(struct tcp *tcp);
/* Drops what is queued and resets the other end. */
void tcp_abort(struct tcp *tcp);
/* The end is over: CLOSE, with `error` or 0, everybody told. */
void tcp_done(struct tcp *tcp, int error);
/* Its owner has gone, or its listener: frees it when nothing refers to it any more. */
void tcp_reap(struct tcp *tcp);
void tcp_wake(struct tcp *tcp, uint32_t mask);
void tcp_queue_add(struct tcp_queue *queue, struct stream_segment *segment);
void tcp_queue_clear(struct tcp_queue *queue);
uint32_t tcp_room_bytes(const struct tcp *tcp); /* for more to send */
bool tcp_is_writable(const struct tcp *tcp);
bool tcp_is_readable(const struct tcp *tcp);
/* Sends a FIN after what is queued and moves to the state that follows. */
void tcp_close_send(struct tcp *tcp);

/* ---- tcp_listen.c: handshakes ---- */

int tcp_listen(struct socket *socket, int backlog);
int tcp_accept(struct socket *socket, struct socket **child);
/* A SYN of `client` arrives where it was sent. */
void tcp_receive_syn(struct tcp *client);
/* An ACK, or data, arrives at an end that is in SYN_RECV. */
void tcp_complete(struct tcp *embryo, bool has_data);
/* Takes the end out of its listener's lists. */
void tcp_leave_listener(struct tcp *tcp);
void tcp_listener_close(struct tcp *listener);
/* What TCP_DEFER_ACCEPT makes of a number of seconds: 1, 3, 7, 15... */
uint32_t tcp_defer_seconds(uint32_t seconds);
void tcp_retry_at(struct tcp *tcp, uint64_t due_ns, void (*fire)(struct timer *));

/* ---- tcp_io.c: what a socket does ---- */

extern const struct socket_ops tcp_socket_ops;
extern const struct file_ops tcp_file_ops;
bool tcp_has_port(const struct socket *socket);
void tcp_fill_info(struct socket *socket, struct tcp_info *info);
int tcp_connect(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes);
int tcp_bind(struct socket *socket, const struct sockaddr *addr, socklen_t len_bytes);
int tcp_shutdown(struct socket *socket, int how);
void tcp_release(struct file *file);

#endif
