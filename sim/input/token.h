/*
 * sim/input/token.h - a line in pieces, as the scanner cuts it.
 *
 * Threads: any.
 */
#ifndef SIM_INPUT_TOKEN_H
#define SIM_INPUT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKENS_PER_LINE_MAX = 128 };

/* Points into the text of the file. */
struct token {
    const char *text;
    uint32_t len;
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1, in bytes */
    bool is_string;  /* "..." or x"...", with its quotes */
    bool is_key;     /* `word=`, with its sign: the next token is its value */
};

struct scanner {
    const char *at; /* the text ends with a NUL */
    const char *line_begin;
    uint32_t line; /* from 1 */
    bool is_line_begin;
    bool is_indented; /* the line is a directive's: words are all that it has */
    bool is_value;    /* a key came before: what follows is one word, whatever is in it */
};

/* `text` ends with a NUL and holds no other. */
void scanner_init(struct scanner *scanner, const char *text, uint32_t line);

/* The next token's TOKEN_ number of grammar.h, 0 at the end of the text, -1 for a quote that is not
 * closed. A last line without a line feed gets one. */
int scanner_next(struct scanner *scanner, struct token *token);

#endif
