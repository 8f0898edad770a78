/*
 * sim/cli/options.h - the options of a command: one table drives parsing and help.
 *
 * Strict: every word is known or it is an error that names the nearest one. `--name value` and
 * `--name=value` are the same, options and operands may mix, `--` ends the options.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_OPTIONS_H
#define SIM_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { OPTION_LIST_MAX = 64, OPERANDS_MAX = 256, OPTION_ERROR_BYTES = 256 };

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_NUMBER,   /* struct option_number: decimal or 0x */
    OPTION_DURATION, /* struct option_number, in ns: 500ms, 60s, 5m, 1h */
    OPTION_TEXT,     /* const char *; NULL when not given */
    OPTION_LIST,     /* struct option_list: may be given again */
};

struct option_number {
    bool is_given;
    uint64_t value;
};

struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t count;
};

/* One option of a command; `offset` is where its value is in the command's own structure. */
struct option_def {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    const char *argument; /* "N", for help; NULL for a flag */
    const char *help;
    size_t offset;
};

struct operands {
    const char *items[OPERANDS_MAX];
    size_t count;
};

/* Parses argv[0..argc), the words behind the command. `values` is zeroed by the caller and filled;
 * what it points to is argv's. False, with one line in `error` (OPTION_ERROR_BYTES), when a word is
 * not understood. */
bool options_parse(const struct option_def *defs, size_t def_count, int argc, char *const *argv,
                   void *values, struct operands *operands, char *error);

/* The options, aligned, one a line. */
void options_print(const struct option_def *defs, size_t def_count, FILE *out);

/* Whole text only; no sign, no spaces. */
bool options_parse_number(const char *text, uint64_t *out);
bool options_parse_duration(const char *text, uint64_t *out_ns);

/* The word nearest to `word`, for "did you mean"; NULL when none is near. `names` has `count`
 * entries `stride` bytes apart, each starting with a const char *. */
const char *options_nearest(const char *word, const void *names, size_t count, size_t stride);

#endif
