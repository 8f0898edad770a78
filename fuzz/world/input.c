/*
 * fuzz/world/input.c - see input.h.
 */
#include "fuzz/world/input.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/engine/coverage.h"
#include "fuzz/world/lawful.h"
#include "fuzz/world/scene.h"
#include "sim/base/random.h"
#include "sim/input/diagnostics.h"
#include "sim/input/forms.h"
#include "sim/input/wire.h"
#include "sim/report/reproducer.h"
#include "sim/sched/profile.h"
#include "sim/world/program.h"

enum { STRATEGY_BYTES = 64 };

/* A server that takes longer, or a bound that is shorter, makes a request late by itself. */
#define FAIR_NS UINT64_C(1000000000)

/* ---- from bytes ---- */

static bool is_small(const struct scenario *scenario)
{
    return scenario->actor_count <= INPUT_ACTORS_MAX && scenario->event_count <= INPUT_EVENTS_MAX;
}

static bool may_run(const struct scenario *scenario)
{
    struct diagnostics diag;

    if (!is_small(scenario) || scenario->plant_count != 0 || program_is_in(scenario) ||
        !lawful_scenario(scenario))
        return false;
    diagnostics_init(&diag);
    return scenario_check_semantics(scenario, &diag);
}

/* What the recorded part does not fix. */
static void read_found(struct input *input)
{
    const struct scenario_line *found = input->scenario->found;
    char text[STRATEGY_BYTES];
    char error[128];

    input->strategy = (struct strategy_spec){.ops = &strategy_dull};
    if (found == NULL || SCENARIO_ARG(found, FOUND, TRIAL)->is_present ||
        !SCENARIO_ARG(found, FOUND, SEED)->is_present)
        return;
    input->seed = SCENARIO_ARG(found, FOUND, SEED)->range.min;
    const struct scenario_value *name = SCENARIO_ARG(found, FOUND, STRATEGY);
    if (!name->is_present || name->text.len >= sizeof(text))
        return;
    memcpy(text, name->text.data, name->text.len);
    text[name->text.len] = '\0';
    /* A word that this version does not know is the dull one. */
    if (strategy_parse(text, &input->strategy, error, sizeof(error)) != 0)
        input->strategy = (struct strategy_spec){.ops = &strategy_dull};
}

static void note_base(const struct input *input);

bool input_open(struct input *input, const uint8_t *data, size_t len, const uint64_t *plants)
{
    *input = (struct input){0};
    if (len > INPUT_BYTES_MAX)
        return false;
    input->scenario = scenario_decode(data, len);
    if (!may_run(input->scenario)) {
        input_close(input);
        return false;
    }
    input->scene = scene_hash(data, len);
    const size_t count = input->scenario->deviation_count;
    input->deviations = calloc(count + 1, sizeof(*input->deviations));
    if (input->deviations == NULL)
        abort();
    reproducer_deviations(input->scenario, input->deviations);
    read_found(input);
    input->world = (struct world_spec){.scenario = input->scenario, .plants = plants};
    world_target(&input->world, "fuzz", &input->target);
    sched_init();
    note_base(input);
    return true;
}

void input_close(struct input *input)
{
    free(input->deviations);
    scenario_free(input->scenario);
    *input = (struct input){0};
}

/* ---- runs ---- */

/* The base run that the aiming strategies look at is the scene's; the last one's is kept. */
static uint64_t noted_scene;
static uint64_t noted_steps;

static bool is_aiming(const struct strategy_ops *ops)
{
    return ops == &strategy_pct || ops == &strategy_surw || ops == &strategy_rff ||
           ops == &strategy_period;
}

static void prepare(const struct input *input, struct run_spec *spec)
{
    input->target.prepare(input->target.context, spec);
    if (spec->steps_max > INPUT_STEPS_MAX)
        spec->steps_max = INPUT_STEPS_MAX;
}

static void note_base(const struct input *input)
{
    static const struct strategy_spec noted = {.ops = &strategy_noted};
    struct run_spec spec = {.strategy = &noted, .source = {.kind = CHOICE_FROM_DULL}};
    struct run_result result;

    if (!is_aiming(input->strategy.ops) || noted_scene == input->scene)
        return;
    /* Not run for the next input of the scene. */
    coverage_pause();
    profile_begin();
    prepare(input, &spec);
    sched_run(&spec, &result);
    profile_end();
    coverage_resume();
    noted_scene = input->scene;
    noted_steps = result.steps;
}

void input_run(struct input *input, const struct steer_listener *listener,
               struct run_result *result)
{
    const bool is_dull = input->strategy.ops == &strategy_dull;
    struct run_spec spec = {.source = {.kind = is_dull ? CHOICE_FROM_RECORD : CHOICE_FROM_MIXTURE,
                                       .seed = input->seed,
                                       .deviations = input->deviations,
                                       .deviation_count = input->scenario->deviation_count}};

    if (is_aiming(input->strategy.ops))
        spec.base_steps = noted_steps;
    spec.strategy = steer_by(&input->strategy, listener);
    prepare(input, &spec);
    sched_run(&spec, result);
}

/* ---- verdicts ---- */

static bool is_slow(const struct scenario_value *value)
{
    return value->is_present && value->range.max > FAIR_NS;
}

/* Whether a node has the words for listening there. */
static bool is_listened_at(const struct scenario *scenario, const struct addr *addr)
{
    char text[ADDR_TEXT_BYTES];
    const size_t len = strlen(addr_print(addr, text));

    for (size_t i = 0; i < scenario->line_count; i++) {
        if (scenario->lines[i].form != FORM_DIRECTIVE)
            continue;
        const struct scenario_value *words = SCENARIO_ARG(&scenario->lines[i], DIRECTIVE, WORDS);
        const struct scenario_word *at = &words->words[2];
        if (words->word_count > 2 &&
            strcmp((const char *)words->words[0].text.data, "listen") == 0 && at->text.len == len &&
            memcmp(at->text.data, text, len) == 0)
            return true;
    }
    return false;
}

/* Nobody but the host itself has a way there. */
static bool is_far_away(const struct addr *addr)
{
    char text[ADDR_TEXT_BYTES];

    return strncmp(addr_print(addr, text), "127.", 4) != 0;
}

static bool is_fair_actor(const struct scenario *scenario, const struct scenario_actor *actor)
{
    if (actor->script.count != 0)
        return false;
    if (actor->kind == ACTOR_CLIENT && !is_far_away(&SCENARIO_ARG(actor, CLIENT, ADDRESS)->addr))
        return false;
    if (actor->kind == ACTOR_CLIENT &&
        (!SCENARIO_ARG(actor, CLIENT, TO)->is_present ||
         !is_listened_at(scenario, &SCENARIO_ARG(actor, CLIENT, TO)->addr)))
        return false;
    if (actor->kind == ACTOR_SERVER)
        return !is_slow(SCENARIO_ARG(actor, SERVER, DELAY)) &&
               !is_slow(SCENARIO_ARG(actor, SERVER, PAUSE));
    return actor->kind != ACTOR_CLIENT || (!is_slow(SCENARIO_ARG(actor, CLIENT, GAP)) &&
                                           !is_slow(SCENARIO_ARG(actor, CLIENT, START)));
}

/* Nothing in it makes anybody wait but the core. */
static bool is_fair(const struct scenario *scenario)
{
    bool is_good = scenario->setup.count == 0 && scenario->world.count == 0 &&
                   (scenario->bound_ns.max == 0 || scenario->bound_ns.min >= FAIR_NS);

    for (size_t i = 0; i < scenario->actor_count; i++)
        is_good = is_good && is_fair_actor(scenario, &scenario->actors[i]);
    return is_good;
}

/* Written by people, and nothing but its schedule is the fuzzer's: not even a draw. */
static bool is_as_shipped(const struct input *input)
{
    if (!scene_is_shipped(input->scene))
        return false;
    for (size_t i = 0; i < input->scenario->deviation_count; i++)
        if (input->scenario->deviations[i].class != CHOICE_SCHED)
            return false;
    return true;
}

/* A bound of its own, that is; the fuzzer's is where it loses patience. */
static bool has_own_steps(const struct input *input)
{
    return input->scenario->steps_max.max != 0 && input->scenario->steps_max.max <= INPUT_STEPS_MAX;
}

bool input_counts(const struct input *input, const struct run_result *result)
{
    switch (result->finding.kind) {
    case FINDING_CRASH:
    case FINDING_ASSERT:
    case FINDING_HEAP_USE_AFTER_FREE:
    case FINDING_HEAP_MISUSE:
    case FINDING_SANITIZER:
    case FINDING_DATA_RACE:
    case FINDING_DEADLOCK:
    case FINDING_LIVELOCK:
    case FINDING_LOST_WAKEUP:
    case FINDING_LEAK:
    case FINDING_INVARIANT:
    case FINDING_LOCK_MISUSE:
    case FINDING_FD_MISUSE:
    case FINDING_NONDETERMINISM:
        return true;
    case FINDING_LIVENESS:
        return is_fair(input->scenario) || is_as_shipped(input);
    case FINDING_DATA: /* malformed is also what speaks another protocol than it is asked for */
        return (is_fair(input->scenario) && strstr(result->finding.title, "differs") != NULL) ||
               is_as_shipped(input);
    case FINDING_EXPECTATION:
    case FINDING_TIME_BOUND:
        return is_as_shipped(input);
    case FINDING_STEP_BOUND:
        return is_as_shipped(input) && has_own_steps(input);
    case FINDING_NONE:
    case FINDING_UNSUPPORTED:
    case FINDING_KIND_COUNT:
        return false;
    }
    return false;
}
