/*
 * core/proxy/exchange.h - one request and its answer.
 *
 *     front mux <- front stream - [ up | down ] - back stream -> back mux
 *
 *     ROUTE -> QUEUE -> CONNECT -> RELAY -> LAST -> DONE
 *       |        |  ^--------------- |       ^       ^
 *       +--------+------> ANSWER <---+       |       |     (an answer of our own)
 *                            +---------------+       |
 *       +------ from any: one side is gone ----------+
 *
 * It moves no payload: the muxes do that, over the channels. It finds a backend by the path, wants
 * a slot of a server, gets a connection (core/proxy/connect.c), watches both ends and the time, and
 * sends the request elsewhere when a server has done nothing with it. The slot is given back when
 * the response has come whole, whatever the client has read of it.
 *
 * Everything happens in its tasklet: channels, streams, its ticket and its date only wake it.
 *
 * Threads: its session's worker; exchange_kill() who acts as that.
 */
#ifndef CORE_PROXY_EXCHANGE_H
#define CORE_PROXY_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/mux/mux.h"
#include "core/server/backend.h"

struct http_head;
struct proxy;
struct session;
struct task;
struct tasklet;

/* X(name, states it may move to). */
#define EXCHANGE_STATES(X)                                                                         \
    X(ROUTE,                                                                                       \
      EXCHANGE_BIT(QUEUE) | EXCHANGE_BIT(CONNECT) | EXCHANGE_BIT(ANSWER) | EXCHANGE_BIT(DONE))     \
    X(QUEUE, EXCHANGE_BIT(CONNECT) | EXCHANGE_BIT(ANSWER) | EXCHANGE_BIT(DONE))                    \
    X(CONNECT,                                                                                     \
      EXCHANGE_BIT(RELAY) | EXCHANGE_BIT(ROUTE) | EXCHANGE_BIT(ANSWER) | EXCHANGE_BIT(DONE))       \
    X(RELAY, EXCHANGE_BIT(CONNECT) | EXCHANGE_BIT(ROUTE) | EXCHANGE_BIT(ANSWER) |                  \
                 EXCHANGE_BIT(LAST) | EXCHANGE_BIT(DONE))                                          \
    X(ANSWER, EXCHANGE_BIT(LAST) | EXCHANGE_BIT(DONE))                                             \
    X(LAST, EXCHANGE_BIT(DONE))                                                                    \
    X(DONE, 0)

enum exchange_state {
#define EXCHANGE_ENUM(name, next) EXCHANGE_##name,
    EXCHANGE_STATES(EXCHANGE_ENUM)
#undef EXCHANGE_ENUM
};

#define EXCHANGE_BIT(name) (1U << EXCHANGE_##name)

enum { EXCHANGE_TRIES_MAX = 3 };

/* What an answer of our own says: an error, or what the control listener was asked for. */
struct answer {
    unsigned status;     /* 0: none is under way */
    bool is_list;        /* the state of all servers, line by line */
    unsigned line;       /* next one */
    struct list removal; /* waits in its worker's list for a removal */
    struct server *server;
};

struct exchange {
    struct proxy *proxy;
    struct session *session; /* outlives it */
    struct list link;        /* in session->exchanges */
    enum exchange_state state;
    struct tasklet *tasklet;
    struct task *task;       /* its next date */
    uint64_t armed_ns;       /* that the task is filed under, or TIME_NEVER */
    uint64_t entered_ns;     /* when it came into this state */
    struct stream front;     /* at the client's mux; mux NULL once that has let go */
    struct stream back;      /* at a server's; mux NULL unless RELAY */
    struct channel up;       /* request: front writes, back reads */
    struct channel down;     /* response: back writes, or we do; front reads */
    struct backend *backend; /* NULL before ROUTE, and for the control listener */
    uint32_t backend_index;  /* in the configuration */
    struct backend_ticket ticket;
    struct http_head *kept; /* the request's head while it may be sent again, or NULL */
    unsigned tries;         /* streams that were attached for it */
    unsigned status;        /* of the server's final response; 0: none yet */
    bool was_queued;        /* it has waited for a slot */
    bool is_first;          /* request of its client connection */
    bool is_head;           /* the method is HEAD: an answer has no body */
    bool has_reused;        /* the last try went over a connection that was there before */
    bool has_failed_reuse;  /* such a one has failed: the next try makes its own */
    struct answer answer;
};

const char *exchange_state_name(enum exchange_state state);

/* Begins one for a request that has come over the session's front mux. The head is the exchange's
 * then. NULL: no memory, and the head is still the caller's. */
MUST_CHECK struct stream *exchange_begin(struct session *session, struct http_head *head);

/* For connect.c, answer.c and control.c: the next state, checked. */
void exchange_move(struct exchange *exchange, enum exchange_state to);

/* The end of the stream at the server, if there is one; and of the right to one. */
void exchange_drop_back(struct exchange *exchange);

/* The session is over: the exchange ends soon. */
void exchange_wake(struct exchange *exchange);

/* Ends it at once. The caller is alone, and acts as its worker. */
void exchange_kill(struct exchange *exchange);

/* Aborts on a broken invariant. From outside any worker, when all of them are at rest. */
void exchange_check(const struct exchange *exchange);

#endif
