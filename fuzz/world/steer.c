/*
 * fuzz/world/steer.c - see steer.h.
 */
#include "fuzz/world/steer.h"

#include <stddef.h>

#include "sim/choice/choice.h"

static struct {
    const struct strategy_ops *inner;
    struct steer_listener listener;
    struct strategy_ops ops;
    struct strategy_spec spec;
} steer;

static void begin(struct strategy_run *run)
{
    steer.inner->begin(run);
}

static bool is_enabled(const struct strategy_run *run, const struct vthread *thread)
{
    return (run->enabled[thread->id >> 6] >> (thread->id & 63) & 1) != 0;
}

/* NULL when the recording says nothing, or nothing that can be. */
static struct vthread *find_recorded(const struct strategy_run *run, uint32_t who, uint32_t count)
{
    const uint32_t wanted = choice_sched_recorded(who, count);

    for (uint32_t i = 0; wanted != 0 && i < run->thread_count; i++)
        if (run->threads[i]->who == wanted && is_enabled(run, run->threads[i]))
            return run->threads[i];
    return NULL;
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    /* The scheduler counts a decision before it asks. */
    const uint32_t who = current == NULL ? 0 : current->who;
    const uint32_t count = current == NULL ? 0 : current->decision_count - 1;
    /* Asked either way, so that its random numbers do not depend on the recording. */
    struct vthread *picked = steer.inner->pick(run, current, dull);
    struct vthread *recorded = find_recorded(run, who, count);

    if (recorded != NULL)
        picked = recorded;
    if (steer.listener.picked != NULL && picked != NULL)
        steer.listener.picked(steer.listener.context, run, current, count, picked);
    return picked;
}

static void spawned(struct strategy_run *run, struct vthread *thread)
{
    steer.inner->spawned(run, thread);
}

static void yielded(struct strategy_run *run, struct vthread *thread)
{
    steer.inner->yielded(run, thread);
}

static void stepped(struct strategy_run *run, struct vthread *thread)
{
    if (steer.inner->stepped != NULL)
        steer.inner->stepped(run, thread);
    if (steer.listener.stepped != NULL)
        steer.listener.stepped(steer.listener.context, run, thread);
}

const struct strategy_spec *steer_by(const struct strategy_spec *inner,
                                     const struct steer_listener *listener)
{
    steer.inner = inner->ops;
    steer.listener = listener == NULL ? (struct steer_listener){0} : *listener;
    steer.spec = *inner;
    steer.ops = (struct strategy_ops){
        .name = inner->ops->name,
        .begin = begin,
        .pick = pick,
        .spawned = spawned,
        .yielded = yielded,
        .stepped = steer.listener.stepped != NULL || inner->ops->stepped != NULL ? stepped : NULL,
        .sees_all = inner->ops->sees_all,
    };
    steer.spec.ops = &steer.ops;
    return &steer.spec;
}
