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
 * A connection that is private to a client's session is in none of them: while idle it is in that
 * session's list, and in the server's list of private ones.
 *
 * One lock a worker guards that worker's trees and lists of all servers. Whoever holds it may take
 * a connection out; a worker that wants to steal only tries the lock, so that two that steal from
 * each other do not wait for each other.
 *
 * A connection that others may take away from its owner (its server leaves, the pool is too full)
 * is moved to its owner's to-remove queue, which the owner's cleanup task empties: only the owner
 * destroys. There it is in no tree, still counted, and still gets input: its mux must not put it
 * back.
 *
 * "Counted as idle" (`counted`) outlasts being in a tree: a mux that looks after input takes its
 * connection out for a moment and puts it back without touching the counters.
 *
 *             idle_put               idle_take_idle
 *     USED ------------> idle, safe, -------------> looked after ---- idle_back ---> where it was
 *       ^                session                        |
 *       +--- idle_get ------+ |                         +---- idle_forget: the end, from anywhere
 *                             +-- purge, evict --> to-remove --> destroyed by its owner
 *
 * Invariants (idle_check, mux_check): C1 each counter is the sum over its connections. C2 a
 * connection is in at most one tree, its owner's. C3 F_USR1 is set on the tasklet of each
 * connection in idle or safe. C4 one in a to-remove queue is in no tree. C5 tasklet, task and fd of
 * a listed one belong to its owner. C6 a private connection is in no server's tree. C7 per-worker
 * counters add up to the server's. At quiet, after a stop, all are 0.
 *
 * Lock order: an idle lock is the outermost, and none is waited for while another is held.
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
#include "core/rt/worker.h"

struct idle_conn;
struct idle_set;
struct rt;
struct server;
struct task;

/* X(name, text) */
#define IDLE_PLACES(X)                                                                             \
    X(NOWHERE, "nowhere") /* in use, or its mux is looking after it */                             \
    X(IN_IDLE, "idle")                                                                             \
    X(IN_SAFE, "safe")                                                                             \
    X(IN_AVAIL, "avail")                                                                           \
    X(IN_SESSION, "session")  /* idle and private to a client's session */                         \
    X(IN_REMOVE, "to-remove") /* in its owner's to-remove queue */

enum idle_place {
#define IDLE_PLACE_ENUM(name, text) IDLE_##name,
    IDLE_PLACES(IDLE_PLACE_ENUM)
#undef IDLE_PLACE_ENUM
};

const char *idle_place_name(enum idle_place place);

/* What it was last counted as: outlasts `place`. A private one that is idle is counted as used by
 * its server, as nobody else can have it. */
enum idle_counted {
    IDLE_COUNTED_NOT, /* by nobody: before idle_begin(), after idle_forget() */
    IDLE_COUNTED_USED,
    IDLE_COUNTED_IDLE,
    IDLE_COUNTED_SAFE,
    IDLE_COUNTED_SESSION
};

/* What a mux does when asked by others than itself. */
struct idle_ops {
    /* By a thief that holds `from`'s idle lock: 0, or it stays where it is. */
    int (*takeover)(struct idle_conn *conn, int from);
    /* On its owner, in no tree: close and free it. */
    void (*destroy)(struct idle_conn *conn);
    /* Streams that it could begin now. */
    unsigned (*room)(const struct idle_conn *conn);
};

/* The connections that are private to a client's session. Guard: the idle lock of the session's
 * worker, which is theirs as well. */
struct idle_session {
    struct list conns;   /* struct idle_conn by session_link: in use and idle */
    uint32_t idle_count; /* those in it that are counted as IDLE_COUNTED_SESSION */
};

enum { IDLE_SESSION_MAX = 4 }; /* that a session keeps idle */

/* A connection to a server, inside its mux. */
struct idle_conn {
    const struct idle_ops *ops;
    struct server *server;     /* NULL: none counts it */
    int worker;                /* its owner; changes under the lock of the one it leaves */
    enum idle_place place;     /* guard: owner's idle lock */
    enum idle_counted counted; /* guard: likewise */
    bool is_private;           /* serves one client's session only, for ever */
    uint64_t key;              /* connections of equal key are equal (SNI) */
    uint64_t seq;              /* order within equal keys: later ones first */
    uint64_t since_ns;         /* idle, and not looked after, since */
    RB_ENTRY(idle_conn) node;  /* in one of the three trees */
    /* In its server's by_age or privates of the worker, or in the worker's to-remove queue. */
    struct list age;
    struct idle_session *session; /* whose private one it is; guard: owner's idle lock */
    struct list session_link;
    struct list all_link; /* in idle_server_worker.all */
};

RB_HEAD(idle_tree, idle_conn);

/* A server's connections on one worker. Guard: that worker's idle lock, but for the counter. */
struct idle_server_worker {
    struct server *server;
    struct idle_tree idle;
    struct idle_tree safe;
    struct idle_tree avail;
    struct list by_age;          /* those in idle and safe, oldest first */
    struct list privates;        /* those in sessions' lists */
    struct list all;             /* every one that is counted, in use as well */
    struct list purge_link;      /* in idle_worker.purges: has a date */
    uint64_t purge_due_ns;       /* when to look for connections too many */
    _Atomic uint32_t idle_count; /* counted as idle or safe on this worker; read by thieves */
};

struct idle_worker {
    struct lock lock;          /* "idle.lock"; order: none is taken while one is held, only tried */
    struct list remove;        /* struct idle_conn by age */
    struct list purges;        /* struct idle_server_worker that have a date */
    uint64_t seq_next;         /* of the connections put into its trees */
    struct task *cleanup_task; /* bound to the worker */
    struct task *purge_task;   /* likewise; its date is when the next server is due */
};

/* All workers' of a proxy. One per instance: rt->idle_set leads to it, for who has nothing else to
 * hold on to (a tasklet whose connection may have been stolen). */
struct idle_set {
    struct rt *rt;
    unsigned workers_count;
    struct idle_worker workers[WORKERS_MAX];
};

/* Before the instance runs, by worker 0; and after, when every server is empty. -ERR_MEMORY. */
MUST_CHECK int idle_set_init(struct idle_set *set, struct rt *rt, unsigned workers_count);
void idle_set_fini(struct idle_set *set);

/* A server's part: trees and counters empty. Alone. */
void idle_server_init(struct server *server);
void idle_server_fini(struct server *server);

/* What a request wants to reuse. */
struct idle_want {
    uint64_t key;
    bool may_idle; /* also one that has carried but one request: the next may fail on it */
};

/* A connection that is about to be made on the calling worker is counted as used: for
 * server_conn_begin(). Ends by idle_forget(). */
void idle_begin(struct idle_conn *conn, struct server *server, const struct idle_ops *ops);

/*
 * A connection to `server` for a request on the calling worker, taken out of its tree and counted
 * as used: its own (avail first, as those are not the caller's alone: they stay in avail), then
 * another worker's by takeover. NULL: make one. The caller attaches a stream at once: mux_attach(),
 * which gives back what it cannot use.
 */
MUST_CHECK struct idle_conn *idle_get(struct server *server, const struct idle_want *want);

/* A used connection becomes idle (policy, limits and the server's state allowing). True: it is in a
 * tree, or a session's list, and not the caller's any more. False: the caller destroys it. */
MUST_CHECK bool idle_put(struct idle_conn *conn, bool is_safe);

/* It is in use and has room for more streams: others of this worker may attach to it. Does nothing
 * for private ones and for those in avail already. */
void idle_put_avail(struct idle_conn *conn);

/* It has no more room, or is closing: in no tree afterwards (it stays in a to-remove queue). Its
 * owner. */
void idle_take_out(struct idle_conn *conn);

/* The end of a connection: out of every tree, list and queue, uncounted. Its owner, not holding the
 * lock; or who is alone. Does nothing when no server counts it. */
void idle_forget(struct idle_conn *conn);

/*
 * For whoever comes upon a connection of the calling worker that may be idle (its tasklet, its
 * task, a report of its fd): it holds the lock, looks whether the connection was stolen, takes it
 * out, and gives the lock back. Then it works, and idle_back() must follow, or the end.
 */

/* The calling worker's lock, taken. */
struct idle_worker *idle_lock_own(struct rt *rt);
void idle_unlock(struct idle_worker *worker);

/* Holding it: takes the connection out of idle, safe or its session's list. True: it is counted as
 * idle and nobody else can reach it now. False: it is in use, or in the to-remove queue. */
MUST_CHECK bool idle_take_idle_locked(struct idle_conn *conn);

/* Puts it back where it was, as it was counted; one in the to-remove queue stays there. False: its
 * server or its session does not want it any more: the caller destroys it. */
MUST_CHECK bool idle_back(struct idle_conn *conn);

/*
 * Private connections. Session and connections are of the calling worker.
 */

void idle_session_init(struct idle_session *session);

/* The session is over: its idle connections are destroyed, those in use will be when they would
 * become idle. */
void idle_session_end(struct idle_session *session, struct rt *rt);

/* A used connection serves `session` only, from now on and for ever. */
void idle_set_private(struct idle_conn *conn, struct idle_session *session);

/* One of the session's own to `server` that is idle (then it is counted as used now) or has room
 * for one more stream; NULL when it has none. Otherwise like idle_get(). */
MUST_CHECK struct idle_conn *idle_get_session(struct idle_session *session, struct server *server,
                                              uint64_t key);

/*
 * Taking away.
 */

/* Moves all idle connections of `server` on all workers, private ones too, to their owners'
 * to-remove queues, and those in use out of avail. The server's state has changed before, so that
 * none comes back. Any worker, holding no lock. */
void idle_evict(struct server *server);

/* Moves up to `count` of the oldest anywhere likewise (not private ones): fds are scarce. Returns
 * how many. */
unsigned idle_evict_oldest(struct idle_set *set, struct server *const *servers,
                           unsigned servers_count, unsigned count);

/* Destroys every connection of `server`, in use or not: also one whose mux has work left that no
 * worker will do. Who is alone, after the instance ran and what used them has gone. */
void idle_clear(struct server *server);

/* Aborts on a broken invariant, as far as `server` goes; from outside any worker, between steps. */
void idle_check(const struct idle_set *set, const struct server *server, bool is_quiet);

/* The same of one worker's trees of `server`, whose lock the caller holds: at any time. */
void idle_check_locked(const struct server *server, int worker);

#endif
