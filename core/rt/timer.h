/*
 * core/rt/timer.h - one worker's tasks by date.
 *
 * A tree ordered by (due, sequence of filing): equal dates fire in the order they were filed. Only
 * the worker that owns the tasks touches its tree. A task whose date moved later stays where it was
 * and is filed again when its old date comes.
 *
 * Threads: the worker itself.
 */
#ifndef CORE_RT_TIMER_H
#define CORE_RT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/tree.h"

struct task;
struct worker;

RB_HEAD(timer_tree, task);

struct timers {
    struct timer_tree tree;
    uint64_t seq_next;
    unsigned count;
};

void timers_init(struct timers *timers);

/* Files `task` under its expire_ns, which must not be TIME_NEVER; it may be filed already. */
void timers_insert(struct timers *timers, struct task *task);

/* Takes it out; does nothing if it is not in. */
void timers_remove(struct timers *timers, struct task *task);

/* The earliest date, TIME_NEVER when none. */
uint64_t timers_next_ns(struct timers *timers);

/* Wakes (WOKEN_TIMER) each task due by worker->now_ns. */
void timers_wake_expired(struct worker *worker);

/* Aborts unless the tree is ordered and holds only this worker's tasks (S6, S7). Costs a walk. */
void timers_check(const struct worker *worker);

#endif
