/*
 * fuzz/mutate/edit.c - see edit.h.
 */
#include "fuzz/mutate/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/draft.h"

enum { ROOM = 64, TEXT_BYTES = 128 };

/* ---- chance ---- */

size_t edit_below(struct edit *edit, size_t n)
{
    return n == 0 ? 0 : random_below(&edit->random, (uint32_t)n);
}

bool edit_one_in(struct edit *edit, size_t n)
{
    return edit_below(edit, n) == 0;
}

/* ---- begin and end ---- */

static bool is_declaration(enum scenario_form form)
{
    return form == FORM_NODE || form == FORM_CLIENT || form == FORM_SERVER;
}

static void note_declaration(struct edit *edit, struct edit_line *line)
{
    const size_t number = edit->declaration_count;

    if (!is_declaration(line->line.form) || number == EDIT_DECLARATIONS_MAX)
        return;
    edit->kinds[number] = line->line.form == FORM_NODE     ? ACTOR_NODE
                          : line->line.form == FORM_CLIENT ? ACTOR_CLIENT
                                                           : ACTOR_SERVER;
    edit->names[number] = line->line.args[0].text;
    line->declaration = (uint16_t)number;
    edit->declaration_count++;
}

void edit_begin(struct edit *edit, const uint8_t *data, size_t len, uint64_t seed)
{
    *edit = (struct edit){.from = scenario_decode(data, len), .memory = bump_new(), .random = seed};
    const size_t count =
        edit->from->line_count > EDIT_LINES_MAX ? EDIT_LINES_MAX : edit->from->line_count;
    edit->capacity = count + ROOM;
    edit->lines = malloc(edit->capacity * sizeof(*edit->lines));
    if (edit->lines == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        edit->lines[i] =
            (struct edit_line){.line = edit->from->lines[i], .declaration = SCENARIO_ALL};
        note_declaration(edit, &edit->lines[i]);
    }
    edit->count = count;
}

void edit_end(struct edit *edit)
{
    free(edit->lines);
    bump_free(edit->memory);
    scenario_free(edit->from);
}

/* ---- together again ---- */

struct joiner {
    struct draft draft;
    uint16_t declarations[EDIT_DECLARATIONS_MAX]; /* original to new; SCENARIO_ALL: gone */
};

static bool move_ref(const struct joiner *joiner, struct scenario_ref *ref)
{
    if (ref->declaration != SCENARIO_ALL) {
        if (ref->declaration >= EDIT_DECLARATIONS_MAX)
            return false;
        ref->declaration = joiner->declarations[ref->declaration];
        if (ref->declaration == SCENARIO_ALL)
            return false;
        if (ref->copy > joiner->draft.declarations[ref->declaration].copies_max)
            ref->copy = 0;
    }
    draft_fill_ref(&joiner->draft, ref);
    return true;
}

static struct bytes copy_bytes(struct joiner *joiner, struct bytes bytes)
{
    return bytes.data == NULL ? bytes : bump_copy(joiner->draft.memory, bytes.data, bytes.len);
}

static bool copy_value(struct joiner *joiner, enum param_type type, struct scenario_value *value)
{
    if (!value->is_present)
        return true;
    value->text = copy_bytes(joiner, value->text);
    if ((type == TYPE_ACTOR || type == TYPE_SITE || type == TYPE_PAIR) &&
        !move_ref(joiner, &value->a))
        return false;
    if (type == TYPE_PAIR && !move_ref(joiner, &value->b))
        return false;
    if (value->word_count == 0)
        return true;
    struct scenario_word *words =
        bump_take(joiner->draft.memory, value->word_count * sizeof(*words));
    for (size_t i = 0; i < value->word_count; i++) {
        words[i] = value->words[i];
        words[i].text = copy_bytes(joiner, words[i].text);
    }
    value->words = words;
    return true;
}

static bool join_line(struct joiner *joiner, const struct scenario_line *from)
{
    const struct form_info *info = form_info(from->form);
    const size_t count = form_param_count(from->form);
    struct scenario_line line = *from;
    struct scenario_value *args = bump_take(joiner->draft.memory, (count + 1) * sizeof(*args));

    line.args = args;
    line.comment = copy_bytes(joiner, from->comment);
    if (info->place == PLACE_ACTOR && !move_ref(joiner, &line.subject))
        return false;
    for (size_t i = 0; i < count; i++) {
        args[i] = from->args[i];
        if (!copy_value(joiner, info->params[i].type, &args[i]))
            return false;
    }
    return draft_add(&joiner->draft, &line);
}

void edit_write(const struct edit *edit, struct buffer *out)
{
    struct joiner *joiner = calloc(1, sizeof(*joiner));

    if (joiner == NULL)
        abort();
    memset(joiner->declarations, 0xff, sizeof(joiner->declarations));
    draft_init(&joiner->draft, NULL);
    for (size_t i = 0; i < edit->count; i++) {
        const struct edit_line *line = &edit->lines[i];
        const uint16_t next = (uint16_t)joiner->draft.declaration_count;
        const bool is_in = join_line(joiner, &line->line);
        /* The directives of a node that is gone belong to nobody. */
        if (line->line.form == FORM_NODE && !is_in)
            joiner->draft.is_in_node = false;
        if (line->declaration != SCENARIO_ALL && is_in)
            joiner->declarations[line->declaration] = next;
    }
    struct scenario *made = draft_finish(&joiner->draft);
    scenario_encode(made, out);
    scenario_free(made);
    free(joiner);
}

/* ---- lines ---- */

enum form_place edit_place(const struct edit_line *line)
{
    return form_info(line->line.form)->place;
}

bool edit_is_event(const struct edit_line *line)
{
    return edit_place(line) == PLACE_ACTOR || edit_place(line) == PLACE_WORLD;
}

bool edit_is_recorded(const struct edit_line *line)
{
    return line->line.form == FORM_SCHED || line->line.form == FORM_PICK;
}

size_t edit_find(struct edit *edit, bool (*fits)(const struct edit_line *line))
{
    size_t fitting = 0;

    for (size_t i = 0; i < edit->count; i++)
        fitting += fits(&edit->lines[i]);
    if (fitting == 0)
        return edit->count;
    size_t nth = edit_below(edit, fitting);
    for (size_t i = 0; i < edit->count; i++)
        if (fits(&edit->lines[i]) && nth-- == 0)
            return i;
    return edit->count;
}

struct scenario_value *edit_args(struct edit *edit, size_t index)
{
    struct scenario_line *line = &edit->lines[index].line;
    const size_t count = form_param_count(line->form);
    struct scenario_value *args = bump_take(edit->memory, (count + 1) * sizeof(*args));

    memcpy(args, line->args, count * sizeof(*args));
    line->args = args;
    return args;
}

static bool make_room(struct edit *edit)
{
    if (edit->count < edit->capacity)
        return true;
    if (edit->capacity >= EDIT_LINES_MAX)
        return false;
    struct edit_line *lines = realloc(edit->lines, 2 * edit->capacity * sizeof(*lines));
    if (lines == NULL)
        abort();
    edit->lines = lines;
    edit->capacity *= 2;
    return true;
}

struct edit_line *edit_insert(struct edit *edit, size_t index, enum scenario_form form)
{
    if (!make_room(edit))
        return NULL;
    struct edit_line *line = &edit->lines[index];
    memmove(line + 1, line, (edit->count - index) * sizeof(*line));
    edit->count++;
    *line = (struct edit_line){
        .line = {.form = form,
                 .args = bump_take(edit->memory,
                                   (form_param_count(form) + 1) * sizeof(struct scenario_value))},
        .declaration = SCENARIO_ALL};
    return line;
}

void edit_copy(struct edit *edit, size_t from, size_t to)
{
    const struct edit_line copy = edit->lines[from];
    struct edit_line *line = edit_insert(edit, to, copy.line.form);

    if (line != NULL) {
        *line = copy;
        line->declaration = SCENARIO_ALL;
        (void)edit_args(edit, to);
    }
}

void edit_remove(struct edit *edit, size_t index)
{
    struct edit_line *line = &edit->lines[index];

    edit->count--;
    memmove(line, line + 1, (edit->count - index) * sizeof(*line));
}

size_t edit_event_place(struct edit *edit)
{
    size_t first = 0;
    size_t last = 0;

    for (size_t i = 0; i < edit->count; i++) {
        const enum form_place place = edit_place(&edit->lines[i]);
        if (place == PLACE_TOP || place == PLACE_NODE)
            first = i + 1;
        if (place != PLACE_END && place != PLACE_SCHEDULE && place != PLACE_TRIVIA)
            last = i + 1;
    }
    return first + edit_below(edit, last - first + 1);
}

size_t edit_recorded_place(const struct edit *edit)
{
    return edit->count;
}

bool edit_pick_actor(struct edit *edit, uint32_t kinds, struct scenario_ref *ref)
{
    size_t count = 0;

    for (size_t i = 0; i < edit->declaration_count; i++)
        count += kinds >> edit->kinds[i] & 1;
    if (count == 0)
        return false;
    size_t nth = edit_below(edit, count);
    for (size_t i = 0; i < edit->declaration_count; i++) {
        if ((kinds >> edit->kinds[i] & 1) == 0 || nth-- != 0)
            continue;
        *ref = (struct scenario_ref){.declaration = (uint16_t)i};
        return true;
    }
    return false;
}

struct bytes edit_bytes(struct edit *edit, const void *data, size_t len)
{
    return bump_copy(edit->memory, data, len);
}

struct bytes edit_text(struct edit *edit, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list args;

    va_start(args, format);
    const int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return edit_bytes(edit, text, len < 0 ? 0 : strlen(text));
}
