/*
 * sim/exercise/destroy.c - a worker destroys its own tasks while others' wakes bring them to it.
 *
 * Each object is a task of one worker, with a date. The others wake it, the owner destroys it and
 * makes another: queued by somebody else, in its own queue, filed under its date, or idle.
 *
 * Property: a destroyed task is freed once, its function never sees its ctx again, and none is left
 * at the end.
 */
#include <stdlib.h>

#include "core/base/atomic.h"
#include "core/base/hook.h"
#include "core/base/lock.h"
#include "sim/exercise/exercise.h"

struct object {
    struct lock lock; /* guards `task`: who wakes it knows that it is there */
    int owner;
    struct task *task; /* NULL: none */
    _Atomic bool
        is_destroyed; /* the last one; its function must not see us until there is another */
};

struct state {
    uint32_t count;
    struct object *objects;
};

static struct task *serve(struct task *task, void *ctx, uint32_t state)
{
    struct object *object = ctx;

    (void)state;
    /* Only who owns it destroys it, and that is the worker that runs this. */
    BUG_ON(object != NULL && (atom_load(&object->is_destroyed) || object->task != task));
    if (task_expire(task) <= worker_now_ns())
        task_set_expire(task, TIME_NEVER);
    return task;
}

static void make(struct exercise_run *run, struct object *object)
{
    struct task *task = task_new_on(run->rt, object->owner, serve, object);

    BUG_ON(task == NULL);
    HOOK_NAME(task, "task", "victim");
    task_set_expire(task, TIME_NEVER);
    object->task = task;
    atom_store(&object->is_destroyed, false);
    if (exercise_draw(2) == 0) {
        task_set_expire(task, worker_now_ns() + 1 + exercise_draw(3) * UINT64_C(1000000));
        task_queue(task);
    }
}

static void destroy(struct object *object)
{
    struct task *task = object->task;

    object->task = NULL;
    atom_store(&object->is_destroyed, true);
    task_destroy(task);
}

static void step(struct exercise_run *run, int worker, uint32_t round)
{
    struct state *state = run->state;
    struct object *object = &state->objects[exercise_draw(state->count)];

    (void)round;
    lock_take(&object->lock);
    if (object->task != NULL && (object->owner != worker || exercise_draw(4) == 0))
        task_wakeup(object->task, TASK_WOKEN_MSG);
    else if (object->owner == worker && object->task != NULL)
        destroy(object);
    else if (object->owner == worker)
        make(run, object);
    lock_give(&object->lock);
}

static void begin(struct exercise_run *run)
{
    struct state *state = calloc(1, sizeof(*state));

    BUG_ON(state == NULL);
    state->objects = calloc(run->objects, sizeof(struct object));
    BUG_ON(state->objects == NULL);
    run->state = state;
    state->count = run->objects;
    for (uint32_t i = 0; i < run->objects; i++) {
        struct object *object = &state->objects[i];
        lock_init(&object->lock, "object.lock");
        object->owner = (int)(i % run->workers);
        object->task = task_new_on(run->rt, object->owner, serve, object);
        BUG_ON(object->task == NULL);
        task_set_expire(object->task, TIME_NEVER);
    }
    exercise_drive(run, step);
}

static void end(struct exercise_run *run)
{
    struct state *state = run->state;

    for (uint32_t i = 0; i < state->count; i++) {
        struct object *object = &state->objects[i];
        if (object->task != NULL) {
            task_set_ctx(object->task, NULL);
            task_kill(object->task);
        }
        lock_fini(&object->lock);
    }
    free(state->objects);
    free(state);
    run->state = NULL;
}

const struct exercise exercise_destroy = {
    .name = "destroy",
    .begin = begin,
    .end = end,
};
