/*
 * sim/sched/park.c - parking, waking, and queues of waiters; see sched.h.
 */
#include <stdlib.h>

#include "sim/sched/internal.h"

/* The clock lane: the thread's deadline is due. */
static void fire_deadline(struct timer *timer)
{
    struct vthread *thread = timer->context;

    /* Also for a thread that was woken and has not run: it may be re-parked, and by then the timer
     * is gone. */
    thread->is_deadline_passed = true;
    if (thread->state == VTHREAD_PARKED) {
        thread->state = VTHREAD_RUNNABLE;
        thread->park_result = PARK_TIMEOUT;
        sched_enable(thread);
    }
}

bool sched_is_deadline(const struct timer *timer)
{
    return timer->fire == fire_deadline;
}

enum park_result sched_park(const struct op *op, struct vthread *holder, uint64_t deadline_ns,
                            bool is_interruptible)
{
    struct vthread *self = sched.self;

    if (is_interruptible && self->has_pending_signal)
        return PARK_SIGNAL;
    if (deadline_ns != TIME_NEVER) {
        if (self->deadline == NULL)
            self->deadline = arena_take(&sched.arena, sizeof(*self->deadline));
        timer_arm(self->deadline, sched.clock_lane, deadline_ns, fire_deadline, self);
    }
    self->parked_op = *op;
    self->parked_since_ns = sched.now_ns;
    self->parked_holder = holder;
    self->is_parked_interruptible = is_interruptible;
    self->is_deadline_passed = false;
    self->state = VTHREAD_PARKED;
    sched_disable(self);
    sched_reschedule(self);
    if (__builtin_expect(sched.is_ending, 0))
        sched_leave_run();
    if (self->deadline != NULL)
        timer_cancel(self->deadline);
    self->parked_op.kind = OP_NONE;
    self->parked_holder = NULL;
    return self->park_result;
}

void sched_unpark(struct vthread *thread)
{
    if (thread->state != VTHREAD_PARKED || thread->is_lane)
        return;
    thread->state = VTHREAD_RUNNABLE;
    thread->park_result = PARK_WOKEN;
    sched_enable(thread);
}

void sched_repark(struct vthread *thread, struct vthread *holder)
{
    if (thread->state != VTHREAD_RUNNABLE || thread->parked_op.kind == OP_NONE)
        return;
    thread->parked_holder = holder;
    if (thread->is_deadline_passed) {
        thread->park_result = PARK_TIMEOUT;
        return;
    }
    if (thread->is_parked_interruptible && thread->has_pending_signal) {
        thread->park_result = PARK_SIGNAL;
        return;
    }
    thread->state = VTHREAD_PARKED;
    sched_disable(thread);
}

void sched_interrupt(struct vthread *thread)
{
    if (thread->state != VTHREAD_PARKED || !thread->is_parked_interruptible)
        return;
    thread->state = VTHREAD_RUNNABLE;
    thread->park_result = PARK_SIGNAL;
    sched_enable(thread);
}

static void end_stall(struct timer *timer)
{
    struct vthread *thread = timer->context;

    thread->is_stalled = false;
    if (thread->state == VTHREAD_RUNNABLE)
        sched_enable(thread);
}

void sched_stall(struct vthread *thread, uint64_t until_ns)
{
    if (thread->state == VTHREAD_DONE || thread->is_lane)
        return;
    if (thread->stall_end == NULL)
        thread->stall_end = arena_take(&sched.arena, sizeof(*thread->stall_end));
    timer_cancel(thread->stall_end);
    sched_disable(thread);
    thread->is_stalled = true;
    timer_arm(thread->stall_end, sched.clock_lane, until_ns, end_stall, thread);
}

void waitq_add(struct waitq *queue, struct waiter *waiter, struct vthread *thread)
{
    waiter->thread = thread;
    waiter->next = NULL;
    waiter->prev = queue->tail;
    if (queue->tail != NULL)
        queue->tail->next = waiter;
    else
        queue->head = waiter;
    queue->tail = waiter;
    queue->count++;
    waiter->is_queued = true;
}

void waitq_remove(struct waitq *queue, struct waiter *waiter)
{
    if (!waiter->is_queued)
        return;
    if (waiter->prev != NULL)
        waiter->prev->next = waiter->next;
    else
        queue->head = waiter->next;
    if (waiter->next != NULL)
        waiter->next->prev = waiter->prev;
    else
        queue->tail = waiter->prev;
    queue->count--;
    waiter->is_queued = false;
}

enum park_result waitq_park(struct waitq *queue, const struct op *op, struct vthread *holder,
                            uint64_t deadline_ns, bool is_interruptible)
{
    struct vthread *self = sched.self;

    self->park_queue = queue;
    waitq_add(queue, &self->park_waiter, self);
    enum park_result result = sched_park(op, holder, deadline_ns, is_interruptible);
    waitq_remove(queue, &self->park_waiter);
    self->park_queue = NULL;
    return result;
}

bool waitq_wake_one(struct waitq *queue)
{
    struct waiter *waiter = queue->head;

    if (waiter == NULL)
        return false;
    for (uint32_t skip = choice_draw(CHOICE_WAKE, queue->count); skip > 0; skip--)
        waiter = waiter->next;
    struct vthread *thread = waiter->thread;
    waitq_remove(queue, waiter);
    sched_unpark(thread);
    return true;
}

void waitq_wake_all(struct waitq *queue)
{
    while (queue->head != NULL) {
        struct vthread *thread = queue->head->thread;
        waitq_remove(queue, queue->head);
        sched_unpark(thread);
    }
}
