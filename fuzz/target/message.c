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

/* White space around a value is none of it in HTTP/1. */
static struct http_slice trim(const struct http_head *head, struct http_slice value)
{
    const char *text = http_head_text(head, value);
    uint32_t begin = 0;

    while (begin < value.len && (text[begin] == ' ' || text[begin] == '\t'))
        begin++;
    while (value.len > begin && (text[value.len - 1] == ' ' || text[value.len - 1] == '\t'))
        value.len--;
    return (struct http_slice){value.at + begin, value.len - begin};
}

static bool is_same_field(const struct http_head *a, const struct http_field *a_field,
                          const struct http_head *b, const struct http_field *b_field)
{
    return message_is_same(a, a_field->name, b, b_field->name, true) &&
           message_is_same(a, trim(a, a_field->value), b, trim(b, b_field->value), false);
}

static bool is_named(const struct http_head *head, const struct http_field *field, const char *name)
{
    return field->name.len == strlen(name) &&
           strncasecmp(http_head_text(head, field->name), name, field->name.len) == 0;
}

/* "Close" is no name of a field (RFC 9112 12.1): Connection would name it. A response's Host means
 * nothing, and goes. So does what else a request expects besides 100-continue. */
static bool is_left_out(const struct http_head *head, const struct http_field *field)
{
    return is_named(head, field, "close") || is_named(head, field, "expect") ||
           (head->is_response && is_named(head, field, "host"));
}

/* All fields of `before`, in order; perhaps one behind them. */
static bool is_same_fields(const struct http_head *before, const struct http_head *after)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < before->fields_count; i++) {
        while (at < after->fields_count && is_left_out(after, &after->fields[at]))
            at++;
        if (is_left_out(before, &before->fields[i]))
            continue;
        if (at == after->fields_count ||
            !is_same_field(before, &before->fields[i], after, &after->fields[at]))
            return false;
        at++;
    }
    while (at < after->fields_count && is_left_out(after, &after->fields[at]))
        at++;
    return after->fields_count <= at + (before->is_response ? 0 : 1);
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
    bool is_same = is_same_start(before, after) && is_same_fields(before, after);

    /* A GET's empty body needs no length. */
    if (is_same && before->has_length && before->length_bytes > 0 && after->has_length)
        is_same = before->length_bytes == after->length_bytes;
    if (!is_same)
        finding_abort(title);
}
