/*
 * sim/sched/strategy_period.c - periodical scheduling: plan number N of the base run.
 *
 * Wen, He, Wu, Gao, Cui: "Controlled concurrency testing via periodical scheduling", ICSE 2022: a
 * bug that needs d orderings is found by some arrangement of d+1 uninterrupted pieces of threads,
 * and few pieces are few arrangements. sim/sched/plan.h lists them; this runs one. No draws.
 *
 * A piece ends where the plan says, or when its thread waits, spins or yields. Until all threads of
 * a plan exist the others run; after the last piece those whose piece was cut go on first.
 */
#include "sim/sched/plan.h"
#include "sim/sched/profile.h"
#include "sim/sched/strategy.h"

static struct {
    const struct plan *plan;
    uint32_t piece; /* now running */
    bool has_begun; /* the first piece has been given a step */
} period;

static void begin(struct strategy_run *run)
{
    profile_run_begin();
    period.plan = plan_count() == 0 ? NULL : plan_at(run->spec->plan % plan_count());
    period.piece = 0;
    period.has_begun = false;
}

static void spawned(struct strategy_run *run, struct vthread *thread)
{
    profile_run_spawned(run, thread);
}

static bool is_enabled(const struct strategy_run *run, const struct vthread *thread)
{
    return thread != NULL && (run->enabled[thread->id / 64] >> (thread->id % 64) & 1) != 0;
}

static bool is_of_plan(const struct strategy_run *run, const struct vthread *thread)
{
    for (uint32_t i = 0; i < period.plan->piece_count; i++) {
        if (profile_running(run, period.plan->pieces[i].thread) == thread)
            return true;
    }
    return false;
}

/* The end of the first thread ends its process, and with it all that others might have done. */
static bool is_end(const struct vthread *thread)
{
    return thread->parent_id == VTHREAD_NOBODY && thread->next.kind == OP_EXIT;
}

/* Somebody who is not in the plan, `dull` if it is one; NULL when there is nobody. */
static struct vthread *pick_other(const struct strategy_run *run, struct vthread *dull)
{
    for (uint32_t i = 0; i < run->thread_count; i++) {
        struct vthread *thread = run->threads[(dull->id + i) % run->thread_count];
        if (is_enabled(run, thread) && !is_end(thread) && !is_of_plan(run, thread))
            return thread;
    }
    return NULL;
}

static bool all_exist(const struct strategy_run *run)
{
    for (uint32_t i = 0; i < period.plan->piece_count; i++) {
        if (profile_running(run, period.plan->pieces[i].thread) == NULL)
            return false;
    }
    return true;
}

/* Whose parent is to go on when one of the plan does not exist yet. */
static struct vthread *pick_maker(const struct strategy_run *run)
{
    for (uint32_t i = 0; i < period.plan->piece_count; i++) {
        const uint16_t index = period.plan->pieces[i].thread;
        if (profile_running(run, index) != NULL)
            continue;
        struct vthread *parent = profile_running(run, profile.threads[index].parent);
        if (is_enabled(run, parent))
            return parent;
    }
    return NULL;
}

/* The thread of the piece that now runs; NULL after the last. */
static struct vthread *pick_piece(const struct strategy_run *run)
{
    for (; period.piece < period.plan->piece_count; period.piece++) {
        const struct plan_piece *piece = &period.plan->pieces[period.piece];
        struct vthread *thread = profile_running(run, piece->thread);
        if (is_enabled(run, thread) && thread->steps < piece->until && !is_end(thread))
            return thread;
    }
    return NULL;
}

static struct vthread *pick_rest(const struct strategy_run *run, struct vthread *dull)
{
    for (uint32_t i = 0; i < period.plan->piece_count; i++) {
        struct vthread *thread = profile_running(run, period.plan->pieces[i].thread);
        if (is_enabled(run, thread) && !is_end(thread))
            return thread;
    }
    struct vthread *other = pick_other(run, dull);
    return other == NULL ? dull : other;
}

/* Before the first piece: who is needed for it, or who comes first. */
static struct vthread *pick_lead(const struct strategy_run *run, struct vthread *dull)
{
    if (period.plan->is_rest_first)
        return pick_other(run, dull);
    if (all_exist(run))
        return NULL;
    struct vthread *maker = pick_maker(run);
    return maker != NULL ? maker : pick_other(run, dull);
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    struct vthread *next = NULL;

    (void)current;
    if (period.plan == NULL)
        return dull;
    if (!period.has_begun)
        next = pick_lead(run, dull);
    if (next == NULL && (next = pick_piece(run)) != NULL)
        period.has_begun = true;
    return next != NULL ? next : pick_rest(run, dull);
}

/* Its piece is over: it waits for somebody. */
static void yielded(struct strategy_run *run, struct vthread *thread)
{
    if (period.plan != NULL && period.piece < period.plan->piece_count &&
        profile_running(run, period.plan->pieces[period.piece].thread) == thread)
        period.piece++;
}

const struct strategy_ops strategy_period = {
    .name = "period", .begin = begin, .pick = pick, .spawned = spawned, .yielded = yielded};
