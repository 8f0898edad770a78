/*
 * sim/sched/plan.c - see plan.h.
 *
 * Pairs of representatives take turns, each with its next promising cut, so that no pair of a large
 * program hides the others.
 */
#include "sim/sched/plan.h"

#include <string.h>

#include "sim/sched/profile.h"

enum { PAIRS_MAX = 256, CUTS_MAX = 256, HELD_MAX = 16, TURNS_MAX = 4096 };

enum { MET_READ = 1, MET_WRITE = 2 };

/* Where thread `first` may be cut in favour of thread `second`. */
struct pair {
    uint16_t first;
    uint16_t second;
    uint16_t cut_count;
    uint32_t cuts[CUTS_MAX]; /* the most promising first */
};

static struct {
    uint32_t version; /* of the profile that they are of */
    uint32_t plan_count;
    struct plan plans[PLANS_MAX];
    uint32_t pair_count;
    struct pair pairs[PAIRS_MAX];
    uint8_t met[2][PROFILE_OBJECTS_MAX]; /* by the first and the second of a pair */
} list;

static void add(const struct plan *plan)
{
    if (list.plan_count < PLANS_MAX)
        list.plans[list.plan_count++] = *plan;
}

/* ---- who meets whom ---- */

static void note_met(uint16_t thread, uint8_t *met)
{
    memset(met, 0, ((size_t)profile.object_count + 1) * sizeof(met[0]));
    for (uint32_t at = profile.threads[thread].step_first; at != UINT32_MAX;
         at = profile.step_next[at]) {
        const struct profile_step *step = &profile.steps[at];
        if (step->object != 0)
            met[step->object] |= step->is_write ? MET_WRITE : MET_READ;
    }
}

/* Whether the step could not change places with something of the thread whose objects `met` is. */
static bool meets(const struct profile_step *step, const uint8_t *met, uint16_t thread)
{
    if (profile.threads[thread].is_lane)
        return step->kind == OP_CALL;
    return step->object != 0 &&
           ((met[step->object] & MET_WRITE) != 0 || (step->is_write && met[step->object] != 0));
}

/* ---- locks ---- */

struct held {
    uint16_t locks[HELD_MAX];
    uint32_t count;
};

static bool held_has(const struct held *held, uint16_t lock)
{
    for (uint32_t i = 0; i < held->count; i++) {
        if (held->locks[i] == lock)
            return true;
    }
    return false;
}

static void held_follow(struct held *held, const struct profile_step *step)
{
    if (step->kind == OP_LOCK && held->count < HELD_MAX) {
        held->locks[held->count++] = step->object;
        return;
    }
    for (uint32_t i = held->count; step->kind == OP_UNLOCK && i > 0; i--) {
        if (held->locks[i - 1] == step->object) {
            held->locks[i - 1] = held->locks[--held->count];
            return;
        }
    }
}

static bool takes_later(uint16_t lock, uint32_t at)
{
    for (; at != UINT32_MAX; at = profile.step_next[at]) {
        if (profile.steps[at].kind == OP_LOCK && profile.steps[at].object == lock)
            return true;
    }
    return false;
}

enum promise { PROMISE_NONE, PROMISE_SOME, PROMISE_FREE };

/* How far the second gets while the first has `held` and stands before step `at`. */
static enum promise judge(const struct pair *pair, const struct held *held, uint32_t at)
{
    struct held own = {.count = 0};
    bool has_met = false;

    /* Nothing that it could wait for: most places are such, and the loop is long. */
    if (held->count == 0)
        return PROMISE_FREE;
    for (uint32_t step = profile.threads[pair->second].step_first; step != UINT32_MAX;
         step = profile.step_next[step]) {
        const struct profile_step *now = &profile.steps[step];
        if (now->kind == OP_LOCK && held_has(held, now->object)) {
            for (uint32_t i = 0; i < own.count; i++) {
                if (takes_later(own.locks[i], at))
                    return PROMISE_FREE; /* they will wait for each other */
            }
            return has_met ? PROMISE_SOME : PROMISE_NONE;
        }
        held_follow(&own, now);
        has_met |= meets(now, list.met[0], pair->first);
    }
    return PROMISE_FREE;
}

/* ---- cuts ---- */

/* The number of the operation after which `child` exists, when `thread` makes it; else 0. */
static uint32_t made_at(uint16_t thread, uint16_t child)
{
    uint32_t nth = 0;
    uint32_t number = 0;

    if (profile.threads[child].parent != thread)
        return 0;
    for (uint32_t i = 0; i <= child; i++)
        nth += profile.threads[i].parent == thread;
    for (uint32_t at = profile.threads[thread].step_first; at != UINT32_MAX;
         at = profile.step_next[at]) {
        number++;
        if (profile.steps[at].kind == OP_CREATE && --nth == 0)
            return number;
    }
    return 0;
}

static uint32_t last_meeting(const struct pair *pair)
{
    uint32_t number = 0;
    uint32_t last = 0;

    for (uint32_t at = profile.threads[pair->first].step_first; at != UINT32_MAX;
         at = profile.step_next[at], number++) {
        if (meets(&profile.steps[at], list.met[1], pair->second))
            last = number;
    }
    return last;
}

/* `is_unseen`: where the thread has just read what it is about to write, and the compiler left the
 * read out because the write follows; otherwise where it has just met the other. */
static void find_cuts(struct pair *pair, enum promise wanted, bool is_unseen)
{
    const uint32_t made = made_at(pair->first, pair->second);
    const uint32_t last = last_meeting(pair);
    struct held held = {.count = 0};
    uint32_t number = 0;
    bool has_just_met = false;

    for (uint32_t at = profile.threads[pair->first].step_first; at != UINT32_MAX && number <= last;
         at = profile.step_next[at], number++) {
        const bool has_read_unseen = profile.steps[at].kind == OP_WRITE_MEM && !has_just_met &&
                                     meets(&profile.steps[at], list.met[1], pair->second);
        const bool is_cut = is_unseen ? has_read_unseen : has_just_met || number == made;
        if (is_cut && number >= made && number > 0 && pair->cut_count < CUTS_MAX &&
            judge(pair, &held, at) == wanted)
            pair->cuts[pair->cut_count++] = number;
        held_follow(&held, &profile.steps[at]);
        has_just_met = meets(&profile.steps[at], list.met[1], pair->second);
    }
}

static void add_pair(uint16_t first, uint16_t second)
{
    struct pair *pair = &list.pairs[list.pair_count];

    if (list.pair_count == PAIRS_MAX || profile.threads[first].is_lane)
        return;
    *pair = (struct pair){.first = first, .second = second};
    note_met(first, list.met[0]);
    note_met(second, list.met[1]);
    find_cuts(pair, PROMISE_FREE, false);
    find_cuts(pair, PROMISE_FREE, true);
    find_cuts(pair, PROMISE_SOME, false);
    list.pair_count += pair->cut_count > 0;
}

/* One thread of each class, in the order of their creation, and another of the same class. */
static void find_pairs(void)
{
    for (uint32_t x = 0; x < profile.thread_count; x++) {
        for (uint32_t y = 0; y < profile.thread_count && profile.threads[x].class == x; y++) {
            if (y != x && profile.threads[y].class == y)
                add_pair((uint16_t)x, (uint16_t)y);
        }
    }
    for (uint32_t x = 0; x < profile.thread_count; x++) {
        for (uint32_t y = x + 1; y < profile.thread_count && profile.threads[x].class == x; y++) {
            if (profile.threads[y].class == x) {
                add_pair((uint16_t)x, (uint16_t)y);
                break;
            }
        }
    }
}

/* ---- the list ---- */

static void add_cuts(uint32_t turn, bool is_rest_first)
{
    for (uint32_t i = 0; i < list.pair_count; i++) {
        const struct pair *pair = &list.pairs[i];
        if (turn >= pair->cut_count)
            continue;
        add(&(struct plan){.pieces = {{.thread = pair->first, .until = pair->cuts[turn]},
                                      {.thread = pair->second, .until = PLAN_TO_THE_END}},
                           .piece_count = 2,
                           .is_rest_first = is_rest_first});
    }
}

/* Each class as the first of all. */
static void add_orders(void)
{
    for (uint32_t x = 0; x < profile.thread_count; x++) {
        if (profile.threads[x].class == x && !profile.threads[x].is_lane &&
            profile.threads[x].parent != PROFILE_NOBODY)
            add(&(struct plan){.pieces = {{.thread = (uint16_t)x, .until = PLAN_TO_THE_END}},
                               .piece_count = 1});
    }
}

static const struct pair *find_pair(uint16_t first, uint16_t second)
{
    for (uint32_t i = 0; i < list.pair_count; i++) {
        if (list.pairs[i].first == first && list.pairs[i].second == second)
            return &list.pairs[i];
    }
    return NULL;
}

/* The second is cut too, and the first goes on to its end. */
static void add_double_cuts(uint32_t turn)
{
    for (uint32_t i = 0; i < list.pair_count; i++) {
        const struct pair *pair = &list.pairs[i];
        const struct pair *back = find_pair(pair->second, pair->first);
        if (back == NULL &&
            profile.threads[pair->first].class == profile.threads[pair->second].class)
            back = pair; /* they are alike */
        for (uint32_t a = 0; back != NULL && a <= turn && a < pair->cut_count; a++) {
            if (turn - a >= back->cut_count)
                continue;
            add(&(struct plan){.pieces = {{.thread = pair->first, .until = pair->cuts[a]},
                                          {.thread = pair->second, .until = back->cuts[turn - a]},
                                          {.thread = pair->first, .until = PLAN_TO_THE_END}},
                               .piece_count = 3});
        }
    }
}

static void make_list(void)
{
    list.version = profile.version;
    list.plan_count = 0;
    list.pair_count = 0;
    find_pairs();
    add_cuts(0, false);
    add_cuts(0, true);
    add_orders();
    for (uint32_t turn = 1; turn < CUTS_MAX; turn++) {
        add_cuts(turn, false);
        add_cuts(turn, true);
        add_double_cuts(turn - 1);
    }
}

uint32_t plan_count(void)
{
    if (!profile.is_complete)
        return 0;
    if (list.version != profile.version)
        make_list();
    return list.plan_count;
}

const struct plan *plan_at(uint32_t index)
{
    return index < plan_count() ? &list.plans[index] : NULL;
}
