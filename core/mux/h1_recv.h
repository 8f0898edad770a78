/*
 * core/mux/h1_recv.h - what comes in over an HTTP/1 connection: heads, bodies, trailers.
 *
 *     conn --> [ IN: head | chunk framing | payload ] --> channel
 *          \-------------- payload, while IN is empty -->/
 *
 * A head is parsed where it lies. Payload is received straight into the channel when nothing lies
 * before it. There is storage only while something is in it. Nothing is read that there is no room
 * for: that is the back-pressure.
 *
 * A receive that took less than there was room for has emptied the socket: the conn is asked to
 * tell of more at once, and until it does nobody tries again.
 *
 * Owner: the mux.  Threads: the mux's worker.
 */
#ifndef CORE_MUX_H1_RECV_H
#define CORE_MUX_H1_RECV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/http/h1.h"
#include "core/http/h1_body.h"
#include "core/mux/buffers.h"

struct channel;
struct http_head;
struct mux;

struct h1_recv {
    struct mux *mux;
    enum buffer_kind kind;
    struct buf in; /* received and not passed on; storage only while there is something */
    struct buffer_wait wait;
    struct h1_head head;
    struct h1_body body;
    bool has_head;      /* `body` is valid */
    size_t trailer_len; /* of `in`: seen by `body`, and kept until the section is whole */
};

void h1_recv_init(struct h1_recv *recv, struct mux *mux, enum buffer_kind kind);

/* Gives everything back. */
void h1_recv_fini(struct h1_recv *recv);

/* Gets ready for a head; what was received beyond the last message stays. */
void h1_recv_next_request(struct h1_recv *recv);
void h1_recv_next_response(struct h1_recv *recv, bool is_to_head);

/* Receives what there is room for; true if something came or the state of the conn changed. */
bool h1_recv_fill(struct h1_recv *recv);

/* Parses what was received. After H1_DONE: h1_recv_take_head(). */
enum h1_progress h1_recv_parse(struct h1_recv *recv);

/* The parsed head, converted into `to`, is dropped from what was received; the body follows. On an
 * error nothing changes. */
MUST_CHECK enum h1_error h1_recv_take_head(struct h1_recv *recv, struct http_head *to);

/*
 * Receives and passes on what can be of the body, and its end; true if anything moved. recv->body
 * tells how it stands: done, or broken (error). The channel has got the head.
 */
bool h1_recv_body(struct h1_recv *recv, struct channel *channel);

/* Receives and throws away; true if something came. */
bool h1_recv_drop(struct h1_recv *recv);

/* Bytes received and not used. */
static inline size_t h1_recv_len(const struct h1_recv *recv)
{
    return buf_len(&recv->in);
}

static inline bool h1_recv_is_done(const struct h1_recv *recv)
{
    return recv->has_head && h1_body_is_done(&recv->body);
}

void h1_recv_check(const struct h1_recv *recv, bool is_quiet);

#endif
