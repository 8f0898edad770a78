/*
 * sim/sched/strategy_pos.c - partial order sampling.
 *
 * Yuan, Yang, Gu: "Partial order aware concurrency sampling", CAV 2018. Every pending operation has
 * a random priority and the highest is done; then the operations that conflict with it draw anew.
 * Which conflict: sim/sched/dependence.h.
 */
#include "sim/sched/strategy.h"

#include "sim/choice/choice.h"
#include "sim/sched/dependence.h"

static void begin(struct strategy_run *run)
{
    run->demoted = NULL;
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    struct vthread *best = NULL;
    uint32_t words = (run->thread_count + 63) / 64;

    (void)dull;
    if (current != NULL && run->demoted != current)
        run->priority[current->id] = choice_sched_random();
    run->demoted = NULL;
    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t bits = run->enabled[w]; bits != 0; bits &= bits - 1) {
            uint32_t id = w * 64 + (uint32_t)__builtin_ctzll(bits);
            if (best == NULL || run->priority[id] > run->priority[best->id])
                best = run->threads[id];
        }
    }
    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t bits = run->enabled[w]; bits != 0; bits &= bits - 1) {
            struct vthread *other = run->threads[w * 64 + (uint32_t)__builtin_ctzll(bits)];
            if (other != best && thread_is_dependent(other, best))
                run->priority[other->id] = choice_sched_random();
        }
    }
    return best;
}

static void spawned(struct strategy_run *run, struct vthread *thread)
{
    run->priority[thread->id] = choice_sched_random();
}

static void yielded(struct strategy_run *run, struct vthread *thread)
{
    run->priority[thread->id] = 0;
    run->demoted = thread; /* for its next operation: not drawn anew */
}

const struct strategy_ops strategy_pos = {
    .name = "pos", .begin = begin, .pick = pick, .spawned = spawned, .yielded = yielded};
