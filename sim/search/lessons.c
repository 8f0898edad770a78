/*
 * sim/search/lessons.c - see lessons.h.
 */
#include "sim/search/lessons.h"

#include <string.h>

#include "sim/base/random.h"
#include "sim/sched/profile.h"
#include "sim/sched/sched.h"

enum {
    TOUCHED_SLOTS = 1 << 13,
    TOUCHED_MAX = TOUCHED_SLOTS / 4 * 3,
    PAIR_SLOTS = 1 << 14,
    PAIRS_MAX = PAIR_SLOTS / 2,
    NOTED_SLOTS = 1 << 13,
    NOTED_MAX = NOTED_SLOTS / 2,
};

struct touched {
    const void *object;
    uint32_t run;
    uint32_t thread;
    uint32_t place;
    bool is_write;
};

static struct {
    const struct strategy_ops *inner;
    struct strategy_ops watched;
    uint32_t run;
    uint64_t new_count;
    uint32_t pair_count;
    uint32_t touched_count; /* in this run */
    struct touched touched[TOUCHED_SLOTS];
    uint64_t pairs[PAIR_SLOTS];
    /* of the last run alone */
    bool is_learned, is_noted;
    size_t noted_count;
    uint64_t noted[NOTED_MAX];
    struct {
        uint64_t pair;
        uint32_t run;
    } noted_slots[NOTED_SLOTS];
} lessons;

void lessons_begin(void)
{
    sched_lasting_add(&lessons, sizeof(lessons));
    memset(lessons.pairs, 0, sizeof(lessons.pairs));
    lessons.pair_count = 0;
    lessons.new_count = 0;
}

static void begin(struct strategy_run *run)
{
    lessons.run++;
    lessons.noted_count = 0;
    lessons.touched_count = 0;
    lessons.inner->begin(run);
}

static void note_for_run(uint64_t pair)
{
    size_t slot = (size_t)(random_mix(pair) % NOTED_SLOTS);

    while (lessons.noted_slots[slot].run == lessons.run && lessons.noted_slots[slot].pair != pair)
        slot = (slot + 1) % NOTED_SLOTS;
    if (lessons.noted_slots[slot].run == lessons.run || lessons.noted_count == NOTED_MAX)
        return;
    lessons.noted_slots[slot].pair = pair;
    lessons.noted_slots[slot].run = lessons.run;
    lessons.noted[lessons.noted_count++] = pair;
}

static void note_for_campaign(uint64_t pair)
{
    size_t slot = (size_t)(random_mix(pair) % PAIR_SLOTS);

    if (lessons.pair_count == PAIRS_MAX)
        return;
    while (lessons.pairs[slot] != 0 && lessons.pairs[slot] != pair)
        slot = (slot + 1) % PAIR_SLOTS;
    if (lessons.pairs[slot] == pair)
        return;
    lessons.pairs[slot] = pair;
    lessons.pair_count++;
    lessons.new_count++;
}

static void note_pair(uint32_t from, uint32_t to)
{
    const uint64_t pair = ((uint64_t)from << 32 | to) + 1; /* 0 is an empty slot */

    if (lessons.is_noted)
        note_for_run(pair);
    if (lessons.is_learned)
        note_for_campaign(pair);
}

static void note_touch(const struct vthread *thread)
{
    const struct op *op = &thread->next;
    size_t slot = (size_t)(random_mix((uintptr_t)op->object) % TOUCHED_SLOTS);
    const struct touched now = {.object = op->object,
                                .run = lessons.run,
                                .thread = thread->id,
                                .place = profile_place(op),
                                .is_write = op_kind_writes(op->kind)};

    while (lessons.touched[slot].run == lessons.run && lessons.touched[slot].object != op->object)
        slot = (slot + 1) % TOUCHED_SLOTS;
    struct touched *last = &lessons.touched[slot];
    if (last->run != lessons.run) {
        /* By their number alone: who meets whom in the table depends on where things lie. */
        if (lessons.touched_count == TOUCHED_MAX)
            return;
        lessons.touched_count++;
    } else if (last->thread != now.thread && (last->is_write || now.is_write)) {
        note_pair(last->place, now.place);
    }
    *last = now;
}

static void stepped(struct strategy_run *run, struct vthread *thread)
{
    if (thread->next.object != NULL)
        note_touch(thread);
    if (lessons.inner->stepped != NULL)
        lessons.inner->stepped(run, thread);
}

const struct strategy_ops *lessons_watch(const struct strategy_ops *ops, bool is_learned,
                                         bool is_noted)
{
    lessons.inner = ops;
    lessons.is_learned = is_learned;
    lessons.is_noted = is_noted;
    lessons.watched = *ops;
    lessons.watched.begin = begin;
    lessons.watched.stepped = stepped;
    return &lessons.watched;
}

const uint64_t *lessons_noted(size_t *count)
{
    *count = lessons.noted_count;
    return lessons.noted;
}

uint64_t lessons_take(void)
{
    const uint64_t count = lessons.new_count;

    lessons.new_count = 0;
    return count;
}
