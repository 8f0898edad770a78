/*
 * sim/sched/strategy_skewed.c - two runs without a draw that find what only needs bad manners.
 *
 * `skewed` is the opposite of the dull run: everybody is in the middle of something all the time. A
 * thread's turn ends at each operation, but lasts while it holds a lock, plain accesses excepted.
 * The first child gets one turn for every four of the others, because threads in step stay aligned.
 * Three manners make what is nested go wrong: whoever is about to take a second lock lets others
 * take it who want it too; whoever gives back one of two locks lets those have it who wait for it;
 * and the end of the process comes last.
 *
 * `late` holds the first child back until nobody else can go on, and is dull otherwise: most
 * programs never see their threads come in another order than that of their creation.
 */
#include <string.h>

#include "sim/sched/strategy.h"

enum { TURNS_OTHERS = 4, LEAD_STEPS_MAX = 1000 };

static struct {
    struct vthread *root; /* the first thread; NULL when several start the world */
    uint32_t root_count;
    struct vthread *first_child;
    uint32_t turns; /* left to the others before it is the first child's again */
    uint32_t last_other;
    struct op done; /* what was done last */
    struct vthread *yielded;
    uint16_t held[VTHREADS_MAX]; /* locks, roughly: a failed attempt counts until it yields */
} skewed;

static void begin(struct strategy_run *run)
{
    (void)run;
    memset(&skewed, 0, sizeof(skewed));
}

static void spawned(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    skewed.held[thread->id] = 0;
    if (thread->is_lane)
        return;
    if (thread->parent_id == VTHREAD_NOBODY)
        skewed.root = skewed.root_count++ == 0 ? thread : NULL;
    else if (skewed.first_child == NULL)
        skewed.first_child = thread;
}

static bool is_enabled(const struct strategy_run *run, const struct vthread *thread)
{
    return thread != NULL && (run->enabled[thread->id / 64] >> (thread->id % 64) & 1) != 0;
}

/* The end of the first thread ends its process, and with it all that others might have done. */
static bool is_end(const struct vthread *thread)
{
    return thread->parent_id == VTHREAD_NOBODY && thread->next.kind == OP_EXIT;
}

/* The next enabled thread by number after `after`, round and round, but `but`. Ends come last. NULL
 * when there is nobody else. */
static struct vthread *next_enabled(const struct strategy_run *run, uint32_t after,
                                    const struct vthread *but)
{
    struct vthread *end = NULL;

    for (uint32_t i = 1; i <= run->thread_count; i++) {
        struct vthread *thread = run->threads[(after + i) % run->thread_count];
        if (thread == but || !is_enabled(run, thread))
            continue;
        if (!is_end(thread))
            return thread;
        end = thread;
    }
    return end;
}

/* Somebody who is about to do `kind` on `object`, with or without having waited for it. */
static struct vthread *find_pending(const struct strategy_run *run, enum op_kind kind,
                                    const void *object, const struct vthread *but)
{
    for (uint32_t w = 0; w < (run->thread_count + 63) / 64; w++) {
        for (uint64_t bits = run->enabled[w]; bits != 0; bits &= bits - 1) {
            struct vthread *thread = run->threads[w * 64 + (uint32_t)__builtin_ctzll(bits)];
            if (thread != but && thread->next.kind == kind && thread->next.object == object)
                return thread;
        }
    }
    return NULL;
}

static struct vthread *find_start(const struct strategy_run *run)
{
    return find_pending(run, OP_START, NULL, NULL);
}

/* Whoever holds a lock goes on, but for three manners. NULL: its turn is over. */
static struct vthread *go_on_holding(const struct strategy_run *run, struct vthread *current)
{
    struct vthread *other = NULL;

    if (skewed.done.kind == OP_READ_MEM || skewed.done.kind == OP_WRITE_MEM)
        return NULL;
    if (skewed.done.kind == OP_UNLOCK)
        other = find_pending(run, OP_LOCK, skewed.done.object, current);
    if (other == NULL && current->next.kind == OP_LOCK)
        other = find_pending(run, OP_LOCK, current->next.object, current);
    return other != NULL ? other : current;
}

static struct vthread *take_turns(struct strategy_run *run)
{
    struct vthread *other = next_enabled(run, skewed.last_other, skewed.first_child);

    if (is_enabled(run, skewed.first_child) && (skewed.turns == 0 || other == NULL)) {
        skewed.turns = TURNS_OTHERS;
        return skewed.first_child;
    }
    skewed.last_other = other->id;
    skewed.turns -= skewed.turns > 0;
    return other;
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    struct vthread *next = NULL;
    const struct vthread *root = skewed.root;

    (void)dull;
    if (is_enabled(run, root) && root->next.kind != OP_JOIN && root->next.kind != OP_EXIT &&
        root->steps < LEAD_STEPS_MAX)
        return run->threads[root->id]; /* until it has made its children */
    next = find_start(run);
    if (next != NULL)
        return next; /* until all stand before something */
    if (is_enabled(run, current) && current != skewed.yielded && skewed.held[current->id] != 0)
        next = go_on_holding(run, current);
    skewed.yielded = NULL;
    return next != NULL ? next : take_turns(run);
}

static void stepped(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    skewed.done = thread->next;
    if (thread->next.kind == OP_LOCK)
        skewed.held[thread->id]++;
    else if (thread->next.kind == OP_UNLOCK)
        skewed.held[thread->id] -= skewed.held[thread->id] > 0;
}

static void yielded(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    skewed.held[thread->id] = 0;
    skewed.yielded = thread;
}

static struct vthread *pick_late(struct strategy_run *run, struct vthread *current,
                                 struct vthread *dull)
{
    (void)current;
    if (dull != skewed.first_child && !is_end(dull))
        return dull;
    struct vthread *other = next_enabled(run, dull->id, skewed.first_child);
    if (other != NULL && !is_end(other))
        return other;
    return is_enabled(run, skewed.first_child) ? skewed.first_child : dull;
}

static void ignore(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    (void)thread;
}

const struct strategy_ops strategy_skewed = {.name = "skewed",
                                             .begin = begin,
                                             .pick = pick,
                                             .spawned = spawned,
                                             .yielded = yielded,
                                             .stepped = stepped};

const struct strategy_ops strategy_late = {
    .name = "late", .begin = begin, .pick = pick_late, .spawned = spawned, .yielded = ignore};
