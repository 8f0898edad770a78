#include "core/rt/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/rt/run.h"

static _Thread_local struct worker *self;

struct worker *worker_self(void)
{
    return self;
}

int worker_id(void)
{
    return self->id;
}

uint64_t worker_now_ns(void)
{
    return self->now_ns;
}

struct worker *worker_at(struct rt *rt, int index)
{
    BUG_ON(index < 0 || (unsigned)index >= rt->config.workers);
    return &rt->workers[index];
}

void worker_wake(struct worker *worker)
{
    const uint64_t one = 1;
    ssize_t done;
    /* pair: worker.sleep. Releases what was queued before; see the head of worker.h. */
    uint32_t flags = atom_fetch_or(&worker->flags, WORKER_NOTIFIED, memory_order_acq_rel);

    if ((flags & WORKER_SLEEPING) == 0 || (flags & WORKER_NOTIFIED) != 0)
        return;
    do {
        done = write(worker->wake_fd, &one, sizeof(one));
    } while (done < 0 && errno == EINTR);
    /* EAGAIN: the counter is full of other wake-ups. */
    BUG_ON(done < 0 && errno != EAGAIN);
}

void worker_wake_all(struct rt *rt)
{
    for (unsigned i = 0; i < rt->config.workers; i++)
        worker_wake(&rt->workers[i]);
}

uint32_t worker_random_below(struct worker *worker, uint32_t bound)
{
    uint64_t x = worker->rng;

    BUG_ON(bound == 0);
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    worker->rng = x;
    return (uint32_t)((x >> 32) * bound >> 32);
}

int worker_init(struct worker *worker, struct rt *rt, int id)
{
    int ret;

    worker->rt = rt;
    worker->id = id;
    worker->bit = UINT64_C(1) << id;
    worker->rng = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(id + 1);
    worker->fd_current = -1;
    worker->run_clock = UINT64_C(1) << 32; /* room below for the nice */
    atomic_init(&worker->flags, 0);
    mpsc_init(&worker->remote);
    list_init(&worker->shared);
    atomic_init(&worker->shared_count, 0);
    atomic_init(&worker->load, 0);
    RB_INIT(&worker->run_queue);
    for (int i = 0; i < TASK_CLASSES; i++)
        list_init(&worker->classes[i]);
    list_init(&worker->again);
    timers_init(&worker->timers);

    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->wake_fd < 0)
        return -ERR_SYSTEM;
    ret = -ERR_FULL;
    if (worker->wake_fd >= rt->config.fd_max)
        goto close_wake_fd;
    ret = poller_init(worker);
    if (ret < 0)
        goto close_wake_fd;
    lock_init(&worker->shared_lock, "worker.shared_lock");
    return 0;

close_wake_fd:
    close(worker->wake_fd);
    worker->wake_fd = -1;
    return ret;
}

void worker_fini(struct worker *worker)
{
    lock_fini(&worker->shared_lock);
    poller_fini(worker);
    /* rt_run() has deleted the eventfd of a worker that ran. */
    if (worker->wake_fd >= 0)
        close(worker->wake_fd);
}

static void sample_clock(struct worker *worker)
{
    struct timespec ts;

    BUG_ON(clock_gettime(CLOCK_MONOTONIC, &ts) != 0);
    worker->now_ns = (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

void worker_adopt(struct worker *worker)
{
    self = worker;
    if (worker != NULL)
        sample_clock(worker);
}

static void handle_wake_fd(struct rt *rt, int fd, void *owner)
{
    uint64_t count;

    (void)owner;
    /* One read empties an eventfd; EINTR or EAGAIN leave it for the next report. */
    if (read(fd, &count, sizeof(count)) < 0 && errno == EAGAIN)
        fd_cant_recv(rt, fd);
}

static void start(struct worker *worker)
{
    struct rt *rt = worker->rt;
    struct rt_callbacks *callbacks = &rt->config.callbacks;

    /* Workers are enabled and harmless before they are threads: somebody may be alone already. */
    isolate_idle_end(worker);
    BUG_ON(fd_insert(rt, worker->wake_fd, worker, handle_wake_fd, worker->bit) != 0);
    fd_want_recv(rt, worker->wake_fd);
    if (callbacks->worker_start != NULL)
        callbacks->worker_start(callbacks->ctx, worker);
}

static void stop(struct worker *worker)
{
    struct rt *rt = worker->rt;
    struct rt_callbacks *callbacks = &rt->config.callbacks;

    if (callbacks->worker_stop != NULL)
        callbacks->worker_stop(callbacks->ctx, worker);
    /* The eventfd lives until all have left: somebody may be about to write to it. */
    isolate_leave(worker);
}

static void handle_signals(struct worker *worker)
{
    struct rt *rt = worker->rt;
    struct rt_callbacks *callbacks = &rt->config.callbacks;
    /* pair: rt.signal. */
    uint64_t pending = atom_exchange(&rt->signals_pending, 0, memory_order_acquire);

    for (int signo = 1; pending != 0 && signo < RT_SIGNALS_MAX; signo++) {
        if ((pending & UINT64_C(1) << signo) == 0)
            continue;
        pending &= ~(UINT64_C(1) << signo);
        if (callbacks->signal != NULL)
            callbacks->signal(callbacks->ctx, rt, signo);
    }
}

/* Worker 0 begins each stop that was asked for. */
static void begin_stop(struct worker *worker)
{
    struct rt *rt = worker->rt;
    struct rt_callbacks *callbacks = &rt->config.callbacks;
    /* pair: rt.stop_asked. */
    int asked = atom_load_acquire(&rt->stop_asked);

    if (atom_peek(&rt->stop) >= asked) /* which is set below, and nowhere else */
        return;
    if (asked == RT_STOP_HARD) {
        MARK("rt.stop.hard");
        if (callbacks->stop_hard != NULL) {
            isolate_begin();
            callbacks->stop_hard(callbacks->ctx, rt);
            isolate_end();
        }
        /* Only now: those who see it leave, whatever there is left to do. */
        atom_store_release(&rt->stop, asked); /* pair: rt.stop */
    } else {
        /* pair: rt.stop. First: no new work is sent to others while the callback ends the old. */
        atom_store_release(&rt->stop, asked);
        if (callbacks->stop_soft != NULL)
            callbacks->stop_soft(callbacks->ctx, rt);
    }
    worker_wake_all(rt);
}

/* Each worker acknowledges once, after it has told the layer above. */
static void acknowledge_stop(struct worker *worker)
{
    struct rt *rt = worker->rt;
    struct rt_callbacks *callbacks = &rt->config.callbacks;

    worker->is_stopping = true;
    if (callbacks->worker_stopping != NULL)
        callbacks->worker_stopping(callbacks->ctx, worker);
    /* pair: rt.leave. */
    atom_fetch_or(&rt->stop_acked, worker->bit, memory_order_seq_cst);
}

/*
 * pair: rt.leave. A worker leaves when there is no job and everybody has acknowledged. Who ends the
 * last job looks at the acknowledgements afterwards, who acknowledges last looks at the jobs
 * afterwards: seq_cst on all four, so that one of them sees both and wakes the others.
 */
static bool may_leave(struct worker *worker)
{
    struct rt *rt = worker->rt;
    uint64_t enabled, acked;

    if (!worker->is_stopping)
        return false;
    if (atom_load(&rt->stop) != RT_STOP_HARD && atom_load_seq_cst(&rt->jobs) != 0)
        return false;
    if (PLANT(C43)) {
        /* Goes on its own view: somebody who has not seen the stop yet may still send it work. */
        return true;
    }
    acked = atom_load_seq_cst(&rt->stop_acked);
    enabled = atom_load_seq_cst(&rt->isolate.enabled);
    if (PLANT(C44)) {
        /* Those who left are acknowledged but not enabled: never equal again. */
        return acked == enabled;
    }
    return (acked & enabled) == enabled;
}

static bool has_signals(struct worker *worker)
{
    /* pair: worker.sleep orders this load; the handler sets the bit before it wakes us. */
    return worker->id == 0 && (atom_load(&worker->rt->signals_pending) != 0 ||
                               atom_load(&worker->rt->stop_asked) > atom_peek(&worker->rt->stop));
}

static bool sees_new_stop(struct worker *worker)
{
    if (worker->is_stopping)
        return false;
    /* Worker 0 begins the stop itself. */
    if (worker->id == 0)
        return atom_peek(&worker->rt->stop) != RT_RUNNING;
    return atom_load_acquire(&worker->rt->stop) != RT_RUNNING; /* pair: rt.stop. */
}

/* True when the worker may wait: then SLEEPING is set and whoever queues something will write. */
static bool try_sleep(struct worker *worker)
{
    if (run_knows_work(worker))
        return false;
    /* pair: worker.sleep. One operation sets SLEEPING and clears NOTIFIED. Acquires what was queued
     * by those whose NOTIFIED it clears; releases SLEEPING to those who come after. */
    atom_exchange(&worker->flags, WORKER_SLEEPING, memory_order_acq_rel);
    /* C42 looks at the signals at the top of the loop only: one that came since waits until
     * something else wakes the worker. */
    if (!run_has_work(worker) && !sees_new_stop(worker) && (PLANT(C42) || !has_signals(worker)))
        return true;
    MARK("rt.worker.work_before_sleep");
    atom_fetch_and(&worker->flags, ~(uint32_t)WORKER_SLEEPING, memory_order_relaxed);
    return false;
}

static uint64_t wait_ns(struct worker *worker)
{
    uint64_t due_ns = timers_next_ns(&worker->timers);

    if (due_ns <= worker->now_ns)
        return 0;
    return due_ns - worker->now_ns;
}

void worker_loop(struct worker *worker)
{
    struct rt *rt = worker->rt;
    bool can_sleep;

    start(worker);
    for (;;) {
        worker->turn++;
        timers_wake_expired(worker);
        if (worker->id == 0) {
            handle_signals(worker);
            begin_stop(worker);
        }
        run_tasks(worker);
        if (sees_new_stop(worker))
            acknowledge_stop(worker);
        can_sleep = try_sleep(worker);
        /* After SLEEPING is set: whoever makes it true from now on writes to our eventfd. */
        if (can_sleep && may_leave(worker))
            break;
        int count = poller_wait(worker, can_sleep ? wait_ns(worker) : 0);
        sample_clock(worker);
        poller_deliver(worker, count);
    }
    worker_wake_all(rt);
    stop(worker);
}
