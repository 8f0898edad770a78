/*
 * sim/sched/strategy_surw.c - selectively uniform random walk.
 *
 * Zhao, Wolff, Mathur, Roychoudhury: "Selectively uniform concurrency testing", ASPLOS 2025. Of all
 * that happens only the operations on one object count in a run, another object in each, drawn by
 * how often the base run touched it. Who does the next of them is drawn in proportion to how many
 * of them everybody (with the children still to be made) has left, so that each order of those
 * operations is as likely as any other; whoever else comes to one first waits. One run in eight
 * takes all shared objects together.
 *
 * When the one that was drawn cannot go on, the draw is void: nobody waits for somebody who waits.
 */
#include <string.h>

#include "sim/sched/aim.h"
#include "sim/sched/profile.h"
#include "sim/sched/strategy.h"

enum { ALL_ONE_IN = 8 };

static struct {
    uint16_t object; /* 0: every shared one */
    struct vthread *intended;
    uint64_t blocked[VTHREADS_MAX / 64];
    uint32_t left[VTHREADS_MAX];     /* by id in the run */
    uint32_t expected[VTHREADS_MAX]; /* by index in the profile, children included */
} surw;

static bool counts_object(uint16_t object)
{
    if (surw.object != 0)
        return object == surw.object;
    return object != 0 && profile.objects[object].is_shared && profile.objects[object].is_written;
}

static bool counts(const struct vthread *thread)
{
    return counts_object(profile_next_object(thread));
}

static void unblock(void)
{
    memset(surw.blocked, 0, sizeof(surw.blocked));
    surw.intended = NULL;
}

static void begin(struct strategy_run *run)
{
    (void)run;
    profile_run_begin();
    unblock();
    surw.object = aim_object();
    if (aim_below(ALL_ONE_IN) == 0)
        surw.object = 0;
    memset(surw.expected, 0, profile.thread_count * sizeof(surw.expected[0]));
    for (uint32_t i = 0; i < profile.step_count; i++)
        surw.expected[profile.steps[i].thread] += counts_object(profile.steps[i].object);
    /* Children come after their parents. */
    for (uint32_t i = profile.thread_count; i-- > 0;) {
        if (profile.threads[i].parent != PROFILE_NOBODY)
            surw.expected[profile.threads[i].parent] += surw.expected[i];
    }
}

static void spawned(struct strategy_run *run, struct vthread *thread)
{
    profile_run_spawned(run, thread);
    const uint16_t index = profile_next(thread)->thread;
    const uint32_t mine = index == PROFILE_NOBODY ? 0 : surw.expected[index];
    surw.left[thread->id] = mine;
    if (thread->parent_id == VTHREAD_NOBODY || mine == 0)
        return;
    struct vthread *parent = run->threads[thread->parent_id];
    uint32_t *left = &surw.left[parent->id];
    if (surw.intended == parent && aim_below(*left == 0 ? 1 : *left) < mine)
        surw.intended = thread;
    *left -= mine < *left ? mine : *left;
}

/* Who does the next one that counts; `first` has come to it. */
static struct vthread *draw_intended(const struct strategy_run *run, struct vthread *first)
{
    uint32_t total = 0;

    if (surw.left[first->id] == 0)
        surw.left[first->id] = 1; /* the base run had fewer */
    for (uint32_t w = 0; w < (run->thread_count + 63) / 64; w++) {
        for (uint64_t bits = run->enabled[w]; bits != 0; bits &= bits - 1)
            total += surw.left[w * 64 + (uint32_t)__builtin_ctzll(bits)];
    }
    uint32_t at = aim_below(total);
    for (uint32_t w = 0; w < (run->thread_count + 63) / 64; w++) {
        for (uint64_t bits = run->enabled[w]; bits != 0; bits &= bits - 1) {
            const uint32_t id = w * 64 + (uint32_t)__builtin_ctzll(bits);
            if (at < surw.left[id])
                return run->threads[id];
            at -= surw.left[id];
        }
    }
    return first;
}

/* One of those enabled and not blocked; NULL when there is none. */
static struct vthread *draw_free(const struct strategy_run *run)
{
    const uint32_t words = (run->thread_count + 63) / 64;
    uint32_t count = 0;

    for (uint32_t w = 0; w < words; w++)
        count += (uint32_t)__builtin_popcountll(run->enabled[w] & ~surw.blocked[w]);
    if (count == 0)
        return NULL;
    uint32_t nth = aim_below(count);
    for (uint32_t w = 0; w < words; w++) {
        uint64_t bits = run->enabled[w] & ~surw.blocked[w];
        const uint32_t here = (uint32_t)__builtin_popcountll(bits);
        if (nth >= here) {
            nth -= here;
            continue;
        }
        while (nth-- > 0)
            bits &= bits - 1;
        return run->threads[w * 64 + (uint32_t)__builtin_ctzll(bits)];
    }
    return NULL;
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    (void)current;
    for (;;) {
        struct vthread *next = draw_free(run);
        if (next == NULL) {
            /* All wait for one that cannot go on. */
            unblock();
            next = draw_free(run);
        }
        if (next == NULL)
            return dull;
        if (!counts(next))
            return next;
        if (surw.intended == NULL)
            surw.intended = draw_intended(run, next);
        if (next == surw.intended)
            return next;
        surw.blocked[next->id / 64] |= UINT64_C(1) << (next->id % 64);
    }
}

static void stepped(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    if (!counts_object(profile_now_object(thread)))
        return;
    surw.left[thread->id] -= surw.left[thread->id] > 0;
    unblock();
}

static void yielded(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    (void)thread;
    unblock();
}

const struct strategy_ops strategy_surw = {.name = "surw",
                                           .begin = begin,
                                           .pick = pick,
                                           .spawned = spawned,
                                           .yielded = yielded,
                                           .stepped = stepped};
