/*
 * sim/input/parse.h - what the grammar calls as it recognises lines.
 *
 * Owner: scenario_parse().  Threads: one at a time.
 */
#ifndef SIM_INPUT_PARSE_H
#define SIM_INPUT_PARSE_H

#include "sim/input/draft.h"
#include "sim/input/token.h"

struct parse {
    struct draft draft;
    const char *text; /* ends with a NUL */
    size_t len;
    /* The arguments of the line so far; a key is followed by its value. */
    struct token arguments[TOKENS_PER_LINE_MAX];
    size_t argument_count;
    size_t argument_next; /* the next one to be read */
    bool has_too_many;
    struct token comment; /* at the end of the line */
    bool has_comment;
    bool was_reported; /* the line is wrong, and that was said */
};

void parse_argument(struct parse *parse, const struct token *word);
void parse_pair(struct parse *parse, const struct token *key, const struct token *value);

void parse_blank(struct parse *parse);
void parse_comment(struct parse *parse, const struct token *comment);
void parse_keyword(struct parse *parse, const struct token *keyword);
void parse_directive(struct parse *parse, const struct token *first);
void parse_event(struct parse *parse, const struct token *when, const struct token *first);
void parse_end(struct parse *parse, const struct token *end);

/* A token that cannot stand where it does; the rest of its line is skipped. */
void parse_unexpected(struct parse *parse, int kind, const struct token *token);
void parse_recover(struct parse *parse);

/* Is it a line of the recorded part that this version does not know, and nothing else? */
bool parse_is_unknown(const char *text, size_t len);

#endif
