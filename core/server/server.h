/*
 * core/server/server.h - a server: how many connections and requests it may have, who waits for it,
 * whether it is well, and how it leaves.
 *
 *     UP --fall failures in a row--> DOWN --down_ns--> PROBE --a success--> UP
 *      ^                                                 +----a failure---> DOWN
 *      |  ready
 *     MAINT <-- maintenance, from any; idle connections leave, those in use finish
 *     GONE  <-- removed, from MAINT and under isolation; nobody finds it any more
 *
 * A slot is the right to have one request at the server; `limit` of them exist (0: no bound). Who
 * finds none queues at the backend (core/server/backend.h).
 *
 * Threads: any worker, unless said otherwise.
 */
#ifndef CORE_SERVER_SERVER_H
#define CORE_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/net/addr.h"
#include "core/server/idle.h"

struct backend;

enum { SERVER_NAME_BYTES = 32 };

#define SERVER_STATES(X)                                                                           \
    X(UP, "up") X(DOWN, "down") X(PROBE, "probe") X(MAINT, "maintenance") X(GONE, "gone")

enum server_state {
#define SERVER_ENUM(name, text) SERVER_##name,
    SERVER_STATES(SERVER_ENUM)
#undef SERVER_ENUM
};

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
};

struct server {
    struct backend *backend;
    struct idle_set *set;
    uint32_t index; /* in its backend */
    struct server_options options;
    _Atomic int state; /* enum server_state */

    /* Requests. */
    _Atomic uint32_t served;       /* slots taken */
    _Atomic uint32_t served_total; /* statistics */

    /* Health. */
    _Atomic uint32_t failures; /* in a row */
    _Atomic uint64_t down_until_ns;

    /* Connections (spec 3.1). */
    _Atomic uint32_t conns_used;
    _Atomic uint32_t conns_used_max; /* since the last purge */
    _Atomic uint32_t conns_needed;   /* estimate: decays */
    _Atomic uint32_t conns_idle;     /* all that are counted as idle or safe */
    _Atomic uint32_t conns_safe;
    _Atomic uint32_t takeover_next; /* the worker where the next thief begins */
    struct idle_server_worker workers[WORKERS_MAX];
};

/* A connection is about to be made, and counted as used. False: the server takes no more (it is
 * leaving). Ends by idle_forget(). */
MUST_CHECK bool server_conn_begin(struct server *server, struct idle_conn *conn,
                                  const struct idle_ops *ops);

/* What a request saw. `is_ok` false: refused, reset before a response, timed out, malformed. */
void server_observe(struct server *server, bool is_ok);

/* May a request be sent to it now? (UP; PROBE while it has none; DOWN whose time is over becomes
 * PROBE.) */
bool server_is_usable(struct server *server);

/* Idle connections leave, requests in flight finish, new ones go elsewhere; and back. False: it is
 * GONE. */
bool server_set_maintenance(struct server *server);
bool server_set_ready(struct server *server);

/*
 * Takes a server that is in maintenance out of its backend: -ERR_BUSY while it still has requests,
 * connections or somebody queued. Isolates the caller (which must hold no lock); afterwards nobody
 * can find it. Its memory lives as long as the backend.
 */
MUST_CHECK int server_remove(struct server *server);

#endif
