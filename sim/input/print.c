/*
 * Canonical text. It is decided by the lines alone: order and comments are kept, everything else
 * has one way to be written.
 */
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/draft.h"
#include "sim/input/value.h"

enum { WHEN_COLUMNS = 6, COMMENT_COLUMN = 32 };

static void print_when(const struct scenario_when *when, struct buffer *out)
{
    static const char *const marks[] = {
        [WHEN_NONE] = "", [WHEN_AFTER] = "+", [WHEN_WITHIN] = "..", [WHEN_AT] = "@"};
    size_t begin = out->len;

    if (when->kind == WHEN_NONE)
        return;
    buffer_append_text(out, marks[when->kind]);
    value_print_duration(when->ns, out);
    buffer_pad(out, begin, WHEN_COLUMNS);
    buffer_append_byte(out, ' ');
}

static void print_args(const struct scenario *scenario, const struct scenario_line *line,
                       struct buffer *out)
{
    const struct form_info *info = form_info(line->form);

    for (size_t i = 0; i < form_param_count(line->form); i++) {
        const struct param_info *param = &info->params[i];
        const struct scenario_value *value = &line->args[i];
        if (!value->is_present && param_is_optional(param))
            continue;
        if (line->form != FORM_DIRECTIVE && line->form != FORM_UNKNOWN)
            buffer_append_byte(out, ' ');
        if (param->style == STYLE_KEY || param->style == STYLE_MUST) {
            buffer_append_text(out, param->word);
            buffer_append_byte(out, '=');
        }
        value_print(scenario->lines, scenario->line_count, param, value, out);
    }
}

static void print_comment(struct bytes comment, struct buffer *out)
{
    buffer_append_byte(out, '#');
    if (comment.len > 0)
        buffer_append_byte(out, ' ');
    buffer_append(out, comment.data, comment.len);
}

void scenario_print_line(const struct scenario *scenario, const struct scenario_line *line,
                         struct buffer *out)
{
    const struct form_info *info = form_info(line->form);
    size_t begin = out->len;

    if (line->form == FORM_COMMENT) {
        print_comment(line->comment, out);
        return;
    }
    print_when(&line->when, out);
    if (info->place == PLACE_NODE)
        buffer_append_text(out, "    ");
    if (info->place == PLACE_END)
        buffer_append_text(out, "end    ");
    if (info->place == PLACE_ACTOR) {
        draft_append_ref(scenario->lines, scenario->line_count, &line->subject, out);
        buffer_append_byte(out, ' ');
    }
    buffer_append_text(out, info->keyword);
    print_args(scenario, line, out);
    if (line->comment.data != NULL) {
        buffer_append_text(out, "  ");
        buffer_pad(out, begin, COMMENT_COLUMN);
        print_comment(line->comment, out);
    }
}

/* A comment is indented when what follows it is: the next line that is neither blank nor comment.
 */
static bool is_indented(const struct scenario *scenario, size_t index)
{
    while (index < scenario->line_count &&
           form_info(scenario->lines[index].form)->place == PLACE_TRIVIA)
        index++;
    return index < scenario->line_count && scenario->lines[index].form == FORM_DIRECTIVE;
}

void scenario_print(const struct scenario *scenario, struct buffer *out)
{
    for (size_t i = 0; i < scenario->line_count; i++) {
        const struct scenario_line *line = &scenario->lines[i];
        if (line->form == FORM_COMMENT && is_indented(scenario, i))
            buffer_append_text(out, "    ");
        scenario_print_line(scenario, line, out);
        buffer_append_byte(out, '\n');
    }
}
