/*
 * A scenario made of some lines of another.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/input/draft.h"

struct keep {
    const struct scenario *from;
    struct draft draft;
    uint16_t declarations[SCENARIO_ACTORS_MAX]; /* old to new; SCENARIO_ALL: gone */
};

static struct bytes copy_bytes(struct keep *keep, struct bytes bytes)
{
    return bytes.data == NULL ? bytes : bump_copy(keep->draft.memory, bytes.data, bytes.len);
}

static bool move_ref(const struct keep *keep, struct scenario_ref *ref)
{
    if (ref->declaration != SCENARIO_ALL) {
        ref->declaration = keep->declarations[ref->declaration];
        if (ref->declaration == SCENARIO_ALL)
            return false;
    }
    draft_fill_ref(&keep->draft, ref);
    return true;
}

static bool copy_value(struct keep *keep, enum param_type type, struct scenario_value *value)
{
    if (!value->is_present)
        return true;
    value->text = copy_bytes(keep, value->text);
    if ((type == TYPE_ACTOR || type == TYPE_SITE || type == TYPE_PAIR) &&
        !move_ref(keep, &value->a))
        return false;
    if (type == TYPE_PAIR && !move_ref(keep, &value->b))
        return false;
    if (value->word_count == 0)
        return true;
    struct scenario_word *words = bump_take(keep->draft.memory, value->word_count * sizeof(*words));
    for (size_t i = 0; i < value->word_count; i++) {
        words[i] = value->words[i];
        words[i].text = copy_bytes(keep, words[i].text);
    }
    value->words = words;
    return true;
}

/* False when the line is about an actor that is gone, or can stand no longer where it stands. */
static bool copy_line(struct keep *keep, const struct scenario_line *from)
{
    const struct form_info *info = form_info(from->form);
    size_t count = form_param_count(from->form);
    struct scenario_line line = *from;
    struct scenario_value *args = bump_take(keep->draft.memory, (count + 1) * sizeof(*args));

    line.args = args;
    line.comment = copy_bytes(keep, from->comment);
    if (info->place == PLACE_ACTOR && !move_ref(keep, &line.subject))
        return false;
    for (size_t i = 0; i < count; i++) {
        args[i] = from->args[i];
        if (!copy_value(keep, info->params[i].type, &args[i]))
            return false;
    }
    return draft_add(&keep->draft, &line);
}

struct scenario *scenario_keep(const struct scenario *scenario, const bool *keep_lines)
{
    struct keep *keep = calloc(1, sizeof(*keep));
    size_t declaration = 0;

    if (keep == NULL)
        abort();
    keep->from = scenario;
    draft_init(&keep->draft, NULL);
    for (size_t i = 0; i < scenario->line_count; i++) {
        const struct scenario_line *line = &scenario->lines[i];
        bool is_declaration =
            line->form == FORM_NODE || line->form == FORM_CLIENT || line->form == FORM_SERVER;
        uint16_t next = (uint16_t)keep->draft.declaration_count;
        bool is_kept = keep_lines[i] && copy_line(keep, line);
        /* The directives of a node that is gone belong to nobody. */
        if (line->form == FORM_NODE && !is_kept)
            keep->draft.is_in_node = false;
        if (is_declaration)
            keep->declarations[declaration++] = is_kept ? next : SCENARIO_ALL;
    }
    struct scenario *kept = draft_finish(&keep->draft);
    free(keep);
    return kept;
}

struct scenario *scenario_without_schedule(const struct scenario *scenario)
{
    bool *keep = calloc(scenario->line_count + 1, sizeof(*keep));
    size_t last = 0;

    if (keep == NULL)
        abort();
    for (size_t i = 0; i < scenario->line_count; i++) {
        keep[i] = form_info(scenario->lines[i].form)->place != PLACE_SCHEDULE;
        if (!keep[i] && last == 0)
            last = i + 1;
        /* Comments among the recorded lines are about them. */
        keep[i] &= last == 0;
    }
    struct scenario *kept = scenario_keep(scenario, keep);
    free(keep);
    return kept;
}
