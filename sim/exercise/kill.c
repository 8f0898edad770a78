/*
 * sim/exercise/kill.c - tasks and tasklets are woken and killed from other workers than their own.
 *
 * Property: a killed object is freed once, on its owner, whatever state the killer found it in;
 * none is left at the end; a flag set on it by another worker is not lost (F_USR1 stays as set).
 */
#include <stdlib.h>

#include "core/base/atomic.h"
#include "core/base/hook.h"
#include "sim/exercise/exercise.h"

struct object {
    _Atomic uint32_t runs;
};

struct state {
    struct object objects[WORKERS_MAX]; /* one of each driver's, whose victim works on it */
};

static struct task *serve_task(struct task *task, void *ctx, uint32_t state)
{
    struct object *object = ctx;

    (void)state;
    if (object != NULL)
        atom_fetch_add(&object->runs, 1, memory_order_relaxed);
    /* Killed ones have lost their ctx. */
    BUG_ON(object == NULL && task_ctx(task) != NULL);
    return task;
}

static struct tasklet *serve_tasklet(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct object *object = ctx;

    (void)state;
    if (object != NULL)
        atom_fetch_add(&object->runs, 1, memory_order_relaxed);
    return tasklet;
}

static void kill_task(struct exercise_run *run, struct object *object, int owner)
{
    struct task *task = task_new_on(run->rt, owner, serve_task, object);

    BUG_ON(task == NULL);
    HOOK_NAME(task, "task", "victim");
    for (uint32_t wakes = exercise_draw(3); wakes > 0; wakes--)
        task_wakeup(task, TASK_WOKEN_MSG);
    task_set_ctx(task, NULL);
    task_kill(task);
}

static void kill_tasklet(struct exercise_run *run, struct object *object, int owner)
{
    struct tasklet *tasklet = tasklet_new_on(run->rt, owner, serve_tasklet, object);

    BUG_ON(tasklet == NULL);
    HOOK_NAME(tasklet, "tasklet", "victim");
    for (uint32_t wakes = exercise_draw(3); wakes > 0; wakes--)
        tasklet_wakeup(tasklet);
    tasklet_set_flags(tasklet, TASK_F_USR1);
    tasklet_set_ctx(tasklet, NULL);
    tasklet_kill(tasklet);
}

static void step(struct exercise_run *run, int worker, uint32_t round)
{
    struct state *state = run->state;
    struct object *object = &state->objects[worker];
    int owner = (int)((unsigned)worker + 1) % (int)run->workers;

    (void)round;
    if (exercise_draw(2) == 0)
        kill_task(run, object, owner);
    else
        kill_tasklet(run, object, owner);
}

static void begin(struct exercise_run *run)
{
    run->state = calloc(1, sizeof(struct state));
    BUG_ON(run->state == NULL);
    exercise_drive(run, step);
}

static void end(struct exercise_run *run)
{
    free(run->state);
    run->state = NULL;
}

const struct exercise exercise_kill = {
    .name = "kill",
    .begin = begin,
    .end = end,
};
