/*
 * core/mux/h1_send.h - what goes out over an HTTP/1 connection: heads, bodies, trailers.
 *
 *     [ OUT: heads, trailers ][ chunk head ][ data | data ][ chunk end ] --> conn, in one call
 *
 * Payload is sent from where it lies in the channel; a chunk is what lies there when it begins.
 *
 * Owner: the mux.  Threads: the mux's worker.
 */
#ifndef CORE_MUX_H1_SEND_H
#define CORE_MUX_H1_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/http/h1.h"
#include "core/http/h1_put.h"
#include "core/mux/buffers.h"

struct channel;
struct mux;

enum { H1_SEND_TEXT_BYTES = 24 };

/* A few bytes of framing. */
struct h1_send_text {
    char data[H1_SEND_TEXT_BYTES];
    uint8_t at;
    uint8_t len;
};

struct h1_send {
    struct mux *mux;
    struct buf out; /* storage only while there is something */
    struct buffer_wait wait;
    enum h1_framing framing;
    bool has_head;              /* the final head was written: a body follows, as `framing` says */
    bool is_last;               /* the last chunk was written */
    bool is_done;               /* everything was sent */
    bool is_broken;             /* it cannot be completed */
    uint64_t left_bytes;        /* of the length, or of the chunk */
    struct h1_send_text before; /* these: a chunk's head */
    struct h1_send_text after;  /* and its end */
};

void h1_send_init(struct h1_send *send, struct mux *mux);

/* Gives everything back. */
void h1_send_fini(struct h1_send *send);

/* For the next message. The last one is done. */
void h1_send_next(struct h1_send *send);

/* Room to write a head into. False: none now, the mux is woken when it should try again. */
MUST_CHECK bool h1_send_begin(struct h1_send *send, struct h1_out *out);

/* What was written is to be sent. False: it overflowed; nothing is. Then, if h1_send_is_flushed(),
 * there will never be room enough, else there may be later. */
MUST_CHECK bool h1_send_commit(struct h1_send *send, const struct h1_out *out);

/* The head that was written was the final one. */
void h1_send_body(struct h1_send *send, enum h1_framing framing, uint64_t length_bytes);

/* Sends what can be sent; true if anything moved. `channel` NULL: only what was written. Look at
 * is_done, is_broken, and at the conn's flags. */
bool h1_send_pump(struct h1_send *send, struct channel *channel);

/* Nothing that was written waits to be sent, and no chunk is half sent. */
bool h1_send_is_flushed(const struct h1_send *send);

/* The peer does not take what there is. */
bool h1_send_is_stuck(const struct h1_send *send);

void h1_send_check(const struct h1_send *send, bool is_quiet);

#endif
