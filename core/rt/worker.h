/*
 * core/rt/worker.h - a worker: one thread with its queues, its timers and its poller, and how it
 * sleeps.
 *
 * Before it sleeps a worker sets SLEEPING and clears NOTIFIED in one operation and looks into its
 * queues once more. Whoever queues something for it sets NOTIFIED afterwards, and writes to its
 * eventfd if it found SLEEPING set and NOTIFIED clear. As both are read-modify-writes of one word,
 * either the sleeper sees the work or the waker sees the sleeper.
 *
 * Threads: fields say who may touch them; functions take the worker itself or any as said.
 */
#ifndef CORE_RT_WORKER_H
#define CORE_RT_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/tree.h"

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/base/lock.h"
#include "core/base/mpsc.h"
#include "core/rt/poller.h"
#include "core/rt/task.h"
#include "core/rt/timer.h"

struct rt;

enum { WORKERS_MAX = 64 };

enum {
    WORKER_SLEEPING = 1 << 0, /* in epoll_wait, or about to be */
    WORKER_NOTIFIED = 1 << 1, /* somebody queued something since the last attempt to sleep */
};

/* Queues of a worker that runs objects of a kind in order, each with its share of a loop turn. */
enum task_class {
    TASK_CLASS_URGENT, /* woken by the poller, or by another worker */
    TASK_CLASS_NORMAL,
    TASK_CLASS_BULK,  /* woke itself */
    TASK_CLASS_HEAVY, /* TASK_HEAVY: one a turn */
    TASK_CLASSES,
};

RB_HEAD(run_tree, task);

struct worker {
    struct rt *rt;
    int id;
    uint64_t bit; /* 1 << id */
    pthread_t thread;

    /* Shared: any worker. */
    _Atomic uint32_t flags;  /* WORKER_ bits */
    struct mpsc remote;      /* tasklets woken by others, tasks killed by others */
    struct lock shared_lock; /* leaf; guards `shared` */
    struct list shared;      /* tasks woken by others */
    _Atomic unsigned shared_count;
    _Atomic unsigned
        load; /* tasks in the run queue at the start of the last turn; stored by itself */

    /* Own. */
    uint64_t now_ns;         /* CLOCK_MONOTONIC at the last return from the poller */
    uint64_t turn;           /* loop turns, from 1 */
    uint64_t rng;            /* xorshift64: where a random member is as good as any */
    int wake_fd;             /* eventfd, in the fd table while the worker runs */
    bool is_stopping;        /* has seen the instance's stop and acknowledged it */
    struct tasklet *current; /* running now (a task: its common part), or NULL */
    int fd_current;          /* whose handler runs now, or -1 */
    bool is_fd_current_gone; /* and has been deleted or migrated by it */
    struct lock *steal_lock; /* under which objects of F_USR1 tasklets are stolen; set by others */
    struct run_tree run_queue; /* tasks by (key, seq) */
    uint64_t run_clock;        /* next key */
    unsigned run_count;        /* tasks in run_queue */
    struct list classes[TASK_CLASSES];
    unsigned class_counts[TASK_CLASSES];
    struct list again; /* ran already this turn: goes back to BULK after it */
    unsigned again_count;
    struct timers timers;
    struct poller poller;
};

/* The worker that the calling thread is; NULL outside of any. */
struct worker *worker_self(void);

/* Its index from 0; the caller is a worker. */
int worker_id(void);

/* Nanoseconds of CLOCK_MONOTONIC, sampled once a loop turn. The caller is a worker. */
uint64_t worker_now_ns(void);

/* Worker `index` of the instance. */
struct worker *worker_at(struct rt *rt, int index);

/* Makes the worker look at its queues. Any thread, also from a signal handler. */
void worker_wake(struct worker *worker);
void worker_wake_all(struct rt *rt);

/* Pseudo-random, the same in each run for the same calls: below `bound` (not 0). The worker itself.
 */
uint32_t worker_random_below(struct worker *worker, uint32_t bound);

/* For rt.c: storage, identity, the loop. */
MUST_CHECK int worker_init(struct worker *worker, struct rt *rt, int id);
void worker_fini(struct worker *worker);
void worker_adopt(struct worker *worker); /* NULL: the thread is no worker any more */
void worker_loop(struct worker *worker);

#endif
