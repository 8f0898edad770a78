#include "core/proxy/proxy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/net/conn.h"
#include "core/proxy/session.h"
#include "core/proxy/stop.h"
#include "core/rt/rt.h"

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
    for (uint32_t i = 0; i < proxy->config.listens_count; i++) {
        const struct config_listen *listen = &proxy->config.listens[i];
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

/* What can be made only inside the instance. */
static int set_up(struct proxy *proxy, struct proxy_error *err)
{
    const struct config *config = &proxy->config;

    int result = listener_set_init(&proxy->listeners, proxy->rt, config->maxconn,
                                   config->accept_ring, config->accept_batch);
    proxy->listeners.serve = serve;
    proxy->listeners.ctx = proxy;
    if (result == 0)
        result = stop_new_task(proxy);
    if (result != 0) {
        describe(err, "cannot set up: %s", err_text(result));
        return result;
    }
    return add_listeners(proxy, err);
}

static void tear_down(struct proxy *proxy)
{
    rt_enter(proxy->rt);
    if (proxy->hard_stop_task != NULL)
        task_destroy(proxy->hard_stop_task);
    listener_set_fini(&proxy->listeners);
    rt_leave(proxy->rt);
    rt_free(proxy->rt);
    pool_fini(&proxy->sessions);
    pool_fini(&proxy->buffers);
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
    proxy->config = *config;
    pool_init(&proxy->sessions, "session", sizeof(struct session), config->maxconn);
    pool_init(&proxy->buffers, "buffer", config->buffer_size, 4 * config->maxconn);
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        list_init(&proxy->workers[i].sessions);
    stop_init(proxy, &rt_config.callbacks);
    int result = rt_new(&rt_config, &proxy->rt);
    if (result != 0) {
        describe(err, "cannot set up %u workers: %s", config->workers, err_text(result));
        free(proxy);
        return result;
    }
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

void proxy_check(const struct proxy *proxy, bool is_quiet)
{
    unsigned sessions = 0;

    rt_check(proxy->rt, is_quiet);
    listener_set_check(&proxy->listeners, is_quiet);
    if (!is_quiet)
        return;
    for (unsigned i = 0; i < proxy->config.workers; i++) {
        const struct proxy_worker *worker = &proxy->workers[i];
        const struct list *link;
        unsigned count = 0;
        LIST_EACH(link, &worker->sessions)
        {
            const struct session *session = LIST_ENTRY(link, const struct session, link);
            BUG_ON(session->worker != (int)i);
            session_check(session, is_quiet);
            count++;
        }
        BUG_ON(count != worker->sessions_count);
        sessions += count;
    }
    /* Each counted connection has its session, and nothing is left of any other. */
    BUG_ON(sessions != atomic_load_explicit(&proxy->listeners.conn_count, memory_order_relaxed));
    BUG_ON(sessions != pool_count(&proxy->sessions));
    BUG_ON(pool_count(&proxy->listeners.conns) < sessions);
    BUG_ON(pool_count(&proxy->listeners.conns) > 2 * sessions);
}
