#include "core/proxy/proxy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"
#include "core/proxy/control.h"
#include "core/proxy/exchange.h"
#include "core/proxy/session.h"
#include "core/proxy/stop.h"
#include "core/rt/rt.h"
#include "core/tls/context.h"

enum {
    EXCHANGES_MAX = 1 << 16,
    HEAD_TEXT_BYTES_MAX = 1 << 16,
};

/* How long a client that was told everything has to close. */
#define LINGER_NS UINT64_C(1000000000)

static void describe(struct proxy_error *err, const char *format, ...) PRINTF_LIKE(2, 3);

static void describe(struct proxy_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
}

static int serve(void *ctx, struct conn *conn)
{
    return session_start(ctx, conn);
}

static int add_listeners(struct proxy *proxy, struct proxy_error *err)
{
    for (uint32_t i = 0; i < proxy->config->listens_count; i++) {
        const struct config_listen *listen = &proxy->config->listens[i];
        struct listener_options options = {
            .name = listen->name,
            .addr = listen->addr,
            .mask = listen->has_worker ? UINT64_C(1) << listen->worker : 0,
            .conn_count_max = listen->maxconn,
            .backlog = listen->backlog,
            .rate_count = listen->rate_count,
            .rate_period_ns = listen->rate_period_ns,
        };
        int result = listener_add(&proxy->listeners, &options);
        if (result != 0) {
            char reason[64] = "";
            char text[ADDR_TEXT_BYTES];
            if (result == -ERR_SYSTEM)
                (void)snprintf(reason, sizeof(reason), ": %s", strerrordesc_np(errno));
            describe(err, "cannot listen on %s (%s): %s%s", addr_print(&listen->addr, text),
                     listen->name, err_text(result), reason);
            return result;
        }
    }
    return 0;
}

/* --- TLS: files are read before the instance runs --- */

static int add_tls(const struct tls_options *options, struct tls_context **out,
                   const struct config_place *place, const char *name, struct proxy_error *err)
{
    char reason[TLS_ERROR_BYTES] = "";

    int result = tls_context_new(options, out, reason);
    if (result != 0)
        describe(err, "line %u: TLS of '%s': %s", place->line, name,
                 reason[0] != '\0' ? reason : err_text(result));
    return result;
}

static int add_listen_tls(struct proxy *proxy, uint32_t index, struct proxy_error *err)
{
    const struct config_listen *listen = &proxy->config->listens[index];
    struct tls_options options = {
        .certificate_file = listen->certificate,
        .key_file = listen->key,
        .has_h1 = listen->kind != CONFIG_LISTEN_H2,
        .has_h2 = listen->kind != CONFIG_LISTEN_H1,
    };

    if (listen->certificate[0] == '\0')
        return 0;
    return add_tls(&options, &proxy->listen_tls[index], &listen->place, listen->name, err);
}

static int add_backend_tls(struct proxy *proxy, uint32_t index, struct proxy_error *err)
{
    const struct config_backend *backend = &proxy->config->backends[index];
    struct tls_options options = {
        .is_client = true,
        .trust_file = backend->trust[0] != '\0' ? backend->trust : NULL,
        .has_h1 = backend->protocol == CONFIG_H1,
        .has_h2 = backend->protocol == CONFIG_H2,
    };

    if (!backend->has_tls)
        return 0;
    return add_tls(&options, &proxy->backend_tls[index], &backend->place, backend->name, err);
}

static int add_all_tls(struct proxy *proxy, struct proxy_error *err)
{
    int result = 0;

    for (uint32_t i = 0; i < proxy->config->listens_count && result == 0; i++)
        result = add_listen_tls(proxy, i, err);
    for (uint32_t i = 0; i < proxy->config->backends_count && result == 0; i++)
        result = add_backend_tls(proxy, i, err);
    return result;
}

/* --- servers --- */

static struct server_options server_options_of(const struct config_backend *backend, uint32_t index)
{
    static const enum server_reuse reuses[] = {
        [CONFIG_REUSE_NEVER] = SERVER_REUSE_NEVER,
        [CONFIG_REUSE_SAFE] = SERVER_REUSE_SAFE,
        [CONFIG_REUSE_AGGRESSIVE] = SERVER_REUSE_AGGRESSIVE,
        [CONFIG_REUSE_ALWAYS] = SERVER_REUSE_ALWAYS,
    };
    struct server_options options = {
        .addr = backend->servers[index],
        .limit = backend->limit,
        .idle_max = backend->idle_max,
        .fall = backend->fall,
        .down_ns = backend->down_ns,
        .purge_ns = backend->purge_ns,
        .reuse = reuses[backend->reuse],
        .root = backend->root,
        .index = backend->index,
    };

    (void)snprintf(options.name, sizeof(options.name), "%.24s/%u", backend->name, index + 1);
    return options;
}

static int add_backend(struct proxy *proxy, uint32_t index)
{
    const struct config_backend *config = &proxy->config->backends[index];
    struct backend_options options = {
        .name = config->name,
        .balance =
            config->balance == CONFIG_BALANCE_LEASTCONN ? BACKEND_LEASTCONN : BACKEND_ROUNDROBIN,
        .queue_max = config->queue,
    };
    struct backend *backend = malloc(sizeof(*backend));

    if (backend == NULL)
        return -ERR_MEMORY;
    int result = backend_init(backend, &proxy->idle, &options);
    if (result != 0) {
        free(backend);
        return result;
    }
    proxy->backends[index] = backend;
    for (uint32_t i = 0; i < config->servers_count && result == 0; i++) {
        struct server_options server = server_options_of(config, i);
        result = backend_add_server(backend, &server);
    }
    return result;
}

static int add_backends(struct proxy *proxy)
{
    int result = 0;

    for (uint32_t i = 0; i < proxy->config->backends_count && result == 0; i++)
        result = add_backend(proxy, i);
    return result;
}

/* Connections to servers are no jobs: one may still be there that is in no list, as it had
 * something left to send. When the listeners are closed no other fds are in the table. */
static void end_server_conns(struct proxy *proxy)
{
    struct fd_table *fds = &proxy->rt->fds;

    const int fd_high = atom_load(&fds->fd_high);

    for (int fd = 0; fd < fd_high; fd++) {
        /* No worker runs any more. */
        struct conn *conn = atom_peek(&fds->entries[fd].owner);
        if (conn == NULL)
            continue;
        struct mux *mux = tasklet_ctx(conn->waiter);
        BUG_ON(conn->pool != &proxy->server_conns || mux->conn != conn);
        MARK("proxy.conn_left");
        mux->ops->destroy(mux);
    }
}

static void free_backends(struct proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->config->backends_count; i++) {
        struct backend *backend = proxy->backends[i];
        for (uint32_t k = 0; backend != NULL && k < backend->servers_count; k++)
            idle_clear(&backend->servers[k]);
    }
    end_server_conns(proxy);
    for (uint32_t i = 0; i < proxy->config->backends_count; i++) {
        if (proxy->backends[i] != NULL)
            backend_fini(proxy->backends[i]);
        free(proxy->backends[i]);
    }
}

/* --- the muxes' part --- */

static void init_env(struct proxy *proxy)
{
    const struct config *config = proxy->config;
    struct mux_env *env = &proxy->env;
    unsigned exchanges_max = config->maxconn < EXCHANGES_MAX / config->streams_max
                                 ? config->maxconn * config->streams_max
                                 : EXCHANGES_MAX;

    /* A connection gives its place back a moment before what belonged to it is freed. */
    unsigned clients_max = 2 * config->maxconn + WORKERS_MAX;

    if (exchanges_max < clients_max)
        exchanges_max = clients_max;
    pool_init(&proxy->sessions, "session", sizeof(struct session), clients_max);
    pool_init(&proxy->exchanges, "exchange", sizeof(struct exchange), exchanges_max);
    pool_init(&proxy->server_conns, "server conn", sizeof(struct conn), config->fd_max);
    env->rt = proxy->rt;
    env->head_text_bytes =
        config->buffer_size < HEAD_TEXT_BYTES_MAX ? config->buffer_size : HEAD_TEXT_BYTES_MAX;
    /* Of each exchange: the request's and its copy, or the response's, and trailers. */
    pool_init(&env->heads, "head", http_head_size(env->head_text_bytes), 4 * exchanges_max);
    pool_init(&env->muxes[MUX_H1_FRONT], "h1 front", mux_h1_front_bytes(), clients_max);
    pool_init(&env->muxes[MUX_H1_BACK], "h1 back", mux_h1_back_bytes(), config->fd_max);
    pool_init(&env->muxes[MUX_H2], "h2", mux_h2_bytes(), clients_max + config->fd_max);
    pool_init(&env->muxes[MUX_FCGI], "fcgi", mux_fcgi_bytes(), config->fd_max);
    pool_init(&env->streams, "stream", MUX_STREAM_BYTES_MAX, 2 * exchanges_max);
    buffers_init(&env->buffers, config->buffer_size, config->buffers, config->workers);
    env->conns = &proxy->server_conns;
    env->streams_max = config->streams_max;
    env->timeouts = (struct mux_timeouts){
        .client_ns = config->timeout.client_ns,
        .server_ns = config->timeout.server_ns,
        .connect_ns = config->timeout.connect_ns,
        .request_ns = config->timeout.request_ns,
        .keep_alive_ns = config->timeout.keep_alive_ns,
        .idle_ns = config->timeout.idle_ns,
        .linger_ns = LINGER_NS,
    };
    env->host = (struct mux_host){.begin = session_begin, .end = session_end};
    env->host_ctx = proxy;
}

static void fini_env(struct proxy *proxy)
{
    struct mux_env *env = &proxy->env;

    pool_fini(&proxy->sessions);
    pool_fini(&proxy->exchanges);
    pool_fini(&proxy->server_conns);
    pool_fini(&env->heads);
    for (size_t i = 0; i < ARRAY_LEN(env->muxes); i++)
        pool_fini(&env->muxes[i]);
    pool_fini(&env->streams);
    buffers_fini(&env->buffers);
}

/* --- the whole --- */

/* What can be made only inside the instance. */
static int set_up(struct proxy *proxy, struct proxy_error *err)
{
    const struct config *config = proxy->config;

    int result = listener_set_init(&proxy->listeners, proxy->rt, config->maxconn,
                                   config->accept_ring, config->accept_batch);
    proxy->listeners.serve = serve;
    proxy->listeners.ctx = proxy;
    if (result == 0)
        result = idle_set_init(&proxy->idle, proxy->rt, config->workers);
    if (result == 0)
        result = add_backends(proxy);
    if (result == 0)
        result = control_init(proxy);
    if (result == 0)
        result = stop_new_task(proxy);
    if (result != 0) {
        describe(err, "cannot set up: %s", err_text(result));
        return result;
    }
    result = add_all_tls(proxy, err);
    return result == 0 ? add_listeners(proxy, err) : result;
}

static void tear_down(struct proxy *proxy)
{
    rt_enter(proxy->rt);
    if (proxy->hard_stop_task != NULL)
        task_destroy(proxy->hard_stop_task);
    control_fini(proxy);
    listener_set_fini(&proxy->listeners);
    free_backends(proxy);
    if (proxy->idle.rt != NULL)
        idle_set_fini(&proxy->idle);
    rt_leave(proxy->rt);
    rt_free(proxy->rt);
    for (size_t i = 0; i < ARRAY_LEN(proxy->listen_tls); i++)
        tls_context_free(proxy->listen_tls[i]);
    for (size_t i = 0; i < ARRAY_LEN(proxy->backend_tls); i++)
        tls_context_free(proxy->backend_tls[i]);
    fini_env(proxy);
    free(proxy);
}

int proxy_new(const struct config *config, struct proxy **out, struct proxy_error *err)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    struct rt_config rt_config = {.workers = config->workers, .fd_max = (int)config->fd_max};

    if (proxy == NULL) {
        describe(err, "out of memory");
        return -ERR_MEMORY;
    }
    proxy->config = config;
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        list_init(&proxy->workers[i].sessions);
    stop_init(proxy, &rt_config.callbacks);
    int result = rt_new(&rt_config, &proxy->rt);
    if (result != 0) {
        describe(err, "cannot set up %u workers: %s", config->workers, err_text(result));
        free(proxy);
        return result;
    }
    init_env(proxy);
    rt_enter(proxy->rt);
    result = set_up(proxy, err);
    rt_leave(proxy->rt);
    if (result != 0) {
        tear_down(proxy);
        return result;
    }
    HOOK_NAME(proxy, "proxy", config->node);
    *out = proxy;
    return 0;
}

void proxy_set_own_signals(struct proxy *proxy)
{
    proxy->has_own_signals = true;
}

void proxy_hold_signals(void)
{
    stop_hold_signals();
}

int proxy_run(struct proxy *proxy)
{
    struct stop_signals before;

    if (!proxy->has_own_signals)
        stop_begin_signals(&before);
    int result = rt_run(proxy->rt);
    if (!proxy->has_own_signals)
        stop_end_signals(&before);
    return result == 0 ? 0 : 1;
}

void proxy_signal(struct proxy *proxy, int signo)
{
    rt_signal(proxy->rt, signo);
}

void proxy_free(struct proxy *proxy)
{
    if (proxy != NULL)
        tear_down(proxy);
}

static unsigned check_sessions(const struct proxy *proxy)
{
    unsigned sessions = 0;

    for (unsigned i = 0; i < proxy->config->workers; i++) {
        const struct proxy_worker *worker = &proxy->workers[i];
        const struct list *link;
        unsigned count = 0;
        LIST_EACH(link, &worker->sessions)
        {
            const struct session *session = LIST_ENTRY(link, const struct session, link);
            BUG_ON(session->worker != (int)i);
            session_check(session);
            count++;
        }
        BUG_ON(count != worker->sessions_count);
        BUG_ON(!list_is_empty(&worker->removals) || worker->removing != NULL);
        sessions += count;
    }
    return sessions;
}

static unsigned count_exchanges(const struct proxy *proxy)
{
    unsigned exchanges = 0;

    for (unsigned i = 0; i < proxy->config->workers; i++) {
        const struct list *link;
        LIST_EACH(link, &proxy->workers[i].sessions)
        exchanges += LIST_ENTRY(link, const struct session, link)->exchanges_count;
    }
    return exchanges;
}

/* Of the muxes too, as far as a simulated build can list them. */
static void check_muxes(const struct proxy *proxy, bool is_quiet)
{
    for (size_t i = 0; i < ARRAY_LEN(proxy->env.muxes) && is_quiet; i++) {
        const struct pool *pool = &proxy->env.muxes[i];
        const void *object = pool_live_next(pool, NULL);
        for (; object != NULL; object = pool_live_next(pool, object))
            mux_check(object, is_quiet);
    }
}

static void check_servers(const struct proxy *proxy, bool is_quiet)
{
    for (uint32_t i = 0; i < proxy->config->backends_count; i++) {
        const struct backend *backend = proxy->backends[i];
        backend_check(backend, is_quiet);
        for (uint32_t k = 0; k < backend->servers_count; k++)
            idle_check(&proxy->idle, &backend->servers[k], is_quiet);
    }
}

void proxy_check(const struct proxy *proxy, bool is_quiet)
{
    is_quiet = is_quiet && !rt_is_retrying(proxy->rt);
    rt_check(proxy->rt, is_quiet);
    listener_set_check(&proxy->listeners, is_quiet);
    check_servers(proxy, is_quiet);
    buffers_check(&proxy->env.buffers, is_quiet);
    if (!is_quiet)
        return;
    unsigned sessions = check_sessions(proxy);
    check_muxes(proxy, is_quiet);
    /* Each counted connection has its session, and nothing is left of any other. */
    BUG_ON(sessions != atomic_load_explicit(&proxy->listeners.conn_count, memory_order_relaxed));
    BUG_ON(sessions != pool_count(&proxy->sessions));
    BUG_ON(sessions != pool_count(&proxy->listeners.conns));
    BUG_ON(count_exchanges(proxy) != pool_count(&proxy->exchanges));
}
