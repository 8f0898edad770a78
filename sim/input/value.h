/*
 * sim/input/value.h - arguments as text.
 *
 * Threads: any.
 */
#ifndef SIM_INPUT_VALUE_H
#define SIM_INPUT_VALUE_H

#include "sim/input/draft.h"
#include "sim/input/token.h"

struct buffer;

/* Reads one token. False after an error at the token. */
MUST_CHECK bool value_parse(struct draft *draft, const struct param_info *param,
                            const struct token *token, struct scenario_value *out);

/* Might the token be meant for this parameter? For parameters that may be left out. */
bool value_may_match(const struct param_info *param, const struct token *token);

/* Appends what value_parse() reads to the same value. `lines` are those of the value's scenario. */
void value_print(const struct scenario_line *lines, size_t line_count,
                 const struct param_info *param, const struct scenario_value *value,
                 struct buffer *out);

/* How long that is at most. */
size_t value_cost(const struct param_info *param, const struct scenario_value *value);

/* "5ms", "1ms..5ms", "0..5ms", "0us" */
void value_print_duration(struct range range, struct buffer *out);

enum duration_result { DURATION_OK, DURATION_NO_UNIT, DURATION_BAD };
/* One or two durations; anything up to 2^64 - 1 ns. */
enum duration_result value_parse_duration(const char *text, size_t len, struct range *range);

/* A word of a directive: finds the range in it. */
void value_classify_word(struct bytes text, struct scenario_word *word);

/* Are these bytes what a parameter of the type can be, when read from a bare word? */
bool value_is_word(enum param_type type, const uint8_t *data, size_t len);

#endif
