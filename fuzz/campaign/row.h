/*
 * fuzz/campaign/row.h - values of a line of JSON that the tool has printed.
 *
 * Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_ROW_H
#define FUZZ_CAMPAIGN_ROW_H

#include <json-c/json.h>
#include <stdint.h>

/* "" and 0 for what is not there; `row` may be NULL. */
const char *row_text(struct json_object *row, const char *key);
int64_t row_number(struct json_object *row, const char *key);

#endif
