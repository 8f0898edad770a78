/*
 * sim/input/diagnostics.h - what is wrong with a file, and where.
 *
 * Printed as `file:line:col: message`, the source line, and a caret under the column. The first
 * DIAGNOSTICS_MAX are kept, the rest counted.
 *
 * Owner: the caller's storage, to be given to diagnostics_fini().  Threads: one at a time.
 */
#ifndef SIM_INPUT_DIAGNOSTICS_H
#define SIM_INPUT_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/attr.h"

enum { DIAGNOSTICS_MAX = 20, DIAGNOSTIC_MESSAGE_BYTES = 256, DIAGNOSTIC_SOURCE_BYTES = 120 };

struct diagnostic {
    bool is_warning;
    uint32_t line;   /* from 1; 0: the whole file */
    uint32_t column; /* from 1, in bytes; 0: the whole line */
    char message[DIAGNOSTIC_MESSAGE_BYTES];
    char source[DIAGNOSTIC_SOURCE_BYTES]; /* of the line, what fits around the column */
    uint32_t caret;                       /* columns on a terminal before the caret */
};

struct diagnostics {
    char file[1024];
    const char *text; /* private: the file while it is parsed, for the source lines */
    size_t len;
    size_t error_count; /* all of them */
    size_t warning_count;
    size_t count; /* kept */
    struct diagnostic entries[DIAGNOSTICS_MAX];
};

void diagnostics_init(struct diagnostics *diag);
/* Names the file and lends its text for as long as errors are added. */
void diagnostics_begin(struct diagnostics *diag, const char *file, const char *text, size_t len);
void diagnostics_end(struct diagnostics *diag);

void diagnostics_error(struct diagnostics *diag, uint32_t line, uint32_t column, const char *format,
                       ...) PRINTF_LIKE(4, 5);
void diagnostics_warning(struct diagnostics *diag, uint32_t line, uint32_t column,
                         const char *format, ...) PRINTF_LIKE(4, 5);

/* Errors and warnings in order of their lines. */
void diagnostics_print(const struct diagnostics *diag, FILE *out);

#endif
