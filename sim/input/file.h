/*
 * sim/input/file.h - scenarios in files: what the commands check, fmt, encode and decode do.
 *
 * A file is text, or bytes if it begins with their magic. "-" is the standard input. Each prints
 * what is wrong to `errors` and is false when that is an error: no such file, a bad scenario.
 *
 * Threads: any.
 */
#ifndef SIM_INPUT_FILE_H
#define SIM_INPUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base/attr.h"

struct scenario;

/* Reads, parses and checks: what runs is loaded so. *out is the caller's. */
MUST_CHECK bool input_load_file(const char *path, struct scenario **out, FILE *errors);

MUST_CHECK bool input_check_file(const char *path, FILE *errors);

/* Canonical text to `out`; with NULL the file itself is rewritten if it differs. */
MUST_CHECK bool input_fmt_file(const char *path, FILE *out, FILE *errors);

/* Text (or bytes) to canonical bytes. */
MUST_CHECK bool input_encode_file(const char *path, FILE *out, FILE *errors);

/* Any bytes to text. */
MUST_CHECK bool input_decode_file(const char *path, FILE *out, FILE *errors);

#endif
