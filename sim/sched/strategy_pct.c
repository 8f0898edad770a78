/*
 * sim/sched/strategy_pct.c - probabilistic concurrency testing, made fair.
 *
 * Burckhardt, Kothari, Musuvathi, Nagarakatti: "A randomized scheduler with probabilistic
 * guarantees of finding bugs", ASPLOS 2010. Each thread has a random priority and the highest runs;
 * at d-1 random steps the running thread falls below all others. A bug of depth d is then hit with
 * a probability of at least 1/(n k^(d-1)). The steps are drawn over the measured length of the base
 * run. A thread that yields or spins is demoted too, or waiting loops would never end.
 */
#include "sim/sched/strategy.h"

#include "sim/choice/choice.h"

enum {
    DEPTH_MAX = 16,
    STEPS_UNMEASURED = 1000, /* until a base run has been made */
};

#define PRIORITY_HIGH (UINT64_C(1) << 63)

static void begin(struct strategy_run *run)
{
    uint64_t length = run->base_steps == 0 ? STEPS_UNMEASURED : run->base_steps;
    uint32_t depth = run->spec->depth < DEPTH_MAX ? run->spec->depth : DEPTH_MAX;

    run->low_water = PRIORITY_HIGH - 1;
    run->change_next = 0;
    run->change_count = depth == 0 ? 0 : depth - 1;
    for (uint32_t i = 0; i < run->change_count; i++) {
        uint64_t step = 1 + (uint64_t)(((__uint128_t)choice_sched_random() * length) >> 64);
        uint32_t at = i;
        while (at > 0 && run->change_points[at - 1] > step) {
            run->change_points[at] = run->change_points[at - 1];
            at--;
        }
        run->change_points[at] = step;
    }
}

static struct vthread *highest(const struct strategy_run *run)
{
    struct vthread *best = NULL;
    uint64_t best_priority = 0;
    uint32_t words = (run->thread_count + 63) / 64;

    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t bits = run->enabled[w]; bits != 0; bits &= bits - 1) {
            uint32_t id = w * 64 + (uint32_t)__builtin_ctzll(bits);
            if (best == NULL || run->priority[id] > best_priority) {
                best = run->threads[id];
                best_priority = run->priority[id];
            }
        }
    }
    return best;
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    (void)current;
    (void)dull;
    struct vthread *best = highest(run);
    while (run->change_next < run->change_count &&
           run->steps >= run->change_points[run->change_next]) {
        run->change_next++;
        run->priority[best->id] = run->low_water--;
        best = highest(run);
    }
    return best;
}

static void spawned(struct strategy_run *run, struct vthread *thread)
{
    run->priority[thread->id] = choice_sched_random() | PRIORITY_HIGH;
}

static void yielded(struct strategy_run *run, struct vthread *thread)
{
    run->priority[thread->id] = run->low_water--;
}

const struct strategy_ops strategy_pct = {
    .name = "pct", .begin = begin, .pick = pick, .spawned = spawned, .yielded = yielded};
