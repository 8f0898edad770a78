/*
 * sim/posix/wait.h - how the lock models let threads wait.
 *
 * Two kinds of queue. A *gate* (mutex, semaphore, rwlock) is open or shut: all waiters are runnable
 * while it is open, and whoever runs first takes it and shuts it for the others, who never ran. So
 * every order of arrival is explored and no switch is spent on a thread that would wait again. A
 * *list* (condition, barrier) lets go of chosen waiters for good.
 *
 * Threads: none; on a virtual thread after its point.
 */
#ifndef SIM_POSIX_WAIT_H
#define SIM_POSIX_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sched/sched.h"

/* Parks the caller in `queue`. On return it is in no queue. PARK_WOKEN when another thread opened
 * the gate or took the caller off the queue, even if its time ran out just then. */
enum park_result wait_in(struct waitq *queue, const struct op *op, struct vthread *holder,
                         uint64_t deadline_ns, bool is_interruptible);

/* Opens a gate: every waiter may run. */
void wait_open(struct waitq *queue);
/* Shuts it: `holder` has what they wait for (NULL: nobody in particular). */
void wait_shut(struct waitq *queue, struct vthread *holder);

/* One waiter of a list, which one being a choice. NULL when there is none. */
struct vthread *wait_choose(struct waitq *queue);
/* Lets it go for good. */
void wait_release(struct waitq *queue, struct vthread *thread);
/* Lets it go straight into another queue, without running: it now waits for `op`, held by `holder`,
 * with no deadline. */
void wait_move(struct waitq *from, struct vthread *thread, struct waitq *to, const struct op *op,
               struct vthread *holder);

/* Fails the run when the caller, about to wait for `holder`, closes a circle of waits that nothing
 * else can end. */
void wait_check_cycle(const struct op *op, struct vthread *holder);

#endif
