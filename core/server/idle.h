/*
 * core/server/idle.h - connections to servers that no request uses just now, and how workers steal
 * them from each other.
 *
 * Each server has, for each worker, three trees of that worker's connections:
 *
 *     idle    nothing is under way; only one request has gone over it so far
 *     safe    nothing is under way, and it has been reused before
 *     avail   in use, with room for more streams; never stolen
 *
 * One lock a worker guards that worker's trees of all servers, its age lists and its
 * session-private idle connections. Whoever holds it may take a connection out; a worker that wants
 * to steal only tries the lock, so that two that steal from each other do not wait for each other.
 *
 * A connection that others may take away from its owner (its server leaves, the pool is too full)
 * is moved to its owner's to-remove queue, which the owner's cleanup task empties: only the owner
 * destroys. There it is in no tree, still counted, and still gets input: its mux must not put it
 * back.
 *
 * "Counted as idle" (`counted`) outlasts being in a tree: a mux that looks after input takes its
 * connection out for a moment and puts it back without touching the counters.
 *
 * Invariants (idle_check): C1 each counter is the sum over its connections. C2 a connection is in
 * at most one tree, its owner's. C3 F_USR1 is set on the tasklet of each connection in idle or
 * safe. C4 one in a to-remove queue is in no tree. C5 tasklet, task and fd of a listed one belong
 * to its owner. C6 a private connection is in no server's tree. C7 per-worker counters add up to
 * the server's. At quiet, after a stop, all are 0.
 *
 * Threads: said at each function.
 */
#ifndef CORE_SERVER_IDLE_H
#define CORE_SERVER_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/tree.h"

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/base/lock.h"
#include "core/base/mpsc.h"
#include "core/rt/worker.h"

struct idle_conn;
struct idle_set;
struct rt;
struct server;
struct task;

enum idle_place {
    IDLE_NOWHERE, /* in use, or its mux is looking after it */
    IDLE_IN_IDLE,
    IDLE_IN_SAFE,
    IDLE_IN_AVAIL,
    IDLE_IN_SESSION, /* idle and private to a client's session */
    IDLE_IN_REMOVE,  /* in its owner's to-remove queue */
};

/* What it was last counted as: outlasts `place`. */
enum idle_counted { IDLE_COUNTED_USED, IDLE_COUNTED_IDLE, IDLE_COUNTED_SAFE };

/* What a mux does when asked by others than itself. */
struct idle_ops {
    /* By a thief that holds `from`'s idle lock: 0, or it stays where it is. */
    int (*takeover)(struct idle_conn *conn, int from);
    /* On its owner, in no tree: close and free it. */
    void (*destroy)(struct idle_conn *conn);
    /* Streams that it could begin now. */
    unsigned (*room)(const struct idle_conn *conn);
};

/* A connection to a server, inside its mux. */
struct idle_conn {
    const struct idle_ops *ops;
    struct server *server;
    int worker;                /* its owner; changes under the lock of the one it leaves */
    enum idle_place place;     /* guard: owner's idle lock, unless NOWHERE (then its owner's) */
    enum idle_counted counted; /* guard: likewise */
    bool is_private;           /* serves one client's session only, for ever */
    uint64_t key;              /* connections of equal key are equal (SNI) */
    uint64_t seq;              /* order within equal keys: later ones first */
    uint64_t since_ns;         /* idle since */
    RB_ENTRY(idle_conn) node;  /* in one of the three trees */
    struct list age;           /* by age in its server's list of the worker; or in its session's */
};

RB_HEAD(idle_tree, idle_conn);

/* A server's connections on one worker. Guard: that worker's idle lock, but for the counters. */
struct idle_server_worker {
    struct idle_tree idle;
    struct idle_tree safe;
    struct idle_tree avail;
    struct list by_age;          /* those in idle and safe, oldest first */
    _Atomic uint32_t idle_count; /* counted as idle or safe on this worker; read by thieves */
};

struct idle_worker {
    struct lock lock; /* "idle.lock"; order: none is taken while one is held, only tried */
    struct mpsc remove;
    struct task *cleanup_task; /* bound to the worker */
    struct task *purge_task;   /* likewise; its date is when the next server is due */
};

/* All workers' of a proxy. */
struct idle_set {
    struct rt *rt;
    unsigned workers_count;
    struct idle_worker workers[WORKERS_MAX];
};

MUST_CHECK int idle_set_init(struct idle_set *set, struct rt *rt, unsigned workers_count);
void idle_set_fini(struct idle_set *set);

/* What a request wants to reuse. */
struct idle_want {
    uint64_t key;
    bool may_idle; /* also one that has carried but one request: the next may fail on it */
};

/*
 * A connection to `server` for a request on the calling worker, taken out of its tree and counted
 * as used: its own (avail first, as those are not the caller's alone: they stay in avail), then
 * another worker's by takeover. NULL: make one. The caller attaches a stream at once; if it cannot,
 * the connection goes back by idle_put() or is destroyed.
 */
MUST_CHECK struct idle_conn *idle_get(struct server *server, const struct idle_want *want);

/* A used connection becomes idle (policy, limits and the server's state allowing). True: it is in a
 * tree, or a session's list, and not the caller's any more. False: the caller destroys it. */
MUST_CHECK bool idle_put(struct idle_conn *conn, bool is_safe);

/* It is in use and has room for more streams: others of this worker may attach to it. Does nothing
 * for private ones and for those in avail already. */
void idle_put_avail(struct idle_conn *conn);

/* It has no more room, or is closing: in no tree afterwards. Its owner. */
void idle_take_out(struct idle_conn *conn);

/*
 * For whoever comes upon a connection of the calling worker that may be idle (its tasklet, its
 * task, a report of its fd). Takes it out of idle, safe or its session's list under the lock; true
 * if it was there: then idle_back() must follow, or its end. `*ctx` is loaded under the lock: NULL
 * means that it was stolen, and nothing else is valid.
 */
MUST_CHECK bool idle_enter(struct rt *rt, struct idle_set *set, void *(*load_ctx)(void *object),
                           void *object, void **ctx);

/* Puts it back where it was, as it was counted. False: its server does not want it any more (or it
 * sits in a to-remove queue: then true, and cleanup destroys it): the caller destroys it. */
MUST_CHECK bool idle_back(struct idle_conn *conn);

/* The end of a connection: out of every tree and queue, uncounted. Its owner, not holding the lock;
 * or who is alone. */
void idle_forget(struct idle_conn *conn);

/* Moves all idle connections of `server` on all workers to their owners' to-remove queues. Any
 * worker. */
void idle_evict(struct server *server);

/* Moves up to `count` of the oldest anywhere likewise: fds are scarce. Returns how many. */
unsigned idle_evict_oldest(struct idle_set *set, struct server *const *servers,
                           unsigned servers_count, unsigned count);

void idle_check(const struct idle_set *set, const struct server *server, bool is_quiet);

#endif
