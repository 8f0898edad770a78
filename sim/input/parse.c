/*
 * Text to a draft. The scanner cuts, the grammar (grammar.y) tells one kind of line from another,
 * and here the words are looked up in the table and the arguments read as it says.
 */
#include "sim/input/parse.h"

#include <stdlib.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/grammar.h"
#include "sim/input/text.h"
#include "sim/input/value.h"

void *grammarAlloc(void *(*allocate)(size_t));
void grammar(void *parser, int kind, struct token token, struct parse *parse);
void grammarFree(void *parser, void (*release)(void *));

enum { KEYWORD_PLACES = 1 << PLACE_TOP | 1 << PLACE_WORLD | 1 << PLACE_SCHEDULE };

/* ---- the grammar's pieces ---- */

void parse_argument(struct parse *parse, const struct token *word)
{
    if (parse->argument_count == TOKENS_PER_LINE_MAX)
        parse->has_too_many = true;
    else
        parse->arguments[parse->argument_count++] = *word;
}

void parse_pair(struct parse *parse, const struct token *key, const struct token *value)
{
    if (parse->argument_count + 2 > TOKENS_PER_LINE_MAX) {
        parse->has_too_many = true;
        return;
    }
    parse->arguments[parse->argument_count++] = *key;
    parse->arguments[parse->argument_count++] = *value;
}

static void reset_line(struct parse *parse)
{
    parse->argument_count = 0;
    parse->argument_next = 0;
    parse->has_too_many = false;
    parse->has_comment = false;
    parse->was_reported = false;
}

void parse_recover(struct parse *parse)
{
    reset_line(parse);
}

void parse_unexpected(struct parse *parse, int kind, const struct token *token)
{
    struct draft *draft = &parse->draft;
    const char *end = token->text + token->len;

    if (parse->was_reported)
        return;
    parse->was_reported = true;
    draft->line = token->line;
    /* A key is a token of its own, and its value is missing. */
    bool is_value_missing = token->text > parse->text && token->text[-1] == '=';
    if (kind == 0)
        return;
    if (kind == TOKEN_NEWLINE && is_value_missing)
        (void)draft_error(draft, token->column, "a value belongs behind '='");
    else if (kind == TOKEN_NEWLINE)
        (void)draft_error(draft, token->column, "the line ends too early");
    else if (kind == TOKEN_STRING)
        (void)draft_error(draft, token->column, "quoted bytes have no place here");
    else if (kind == TOKEN_KEY || kind == TOKEN_COMMENT)
        (void)draft_error(draft, token->column, "a word belongs here");
    else
        (void)draft_error(draft, token->column, "'%.*s' has no place here",
                          (int)(end - token->text > 40 ? 40 : end - token->text), token->text);
}

/* Without '#', one space behind it, and what is blank at the end. */
static struct bytes trim_comment(struct parse *parse, const struct token *comment)
{
    const char *text = comment->text + 1;
    size_t len = comment->len - 1;

    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        len--;
    if (len > 0 && text[0] == ' ') {
        text++;
        len--;
    }
    return bump_copy(parse->draft.memory, text, len);
}

static bool is_declaration(enum scenario_form form)
{
    return form == FORM_NODE || form == FORM_CLIENT || form == FORM_SERVER;
}

static void begin_line(struct parse *parse, enum scenario_form form, const struct token *first,
                       struct scenario_line *line)
{
    size_t count = form_param_count(form);

    *line = (struct scenario_line){.form = form, .number = first->line, .column = first->column};
    line->args = bump_take(parse->draft.memory, (count == 0 ? 1 : count) * sizeof(*line->args));
    parse->draft.line = first->line;
}

/* Behind the last word of the line: where something is missing. */
static uint32_t end_column(const struct parse *parse, const struct token *first)
{
    const struct token *last =
        parse->argument_count == 0 ? first : &parse->arguments[parse->argument_count - 1];

    return last->column + last->len;
}

/* The line is complete: adds it, with the comment behind it. */
static void end_line(struct parse *parse, struct scenario_line *line)
{
    if (parse->has_comment)
        line->comment = trim_comment(parse, &parse->comment);
    if (line->comment.len > DRAFT_COMMENT_BYTES_MAX)
        (void)draft_error(&parse->draft, parse->comment.column, "a comment has at most %d bytes",
                          DRAFT_COMMENT_BYTES_MAX);
    else if (!draft_add(&parse->draft, line) && is_declaration(line->form))
        draft_add_wrong_name(&parse->draft, line->args[0].text);
    reset_line(parse);
}

void parse_blank(struct parse *parse)
{
    struct token here = {.line = parse->draft.line, .column = 1};
    struct scenario_line line;

    begin_line(parse, FORM_BLANK, &here, &line);
    end_line(parse, &line);
}

void parse_comment(struct parse *parse, const struct token *comment)
{
    struct scenario_line line;

    begin_line(parse, FORM_COMMENT, comment, &line);
    parse->comment = *comment;
    parse->has_comment = true;
    end_line(parse, &line);
}

/* ---- arguments by the table ---- */

static const struct token *peek_argument(const struct parse *parse)
{
    return parse->argument_next < parse->argument_count ? &parse->arguments[parse->argument_next]
                                                        : NULL;
}

static bool is_token(const struct token *token, const char *word)
{
    return strlen(word) == token->len && memcmp(token->text, word, token->len) == 0;
}

/* The parameter of that key or flag; the count of parameters when there is none. */
static size_t find_named(enum scenario_form form, const struct token *token)
{
    const struct form_info *info = form_info(form);
    size_t count = form_param_count(form);
    size_t len = token->len - (token->is_key ? 1 : 0);
    size_t i = 0;

    for (; i < count; i++) {
        const struct param_info *param = &info->params[i];
        bool is_key = param->style == STYLE_KEY || param->style == STYLE_MUST;
        bool fits = token->is_key ? is_key : param->style == STYLE_FLAG;
        if (fits && strlen(param->word) == len && memcmp(param->word, token->text, len) == 0)
            break;
    }
    return i;
}

static bool fail_unknown_argument(struct parse *parse, enum scenario_form form,
                                  const struct token *token)
{
    const struct form_info *info = form_info(form);
    size_t len = token->len - (token->is_key ? 1 : 0);
    int shown = len > 40 ? 40 : (int)len;
    struct suggestion suggestion;

    if (token->is_string)
        return draft_error(&parse->draft, token->column, "quoted bytes have no place here");
    suggestion_init(&suggestion, token->text, len);
    for (size_t i = 0; i < form_param_count(form); i++) {
        bool is_named = info->params[i].style == STYLE_KEY || info->params[i].style == STYLE_MUST ||
                        info->params[i].style == STYLE_FLAG;
        if (is_named)
            suggestion_offer(&suggestion, info->params[i].word);
        for (size_t w = 0; !is_named && w < word_count(info->params[i].type); w++)
            suggestion_offer(&suggestion, word_text(info->params[i].type, w));
    }
    if (suggestion.best != NULL && strlen(suggestion.best) == len &&
        memcmp(suggestion.best, token->text, len) == 0)
        return draft_error(&parse->draft, token->column,
                           token->is_key ? "'%s' takes no value" : "'%s' needs a value: %s=...",
                           suggestion.best, suggestion.best);
    if (suggestion.best != NULL)
        return draft_error(&parse->draft, token->column, "'%s': unknown '%.*s'; did you mean '%s'?",
                           info->keyword, shown, token->text, suggestion.best);
    return draft_error(&parse->draft, token->column, "'%s': unknown '%.*s'", info->keyword, shown,
                       token->text);
}

/* Keys and flags, in any order. */
static bool read_named(struct parse *parse, enum scenario_form form, const struct token *first,
                       struct scenario_value *args)
{
    const struct form_info *info = form_info(form);
    const struct token *token;

    while ((token = peek_argument(parse)) != NULL) {
        size_t i = find_named(form, token);
        if (i == form_param_count(form))
            return fail_unknown_argument(parse, form, token);
        if (args[i].is_present)
            return draft_error(&parse->draft, token->column, "'%s' was already said",
                               info->params[i].word);
        parse->argument_next += token->is_key ? 2 : 1;
        args[i].is_present = true;
        args[i].column = token->column;
        if (token->is_key && !value_parse(&parse->draft, &info->params[i], token + 1, &args[i]))
            return false;
    }
    for (size_t i = 0; i < form_param_count(form); i++) {
        if (info->params[i].style == STYLE_MUST && !args[i].is_present)
            return draft_error(&parse->draft, end_column(parse, first), "'%s' needs %s=...",
                               info->keyword, info->params[i].word);
    }
    return true;
}

/* Those that go by their place, then those that go by name. */
static bool read_args(struct parse *parse, enum scenario_form form, const struct token *first,
                      struct scenario_value *args)
{
    const struct form_info *info = form_info(form);

    for (size_t i = 0; i < form_param_count(form); i++) {
        const struct param_info *param = &info->params[i];
        const struct token *token = peek_argument(parse);
        bool is_named =
            param->style == STYLE_KEY || param->style == STYLE_MUST || param->style == STYLE_FLAG;
        bool is_there = token != NULL && !token->is_key;
        bool is_flag = is_there && find_named(form, token) < form_param_count(form);
        if (is_named ||
            (param->style == STYLE_MAY && (!is_there || is_flag || !value_may_match(param, token))))
            continue;
        if (!is_there)
            return draft_error(&parse->draft,
                               token == NULL ? end_column(parse, first) : token->column,
                               "'%s': %s is missing", info->keyword, param->word);
        if (param->style == STYLE_SIGN && !is_token(token, param->word))
            return draft_error(&parse->draft, token->column, "'%s' belongs here", param->word);
        args[i].is_present = true;
        if (param->style != STYLE_SIGN && !value_parse(&parse->draft, param, token, &args[i]))
            return false;
        parse->argument_next++;
    }
    return read_named(parse, form, first, args);
}

/* ---- lines ---- */

/* From the keyword to the end of the last argument. */
static struct bytes raw_text(struct parse *parse, const struct token *first)
{
    const struct token *last =
        parse->argument_count == 0 ? first : &parse->arguments[parse->argument_count - 1];

    return bump_copy(parse->draft.memory, first->text,
                     (size_t)(last->text + last->len - first->text));
}

static void keep_unknown(struct parse *parse, const struct token *keyword)
{
    const struct param_info *param = form_info(FORM_UNKNOWN)->params;
    struct scenario_line line;

    begin_line(parse, FORM_UNKNOWN, keyword, &line);
    struct scenario_value *text = (struct scenario_value *)line.args;
    text->is_present = true;
    text->text = raw_text(parse, keyword);
    if (text->text.len > param->most) {
        (void)draft_error(&parse->draft, keyword->column, "the line is too long");
        reset_line(parse);
        return;
    }
    draft_warning(&parse->draft, keyword->column, "'%.*s' is unknown to this version: skipped",
                  (int)(keyword->len > 40 ? 40 : keyword->len), keyword->text);
    end_line(parse, &line);
}

static void fail_keyword(struct parse *parse, const struct token *keyword, uint32_t places,
                         uint32_t subjects, const char *what)
{
    int shown = keyword->len > 40 ? 40 : (int)keyword->len;
    struct suggestion suggestion;
    char known[64] = "";

    suggestion_init(&suggestion, keyword->text, keyword->len);
    suggestion_offer_forms(&suggestion, places, subjects);
    if ((places & 1 << PLACE_TOP) != 0)
        suggestion_offer(&suggestion, "end");
    if (suggestion.best != NULL)
        (void)snprintf(known, sizeof(known), "; did you mean '%s'?", suggestion.best);
    else if ((places & 1 << PLACE_TOP) != 0 && parse->draft.is_in_node)
        (void)snprintf(known, sizeof(known), "; directives of a node are indented");
    (void)draft_error(&parse->draft, keyword->column, "unknown %s '%.*s'%s", what, shown,
                      keyword->text, known);
    reset_line(parse);
}

static bool has_too_many(struct parse *parse, const struct token *first)
{
    if (!parse->has_too_many)
        return false;
    (void)draft_error(&parse->draft, first->column, "more than %d words in a line",
                      TOKENS_PER_LINE_MAX);
    reset_line(parse);
    return true;
}

/* Reads the arguments and adds the line. */
static void finish_line(struct parse *parse, const struct token *first, struct scenario_line *line)
{
    struct scenario_value *args = (struct scenario_value *)line->args;

    if (read_args(parse, line->form, first, args)) {
        end_line(parse, line);
        return;
    }
    if (is_declaration(line->form))
        draft_add_wrong_name(&parse->draft, args[0].text);
    reset_line(parse);
}

static void check_draw(struct parse *parse, const struct scenario_line *line)
{
    const struct scenario_value *at = line->args;
    const char *text = (const char *)at->text.data;
    const char *dot = strrchr(text == NULL ? "" : text, '.');

    if (dot != NULL && word_class(dot + 1, strlen(dot + 1)) < 0)
        draft_warning(&parse->draft, at->column,
                      "the draw '%s' is unknown to this version: skipped", dot + 1);
}

void parse_keyword(struct parse *parse, const struct token *keyword)
{
    struct scenario_line line;
    enum scenario_form form = form_find(KEYWORD_PLACES, 0, keyword->text, keyword->len, false);
    struct scenario_ref ref;

    parse->draft.line = keyword->line;
    if (has_too_many(parse, keyword))
        return;
    if (form == FORM_COUNT && parse->draft.has_schedule) {
        keep_unknown(parse, keyword);
        return;
    }
    if (form == FORM_COUNT && draft_find(&parse->draft, keyword->text, keyword->len, &ref)) {
        (void)draft_error(&parse->draft, keyword->column,
                          "an event begins with its time: +0us %.*s ...", (int)keyword->len,
                          keyword->text);
        reset_line(parse);
        return;
    }
    if (form == FORM_COUNT) {
        fail_keyword(parse, keyword, KEYWORD_PLACES, 0, "word");
        return;
    }
    begin_line(parse, form, keyword, &line);
    parse->draft.is_in_node |= form == FORM_NODE; /* what is indented below is no second error */
    finish_line(parse, keyword, &line);
    if (form == FORM_PICK)
        check_draw(parse, &line);
}

/* The core takes bytes as they are; here they are text that everybody can read and type. */
static bool check_directive_word(struct parse *parse, const struct token *token)
{
    if (token->is_string)
        return draft_error(&parse->draft, token->column, "quoted bytes have no place here");
    for (size_t i = 0; i < token->len; i++) {
        if ((unsigned char)token->text[i] >= 0x7f)
            return draft_error(&parse->draft, token->column + (uint32_t)i,
                               "a directive is written in ASCII");
    }
    return true;
}

void parse_directive(struct parse *parse, const struct token *first)
{
    struct scenario_line line;
    size_t count = parse->argument_count + 1;
    size_t len = 0;

    begin_line(parse, FORM_DIRECTIVE, first, &line);
    if (has_too_many(parse, first))
        return;
    struct scenario_word *words = bump_take(parse->draft.memory, count * sizeof(*words));
    for (size_t i = 0; i < count; i++) {
        const struct token *token = i == 0 ? first : &parse->arguments[i - 1];
        if (!check_directive_word(parse, token)) {
            reset_line(parse);
            return;
        }
        value_classify_word(bump_copy(parse->draft.memory, token->text, token->len), &words[i]);
        words[i].column = token->column;
        len += token->len + 1;
    }
    if (count > form_info(FORM_DIRECTIVE)->params[0].most || len > DRAFT_DIRECTIVE_BYTES_MAX) {
        (void)draft_error(&parse->draft, first->column, "the directive is too long");
        reset_line(parse);
        return;
    }
    *(struct scenario_value *)line.args =
        (struct scenario_value){.is_present = true, .words = words, .word_count = count};
    end_line(parse, &line);
}

static bool read_when(struct parse *parse, const struct token *token, struct scenario_when *when)
{
    bool is_within = token->text[0] == '.';
    size_t skip = is_within ? 2 : 1;

    when->kind = is_within ? WHEN_WITHIN : token->text[0] == '@' ? WHEN_AT : WHEN_AFTER;
    switch (value_parse_duration(token->text + skip, token->len - skip, &when->ns)) {
    case DURATION_OK:
        break;
    case DURATION_NO_UNIT:
        return draft_error(&parse->draft, token->column, "a duration needs a unit: ns us ms s m h");
    case DURATION_BAD:
        return draft_error(&parse->draft, token->column,
                           "the time of an event is written as +5ms, +0..5ms, ..5ms or @1s");
    }
    if (when->ns.min > when->ns.max)
        return draft_error(&parse->draft, token->column, "the range is backwards");
    if (when->ns.max > TEXT_DURATION_NS_MAX)
        return draft_error(&parse->draft, token->column, "longer than a day");
    if (is_within && when->ns.min != when->ns.max)
        return draft_error(&parse->draft, token->column, "'..' takes one duration");
    return true;
}

static void fail_who(struct parse *parse, const struct token *who)
{
    int shown = who->len > 40 ? 40 : (int)who->len;
    struct suggestion suggestion;

    if (draft_is_wrong_name(&parse->draft, who->text, who->len))
        return;
    if (form_is_reserved(who->text, who->len)) {
        (void)draft_error(&parse->draft, who->column, "'%.*s' has no time", shown, who->text);
        return;
    }
    suggestion_init(&suggestion, who->text, who->len);
    for (size_t i = 0; i < parse->draft.declaration_count; i++)
        suggestion_offer(&suggestion, (const char *)parse->draft.declarations[i].name.data);
    suggestion_offer_forms(&suggestion, 1 << PLACE_WORLD, 0);
    if (suggestion.best != NULL)
        (void)draft_error(&parse->draft, who->column,
                          "no actor '%.*s' is declared above; did you mean '%s'?", shown, who->text,
                          suggestion.best);
    else
        (void)draft_error(&parse->draft, who->column, "no actor '%.*s' is declared above", shown,
                          who->text);
}

/* `WHO VERB ...`: finds the form that this kind of actor has. */
static enum scenario_form find_verb(struct parse *parse, const struct token *who,
                                    struct scenario_ref *subject)
{
    const struct token *verb = peek_argument(parse);

    if (!draft_find(&parse->draft, who->text, who->len, subject) ||
        subject->declaration == SCENARIO_ALL) {
        fail_who(parse, who);
        reset_line(parse);
        return FORM_COUNT;
    }
    if (verb == NULL || verb->is_key || verb->is_string) {
        (void)draft_error(&parse->draft, verb == NULL ? end_column(parse, who) : verb->column,
                          "what '%.*s' does is missing", (int)who->len, who->text);
        reset_line(parse);
        return FORM_COUNT;
    }
    enum scenario_actor_kind kind = draft_kind(&parse->draft, subject);
    const struct token *next = parse->argument_count > 1 ? &parse->arguments[1] : NULL;
    enum scenario_form form = form_find(1 << PLACE_ACTOR, 1u << kind, verb->text, verb->len,
                                        next != NULL && next->is_string);
    if (form == FORM_COUNT) {
        char what[32];
        (void)snprintf(what, sizeof(what), "verb of a %s", scenario_actor_kind_word(kind));
        fail_keyword(parse, verb, 1 << PLACE_ACTOR, 1u << kind, what);
        return FORM_COUNT;
    }
    parse->argument_next++;
    return form;
}

void parse_event(struct parse *parse, const struct token *when, const struct token *first)
{
    struct scenario_line line;
    struct scenario_when at = {0};
    struct scenario_ref subject = {0};

    parse->draft.line = when->line;
    if (has_too_many(parse, first))
        return;
    if (!read_when(parse, when, &at)) {
        reset_line(parse);
        return;
    }
    enum scenario_form form = form_find(1 << PLACE_WORLD, 0, first->text, first->len, false);
    if (form == FORM_COUNT)
        form = find_verb(parse, first, &subject);
    if (form == FORM_COUNT)
        return;
    begin_line(parse, form, when, &line);
    line.when = at;
    line.subject = subject;
    finish_line(parse, first, &line);
}

void parse_end(struct parse *parse, const struct token *end)
{
    struct scenario_line line;
    const struct token *what = peek_argument(parse);

    parse->draft.line = end->line;
    if (what == NULL || what->is_key || what->is_string) {
        (void)draft_error(&parse->draft, end->column, "'end' is followed by 'quiet' or 'any'");
        reset_line(parse);
        return;
    }
    enum scenario_form form = form_find(1 << PLACE_END, 0, what->text, what->len, false);
    if (form == FORM_COUNT) {
        fail_keyword(parse, what, 1 << PLACE_END, 0, "word behind 'end':");
        return;
    }
    parse->argument_next++;
    begin_line(parse, form, end, &line);
    finish_line(parse, end, &line);
}

/* ---- files ---- */

static void run_grammar(struct parse *parse)
{
    struct scanner scanner;
    struct token token;
    void *parser = grammarAlloc(malloc);
    int kind;

    if (parser == NULL) {
        fprintf(stderr, "heddle: out of memory\n");
        abort();
    }
    scanner_init(&scanner, parse->text, 1);
    while ((kind = scanner_next(&scanner, &token)) != 0) {
        parse->draft.line = token.line;
        if (kind == -1) {
            (void)draft_error(&parse->draft, token.column, "the quote is not closed");
            parse->was_reported = true;
            kind = TOKEN_WHEN; /* fits nowhere but at the begin: the line is skipped */
        }
        grammar(parser, kind, token, parse);
    }
    grammar(parser, 0, token, parse);
    grammarFree(parser, free);
}

bool parse_is_unknown(const char *text, size_t len)
{
    char copy[1100];
    struct scanner scanner;
    struct token token;
    bool is_key = false;
    size_t count = 0;

    if (len == 0 || len >= sizeof(copy) || !text_is_line(text, len))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    scanner_init(&scanner, copy, 1);
    for (int kind = scanner_next(&scanner, &token); kind != TOKEN_NEWLINE;
         kind = scanner_next(&scanner, &token)) {
        bool is_first = count++ == 0;
        bool is_end = token.text + token.len == copy + len;
        if (is_first && (kind != TOKEN_WORD || form_is_reserved(token.text, token.len)))
            return false;
        if (kind != TOKEN_WORD && kind != TOKEN_STRING && (kind != TOKEN_KEY || is_key || is_end))
            return false;
        is_key = kind == TOKEN_KEY;
    }
    return count <= TOKENS_PER_LINE_MAX && token.text == copy + len && text[len - 1] != ' ' &&
           text[len - 1] != '\t';
}

bool scenario_parse(const char *text, size_t len, const char *file, struct scenario **out,
                    struct diagnostics *diag)
{
    struct buffer copy = {0};
    size_t errors = diag->error_count;
    struct parse *parse = NULL;

    *out = NULL;
    diagnostics_begin(diag, file, text, len);
    if (!text_check(text, len, diag))
        goto end;
    buffer_append(&copy, text, len);
    parse = calloc(1, sizeof(*parse));
    if (parse == NULL)
        abort();
    draft_init(&parse->draft, diag);
    parse->text = copy.data;
    parse->len = len;
    run_grammar(parse);
    if (diag->error_count == errors && !parse->draft.has_content)
        diagnostics_error(diag, 0, 0, "empty scenario");
    if (diag->error_count == errors)
        *out = draft_finish(&parse->draft);
    draft_fini(&parse->draft);
    free(parse);
end:
    buffer_fini(&copy);
    diagnostics_end(diag);
    return *out != NULL;
}
