/*
 * sim/exercise/wake.c - every worker wakes tasks and tasklets of every worker.
 *
 * Property: whoever is woken after something was asked of it sees it in a run that follows (S3).
 */
#include <stdlib.h>

#include "core/base/atomic.h"
#include "core/base/hook.h"
#include "sim/exercise/exercise.h"
#include "sim/sched/sched.h"

struct object {
    _Atomic uint32_t asked;
    _Atomic uint32_t seen;
    struct task *task; /* one of the two */
    struct tasklet *tasklet;
};

struct state {
    uint32_t count;
    struct object objects[];
};

static void serve(struct object *object)
{
    /* pair: wake.asked: what was asked before the wake-up. */
    uint32_t asked = atom_load_acquire(&object->asked);
    atom_store(&object->seen, asked);
}

static struct task *serve_task(struct task *task, void *ctx, uint32_t state)
{
    (void)state;
    serve(ctx);
    return task;
}

static struct tasklet *serve_tasklet(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    (void)state;
    serve(ctx);
    return tasklet;
}

static void step(struct exercise_run *run, int worker, uint32_t round)
{
    struct state *state = run->state;
    struct object *object = &state->objects[exercise_draw(state->count)];

    (void)worker;
    (void)round;
    atom_fetch_add(&object->asked, 1, memory_order_release); /* pair: wake.asked */
    if (object->task != NULL)
        task_wakeup(object->task, TASK_WOKEN_MSG);
    else
        tasklet_wakeup(object->tasklet);
}

static void begin(struct exercise_run *run)
{
    struct state *state = calloc(1, sizeof(*state) + run->objects * sizeof(struct object));

    BUG_ON(state == NULL);
    run->state = state;
    state->count = run->objects;
    for (uint32_t i = 0; i < run->objects; i++) {
        struct object *object = &state->objects[i];
        int owner = (int)((i / 2) % run->workers);
        /* By turns: a bound task, a bound tasklet, a free task. */
        if (i % 3 == 1)
            object->tasklet = tasklet_new_on(run->rt, owner, serve_tasklet, object);
        else
            object->task = task_new_on(run->rt, i % 3 == 2 ? TASK_ANY : owner, serve_task, object);
        BUG_ON(object->task == NULL && object->tasklet == NULL);
        HOOK_NAME(object, "object", "object");
    }
    exercise_drive(run, step);
}

static void check_quiet(const struct exercise_run *run)
{
    const struct state *state = run->state;

    for (uint32_t i = 0; i < state->count; i++) {
        const struct object *object = &state->objects[i];
        uint32_t asked = atomic_load_explicit(&object->asked, memory_order_relaxed);
        uint32_t seen = atomic_load_explicit(&object->seen, memory_order_relaxed);
        if (asked != seen)
            finding_fail(FINDING_LOST_WAKEUP, NULL, "lost-wakeup: %s of %s",
                         object->task != NULL ? "task" : "tasklet",
                         object->task != NULL ? "serve_task" : "serve_tasklet");
    }
}

static void end(struct exercise_run *run)
{
    struct state *state = run->state;

    for (uint32_t i = 0; i < state->count; i++) {
        if (state->objects[i].task != NULL)
            task_kill(state->objects[i].task);
        else
            tasklet_kill(state->objects[i].tasklet);
    }
    free(state);
    run->state = NULL;
}

const struct exercise exercise_wake = {
    .name = "wake",
    .begin = begin,
    .check_quiet = check_quiet,
    .end = end,
};
