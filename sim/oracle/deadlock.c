/*
 * sim/oracle/deadlock.c - see deadlock.h.
 *
 * A cycle is printed as what each of its threads waits for, each thread's holder next, beginning
 * with the smallest label, so that the same deadlock has the same title whoever was first.
 */
#include "sim/oracle/deadlock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/posix/names.h"
#include "sim/posix/thread.h"

enum { CYCLE_MAX = 16 };

/* One thread of a cycle and what it waits for. */
struct wait_link {
    struct vthread *thread;
    struct op op;
};

struct cycle {
    struct wait_link links[CYCLE_MAX];
    uint32_t count;
};

/* ---- words ---- */

static void print(char *out, size_t out_bytes, size_t *used, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void print(char *out, size_t out_bytes, size_t *used, const char *fmt, ...)
{
    va_list args;

    if (*used + 1 >= out_bytes)
        return;
    va_start(args, fmt);
    int wrote = vsnprintf(out + *used, out_bytes - *used, fmt, args);
    va_end(args);
    if (wrote > 0)
        *used += (size_t)wrote;
}

/* What a wait is for: a lock's name, "thread w1", or the expression that is read again and again.
 */
static void label_of(const struct op *op, char *out, size_t out_bytes)
{
    const char *label = op->label == NULL ? "?" : op->label;

    switch ((int)op->kind) {
    case OP_JOIN:
        (void)snprintf(
            out, out_bytes, "thread %s",
            op->object == NULL ? "?" : ((const struct posix_thread *)op->object)->thread->name);
        return;
    case OP_LOAD:
    case OP_RMW:
    case OP_CAS:
    case OP_YIELD:
    case OP_READ_MEM:
        if (label[0] == '&') /* the source text of an address */
            label++;
        (void)snprintf(out, out_bytes, "%s", label);
        return;
    default:
        if (op->object == NULL || !object_name(op->object, out, out_bytes))
            (void)snprintf(out, out_bytes, "%s", label);
        return;
    }
}

struct text {
    char *out;
    size_t out_bytes;
    size_t used;
    bool is_first;
};

static void print_held(void *context, const struct held_lock *held)
{
    struct text *text = context;
    char name[OBJECT_NAME_BYTES];

    (void)object_name(held->object, name, sizeof(name));
    print(text->out, text->out_bytes, &text->used, "%s %s since {pc:%lx}",
          text->is_first ? " holds" : ",", name, (unsigned long)held->pc);
    text->is_first = false;
}

static void print_thread(struct text *text, const struct vthread *thread, const struct op *op)
{
    char label[OBJECT_NAME_BYTES];

    label_of(op, label, sizeof(label));
    print(text->out, text->out_bytes, &text->used, "%s", thread->name);
    text->is_first = true;
    posix_held_locks(thread, print_held, text);
    print(text->out, text->out_bytes, &text->used, "%s waits for %s in {pc:%lx}\n",
          text->is_first ? "" : ", and", label, (unsigned long)op->pc);
}

/* ---- cycles ---- */

static _Noreturn void fail_cycle(struct cycle *cycle)
{
    char labels[CYCLE_MAX][OBJECT_NAME_BYTES];
    char title[FINDING_TITLE_BYTES];
    char detail[FINDING_DETAIL_BYTES] = "";
    struct text text = {.out = detail, .out_bytes = sizeof(detail)};
    uint32_t first = 0;
    size_t used = 0;

    for (uint32_t i = 0; i < cycle->count; i++) {
        label_of(&cycle->links[i].op, labels[i], sizeof(labels[i]));
        if (strcmp(labels[i], labels[first]) < 0)
            first = i;
    }
    for (uint32_t n = 0; n < cycle->count; n++) {
        uint32_t i = (first + n) % cycle->count;
        const struct wait_link *link = &cycle->links[i];
        print(title, sizeof(title), &used, "%s%s({pc:%lx})", n == 0 ? "" : " -> ", labels[i],
              (unsigned long)link->op.pc);
        print_thread(&text, link->thread, &link->op);
    }
    finding_fail_detail(FINDING_DEADLOCK, cycle->links[first].op.pc, detail, "deadlock: %s", title);
}

static bool add_link(struct cycle *cycle, struct vthread *thread, const struct op *op)
{
    if (cycle->count == CYCLE_MAX)
        return false;
    cycle->links[cycle->count++] = (struct wait_link){.thread = thread, .op = *op};
    return true;
}

static bool has_deadline(const struct vthread *thread)
{
    return thread->deadline != NULL && timer_is_armed(thread->deadline);
}

/* Waits, and only the end of its wait would let it go on. */
static bool is_stuck(const struct vthread *thread)
{
    return thread->state == VTHREAD_PARKED && !thread->is_lane && !has_deadline(thread);
}

void deadlock_check_cycle(const struct op *op, struct vthread *holder)
{
    struct vthread *self = sched_self();
    struct cycle cycle = {.count = 0};

    (void)add_link(&cycle, self, op);
    for (struct vthread *thread = holder; thread != self; thread = thread->parked_holder) {
        if (thread == NULL || !is_stuck(thread) || !add_link(&cycle, thread, &thread->parked_op))
            return;
    }
    fail_cycle(&cycle);
}

void deadlock_fail_self(const struct op *op)
{
    struct cycle cycle = {.count = 0};

    (void)add_link(&cycle, sched_self(), op);
    fail_cycle(&cycle);
}

/* ---- when everybody waits ---- */

/* A wait that a thread of the same program has to end. */
static bool is_thread_wait(const struct vthread *thread)
{
    switch (thread->parked_op.kind) {
    case OP_JOIN:
    case OP_LOAD:
    case OP_STORE:
    case OP_RMW:
    case OP_CAS:
    case OP_LOCK:
    case OP_LOCK_READ:
    case OP_TRY_LOCK:
    case OP_WAIT:
    case OP_YIELD:
    case OP_READ_MEM:
    case OP_WRITE_MEM:
        return true;
    case OP_NONE:
    case OP_START:
    case OP_EXIT:
    case OP_CREATE:
    case OP_FENCE:
    case OP_UNLOCK:
    case OP_SIGNAL:
    case OP_CALL:
    case OP_SLEEP:
    case OP_CLOCK:
    case OP_LANE:
    case OP_KIND_COUNT:
        break;
    }
    return false;
}

static bool is_lock_wait(const struct vthread *thread)
{
    return thread->parked_op.kind == OP_LOCK || thread->parked_op.kind == OP_LOCK_READ;
}

static bool is_spin(const struct vthread *thread)
{
    return is_thread_wait(thread) && thread->parked_op.kind != OP_JOIN &&
           thread->parked_op.kind != OP_WAIT && !is_lock_wait(thread);
}

/* The threads that wait for ever, in order of creation. */
struct stuck {
    struct vthread *threads[VTHREADS_MAX];
    uint32_t count;
};

/* Who can end the wait of `thread`: the holder named at the park, or, of a lock that several read,
 * the first of them that waits itself. NULL when nobody in particular. */
static struct vthread *holder_of(const struct stuck *stuck, const struct vthread *thread)
{
    if (thread->parked_holder != NULL)
        return thread->parked_holder;
    for (uint32_t i = 0; is_lock_wait(thread) && i < stuck->count; i++) {
        const struct posix_thread *other = stuck->threads[i]->posix;
        if (other != NULL && held_find(other, thread->parked_op.object) != NULL)
            return stuck->threads[i];
    }
    return NULL;
}

/* Follows holders from `start`. Fills `cycle` with the way to `end` (exclusive); false when it does
 * not lead there. */
static bool find_way(const struct stuck *stuck, struct vthread *start, const struct vthread *end,
                     struct cycle *cycle)
{
    struct vthread *thread = start;

    for (uint32_t steps = 0; steps <= stuck->count; steps++) {
        if (thread == NULL || !is_stuck(thread) || !is_thread_wait(thread))
            return false;
        if (!add_link(cycle, thread, &thread->parked_op))
            return false;
        thread = holder_of(stuck, thread);
        if (thread == end)
            return true;
    }
    return false;
}

/* A circle of waits, each of which one thread could end. */
static void check_strict(const struct stuck *stuck)
{
    for (uint32_t i = 0; i < stuck->count; i++) {
        struct cycle cycle = {.count = 0};
        if (find_way(stuck, stuck->threads[i], stuck->threads[i], &cycle))
            fail_cycle(&cycle);
    }
}

bool deadlock_is_lock_wait(const struct vthread *thread)
{
    return is_lock_wait(thread) || is_spin(thread);
}

/* Somebody spins or (`with_conditions`) waits on a condition while others wait for a lock of his:
 * whoever should have let him go is among them. */
static void check_loose(const struct stuck *stuck, bool with_conditions)
{
    for (uint32_t i = 0; i < stuck->count; i++) {
        struct vthread *pivot = stuck->threads[i];
        if (!is_thread_wait(pivot) || holder_of(stuck, pivot) != NULL ||
            (!with_conditions && !is_spin(pivot)))
            continue;
        for (uint32_t j = 0; j < stuck->count; j++) {
            struct cycle cycle = {.count = 0};
            if (!is_lock_wait(stuck->threads[j]) ||
                !find_way(stuck, stuck->threads[j], pivot, &cycle) ||
                !add_link(&cycle, pivot, &pivot->parked_op))
                continue;
            fail_cycle(&cycle);
        }
    }
}

static _Noreturn void fail_with(enum finding_kind kind, const struct stuck *stuck,
                                const struct vthread *about)
{
    char label[OBJECT_NAME_BYTES];
    char detail[FINDING_DETAIL_BYTES] = "";
    struct text text = {.out = detail, .out_bytes = sizeof(detail)};
    const struct op *op = &about->parked_op;

    label_of(op, label, sizeof(label));
    for (uint32_t i = 0; i < stuck->count; i++)
        print_thread(&text, stuck->threads[i], &stuck->threads[i]->parked_op);
    finding_fail_detail(kind, op->pc, detail, "%s: %s({pc:%lx})", finding_kind_word(kind), label,
                        (unsigned long)op->pc);
}

/* Threads that spin for one another. */
static void check_spinners(const struct stuck *stuck)
{
    struct cycle cycle = {.count = 0};

    for (uint32_t i = 0; i < stuck->count; i++) {
        if (is_spin(stuck->threads[i]))
            (void)add_link(&cycle, stuck->threads[i], &stuck->threads[i]->parked_op);
    }
    if (cycle.count > 1)
        fail_cycle(&cycle);
    if (cycle.count == 1)
        fail_with(FINDING_LIVELOCK, stuck, cycle.links[0].thread);
}

static void collect(struct stuck *stuck)
{
    stuck->count = 0;
    for (size_t i = 0; i < sched_thread_count(); i++) {
        struct vthread *thread = sched_thread(i);
        if (is_stuck(thread))
            stuck->threads[stuck->count++] = thread;
    }
}

void deadlock_check(bool is_nothing_armed)
{
    struct stuck stuck;

    collect(&stuck);
    check_strict(&stuck);
    check_loose(&stuck, is_nothing_armed);
    if (is_nothing_armed)
        check_spinners(&stuck);
}

/* The first of them that waits like this; NULL when none does. */
static const struct vthread *find_wait(const struct stuck *stuck,
                                       bool (*is_like_this)(const struct vthread *thread))
{
    for (uint32_t i = 0; i < stuck->count; i++) {
        if (is_like_this(stuck->threads[i]))
            return stuck->threads[i];
    }
    return NULL;
}

static bool is_condition_wait(const struct vthread *thread)
{
    return thread->parked_op.kind == OP_WAIT;
}

void deadlock_check_kept(uint64_t since_ns)
{
    struct stuck stuck;

    collect(&stuck);
    for (uint32_t i = 0; i < stuck.count; i++) {
        const struct vthread *thread = stuck.threads[i];
        const struct vthread *holder = thread->parked_holder;
        if (is_lock_wait(thread) && thread->parked_since_ns <= since_ns && holder != NULL &&
            holder->state == VTHREAD_PARKED && !is_thread_wait(holder))
            fail_with(FINDING_DEADLOCK, &stuck, thread);
    }
}

void deadlock_check_closed(void)
{
    struct stuck stuck;

    deadlock_check(true);
    collect(&stuck);
    if (stuck.count == 0)
        return;
    /* What is left hangs on one wait that nobody will end: a lock that its holder took along, a
     * condition, or the kernel; the joins of those who wait for it are not worth a title. */
    const struct vthread *lock = find_wait(&stuck, is_lock_wait);
    const struct vthread *condition = find_wait(&stuck, is_condition_wait);
    if (lock != NULL)
        fail_with(FINDING_DEADLOCK, &stuck, lock);
    if (condition != NULL)
        fail_with(FINDING_LOST_WAKEUP, &stuck, condition);
    fail_with(FINDING_LIVENESS, &stuck, stuck.threads[stuck.count - 1]);
}
