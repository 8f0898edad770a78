/*
 * sim/world/config.c - see config.h.
 */
#include "sim/world/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/actor/script.h"

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

static bool build(const struct scenario *scenario, const struct scenario_actor *actor,
                  struct config *config, struct config_error *error)
{
    struct text text;

    config_init(config);
    for (size_t i = 0; i < actor->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[actor->directive_lines[i]];
        draw_line(line, &text);
        if (!config_parse_line(config, text.bytes, text.len, actor->name, line->number,
                               line->column, error))
            return false;
    }
    return config_finish(config, actor->name, actor->line->number, error);
}

void node_configs_init(struct node_configs *configs, const struct scenario *scenario)
{
    free(configs->configs);
    free(configs->has_ranges);
    configs->scenario = scenario;
    configs->configs = calloc(scenario->actor_count + 1, sizeof(*configs->configs));
    configs->has_ranges = calloc(scenario->actor_count + 1, sizeof(bool));
    if (configs->configs == NULL || configs->has_ranges == NULL)
        abort();
    for (size_t i = 0; i < scenario->actor_count; i++) {
        const struct scenario_actor *actor = &scenario->actors[i];
        struct config_error error;
        if (actor->kind != ACTOR_NODE)
            continue;
        configs->has_ranges[i] = has_ranges(scenario, actor);
        if (!configs->has_ranges[i] && !build(scenario, actor, &configs->configs[i], &error)) {
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

    if (configs->has_ranges[index] && !build(configs->scenario, actor, config, &error))
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s is not configured: %s",
                     actor->name, error.message);
    return config;
}
