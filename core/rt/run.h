/*
 * core/rt/run.h - a worker's run queues: what was woken, in which order it runs.
 *
 * Own wake-ups go straight into the local queues: tasks into a tree ordered by (key, sequence),
 * tasklets into the list of their class. Wake-ups by others go into the shared run queue (tasks,
 * under its lock) or the remote queue (tasklets and killed tasks, lock-free), which the worker
 * empties each turn. An object runs at most once a turn, and each class has a share of the turn.
 *
 * Threads: the worker itself, except the run_push_ functions.
 */
#ifndef CORE_RT_RUN_H
#define CORE_RT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rt/task.h"

struct rt;
struct worker;

static inline int run_word_owner(uint64_t word)
{
    return (int32_t)(uint32_t)(word >> 32);
}

static inline uint32_t run_word_bits(uint64_t word)
{
    return (uint32_t)word;
}

static inline uint64_t run_word_make(uint32_t bits, int owner)
{
    return (uint64_t)(uint32_t)owner << 32 | bits;
}

/* The worker in whose queues an object of this owner belongs; negative for TASK_ANY. */
static inline int run_owner_worker(int owner)
{
    return owner >= TASK_ANY ? owner : -2 - owner;
}

/* The owner of a free task that worker `worker` has for now. */
static inline int run_owner_for_now(int worker)
{
    return -2 - worker;
}

/* Puts an object into the queues of worker `worker` and wakes it. The caller has just won QUEUED.
 * Any worker. _task: in the order of priorities; _tasklet (also for a task): by class, ahead of
 * those. */
void run_push_task(struct task *task, int worker);
void run_push_tasklet(struct tasklet *tasklet, int worker, uint32_t bits);

/* Drops RUNNING of a task. Woken (or killed) meanwhile, it is queued again by the same operation. A
 * free task that is neither queued nor filed is nobody's again; `may_disown` is false for one who
 * does not own it and cannot tell. */
void run_drop_running(struct task *task, bool may_disown);

/* Gives a free task that is ours, filed nowhere, back to nobody; does nothing when somebody has
 * queued or holds it: its run decides. */
void run_disown(struct task *task);

/* Runs what is queued, within the turn's budgets. */
void run_tasks(struct worker *worker);

/* Is anything queued here, by us or by others? */
bool run_has_work(struct worker *worker);

/* Likewise, but false only means: not that one knew without looking twice. What it has seen stays
 * until this worker runs it. From outside the workers: exactly. */
bool run_knows_work(const struct worker *worker);

/* Frees what is KILLED in the worker's queues and unqueues the rest. The instance does not run. */
void run_drain(struct worker *worker);

/* Gives the memory of a task or tasklet back, in no queue and not filed. */
void run_free(struct tasklet *object);

/* S1-S5, S7, S8. See rt_check(). */
void run_check(const struct rt *rt, bool is_quiet);

#endif
