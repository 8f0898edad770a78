/*
 * core/rt/rt.h - one runtime instance: workers, fd table, tasks, isolation, start and stop.
 *
 * Nothing in core is global: everything hangs off an instance, and several live in one process. The
 * layer above registers callbacks, makes its objects, and calls rt_run(), which returns when all
 * workers have left.
 *
 *     rt_new -> [rt_enter, set up, rt_leave] -> rt_run -> [rt_enter, tear down, rt_leave] ->
 * rt_free
 *
 * Stopping: rt_stop_soft() is noticed by worker 0, which calls stop_soft(). Each worker then
 * acknowledges (calling worker_stopping() first) and stays until `jobs` is 0 and all have
 * acknowledged. What keeps the instance alive (a listener, a connection) is a job.
 *
 * Threads: said at each function.
 */
#ifndef CORE_RT_RT_H
#define CORE_RT_RT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/pool.h"
#include "core/rt/fd.h"
#include "core/rt/isolate.h"
#include "core/rt/poller.h"
#include "core/rt/task.h"
#include "core/rt/timer.h"
#include "core/rt/worker.h"

struct idle_set;

/* Each may be NULL. `ctx` is rt_callbacks.ctx. */
struct rt_callbacks {
    void *ctx;
    /* On each worker, before its first turn and after its last. Nobody else waits meanwhile. */
    void (*worker_start)(void *ctx, struct worker *worker);
    void (*worker_stop)(void *ctx, struct worker *worker);
    /* On worker 0, once, NOT isolated (it may isolate itself): close the listeners, tell the idle.
     */
    void (*stop_soft)(void *ctx, struct rt *rt);
    /* On worker 0, once, isolated: end what is left. */
    void (*stop_hard)(void *ctx, struct rt *rt);
    /* On each worker, once, when it first sees the stop, before it acknowledges. */
    void (*worker_stopping)(void *ctx, struct worker *worker);
    /* On worker 0: signal `signo` came since last asked. Several may have become one. */
    void (*signal)(void *ctx, struct rt *rt, int signo);
};

struct rt_config {
    unsigned workers;         /* 1 .. WORKERS_MAX */
    int fd_max;               /* fd numbers below this can be entered; each worker needs two */
    unsigned runqueue_depth;  /* objects run a turn; 0: 200 */
    unsigned poll_events_max; /* events fetched at once; 0: 200 */
    unsigned tasks_max;       /* bound of the pools; 0: 1 << 20 */
    unsigned tasklets_max;    /* 0: 1 << 20 */
    struct rt_callbacks callbacks;
};

enum rt_stop { RT_RUNNING, RT_STOP_SOFT, RT_STOP_HARD };

enum { RT_SIGNALS_MAX = 64 };

struct rt {
    struct rt_config config;
    struct worker *workers; /* config.workers of them */
    struct fd_table fds;
    struct isolate isolate;
    struct pool task_pool;
    struct pool tasklet_pool;
    _Atomic int jobs;                 /* reasons to stay */
    _Atomic int stop_asked;           /* enum rt_stop, only grows; set by anyone */
    _Atomic int stop;                 /* the same once worker 0 has begun it */
    _Atomic uint64_t stop_acked;      /* bit per worker that has seen `stop` */
    _Atomic uint64_t signals_pending; /* bit per signal number */
    bool is_running; /* between start and join; written by rt_run()'s caller alone */
    /* The layer above's: where a tasklet finds its worker's idle lock when its connection may have
     * been stolen, so that there is nothing else it may look at. Set before rt_run(). */
    struct idle_set *idle_set;
};

/* -ERR_MEMORY; -ERR_SYSTEM (no epoll or eventfd); -ERR_FULL (fd numbers beyond fd_max);
 * -ERR_ARGUMENT. The caller is no worker. */
MUST_CHECK int rt_new(const struct rt_config *config, struct rt **out);

/* Everything made in it must be gone (fds, tasks, tasklets; killed ones are freed here). The
 * instance does not run. NULL does nothing. */
void rt_free(struct rt *rt);

/* The calling thread is worker 0 for a while, to set up or tear down; the instance does not run. */
void rt_enter(struct rt *rt);
void rt_leave(struct rt *rt);

/* Starts workers 1.., becomes worker 0, and returns when all have left and are joined. Once per
 * instance. -ERR_SYSTEM: a thread could not be made; those that were have left again. */
MUST_CHECK int rt_run(struct rt *rt);

/* Any thread, any number of times; async-signal-safe. */
void rt_stop_soft(struct rt *rt);
void rt_stop_hard(struct rt *rt);

/* Has the stop begun? New work is not dispatched to other workers any more. Any worker. */
bool rt_is_stopping(struct rt *rt);

/* From a signal handler: worker 0 will call callbacks.signal. Keeps errno. 0 < signo <
 * RT_SIGNALS_MAX. */
void rt_signal(struct rt *rt, int signo);

/* A reason to stay, and its end. Any worker, or before rt_run(). */
void rt_job_begin(struct rt *rt);
void rt_job_end(struct rt *rt);

/* Whether a worker's poller had no room in the kernel: it looks again soon, by itself, and until
 * then it may not notice that it is woken. So nothing is quiet yet. For checks. */
bool rt_is_retrying(const struct rt *rt);

/* Aborts if an invariant is broken: F1-F8 and S1-S8 as far as they hold between any two steps, and
 * all of them when `is_quiet`: every worker waits in epoll_wait and nothing is under way. From
 * outside any worker, between steps; takes no lock. */
void rt_check(const struct rt *rt, bool is_quiet);

#endif
