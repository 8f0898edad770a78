/*
 * sim/sched/dependence.c - see dependence.h.
 */
#include "sim/sched/dependence.h"

#include <string.h>

#include "sim/sched/internal.h"

void (*action_kernel_touches)(const struct op *op, struct action *action);
bool (*action_timer_touches)(const struct timer *timer, struct action *action);

/* Numbers of threads, and with them names, are given in the order in which threads are made. */
static const char threads_made;

void action_add(struct action *action, const void *object, enum touch_kind kind)
{
    if (object == NULL)
        return;
    if (action->touch_count == ACTION_TOUCHES_MAX) {
        action->scope = action->is_kernel ? SCOPE_KERNEL : SCOPE_ALL;
        return;
    }
    action->touches[action->touch_count++] = (struct touch){.object = object, .kind = kind};
}

static bool is_word(const char *label, const char *word)
{
    return label != NULL && strcmp(label, word) == 0;
}

/* With a time-out, it may find in the end that the lock is another's. */
static bool is_timed(const struct op *op)
{
    return op->label != NULL &&
           (strstr(op->label, "timed") != NULL || strstr(op->label, "_clock") != NULL);
}

/* ---- what an operation touches ---- */

/* Waiting: at first for a condition, a barrier or a semaphore; `is_resumed` and then what comes
 * after the park. */
static void add_wait(struct action *out, const struct op *op, const void *second, bool is_resumed)
{
    if (op->label != NULL && strncmp(op->label, "sem_", 4) == 0) {
        out->may_wait = !is_timed(op);
        action_add(out, op->object, is_timed(op) ? TOUCH_TRY : TOUCH_DOWN);
        return;
    }
    action_add(out, op->object, TOUCH_WRITE);
    action_add(out, second, is_resumed ? TOUCH_ACQUIRE : TOUCH_RELEASE);
}

static void add_call(struct action *out, const struct op *op)
{
    out->is_kernel = true;
    if (op->object == NULL)
        out->scope = SCOPE_ALL; /* signals, which are everybody's business */
    else if (action_kernel_touches == NULL)
        out->scope = SCOPE_KERNEL;
    else
        action_kernel_touches(op, out);
}

/* Whether the operation ends a process, or asks about a thread's end without waiting for it. */
static bool concerns_all(const struct op *op)
{
    return (op->kind == OP_EXIT && !is_word(op->label, "pthread_exit")) ||
           (op->kind == OP_JOIN && !is_word(op->label, "pthread_join") &&
            !is_word(op->label, "thrd_join"));
}

static void fill(struct action *out, const struct op *op, const void *second, bool is_resumed)
{
    out->kind = op->kind;
    out->scope = concerns_all(op) ? SCOPE_ALL : SCOPE_TOUCHES;
    out->is_kernel = false;
    out->may_wait = false;
    out->touch_count = 0;
    switch (op->kind) {
    case OP_NONE:
    case OP_START:
    case OP_EXIT:
    case OP_FENCE:
    case OP_YIELD:
    case OP_SLEEP:
    case OP_CLOCK:
    case OP_KIND_COUNT:
        break;
    case OP_JOIN:
        out->may_wait = true;
        break;
    case OP_CREATE:
        action_add(out, &threads_made, TOUCH_WRITE);
        break;
    case OP_LOAD:
    case OP_READ_MEM:
        action_add(out, op->object, TOUCH_READ);
        break;
    case OP_STORE:
    case OP_RMW:
    case OP_CAS:
    case OP_WRITE_MEM:
        action_add(out, op->object, TOUCH_WRITE);
        break;
    case OP_SIGNAL:
        action_add(out, op->object, is_word(op->label, "sem_post") ? TOUCH_UP : TOUCH_WRITE);
        break;
    case OP_LOCK:
    case OP_LOCK_READ:
        out->may_wait = !is_timed(op);
        action_add(out, op->object,
                   is_timed(op)          ? TOUCH_TRY
                   : op->kind == OP_LOCK ? TOUCH_ACQUIRE
                                         : TOUCH_ACQUIRE_SHARED);
        break;
    case OP_TRY_LOCK:
        action_add(out, op->object, TOUCH_TRY);
        break;
    case OP_UNLOCK:
        action_add(out, op->object, op->object == second ? TOUCH_RELEASE_SHARED : TOUCH_RELEASE);
        break;
    case OP_WAIT:
        add_wait(out, op, second, is_resumed);
        break;
    case OP_CALL:
        add_call(out, op);
        break;
    case OP_LANE:
        out->is_kernel = true;
        out->scope = SCOPE_KERNEL;
        break;
    }
}

/* A spinner goes on because something that it read has changed. */
static void fill_spin(struct action *out, const struct vthread *thread)
{
    const struct spin *spin = thread->spin;

    *out = (struct action){.kind = thread->parked_op.kind, .scope = SCOPE_TOUCHES};
    for (uint32_t i = 0; i < thread->spin_reads; i++)
        action_add(out, (const void *)(uintptr_t)spin->reads[i].address, TOUCH_READ);
}

/* Only spinning parks a thread in the middle of these: what it spins on is memory. */
static bool is_of_memory(enum op_kind kind)
{
    return (kind >= OP_LOAD && kind <= OP_CAS) || kind == OP_TRY_LOCK || kind >= OP_READ_MEM;
}

/* A deadline ends a park: like a wake-up by whoever the thread waits for. */
static void fill_deadline(struct action *out, const struct vthread *sleeper)
{
    const struct op *op = &sleeper->parked_op;

    fill(out, op, NULL, true);
    out->kind = OP_LANE;
    out->may_wait = false;
    out->touch_count = 0;
    action_add(out, sleeper, TOUCH_WRITE);
    if (out->is_kernel)
        out->scope = SCOPE_KERNEL;
    else
        action_add(out, op->object, TOUCH_WRITE);
}

static void fill_lane(struct action *out, const struct vthread *lane)
{
    const struct timer *timer = lane->due_head;

    fill(out, &lane->next, NULL, false);
    if (timer == NULL)
        return;
    /* Which of those due at one instant comes first is a choice: nobody may know yet. */
    const bool has_ties = timer->due_next != NULL && timer->due_next->due_ns == timer->due_ns;
    if (sched_is_deadline(timer)) {
        fill_deadline(out, timer->context);
    } else if (action_timer_touches != NULL && (!has_ties || sched.step_cost_ns == 0)) {
        out->scope = SCOPE_TOUCHES;
        if (!action_timer_touches(timer, out))
            out->scope = SCOPE_KERNEL;
    }
}

bool action_is_of_spin(const struct vthread *thread)
{
    return is_of_memory(thread->parked_op.kind);
}

void action_of(const struct vthread *thread, struct action *out)
{
    if (thread->is_lane)
        fill_lane(out, thread);
    else if (thread->parked_op.kind == OP_NONE)
        fill(out, &thread->next, thread->second_object, false);
    else if (is_of_memory(thread->parked_op.kind))
        fill_spin(out, thread);
    else
        fill(out, &thread->parked_op, thread->second_object, true);
    if (!thread->is_lane && thread->has_pending_signal)
        out->scope = SCOPE_ALL; /* a handler runs first */
}

/* ---- comparing ---- */

static bool is_shared(enum touch_kind kind)
{
    return kind == TOUCH_ACQUIRE_SHARED || kind == TOUCH_RELEASE_SHARED;
}

static bool touch_conflicts(const struct touch *a, const struct touch *b)
{
    if (a->object != b->object)
        return false;
    if (a->kind == b->kind && (a->kind == TOUCH_READ || a->kind == TOUCH_UP))
        return false;
    return !(is_shared(a->kind) && is_shared(b->kind));
}

bool action_is_dependent(const struct action *a, const struct action *b)
{
    if (a->scope == SCOPE_ALL || b->scope == SCOPE_ALL)
        return true;
    if ((a->scope == SCOPE_KERNEL && b->is_kernel) || (b->scope == SCOPE_KERNEL && a->is_kernel))
        return true;
    for (uint32_t i = 0; i < a->touch_count; i++)
        for (uint32_t j = 0; j < b->touch_count; j++)
            if (touch_conflicts(&a->touches[i], &b->touches[j]))
                return true;
    return false;
}

/* Taking a lock after whoever had it let go: there is no other order. */
static bool is_handed_over(enum touch_kind earlier, enum touch_kind later)
{
    bool is_release = earlier == TOUCH_RELEASE || earlier == TOUCH_RELEASE_SHARED;

    return is_release && (later == TOUCH_ACQUIRE || later == TOUCH_ACQUIRE_SHARED);
}

bool action_may_precede(const struct action *later, const struct action *earlier)
{
    bool is_shared_touch = false;

    for (uint32_t i = 0; i < earlier->touch_count; i++) {
        for (uint32_t j = 0; j < later->touch_count; j++) {
            const struct touch *a = &earlier->touches[i];
            const struct touch *b = &later->touches[j];
            if (!touch_conflicts(a, b))
                continue;
            is_shared_touch = true;
            if (!is_handed_over(a->kind, b->kind))
                return true;
        }
    }
    return !is_shared_touch;
}

/* An operation that says all about itself: on memory, or on a lock. */
static bool is_plain_op(const struct op *op)
{
    const uint32_t plain = 1U << OP_LOAD | 1U << OP_STORE | 1U << OP_RMW | 1U << OP_CAS |
                           1U << OP_LOCK | 1U << OP_TRY_LOCK | 1U << OP_UNLOCK | 1U << OP_READ_MEM |
                           1U << OP_WRITE_MEM;

    return (plain >> op->kind & 1) != 0;
}

/* The kernel's alone: no memory of the code under test that it announces, and no lock. */
static bool is_kernel_op(const struct op *op)
{
    return op->kind == OP_LANE || (op->kind == OP_CALL && op->object != NULL);
}

/* At a point, not in the middle of something. */
static bool is_at_point(const struct vthread *thread)
{
    return thread->parked_op.kind == OP_NONE && thread->second_object == NULL;
}

static bool is_plain(const struct vthread *thread)
{
    return is_plain_op(&thread->next) && is_at_point(thread);
}

static bool is_kernel(const struct vthread *thread)
{
    if (thread->is_lane)
        return thread->due_head == NULL || !sched_is_deadline(thread->due_head);
    return is_kernel_op(&thread->next) && is_at_point(thread) && !thread->has_pending_signal;
}

/* One of the kernel's, the other one of memory or locks. A handler that is due is neither. */
static bool is_apart(const struct vthread *kernel, const struct vthread *plain)
{
    return is_kernel(kernel) && !plain->has_pending_signal;
}

static bool plain_ops_conflict(const struct op *a, const struct op *b)
{
    return a->object == b->object && (op_kind_writes(a->kind) || op_kind_writes(b->kind));
}

bool thread_is_dependent(const struct vthread *a, const struct vthread *b)
{
    struct action first;
    struct action second;

    const bool is_a_plain = is_plain(a);
    const bool is_b_plain = is_plain(b);

    if (is_a_plain && is_b_plain)
        return plain_ops_conflict(&a->next, &b->next);
    if ((is_a_plain && is_apart(b, a)) || (is_b_plain && is_apart(a, b)))
        return false;
    action_of(a, &first);
    action_of(b, &second);
    return action_is_dependent(&first, &second);
}

bool op_is_dependent(const struct op *a, const struct op *b)
{
    struct action first;
    struct action second;

    if (is_plain_op(a) && is_plain_op(b))
        return plain_ops_conflict(a, b);
    if ((is_plain_op(a) && is_kernel_op(b)) || (is_plain_op(b) && is_kernel_op(a)))
        return false;
    fill(&first, a, NULL, false);
    fill(&second, b, NULL, false);
    return action_is_dependent(&first, &second);
}
