/*
 * The second view of a scenario: from its lines, what the world runs.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/choice/choice.h"
#include "sim/input/buffer.h"
#include "sim/input/draft.h"

struct build {
    struct scenario *scenario;
    struct scenario_actor *actors;
    const struct draft *draft;
};

/* ---- actors ---- */

static const char *actor_name(struct bump *memory, struct bytes name, uint16_t copy)
{
    char text[64];

    if (copy == 0)
        return (const char *)name.data;
    int len = snprintf(text, sizeof(text), "%s%u", (const char *)name.data, copy);
    return (const char *)bump_copy(memory, text, (size_t)len).data;
}

static void build_actor(struct build *build, const struct declaration *declaration, uint16_t index,
                        uint16_t copy, const struct scenario_line *line)
{
    struct scenario_actor *actor =
        &build->actors[declaration->actor_first + (copy == 0 ? 0 : copy - 1)];

    *actor = (struct scenario_actor){
        .kind = declaration->kind,
        .name = actor_name(build->scenario->memory, declaration->name, copy),
        .declaration = index,
        .copy = copy,
        .copies = {1, 1},
        .args = line->args,
        .line = line,
    };
    if (declaration->kind == ACTOR_CLIENT) {
        actor->addr = SCENARIO_ARG(line, CLIENT, ADDRESS)->addr;
        actor->protocol = (enum scenario_protocol)SCENARIO_ARG(line, CLIENT, PROTOCOL)->word;
        actor->is_automatic = declaration->is_automatic;
        if (copy > 0)
            actor->copies = SCENARIO_ARG(line, CLIENT, COPIES)->range;
    } else if (declaration->kind == ACTOR_SERVER) {
        actor->addr = SCENARIO_ARG(line, SERVER, ENDPOINT)->addr;
        actor->protocol = (enum scenario_protocol)SCENARIO_ARG(line, SERVER, PROTOCOL)->word;
        actor->is_automatic = actor->protocol != PROTOCOL_RAW && !declaration->may_talk;
    }
}

static bool is_declaration(enum scenario_form form)
{
    return form == FORM_NODE || form == FORM_CLIENT || form == FORM_SERVER;
}

static void build_actors(struct build *build)
{
    struct scenario *scenario = build->scenario;
    uint16_t index = 0;

    build->actors = bump_take(scenario->memory, build->draft->actor_count * sizeof(*build->actors));
    scenario->actors = build->actors;
    scenario->actor_count = build->draft->actor_count;
    for (size_t i = 0; i < scenario->line_count; i++) {
        const struct scenario_line *line = &scenario->lines[i];
        if (!is_declaration(line->form))
            continue;
        const struct declaration *declaration = &build->draft->declarations[index];
        if (declaration->copies_max == 0)
            build_actor(build, declaration, index, 0, line);
        for (uint16_t copy = 1; copy <= declaration->copies_max; copy++)
            build_actor(build, declaration, index, copy, line);
        index++;
    }
}

/* The directives of each node: they stand behind it, with nothing but blanks between. */
static void build_directives(struct build *build)
{
    struct scenario *scenario = build->scenario;
    uint32_t *indices = bump_take(scenario->memory, scenario->line_count * sizeof(*indices));
    struct scenario_actor *node = NULL;
    uint16_t declarations = 0;

    for (size_t i = 0; i < scenario->line_count; i++) {
        enum scenario_form form = scenario->lines[i].form;
        if (is_declaration(form)) {
            node = &build->actors[build->draft->declarations[declarations++].actor_first];
            node->directive_lines = indices;
        }
        if (form == FORM_DIRECTIVE && node != NULL) {
            *indices++ = (uint32_t)i;
            node->directive_count++;
        }
    }
}

/* ---- scripts ---- */

enum { SCRIPT_SETUP, SCRIPT_WORLD, SCRIPT_ACTORS };

/* The scripts that a line belongs to: [*first, *first + the result). */
static size_t scripts_of(const struct scenario_line *line, size_t *first)
{
    enum form_place place = form_info(line->form)->place;

    if (place == PLACE_WORLD) {
        *first = line->when.kind == WHEN_NONE ? SCRIPT_SETUP : SCRIPT_WORLD;
        return 1;
    }
    *first = SCRIPT_ACTORS + line->subject.actor_first;
    return place == PLACE_ACTOR ? line->subject.actor_count : 0;
}

static struct bytes wire_of(const struct scenario_line *line)
{
    if (line->form == FORM_SEND || line->form == FORM_RECV)
        return line->args[0].text;
    return (struct bytes){0};
}

static void fill_script(struct scenario_event *events, const struct scenario_line *line,
                        size_t script, uint32_t order)
{
    *events = (struct scenario_event){
        .form = line->form,
        .actor = script < SCRIPT_ACTORS ? SCENARIO_ALL : (uint16_t)(script - SCRIPT_ACTORS),
        .order = order,
        .when = line->when,
        .args = line->args,
        .line = line,
        .wire = wire_of(line),
    };
}

/* All events in one array, each script a piece of it: counted, then placed. */
static void build_scripts(struct build *build)
{
    struct scenario *scenario = build->scenario;
    size_t script_count = SCRIPT_ACTORS + scenario->actor_count;
    size_t *next = bump_take(scenario->memory, (script_count + 1) * sizeof(*next));
    size_t first;
    uint32_t order = 0;

    for (size_t i = 0; i < scenario->line_count; i++) {
        size_t count = scripts_of(&scenario->lines[i], &first);
        for (size_t s = first; s < first + count; s++)
            next[s + 1]++;
    }
    for (size_t s = 0; s < script_count; s++)
        next[s + 1] += next[s];
    scenario->event_count = next[script_count];
    struct scenario_event *events =
        bump_take(scenario->memory, scenario->event_count * sizeof(*events));
    scenario->setup = (struct scenario_script){events, next[SCRIPT_WORLD]};
    scenario->world = (struct scenario_script){events + next[SCRIPT_WORLD],
                                               next[SCRIPT_ACTORS] - next[SCRIPT_WORLD]};
    for (size_t s = SCRIPT_ACTORS; s < script_count; s++)
        build->actors[s - SCRIPT_ACTORS].script =
            (struct scenario_script){events + next[s], next[s + 1] - next[s]};
    for (size_t i = 0; i < scenario->line_count; i++) {
        size_t count = scripts_of(&scenario->lines[i], &first);
        for (size_t s = first; s < first + count; s++)
            fill_script(&events[next[s]++], &scenario->lines[i], s, order++);
    }
}

/* `*` is all actors, and how many that is shows only at the end. The arguments are the draft's. */
static void build_refs(struct build *build)
{
    struct scenario *scenario = build->scenario;
    uint16_t all = (uint16_t)scenario->actor_count;

    for (size_t i = 0; i < scenario->line_count; i++) {
        const struct scenario_line *line = &scenario->lines[i];
        if (line->form != FORM_LINK && line->form != FORM_CUT && line->form != FORM_HEAL)
            continue;
        struct scenario_value *pair = (struct scenario_value *)line->args;
        if (pair->a.declaration == SCENARIO_ALL)
            pair->a.actor_count = all;
        if (pair->b.declaration == SCENARIO_ALL)
            pair->b.actor_count = all;
    }
}

/* ---- settings and the recorded part ---- */

static const char *copy_text(struct bump *memory, const uint8_t *data, size_t len)
{
    return (const char *)bump_copy(memory, data, len).data;
}

static void build_deviation(struct scenario *scenario, struct scenario_deviation *deviations,
                            const struct scenario_line *line)
{
    const struct scenario_value *at = line->args;
    const uint8_t *class = at->text.data + at->text.len; /* behind the last dot of thread.class */
    size_t who_len = at->text.len;
    int index = CHOICE_SCHED;

    if (line->form == FORM_PICK) {
        while (class[-1] != '.')
            class --;
        who_len = (size_t)(class - at->text.data) - 1;
        index = word_class((const char *)class, at->text.len - who_len - 1);
        if (index < 0)
            return; /* of another version */
    }
    struct scenario_deviation *deviation = &deviations[scenario->deviation_count++];
    *deviation = (struct scenario_deviation){
        .who = copy_text(scenario->memory, at->text.data, who_len),
        .class = (uint32_t)index,
        .count = (uint32_t)at->range.min,
        .line = line,
    };
    if (line->form == FORM_SCHED)
        deviation->thread = (const char *)SCENARIO_ARG(line, SCHED, THREAD)->text.data;
    else
        deviation->value = (uint32_t)SCENARIO_ARG(line, PICK, VALUE)->range.min;
}

static void build_setting(struct scenario *scenario, const struct scenario_line *line,
                          uint16_t *plants, struct scenario_deviation *deviations)
{
    const struct scenario_value *first = line->args;

    if (line->form == FORM_BOUND) {
        scenario->bound_ns = first->range;
    } else if (line->form == FORM_STEPS) {
        scenario->steps_max = first->range;
    } else if (line->form == FORM_POINTS) {
        scenario->has_memory_points = first->word != 0;
    } else if (line->form == FORM_PLANT) {
        plants[scenario->plant_count++] =
            (uint16_t)word_plant((const char *)first->text.data, first->text.len);
    } else if (line->form == FORM_EXPECT) {
        scenario->expect = word_verdict((const char *)first->text.data, first->text.len);
        scenario->expect_title = SCENARIO_ARG(line, EXPECT, TITLE)->text;
    } else if (line->form == FORM_END_ANY) {
        scenario->end = END_ANY;
    } else if (line->form == FORM_FOUND) {
        scenario->found = line;
    } else if (line->form == FORM_SCHED || line->form == FORM_PICK) {
        build_deviation(scenario, deviations, line);
    }
}

static void build_settings(struct build *build)
{
    struct scenario *scenario = build->scenario;
    size_t plants = 0;

    for (size_t i = 0; i < scenario->line_count; i++)
        plants += scenario->lines[i].form == FORM_PLANT;
    uint16_t *plant_list = bump_take(scenario->memory, plants * sizeof(*plant_list));
    struct scenario_deviation *deviations =
        bump_take(scenario->memory, build->draft->deviation_count * sizeof(*deviations));
    scenario->plants = plant_list;
    scenario->deviations = deviations;
    scenario->expect = -1;
    for (size_t i = 0; i < scenario->line_count; i++)
        build_setting(scenario, &scenario->lines[i], plant_list, deviations);
}

struct scenario *draft_finish(struct draft *draft)
{
    struct bump *memory = draft->memory;
    struct scenario *scenario = bump_take(memory, sizeof(*scenario));
    struct build build = {.scenario = scenario, .draft = draft};

    while (draft->line_count > 0 && draft->lines[draft->line_count - 1].form == FORM_BLANK)
        draft->line_count--;
    struct scenario_line *lines = bump_take(memory, draft->line_count * sizeof(*lines));
    if (draft->line_count > 0)
        memcpy(lines, draft->lines, draft->line_count * sizeof(*lines));
    scenario->memory = memory;
    scenario->lines = lines;
    scenario->line_count = draft->line_count;
    build_actors(&build);
    build_directives(&build);
    build_refs(&build);
    build_scripts(&build);
    build_settings(&build);
    draft->memory = NULL;
    draft_fini(draft);
    return scenario;
}

void scenario_free(struct scenario *scenario)
{
    if (scenario != NULL)
        bump_free(scenario->memory);
}

const struct scenario_actor *scenario_actor(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->actor_count; i++) {
        if (strcmp(scenario->actors[i].name, name) == 0)
            return &scenario->actors[i];
    }
    return NULL;
}

const char *scenario_form_keyword(enum scenario_form form)
{
    return form_info(form)->keyword;
}

const char *scenario_actor_kind_word(enum scenario_actor_kind kind)
{
    static const char *const words[ACTOR_KIND_COUNT] = {"node", "client", "server"};

    return words[kind];
}
