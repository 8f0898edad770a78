/*
 * sim/shrink/attempt.c - see attempt.h.
 */
#include "sim/shrink/attempt.h"

#include <stdlib.h>
#include <string.h>

/* Who made the last step, and how often somebody else made the next one although it could. */
struct watch {
    const struct vthread *last;
    uint32_t preemptions;
};

static void watch_step(void *context, const struct vthread *thread, const struct op *op)
{
    struct watch *watch = context;
    const struct vthread *last = watch->last;

    (void)op;
    if (last != NULL && last != thread && !last->is_lane && last->state == VTHREAD_RUNNABLE &&
        !last->is_stalled && last->next.kind != OP_YIELD)
        watch->preemptions++;
    watch->last = thread;
}

static struct choice_deviation *take(size_t count)
{
    struct choice_deviation *deviations = calloc(count + 1, sizeof(*deviations));

    if (deviations == NULL)
        abort();
    return deviations;
}

void recording_copy(const struct recording *from, struct recording *to)
{
    struct choice_deviation *deviations = take(from->count);

    if (from->count > 0)
        memcpy(deviations, from->deviations, from->count * sizeof(*deviations));
    recording_fini(to);
    *to = (struct recording){
        .deviations = deviations, .count = from->count, .preemptions = from->preemptions};
}

void recording_fini(struct recording *recording)
{
    free(recording->deviations);
    *recording = (struct recording){0};
}

static void run(struct attempt *attempt, const struct strategy_spec *strategy,
                const struct choice_source *source, struct watch *watch, struct run_result *result)
{
    struct run_spec spec = {
        .strategy = strategy, .source = *source, .base_steps = attempt->base_steps};

    attempt->target->prepare(attempt->target->context, &spec);
    if (watch != NULL) {
        spec.trace = watch_step;
        spec.trace_context = watch;
    }
    sched_run(&spec, result);
    attempt->run_count++;
}

static bool is_wanted(const struct attempt *attempt, struct run_result *result)
{
    if (result->finding.kind == FINDING_NONE)
        return false;
    attempt->expand(&result->finding);
    return strcmp(result->finding.title, attempt->title) == 0;
}

/* What the last run recorded, and its preemptions by running it once more. */
static void keep(struct attempt *attempt, struct recording *out)
{
    static const struct strategy_spec recorded = {.ops = &strategy_recorded};
    struct recording kept = {0};
    struct run_result result;
    struct watch watch = {0};

    if (out == NULL)
        return;
    const struct choice_deviation *deviations = choice_deviations(&kept.count);
    kept.deviations = take(kept.count);
    if (kept.count > 0)
        memcpy(kept.deviations, deviations, kept.count * sizeof(*deviations));
    const struct choice_source source = {
        .kind = CHOICE_FROM_RECORD, .deviations = kept.deviations, .deviation_count = kept.count};
    run(attempt, &recorded, &source, &watch, &result);
    kept.preemptions = watch.preemptions;
    recording_fini(out);
    *out = kept;
}

void attempt_aim(struct attempt *attempt, const struct target *target)
{
    static const struct strategy_spec dull = {.ops = &strategy_dull};
    const struct choice_source source = {.kind = CHOICE_FROM_DULL};
    struct run_result result;

    attempt->target = target;
    attempt->base_steps = 0;
    run(attempt, &dull, &source, NULL, &result);
    attempt->base_steps = result.steps;
}

bool attempt_recorded(struct attempt *attempt, const struct recording *in, struct recording *out)
{
    static const struct strategy_spec recorded = {.ops = &strategy_recorded};
    const struct choice_source source = {
        .kind = CHOICE_FROM_RECORD, .deviations = in->deviations, .deviation_count = in->count};
    struct run_result result;

    run(attempt, &recorded, &source, NULL, &result);
    if (!is_wanted(attempt, &result))
        return false;
    keep(attempt, out);
    return true;
}

bool attempt_seeded(struct attempt *attempt, const struct strategy_spec *strategy, uint64_t seed,
                    struct recording *out)
{
    const struct choice_source source = {.kind = CHOICE_FROM_SEED, .seed = seed};
    struct run_result result;

    run(attempt, strategy, &source, NULL, &result);
    if (!is_wanted(attempt, &result))
        return false;
    keep(attempt, out);
    return true;
}
