#include "sim/input/draft.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/value.h"

void draft_init(struct draft *draft, struct diagnostics *diag)
{
    *draft = (struct draft){.memory = bump_new(), .diag = diag};
}

void draft_fini(struct draft *draft)
{
    free(draft->lines);
    free(draft->declarations);
    bump_free(draft->memory);
    *draft = (struct draft){0};
}

bool draft_error(struct draft *draft, uint32_t column, const char *format, ...)
{
    char message[DIAGNOSTIC_MESSAGE_BYTES];
    va_list args;

    if (draft->diag == NULL)
        return false;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    diagnostics_error(draft->diag, draft->line, column, "%s", message);
    return false;
}

void draft_warning(struct draft *draft, uint32_t column, const char *format, ...)
{
    char message[DIAGNOSTIC_MESSAGE_BYTES];
    va_list args;

    if (draft->diag == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    diagnostics_warning(draft->diag, draft->line, column, "%s", message);
}

/* Room for one more in a growing array. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size_bytes)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity == 0 ? 32 : *capacity * 2;
    void *grown = realloc(array, *capacity * size_bytes);
    if (grown == NULL) {
        fprintf(stderr, "heddle: out of memory\n");
        abort();
    }
    return grown;
}

/* ---- names ---- */

static uint16_t actors_of(const struct declaration *declaration)
{
    return declaration->copies_max == 0 ? 1 : declaration->copies_max;
}

void draft_fill_ref(const struct draft *draft, struct scenario_ref *ref)
{
    if (ref->declaration == SCENARIO_ALL) { /* how many is known at the end */
        ref->actor_first = 0;
        ref->actor_count = 0;
        return;
    }
    const struct declaration *declaration = &draft->declarations[ref->declaration];
    ref->actor_first = declaration->actor_first;
    ref->actor_count = actors_of(declaration);
    if (ref->copy > 0) {
        ref->actor_first = (uint16_t)(ref->actor_first + ref->copy - 1);
        ref->actor_count = 1;
    }
}

/* "c12" of "c": 12 if there are so many copies, 0 if it is no copy's name. */
static uint16_t copy_number(const struct declaration *declaration, const char *name, size_t len)
{
    size_t base = declaration->name.len;
    unsigned number = 0;

    if (len <= base || len > base + 4 || memcmp(name, declaration->name.data, base) != 0 ||
        name[base] == '0')
        return 0;
    for (size_t i = base; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return 0;
        number = number * 10 + (unsigned)(name[i] - '0');
    }
    return number <= declaration->copies_max ? (uint16_t)number : 0;
}

bool draft_find(const struct draft *draft, const char *name, size_t len, struct scenario_ref *ref)
{
    if (len == 1 && name[0] == '*') {
        *ref = (struct scenario_ref){.declaration = SCENARIO_ALL};
        return true;
    }
    for (size_t i = 0; i < draft->declaration_count; i++) {
        const struct declaration *declaration = &draft->declarations[i];
        bool is_whole =
            declaration->name.len == len && memcmp(declaration->name.data, name, len) == 0;
        uint16_t copy = is_whole ? 0 : copy_number(declaration, name, len);
        if (!is_whole && copy == 0)
            continue;
        *ref = (struct scenario_ref){.declaration = (uint16_t)i, .copy = copy};
        draft_fill_ref(draft, ref);
        return true;
    }
    return false;
}

bool draft_is_wrong_name(const struct draft *draft, const char *name, size_t len)
{
    for (size_t i = 0; i < draft->wrong_name_count; i++) {
        struct declaration wrong = {.name = draft->wrong_names[i], .copies_max = UINT16_MAX};
        if (wrong.name.len == len ? memcmp(wrong.name.data, name, len) == 0
                                  : copy_number(&wrong, name, len) > 0)
            return true;
    }
    return false;
}

void draft_add_wrong_name(struct draft *draft, struct bytes name)
{
    if (name.data != NULL && draft->wrong_name_count < DIAGNOSTICS_MAX)
        draft->wrong_names[draft->wrong_name_count++] = name;
}

enum scenario_actor_kind draft_kind(const struct draft *draft, const struct scenario_ref *ref)
{
    return ref->declaration == SCENARIO_ALL ? ACTOR_KIND_COUNT
                                            : draft->declarations[ref->declaration].kind;
}

static bool is_declaration(enum scenario_form form)
{
    return form == FORM_NODE || form == FORM_CLIENT || form == FORM_SERVER;
}

void draft_append_ref(const struct scenario_line *lines, size_t line_count,
                      const struct scenario_ref *ref, struct buffer *out)
{
    size_t seen = 0;

    if (ref->declaration == SCENARIO_ALL) {
        buffer_append_byte(out, '*');
        return;
    }
    for (size_t i = 0; i < line_count; i++) {
        if (!is_declaration(lines[i].form) || seen++ != ref->declaration)
            continue;
        buffer_append(out, lines[i].args[0].text.data, lines[i].args[0].text.len);
        break;
    }
    if (ref->copy > 0)
        buffer_append_number(out, ref->copy);
}

/* ---- declarations ---- */

static bool name_is_free(struct draft *draft, const struct scenario_value *name,
                         uint16_t copies_max)
{
    struct scenario_ref ref;
    char copy[64];

    if (form_is_reserved((const char *)name->text.data, name->text.len))
        return draft_error(draft, name->column, "'%s' is a word of the language, not a name",
                           (const char *)name->text.data);
    for (uint16_t i = 0; i <= copies_max; i++) {
        int len = i == 0 ? snprintf(copy, sizeof(copy), "%s", (const char *)name->text.data)
                         : snprintf(copy, sizeof(copy), "%s%u", (const char *)name->text.data, i);
        if (draft_find(draft, copy, (size_t)len, &ref))
            return draft_error(draft, name->column, "the name '%s' is already taken", copy);
    }
    return true;
}

/* An option that means something for H2 alone. */
static bool check_h2_only(struct draft *draft, const struct scenario_value *value, int protocol,
                          const char *word)
{
    return !value->is_present || protocol == PROTOCOL_H2 ||
           draft_error(draft, value->column, "'%s' is for 'h2'", word);
}

/* Of how a client's connections are, not of what a `load` does with them. */
static bool is_of_any_client(size_t param)
{
    return param == PARAM_CLIENT_TLS - PARAM_BASE_CLIENT ||
           param == PARAM_CLIENT_SLOW - PARAM_BASE_CLIENT ||
           param == PARAM_CLIENT_SHORT - PARAM_BASE_CLIENT ||
           param == PARAM_CLIENT_WINDOW - PARAM_BASE_CLIENT;
}

static bool check_client(struct draft *draft, const struct scenario_line *line)
{
    bool is_load = SCENARIO_ARG(line, CLIENT, LOAD)->is_present;
    int protocol = SCENARIO_ARG(line, CLIENT, PROTOCOL)->word;

    if (protocol == PROTOCOL_FCGI)
        return draft_error(draft, SCENARIO_ARG(line, CLIENT, PROTOCOL)->column,
                           "a client speaks h1, h2 or raw");
    if (!check_h2_only(draft, SCENARIO_ARG(line, CLIENT, STREAMS), protocol, "streams") ||
        !check_h2_only(draft, SCENARIO_ARG(line, CLIENT, WINDOW), protocol, "window"))
        return false;
    if (is_load && protocol == PROTOCOL_RAW)
        return draft_error(draft, SCENARIO_ARG(line, CLIENT, LOAD)->column,
                           "a raw client issues no requests");
    if (is_load && !SCENARIO_ARG(line, CLIENT, TO)->is_present)
        return draft_error(draft, SCENARIO_ARG(line, CLIENT, LOAD)->column,
                           "a client with 'load' needs to=ADDRESS:PORT");
    for (size_t i = PARAM_CLIENT_TO - PARAM_BASE_CLIENT; i < form_param_count(FORM_CLIENT); i++) {
        if (!is_load && line->args[i].is_present && !is_of_any_client(i))
            return draft_error(draft, line->args[i].column, "'%s' is for clients with 'load'",
                               form_info(FORM_CLIENT)->params[i].word);
    }
    return true;
}

static bool check_server(struct draft *draft, const struct scenario_line *line)
{
    int protocol = SCENARIO_ARG(line, SERVER, PROTOCOL)->word;
    const struct scenario_value *tickets = SCENARIO_ARG(line, SERVER, TICKETS);
    const struct scenario_value *mpxs = SCENARIO_ARG(line, SERVER, MPXS);

    for (size_t i = PARAM_SERVER_AUTO - PARAM_BASE_SERVER; i < form_param_count(FORM_SERVER); i++) {
        bool is_tls = i == PARAM_SERVER_TLS - PARAM_BASE_SERVER;
        if (protocol == PROTOCOL_RAW && line->args[i].is_present && !is_tls)
            return draft_error(draft, line->args[i].column,
                               "a raw server does not answer by itself");
    }
    if (tickets->is_present && !SCENARIO_ARG(line, SERVER, TLS)->is_present)
        return draft_error(draft, tickets->column, "'tickets' is for servers with 'tls'");
    if (mpxs->is_present && protocol != PROTOCOL_FCGI)
        return draft_error(draft, mpxs->column, "'mpxs' is for 'fcgi'");
    return check_h2_only(draft, SCENARIO_ARG(line, SERVER, STREAMS), protocol, "streams") &&
           check_h2_only(draft, SCENARIO_ARG(line, SERVER, WINDOW), protocol, "window");
}

static bool add_declaration(struct draft *draft, const struct scenario_line *line)
{
    struct declaration declaration = {.name = line->args[0].text,
                                      .actor_first = (uint16_t)draft->actor_count};

    if (line->form == FORM_CLIENT) {
        declaration.kind = ACTOR_CLIENT;
        declaration.copies_max = (uint16_t)SCENARIO_ARG(line, CLIENT, COPIES)->range.max;
        declaration.is_automatic = SCENARIO_ARG(line, CLIENT, LOAD)->is_present;
        declaration.protocol = (enum scenario_protocol)SCENARIO_ARG(line, CLIENT, PROTOCOL)->word;
        if (!check_client(draft, line))
            return false;
    } else if (line->form == FORM_SERVER) {
        declaration.kind = ACTOR_SERVER;
        declaration.is_automatic = SCENARIO_ARG(line, SERVER, AUTO)->is_present;
        declaration.protocol = (enum scenario_protocol)SCENARIO_ARG(line, SERVER, PROTOCOL)->word;
        if (!check_server(draft, line))
            return false;
    }
    size_t actors = draft->actor_count + actors_of(&declaration);
    if (actors > SCENARIO_ACTORS_MAX)
        return draft_error(draft, line->column, "more than %d actors", SCENARIO_ACTORS_MAX);
    if (!name_is_free(draft, &line->args[0], declaration.copies_max))
        return false;
    draft->declarations = grow(draft->declarations, draft->declaration_count,
                               &draft->declaration_capacity, sizeof(declaration));
    draft->declarations[draft->declaration_count++] = declaration;
    draft->actor_count = actors;
    return true;
}

/* ---- settings, events, the recorded part ---- */

static bool fail_verdict(struct draft *draft, const struct scenario_value *verdict)
{
    struct suggestion suggestion;
    const char *text = (const char *)verdict->text.data;

    suggestion_init(&suggestion, text, verdict->text.len);
    suggestion_offer_verdicts(&suggestion);
    if (suggestion.best != NULL)
        return draft_error(draft, verdict->column, "there is no verdict '%s'; did you mean '%s'?",
                           text, suggestion.best);
    return draft_error(draft, verdict->column, "there is no verdict '%s'", text);
}

static bool check_setting(struct draft *draft, const struct scenario_line *line)
{
    const struct scenario_value *first = line->args;

    if (line->form == FORM_PLANT)
        return word_plant((const char *)first->text.data, first->text.len) >= 0 ||
               draft_error(draft, first->column, "there is no planted bug '%s'",
                           (const char *)first->text.data);
    if (draft->was_set[line->form])
        return draft_error(draft, line->column, "'%s' was already said",
                           form_info(line->form)->keyword);
    if (line->form == FORM_EXPECT &&
        word_verdict((const char *)first->text.data, first->text.len) < 0)
        return fail_verdict(draft, first);
    draft->was_set[line->form] = true;
    return true;
}

static bool check_fault(struct draft *draft, const struct scenario_line *line)
{
    const struct scenario_value *site = SCENARIO_ARG(line, FAULT, SITE);
    bool is_alloc = site->text.len == 5 && memcmp(site->text.data, "alloc", 5) == 0;
    int effects =
        SCENARIO_ARG(line, FAULT, ERRNO)->is_present + SCENARIO_ARG(line, FAULT, BYTES)->is_present;

    if (is_alloc)
        return effects == 0 ||
               draft_error(draft, site->column, "an allocation fails: it takes no errno or bytes");
    return effects == 1 ||
           draft_error(draft, site->column, "a fault is either errno=NAME or bytes=N");
}

/* Arguments of `>` and `<` that only some protocols have. */
static bool check_http_args(struct draft *draft, const struct scenario_line *line,
                            enum scenario_protocol protocol)
{
    static const struct {
        size_t param;
        enum scenario_form form;
        uint32_t protocols; /* that have it */
    } rules[] = {
#define RULE(form, name, protocols)                                                                \
    {PARAM_##form##_##name - PARAM_BASE_##form, FORM_##form, protocols}
        RULE(REQUEST, VERSION, 1 << PROTOCOL_H1),
        RULE(REQUEST, CLOSE, 1 << PROTOCOL_H1),
        RULE(REQUEST, KEEP_ALIVE, 1 << PROTOCOL_H1),
        RULE(REQUEST, OPEN, 1 << PROTOCOL_H2),
        RULE(ANSWER, STREAM, 1 << PROTOCOL_H2),
        RULE(RESPOND, VERSION, 1 << PROTOCOL_H1),
        RULE(RESPOND, STREAM, 1 << PROTOCOL_H2),
        RULE(RESPOND, OPEN, 1 << PROTOCOL_H2 | 1 << PROTOCOL_FCGI),
#undef RULE
    };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const struct scenario_value *value = &line->args[rules[i].param];
        if (rules[i].form != line->form || !value->is_present ||
            (rules[i].protocols >> protocol & 1) != 0)
            continue;
        return draft_error(draft, value->column, "%s has no '%s'",
                           word_text(TYPE_PROTOCOL, word_find_value(TYPE_PROTOCOL, (int)protocol)),
                           form_info(line->form)->params[rules[i].param].word);
    }
    return true;
}

/* Verbs of one protocol. */
static bool check_protocol(struct draft *draft, const struct scenario_line *line,
                           const struct declaration *who)
{
    const char *name = (const char *)who->name.data;
    bool is_h2 = line->form == FORM_RST_STREAM || line->form == FORM_GOAWAY ||
                 line->form == FORM_PING || line->form == FORM_SETTINGS ||
                 line->form == FORM_WINDOW_UPDATE || line->form == FORM_FRAME ||
                 line->form == FORM_GOT;
    bool is_fcgi = line->form == FORM_STDERR || line->form == FORM_RECORD;
    bool is_bytes = line->form == FORM_RECV || line->form == FORM_RECV_COUNT;

    if (is_h2 && who->protocol != PROTOCOL_H2)
        return draft_error(draft, line->column, "'%s' does not speak h2: it has no '%s'", name,
                           form_info(line->form)->keyword);
    if (is_fcgi && who->protocol != PROTOCOL_FCGI)
        return draft_error(draft, line->column, "'%s' does not speak fcgi: it has no '%s'", name,
                           form_info(line->form)->keyword);
    if (is_bytes && (who->protocol == PROTOCOL_H2 || who->protocol == PROTOCOL_FCGI))
        return draft_error(draft, line->column, "'%s' reads messages, not bytes: it has no 'recv'",
                           name);
    return true;
}

/* May this actor do that? */
static bool check_verb(struct draft *draft, const struct scenario_line *line,
                       const struct declaration *who)
{
    const char *name = (const char *)who->name.data;
    bool is_http = line->form == FORM_REQUEST || line->form == FORM_ANSWER ||
                   line->form == FORM_ASKED || line->form == FORM_RESPOND;

    if (who->kind == ACTOR_CLIENT && who->is_automatic)
        return draft_error(draft, line->column, "'%s' has 'load': it runs by itself", name);
    if (who->is_automatic && is_http)
        return draft_error(draft, line->column, "'%s' is 'auto': it answers by itself", name);
    if (who->protocol == PROTOCOL_RAW && is_http)
        return draft_error(draft, line->column, "'%s' is 'raw': it has send and recv", name);
    return check_protocol(draft, line, who) &&
           (!is_http || check_http_args(draft, line, who->protocol));
}

static bool add_event(struct draft *draft, const struct scenario_line *line)
{
    struct declaration *who = NULL;
    size_t actors = 1;

    if (draft->has_end)
        return draft_error(draft, line->column, "'end' is the last event");
    if (line->when.kind == WHEN_WITHIN && !form_is_expectation(line->form))
        return draft_error(draft, line->column, "'..' is for expectations: < recv eof rst got");
    if (line->form == FORM_FAULT && !check_fault(draft, line))
        return false;
    if (form_info(line->form)->place == PLACE_ACTOR) {
        who = &draft->declarations[line->subject.declaration];
        actors = line->subject.actor_count;
        if (!check_verb(draft, line, who))
            return false;
    }
    if (draft->event_count + actors > SCENARIO_EVENTS_MAX)
        return draft_error(draft, line->column, "more than %d events", SCENARIO_EVENTS_MAX);
    draft->event_count += actors;
    if (who != NULL && (line->form == FORM_ASKED || line->form == FORM_RESPOND ||
                        line->form == FORM_STDERR || line->form == FORM_RECORD))
        who->may_talk = true;
    return true;
}

static bool add_recorded(struct draft *draft, const struct scenario_line *line)
{
    if (line->form == FORM_FOUND) {
        if (draft->was_set[FORM_FOUND])
            return draft_error(draft, line->column, "'found' was already said");
        draft->was_set[FORM_FOUND] = true;
    } else if (line->form == FORM_UNKNOWN) {
        if (!draft->has_schedule)
            return false;
    } else {
        if (draft->deviation_count == SCENARIO_DEVIATIONS_MAX)
            return draft_error(draft, line->column, "more than %d recorded lines",
                               SCENARIO_DEVIATIONS_MAX);
        draft->deviation_count++;
    }
    draft->has_schedule = true;
    return true;
}

static bool place_line(struct draft *draft, const struct scenario_line *line)
{
    enum form_place place = form_info(line->form)->place;

    if (draft->has_schedule && place != PLACE_SCHEDULE && place != PLACE_TRIVIA)
        return draft_error(draft, line->column, "this belongs before the recorded part");
    switch (place) {
    case PLACE_TOP:
        return is_declaration(line->form) ? add_declaration(draft, line)
                                          : check_setting(draft, line);
    case PLACE_NODE:
        return draft->is_in_node ||
               draft_error(draft, line->column, "an indented line belongs to a 'node' above it");
    case PLACE_ACTOR:
    case PLACE_WORLD:
        return add_event(draft, line);
    case PLACE_END:
        if (draft->has_end)
            return draft_error(draft, line->column, "'end' was already said");
        draft->has_end = true;
        return true;
    case PLACE_SCHEDULE:
        return add_recorded(draft, line);
    case PLACE_TRIVIA:
        break;
    }
    return true;
}

static size_t cost_of_comment(struct bytes comment)
{
    enum { SPACE = 40 };

    return SPACE + comment.len;
}

static size_t cost_of(const struct scenario_line *line)
{
    enum { LINE = 16, WHEN = 52, NAME = 32 };
    const struct form_info *info = form_info(line->form);
    size_t cost = LINE + strlen(info->keyword);

    if (line->when.kind != WHEN_NONE)
        cost += WHEN;
    if (info->place == PLACE_ACTOR)
        cost += NAME;
    if (line->comment.data != NULL)
        cost += cost_of_comment(line->comment);
    for (size_t i = 0; i < form_param_count(line->form); i++) {
        if (line->args[i].is_present)
            cost += value_cost(&info->params[i], &line->args[i]);
    }
    return cost;
}

bool draft_add(struct draft *draft, const struct scenario_line *line)
{
    size_t cost = cost_of(line);

    if (line->form == FORM_BLANK &&
        (draft->line_count == 0 || draft->lines[draft->line_count - 1].form == FORM_BLANK))
        return true; /* one is enough */
    if (draft->line_count == SCENARIO_LINES_MAX)
        return draft_error(draft, 1, "more than %d lines", SCENARIO_LINES_MAX);
    if (draft->cost_bytes + cost > SCENARIO_TEXT_BYTES_MAX)
        return draft_error(draft, 1, "the scenario is too large");
    if (!place_line(draft, line)) {
        /* The directives of a node that was dropped go with it; those of one that is reported are
         * no errors of their own. */
        if (line->form == FORM_NODE)
            draft->is_in_node = draft->diag != NULL;
        return false;
    }
    draft->cost_bytes += cost;
    if (form_info(line->form)->place != PLACE_TRIVIA) {
        draft->has_content = true;
        draft->is_in_node = line->form == FORM_NODE || line->form == FORM_DIRECTIVE;
    }
    draft->lines =
        grow(draft->lines, draft->line_count, &draft->line_capacity, sizeof(*draft->lines));
    draft->lines[draft->line_count++] = *line;
    return true;
}

void draft_remark(struct draft *draft, struct bytes comment)
{
    size_t cost = cost_of_comment(comment);

    BUG_ON(draft->line_count == 0);
    struct scenario_line *line = &draft->lines[draft->line_count - 1];
    if (form_info(line->form)->place == PLACE_TRIVIA || line->comment.data != NULL ||
        draft->cost_bytes + cost > SCENARIO_TEXT_BYTES_MAX)
        return;
    draft->cost_bytes += cost;
    line->comment = comment;
}
