#include "core/rt/rt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/rt/fd_check.h"
#include "core/rt/run.h"

enum { DEPTH_DEFAULT = 200, EVENTS_DEFAULT = 200, OBJECTS_MAX_DEFAULT = 1 << 20 };

static bool is_valid(const struct rt_config *config)
{
    return config->workers >= 1 && config->workers <= WORKERS_MAX && config->fd_max >= 1;
}

static void fill_defaults(struct rt_config *config)
{
    if (config->runqueue_depth == 0)
        config->runqueue_depth = DEPTH_DEFAULT;
    if (config->poll_events_max == 0)
        config->poll_events_max = EVENTS_DEFAULT;
    if (config->tasks_max == 0)
        config->tasks_max = OBJECTS_MAX_DEFAULT;
    if (config->tasklets_max == 0)
        config->tasklets_max = OBJECTS_MAX_DEFAULT;
}

static void init_fields(struct rt *rt, const struct rt_config *config)
{
    rt->config = *config;
    fill_defaults(&rt->config);
    isolate_init(&rt->isolate);
    pool_init(&rt->task_pool, "task", sizeof(struct task), rt->config.tasks_max);
    pool_init(&rt->tasklet_pool, "tasklet", sizeof(struct tasklet), rt->config.tasklets_max);
    atomic_init(&rt->jobs, 0);
    atomic_init(&rt->stop_asked, RT_RUNNING);
    atomic_init(&rt->stop, RT_RUNNING);
    atomic_init(&rt->stop_acked, 0);
    atomic_init(&rt->signals_pending, 0);
}

int rt_new(const struct rt_config *config, struct rt **out)
{
    struct rt *rt;
    unsigned made;
    int ret;

    if (!is_valid(config))
        return -ERR_ARGUMENT;
    rt = calloc(1, sizeof(*rt));
    if (rt == NULL)
        return -ERR_MEMORY;
    init_fields(rt, config);
    ret = fd_table_init(rt, config->fd_max);
    if (ret < 0)
        goto free_rt;
    ret = -ERR_MEMORY;
    rt->workers = calloc(config->workers, sizeof(*rt->workers));
    if (rt->workers == NULL)
        goto fini_fds;
    for (made = 0; made < config->workers; made++) {
        ret = worker_init(&rt->workers[made], rt, (int)made);
        if (ret < 0)
            goto fini_workers;
    }
    *out = rt;
    return 0;

fini_workers:
    while (made > 0)
        worker_fini(&rt->workers[--made]);
    free(rt->workers);
fini_fds:
    fd_table_fini(rt);
free_rt:
    free(rt);
    return ret;
}

void rt_free(struct rt *rt)
{
    if (rt == NULL)
        return;
    BUG_ON(rt->is_running);
    for (unsigned i = 0; i < rt->config.workers; i++)
        run_drain(&rt->workers[i]);
    for (unsigned i = 0; i < rt->config.workers; i++)
        worker_fini(&rt->workers[i]);
    free(rt->workers);
    pool_fini(&rt->tasklet_pool);
    pool_fini(&rt->task_pool);
    fd_table_fini(rt);
    free(rt);
}

void rt_enter(struct rt *rt)
{
    BUG_ON(rt->is_running || worker_self() != NULL);
    worker_adopt(&rt->workers[0]);
}

void rt_leave(struct rt *rt)
{
    BUG_ON(rt->is_running || worker_self() != &rt->workers[0]);
    worker_adopt(NULL);
}

static void run_named(struct worker *worker)
{
    char name[16];

    snprintf(name, sizeof(name), "w%d", worker->id);
    pthread_setname_np(pthread_self(), name);
    worker_loop(worker);
}

static void *thread_main(void *arg)
{
    struct worker *worker = arg;

    worker_adopt(worker);
    run_named(worker);
    worker_adopt(NULL);
    return NULL;
}

/* Starts workers 1 and up; returns how many workers there are with worker 0. */
static unsigned start_threads(struct rt *rt)
{
    unsigned count = rt->config.workers;
    uint64_t all = UINT64_MAX >> (WORKERS_MAX - count);

    /* All take part, and are idle, before they run: who is first may isolate itself. */
    atom_store(&rt->isolate.harmless, 0);
    atom_store(&rt->isolate.idle, all);
    atom_store_release(&rt->isolate.enabled, all); /* pair: isolate.work */
    for (unsigned i = 1; i < count; i++) {
        struct worker *worker = &rt->workers[i];

        if (pthread_create(&worker->thread, NULL, thread_main, worker) == 0)
            continue;
        for (unsigned j = i; j < count; j++)
            isolate_leave(&rt->workers[j]);
        return i;
    }
    return count;
}

/* The eventfds outlive the workers: until the last one had left somebody could write to them. */
static void close_wake_fds(struct rt *rt, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int fd = rt->workers[i].wake_fd;

        rt->workers[i].wake_fd = -1;
        fd_delete(rt, fd);
    }
}

int rt_run(struct rt *rt)
{
    unsigned started;

    rt_enter(rt);
    rt->is_running = true;
    started = start_threads(rt);
    if (started < rt->config.workers)
        rt_stop_hard(rt);
    run_named(&rt->workers[0]);
    for (unsigned i = 1; i < started; i++)
        BUG_ON(pthread_join(rt->workers[i].thread, NULL) != 0);
    rt->is_running = false;
    close_wake_fds(rt, started);
    rt_leave(rt);
    return started < rt->config.workers ? -ERR_SYSTEM : 0;
}

static void ask_stop(struct rt *rt, int stop)
{
    int asked = atom_load(&rt->stop_asked);

    while (asked < stop) {
        /* pair: rt.stop_asked. */
        if (atom_cas(&rt->stop_asked, &asked, stop, memory_order_release)) {
            worker_wake(&rt->workers[0]);
            return;
        }
    }
}

void rt_stop_soft(struct rt *rt)
{
    int error = errno;

    ask_stop(rt, RT_STOP_SOFT);
    errno = error;
}

void rt_stop_hard(struct rt *rt)
{
    int error = errno;

    ask_stop(rt, RT_STOP_HARD);
    errno = error;
}

bool rt_is_stopping(struct rt *rt)
{
    return atom_load_acquire(&rt->stop) != RT_RUNNING; /* pair: rt.stop */
}

void rt_signal(struct rt *rt, int signo)
{
    int error = errno;

    BUG_ON(signo <= 0 || signo >= RT_SIGNALS_MAX);
    /* pair: rt.signal. */
    atom_fetch_or(&rt->signals_pending, UINT64_C(1) << signo, memory_order_release);
    worker_wake(&rt->workers[0]);
    errno = error;
}

void rt_job_begin(struct rt *rt)
{
    atom_fetch_add(&rt->jobs, 1, memory_order_relaxed);
}

void rt_job_end(struct rt *rt)
{
    /* pair: rt.leave. */
    BUG_ON(atom_fetch_sub(&rt->jobs, 1, memory_order_seq_cst) <= 0);
}

static int peek_int(const _Atomic int *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static uint64_t peek_mask(const _Atomic uint64_t *mask)
{
    return atomic_load_explicit(mask, memory_order_relaxed);
}

/* S5: nobody sleeps while there is something that only waking would bring about. */
static void check_quiet_stop(const struct rt *rt)
{
    uint64_t enabled = peek_mask(&rt->isolate.enabled);
    int stop = peek_int(&rt->stop);

    if (enabled & rt->workers[0].bit) {
        BUG_ON(peek_mask(&rt->signals_pending) != 0);
        BUG_ON(peek_int(&rt->stop_asked) > stop);
    }
    if (stop == RT_RUNNING)
        return;
    /* All have acknowledged, and without a job nobody stays. */
    BUG_ON((enabled & ~peek_mask(&rt->stop_acked)) != 0);
    BUG_ON(enabled != 0 && (stop == RT_STOP_HARD || peek_int(&rt->jobs) == 0));
}

bool rt_is_retrying(const struct rt *rt)
{
    for (unsigned i = 0; i < rt->config.workers; i++)
        if (rt->workers[i].poller.is_retrying)
            return true;
    return false;
}

void rt_check(const struct rt *rt, bool is_quiet)
{
    is_quiet = is_quiet && !rt_is_retrying(rt);
    fd_check(rt, is_quiet);
    run_check(rt, is_quiet);
    if (!is_quiet || !rt->is_running)
        return;
    for (unsigned i = 0; i < rt->config.workers; i++)
        timers_check(&rt->workers[i]);
    check_quiet_stop(rt);
}
