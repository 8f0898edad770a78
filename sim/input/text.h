/*
 * sim/input/text.h - is it text at all? Checked before anything looks at what it says.
 *
 * Threads: any.
 */
#ifndef SIM_INPUT_TEXT_H
#define SIM_INPUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diagnostics;

#define TEXT_DURATION_NS_MAX UINT64_C(86400000000000) /* a day */

/* UTF-8 without control bytes but tab and line feed (and a carriage return before it), lines and
 * file not too long, not empty. False after one error. */
bool text_check(const char *text, size_t len, struct diagnostics *diag);

/* Is it UTF-8 without any control byte (but tabs)? */
bool text_is_line(const char *text, size_t len);

/* How many bytes the character at `text` has; 0 when it is none. */
size_t text_char_len(const char *text, size_t len);

#endif
