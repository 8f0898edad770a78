/*
 * sim/shrink/shrink.c - see shrink.h.
 */
#include "sim/shrink/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/real.h"
#include "sim/input/scenario.h"
#include "sim/shrink/choices.h"
#include "sim/shrink/edit.h"

enum {
    TRIES_LINE = 400, /* schedules for a scenario that lost a line or a word */
    TRIES_NUMBER = 40,
    TRIES_POLISH = 3000, /* schedules in search of one with fewer interruptions */
    TRIES_POLISH_LARGE = 12000,
    LARGE = 14, /* lines and preemptions: more than a person takes in */
    PROGRESS_NS = 100000000,
};

/* Those that interrupt seldom first: what they find needs little shrinking. */
static const struct strategy_spec strategies[] = {
    {.ops = &strategy_pct, .depth = 2},
    {.ops = &strategy_sticky, .switch_ppm = 50000},
    {.ops = &strategy_pct, .depth = 3},
    {.ops = &strategy_random},
    {.ops = &strategy_pos},
    {.ops = &strategy_sticky, .switch_ppm = 10000},
};
enum { STRATEGY_COUNT = sizeof(strategies) / sizeof(strategies[0]) };

struct shrinker {
    const struct shrink_spec *spec;
    struct attempt attempt;
    struct target target;
    struct scenario *scenario; /* the best so far */
    struct recording recording;
    uint64_t begin_ns;
    uint64_t progress_ns;
    uint64_t seed; /* of the next schedule to try */
    const char *doing;
    bool is_late;
};

static void fill_state(const struct shrinker *shrinker, struct shrink_state *state)
{
    *state = (struct shrink_state){
        .lines = edit_line_count(shrinker->scenario) + shrinker->recording.count,
        .choices = shrinker->recording.count,
        .preemptions = shrinker->recording.preemptions,
        .run_count = shrinker->attempt.run_count,
        .elapsed_ns = real_now_ns() - shrinker->begin_ns,
        .doing = shrinker->doing,
    };
}

static bool is_late(struct shrinker *shrinker)
{
    const struct shrink_spec *spec = shrinker->spec;
    const uint64_t now_ns = real_now_ns();

    if (spec->time_ns_max != 0 && now_ns - shrinker->begin_ns > spec->time_ns_max)
        shrinker->is_late = true;
    if (spec->progress != NULL && now_ns - shrinker->progress_ns >= PROGRESS_NS) {
        struct shrink_state state;
        shrinker->progress_ns = now_ns;
        fill_state(shrinker, &state);
        spec->progress(spec->context, &state);
    }
    return shrinker->is_late;
}

static bool is_over(void *context)
{
    return is_late(context);
}

static bool aim(struct shrinker *shrinker, const struct scenario *scenario)
{
    if (!shrinker->spec->aim(shrinker->spec->context, scenario, &shrinker->target))
        return false;
    attempt_aim(&shrinker->attempt, &shrinker->target);
    return true;
}

/* ---- the best so far ---- */

static size_t weigh(const struct scenario *scenario, const struct recording *recording)
{
    return edit_line_count(scenario) + recording->count + recording->preemptions;
}

/* Takes both over when they are lighter, or as light and `is_tie_good`. */
static bool adopt(struct shrinker *shrinker, struct scenario *scenario, struct recording *recording,
                  bool is_tie_good)
{
    const size_t before = weigh(shrinker->scenario, &shrinker->recording);
    const size_t after = weigh(scenario, recording);

    if (after > before || (after == before && !is_tie_good))
        return false;
    if (scenario != shrinker->scenario) {
        scenario_free(shrinker->scenario);
        shrinker->scenario = scenario;
    }
    recording_copy(recording, &shrinker->recording);
    return true;
}

/* A schedule that ends in the title, among `tries`. */
static bool search(struct shrinker *shrinker, unsigned tries, struct recording *out)
{
    for (unsigned i = 0; i < tries; i++) {
        const struct strategy_spec *strategy = &strategies[i % STRATEGY_COUNT];
        if (i % 8 == 0 && is_late(shrinker))
            return false;
        if (attempt_seeded(&shrinker->attempt, strategy, ++shrinker->seed, out))
            return true;
    }
    return false;
}

/* ---- passes; true when something got smaller ---- */

static bool try_scenario(struct shrinker *shrinker, struct scenario *candidate, enum edit_kind kind)
{
    struct recording recording = {0};
    bool is_taken = false;

    if (aim(shrinker, candidate) &&
        (attempt_recorded(&shrinker->attempt, &shrinker->recording, &recording) ||
         search(shrinker, kind == EDIT_NUMBERS ? TRIES_NUMBER : TRIES_LINE, &recording))) {
        choices_reduce(&shrinker->attempt, &recording, is_over, shrinker);
        is_taken = adopt(shrinker, candidate, &recording, true);
    }
    if (!is_taken)
        scenario_free(candidate);
    recording_fini(&recording);
    return is_taken;
}

static bool reduce_scenario(struct shrinker *shrinker, enum edit_kind kind)
{
    bool is_smaller = false;
    struct edit edit;

    edit_begin(&edit, kind, shrinker->scenario);
    while (!is_late(shrinker)) {
        struct scenario *candidate = edit_next(&edit);
        if (candidate == NULL)
            break;
        if (!try_scenario(shrinker, candidate, kind))
            continue;
        is_smaller = true;
        /* Goes on where it is, in what the scenario is now. */
        edit.scenario = shrinker->scenario;
        if (kind == EDIT_LINES && edit.line > shrinker->scenario->line_count)
            edit.line = shrinker->scenario->line_count;
        edit.choice = 0;
    }
    return is_smaller;
}

/* Another schedule altogether may do with fewer interruptions. */
static bool polish(struct shrinker *shrinker)
{
    struct recording other = {0};
    bool is_smaller = false;

    if (!aim(shrinker, shrinker->scenario))
        return false;
    const bool is_large = weigh(shrinker->scenario, &shrinker->recording) > LARGE;
    const unsigned tries = is_large ? TRIES_POLISH_LARGE : TRIES_POLISH;
    for (unsigned i = 0; i < tries && !is_late(shrinker); i++) {
        const struct strategy_spec *strategy = &strategies[i % STRATEGY_COUNT];
        if (!attempt_seeded(&shrinker->attempt, strategy, ++shrinker->seed, &other))
            continue;
        choices_reduce(&shrinker->attempt, &other, is_over, shrinker);
        is_smaller |= adopt(shrinker, shrinker->scenario, &other, false);
        i += 20; /* reducing cost as much as so many tries */
    }
    recording_fini(&other);
    return is_smaller;
}

static void shrink(struct shrinker *shrinker)
{
    static const char *const doing[] = {
        [EDIT_LINES] = "lines", [EDIT_WORDS] = "words", [EDIT_NUMBERS] = "numbers"};
    bool is_smaller = true;

    shrinker->doing = "choices";
    choices_reduce(&shrinker->attempt, &shrinker->recording, is_over, shrinker);
    while (is_smaller && !shrinker->is_late) {
        is_smaller = false;
        for (int kind = EDIT_LINES; kind < EDIT_KIND_COUNT; kind++) {
            shrinker->doing = doing[kind];
            is_smaller |= reduce_scenario(shrinker, (enum edit_kind)kind);
        }
        shrinker->doing = "schedules";
        is_smaller |= polish(shrinker);
    }
}

bool shrink_run(const struct shrink_spec *spec, struct shrink_result *result)
{
    struct shrinker shrinker = {
        .spec = spec,
        .attempt = {.title = spec->title, .expand = spec->expand},
        .scenario = edit_bare(spec->scenario),
        .begin_ns = real_now_ns(),
        .doing = "choices",
    };

    *result = (struct shrink_result){0};
    if (!aim(&shrinker, shrinker.scenario) ||
        !attempt_recorded(&shrinker.attempt, spec->recording, &shrinker.recording)) {
        scenario_free(shrinker.scenario);
        return false;
    }
    shrink(&shrinker);
    result->scenario = shrinker.scenario;
    result->recording = shrinker.recording;
    result->is_minimal = !shrinker.is_late;
    fill_state(&shrinker, &result->state);
    return true;
}

void shrink_result_fini(struct shrink_result *result)
{
    scenario_free(result->scenario);
    recording_fini(&result->recording);
    *result = (struct shrink_result){0};
}
