/*
 * sim/world/config.c - see config.h.
 */
#include "sim/world/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/actor/script.h"
#include "sim/exercise/exercise.h"
#include "sim/world/program.h"

enum {
    FD_MAX_DEFAULT = 256,
    ACCEPT_RING_DEFAULT = 15,
    BUFFER_BYTES_DEFAULT = 2048,
    BUFFERS_DEFAULT = 16,
};

struct text {
    char bytes[CONFIG_LINE_BYTES_MAX];
    size_t len;
};

static void add(struct text *text, const char *bytes, size_t len)
{
    size_t room = sizeof(text->bytes) - 1 - text->len;

    if (len > room)
        len = room;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = '\0';
}

/* The words of a directive with each range replaced by a value of it. */
static void draw_line(const struct scenario_line *line, struct text *text)
{
    const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);

    text->len = 0;
    for (size_t i = 0; i < words->word_count; i++) {
        const struct scenario_word *word = &words->words[i];
        if (i != 0)
            add(text, " ", 1);
        add(text, (const char *)word->text.data, word->text.len);
        if (word->has_range) {
            char number[32];
            int len = snprintf(number, sizeof(number), "%llu%s",
                               (unsigned long long)draw_from(&word->range),
                               word->is_duration ? "ns" : "");
            add(text, number, (size_t)len);
        }
    }
}

static bool has_ranges(const struct scenario *scenario, const struct scenario_actor *actor)
{
    for (size_t i = 0; i < actor->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[actor->directive_lines[i]];
        const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
        for (size_t w = 0; w < words->word_count; w++) {
            if (words->words[w].has_range && words->words[w].range.min != words->words[w].range.max)
                return true;
        }
    }
    return false;
}

/* ---- exercises ---- */

static bool is_word(const struct scenario_word *word, const char *text)
{
    return word->text.len == strlen(text) && memcmp(word->text.data, text, word->text.len) == 0;
}

static bool is_exercise(const struct scenario_value *words)
{
    return words->word_count != 0 && is_word(&words->words[0], "exercise");
}

/* "key=" with a range behind it, or "key=7". */
static bool take_range(const struct scenario_word *word, const char *key, struct range *range)
{
    size_t len = strlen(key);

    if (word->text.len < len || memcmp(word->text.data, key, len) != 0)
        return false;
    if (word->has_range) {
        *range = word->range;
    } else {
        range->min = strtoull((const char *)word->text.data + len, NULL, 10);
        range->max = range->min;
    }
    return true;
}

/* What the line says was checked by scenario_check_semantics(). */
static void read_exercise(const struct scenario_value *words, struct exercise_plan *plan)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "%.*s", (int)words->words[1].text.len,
                   (const char *)words->words[1].text.data);
    *plan = (struct exercise_plan){
        .exercise = exercise_find(name), .rounds = {4, 4}, .objects = {1, 1}};
    for (size_t i = 2; i < words->word_count; i++) {
        const struct scenario_word *word = &words->words[i];
        if (!take_range(word, "rounds=", &plan->rounds) &&
            !take_range(word, "objects=", &plan->objects))
            plan->is_locked = is_word(word, "locked");
    }
}

static void find_exercise(const struct scenario *scenario, const struct scenario_actor *actor,
                          struct exercise_plan *plan)
{
    for (size_t i = 0; i < actor->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[actor->directive_lines[i]];
        const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
        if (is_exercise(words) && words->word_count > 1)
            read_exercise(words, plan);
    }
}

/* ---- configurations ---- */

/* Small tables are cheaper to make a thousand times a second, and reach their limits sooner: what a
 * scenario does not say is smaller here than in the native server. */
static void init_small(struct config *config)
{
    config_init(config);
    config->fd_max = FD_MAX_DEFAULT;
    config->accept_ring = ACCEPT_RING_DEFAULT;
    config->buffer_size = BUFFER_BYTES_DEFAULT;
    config->buffers = BUFFERS_DEFAULT;
}

static bool build(const struct scenario *scenario, const struct scenario_actor *actor,
                  bool is_proxy, struct config *config, struct config_error *error)
{
    struct text text;

    init_small(config);
    for (size_t i = 0; i < actor->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[actor->directive_lines[i]];
        if (is_exercise(SCENARIO_ARG(line, DIRECTIVE, WORDS)))
            continue;
        draw_line(line, &text);
        if (!config_parse_line(config, text.bytes, text.len, actor->name, line->number,
                               line->column, error))
            return false;
    }
    return !is_proxy || config_finish(config, actor->name, actor->line->number, error);
}

void node_configs_init(struct node_configs *configs, const struct scenario *scenario)
{
    free(configs->configs);
    free(configs->has_ranges);
    free(configs->exercises);
    configs->scenario = scenario;
    configs->configs = calloc(scenario->actor_count + 1, sizeof(*configs->configs));
    configs->has_ranges = calloc(scenario->actor_count + 1, sizeof(bool));
    configs->exercises = calloc(scenario->actor_count + 1, sizeof(*configs->exercises));
    if (configs->configs == NULL || configs->has_ranges == NULL || configs->exercises == NULL)
        abort();
    for (size_t i = 0; i < scenario->actor_count; i++) {
        const struct scenario_actor *actor = &scenario->actors[i];
        struct config_error error;
        if (actor->kind != ACTOR_NODE || program_line(scenario, actor) != NULL)
            continue;
        configs->has_ranges[i] = has_ranges(scenario, actor);
        find_exercise(scenario, actor, &configs->exercises[i]);
        if (!configs->has_ranges[i] &&
            !build(scenario, actor, configs->exercises[i].exercise == NULL, &configs->configs[i],
                   &error)) {
            fprintf(stderr, "heddle: %s:%u: %s\n", actor->name, error.line, error.message);
            abort(); /* scenario_check_semantics() lets no such scenario pass */
        }
    }
}

const struct config *node_configs_draw(struct node_configs *configs, size_t index)
{
    const struct scenario_actor *actor = &configs->scenario->actors[index];
    struct config *config = &configs->configs[index];
    struct config_error error;

    if (configs->has_ranges[index] &&
        !build(configs->scenario, actor, configs->exercises[index].exercise == NULL, config,
               &error))
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s is not configured: %s",
                     actor->name, error.message);
    return config;
}
