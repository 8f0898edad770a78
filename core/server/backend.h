/*
 * core/server/backend.h - a group of equal servers: which one gets a request, and who waits.
 *
 * Requests that find every server full wait in one queue, oldest first. A slot given back while
 * somebody waits goes to the first in the queue. Neither side may miss the other: who queues looks
 * for a slot once more after it is visible in the queue, and who gives a slot back looks at the
 * queue after the slot is free; so at least one of them sees both (the lost wake-up of HAProxy's
 * 5541d4995).
 *
 * Lock order: backend.lock, then nothing.
 *
 * Threads: any worker, unless said otherwise.
 */
#ifndef CORE_SERVER_BACKEND_H
#define CORE_SERVER_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/base/lock.h"
#include "core/server/server.h"

struct tasklet;

enum { BACKEND_SERVERS_MAX = 16 };

enum backend_balance { BACKEND_ROUNDROBIN, BACKEND_LEASTCONN };

struct backend_options {
    const char *name; /* lives as long as the backend */
    enum backend_balance balance;
    uint32_t queue_max; /* waiting at once; 0: nobody may wait */
};

struct backend {
    struct idle_set *set;
    struct backend_options options;
    uint32_t servers_count;
    struct server servers[BACKEND_SERVERS_MAX];
    _Atomic uint32_t turn;

    struct lock lock;  /* "backend.lock": the queue */
    struct list queue; /* struct backend_ticket */
    _Atomic uint32_t queue_count;
};

/* A request's wish for a slot; inside the exchange. All zero: has none, wants none. */
struct backend_ticket {
    struct list link;                /* guard: backend.lock */
    struct backend *backend;         /* NULL: not queued, and never was */
    struct tasklet *tasklet;         /* woken when `server` was set; bound to its owner's worker */
    _Atomic(struct server *) server; /* whose slot it has; set by whoever gives it */
    bool is_queued;                  /* guard: backend.lock */
    uint32_t tried;                  /* bit per server that failed this request: last choice */
};

MUST_CHECK int backend_init(struct backend *backend, struct idle_set *set,
                            const struct backend_options *options);
/* Servers are gone or quiet; nobody is queued. */
void backend_fini(struct backend *backend);

/* Before the instance runs. -ERR_FULL. */
MUST_CHECK int backend_add_server(struct backend *backend, const struct server_options *options);

enum backend_result {
    BACKEND_GOT,    /* ticket->server is set */
    BACKEND_QUEUED, /* the tasklet is woken when it is */
    BACKEND_FULL,   /* the queue is: 503 */
    BACKEND_NONE,   /* no server is usable: 503 */
};

/* Wants a slot of the best server, avoiding those in `tried` while there are others. The ticket
 * must have none and not be queued. */
MUST_CHECK enum backend_result backend_want(struct backend *backend, struct backend_ticket *ticket,
                                            struct tasklet *tasklet);

/* Wants one of `server` whatever the balance says (its private connection is there), if it is
 * usable and has one: false otherwise. */
MUST_CHECK bool backend_want_server(struct server *server, struct backend_ticket *ticket);

/* Gives the slot back, or leaves the queue; the next in the queue gets it. Its owner's worker, or
 * who is alone. After it nobody touches the ticket or its tasklet any more. */
void backend_done(struct backend_ticket *ticket);

void backend_check(const struct backend *backend, bool is_quiet);

#endif
