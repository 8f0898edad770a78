/*
 * sim/posix/wait.c - see wait.h.
 */
#include "sim/posix/wait.h"

#include "sim/oracle/deadlock.h"
#include "sim/posix/signal.h"

enum park_result wait_in(struct waitq *queue, const struct op *op, struct vthread *holder,
                         uint64_t deadline_ns, bool is_interruptible)
{
    struct vthread *self = sched_self();

    self->park_queue = queue;
    waitq_add(queue, &self->park_waiter, self);
    enum park_result result = sched_park(op, holder, deadline_ns, is_interruptible);
    if (!self->park_waiter.is_queued || self->park_queue != queue)
        result = PARK_WOKEN;
    waitq_remove(self->park_queue, &self->park_waiter);
    self->park_queue = NULL;
    /* Woken while a signal came too: its handler runs before the caller finds out anything. */
    if (is_interruptible && result != PARK_SIGNAL && self->has_pending_signal)
        (void)signal_deliver(self);
    return result;
}

void wait_open(struct waitq *queue)
{
    for (struct waiter *waiter = queue->head; waiter != NULL; waiter = waiter->next)
        sched_unpark(waiter->thread);
}

void wait_shut(struct waitq *queue, struct vthread *holder)
{
    for (struct waiter *waiter = queue->head; waiter != NULL; waiter = waiter->next) {
        struct vthread *thread = waiter->thread;
        /* One whose time ran out, or whom a signal woke, does not wait any more. */
        if (thread->state == VTHREAD_RUNNABLE && thread->park_result == PARK_WOKEN)
            sched_repark(thread, holder);
        else if (thread->state == VTHREAD_PARKED)
            thread->parked_holder = holder;
    }
}

struct vthread *wait_choose(struct waitq *queue)
{
    struct waiter *waiter = queue->head;

    if (waiter == NULL)
        return NULL;
    for (uint32_t skip = choice_draw(CHOICE_WAKE, queue->count); skip > 0; skip--)
        waiter = waiter->next;
    return waiter->thread;
}

void wait_release(struct waitq *queue, struct vthread *thread)
{
    waitq_remove(queue, &thread->park_waiter);
    sched_unpark(thread);
}

void wait_move(struct waitq *from, struct vthread *thread, struct waitq *to, const struct op *op,
               struct vthread *holder)
{
    if (thread->state != VTHREAD_PARKED) { /* on its way already: it will find out by itself */
        wait_release(from, thread);
        return;
    }
    waitq_remove(from, &thread->park_waiter);
    if (thread->deadline != NULL)
        timer_cancel(thread->deadline);
    thread->next = *op;
    thread->parked_op = *op;
    thread->parked_holder = holder;
    thread->park_queue = to;
    waitq_add(to, &thread->park_waiter, thread);
}

void wait_check_cycle(const struct op *op, struct vthread *holder)
{
    /* Almost always the holder is not waiting, and that is all there is to know. */
    if (holder != NULL && holder->state == VTHREAD_PARKED && holder->parked_holder != NULL)
        deadlock_check_cycle(op, holder);
}
