/*
 * sim/sched/strategy_random.c - random walks: uniform at each step, sticky, and from bytes.
 *
 * The sticky walk leaves a thread that can go on only with a given chance: few, far apart
 * preemptions, which is where most bugs are (Musuvathi and Qadeer, PLDI 2007).
 */
#include "sim/sched/strategy.h"

#include "sim/base/bits.h"
#include "sim/choice/choice.h"

static void begin(struct strategy_run *run)
{
    (void)run;
}

static void ignore(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    (void)thread;
}

/* The `nth` enabled thread in order of number. */
static struct vthread *enabled_nth(const struct strategy_run *run, uint32_t nth)
{
    if (run->thread_count <= 64)
        return run->threads[bits_select(run->enabled[0], nth)];
    for (uint32_t w = 0;; w++) {
        uint64_t bits = run->enabled[w];
        uint32_t count = (uint32_t)__builtin_popcountll(bits);
        if (nth >= count) {
            nth -= count;
            continue;
        }
        return run->threads[w * 64 + bits_select(bits, nth)];
    }
}

static struct vthread *pick_uniform(struct strategy_run *run, struct vthread *current,
                                    struct vthread *dull)
{
    (void)current;
    (void)dull;
    uint64_t draw = choice_sched_random() >> 32;
    return enabled_nth(run, (uint32_t)((draw * run->enabled_count) >> 32));
}

static struct vthread *pick_sticky(struct strategy_run *run, struct vthread *current,
                                   struct vthread *dull)
{
    /* `dull` differs from `current` when the thread cannot or should not go on. */
    if (current == dull) {
        uint64_t draw = choice_sched_random() >> 32;
        if (((draw * 1000000) >> 32) >= run->spec->switch_ppm)
            return dull;
    }
    return pick_uniform(run, current, dull);
}

/* Bytes name a place in the order that begins with the dull thread: 0 is dull. */
static struct vthread *pick_bytes(struct strategy_run *run, struct vthread *current,
                                  struct vthread *dull)
{
    uint32_t draw = choice_sched_byte(run->enabled_count);

    (void)current;
    if (draw == 0)
        return dull;
    struct vthread *picked = enabled_nth(run, draw);
    return picked == dull ? enabled_nth(run, 0) : picked;
}

const struct strategy_ops strategy_random = {
    .name = "random", .begin = begin, .pick = pick_uniform, .spawned = ignore, .yielded = ignore};

const struct strategy_ops strategy_sticky = {
    .name = "sticky", .begin = begin, .pick = pick_sticky, .spawned = ignore, .yielded = ignore};

const struct strategy_ops strategy_bytes = {
    .name = "bytes", .begin = begin, .pick = pick_bytes, .spawned = ignore, .yielded = ignore};
