/*
 * sim/search/search.c - see search.h.
 */
#include "sim/search/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/vthread/disturb.h"

enum {
    BEHAVIOUR_SLOTS = 1 << 16,
    BEHAVIOURS_MAX = BEHAVIOUR_SLOTS * 3 / 4,
    CLOCK_EVERY = 16, /* trials between two looks at the real clock */
    PROGRESS_NS = 100000000,
    SHARD_COUNT_DEFAULT = 1,
};

static uint64_t real_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void source_of(const struct trial *trial, struct choice_source *out)
{
    *out = (struct choice_source){
        .kind = trial->number == 0 ? CHOICE_FROM_DULL : CHOICE_FROM_SEED,
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

struct campaign {
    const struct search_spec *spec;
    struct search_result *result;
    struct behaviours behaviours;
    uint64_t begin_ns;
    uint64_t progress_ns;
};

/* What differs from its repetition counts always: nothing else can be trusted then. */
static bool counts(const struct search_spec *spec, enum finding_kind kind)
{
    return spec->kinds == 0 || kind == FINDING_NONDETERMINISM || (spec->kinds >> kind & 1) != 0;
}

/* Runs one trial; true when the campaign is to stop. */
static bool run_one(struct campaign *campaign, uint64_t number)
{
    const struct search_spec *spec = campaign->spec;
    struct search_result *result = campaign->result;
    struct run_result run;
    struct trial trial;

    trial_derive(spec->campaign_seed, number, spec->strategy, &trial);
    run_trial(spec->target, &trial, result->base_steps, NULL, NULL, &run);
    bool is_sample = (number & (number - 1)) == 0; /* 0, 1, 2, 4, 8... */
    if (spec->check_determinism && (run.finding.kind != FINDING_NONE || is_sample))
        check_repeats(spec, &trial, result->base_steps, &run);
    if (number == 0)
        result->base_steps = run.steps;
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

/* A shard other than the first still measures the base run, without counting it. */
static void measure_base(struct campaign *campaign)
{
    struct run_result run;
    struct trial trial;

    trial_derive(campaign->spec->campaign_seed, 0, campaign->spec->strategy, &trial);
    run_trial(campaign->spec->target, &trial, 0, NULL, NULL, &run);
    campaign->result->base_steps = run.steps;
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
    if (spec->shard_index != 0)
        measure_base(&campaign);
    for (uint64_t number = spec->shard_index;
         spec->schedules_max == 0 || number < spec->schedules_max; number += stride) {
        if (run_one(&campaign, number))
            break;
        if (result->schedules % CLOCK_EVERY == 0 && is_out_of_time(&campaign))
            break;
    }
    result->elapsed_ns = real_now_ns() - campaign.begin_ns;
    free(campaign.behaviours.slots);
}

void search_replay(const struct target *target, const struct trial *trial,
                   void (*trace)(void *context, const struct vthread *thread, const struct op *op),
                   void *trace_context, struct run_result *result)
{
    struct run_result base = {0};

    sched_init();
    if (trial->number != 0) {
        struct trial first;
        trial_derive(trial->campaign_seed, 0, NULL, &first);
        run_trial(target, &first, 0, NULL, NULL, &base);
    }
    run_trial(target, trial, base.steps, trace, trace_context, result);
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
