/*
 * core/server/server.h - a server: how many connections and requests it may have, whether it is
 * well, and how it leaves.
 *
 *     UP --fall failures in a row--> DOWN --down_ns--> PROBE --a success--> UP
 *      ^                                                 +----a failure---> DOWN
 *      |  ready
 *     MAINT <-- maintenance, from any; idle connections leave, those in use finish
 *     GONE  <-- removed, from MAINT and under isolation; nobody finds it any more
 *
 * A slot is the right to have one request at the server; `limit` of them exist (0: no bound). Who
 * finds none queues at the backend (core/server/backend.h). Whatever makes a slot out of none (one
 * given back, a move to UP) then looks at that queue.
 *
 * It is PROBE from when one request took a slot of it after down_ns. No other may follow until that
 * one has reported, or is gone, or was silent for down_ns too.
 *
 * The state is read without a lock and moves under one. Lock order: backend.lock, then server.lock;
 * no other is taken while one of these is held.
 *
 * Threads: any worker, unless said otherwise.
 */
#ifndef CORE_SERVER_SERVER_H
#define CORE_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/lock.h"
#include "core/net/addr.h"
#include "core/server/idle.h"

struct backend;

enum { SERVER_NAME_BYTES = 32 };

/* X(name, text, states it may move to). */
#define SERVER_STATES(X)                                                                           \
    X(UP, "up", SERVER_BIT(DOWN) | SERVER_BIT(MAINT))                                              \
    X(DOWN, "down", SERVER_BIT(PROBE) | SERVER_BIT(UP) | SERVER_BIT(MAINT))                        \
    X(PROBE, "probe", SERVER_BIT(UP) | SERVER_BIT(DOWN) | SERVER_BIT(MAINT))                       \
    X(MAINT, "maintenance", SERVER_BIT(UP) | SERVER_BIT(GONE))                                     \
    X(GONE, "gone", 0)

enum server_state {
#define SERVER_ENUM(name, text, next) SERVER_##name,
    SERVER_STATES(SERVER_ENUM)
#undef SERVER_ENUM
};

#define SERVER_BIT(name) (1U << SERVER_##name)

const char *server_state_name(enum server_state state);

/* When an idle connection may carry another client's request (the words of HAProxy's http-reuse).
 */
enum server_reuse {
    SERVER_REUSE_NEVER,      /* only the same client's */
    SERVER_REUSE_SAFE,       /* never the first request of a client: it could not be sent again */
    SERVER_REUSE_AGGRESSIVE, /* that too, over connections that have been reused before */
    SERVER_REUSE_ALWAYS,
};

struct server_options {
    struct addr addr;
    char name[SERVER_NAME_BYTES];
    uint32_t limit;    /* requests at once; 0: no bound */
    uint32_t idle_max; /* idle connections kept; UINT32_MAX: no bound, 0: none */
    uint32_t fall;     /* failures in a row until it is DOWN; 0: never */
    uint64_t down_ns;  /* then left alone for so long */
    uint64_t purge_ns; /* between looks for connections too many; 0: never purged */
    enum server_reuse reuse;
    /* FastCGI: where scripts are, and the one of a folder. Live as long as the server; NULL: none.
     */
    const char *root;
    const char *index;
};

struct server {
    struct backend *backend;
    struct idle_set *set;
    uint32_t index; /* in its backend */
    struct server_options options;
    struct lock lock;  /* "server.lock" */
    _Atomic int state; /* enum server_state; moves under the lock */

    /* Requests. */
    _Atomic uint32_t served; /* slots taken */

    /* Health. */
    _Atomic uint32_t failures; /* in a row; about: a success may come between */
    _Atomic uint64_t
        down_until_ns; /* DOWN, PROBE: tried then; stored under the lock, before the state */

    /* Statistics, relaxed. */
    _Atomic uint32_t served_total;
    _Atomic uint32_t failed_total;
    _Atomic uint32_t down_total; /* moves to DOWN */

    /* Connections (spec 3.1). */
    _Atomic uint32_t conns_used;
    _Atomic uint32_t conns_used_max;     /* since the last purge */
    _Atomic uint32_t conns_needed;       /* estimate: decays */
    _Atomic uint64_t conns_estimated_ns; /* when that was */
    _Atomic uint32_t conns_idle;         /* all that are counted as idle or safe */
    _Atomic uint32_t conns_safe;
    _Atomic uint32_t takeover_next; /* the worker where the next thief begins */
    struct idle_server_worker workers[WORKERS_MAX];
};

/* For backend.c: nobody knows the server before init, nor uses it at fini. */
void server_init(struct server *server, struct backend *backend, uint32_t index,
                 const struct server_options *options);
void server_fini(struct server *server);

/* May a request be sent to it now? (UP, even if it is full; DOWN and its time is over; PROBE and
 * nobody is trying it.) */
bool server_is_usable(struct server *server);

/* Has it a slot? A guess by the time it returns. `*served` are those taken. */
bool server_has_slot(struct server *server, uint32_t *served);

/* Takes one if there is one; who queued is not asked. */
MUST_CHECK bool server_take_slot(struct server *server);

/* Gives one back; the first in the backend's queue gets it. */
void server_give_slot(struct server *server);

/* A connection is about to be made, and counted as used, by the worker that will own it. False: the
 * server takes no more (it is leaving). Ends by idle_forget(). */
MUST_CHECK bool server_conn_begin(struct server *server, struct idle_conn *conn,
                                  const struct idle_ops *ops);

/* What a request saw. `is_ok` false: refused, reset before a response, timed out, malformed. Before
 * it gives back its slot. */
void server_observe(struct server *server, bool is_ok);

/* Idle connections leave, requests in flight finish, new ones go elsewhere; and back: UP. False: it
 * is GONE. */
bool server_set_maintenance(struct server *server);
bool server_set_ready(struct server *server);

/*
 * Takes a server that is in maintenance out of its backend. -ERR_BUSY: it is not, or it still has
 * requests or connections, or is the last one while somebody is queued. -ERR_NOT_FOUND: it is GONE.
 * Isolates the caller (which must hold no lock); afterwards nobody can find it. Its memory lives as
 * long as the backend.
 */
MUST_CHECK int server_remove(struct server *server);

void server_check(const struct server *server);

#endif
