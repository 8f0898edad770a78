/*
 * sim/actor/peer.h - one end of a TCP connection, held by an actor.
 *
 * Non-blocking all the way: what is given to send waits here until the kernel takes it, what
 * arrives is gathered here until the actor consumes it. Every change calls the owner once, on its
 * lane.
 *
 * With TLS (peer_start_tls()) what is sent and received goes in records; its owner sees no
 * difference. A peer can have moods: it sends in tiny pieces, holds back the rest for a while, or
 * reads little at a time.
 *
 * Owner: an actor; lives in the run's arena.  Threads: none; on the actor's lane.
 */
#ifndef SIM_ACTOR_PEER_H
#define SIM_ACTOR_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/kernel/kernel.h"

struct peer_item;
struct tls_end;

struct peer {
    struct process *process;
    struct vthread *lane;
    void (*changed)(struct peer *peer);
    void *context;

    int fd; /* -1: none */
    bool is_connecting;
    bool is_connected;
    bool is_eof;   /* the other end is done sending */
    bool is_reset; /* the connection broke; `error` says how */
    bool is_paused;
    bool is_shutdown_wanted; /* once everything is sent */
    bool is_shutdown;        /* it is done: nothing more can be sent */
    bool is_close_wanted;
    int error; /* errno, positive */

    /* Received and not consumed: in[in_begin..in_end). */
    uint8_t *in;
    size_t in_begin;
    size_t in_end;
    size_t in_capacity;

    struct tls_end *tls; /* NULL: in clear */

    /* private */
    struct lane_watch watch;
    const char *who; /* for messages, with TLS */
    uint8_t *wire;   /* TLS records made and not taken: wire[wire_begin..wire_end) */
    size_t wire_begin;
    size_t wire_end;
    bool is_close_notified;
    uint32_t short_bytes;    /* sends so many at once, 0: as many as there is room for */
    uint32_t short_left;     /* how often yet */
    uint64_t hold_bytes;     /* these are still sent, then nothing for hold_ns */
    uint64_t hold_ns;        /* 0: no */
    struct timer send_timer; /* armed: nothing is sent */
    uint32_t slow_bytes;     /* reads so many at once, 0: all */
    uint64_t slow_ns;        /* and then nothing for so long */
    struct timer read_timer; /* armed: nothing is read */
    struct peer_item *out_head;
    struct peer_item *out_tail;
};

/* All of `peer` is overwritten. */
void peer_init(struct peer *peer, struct process *process, struct vthread *lane,
               void (*changed)(struct peer *peer), void *context);

/* Begins to connect. 0, or -errno when it failed at once (the peer is reset then). */
int peer_connect(struct peer *peer, const struct sockaddr *addr, socklen_t len_bytes);
/* Takes over an accepted descriptor. */
void peer_adopt(struct peer *peer, int fd);

/* TLS from the first byte on; before anything is sent. `wanted` is the protocol ("h2", "http/1.1"
 * or
 * ""), `who` is for messages: an other end that breaks the rules is a finding. */
void peer_start_tls(struct peer *peer, bool is_server, const char *wanted, const char *who);
/* TLS, a server's: makes the connection readable, although nothing is said. */
void peer_send_ticket(struct peer *peer);

bool peer_is_open(const struct peer *peer);

/* Queue what is to be sent; `bytes` is copied. */
void peer_send(struct peer *peer, const void *bytes, size_t len_bytes);
/* `len_bytes` of the body `key` (sim/actor/body.h), in chunks when `is_chunked`, last chunk
 * included. */
void peer_send_body(struct peer *peer, uint32_t key, uint64_t len_bytes, bool is_chunked);
/* Bytes offset.. of it. */
void peer_send_stretch(struct peer *peer, uint32_t key, uint64_t offset, uint64_t len_bytes);
bool peer_has_unsent(const struct peer *peer);

/* Sends what is queued, then half-closes, or closes. */
void peer_shutdown(struct peer *peer);
void peer_close(struct peer *peer);
/* Closes with a reset, at once. */
void peer_reset(struct peer *peer);

/* While paused nothing is read, so the other end meets back-pressure. */
void peer_pause(struct peer *peer, bool is_paused);

/* The next `times` sends move `bytes` (> 0) each, with time between them. */
void peer_set_short(struct peer *peer, uint32_t bytes, uint32_t times);
/* Once `bytes` more are sent the rest is held back for `ns`. */
void peer_set_hold(struct peer *peer, uint64_t bytes, uint64_t ns);
/* From now on reads `bytes` (> 0) at a time, every `ns`; and the kernel takes few meanwhile. */
void peer_set_slow(struct peer *peer, uint32_t bytes, uint64_t ns);

const uint8_t *peer_bytes(const struct peer *peer, size_t *len_bytes);
void peer_consume(struct peer *peer, size_t len_bytes);

#endif
