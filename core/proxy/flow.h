/*
 * core/proxy/flow.h - one direction of a session: bytes from a source connection to a sink.
 *
 * Received bytes wait in a ring of buffer-size bytes. A head is parsed where it lies, written anew
 * into a second buffer that is sent first, and dropped from the ring; a body is sent from the ring
 * as it is, as far as its framing has been checked (`pass_bytes`). Nothing is read while the ring
 * is full: that is the back-pressure.
 *
 *     recv -> [ passed | not looked at yet | room ]          head: [ rewritten head ] -> sent first
 *
 * Threads: the session's worker.
 */
#ifndef CORE_PROXY_FLOW_H
#define CORE_PROXY_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/base/pool.h"
#include "core/http/h1_body.h"
#include "core/http/h1_put.h"

struct conn;

struct flow {
    struct pool *pool; /* of buffers, pool->size_bytes long */
    struct buf in;     /* received and not sent; size 0 while there is no storage */
    struct buf head;   /* rewritten head, to be sent before `in`; size 0 when empty */
    size_t pass_bytes; /* of `in`: checked, free to be sent */
    struct h1_body body;
    bool has_body;        /* `body` is valid: the head was taken */
    bool is_payload_only; /* chunk framing is dropped */
    bool is_sink_gone;    /* what passes is thrown away */
};

void flow_init(struct flow *flow, struct pool *pool);
void flow_fini(struct flow *flow);

/* Storage to receive into. False: no memory. */
MUST_CHECK bool flow_open(struct flow *flow);

/* For the next message: keeps what was received beyond this one. */
void flow_next(struct flow *flow);

/* The bytes received, from the first, in one piece. */
struct buf_span flow_text(struct flow *flow);

/* Begins writing a head: `out` gets the room of a fresh buffer. False: no memory. */
MUST_CHECK bool flow_begin_head(struct flow *flow, struct h1_out *out);

/* What was written is to be sent. */
void flow_end_head(struct flow *flow, const struct h1_out *out);

/* Drops the parsed head from what was received; the body follows. */
void flow_begin_body(struct flow *flow, const struct h1_head *head, bool is_payload_only);

/* Checks the framing of what was received; true if there is more to send than before. */
bool flow_check_body(struct flow *flow);

/* Receives from `from` if there is room; true if something came or the state of `from` changed. */
bool flow_recv(struct flow *flow, struct conn *from);

/* Sends to `to` what may be sent; true if something went or the state of `to` changed. */
bool flow_send(struct flow *flow, struct conn *to);

/* Throws away what may be sent. */
bool flow_drop(struct flow *flow);

/* Nothing is left that may be sent now. */
bool flow_is_flushed(const struct flow *flow);

/* The message is complete and all of it has been sent. */
bool flow_is_done(const struct flow *flow);

void flow_check(const struct flow *flow);

#endif
