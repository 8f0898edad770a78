/*
 * What the core thinks of a scenario's nodes, without running them.
 */
#include <arpa/inet.h>
#include <string.h>

#include "core/proxy/config.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/forms.h"
#include "sim/input/value.h"
#include "sim/kernel/call.h"

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

/* ---- exercises: nodes that run a workload of ours instead of the proxy ---- */

static const char *const exercise_names[] = {
#define EXERCISE(symbol, name, about) name,
#include "sim/exercise/exercises.def"
#undef EXERCISE
};

static bool is_word(const struct scenario_word *word, const char *text)
{
    return !word->has_range && word->text.len == strlen(text) &&
           memcmp(word->text.data, text, word->text.len) == 0;
}

static bool is_exercise(const struct scenario_line *line)
{
    return is_word(&SCENARIO_ARG(line, DIRECTIVE, WORDS)->words[0], "exercise");
}

/* A node that is a program of the user's: `program PATH ARGUMENT...`. */
static bool is_program(const struct scenario_line *line)
{
    const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);

    return words->word_count > 1 && is_word(&words->words[0], "program");
}

static bool has_program(const struct scenario *scenario, const struct scenario_actor *node)
{
    for (size_t i = 0; i < node->directive_count; i++) {
        if (is_program(&scenario->lines[node->directive_lines[i]]))
            return true;
    }
    return false;
}

/* The whole simulator is in the program: there is one of it, and it is the only node. */
static bool check_program(const struct scenario *scenario, const struct scenario_actor *node,
                          struct diagnostics *diag)
{
    for (size_t i = 0; i < scenario->actor_count; i++) {
        if (scenario->actors[i].kind == ACTOR_NODE && &scenario->actors[i] != node) {
            diagnostics_error(diag, node->line->number, 0,
                              "a node that is a program is the only node of its scenario");
            return false;
        }
    }
    for (size_t i = 0; i < node->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[node->directive_lines[i]];
        const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
        char address[INET6_ADDRSTRLEN] = "";
        unsigned char bytes[sizeof(struct in6_addr)];
        if (is_program(line))
            continue;
        if (words->word_count != 2 || !is_word(&words->words[0], "address")) {
            diagnostics_error(diag, line->number, words->words[0].column,
                              "a program's node has the lines 'program PATH ARGUMENT...' and "
                              "'address 10.0.0.1'");
            return false;
        }
        if (words->words[1].text.len < sizeof(address))
            memcpy(address, words->words[1].text.data, words->words[1].text.len);
        if (inet_pton(AF_INET, address, bytes) != 1 && inet_pton(AF_INET6, address, bytes) != 1) {
            diagnostics_error(diag, line->number, words->words[1].column,
                              "'%s' is not an address, as 10.0.0.1", address);
            return false;
        }
    }
    return true;
}

/* "rounds=4..20", "objects=2", "locked". */
static bool is_exercise_option(const struct scenario_word *word)
{
    static const char *const keys[] = {"rounds=", "objects="};
    enum { MOST = 1000 };

    if (is_word(word, "locked"))
        return true;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t len = strlen(keys[i]);
        if (word->text.len < len || memcmp(word->text.data, keys[i], len) != 0)
            continue;
        if (word->has_range)
            return word->text.len == len && !word->is_duration && word->range.min >= 1 &&
                   word->range.max <= MOST;
        unsigned value = 0;
        for (size_t at = len; at < word->text.len; at++) {
            unsigned digit = (unsigned)word->text.data[at] - '0';
            if (digit > 9 || value > MOST)
                return false;
            value = value * 10 + digit;
        }
        return value >= 1 && value <= MOST;
    }
    return false;
}

static bool check_exercise(const struct scenario_line *line, struct diagnostics *diag)
{
    const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
    bool is_known = false;

    for (size_t i = 0; words->word_count > 1 && i < ARRAY_LEN(exercise_names); i++)
        is_known |= is_word(&words->words[1], exercise_names[i]);
    if (!is_known) {
        diagnostics_error(diag, line->number, words->words[words->word_count > 1].column,
                          "an exercise is wanted: wake, schedule, kill, isolate, shared-fd or "
                          "takeover");
        return false;
    }
    for (size_t i = 2; i < words->word_count; i++) {
        if (is_exercise_option(&words->words[i]))
            continue;
        diagnostics_error(diag, line->number, words->words[i].column,
                          "rounds=N, objects=N (1 to 1000) or locked is wanted");
        return false;
    }
    return true;
}

static bool has_exercise(const struct scenario *scenario, const struct scenario_actor *node)
{
    for (size_t i = 0; i < node->directive_count; i++) {
        if (is_exercise(&scenario->lines[node->directive_lines[i]]))
            return true;
    }
    return false;
}

/* An error about one of the node's directives, or about what it lacks. */
static void report_finish(const struct scenario *scenario, const struct scenario_actor *node,
                          bool is_most, const struct config_error *error, struct diagnostics *diag)
{
    uint32_t column = node->line->column;

    for (size_t i = 0; i < node->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[node->directive_lines[i]];
        const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
        if (line->number == 0 || line->number != error->line)
            continue;
        struct buffer text = {0};
        print_directive(words, is_most, &text);
        column = file_column(words, &text, error->col);
        buffer_fini(&text);
    }
    diagnostics_error(diag, error->line, column, "%s", error->message);
}

static bool check_node(const struct scenario *scenario, const struct scenario_actor *node,
                       bool is_most, struct diagnostics *diag)
{
    struct config config;
    struct config_error error = {0};
    bool is_good = true;

    if (has_program(scenario, node))
        return check_program(scenario, node, diag);
    config_init(&config);
    for (size_t i = 0; i < node->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[node->directive_lines[i]];
        is_good &= is_exercise(line) ? check_exercise(line, diag)
                                     : check_directive(&config, line, is_most, diag);
    }
    if (has_exercise(scenario, node))
        return is_good; /* it listens nowhere */
    if (is_good && !config_finish(&config, diag->file, node->line->number, &error)) {
        report_finish(scenario, node, is_most, &error, diag);
        is_good = false;
    }
    return is_good;
}

/* Bytes may name any call: what is unknown never fails. In text it is a typing error. */
static bool check_fault(const struct scenario_line *line, struct diagnostics *diag)
{
    static const char *const names[] = {"alloc",
#define X(name, ...) #name,
                                        KERNEL_CALLS(X)
#undef X
    };
    const struct scenario_value *site = SCENARIO_ARG(line, FAULT, SITE);

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (site->text.len == strlen(names[i]) &&
            memcmp(site->text.data, names[i], site->text.len) == 0)
            return true;
    diagnostics_error(diag, line->number, site->column, "no call '%s' can fail: accept4, read, ...",
                      (const char *)site->text.data);
    return false;
}

bool scenario_check_semantics(const struct scenario *scenario, struct diagnostics *diag)
{
    bool is_good = true;

    for (size_t i = 0; i < scenario->line_count; i++)
        if (scenario->lines[i].form == FORM_FAULT && scenario->lines[i].number != 0)
            is_good &= check_fault(&scenario->lines[i], diag);

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

bool scenario_load(const void *data, size_t len, const char *file, struct scenario **out,
                   struct diagnostics *diag)
{
    bool is_text = !scenario_is_encoded(data, len);

    *out = NULL;
    if (!is_text)
        *out = scenario_decode(data, len);
    else if (!scenario_parse(data, len, file, out, diag))
        return false;
    diagnostics_begin(diag, file, is_text ? data : NULL, is_text ? len : 0);
    bool is_good = scenario_check_semantics(*out, diag);
    diagnostics_end(diag);
    if (!is_good) {
        scenario_free(*out);
        *out = NULL;
    }
    return is_good;
}
