/*
 * sim/report/plan_ends.c - see plan_ends.h.
 *
 * A step says what a thread set out to do, and does at once if it can. A lock that is held it gets
 * when it goes on: from its next step.
 */
#include "sim/report/plan_ends.h"

#include <string.h>

enum { HELD_NOW_MAX = 256, SPIN_PLACES_MAX = 4 };

/* A lock that is held at the step looked at. */
struct held_now {
    uint32_t thread_id;
    struct plan_held held;
};

/* One place that a thread reads again and again. */
struct spin_place {
    const void *pc;
    uint32_t object_id;
    enum op_kind kind;
    size_t indexes[PLAN_SPINS_MIN]; /* of the first steps there */
    size_t index_last;
    uint32_t repeats;
    bool is_looking; /* at memory: it says more than the pauses between */
};

/* What is followed of a thread. */
struct follow {
    bool is_taking; /* its last step was a lock that it does not have yet */
    struct plan_held taking;
    bool is_in_wait; /* gave a lock back for the time of a condition wait */
    struct plan_held given_up;
    struct spin_place places[SPIN_PLACES_MAX];
    uint32_t place_count;
    bool has_looked; /* one of the places is looking */
    size_t index_last;
    bool has_steps;
};

struct walk {
    struct plan *plan;
    const struct trace *trace;
    struct held_now held[HELD_NOW_MAX];
    size_t held_count;
    struct follow follows[VTHREADS_MAX];
};

static void hold(struct walk *walk, uint32_t thread_id, const struct plan_held *held)
{
    if (walk->held_count < HELD_NOW_MAX)
        walk->held[walk->held_count++] = (struct held_now){thread_id, *held};
}

static void drop(struct walk *walk, size_t at)
{
    walk->held_count--;
    memmove(&walk->held[at], &walk->held[at + 1], (walk->held_count - at) * sizeof(walk->held[0]));
}

/* Who keeps `thread_id` from taking the lock; TRACE_NOBODY when it is free. */
static uint32_t find_holder(const struct walk *walk, uint32_t object_id, bool is_shared)
{
    for (size_t i = 0; i < walk->held_count; i++) {
        const struct held_now *now = &walk->held[i];
        if (now->held.object_id == object_id && !(is_shared && now->held.is_shared))
            return now->thread_id;
    }
    return TRACE_NOBODY;
}

/* The thread makes a step, so it has what its last one asked for. */
static void settle(struct walk *walk, uint32_t thread_id)
{
    struct follow *follow = &walk->follows[thread_id];

    if (follow->is_taking)
        hold(walk, thread_id, &follow->taking);
    if (follow->is_in_wait)
        hold(walk, thread_id, &follow->given_up);
    follow->is_taking = false;
    follow->is_in_wait = false;
}

static void follow_lock(struct walk *walk, size_t index, const struct trace_step *step)
{
    struct follow *follow = &walk->follows[step->thread_id];
    struct plan_note *note = &walk->plan->notes[index];
    struct plan_held held = {.object_id = step->object_id,
                             .taken_index = index,
                             .is_shared = step->kind == OP_LOCK_READ};
    uint32_t holder = find_holder(walk, held.object_id, held.is_shared);

    note->holder_id = holder;
    if (holder == TRACE_NOBODY) {
        hold(walk, step->thread_id, &held);
    } else if (step->kind != OP_TRY_LOCK) {
        follow->is_taking = true;
        follow->taking = held;
    }
}

static void follow_unlock(struct walk *walk, const struct trace_step *step)
{
    for (size_t i = walk->held_count; i-- > 0;) {
        if (walk->held[i].thread_id == step->thread_id &&
            walk->held[i].held.object_id == step->object_id) {
            drop(walk, i);
            return;
        }
    }
}

/* A condition wait gives back the lock taken last until it returns. */
static void follow_wait(struct walk *walk, const struct trace_step *step)
{
    struct follow *follow = &walk->follows[step->thread_id];

    for (size_t i = walk->held_count; i-- > 0;) {
        if (walk->held[i].thread_id == step->thread_id) {
            follow->is_in_wait = true;
            follow->given_up = walk->held[i].held;
            drop(walk, i);
            return;
        }
    }
}

static bool may_spin(enum op_kind kind)
{
    return kind == OP_LOAD || kind == OP_CAS || kind == OP_RMW || kind == OP_TRY_LOCK ||
           kind == OP_YIELD || kind == OP_CLOCK;
}

static void repeat_place(struct walk *walk, const struct follow *follow, struct spin_place *place,
                         size_t index)
{
    struct plan_note *notes = walk->plan->notes;

    if (place->repeats < PLAN_SPINS_MIN)
        place->indexes[place->repeats] = index;
    place->repeats++;
    if (place->repeats == PLAN_SPINS_MIN)
        for (uint32_t i = 0; i + 1 < PLAN_SPINS_MIN; i++)
            notes[place->indexes[i]].is_absorbed = true;
    if (place->repeats >= PLAN_SPINS_MIN) {
        notes[place->index_last].is_absorbed = true;
        notes[index].repeats = place->repeats;
        notes[index].is_absorbed = !place->is_looking && follow->has_looked;
    }
    place->index_last = index;
}

/* May the step belong to the loop that the thread's places make up? Looking again does; a call does
 * when it is the same call with nothing between. */
static bool is_repetition(const struct follow *follow, const struct trace_step *step)
{
    const bool was_call = follow->place_count > 0 && follow->places[0].kind == OP_CALL;

    if (step->kind == OP_CALL)
        return was_call && follow->places[0].pc == step->pc;
    return may_spin(step->kind) && !was_call;
}

static void follow_spin(struct walk *walk, size_t index, const struct trace_step *step)
{
    struct follow *follow = &walk->follows[step->thread_id];

    if (!is_repetition(follow, step))
        follow->place_count = 0;
    if (!may_spin(step->kind) && step->kind != OP_CALL)
        return;
    for (uint32_t i = 0; i < follow->place_count; i++) {
        struct spin_place *place = &follow->places[i];
        if (place->pc == step->pc && place->object_id == step->object_id &&
            place->kind == step->kind) {
            repeat_place(walk, follow, place, index);
            return;
        }
    }
    if (follow->place_count == SPIN_PLACES_MAX)
        follow->place_count = 0;
    const bool is_looking = step->object_id != 0;
    follow->has_looked = is_looking || (follow->place_count > 0 && follow->has_looked);
    follow->places[follow->place_count++] = (struct spin_place){.pc = step->pc,
                                                                .object_id = step->object_id,
                                                                .kind = step->kind,
                                                                .indexes = {index},
                                                                .index_last = index,
                                                                .repeats = 1,
                                                                .is_looking = is_looking};
}

static void follow_step(struct walk *walk, size_t index)
{
    const struct trace_step *step = trace_at(walk->trace, index);

    walk->plan->notes[index].holder_id = TRACE_NOBODY;
    walk->follows[step->thread_id].index_last = index;
    walk->follows[step->thread_id].has_steps = true;
    settle(walk, step->thread_id);
    if (step->kind == OP_LOCK || step->kind == OP_LOCK_READ || step->kind == OP_TRY_LOCK)
        follow_lock(walk, index, step);
    else if (step->kind == OP_UNLOCK)
        follow_unlock(walk, step);
    else if (step->kind == OP_WAIT)
        follow_wait(walk, step);
    follow_spin(walk, index, step);
}

/* Who wrote last what the thread spins on. */
static void find_writer(struct plan_end *end, const struct trace *trace, uint32_t thread_id)
{
    end->writer_index = SIZE_MAX;
    for (size_t i = trace_count(trace); i-- > 0;) {
        const struct trace_step *step = trace_at(trace, i);
        if (step->object_id != end->object_id || step->object_id == 0 ||
            step->thread_id == thread_id || !op_kind_writes(step->kind))
            continue;
        end->writer_index = i;
        end->holder_id = step->thread_id;
        return;
    }
}

static enum plan_end_kind parked_kind(enum op_kind kind)
{
    if (kind == OP_LOCK || kind == OP_LOCK_READ)
        return PLAN_END_WAITS;
    return may_spin(kind) ? PLAN_END_SPINS : PLAN_END_SLEEPS;
}

/* The place where a thread that could run keeps reading, if it spins: its last memory step. */
static const struct trace_step *find_spinning(const struct walk *walk, uint32_t thread_id)
{
    const struct follow *follow = &walk->follows[thread_id];

    for (uint32_t i = 0; i < follow->place_count; i++) {
        const struct spin_place *place = &follow->places[i];
        if (place->repeats >= PLAN_SPINS_MIN && place->object_id != 0)
            return trace_at(walk->trace, place->index_last);
    }
    return NULL;
}

/* A lock whose holder is from before the first step recorded looked free when it was not. */
static void disown(struct walk *walk, uint32_t thread_id, const struct plan_end *end)
{
    for (size_t i = walk->held_count; i-- > 0;) {
        const struct held_now *now = &walk->held[i];
        if (now->thread_id == thread_id && now->held.object_id == end->object_id &&
            now->held.taken_index == end->last_index) {
            drop(walk, i);
            return;
        }
    }
}

/* Stopped in the middle of a lock call that found the lock taken: it would wait. */
static bool is_about_to_wait(const struct walk *walk, const struct plan_end *end)
{
    if (end->last_index == SIZE_MAX)
        return false;
    const struct trace_step *step = trace_at(walk->trace, end->last_index);
    return (step->kind == OP_LOCK || step->kind == OP_LOCK_READ) &&
           walk->plan->notes[end->last_index].holder_id != TRACE_NOBODY &&
           find_holder(walk, step->object_id, step->kind == OP_LOCK_READ) != TRACE_NOBODY;
}

static void find_end(struct walk *walk, uint32_t thread_id)
{
    const struct trace_thread *thread = &walk->trace->threads[thread_id];
    struct plan_end *end = &walk->plan->ends[thread_id];
    const struct trace_step *spinning = find_spinning(walk, thread_id);

    if (!thread->is_known || thread->is_lane)
        return;
    end->last_index =
        walk->follows[thread_id].has_steps ? walk->follows[thread_id].index_last : SIZE_MAX;
    end->at = &thread->last;
    end->kind = PLAN_END_RUNS;
    if (thread->state == VTHREAD_DONE)
        end->kind = PLAN_END_DONE;
    else if (thread->state == VTHREAD_PARKED)
        end->kind = parked_kind(thread->last.kind);
    else if (is_about_to_wait(walk, end))
        end->kind = PLAN_END_WAITS;
    else if (spinning != NULL)
        end->kind = PLAN_END_SPINS;
    if (end->kind == PLAN_END_SPINS && spinning != NULL)
        end->at = spinning;
    end->object_id = end->at->object_id;
    end->holder_id = thread->holder_id;
    end->writer_index = SIZE_MAX;
    if (end->kind == PLAN_END_WAITS)
        disown(walk, thread_id, end);
    if (end->kind == PLAN_END_WAITS && end->holder_id == TRACE_NOBODY)
        end->holder_id = find_holder(walk, end->object_id, thread->last.kind == OP_LOCK_READ);
    if (end->kind == PLAN_END_SPINS)
        find_writer(end, walk->trace, thread_id);
    if (end->kind == PLAN_END_RUNS)
        settle(walk, thread_id);
}

void plan_find_ends(struct plan *plan, const struct trace *trace)
{
    /* Too large for a stack frame; one story is told at a time. */
    static struct walk walk;

    memset(&walk, 0, sizeof(walk));
    walk.plan = plan;
    walk.trace = trace;
    for (size_t i = 0; i < trace_count(trace); i++)
        follow_step(&walk, i);
    for (uint32_t id = 0; id < VTHREADS_MAX; id++)
        find_end(&walk, id);
    for (size_t i = 0; i < walk.held_count; i++) {
        struct plan_end *end = &plan->ends[walk.held[i].thread_id];
        if (end->held_count < PLAN_HELD_MAX)
            end->held[end->held_count++] = walk.held[i].held;
    }
}
