/*
 * core/proxy/config_text.h - a line of configuration cut into words, and errors that point into it.
 *
 * Threads: any, one at a time for each object.
 */
#ifndef CORE_PROXY_CONFIG_TEXT_H
#define CORE_PROXY_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/proxy/config.h"

struct config_word {
    const char *text;
    size_t len;
    unsigned col; /* from 1 in the file's line */
};

struct config_line {
    const char *text;
    size_t len;
    const char *file;
    unsigned number;
    unsigned col_first;
    struct config_error *err;
    struct config_word words[CONFIG_WORDS_MAX];
    unsigned words_count;
    unsigned next; /* word to read next */
};

/* Cuts at spaces and tabs; '#' at the start of a word begins a comment. False: not text, too long.
 */
MUST_CHECK bool config_line_cut(struct config_line *line);

/* The next word, NULL when there is none. */
const struct config_word *config_line_peek(const struct config_line *line);
const struct config_word *config_line_take(struct config_line *line);

/* Takes the next word, or fails saying that `what` is missing. */
MUST_CHECK bool config_line_need(struct config_line *line, const char *what,
                                 const struct config_word **out);

/* Each fails with an error at the word. */
MUST_CHECK bool config_line_number(struct config_line *line, const char *what, uint32_t least,
                                   uint32_t most, uint32_t *out);
MUST_CHECK bool config_line_duration(struct config_line *line, const char *what, uint64_t *out);
MUST_CHECK bool config_line_addr(struct config_line *line, struct addr *out);
MUST_CHECK bool config_line_name(struct config_line *line, const char *what,
                                 char out[CONFIG_NAME_BYTES]);

/* Nothing may follow. */
MUST_CHECK bool config_line_end(struct config_line *line);

bool config_word_is(const struct config_word *word, const char *text);

/* Fills line->err; always false, to return. `word` NULL: behind the last word. */
bool config_line_fail(struct config_line *line, const struct config_word *word, const char *format,
                      ...) PRINTF_LIKE(3, 4);

/* The same without a word. `source` NULL: no line to show. */
bool config_fail(struct config_error *err, const char *file, unsigned line, unsigned col,
                 const char *source, size_t source_len, unsigned col_first, const char *format, ...)
    PRINTF_LIKE(8, 9);

/* Text that is cut when it does not fit; `len` goes on counting. */
struct config_out {
    char *data;
    size_t size;
    size_t len;
    const char *indent; /* before each line */
};

void config_put(struct config_out *out, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
