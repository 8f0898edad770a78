/*
 * core/server/backend.h - a group of equal servers: which one gets a request, and who waits.
 *
 * Requests that find every server full wait in one queue, oldest first; a new one does not overtake
 * them. Neither side may miss the other: who queues looks for a slot once more after it can be seen
 * in the queue, and who gives a slot back, or makes a server usable, looks at the queue afterwards;
 * so at least one of them sees both.
 *
 * Who hands over a slot takes the ticket out of the queue, sets its server and wakes its owner, all
 * under the lock; who withdraws takes the lock. So a ticket, and its tasklet, may be freed after
 * backend_done() whatever others were about to do with it.
 *
 * When no server is usable, new requests are turned away; those that wait already stay for their
 * time-out. A server that is DOWN comes back by the backend's own task, so that they are served
 * then even if nobody else comes.
 *
 * Lock order: backend.lock, then server.lock.
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

struct task;
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
    _Atomic uint32_t turn; /* round robin */

    struct lock lock;             /* "backend.lock": the queue */
    struct list queue;            /* struct backend_ticket, oldest first; guard: lock */
    _Atomic uint32_t queue_count; /* stored under the lock */
    /* Where a slot was last given back while somebody waited: asked before all are. A hint, but
     * never one that is GONE. */
    _Atomic(struct server *) ready;
    struct task
        *probe_task; /* free; its date is when the next server has been DOWN for long enough */

    /* Statistics, relaxed. */
    _Atomic uint32_t queued_total;
    _Atomic uint32_t withdrawn_total; /* left the queue unserved */
    _Atomic uint32_t refused_total;   /* the queue was full */
    _Atomic uint32_t none_total;      /* no server was usable */

    struct server servers[BACKEND_SERVERS_MAX]; /* the first servers_count are made */
};

/* A request's wish for a slot; inside the exchange. All zero: has none, wants none. */
struct backend_ticket {
    struct list link;                /* guard: backend.lock */
    struct backend *backend;         /* NULL: not queued, and was not since it had none */
    struct tasklet *tasklet;         /* woken when `server` was set; bound to its owner's worker */
    _Atomic(struct server *) server; /* whose slot it has; set by whoever gives it */
    bool is_queued;                  /* guard: backend.lock */
    uint32_t tried;                  /* bit per server that failed this request: last choice */
};

/* -ERR_MEMORY. The instance does not run yet. */
MUST_CHECK int backend_init(struct backend *backend, struct idle_set *set,
                            const struct backend_options *options);
/* Servers are gone or quiet, have no connections; nobody is queued. */
void backend_fini(struct backend *backend);

/* Before the instance runs. -ERR_FULL. */
MUST_CHECK int backend_add_server(struct backend *backend, const struct server_options *options);

enum backend_result {
    BACKEND_GOT,    /* ticket->server is set */
    BACKEND_QUEUED, /* the tasklet is woken when it is (it may be already) */
    BACKEND_FULL,   /* the queue is: 503 */
    BACKEND_NONE,   /* no server is usable: 503 */
};

/* Wants a slot of the best server, avoiding those in `tried` while there are others. The ticket
 * must have none and not be queued. */
MUST_CHECK enum backend_result backend_want(struct backend *backend, struct backend_ticket *ticket,
                                            struct tasklet *tasklet);

/* Wants one of `server` whatever the balance and the queue say (its private connection is there),
 * if it is usable and has one: false otherwise. The ticket must have none and not be queued. */
MUST_CHECK bool backend_want_server(struct server *server, struct backend_ticket *ticket);

/* Gives the slot back, or leaves the queue; the next in the queue gets it. Its owner's worker, or
 * who is alone. After it nobody touches the ticket or its tasklet any more. */
void backend_done(struct backend_ticket *ticket);

/* For server.c: slots have come. Those that wait longest get them. Holds no lock of a server. */
void backend_serve_queue(struct backend *backend);

/* For server.c: at `when_ns` a server becomes usable by itself. */
void backend_schedule_probe(struct backend *backend, uint64_t when_ns);

/* From outside any worker, between steps; takes no lock. */
void backend_check(const struct backend *backend, bool is_quiet);

#endif
