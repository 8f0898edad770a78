#include "fuzz/target/message.h"

#include <string.h>
#include <strings.h>

#include "fuzz/engine/finding.h"

bool message_is_same(const struct http_head *a, struct http_slice a_slice,
                     const struct http_head *b, struct http_slice b_slice, bool is_name)
{
    const char *a_text = http_head_text(a, a_slice), *b_text = http_head_text(b, b_slice);

    if (a_slice.len != b_slice.len)
        return false;
    return is_name ? strncasecmp(a_text, b_text, a_slice.len) == 0
                   : memcmp(a_text, b_text, a_slice.len) == 0;
}

static bool is_same_field(const struct http_head *a, const struct http_field *a_field,
                          const struct http_head *b, const struct http_field *b_field)
{
    return message_is_same(a, a_field->name, b, b_field->name, true) &&
           message_is_same(a, a_field->value, b, b_field->value, false);
}

static bool is_same_start(const struct http_head *a, const struct http_head *b)
{
    if (a->is_response)
        return a->status == b->status;
    return message_is_same(a, a->method_text, b, b->method_text, false) &&
           message_is_same(a, a->authority, b, b->authority, false) &&
           message_is_same(a, a->path, b, b->path, false);
}

void message_compare(const struct http_head *before, const struct http_head *after,
                     const char *title)
{
    uint32_t own = before->is_response ? 0 : 1;
    bool is_same = is_same_start(before, after) && after->fields_count >= before->fields_count &&
                   after->fields_count <= before->fields_count + own;

    for (uint32_t i = 0; is_same && i < before->fields_count; i++)
        is_same = is_same_field(before, &before->fields[i], after, &after->fields[i]);
    /* A GET's empty body needs no length. */
    if (is_same && before->has_length && before->length_bytes > 0 && after->has_length)
        is_same = before->length_bytes == after->length_bytes;
    if (!is_same)
        finding_abort(title);
}
