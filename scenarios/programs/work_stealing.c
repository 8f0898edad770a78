/*
 * work_stealing.c - a worker takes its last task while a thief steals it.
 *
 * The owner pushes and takes at the bottom, a thief steals at the top by a compare-and-swap.
 *
 * Wrong: for the last task the owner simply moves the top. A thief that has read the top just
 * before swaps it, also successfully, and both run the task.
 *
 * Right (-DFIXED): for the last task the owner is a thief like the others.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { TASKS = 2, NONE = -1 };

static atomic_int top;
static atomic_int bottom;
static atomic_int tasks[TASKS];
static atomic_bool is_done[TASKS];

static void push(int task)
{
    int end = atomic_load(&bottom);

    atomic_store(&tasks[end], task);
    atomic_store(&bottom, end + 1);
}

static int take(void)
{
    int last = atomic_load(&bottom) - 1;

    /* Announced before the top is read: a thief that comes later sees it. */
    atomic_store(&bottom, last);
    int first = atomic_load(&top);
    if (first > last) {
        atomic_store(&bottom, first);
        return NONE;
    }
    int task = atomic_load(&tasks[last]);
    if (first == last) {
#ifdef FIXED
        if (!atomic_compare_exchange_strong(&top, &first, first + 1))
            task = NONE;
#else
        atomic_store(&top, first + 1);
#endif
        atomic_store(&bottom, last + 1);
    }
    return task;
}

static int steal(void)
{
    int first = atomic_load(&top);

    if (first >= atomic_load(&bottom))
        return NONE;
    int task = atomic_load(&tasks[first]);
    return atomic_compare_exchange_strong(&top, &first, first + 1) ? task : NONE;
}

static void run(int task)
{
    if (task != NONE)
        assert(!atomic_exchange(&is_done[task], true) && "a task runs once");
}

static void *own(void *arg)
{
    for (int task = 0; task < TASKS; task++)
        push(task);
    for (int i = 0; i < TASKS; i++)
        run(take());
    return arg;
}

static void *steal_all(void *arg)
{
    for (int i = 0; i < TASKS; i++)
        run(steal());
    return arg;
}

int main(void)
{
    pthread_t owner, thief;

    pthread_create(&owner, NULL, own, NULL);
    pthread_create(&thief, NULL, steal_all, NULL);
    pthread_join(owner, NULL);
    pthread_join(thief, NULL);
    return 0;
}
