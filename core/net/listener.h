/*
 * core/net/listener.h - listening sockets: their states, their bounds, and who waits for room.
 *
 * One fd per listener, polled by every worker of its mask; all of them may be in accept at once.
 * What the set of all listeners shares (bound on connections, waiting list, rings, pause) is in
 * struct listener_set. accept.h has the way of a connection from the kernel to its worker.
 *
 *     NEW - INIT - ASSIGNED - LISTEN - READY <-> FULL      (this listener's maxconn)
 *                     ^                READY <-> LIMITED   (the set's maxconn, rate, no fds)
 *                     |                any of these <-> PAUSED
 *                     +--- unbind --- any of these
 *
 * READY and wanting to be told of connections are one thing: the state moves and polling changes
 * together, under the write lock. A LIMITED listener is in the waiting list; whoever took it out
 * makes it READY or FULL.
 *
 * Room. Who finds no room first makes the listener FULL or LIMITED, then looks at the count again;
 * who gives room back first decrements the count, then looks at the state. One of them sees the
 * other.
 *
 * Lock order: set.lock, then listener.lock, then wait_lock; and limit_lock, then wait_lock.
 *
 * Threads: any worker, unless said otherwise.
 */
#ifndef CORE_NET_LISTENER_H
#define CORE_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/base/lock.h"
#include "core/base/pool.h"
#include "core/net/accept_ring.h"
#include "core/net/addr.h"
#include "core/rt/worker.h"

struct conn;
struct rt;
struct task;
struct tasklet;

enum {
    LISTENERS_MAX = 16,
    LISTENER_NAME_BYTES = 32,
    LISTENER_BACKLOG = 1024,
};

/* No fd or no memory for a connection: try again after this. */
#define LISTENER_SHORTAGE_NS UINT64_C(100000000)

/* A handshake that has begun when a drain begins has this long to end. */
#define LISTENER_HANDSHAKE_NS UINT64_C(100000000)

/* X(name, states it may move to). */
#define LISTENER_STATES(X)                                                                         \
    X(NEW, LISTENER_BIT(INIT))                                                                     \
    X(INIT, LISTENER_BIT(ASSIGNED) | LISTENER_BIT(NEW))                                            \
    X(ASSIGNED, LISTENER_BIT(LISTEN) | LISTENER_BIT(INIT))                                         \
    X(PAUSED, LISTENER_BIT(READY) | LISTENER_BIT(FULL) | LISTENER_BIT(ASSIGNED))                   \
    X(LISTEN, LISTENER_BIT(READY) | LISTENER_BIT(ASSIGNED))                                        \
    X(READY,                                                                                       \
      LISTENER_BIT(PAUSED) | LISTENER_BIT(FULL) | LISTENER_BIT(LIMITED) | LISTENER_BIT(ASSIGNED))  \
    X(FULL, LISTENER_BIT(READY) | LISTENER_BIT(PAUSED) | LISTENER_BIT(ASSIGNED))                   \
    X(LIMITED,                                                                                     \
      LISTENER_BIT(READY) | LISTENER_BIT(FULL) | LISTENER_BIT(PAUSED) | LISTENER_BIT(ASSIGNED))

enum listener_state {
#define LISTENER_ENUM(name, next) LISTENER_##name,
    LISTENER_STATES(LISTENER_ENUM)
#undef LISTENER_ENUM
};

#define LISTENER_BIT(name) (1U << LISTENER_##name)

const char *listener_state_name(enum listener_state state);

/* What a listener is made from. */
struct listener_options {
    const char *name; /* copied */
    struct addr addr;
    uint64_t mask;           /* workers that accept; 0: all */
    uint32_t conn_count_max; /* 0: only the set's bound */
    uint32_t backlog;        /* 0: LISTENER_BACKLOG */
    uint32_t rate_count;     /* accepts within rate_period_ns; 0: no bound */
    uint64_t rate_period_ns;
};

struct listener_set;

struct listener {
    struct listener_set *set;
    char name[LISTENER_NAME_BYTES];
    uint32_t index; /* in set->listeners */
    struct addr addr;
    uint64_t mask;
    uint32_t conn_count_max; /* UINT32_MAX: only the set's bound */
    uint32_t backlog;
    uint64_t rate_interval_ns; /* between accepts at an even pace; 0: no bound */
    uint64_t rate_period_ns;   /* how much may come at once, as time */

    struct rwlock lock;       /* "listener.lock": read to accept, write to move */
    _Atomic int state;        /* enum listener_state; moves under the write lock */
    int fd;                   /* -1: not bound; guard: lock */
    _Atomic bool is_draining; /* closes itself when nothing is left to accept; never reset */
    bool is_moving;           /* state and polling disagree for a moment; guard: write lock */
    struct tasklet *own;      /* on its first worker: resumes and drains for others */

    _Atomic uint64_t
        drain_until_ns;            /* draining: stays open for handshakes under way; 0: need not */
    _Atomic uint32_t conn_count;   /* accepted, or about to be */
    _Atomic uint32_t drain_count;  /* accepted since is_draining */
    _Atomic uint64_t rate_next_ns; /* when the next accept is due at an even pace */

    struct list waiting;       /* in set->waiting; guard: wait_lock */
    uint64_t waiting_until_ns; /* 0: until the set has room; guard: wait_lock */
};

/* What a worker has for the connections that others accept for it. */
struct acceptor {
    struct accept_ring ring;
    struct tasklet *tasklet;
    _Atomic uint32_t load; /* connections dispatched to it and not ended */
};

struct listener_set {
    struct rt *rt;
    struct pool conns;
    struct listener listeners[LISTENERS_MAX];
    uint32_t listeners_count;

    struct lock lock; /* "listeners.lock" */
    bool is_paused;   /* nothing may become READY; guard: lock */

    uint32_t conn_count_max;
    _Atomic uint32_t conn_count;

    struct lock wait_lock; /* "listeners.wait_lock" */
    struct list waiting;   /* LIMITED listeners, longest first; guard: wait_lock */
    _Atomic uint32_t waiting_count;

    /* Wakes those that wait for a date. The date is brought forward under the read lock together
     * with scheduling the task; the task takes it back under the write lock. */
    struct task *limit_task;
    struct rwlock limit_lock; /* "listeners.limit_lock" */
    _Atomic uint64_t limit_at_ns;

    uint32_t accept_batch;
    _Atomic uint32_t probe; /* both probing indices, as one number */
    struct acceptor acceptors[WORKERS_MAX];

    /* Serves an accepted connection on the calling worker. Anything but 0: could not; it is closed.
     */
    int (*serve)(void *ctx, struct conn *conn);
    void *ctx;
};

/* Nothing listens yet. -ERR_MEMORY. The caller has entered the instance. */
MUST_CHECK int listener_set_init(struct listener_set *set, struct rt *rt, uint32_t conn_count_max,
                                 uint32_t ring_entries, uint32_t accept_batch);
void listener_set_fini(struct listener_set *set);

/* Adds a bound, listening socket that is not polled yet. -ERR_FULL, -ERR_SYSTEM (errno says why),
 * -ERR_MEMORY. The caller has entered the instance. */
MUST_CHECK int listener_add(struct listener_set *set, const struct listener_options *options);

/* On each worker when it starts: the first of a listener's workers makes it READY. */
void listener_set_start(struct listener_set *set);

/* Stops accepting; what arrives waits in the kernel. And accepts again. */
void listener_set_pause(struct listener_set *set);
void listener_set_resume(struct listener_set *set);

/* Accepts what the kernel has, and closes each listener when it has nothing more: soon, unless
 * bounds forbid, then as soon as there is room. */
void listener_set_drain(struct listener_set *set);

/* Closes all listeners now. */
void listener_set_stop(struct listener_set *set);

/* For accept.c: no room in the listener. */
void listener_set_full(struct listener *listener);

/* For accept.c: waits until `until_ns` (0: until the set has room). */
void listener_limit(struct listener *listener, uint64_t until_ns);

/* Closes one listener. Does nothing if it is closed. */
void listener_unbind(struct listener *listener);

/* After room was given back: makes FULL and waiting listeners READY if they can be. */
void listener_room(struct listener *listener);

/* Aborts on a broken invariant. From outside any worker, between steps. */
void listener_set_check(const struct listener_set *set, bool is_quiet);

#endif
