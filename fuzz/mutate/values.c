/*
 * fuzz/mutate/values.c - mutations of what is in a line. See operations.h.
 */
#include <string.h>

#include "fuzz/mutate/invent.h"
#include "fuzz/mutate/operations.h"

enum { WORK_MAX = 100 };

enum { VALUE_BYTES_MAX = 4096, TRIES = 8 };

/* ---- bytes ---- */

/* The first argument that is bytes; the count when there is none. */
static size_t find_bytes(const struct scenario_line *line)
{
    const size_t count = form_param_count(line->form);
    size_t at = 0;

    while (at < count && form_info(line->form)->params[at].type != TYPE_BYTES)
        at++;
    return at;
}

static bool has_bytes(const struct edit_line *line)
{
    return edit_place(line) == PLACE_ACTOR &&
           find_bytes(&line->line) < form_param_count(line->line.form);
}

bool operation_payload(struct edit *edit)
{
    const size_t index = edit_find(edit, has_bytes);

    if (index == edit->count)
        return false;
    const size_t at = find_bytes(&edit->lines[index].line);
    const struct param_info *param = &form_info(edit->lines[index].line.form)->params[at];
    struct scenario_value *value = &edit_args(edit, index)[at];
    const struct bytes made = invent_bytes(edit, value->text, (size_t)param->most);
    if (made.len < param->least)
        return false;
    value->text = made;
    value->is_present = true;
    return true;
}

/* ---- messages ---- */

/* Which protocol the line's actor speaks. */
static enum scenario_protocol protocol_of(const struct edit *edit, const struct scenario_line *line,
                                          bool *is_client)
{
    *is_client = true;
    for (size_t i = 0; i < edit->count; i++) {
        const struct scenario_line *one = &edit->lines[i].line;
        if (edit->lines[i].declaration != line->subject.declaration)
            continue;
        *is_client = one->form == FORM_CLIENT;
        if (one->form == FORM_CLIENT && SCENARIO_ARG(one, CLIENT, PROTOCOL)->is_present)
            return (enum scenario_protocol)SCENARIO_ARG(one, CLIENT, PROTOCOL)->word;
        if (one->form == FORM_SERVER && SCENARIO_ARG(one, SERVER, PROTOCOL)->is_present)
            return (enum scenario_protocol)SCENARIO_ARG(one, SERVER, PROTOCOL)->word;
    }
    return PROTOCOL_H1;
}

static void set_number(struct scenario_value *value, uint64_t number)
{
    value->is_present = true;
    value->range = (struct range){number, number};
}

static void set_bytes(struct scenario_value *value, struct bytes bytes)
{
    value->is_present = true;
    value->text = bytes;
}

/* A frame of its own for an end of H2, a record for one of FastCGI, bytes for others. */
static bool fill_message(struct edit *edit, size_t index, enum scenario_protocol protocol,
                         bool is_client)
{
    struct scenario_value *args = edit_args(edit, index);
    const uint64_t stream = edit_below(edit, 4) * 2 + edit_one_in(edit, 8) + !edit_one_in(edit, 4);
    const unsigned type = (unsigned)edit_below(edit, 11);

    if (protocol == PROTOCOL_H2) {
        set_number(&args[PARAM_FRAME_TYPE - PARAM_BASE_FRAME], type);
        set_number(&args[PARAM_FRAME_FLAGS - PARAM_BASE_FRAME],
                   edit_one_in(edit, 2) ? 0 : edit_below(edit, 64));
        set_number(&args[PARAM_FRAME_STREAM - PARAM_BASE_FRAME], stream);
        set_bytes(&args[PARAM_FRAME_BYTES - PARAM_BASE_FRAME], invent_frame(edit, type));
    } else if (protocol == PROTOCOL_FCGI && !is_client) {
        set_number(&args[PARAM_RECORD_TYPE - PARAM_BASE_RECORD], 3 + edit_below(edit, 8));
        set_number(&args[PARAM_RECORD_ID - PARAM_BASE_RECORD], edit_below(edit, 3));
        set_bytes(&args[PARAM_RECORD_BYTES - PARAM_BASE_RECORD], invent_record(edit, type));
    } else {
        set_bytes(&args[PARAM_SEND_BYTES - PARAM_BASE_SEND],
                  invent_message(edit, protocol, is_client));
    }
    return true;
}

bool operation_grammar(struct edit *edit)
{
    struct scenario_line about = {0};
    bool is_client;

    if (!edit_pick_actor(edit, 1u << ACTOR_CLIENT | 1u << ACTOR_SERVER, &about.subject))
        return false;
    const enum scenario_protocol protocol = protocol_of(edit, &about, &is_client);
    const enum scenario_form form = protocol == PROTOCOL_H2                   ? FORM_FRAME
                                    : protocol == PROTOCOL_FCGI && !is_client ? FORM_RECORD
                                                                              : FORM_SEND;
    const size_t place = edit_event_place(edit);
    if (edit_insert(edit, place, form) == NULL)
        return false;
    edit->lines[place].line.subject = about.subject;
    edit->lines[place].line.when = (struct scenario_when){.kind = WHEN_AFTER};
    return fill_message(edit, place, protocol, is_client);
}

/* ---- the rest ---- */

static bool has_arguments(const struct edit_line *line)
{
    const enum form_place place = edit_place(line);

    return place != PLACE_TRIVIA && place != PLACE_SCHEDULE && line->line.form != FORM_PLANT &&
           line->line.form != FORM_EXPECT && form_param_count(line->line.form) != 0;
}

/* One of the words of a node's directive that is a number, or a range. */
static bool change_words(struct edit *edit, struct scenario_value *value)
{
    struct scenario_word *words =
        (struct scenario_word *)edit_bytes(edit, value->words, value->word_count * sizeof(*words))
            .data;
    const size_t at = edit_below(edit, value->word_count);

    if (value->word_count == 0 || !words[at].has_range)
        return false;
    value->words = words;
    struct range *range = &words[at].range;
    if (edit_one_in(edit, 2))
        range->max = range->min;
    else if (range->min < range->max)
        range->min = range->max;
    else
        range->max = range->min + 1 + edit_below(edit, 3);
    return true;
}

bool operation_value(struct edit *edit)
{
    for (unsigned i = 0; i < TRIES; i++) {
        const size_t index = edit_find(edit, has_arguments);
        if (index == edit->count)
            return false;
        const struct form_info *info = form_info(edit->lines[index].line.form);
        const size_t at = edit_below(edit, form_param_count(edit->lines[index].line.form));
        struct scenario_value *value = &edit_args(edit, index)[at];
        if (info->params[at].type == TYPE_WORDS && change_words(edit, value))
            return true;
        if (param_is_optional(&info->params[at]) && value->is_present && edit_one_in(edit, 3)) {
            value->is_present = false;
            return true;
        }
        const struct scenario_value before = *value;
        if (invent_value(edit, &info->params[at], value))
            return true;
        *value = before;
    }
    return false;
}

/* ---- more to do ---- */

static bool enlarge_range(struct range *range, uint64_t times)
{
    if (range->max == 0 || range->max > WORK_MAX / times)
        return false;
    *range = (struct range){range->max, range->max * times};
    return true;
}

static bool enlarge_words(struct edit *edit, struct scenario_value *value, uint64_t times)
{
    static const char rounds[] = "rounds=";
    struct scenario_word *words =
        (struct scenario_word *)edit_bytes(edit, value->words, value->word_count * sizeof(*words))
            .data;
    bool is_changed = false;

    for (size_t i = 0; i < value->word_count; i++)
        if (words[i].has_range && words[i].text.len == sizeof(rounds) - 1 &&
            memcmp(words[i].text.data, rounds, sizeof(rounds) - 1) == 0)
            is_changed |= enlarge_range(&words[i].range, times);
    if (is_changed)
        value->words = words;
    return is_changed;
}

bool values_enlarge(struct edit *edit, uint64_t times)
{
    bool is_changed = false;

    for (size_t i = 0; i < edit->count; i++) {
        const enum scenario_form form = edit->lines[i].line.form;
        if (form == FORM_DIRECTIVE)
            is_changed |= enlarge_words(
                edit, &edit_args(edit, i)[PARAM_DIRECTIVE_WORDS - PARAM_BASE_DIRECTIVE], times);
        if (form != FORM_CLIENT)
            continue;
        struct scenario_value *requests =
            &edit_args(edit, i)[PARAM_CLIENT_REQUESTS - PARAM_BASE_CLIENT];
        is_changed |= requests->is_present && enlarge_range(&requests->range, times);
    }
    return is_changed;
}
