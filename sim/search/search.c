/*
 * sim/search/search.c - see search.h.
 */
#include "sim/search/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/random.h"
#include "sim/base/real.h"
#include "sim/sched/plan.h"
#include "sim/sched/profile.h"
#include "sim/search/lessons.h"

#include "sim/vthread/disturb.h"

enum {
    BEHAVIOUR_SLOTS = 1 << 16,
    BEHAVIOURS_MAX = BEHAVIOUR_SLOTS * 3 / 4,
    NOTED_ONE_IN = 8,
    CLOCK_EVERY = 16, /* trials between two looks at the real clock */
    PROGRESS_NS = 100000000,
    SHARD_COUNT_DEFAULT = 1,
    /* A base run that is longer is not followed by runs to learn from, which a replay repeats. */
    LEARN_STEPS_MAX = 20000,
};

static void source_of(const struct trial *trial, struct choice_source *out)
{
    *out = (struct choice_source){
        .kind = trial_is_drawless(trial) ? CHOICE_FROM_DULL : CHOICE_FROM_SEED,
        .seed = trial->seed,
    };
}

static void run_trial(const struct target *target, const struct trial *trial, uint64_t base_steps,
                      void (*trace)(void *, const struct vthread *, const struct op *),
                      void *trace_context, struct run_result *result)
{
    struct run_spec spec = {.base_steps = base_steps,
                            .trace = trace,
                            .trace_context = trace_context,
                            .strategy = &trial->strategy};

    source_of(trial, &spec.source);
    target->prepare(target->context, &spec);
    sched_run(&spec, result);
}

/* A set of trace hashes, open addressed; it stops counting when it is full. */
struct behaviours {
    uint64_t *slots;
    uint64_t count;
};

static void behaviours_add(struct behaviours *set, uint64_t hash)
{
    if (set->count >= BEHAVIOURS_MAX)
        return;
    hash |= 1; /* 0 is an empty slot */
    size_t slot = (size_t)(hash >> 20) & (BEHAVIOUR_SLOTS - 1);
    while (set->slots[slot] != 0) {
        if (set->slots[slot] == hash)
            return;
        slot = (slot + 1) & (BEHAVIOUR_SLOTS - 1);
    }
    set->slots[slot] = hash;
    set->count++;
}

/* Keeps the first trial of each title. */
static void note_finding(struct search_result *result, const struct trial *trial,
                         const struct run_result *run)
{
    for (size_t i = 0; i < result->finding_count; i++) {
        if (strcmp(result->findings[i].finding.title, run->finding.title) == 0) {
            result->findings[i].count++;
            return;
        }
    }
    if (result->finding_count == SEARCH_FINDINGS_MAX)
        return;
    struct search_finding *finding = &result->findings[result->finding_count++];
    *finding = (struct search_finding){.finding = run->finding,
                                       .trial = *trial,
                                       .steps = run->steps,
                                       .trace_hash = run->trace_hash,
                                       .count = 1};
}

/* ---- the self-check ---- */

/* Which difference the run cannot bear, one at a time; DISTURB_ALL when only several together. */
static enum disturbance find_disturbance(const struct search_spec *spec, const struct trial *trial,
                                         uint64_t base_steps, uint64_t trace_hash)
{
    for (unsigned bit = 1; bit < DISTURB_ALL; bit <<= 1) {
        struct run_result again;
        disturb_bits = bit;
        run_trial(spec->target, trial, base_steps, NULL, NULL, &again);
        disturb_bits = DISTURB_NOTHING;
        if (again.trace_hash != trace_hash)
            return (enum disturbance)bit;
    }
    return DISTURB_ALL;
}

/* A run that found nothing must not depend on what memory holds before the program writes there,
 * nor on where it lies. */
static void check_undisturbed(const struct search_spec *spec, const struct trial *trial,
                              uint64_t base_steps, struct run_result *run)
{
    struct run_result again;

    disturb_bits = DISTURB_ALL;
    run_trial(spec->target, trial, base_steps, NULL, NULL, &again);
    disturb_bits = DISTURB_STACK_ZEROS;
    if (again.trace_hash == run->trace_hash)
        run_trial(spec->target, trial, base_steps, NULL, NULL, &again);
    disturb_bits = DISTURB_NOTHING;
    if (again.trace_hash == run->trace_hash)
        return;
    enum disturbance what = find_disturbance(spec, trial, base_steps, run->trace_hash);
    run->finding.kind = FINDING_NONDETERMINISM;
    (void)snprintf(run->finding.title, sizeof(run->finding.title),
                   "nondeterminism: the program depends on %s", disturb_words(what));
    (void)snprintf(run->finding.detail, sizeof(run->finding.detail),
                   "trial %llu: with another, %llu steps instead of %llu; %s",
                   (unsigned long long)trial->number, (unsigned long long)again.steps,
                   (unsigned long long)run->steps,
                   again.finding.kind == FINDING_NONE ? "nothing found" : again.finding.title);
}

/* A run that differs from its repetition is our bug, and outranks what it found. */
static void check_repeats(const struct search_spec *spec, const struct trial *trial,
                          uint64_t base_steps, struct run_result *run)
{
    struct run_result again;

    run_trial(spec->target, trial, base_steps, NULL, NULL, &again);
    if (again.trace_hash == run->trace_hash) {
        if (run->finding.kind == FINDING_NONE)
            check_undisturbed(spec, trial, base_steps, run);
        return;
    }
    run->finding.kind = FINDING_NONDETERMINISM;
    (void)snprintf(run->finding.title, sizeof(run->finding.title),
                   "nondeterminism: trial %llu differs from its repetition",
                   (unsigned long long)trial->number);
    (void)snprintf(run->finding.detail, sizeof(run->finding.detail),
                   "steps %llu and %llu, trace %016llx and %016llx", (unsigned long long)run->steps,
                   (unsigned long long)again.steps, (unsigned long long)run->trace_hash,
                   (unsigned long long)again.trace_hash);
}

/* The dull run, noted for the strategies that aim. */
static void run_base(const struct target *target, struct run_result *result)
{
    static const struct strategy_spec noted = {.ops = &strategy_noted};
    struct run_spec spec = {.strategy = &noted, .source = {.kind = CHOICE_FROM_DULL}};

    profile_begin();
    target->prepare(target->context, &spec);
    sched_run(&spec, result);
    profile_end();
}

struct campaign {
    const struct search_spec *spec;
    struct search_result *result;
    struct behaviours behaviours;
    uint64_t begin_ns;
    uint64_t progress_ns;
    struct trial_lessons lessons;
    uint64_t scores[TRIAL_ARMS];
    bool has_base;
    bool has_learned;
};

/* What differs from its repetition counts always: nothing else can be trusted then. */
static bool counts(const struct search_spec *spec, enum finding_kind kind)
{
    return spec->kinds == 0 || kind == FINDING_NONDETERMINISM || (spec->kinds >> kind & 1) != 0;
}

/* A trial to learn from: what it brought goes to its arm's score. */
static void run_watched(const struct target *target, const struct trial *trial, uint64_t base_steps,
                        bool is_noted, uint64_t scores[TRIAL_ARMS], struct run_result *run)
{
    struct trial watched = *trial;

    watched.strategy.ops = lessons_watch(trial->strategy.ops, true, is_noted);
    run_trial(target, &watched, base_steps, NULL, NULL, run);
    /* For its cost: an arm whose runs are twice as long gets half as many. */
    scores[trial_learn_arm(trial->number)] +=
        lessons_take() * LEARN_STEPS_MAX / (run->steps == 0 ? 1 : run->steps);
}

static bool is_to_learn_from(const struct campaign *campaign, uint64_t number)
{
    return campaign->spec->strategy == NULL && number >= TRIAL_LEARN_FIRST &&
           number < TRIAL_LEARN_END && campaign->result->base_steps <= LEARN_STEPS_MAX;
}

/* A trial to estimate from. To watch costs up to a third of a run; that it is watched depends on
 * its number alone, so that every shard watches the same. Those of the opening are told by their
 * strategy, which a watched one hides. */
static bool is_to_note(const struct campaign *campaign, const struct trial *trial)
{
    return campaign->spec->has_sketch && random_mix(trial->number) % NOTED_ONE_IN == 0 &&
           !trial_is_drawless(trial);
}

static void run_noted(const struct target *target, const struct trial *trial, uint64_t base_steps,
                      struct run_result *run)
{
    struct trial watched = *trial;

    watched.strategy.ops = lessons_watch(trial->strategy.ops, false, true);
    run_trial(target, &watched, base_steps, NULL, NULL, run);
}

static void note_features(struct campaign *campaign)
{
    size_t count;
    const uint64_t *features = lessons_noted(&count);

    sketch_note_run(&campaign->result->sketch, features, count);
}

/* Everything that trials to learn from show, again when they are not all this shard's own. */
static void learn(const struct target *target, uint64_t campaign_seed, uint64_t base_steps,
                  struct trial_lessons *lessons)
{
    uint64_t scores[TRIAL_ARMS] = {0};
    struct run_result run;
    struct trial trial;

    if (base_steps > LEARN_STEPS_MAX)
        return;
    lessons_begin();
    for (uint64_t number = TRIAL_LEARN_FIRST; number < TRIAL_LEARN_END; number++) {
        trial_derive_learned(campaign_seed, number, NULL, lessons, &trial);
        run_watched(target, &trial, base_steps, false, scores, &run);
    }
    trial_lessons_learn(lessons, scores);
}

/* Whether this search does not run every trial of its campaign itself. */
static bool is_part(const struct search_spec *spec)
{
    return spec->shard_count > 1 || spec->first > 0;
}

/* Before trial `number`: what it needs to know of earlier ones, if they were not this shard's. */
static void catch_up(struct campaign *campaign, uint64_t number)
{
    const struct search_spec *spec = campaign->spec;
    const uint64_t base = spec->strategy == NULL ? TRIAL_BASE : 0;

    if (number > base && !campaign->has_base) {
        struct run_result run;
        run_base(spec->target, &run);
        campaign->result->base_steps = run.steps;
        campaign->lessons.plan_count = plan_count();
        campaign->has_base = true;
    }
    if (spec->strategy != NULL || number < TRIAL_LEARN_END || campaign->has_learned)
        return;
    if (is_part(spec))
        learn(spec->target, spec->campaign_seed, campaign->result->base_steps, &campaign->lessons);
    else
        trial_lessons_learn(&campaign->lessons, campaign->scores);
    campaign->has_learned = true;
}

static void run_of_campaign(struct campaign *campaign, const struct trial *trial,
                            struct run_result *run)
{
    const struct search_spec *spec = campaign->spec;
    const uint64_t base = spec->strategy == NULL ? TRIAL_BASE : 0;
    const bool is_noted = trial->number != base && is_to_note(campaign, trial);

    if (trial->number == base) {
        run_base(spec->target, run);
        campaign->result->base_steps = run->steps;
        campaign->lessons.plan_count = plan_count();
        campaign->has_base = true;
    } else if (!is_part(spec) && is_to_learn_from(campaign, trial->number)) {
        run_watched(spec->target, trial, campaign->result->base_steps, is_noted, campaign->scores,
                    run);
    } else if (is_noted) {
        run_noted(spec->target, trial, campaign->result->base_steps, run);
    } else {
        run_trial(spec->target, trial, campaign->result->base_steps, NULL, NULL, run);
    }
    if (is_noted)
        note_features(campaign);
}

/* Runs one trial; true when the campaign is to stop. */
static bool run_one(struct campaign *campaign, uint64_t number)
{
    const struct search_spec *spec = campaign->spec;
    struct search_result *result = campaign->result;
    struct run_result run;
    struct trial trial;

    catch_up(campaign, number);
    trial_derive_learned(spec->campaign_seed, number, spec->strategy, &campaign->lessons, &trial);
    run_of_campaign(campaign, &trial, &run);
    bool is_sample = (number & (number - 1)) == 0; /* 0, 1, 2, 4, 8... */
    if (spec->check_determinism && (run.finding.kind != FINDING_NONE || is_sample))
        check_repeats(spec, &trial, result->base_steps, &run);
    result->schedules++;
    result->points += run.steps;
    behaviours_add(&campaign->behaviours, run.trace_hash);
    result->behaviours = campaign->behaviours.count;
    if (run.finding.kind == FINDING_NONE || !counts(spec, run.finding.kind))
        return false;
    note_finding(result, &trial, &run);
    return !spec->keep_going;
}

static bool is_out_of_time(struct campaign *campaign)
{
    const struct search_spec *spec = campaign->spec;
    uint64_t now = real_now_ns();

    campaign->result->elapsed_ns = now - campaign->begin_ns;
    if (spec->progress != NULL && now - campaign->progress_ns >= PROGRESS_NS) {
        campaign->progress_ns = now;
        spec->progress(spec->progress_context, campaign->result);
    }
    return spec->time_ns_max != 0 && campaign->result->elapsed_ns >= spec->time_ns_max;
}

/* The first trial of the shard that is not below `first`. */
static uint64_t first_number(const struct search_spec *spec, uint32_t stride)
{
    if (spec->first <= spec->shard_index)
        return spec->shard_index;
    const uint64_t behind = (spec->first - spec->shard_index) % stride;
    return behind == 0 ? spec->first : spec->first + (stride - behind);
}

void search_run(const struct search_spec *spec, struct search_result *result)
{
    struct campaign campaign = {.spec = spec, .result = result, .begin_ns = real_now_ns()};
    uint32_t stride = spec->shard_count == 0 ? SHARD_COUNT_DEFAULT : spec->shard_count;

    sched_init();
    memset(result, 0, sizeof(*result));
    campaign.behaviours.slots = calloc(BEHAVIOUR_SLOTS, sizeof(uint64_t));
    if (campaign.behaviours.slots == NULL)
        abort();
    campaign.progress_ns = campaign.begin_ns;
    trial_lessons_init(&campaign.lessons);
    lessons_begin();
    for (uint64_t number = first_number(spec, stride);
         spec->schedules_max == 0 || number < spec->schedules_max; number += stride) {
        if (run_one(&campaign, number))
            break;
        if (result->schedules % CLOCK_EVERY == 0 && is_out_of_time(&campaign))
            break;
    }
    result->elapsed_ns = real_now_ns() - campaign.begin_ns;
    free(campaign.behaviours.slots);
}

/* A trial of the portfolio that was derived without its campaign. */
static void settle(const struct target *target, uint64_t base_steps, struct trial *trial)
{
    struct trial_lessons lessons;

    trial_lessons_init(&lessons);
    lessons.plan_count = plan_count();
    if (trial->number >= TRIAL_LEARN_END)
        learn(target, trial->campaign_seed, base_steps, &lessons);
    trial_derive_learned(trial->campaign_seed, trial->number, NULL, &lessons, trial);
}

void search_settle(const struct target *target, struct trial *trial)
{
    struct run_result base;

    if (trial->is_settled)
        return;
    sched_init();
    run_base(target, &base);
    settle(target, base.steps, trial);
}

void search_replay(const struct target *target, const struct trial *trial,
                   void (*trace)(void *context, const struct vthread *thread, const struct op *op),
                   void *trace_context, struct run_result *result)
{
    struct run_result base = {0};
    struct trial settled = *trial;

    sched_init();
    if (!trial_is_drawless(trial) || trial->strategy.ops == &strategy_period)
        run_base(target, &base);
    if (!trial->is_settled)
        settle(target, base.steps, &settled);
    run_trial(target, &settled, base.steps, trace, trace_context, result);
}

void search_replay_recorded(const struct target *target, const struct choice_deviation *deviations,
                            size_t count,
                            void (*trace)(void *context, const struct vthread *thread,
                                          const struct op *op),
                            void *trace_context, struct run_result *result)
{
    static const struct strategy_spec recorded = {.ops = &strategy_recorded};
    struct run_spec spec = {.strategy = &recorded, .trace = trace, .trace_context = trace_context};

    sched_init();
    spec.source = (struct choice_source){
        .kind = CHOICE_FROM_RECORD, .deviations = deviations, .deviation_count = count};
    target->prepare(target->context, &spec);
    sched_run(&spec, result);
}
