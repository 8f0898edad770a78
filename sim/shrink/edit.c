/*
 * sim/shrink/edit.c - see edit.h.
 */
#include "sim/shrink/edit.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

enum { CHOICES_MAX = 4, TEXT_BYTES = 96 };

/* A piece of a line between spaces. */
struct token {
    const char *text;
    size_t len;
};

/* ---- lines ---- */

static bool says_something(const struct scenario_line *line)
{
    return line->form != FORM_BLANK && line->form != FORM_COMMENT;
}

/* What the run is given besides the scenario itself: it stays as it is. */
static bool is_fixed(const struct scenario_line *line)
{
    return line->form == FORM_PLANT || line->form == FORM_POINTS || line->form == FORM_VERSION;
}

size_t edit_line_count(const struct scenario *scenario)
{
    size_t count = 0;

    for (size_t i = 0; i < scenario->line_count; i++)
        count += says_something(&scenario->lines[i]) && !is_fixed(&scenario->lines[i]);
    return count;
}

static bool *keep_all(const struct scenario *scenario)
{
    bool *keep = calloc(scenario->line_count + 1, sizeof(*keep));

    if (keep == NULL)
        abort();
    memset(keep, true, scenario->line_count);
    return keep;
}

/* NULL when it may not run. */
static struct scenario *checked(struct scenario *scenario)
{
    struct diagnostics diag;

    diagnostics_init(&diag);
    if (scenario_check_semantics(scenario, &diag))
        return scenario;
    scenario_free(scenario);
    return NULL;
}

static struct scenario *without_line(const struct scenario *scenario, size_t line)
{
    bool *keep = keep_all(scenario);

    keep[line] = false;
    struct scenario *kept = scenario_keep(scenario, keep);
    free(keep);
    return checked(kept);
}

/* The part of a line in front of its comment: a # in a string begins none. */
static size_t code_len(const char *line, size_t len)
{
    bool is_quoted = false;

    for (size_t at = 0; at < len; at++) {
        if (line[at] == '\\' && is_quoted)
            at++;
        else if (line[at] == '"')
            is_quoted = !is_quoted;
        else if (line[at] == '#' && !is_quoted && (at == 0 || line[at - 1] == ' '))
            return at;
    }
    return len;
}

struct scenario *edit_bare(const struct scenario *scenario)
{
    struct scenario *bare = scenario_without_schedule(scenario);
    bool *keep = keep_all(bare);

    for (size_t i = 0; i < bare->line_count; i++)
        keep[i] = says_something(&bare->lines[i]);
    struct scenario *kept = scenario_keep(bare, keep);
    free(keep);
    scenario_free(bare);
    struct buffer text = {0};
    struct scenario *plain = NULL;
    struct diagnostics diag;
    /* Comments at the ends of lines go with a second reading. */
    for (size_t i = 0; i < kept->line_count; i++) {
        size_t start = text.len;
        scenario_print_line(kept, &kept->lines[i], &text);
        if (kept->lines[i].comment.data != NULL) {
            text.len = start + code_len(text.data + start, text.len - start);
        }
        buffer_append_byte(&text, '\n');
    }
    diagnostics_init(&diag);
    if (scenario_load(text.data, text.len, "shrunk", &plain, &diag)) {
        scenario_free(kept);
        kept = plain;
    }
    buffer_fini(&text);
    return kept;
}

/* ---- words ---- */

static struct scenario *with_line(const struct scenario *scenario, size_t line,
                                  const struct buffer *replacement)
{
    struct scenario *parsed = NULL;
    struct buffer text = {0};
    struct diagnostics diag;

    for (size_t i = 0; i < scenario->line_count; i++) {
        if (i == line)
            buffer_append(&text, replacement->data, replacement->len);
        else
            scenario_print_line(scenario, &scenario->lines[i], &text);
        buffer_append_byte(&text, '\n');
    }
    diagnostics_init(&diag);
    if (!scenario_load(text.data, text.len, "shrunk", &parsed, &diag))
        parsed = NULL;
    buffer_fini(&text);
    return parsed;
}

/* Token `index` of `line`; false when there are fewer. A string with spaces is one token. */
static bool find_token(const struct buffer *line, size_t index, struct token *out)
{
    const char *at = line->data;
    const char *end = line->data + line->len;

    for (;;) {
        while (at < end && *at == ' ')
            at++;
        if (at == end)
            return false;
        const char *start = at;
        bool is_quoted = false;
        while (at < end && (is_quoted || *at != ' ')) {
            if (*at == '\\' && is_quoted && at + 1 < end)
                at++;
            else if (*at == '"')
                is_quoted = !is_quoted;
            at++;
        }
        if (index-- == 0) {
            *out = (struct token){.text = start, .len = (size_t)(at - start)};
            return true;
        }
    }
}

static void replace(const struct buffer *line, const struct token *token, const char *by,
                    struct buffer *out)
{
    size_t before = (size_t)(token->text - line->data);

    buffer_append(out, line->data, before);
    buffer_append(out, by, strlen(by));
    buffer_append(out, token->text + token->len, line->len - before - token->len);
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Splits "rounds=12us" at its last run of digits. Addresses and names are none. */
static bool split_number(const char *text, size_t len, size_t *start, size_t *end, uint64_t *value)
{
    size_t at = 0;

    while (at < len && !is_digit(text[at]))
        at++;
    *start = at;
    *value = 0;
    for (; at < len && is_digit(text[at]); at++) {
        if (*value > UINT64_MAX / 20)
            return false;
        *value = *value * 10 + (uint64_t)(text[at] - '0');
    }
    *end = at;
    for (; at < len; at++) {
        if (strchr("unmsh%", text[at]) == NULL)
            return false;
    }
    /* "c1", "w0@3" are names; "x3", "+5us", "nth=2" hold numbers. */
    const bool has_sign =
        *start == 0 || strchr("=+@", text[*start - 1]) != NULL || (*start == 1 && text[0] == 'x');
    return *end > *start && has_sign;
}

/* Candidate `choice` for the token, false when there is none. */
static bool smaller(const struct token *token, size_t choice, char *out)
{
    const char *dots = NULL;
    size_t start;
    size_t end;
    uint64_t value;

    if (token->len >= TEXT_BYTES || token->text[0] == '"')
        return false;
    for (size_t i = 0; i + 1 < token->len; i++)
        if (token->text[i] == '.' && token->text[i + 1] == '.')
            dots = token->text + i;
    if (dots != NULL && dots != token->text) {
        /* "key=1..4ms": its ends, each with what stands before and the unit. */
        const char *first = token->text;
        const char *sign = dots;
        while (sign > first && strchr("=+@x", sign[-1]) == NULL)
            sign--;
        if (choice == 0) {
            const char *unit = token->text + token->len;
            while (unit > dots && strchr("unmsh%", unit[-1]) != NULL)
                unit--;
            bool has_unit = !is_digit(dots[-1]);
            snprintf(out, TEXT_BYTES, "%.*s%.*s", (int)(dots - first), first,
                     has_unit ? 0 : (int)(token->text + token->len - unit), unit);
            return true;
        }
        if (choice == 1) {
            snprintf(out, TEXT_BYTES, "%.*s%.*s", (int)(sign - first), first,
                     (int)(token->text + token->len - dots - 2), dots + 2);
            return true;
        }
        /* Between them: quarters of the upper end. */
        struct token upper = {.text = dots + 2,
                              .len = (size_t)(token->text + token->len - dots - 2)};
        if (choice >= 2 + 3 || !split_number(upper.text, upper.len, &start, &end, &value))
            return false;
        snprintf(out, TEXT_BYTES, "%.*s%" PRIu64 "%.*s", (int)(sign - first), first,
                 value * (choice - 1) / 4, (int)(upper.len - end), upper.text + end);
        return true;
    }
    if (!split_number(token->text, token->len, &start, &end, &value))
        return false;
    const uint64_t values[CHOICES_MAX] = {0, 1, value / 2, value - 1};
    if (choice >= CHOICES_MAX || values[choice] >= value)
        return false;
    snprintf(out, TEXT_BYTES, "%.*s%" PRIu64 "%.*s", (int)start, token->text, values[choice],
             (int)(token->len - end), token->text + end);
    return true;
}

/* ---- the walk ---- */

void edit_begin(struct edit *edit, enum edit_kind kind, const struct scenario *scenario)
{
    *edit = (struct edit){.kind = kind, .scenario = scenario, .line = scenario->line_count};
}

static struct scenario *next_line(struct edit *edit)
{
    while (edit->line > 0) {
        edit->line--;
        if (is_fixed(&edit->scenario->lines[edit->line]))
            continue;
        struct scenario *candidate = without_line(edit->scenario, edit->line);
        if (candidate != NULL)
            return candidate;
    }
    return NULL;
}

/* The line that is being edited as text; the next one when its tokens are through. */
static bool load_token(struct edit *edit, struct buffer *line, struct token *token)
{
    while (edit->line > 0) {
        buffer_clear(line);
        scenario_print_line(edit->scenario, &edit->scenario->lines[edit->line - 1], line);
        if (!is_fixed(&edit->scenario->lines[edit->line - 1]) &&
            find_token(line, edit->token, token))
            return true;
        edit->line--;
        edit->token = 0;
        edit->choice = 0;
    }
    return false;
}

static struct scenario *next_word(struct edit *edit)
{
    struct scenario *candidate = NULL;
    struct buffer line = {0};
    struct token token;

    while (candidate == NULL && load_token(edit, &line, &token)) {
        char by[TEXT_BYTES] = "";
        bool is_there = true;
        if (edit->kind == EDIT_NUMBERS)
            is_there = smaller(&token, edit->choice, by);
        else
            is_there = edit->choice == 0;
        edit->choice++;
        if (!is_there) {
            edit->choice = 0;
            edit->token++;
            /* A candidate that stands for nothing may still have smaller ones behind it. */
            continue;
        }
        struct buffer changed = {0};
        replace(&line, &token, by, &changed);
        candidate = with_line(edit->scenario, edit->line - 1, &changed);
        buffer_fini(&changed);
    }
    buffer_fini(&line);
    return candidate;
}

struct scenario *edit_next(struct edit *edit)
{
    return edit->kind == EDIT_LINES ? next_line(edit) : next_word(edit);
}
