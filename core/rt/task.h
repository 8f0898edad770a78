/*
 * core/rt/task.h - tasks and tasklets: what workers run.
 *
 * A tasklet is a function that runs soon after somebody wakes it. A task adds a place in a priority
 * queue and an expiry date. Both are bound to one worker (owner >= 0) or free: a free tasklet runs
 * on whoever wakes it, a free task is owned for a while by the worker that queued it (owner -2-k),
 * in whose run queue or timers it then is.
 *
 *     idle --wakeup--> QUEUED --picked--> RUNNING --returned--> idle
 *                        ^                   | (task) woken meanwhile
 *                        +-------------------+
 *
 * Bits and owner share one 64-bit word that changes by read-modify-write only. QUEUED is the
 * election: whoever sets it puts the object into exactly one queue. RUNNING is the exclusion: who
 * holds it may call process() or, for a task, change its date. A wake-up of a RUNNING task queues
 * nothing; the runner sees the WOKEN bits in the same operation that drops RUNNING.
 *
 * process(object, ctx, state) gets ctx and the bits as they were when it was picked (the WOKEN and
 * event bits are consumed by that). It returns its object, or NULL when it has freed it or arranged
 * for that. After NULL the scheduler does not touch the object.
 *
 * Objects of one instance come from its pools: creation may be refused.
 *
 * Threads: said at each function. "Owner" is the worker the object is bound to, or the one that
 * owns a free task for now.
 */
#ifndef CORE_RT_TASK_H
#define CORE_RT_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/tree.h"

#include "core/base/atomic.h"
#include "core/base/attr.h"
#include "core/base/list.h"

struct rt;
struct task;
struct tasklet;
struct worker;

/* X(name, bit). KILLED to USR1 are kept when the object is picked; the others are consumed. */
#define TASK_BIT_LIST(X)                                                                           \
    X(RUNNING, 0)                                                                                  \
    X(QUEUED, 1)                                                                                   \
    X(KILLED, 2)                                                                                   \
    X(SELF_WAKING, 3)                                                                              \
    X(HEAVY, 4)                                                                                    \
    X(F_TASKLET, 5)                                                                                \
    X(F_USR1, 6)                                                                                   \
    X(F_UEVT1, 8)                                                                                  \
    X(F_UEVT2, 9)                                                                                  \
    X(F_UEVT3, 10)                                                                                 \
    X(WOKEN_INIT, 16)                                                                              \
    X(WOKEN_TIMER, 17)                                                                             \
    X(WOKEN_IO, 18)                                                                                \
    X(WOKEN_SIGNAL, 19)                                                                            \
    X(WOKEN_MSG, 20)                                                                               \
    X(WOKEN_RES, 21)                                                                               \
    X(WOKEN_OTHER, 22)                                                                             \
    X(WOKEN_WQ, 23)

enum {
#define TASK_BIT_ENUM_(name, bit) TASK_##name = 1 << (bit),
    TASK_BIT_LIST(TASK_BIT_ENUM_)
#undef TASK_BIT_ENUM_
};

enum {
    TASK_WOKEN_ANY = TASK_WOKEN_INIT | TASK_WOKEN_TIMER | TASK_WOKEN_IO | TASK_WOKEN_SIGNAL |
                     TASK_WOKEN_MSG | TASK_WOKEN_RES | TASK_WOKEN_OTHER | TASK_WOKEN_WQ,
    TASK_PERSISTENT = TASK_KILLED | TASK_SELF_WAKING | TASK_HEAVY | TASK_F_TASKLET | TASK_F_USR1,
    /* What the application may set and clear at any time. */
    TASK_APPLICATION =
        TASK_SELF_WAKING | TASK_HEAVY | TASK_F_USR1 | TASK_F_UEVT1 | TASK_F_UEVT2 | TASK_F_UEVT3,
};

/* The owner of an object that is bound to nobody. A free task owned by worker k says -2-k. */
enum { TASK_ANY = -1 };

/* No date: later than every other. */
#define TIME_NEVER UINT64_MAX

typedef struct task *(*task_process_fn)(struct task *task, void *ctx, uint32_t state);
typedef struct tasklet *(*tasklet_process_fn)(struct tasklet *tasklet, void *ctx, uint32_t state);

/* Also the common part of a task. */
struct tasklet {
    _Atomic uint64_t word; /* TASK_ bits in the low half, owner (int32_t) in the high half */
    _Atomic(void *) ctx;   /* what process() works on; NULL once somebody took that away */
    union {
        task_process_fn task;
        tasklet_process_fn tasklet;
    } process;
    struct rt *rt;
    /* private */
    struct list
        link; /* in a class list, a shared run queue or a remote queue; guard: who won QUEUED */
    uint64_t turn_last; /* the owner's loop turn it last ran in, so that it runs once a turn */
};

struct task {
    struct tasklet common;
    _Atomic uint64_t
        expire_ns; /* TIME_NEVER: none. Written by the owner (bound) or under RUNNING (free) */
    int nice;      /* -1024 (soon) .. 1023 (late); set before the first wake-up */
    /* private */
    bool is_timed;          /* in the owner's timers; guard: owner */
    RB_ENTRY(task) rq_node; /* in the owner's run queue; guard: owner */
    uint64_t rq_key;
    uint64_t rq_seq;
    RB_ENTRY(task) timer_node; /* guard: owner */
    uint64_t timer_due_ns;     /* the date it is filed under, never later than expire_ns when due */
    uint64_t timer_seq;
};

/*
 * Tasks
 */

/* A task bound to worker `owner`, or free with TASK_ANY. NULL when refused. It is not queued.
 * The caller frees it: by task_destroy(), task_kill(), or process() doing so and returning NULL.
 * Any worker, or before rt_run(). */
MUST_CHECK struct task *task_new_on(struct rt *rt, int owner, task_process_fn process, void *ctx);

/* Makes the task run, with `why` (TASK_WOKEN_ bits, F_UEVT bits) in its state. Never lost: if it is
 * running it runs again. A free task that nobody owns goes to the caller. Any worker. */
void task_wakeup(struct task *task, uint32_t why);

/* Like task_wakeup() but ahead of what waits in the run queue. Any worker. */
void task_wakeup_now(struct task *task, uint32_t why);

/* Files the task under its expire_ns; does nothing for TIME_NEVER. A later date than the one it is
 * filed under is noticed lazily. Owner only; a free task only from inside its process(). The
 * scheduler does this by itself after process() returned. */
void task_queue(struct task *task);

/* Brings the date forward to `when_ns` (never back). For a bound task: its owner. For a free task:
 * any worker; if it is running just now it is woken (WOKEN_OTHER) instead, and must look for itself
 * what there is to wait for: it may have decided on its date before it could see ours. Never waits.
 */
void task_schedule(struct task *task, uint64_t when_ns);

/* The date. `set`: owner (bound), or inside process() (free). Does not file it. */
uint64_t task_expire(struct task *task);
void task_set_expire(struct task *task, uint64_t when_ns);

/* Frees the task, at once or as soon as it leaves its queue; its ctx is not used any more. Only its
 * owner; a free task only from inside its own process() (which then returns NULL). */
void task_destroy(struct task *task);

/* Frees the task from any worker: its owner does it, soon. At most one caller in the task's life,
 * who has seen to it that process() finds its ctx gone (task_set_ctx(task, NULL)); nobody may wake
 * it afterwards. The task may be running now: then process() is let finish, and returns its task.
 */
void task_kill(struct task *task);

void *task_ctx(struct task *task);
void task_set_ctx(struct task *task, void *ctx);

/* Sets or clears TASK_APPLICATION bits. Any worker; ordered with what is written before (set). */
void task_set_flags(struct task *task, uint32_t bits);
void task_clear_flags(struct task *task, uint32_t bits);

/*
 * Tasklets
 */

/* A tasklet bound to `owner`, or free with TASK_ANY: it runs on whoever wakes it. NULL when
 * refused. */
MUST_CHECK struct tasklet *tasklet_new_on(struct rt *rt, int owner, tasklet_process_fn process,
                                          void *ctx);

/* Makes it run, once for any number of wake-ups before it starts. Any worker. */
void tasklet_wakeup(struct tasklet *tasklet);

/* The same, with F_UEVT or WOKEN_ bits for its state. */
void tasklet_wakeup_why(struct tasklet *tasklet, uint32_t why);

/* Makes it run on worker `worker`, which must be its owner if it is bound. */
void tasklet_wakeup_on(struct tasklet *tasklet, int worker);

/* Frees it, at once or as soon as it leaves its queue. Owner only (a free one: from inside its
 * process(), or when nobody else knows it). */
void tasklet_free(struct tasklet *tasklet);

/* Frees it from any worker: its owner does it, soon. Once in its life; nobody may wake it
 * afterwards. A free tasklet is then freed by the caller's worker. */
void tasklet_kill(struct tasklet *tasklet);

/* ctx is how a tasklet learns that its object was taken away: the taker stores NULL (release) and
 * wakes it; process() then frees itself. The ctx process() was given is older than this. */
void *tasklet_ctx(struct tasklet *tasklet);
void tasklet_set_ctx(struct tasklet *tasklet, void *ctx);

/* Sets or clears TASK_APPLICATION bits (F_USR1: "my object may be stolen"). Any worker. */
void tasklet_set_flags(struct tasklet *tasklet, uint32_t bits);
void tasklet_clear_flags(struct tasklet *tasklet, uint32_t bits);
bool tasklet_has_flags(struct tasklet *tasklet, uint32_t bits);

/* The bound owner, TASK_ANY, or -2-k. A snapshot. */
int tasklet_owner(struct tasklet *tasklet);
int task_owner(struct task *task);

#endif
