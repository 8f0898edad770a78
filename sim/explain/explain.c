/*
 * sim/explain/explain.c - see explain.h.
 */
#include "sim/explain/explain.h"

#include <stdlib.h>
#include <string.h>

#include "sim/shrink/choices.h"

enum {
    LOG_STEPS_MAX = 1 << 20,
    MOVES_MAX = 256,  /* how far an interruption is moved */
    CUTS_MAX = 512,   /* how many operations of the others are looked at */
    SEEDS_MAX = 2000, /* other schedules that are looked at */
    HITS_MAX = 12,
    CLASS_SHIFT = 24,
    COUNT_MASK = (1 << CLASS_SHIFT) - 1,
};

/* What a run did, as far as moving interruptions needs it. */
struct log_step {
    uint32_t thread_id;
    uint32_t who;
    uint32_t decision; /* the maker's own count of the decision that led to this step */
    uint32_t decider;  /* who made it: the thread of the step before */
    bool is_lane;
    bool is_by_lane; /* the decider is one */
    struct op op;
};

struct log {
    struct log_step *steps;
    size_t count;
    const struct vthread *last;
};

struct explainer {
    const struct explain_spec *spec;
    struct attempt attempt;
    const struct recording *recording; /* being explained */
    struct log log;                    /* of the failing run */
};

static void log_step(void *context, const struct vthread *thread, const struct op *op)
{
    struct log *log = context;
    const struct vthread *last = log->last;

    if (log->count == LOG_STEPS_MAX)
        return;
    log->steps[log->count++] = (struct log_step){
        .thread_id = thread->id,
        .who = thread->who,
        .decision = last == NULL || last->decision_count == 0 ? 0 : last->decision_count - 1,
        .decider = last == NULL ? 0 : last->who,
        .is_lane = thread->is_lane,
        .is_by_lane = last != NULL && last->is_lane,
        .op = *op,
    };
    log->last = thread;
}

/* Runs a recording; true when it ends in the title. `is_passing`: it ends in nothing. */
static bool fails(struct explainer *explainer, const struct recording *recording, bool *is_passing)
{
    static const struct strategy_spec recorded = {.ops = &strategy_recorded};
    struct run_spec spec = {
        .strategy = &recorded,
        .source = {.kind = CHOICE_FROM_RECORD,
                   .deviations = recording->deviations,
                   .deviation_count = recording->count},
    };
    struct run_result result;

    const struct target *target = explainer->spec->target;
    target->prepare(target->context, &spec);
    spec.trace = log_step;
    spec.trace_context = &explainer->log;
    explainer->log.count = 0;
    explainer->log.last = NULL;
    sched_run(&spec, &result);
    explainer->attempt.run_count++;
    *is_passing = result.finding.kind == FINDING_NONE;
    if (*is_passing)
        return false;
    explainer->spec->expand(&result.finding);
    return strcmp(result.finding.title, explainer->spec->title) == 0;
}

static bool is_sched(const struct choice_deviation *deviation)
{
    return deviation->class_count >> CLASS_SHIFT == CHOICE_SCHED;
}

/* Where in the log the deviation's step is, and where the thread it passed over goes on. False when
 * it never does. */
static bool find_slice(const struct log *log, const struct choice_deviation *deviation,
                       size_t *start, size_t *end)
{
    const uint32_t count = deviation->class_count & COUNT_MASK;

    *start = log->count;
    for (size_t i = 0; i < log->count; i++) {
        if (log->steps[i].decider == deviation->who && log->steps[i].decision == count &&
            log->steps[i].who == deviation->value) {
            *start = i;
            break;
        }
    }
    for (*end = *start; *end < log->count; (*end)++)
        if (log->steps[*end].who == deviation->who)
            return true;
    return false;
}

static void insert(const struct recording *from, const struct choice_deviation *deviation,
                   struct recording *to)
{
    struct recording longer = {.count = from->count + 1, .preemptions = from->preemptions};

    longer.deviations = calloc(longer.count + 1, sizeof(*longer.deviations));
    if (longer.deviations == NULL)
        abort();
    memcpy(longer.deviations, from->deviations, from->count * sizeof(*longer.deviations));
    longer.deviations[from->count] = *deviation;
    recording_fini(to);
    *to = longer;
}

static struct explain_step step_of(const struct log *log, size_t index)
{
    return (struct explain_step){
        .step = index + 1, .thread_id = log->steps[index].thread_id, .op = log->steps[index].op};
}

/* Moves interruption `index` later as long as the run fails. True when a run passed: `out` has the
 * last one that failed and the first one that passed. */
static bool move_later(struct explainer *explainer, size_t index, struct explanation *out)
{
    struct recording moved = {0};
    bool is_passing = false;
    bool is_found = false;

    recording_copy(explainer->recording, &out->failing);
    recording_copy(explainer->recording, &moved);
    for (unsigned i = 0; i < MOVES_MAX; i++) {
        moved.deviations[index].class_count++;
        if (fails(explainer, &moved, &is_passing)) {
            recording_copy(&moved, &out->failing);
        } else {
            is_found = is_passing;
            break;
        }
    }
    if (is_found)
        recording_copy(&moved, &out->passing);
    recording_fini(&moved);
    return is_found;
}

/* Cuts the others short, later and later, until the run fails: the operation done last is the one
 * that the failure needs. Index into the log of the failing run. */
static size_t find_needed(struct explainer *explainer, const struct explanation *out, size_t index,
                          size_t start, size_t end)
{
    const struct choice_deviation *interruption = &out->failing.deviations[index];
    struct log_step *steps = calloc(end - start + 1, sizeof(*steps));
    struct recording shorter = {0};
    size_t needed = end - 1;
    bool is_passing;

    if (steps == NULL)
        abort();
    memcpy(steps, explainer->log.steps + start, (end - start) * sizeof(*steps));
    for (size_t i = start + 1; i < end && i - start < CUTS_MAX; i++) {
        const struct log_step *next = &steps[i - start];
        const struct choice_deviation back = {
            .who = next->decider,
            .class_count = (uint32_t)CHOICE_SCHED << CLASS_SHIFT | (next->decision & COUNT_MASK),
            .value = interruption->who,
        };
        insert(&out->failing, &back, &shorter);
        if (fails(explainer, &shorter, &is_passing)) {
            needed = i - 1;
            break;
        }
    }
    recording_fini(&shorter);
    free(steps);
    return needed;
}

/* The pair around interruption `index`. */
static bool explain_interruption(struct explainer *explainer, size_t index, struct explanation *out)
{
    bool is_passing;
    size_t start;
    size_t end;

    if (!move_later(explainer, index, out))
        return false;
    const struct choice_deviation interruption = out->failing.deviations[index];
    /* The passing run did the operation right before the interruption, where it has it. */
    (void)fails(explainer, &out->passing, &is_passing);
    size_t passing_start;
    size_t passing_end;
    struct choice_deviation moved = out->passing.deviations[index];
    bool has_passing = find_slice(&explainer->log, &moved, &passing_start, &passing_end) ||
                       passing_start < explainer->log.count;
    if (has_passing && passing_start > 0)
        out->passing_second = step_of(&explainer->log, passing_start - 1);
    if (!fails(explainer, &out->failing, &is_passing))
        return false;
    const bool goes_on = find_slice(&explainer->log, &interruption, &start, &end);
    /* That a part of the network went on at once is no interruption of anybody. */
    if (start == explainer->log.count || end == start || explainer->log.steps[start].is_by_lane)
        return false;
    if (goes_on)
        out->second = step_of(&explainer->log, end);
    else
        out->second = out->passing_second; /* in the failing run it never came to it */
    const size_t needed = find_needed(explainer, out, index, start, end);
    (void)fails(explainer, &out->failing, &is_passing);
    if (needed >= explainer->log.count)
        return false;
    out->first = step_of(&explainer->log, needed);
    out->is_between_threads = !explainer->log.steps[needed].is_lane;
    out->is_same_object =
        goes_on && out->first.op.object != NULL && out->first.op.object == out->second.op.object;
    out->kind = EXPLAIN_ORDER;
    return true;
}

/* A choice without which the run passes. */
static bool explain_choice(struct explainer *explainer, size_t index, struct explanation *out)
{
    struct recording less = {0};
    bool is_passing = false;

    recording_copy(explainer->recording, &less);
    memmove(less.deviations + index, less.deviations + index + 1,
            (less.count - index - 1) * sizeof(*less.deviations));
    less.count--;
    (void)fails(explainer, &less, &is_passing);
    if (is_passing) {
        recording_copy(explainer->recording, &out->failing);
        recording_copy(&less, &out->passing);
        out->choice = index;
        out->kind = EXPLAIN_CHOICE;
    }
    recording_fini(&less);
    return is_passing;
}

/* Any schedule that passes, of a run that fails without a choice. */
static bool has_passing(struct explainer *explainer)
{
    static const struct strategy_spec strategy = {.ops = &strategy_sticky, .switch_ppm = 50000};

    for (uint64_t seed = 1; seed <= SEEDS_MAX; seed++) {
        struct run_spec spec = {.strategy = &strategy,
                                .source = {.kind = CHOICE_FROM_SEED, .seed = seed}};
        struct run_result result;
        const struct target *target = explainer->spec->target;
        target->prepare(target->context, &spec);
        sched_run(&spec, &result);
        explainer->attempt.run_count++;
        if (result.finding.kind == FINDING_NONE)
            return true;
    }
    return false;
}

/* Two threads at one thing say most; in a deadlock, at the thing that one of them waits for. */
static int rate(const struct explainer *explainer, const struct explanation *explanation)
{
    if (explanation->kind == EXPLAIN_NOTHING)
        return 0;
    return 1 + explanation->is_between_threads + 2 * explanation->is_same_object +
           4 * (explanation->is_stuck && explainer->spec->is_deadlock);
}

static bool is_best(const struct explainer *explainer, const struct explanation *explanation)
{
    return rate(explainer, explanation) >= (explainer->spec->is_deadlock ? 8 : 4);
}

/* ---- deadlocks ---- */

static bool is_lock(const struct op *op)
{
    return op->kind == OP_LOCK || op->kind == OP_LOCK_READ;
}

/* Whether a thread ends with the step: it waits there. */
static bool is_last_of_thread(const struct log *log, size_t index)
{
    for (size_t i = index + 1; i < log->count; i++)
        if (log->steps[i].thread_id == log->steps[index].thread_id)
            return false;
    return true;
}

/* The thread that waits at `waiting` goes first: right before the step `taking` it gets its turn.
 */
static bool passes_the_other_way(struct explainer *explainer, size_t taking, size_t waiting,
                                 struct explanation *out)
{
    const struct log_step *step = &explainer->log.steps[taking];
    const struct choice_deviation turn = {
        .who = step->decider,
        .class_count = (uint32_t)CHOICE_SCHED << CLASS_SHIFT | (step->decision & COUNT_MASK),
        .value = explainer->log.steps[waiting].who,
    };
    struct recording other = {0};
    bool is_passing = false;

    /* What was recorded for that very decision gives way. */
    recording_copy(explainer->recording, &out->failing);
    for (size_t i = 0; i < out->failing.count; i++) {
        const struct choice_deviation *at = &out->failing.deviations[i];
        if (at->who != turn.who || at->class_count != turn.class_count)
            continue;
        recording_copy(&out->failing, &other);
        other.deviations[i].value = turn.value;
    }
    if (other.count == 0)
        insert(&out->failing, &turn, &other);
    (void)fails(explainer, &other, &is_passing);
    if (is_passing) {
        recording_copy(&other, &out->passing);
        for (size_t i = 0; i < explainer->log.count; i++) {
            const struct log_step *at = &explainer->log.steps[i];
            if (at->who == turn.value && is_lock(&at->op) && i >= taking) {
                out->passing_second = step_of(&explainer->log, i);
                break;
            }
        }
    }
    recording_fini(&other);
    return is_passing;
}

/* Who took the lock that a thread of the deadlock waits for, and that this thread would have had to
 * come first. */
static bool explain_deadlock(struct explainer *explainer, struct explanation *out)
{
    bool is_passing;

    if (!fails(explainer, explainer->recording, &is_passing))
        return false;
    for (size_t waiting = explainer->log.count; waiting-- > 0;) {
        const struct log_step last = explainer->log.steps[waiting];
        if (!is_lock(&last.op) || !is_last_of_thread(&explainer->log, waiting))
            continue;
        for (size_t taking = waiting; taking-- > 0;) {
            const struct log_step taken = explainer->log.steps[taking];
            if (!is_lock(&taken.op) || taken.op.object != last.op.object ||
                taken.thread_id == last.thread_id)
                continue;
            const struct explain_step first = step_of(&explainer->log, taking);
            const struct explain_step second = step_of(&explainer->log, waiting);
            if (passes_the_other_way(explainer, taking, waiting, out)) {
                out->kind = EXPLAIN_ORDER;
                out->first = first;
                out->second = second;
                out->is_same_object = true;
                out->is_between_threads = true;
                out->is_stuck = true;
                return true;
            }
            break; /* who had it before has let it go */
        }
        (void)fails(explainer, explainer->recording, &is_passing);
    }
    return false;
}

/* The best explanation of one recording. */
static void explain_recording(struct explainer *explainer, const struct recording *recording,
                              struct explanation *best)
{
    explainer->recording = recording;
    if (explainer->spec->is_deadlock) {
        struct explanation candidate = {0};
        if (explain_deadlock(explainer, &candidate)) {
            explanation_fini(best);
            *best = candidate;
            return;
        }
        explanation_fini(&candidate);
    }
    for (size_t i = recording->count; i-- > 0;) {
        if (!is_sched(&recording->deviations[i]))
            continue;
        struct explanation candidate = {0};
        if (!explain_interruption(explainer, i, &candidate)) {
            explanation_fini(&candidate);
            continue;
        }
        if (rate(explainer, &candidate) > rate(explainer, best)) {
            explanation_fini(best);
            *best = candidate;
        } else {
            explanation_fini(&candidate);
        }
        /* Both about one thing: nothing can say it better. */
        if (is_best(explainer, best))
            break;
    }
}

/* Other schedules that end the same way may tell it better: one where a thread interrupts another
 * says more than one where the network does. */
static void explain_others(struct explainer *explainer, struct explanation *best)
{
    static const struct strategy_spec strategies[] = {
        {.ops = &strategy_pct, .depth = 2},
        {.ops = &strategy_sticky, .switch_ppm = 50000},
        {.ops = &strategy_pct, .depth = 3},
        {.ops = &strategy_random},
    };
    struct recording other = {0};
    unsigned hits = 0;

    for (uint64_t seed = 1; seed <= SEEDS_MAX && hits < HITS_MAX && !is_best(explainer, best);
         seed++) {
        if (!attempt_seeded(&explainer->attempt, &strategies[seed % 4], seed, &other))
            continue;
        hits++;
        choices_reduce(&explainer->attempt, &other, NULL, NULL);
        explain_recording(explainer, &other, best);
    }
    recording_fini(&other);
}

static void explain(struct explainer *explainer, struct explanation *best)
{
    const struct recording *recording = explainer->spec->recording;

    explain_recording(explainer, recording, best);
    if (!is_best(explainer, best))
        explain_others(explainer, best);
    explainer->recording = recording;
    for (size_t i = recording->count; best->kind == EXPLAIN_NOTHING && i-- > 0;)
        (void)explain_choice(explainer, i, best);
    if (best->kind == EXPLAIN_NOTHING && recording->count == 0 && !has_passing(explainer))
        best->kind = EXPLAIN_ALWAYS;
}

void explain_run(const struct explain_spec *spec, struct explanation *out)
{
    struct explainer explainer = {.spec = spec,
                                  .attempt = {.title = spec->title, .expand = spec->expand}};

    attempt_aim(&explainer.attempt, spec->target);

    explainer.log.steps = calloc(LOG_STEPS_MAX, sizeof(*explainer.log.steps));
    if (explainer.log.steps == NULL)
        abort();
    *out = (struct explanation){0};
    explain(&explainer, out);
    out->run_count = explainer.attempt.run_count;
    free(explainer.log.steps);
}

void explanation_fini(struct explanation *explanation)
{
    recording_fini(&explanation->failing);
    recording_fini(&explanation->passing);
    *explanation = (struct explanation){0};
}
