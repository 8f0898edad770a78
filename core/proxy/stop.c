#include "core/proxy/stop.h"

#include <string.h>

#include "core/base/err.h"
#include "core/net/accept.h"
#include "core/net/listener.h"
#include "core/proxy/proxy.h"
#include "core/proxy/session.h"

/* --- signals --- */

static const int signals[] = {SIGUSR1, SIGTERM, SIGINT, SIGTTOU, SIGTTIN};

/* On worker 0, whose instance it is for. Elsewhere these signals are blocked. */
static void handle_signal(int signo)
{
    struct worker *worker = worker_self();

    if (worker != NULL)
        rt_signal(worker->rt, signo);
}

static void fill_set(sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        (void)sigaddset(set, signals[i]);
}

void stop_begin_signals(struct stop_signals *before)
{
    struct sigaction action;
    sigset_t set;

    _Static_assert(ARRAY_LEN(signals) <= ARRAY_LEN(before->actions), "room for each signal");
    memset(&action, 0, sizeof(action));
    action.sa_handler = handle_signal;
    action.sa_flags = SA_RESTART;
    fill_set(&set);
    BUG_ON(pthread_sigmask(SIG_BLOCK, &set, &before->mask) != 0);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        BUG_ON(sigaction(signals[i], &action, &before->actions[i]) != 0);
}

void stop_hold_signals(void)
{
    sigset_t set;

    fill_set(&set);
    BUG_ON(pthread_sigmask(SIG_BLOCK, &set, NULL) != 0);
}

void stop_unblock_signals(void)
{
    sigset_t set;

    fill_set(&set);
    BUG_ON(pthread_sigmask(SIG_UNBLOCK, &set, NULL) != 0);
}

void stop_end_signals(const struct stop_signals *before)
{
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        BUG_ON(sigaction(signals[i], &before->actions[i], NULL) != 0);
    BUG_ON(pthread_sigmask(SIG_SETMASK, &before->mask, NULL) != 0);
}

static void on_signal(void *ctx, struct rt *rt, int signo)
{
    struct proxy *proxy = ctx;

    switch (signo) {
    case SIGUSR1:
        rt_stop_soft(rt);
        break;
    case SIGTERM:
    case SIGINT:
        rt_stop_hard(rt);
        break;
    case SIGTTOU:
        if (!rt_is_stopping(rt))
            listener_set_pause(&proxy->listeners);
        break;
    case SIGTTIN:
        listener_set_resume(&proxy->listeners);
        break;
    default:
        break;
    }
}

/* --- soft --- */

/* The soft stop took too long. */
static struct task *process_hard_stop(struct task *task, void *ctx, uint32_t state)
{
    struct proxy *proxy = ctx;

    (void)state;
    if (task_expire(task) <= worker_now_ns()) {
        MARK("stop.too_late");
        task_set_expire(task, TIME_NEVER);
        rt_stop_hard(proxy->rt);
    }
    return task;
}

int stop_new_task(struct proxy *proxy)
{
    if (proxy->config->hard_stop_after_ns == 0)
        return 0;
    proxy->hard_stop_task = task_new_on(proxy->rt, 0, process_hard_stop, proxy);
    return proxy->hard_stop_task != NULL ? 0 : -ERR_MEMORY;
}

static void on_stop_soft(void *ctx, struct rt *rt)
{
    struct proxy *proxy = ctx;

    (void)rt;
    if (proxy->hard_stop_task != NULL)
        task_schedule(proxy->hard_stop_task, worker_now_ns() + proxy->config->hard_stop_after_ns);
    listener_set_drain(&proxy->listeners);
    for (uint32_t i = 0; i < proxy->config->backends_count; i++) {
        for (uint32_t k = 0; k < proxy->backends[i]->servers_count; k++)
            idle_evict(&proxy->backends[i]->servers[k]);
    }
}

/* Those between two requests end at once, and with them what was private to them. */
static void on_worker_stopping(void *ctx, struct worker *worker)
{
    struct proxy *proxy = ctx;
    struct list *sessions = &proxy->workers[worker->id].sessions;
    struct list *link;
    struct list *next;

    LIST_EACH_SAFE(link, next, sessions)
    session_stop(LIST_ENTRY(link, struct session, link));
}

/* --- hard --- */

/* As the worker itself would: what it owns is freed from its queues and its storage. It stands
 * still meanwhile. */
static void kill_sessions_of(struct proxy *proxy, struct worker *worker)
{
    struct list *sessions = &proxy->workers[worker->id].sessions;

    worker_adopt(worker);
    while (!list_is_empty(sessions))
        session_kill(LIST_ENTRY(sessions->next, struct session, link));
}

static void on_stop_hard(void *ctx, struct rt *rt)
{
    struct proxy *proxy = ctx;
    struct worker *self = worker_self();

    BUG_ON(!isolate_is_mine());
    listener_set_stop(&proxy->listeners);
    accept_discard_rings(&proxy->listeners);
    for (unsigned i = 0; i < rt->config.workers; i++)
        kill_sessions_of(proxy, &rt->workers[i]);
    worker_adopt(self);
}

/* --- */

static void on_worker_start(void *ctx, struct worker *worker)
{
    struct proxy *proxy = ctx;

    if (worker->id == 0 && !proxy->has_own_signals)
        stop_unblock_signals();
    listener_set_start(&proxy->listeners);
}

static void on_worker_stop(void *ctx, struct worker *worker)
{
    struct proxy *proxy = ctx;

    /* A session is a job, and nobody leaves before the last job has ended. */
    BUG_ON(!list_is_empty(&proxy->workers[worker->id].sessions));
}

void stop_init(struct proxy *proxy, struct rt_callbacks *callbacks)
{
    *callbacks = (struct rt_callbacks){
        .ctx = proxy,
        .worker_start = on_worker_start,
        .worker_stop = on_worker_stop,
        .stop_soft = on_stop_soft,
        .stop_hard = on_stop_hard,
        .worker_stopping = on_worker_stopping,
        .signal = on_signal,
    };
}
