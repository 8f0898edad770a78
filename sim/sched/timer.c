/*
 * sim/sched/timer.c - timers in (due, sequence) order, and the lanes that fire them; see sched.h.
 *
 * Armed timers wait in one binary heap. When the clock reaches them they move to their lane's list,
 * which makes the lane runnable; firing is a step that competes with every other thread's.
 */
#include <string.h>

#include "sim/sched/internal.h"

/* Of many timers due at one instant only the first ones compete: counting thousands at each step
 * would make it quadratic. */
enum { HEAP_CAPACITY_FIRST = 64, TIES_MAX = 64 };

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->sequence < b->sequence;
}

static void heap_put(uint32_t index, struct timer *timer)
{
    sched.heap[index] = timer;
    timer->heap_index = index;
}

static void heap_up(uint32_t index, struct timer *timer)
{
    while (index > 1 && is_before(timer, sched.heap[index / 2])) {
        heap_put(index, sched.heap[index / 2]);
        index /= 2;
    }
    heap_put(index, timer);
}

static void heap_down(uint32_t index, struct timer *timer)
{
    for (;;) {
        uint32_t child = index * 2;
        if (child > sched.heap_count)
            break;
        if (child < sched.heap_count && is_before(sched.heap[child + 1], sched.heap[child]))
            child++;
        if (!is_before(sched.heap[child], timer))
            break;
        heap_put(index, sched.heap[child]);
        index = child;
    }
    heap_put(index, timer);
}

static void note_next_due(void)
{
    sched.next_due_ns = sched.heap_count == 0 ? TIME_NEVER : sched.heap[1]->due_ns;
}

static void heap_remove(struct timer *timer)
{
    uint32_t index = timer->heap_index;
    struct timer *last = sched.heap[sched.heap_count--];

    timer->heap_index = 0;
    if (last != timer) {
        if (index > 1 && is_before(last, sched.heap[index / 2]))
            heap_up(index, last);
        else
            heap_down(index, last);
    }
    note_next_due();
}

void timer_reset(void)
{
    sched.heap = NULL; /* lived in the arena */
    sched.heap_count = 0;
    sched.heap_capacity = 0;
    sched.next_due_ns = TIME_NEVER;
}

void timer_arm(struct timer *timer, struct vthread *lane, uint64_t due_ns,
               void (*fire)(struct timer *), void *context)
{
    if (sched.heap_count + 1 >= sched.heap_capacity) {
        uint32_t capacity =
            sched.heap_capacity == 0 ? HEAP_CAPACITY_FIRST : sched.heap_capacity * 2;
        struct timer **heap = arena_take(&sched.arena, capacity * sizeof(struct timer *));
        if (sched.heap_count != 0)
            memcpy(heap, sched.heap, (sched.heap_count + 1) * sizeof(struct timer *));
        sched.heap = heap;
        sched.heap_capacity = capacity;
    }
    timer->due_ns = due_ns;
    timer->sequence = ++sched.sequence;
    timer->armed_step = sched.steps;
    timer->lane = lane;
    timer->fire = fire;
    timer->context = context;
    heap_up(++sched.heap_count, timer);
    note_next_due();
}

static void lane_unlink(struct vthread *lane, struct timer *timer)
{
    if (timer->due_prev != NULL)
        timer->due_prev->due_next = timer->due_next;
    else
        lane->due_head = timer->due_next;
    if (timer->due_next != NULL)
        timer->due_next->due_prev = timer->due_prev;
    else
        lane->due_tail = timer->due_prev;
    timer->is_due = false;
    if (lane->due_head == NULL) {
        lane->state = VTHREAD_PARKED;
        sched_disable(lane);
    }
}

void timer_cancel(struct timer *timer)
{
    if (timer->heap_index != 0)
        heap_remove(timer);
    else if (timer->is_due)
        lane_unlink(timer->lane, timer);
}

bool timer_is_armed(const struct timer *timer)
{
    return timer->heap_index != 0 || timer->is_due;
}

void timer_collect(void)
{
    while (sched.heap_count != 0 && sched.heap[1]->due_ns <= sched.now_ns) {
        struct timer *timer = sched.heap[1];
        struct vthread *lane = timer->lane;

        heap_remove(timer);
        timer->is_due = true;
        timer->due_next = NULL;
        timer->due_prev = lane->due_tail;
        if (lane->due_tail != NULL)
            lane->due_tail->due_next = timer;
        else
            lane->due_head = timer;
        lane->due_tail = timer;
        lane->state = VTHREAD_RUNNABLE;
        sched_enable(lane);
    }
}

void lane_step(struct vthread *lane)
{
    struct timer *timer = lane->due_head;
    uint32_t ties = 1;

    if (timer == NULL)
        return; /* an enabled lane has one: timer_collect() and lane_unlink() see to it */
    for (struct timer *t = timer->due_next;
         t != NULL && t->due_ns == timer->due_ns && ties < TIES_MAX; t = t->due_next)
        ties++;
    for (uint32_t skip = choice_draw(CHOICE_TIMER, ties); skip > 0 && timer->due_next != NULL;
         skip--)
        timer = timer->due_next;
    lane_unlink(lane, timer);
    timer->fire(timer);
}
