/*
 * sim/actor/peer.h - one end of a TCP connection, held by an actor.
 *
 * Non-blocking all the way: what is given to send waits here until the kernel takes it, what
 * arrives is gathered here until the actor consumes it. Every change calls the owner once, on its
 * lane.
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
    bool is_close_wanted;
    int error; /* errno, positive */

    /* Received and not consumed: in[in_begin..in_end). */
    uint8_t *in;
    size_t in_begin;
    size_t in_end;
    size_t in_capacity;

    /* private */
    struct lane_watch watch;
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

bool peer_is_open(const struct peer *peer);

/* Queue what is to be sent; `bytes` is copied. */
void peer_send(struct peer *peer, const void *bytes, size_t len_bytes);
/* `len_bytes` of the body `key` (sim/actor/body.h), in chunks when `is_chunked`, last chunk
 * included. */
void peer_send_body(struct peer *peer, uint32_t key, uint64_t len_bytes, bool is_chunked);
bool peer_has_unsent(const struct peer *peer);

/* Sends what is queued, then half-closes, or closes. */
void peer_shutdown(struct peer *peer);
void peer_close(struct peer *peer);
/* Closes with a reset, at once. */
void peer_reset(struct peer *peer);

/* While paused nothing is read, so the other end meets back-pressure. */
void peer_pause(struct peer *peer, bool is_paused);

const uint8_t *peer_bytes(const struct peer *peer, size_t *len_bytes);
void peer_consume(struct peer *peer, size_t len_bytes);

#endif
