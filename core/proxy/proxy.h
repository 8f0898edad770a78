/*
 * core/proxy/proxy.h - a whole proxy: made from a configuration, run, signalled, checked, freed.
 *
 *     proxy_new -> proxy_run (returns when it has stopped) -> proxy_free
 *
 * Several live in one process; none of them is global. A signal handler finds its proxy by the
 * worker that it interrupts: signals are blocked on all workers but the first.
 *
 *     SIGUSR1          soft stop: what the kernel has accepted is served, requests are finished,
 * then leave SIGTERM, SIGINT  hard stop: leave now SIGTTOU, SIGTTIN pause and resume the listeners
 *
 * Threads: said at each function.
 */
#ifndef CORE_PROXY_PROXY_H
#define CORE_PROXY_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/base/pool.h"
#include "core/mux/mux.h"
#include "core/net/listener.h"
#include "core/proxy/config.h"
#include "core/rt/worker.h"
#include "core/server/backend.h"

struct exchange;
struct rt;
struct task;
struct tls_context;

/* A worker's own; guard: the worker, or who is alone. */
struct proxy_worker {
    struct list sessions;
    unsigned sessions_count;
    struct list removals;      /* struct exchange by answer.removal: each wants a server removed */
    struct exchange *removing; /* the one it is being done for; NULL: none, or it has ended */
    struct task *removal_task;
};

struct proxy {
    const struct config *config;
    bool has_own_signals; /* the caller brings signals by proxy_signal() */
    struct rt *rt;
    struct listener_set listeners;
    struct pool sessions;
    struct pool exchanges;
    struct pool server_conns;
    struct mux_env env;
    struct idle_set idle;
    struct backend *backends[CONFIG_BACKENDS_MAX];        /* as in the configuration */
    struct tls_context *listen_tls[CONFIG_LISTENERS_MAX]; /* NULL: in the clear */
    struct tls_context *backend_tls[CONFIG_BACKENDS_MAX];
    struct task *hard_stop_task; /* on worker 0, when soft stops are bounded */
    struct proxy_worker workers[WORKERS_MAX];
};

enum { PROXY_ERROR_BYTES = 512 };

/* Text of what went wrong, for people. */
struct proxy_error {
    char message[PROXY_ERROR_BYTES];
};

/* Listens, but accepts nothing yet. `config` must outlive it. -ERR_MEMORY, -ERR_SYSTEM, -ERR_FULL,
 * with *err. The caller is no worker. */
MUST_CHECK int proxy_new(const struct config *config, struct proxy **out, struct proxy_error *err);

/* Signals are the caller's affair. Before proxy_run(). */
void proxy_set_own_signals(struct proxy *proxy);

/* For a process that is one proxy and nothing else: a signal to stop does not kill it while it is
 * being made or freed. On the main thread, before anything else. */
void proxy_hold_signals(void);

/* The caller becomes worker 0 until the proxy has stopped. Returns an exit code: 0, or 1 if it
 * could not run. Once. */
int proxy_run(struct proxy *proxy);

/* As if the process had got the signal. Any thread, also from a signal handler. */
void proxy_signal(struct proxy *proxy, int signo);

/* It does not run. NULL does nothing. */
void proxy_free(struct proxy *proxy);

/* Aborts on a broken invariant. From outside any worker, between steps; takes no lock. `is_quiet`:
 * every worker waits and nothing is under way. */
void proxy_check(const struct proxy *proxy, bool is_quiet);

#endif
