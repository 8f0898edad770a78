/*
 * sim/exercise/schedule.c - a free task whose date every worker brings forward, and which ends
 * itself.
 *
 * The task forgets its date when it runs, as a handler that has nothing more to wait for does. With
 * `locked` it now and then destroys itself, a driver makes the next one, and the drivers hold the
 * lock that the task wants too. Property: what was asked before a task_schedule() is seen by a run
 * that follows; timers hold no task without a date (S7).
 */
#include <stdlib.h>

#include "core/base/atomic.h"
#include "core/base/hook.h"
#include "core/base/lock.h"
#include "sim/exercise/exercise.h"
#include "sim/sched/sched.h"

enum { DELAY_NS_MAX = 4000, LIVES_DRAW = 3 };

struct object {
    struct exercise_run *run;
    struct lock lock; /* guards `task`; leaf but for the scheduler's own */
    struct task *task;
    _Atomic uint32_t asked;
    _Atomic uint32_t seen;
};

struct state {
    struct exercise_run *run;
    uint32_t count;
    struct object objects[];
};

static void see(struct object *object)
{
    uint32_t asked = atom_load_acquire(&object->asked); /* pair: schedule.asked */
    atom_store(&object->seen, asked);
}

/* True when the task has ended itself: nobody finds it any more. */
static bool see_and_end(struct object *object)
{
    bool is_end;

    lock_take(&object->lock);
    see(object);
    is_end = exercise_draw(LIVES_DRAW) == 0;
    if (is_end)
        object->task = NULL;
    lock_give(&object->lock);
    return is_end;
}

static struct task *serve(struct task *task, void *ctx, uint32_t state)
{
    struct object *object = ctx;

    (void)state;
    task_set_expire(task, TIME_NEVER);
    if (!object->run->is_locked) {
        see(object);
        return task;
    }
    if (!see_and_end(object))
        return task;
    task_destroy(task);
    return NULL;
}

static void make_task(struct state *state, struct object *object)
{
    object->task = task_new_on(state->run->rt, TASK_ANY, serve, object);
    BUG_ON(object->task == NULL);
    HOOK_NAME(object->task, "task", "scheduled");
}

static void ask(struct object *object)
{
    uint64_t when_ns = worker_now_ns() + exercise_draw(DELAY_NS_MAX);

    atom_fetch_add(&object->asked, 1, memory_order_release); /* pair: schedule.asked */
    if (exercise_draw(4) == 0)
        task_wakeup(object->task, TASK_WOKEN_MSG);
    else
        task_schedule(object->task, when_ns);
}

static void step(struct exercise_run *run, int worker, uint32_t round)
{
    struct state *state = run->state;
    struct object *object = &state->objects[exercise_draw(state->count)];

    (void)worker;
    (void)round;
    if (!run->is_locked) {
        ask(object);
        return;
    }
    lock_take(&object->lock);
    if (object->task == NULL)
        make_task(state, object);
    ask(object);
    lock_give(&object->lock);
}

static void begin(struct exercise_run *run)
{
    struct state *state = calloc(1, sizeof(*state) + run->objects * sizeof(struct object));

    BUG_ON(state == NULL);
    run->state = state;
    state->run = run;
    state->count = run->objects;
    for (uint32_t i = 0; i < run->objects; i++) {
        lock_init(&state->objects[i].lock, "object.lock");
        state->objects[i].run = run;
        make_task(state, &state->objects[i]);
    }
    exercise_drive(run, step);
}

/* A date may still be to come when everybody waits; once the drivers are done and the clock has
 * passed every date, nothing may be left unseen. */
static void check_quiet(const struct exercise_run *run)
{
    const struct state *state = run->state;

    if (atomic_load_explicit(&run->parts_left, memory_order_relaxed) != 0)
        return;
    for (uint32_t i = 0; i < state->count; i++) {
        const struct object *object = &state->objects[i];
        const struct task *task = object->task;
        uint32_t asked = atomic_load_explicit(&object->asked, memory_order_relaxed);
        uint32_t seen = atomic_load_explicit(&object->seen, memory_order_relaxed);
        if (asked == seen || task == NULL)
            continue;
        if (!task->is_timed)
            finding_fail(FINDING_LOST_WAKEUP, NULL, "lost-wakeup: task of serve");
    }
}

static void end(struct exercise_run *run)
{
    struct state *state = run->state;

    for (uint32_t i = 0; i < state->count; i++) {
        if (state->objects[i].task != NULL)
            task_kill(state->objects[i].task);
        lock_fini(&state->objects[i].lock);
    }
    free(state);
    run->state = NULL;
}

const struct exercise exercise_schedule = {
    .name = "schedule",
    .begin = begin,
    .check_quiet = check_quiet,
    .end = end,
};
