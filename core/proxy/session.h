/*
 * core/proxy/session.h - a client connection and the requests that come over it, one after another.
 *
 *     REQUEST -> CONNECT -> RELAY -> REQUEST ...     (keep-alive)
 *        |          |         |
 *        +----------+---------+--> ANSWER            (an error of our own)
 *        |                    |      |
 *        |                    +------+--> LINGER     (we have sent our end, the client may not have
 * read it)
 *        +----------+---------+------+------+--> CLOSED
 *
 * Everything happens in the session's tasklet: sockets, timers and a stop only wake it. A turn
 * pumps both flows until neither moves, then says what it waits for. request.c moves bytes from the
 * client to the server, response.c back.
 *
 * Threads: the worker that serves it; session_kill() whoever is alone.
 */
#ifndef CORE_PROXY_SESSION_H
#define CORE_PROXY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/http/h1.h"
#include "core/proxy/flow.h"

struct conn;
struct proxy;
struct task;
struct tasklet;

/* X(name, states it may move to). */
#define SESSION_STATES(X)                                                                          \
    X(REQUEST, SESSION_BIT(CONNECT) | SESSION_BIT(ANSWER) | SESSION_BIT(CLOSED))                   \
    X(CONNECT, SESSION_BIT(RELAY) | SESSION_BIT(ANSWER) | SESSION_BIT(CLOSED))                     \
    X(RELAY,                                                                                       \
      SESSION_BIT(REQUEST) | SESSION_BIT(ANSWER) | SESSION_BIT(LINGER) | SESSION_BIT(CLOSED))      \
    X(ANSWER, SESSION_BIT(LINGER) | SESSION_BIT(CLOSED))                                           \
    X(LINGER, SESSION_BIT(CLOSED))                                                                 \
    X(CLOSED, 0)

enum session_state {
#define SESSION_ENUM(name, next) SESSION_##name,
    SESSION_STATES(SESSION_ENUM)
#undef SESSION_ENUM
};

#define SESSION_BIT(name) (1U << SESSION_##name)

enum {
    SESSION_ROUNDS_MAX = 16, /* of pumping in one turn: then others run */
    SESSION_ANSWER_BYTES = 256,
};

/* How long a client that was told everything has to close. */
#define SESSION_LINGER_NS UINT64_C(1000000000)

/* A date that wakes the session. */
struct session_timer {
    struct task *task;
    bool is_armed;
};

struct session {
    struct proxy *proxy;
    struct list link; /* in its worker's sessions */
    int worker;
    enum session_state state;
    struct tasklet *tasklet;
    struct session_timer client_timer;
    struct session_timer server_timer;

    struct conn *client;
    struct conn *server; /* NULL unless CONNECT or RELAY */
    struct flow up;      /* client to server */
    struct flow down;    /* server to client */
    struct h1_head request;
    struct h1_head response;
    uint32_t requests_count; /* complete heads so far */

    bool is_request_begun;    /* its first byte has come: the request time-out runs */
    bool is_response_begun;   /* a final head was written: no answer of our own is possible */
    bool is_keepalive;        /* the client was told that another request may follow */
    bool has_client_progress; /* in this turn */
    bool has_server_progress;

    struct buf answer;
    char answer_text[SESSION_ANSWER_BYTES];
};

const char *session_state_name(enum session_state state);

/* Serves an accepted connection on the calling worker. Anything but 0: the connection is still the
 * caller's. */
MUST_CHECK int session_start(struct proxy *proxy, struct conn *client);

/* Lets it look around: the instance stops. */
void session_wake(struct session *session);

/* Ends it at once. Who is alone. */
void session_kill(struct session *session);

/* For request.c and response.c: the next state, checked. */
void session_move(struct session *session, enum session_state to);

/* Sends an answer of our own and closes; aborts if a response has begun. */
void session_answer(struct session *session, unsigned status);

/* Breaks both connections: the client must not take what it got for complete. */
void session_abort(struct session *session);

/* The server connection is not needed any more. */
void session_drop_server(struct session *session, bool is_reset);

/* The client was sent everything: closes, but not before it can have read it. */
void session_finish(struct session *session);

/* Aborts on a broken invariant. From outside any worker, between steps. */
void session_check(const struct session *session, bool is_quiet);

#endif
