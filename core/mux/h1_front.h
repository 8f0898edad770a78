/*
 * core/mux/h1_front.h - HTTP/1 towards a client.
 *
 *     HEAD --whole--> BUSY --answered, kept--> HEAD ...
 *      |                |
 *      +-- malformed ---+--> ANSWER --> LINGER (we have sent our end, the client may not have read
 *      |                |                 |     it)
 *      +----------------+-----------------+--> CLOSED
 *
 * One request at a time: the next one of a pipeline is begun when the exchange has let go of the
 * one before. An answer of its own is all it sends by itself, and the connection ends after it.
 *
 * Owner: the host, until host->end().  Threads: the mux's worker.
 */
#ifndef CORE_MUX_H1_FRONT_H
#define CORE_MUX_H1_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/mux/h1_recv.h"
#include "core/mux/h1_send.h"
#include "core/mux/mux.h"

/* X(name, states it may move to). */
#define H1_FRONT_STATES(X)                                                                         \
    X(HEAD, H1_FRONT_BIT(BUSY) | H1_FRONT_BIT(ANSWER) | H1_FRONT_BIT(CLOSED))                      \
    X(BUSY,                                                                                        \
      H1_FRONT_BIT(HEAD) | H1_FRONT_BIT(ANSWER) | H1_FRONT_BIT(LINGER) | H1_FRONT_BIT(CLOSED))     \
    X(ANSWER, H1_FRONT_BIT(LINGER) | H1_FRONT_BIT(CLOSED))                                         \
    X(LINGER, H1_FRONT_BIT(CLOSED))                                                                \
    X(CLOSED, 0)

enum h1_front_state {
#define H1_FRONT_ENUM(name, next) H1_FRONT_##name,
    H1_FRONT_STATES(H1_FRONT_ENUM)
#undef H1_FRONT_ENUM
};

#define H1_FRONT_BIT(name) (1U << H1_FRONT_##name)

/* What the date of mux.task stands for. */
enum h1_front_wait {
    H1_FRONT_WAIT_NOTHING,
    H1_FRONT_WAIT_REQUEST, /* the rest of a head; also the first one of a connection */
    H1_FRONT_WAIT_IDLE,    /* the next request */
    H1_FRONT_WAIT_SEND,    /* the client takes nothing */
    H1_FRONT_WAIT_LINGER,  /* the client should close */
};

struct h1_front {
    struct mux mux; /* first */
    enum h1_front_state state;
    enum h1_front_wait wait;
    struct stream *stream; /* of the request under way; NULL once either side has let go */
    struct h1_recv recv;
    struct h1_send send;
    uint32_t requests_count; /* complete heads so far */
    uint16_t answer_status;  /* to be written; 0 when it was */
    bool is_kept;            /* the client was told that another request may follow */
    bool has_progress;       /* the client took something in this turn */
};

const char *h1_front_state_name(enum h1_front_state state);

#endif
