/*
 * sim/sched/strategy_rff.c - who reads from whom: constraints on top of partial order sampling.
 *
 * Wolff, Shi, Duck, Mathur, Roychoudhury: "Greybox fuzzing for concurrency testing", ASPLOS 2024. A
 * constraint names two places of the base run that meet on one object: the first is to see, or (in
 * eight of nine) is not to see, what the second wrote. It does not name threads, so it holds a
 * whole crowd at one place at once. Priorities come in three tiers: an operation that serves a
 * constraint, one that is of no matter, one that would break a constraint. Each run draws one to
 * four constraints anew: what a corpus adds to that is small by the authors' own figures.
 */
#include "sim/sched/aim.h"
#include "sim/sched/dependence.h"
#include "sim/sched/profile.h"
#include "sim/sched/strategy.h"

#include "sim/choice/choice.h"

enum { CONSTRAINTS_MAX = 4, POSITIVE_ONE_IN = 9, TRIES_MAX = 8 };

enum tier { TIER_YIELDED, TIER_AVOID, TIER_NEUTRAL, TIER_TAKE };

struct constraint {
    uint16_t object;
    uint32_t reader; /* sites */
    uint32_t writer;
    bool is_positive;
    bool holds_writer; /* of a negative one: the write is avoided as long as it was not done */
    bool is_written;   /* the last write to the object was the writer's */
    bool is_done;
};

static struct {
    uint32_t count;
    struct constraint constraints[CONSTRAINTS_MAX];
    struct vthread *demoted;
} rff;

static bool is_reader(const struct profile_step *step)
{
    return step->kind != OP_WRITE_MEM && step->kind != OP_STORE && step->kind != OP_UNLOCK;
}

/* False when the draws came to nothing. */
static bool draw_constraint(struct constraint *out)
{
    const uint16_t object = aim_object();

    if (object == 0)
        return false;
    for (uint32_t i = 0; i < TRIES_MAX; i++) {
        const struct profile_step *reader = &profile.steps[aim_access(object)];
        const struct profile_step *writer = &profile.steps[aim_access(object)];
        if (!is_reader(reader) || !writer->is_write || reader->thread == writer->thread)
            continue;
        *out = (struct constraint){.object = object,
                                   .reader = reader->site,
                                   .writer = writer->site,
                                   .is_positive = aim_below(POSITIVE_ONE_IN) == 0,
                                   .holds_writer = aim_below(2) == 0};
        return true;
    }
    return false;
}

static void begin(struct strategy_run *run)
{
    (void)run;
    profile_run_begin();
    rff.demoted = NULL;
    rff.count = 0;
    do {
        if (draw_constraint(&rff.constraints[rff.count]))
            rff.count++;
    } while (aim_below(2) == 0 && rff.count < CONSTRAINTS_MAX);
}

static void spawned(struct strategy_run *run, struct vthread *thread)
{
    profile_run_spawned(run, thread);
    run->priority[thread->id] = choice_sched_random();
}

/* +1: the operation serves the constraint; -1: it would break it or make it harder; else 0. */
static int judge(const struct constraint *constraint, const struct profile_name *name,
                 bool is_write)
{
    if (name->object != constraint->object || constraint->is_done)
        return 0;
    const bool is_reader_now = name->site == constraint->reader;
    const bool is_writer_now = name->site == constraint->writer;
    if (constraint->is_positive == constraint->is_written) {
        /* The read would be as it should be now. */
        if (is_reader_now)
            return 1;
        if (constraint->is_positive)
            return is_write ? -1 : 0;
        return is_writer_now && constraint->holds_writer ? -1 : 0;
    }
    if (is_reader_now)
        return -1;
    if (constraint->is_positive)
        return is_writer_now;
    return is_write && !is_writer_now;
}

/* Most objects are of no matter: no need to know the place then. */
static bool is_constrained(uint16_t object)
{
    for (uint32_t i = 0; i < rff.count; i++) {
        if (rff.constraints[i].object == object)
            return true;
    }
    return false;
}

static enum tier tier_of(const struct vthread *thread)
{
    const bool is_write = op_kind_writes(thread->next.kind);
    bool takes = false;
    bool avoids = false;

    if (!is_constrained(profile_next_object(thread)))
        return TIER_NEUTRAL;
    const struct profile_name *name = profile_next(thread);
    for (uint32_t i = 0; i < rff.count; i++) {
        const int verdict = judge(&rff.constraints[i], name, is_write);
        takes |= verdict > 0;
        avoids |= verdict < 0;
    }
    if (takes == avoids)
        return TIER_NEUTRAL;
    return takes ? TIER_TAKE : TIER_AVOID;
}

static void draw_dependent_anew(struct strategy_run *run, const struct vthread *best)
{
    for (uint32_t w = 0; w < (run->thread_count + 63) / 64; w++) {
        for (uint64_t bits = run->enabled[w]; bits != 0; bits &= bits - 1) {
            const struct vthread *other = run->threads[w * 64 + (uint32_t)__builtin_ctzll(bits)];
            if (other != best && op_is_dependent(&other->next, &best->next))
                run->priority[other->id] = choice_sched_random();
        }
    }
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    struct vthread *best = NULL;
    enum tier best_tier = TIER_YIELDED;

    (void)dull;
    if (current != NULL)
        run->priority[current->id] = choice_sched_random();
    for (uint32_t w = 0; w < (run->thread_count + 63) / 64; w++) {
        for (uint64_t bits = run->enabled[w]; bits != 0; bits &= bits - 1) {
            struct vthread *thread = run->threads[w * 64 + (uint32_t)__builtin_ctzll(bits)];
            const enum tier tier = thread == rff.demoted ? TIER_YIELDED : tier_of(thread);
            if (best == NULL || tier > best_tier ||
                (tier == best_tier && run->priority[thread->id] > run->priority[best->id])) {
                best = thread;
                best_tier = tier;
            }
        }
    }
    rff.demoted = NULL;
    draw_dependent_anew(run, best);
    return best;
}

static void stepped(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    if (!is_constrained(profile_now_object(thread)))
        return;
    const struct profile_name *name = profile_now(thread);
    for (uint32_t i = 0; i < rff.count; i++) {
        struct constraint *constraint = &rff.constraints[i];
        if (name->object != constraint->object)
            continue;
        if (name->site == constraint->reader && constraint->is_positive && constraint->is_written)
            constraint->is_done = true;
        if (op_kind_writes(thread->next.kind))
            constraint->is_written = name->site == constraint->writer;
    }
}

static void yielded(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    rff.demoted = thread;
}

const struct strategy_ops strategy_rff = {.name = "rff",
                                          .begin = begin,
                                          .pick = pick,
                                          .spawned = spawned,
                                          .yielded = yielded,
                                          .stepped = stepped};
