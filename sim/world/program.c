/*
 * sim/world/program.c - see program.h.
 */
#include "sim/world/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/actor/script.h"
#include "sim/foreign/words.h"
#include "sim/kernel/address.h"
#include "sim/kernel/kernel.h"
#include "sim/sched/sched.h"

enum { NUMBER_BYTES = 32, ADDRESS_BYTES = 64 };

static const char address_default[] = "10.0.0.1";

static bool is_word(const struct scenario_word *word, const char *text)
{
    return word->text.len == strlen(text) && memcmp(word->text.data, text, word->text.len) == 0;
}

/* The words of the node's first line that begins with `keyword` and has more. */
static const struct scenario_value *
find_line(const struct scenario *scenario, const struct scenario_actor *node, const char *keyword)
{
    for (size_t i = 0; node->kind == ACTOR_NODE && i < node->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[node->directive_lines[i]];
        const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
        if (words->word_count > 1 && is_word(&words->words[0], keyword))
            return words;
    }
    return NULL;
}

const struct scenario_value *program_line(const struct scenario *scenario,
                                          const struct scenario_actor *node)
{
    return find_line(scenario, node, "program");
}

bool program_is_in(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->actor_count; i++)
        if (program_line(scenario, &scenario->actors[i]) != NULL)
            return true;
    return false;
}

void program_draw(const struct scenario_value *line, struct foreign_spec *spec)
{
    const char **args = arena_take(sched_arena(), line->word_count * sizeof(*args));

    for (size_t i = 1; i < line->word_count; i++) {
        const struct scenario_word *word = &line->words[i];
        char *text = arena_take(sched_arena(), word->text.len + NUMBER_BYTES);
        word_decode((const char *)word->text.data, word->text.len, text);
        if (word->has_range)
            (void)snprintf(text + strlen(text), NUMBER_BYTES, "%llu%s",
                           (unsigned long long)draw_from(&word->range),
                           word->is_duration ? "ns" : "");
        args[i - 1] = text;
    }
    *spec = (struct foreign_spec){.args = args, .arg_count = (int)line->word_count - 1};
}

void program_place(const struct scenario *scenario, const struct scenario_actor *node,
                   struct host *host)
{
    const struct scenario_value *line = find_line(scenario, node, "address");
    char text[ADDRESS_BYTES];
    struct ip ip;

    (void)snprintf(text, sizeof(text), "%.*s",
                   line == NULL ? (int)sizeof(address_default) : (int)line->words[1].text.len,
                   line == NULL ? address_default : (const char *)line->words[1].text.data);
    /* scenario_check_semantics() lets no other text pass; bytes may say anything. */
    if (!ip_parse(text, &ip) && !ip_parse(address_default, &ip))
        abort();
    if (host_add_address(host, &ip) != 0)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s is not the only one at %s",
                     node->name, text);
}
