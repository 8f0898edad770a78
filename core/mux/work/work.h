/*
 * core/mux/work/work.h - a workload for idle connections: workers that ask servers over connections
 * which they reuse, steal from each other, evict, purge and keep to themselves, while servers close
 * them.
 *
 * The same for simulated runs (sim/exercise/idle.c), where the schedule is searched, and for real
 * threads (work_test.c). Servers are the far ends of socket pairs, handled by any of the workers.
 *
 * Property: each question is answered over the connection it was asked on, once, or fails; nothing
 * is left waiting when nobody works; invariants C1 to C7 hold; at the end everything is given back.
 *
 * Threads: said at each function.
 */
#ifndef CORE_MUX_WORK_WORK_H
#define CORE_MUX_WORK_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/base/lock.h"
#include "core/base/pool.h"
#include "core/mux/mux.h"
#include "core/mux/work/echo.h"
#include "core/server/backend.h"
#include "core/server/idle.h"

enum { WORK_SESSIONS = 2 }; /* of each worker */

/* X(NAME, field): what a worker's step may be, by weight in struct work_options. */
#define WORK_ACTIONS(X)                                                                            \
    X(ASK, ask)                 /* a question */                                                   \
    X(LEAVE, leave)             /* an asker leaves before it is answered */                        \
    X(CLOSE, close)             /* a server closes a connection */                                 \
    X(EVICT, evict)             /* maintenance, and back */                                        \
    X(EVICT_SOME, evict_some)   /* fds are scarce */                                               \
    X(END_SESSION, end_session) /* a client leaves; needs `private_share` */                       \
    X(CHECK, check)             /* looks at its trees */

enum work_action {
#define WORK_ACTION_ENUM(name, field) WORK_##name,
    WORK_ACTIONS(WORK_ACTION_ENUM)
#undef WORK_ACTION_ENUM
};

struct work_options {
#define WORK_ACTION_WEIGHT(name, field) unsigned field;
    WORK_ACTIONS(WORK_ACTION_WEIGHT)
#undef WORK_ACTION_WEIGHT
    unsigned asks_max;      /* at once on each worker */
    unsigned private_share; /* of 8 questions: over the session's own connections */
    unsigned close_share;   /* of 8 answers: after which the server closes */
    uint64_t idle_ns;       /* 0: idle connections do not grow old */
    uint64_t purge_ns;      /* 0: never */
    uint32_t idle_max;
    bool has_tls; /* connections are TLS, with these: */
    const char *certificate_file;
    const char *key_file;
};

struct tls_context;
struct work;

/* What differs between a simulated and a native run. */
struct work_host {
    void *ctx;
    /* 0..n-1. On a worker, or before the run. */
    uint32_t (*draw)(void *ctx, uint32_t n);
    /* The property does not hold. */
    void (*fail)(void *ctx, const char *what);
    /* A reason for the instance to go on, and its end. */
    void (*begin_part)(void *ctx);
    void (*end_part)(void *ctx);
};

/* One worker's. Owner: it, but for the lock. */
struct work_worker {
    struct list requests;
    unsigned requests_count;
    uint32_t next_id;
    struct idle_session *sessions[WORK_SESSIONS];
    struct lock far_lock; /* order: none is taken while it is held */
    struct list fars;     /* far ends that this worker handles */
};

struct work {
    struct echo_host echo; /* first: the muxes' host_ctx */
    struct work_options options;
    struct work_host host;
    struct rt *rt;
    unsigned workers_count;
    struct mux_env env;
    struct pool conns;
    struct tls_context *near_tls; /* of the connections, and of the servers; or NULL */
    struct tls_context *far_tls;
    struct idle_set set;
    struct backend backend;
    struct work_worker workers[WORKERS_MAX];
    _Atomic uint32_t answered;
    _Atomic uint32_t failed;
};

/* Before the instance runs, as worker 0. NULL: no memory. */
struct work *work_new(const struct work_options *options, const struct work_host *host,
                      struct rt *rt, unsigned workers_count);

/* One thing of what a worker may do. The worker itself, `worker`. */
void work_step(struct work *work, int worker);

/* Nobody can run: what must hold then. Simulated runs. */
void work_check_quiet(const struct work *work);

/* All workers have left. As worker 0. */
void work_free(struct work *work);

#endif
