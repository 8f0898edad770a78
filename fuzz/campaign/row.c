/*
 * fuzz/campaign/row.c - see row.h.
 */
#include "fuzz/campaign/row.h"

#include <stddef.h>

const char *row_text(struct json_object *row, const char *key)
{
    struct json_object *value = NULL;

    (void)json_object_object_get_ex(row, key, &value);
    const char *text = value == NULL ? NULL : json_object_get_string(value);
    return text == NULL ? "" : text;
}

int64_t row_number(struct json_object *row, const char *key)
{
    struct json_object *value = NULL;

    (void)json_object_object_get_ex(row, key, &value);
    return value == NULL ? 0 : json_object_get_int64(value);
}
