/*
 * What the core thinks of a scenario's nodes, without running them.
 */
#include <string.h>

#include "core/proxy/config.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/forms.h"
#include "sim/input/value.h"

/* The directive with each range at one of its ends. */
static void print_directive(const struct scenario_value *words, bool is_most, struct buffer *out)
{
    for (size_t i = 0; i < words->word_count; i++) {
        const struct scenario_word *word = &words->words[i];
        if (i > 0)
            buffer_append_byte(out, ' ');
        buffer_append(out, word->text.data, word->text.len);
        if (!word->has_range)
            continue;
        buffer_append_number(out, is_most ? word->range.max : word->range.min);
        if (word->is_duration)
            buffer_append_text(out, "ns");
    }
}

/* The column in the file of column `at` of the printed line. */
static uint32_t file_column(const struct scenario_value *words, const struct buffer *printed,
                            uint32_t at)
{
    size_t word = 0;

    for (size_t i = 0; i + 1 < at && i < printed->len; i++)
        word += printed->data[i] == ' ';
    return word < words->word_count ? words->words[word].column : 0;
}

static bool check_directive(struct config *config, const struct scenario_line *line, bool is_most,
                            struct diagnostics *diag)
{
    const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
    struct buffer text = {0};
    struct config_error error = {0};

    print_directive(words, is_most, &text);
    bool is_good =
        config_parse_line(config, text.data, text.len, diag->file, line->number, 1, &error);
    if (!is_good)
        diagnostics_error(diag, line->number, file_column(words, &text, error.col), "%s",
                          error.message);
    buffer_fini(&text);
    return is_good;
}

static bool has_range(const struct scenario *scenario, const struct scenario_actor *node)
{
    for (size_t i = 0; i < node->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[node->directive_lines[i]];
        const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
        for (size_t j = 0; j < words->word_count; j++) {
            if (words->words[j].has_range)
                return true;
        }
    }
    return false;
}

static bool check_node(const struct scenario *scenario, const struct scenario_actor *node,
                       bool is_most, struct diagnostics *diag)
{
    struct config config;
    struct config_error error = {0};
    bool is_good = true;

    config_init(&config);
    for (size_t i = 0; i < node->directive_count; i++)
        is_good &=
            check_directive(&config, &scenario->lines[node->directive_lines[i]], is_most, diag);
    if (is_good && !config_finish(&config, diag->file, node->line->number, &error)) {
        diagnostics_error(diag, error.line, error.col, "%s", error.message);
        is_good = false;
    }
    return is_good;
}

bool scenario_check_semantics(const struct scenario *scenario, struct diagnostics *diag)
{
    bool is_good = true;

    for (size_t i = 0; i < scenario->actor_count; i++) {
        const struct scenario_actor *node = &scenario->actors[i];
        if (node->kind != ACTOR_NODE)
            continue;
        bool is_node_good = check_node(scenario, node, false, diag);
        if (is_node_good && has_range(scenario, node))
            is_node_good = check_node(scenario, node, true, diag);
        is_good &= is_node_good;
    }
    return is_good;
}
