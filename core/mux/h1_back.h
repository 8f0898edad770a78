/*
 * core/mux/h1_back.h - HTTP/1.1 towards a server.
 *
 * One request at a time. Idle, it holds nothing but the connection; whatever the server says then
 * is not an answer to anything (RFC 9112 9.2), and ends it.
 *
 * Owner: mux.c and the server's idle lists.  Threads: the mux's worker.
 */
#ifndef CORE_MUX_H1_BACK_H
#define CORE_MUX_H1_BACK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/mux/h1_recv.h"
#include "core/mux/h1_send.h"
#include "core/mux/mux.h"

/* What the date of mux.task stands for. While it is idle the date is mux_idle()'s. */
enum h1_back_wait {
    H1_BACK_WAIT_NOTHING,
    H1_BACK_WAIT_CONNECT,
    H1_BACK_WAIT_SEND, /* the server takes nothing */
};

struct h1_back {
    struct mux mux; /* first */
    enum h1_back_wait wait;
    struct stream *stream; /* of the request under way */
    struct h1_recv recv;
    struct h1_send send;
    uint32_t requests_count; /* attached so far */
    bool is_made;            /* the connection is */
    bool has_answer;         /* a byte of the response has come */
    bool is_idempotent;      /* the request: it may be sent again even if the server has seen it */
    bool is_seen;            /* the server may have: a byte of it has gone */
    bool is_promised;        /* we did not announce that we close */
    bool has_progress;       /* the server took something in this turn */
};

#endif
