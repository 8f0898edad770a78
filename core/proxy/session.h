/*
 * core/proxy/session.h - a client connection, its mux, and the exchanges that run over it.
 *
 *     accepted -> [choice: TLS handshake, preface] -> front mux -> over -> freed
 *
 * Where the listener leaves no doubt about the protocol the mux is made at once. Otherwise the
 * session itself waits, with a tasklet and a date, until it knows which one to make. The mux then
 * owns the connection and calls back: session_begin() for each request, session_end() when it is
 * through. Exchanges that are still there then end by themselves; the session is freed after the
 * last one, and is a job of the instance until then.
 *
 * Threads: the worker that serves it; session_kill() who is alone and acts as that.
 */
#ifndef CORE_PROXY_SESSION_H
#define CORE_PROXY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/mux/mux.h"
#include "core/net/addr.h"
#include "core/server/idle.h"

struct conn;
struct http_head;
struct proxy;
struct server;
struct task;
struct tasklet;

/* Until the protocol is known. */
struct session_choice {
    struct tasklet *tasklet; /* NULL: it is known */
    struct task *task;       /* bounds it */
    struct buf first;        /* what came in the clear (BUFFER_UP_IN) */
    struct buffer_wait wait;
};

struct session {
    struct proxy *proxy;
    struct list link; /* in its worker's sessions */
    int worker;
    uint32_t listen_index;        /* in the configuration */
    struct conn *conn;            /* NULL once over */
    char client[ADDR_TEXT_BYTES]; /* its peer, for applications that ask who it is */
    struct mux *front;            /* NULL before the choice, and once over */
    struct session_choice choice;
    struct list exchanges;
    unsigned exchanges_count;
    uint32_t requests_count;       /* begun so far */
    struct idle_session idle;      /* its private connections to servers */
    struct server *private_server; /* where the last of them leads; NULL: there was none */
    bool is_over;
};

/* Serves an accepted connection on the calling worker. Anything but 0: the connection is still the
 * caller's. */
MUST_CHECK int session_start(struct proxy *proxy, struct conn *conn);

/* For mux_host. */
struct stream *session_begin(struct mux *front, struct http_head *head);
void session_end(struct mux *front);

/* One of its exchanges has been freed. It may be freed here. */
void session_exchange_ended(struct session *session);

/* The instance stops softly: what was begun is finished. */
void session_stop(struct session *session);

/* Ends it and its exchanges at once. */
void session_kill(struct session *session);

/* Aborts on a broken invariant. From outside any worker, when all of them are at rest. */
void session_check(const struct session *session);

#endif
