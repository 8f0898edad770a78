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

/* What may be gone behind a way, and nothing else: "Close" is no name of a field (RFC 9112 12.1),
 * and Connection would name it; a response's Host and Expect mean nothing; what a request expects
 * besides 100-continue goes with that, or with HTTP/1.0. */
static bool may_go(const struct http_head *head, const struct http_field *field)
{
    if (head->is_response)
        return is_named(head, field, "close") || is_named(head, field, "host") ||
               is_named(head, field, "expect");
    return is_named(head, field, "close") ||
           (is_named(head, field, "expect") && (head->has_expect || head->minor == 0));
}

/* The proxy's own, behind all others: HTTP/1 writes it. */
static bool is_via(const struct http_head *before, const struct http_head *after, uint32_t at)
{
    const struct http_field *field = &after->fields[at];
    const char *value = before->minor >= 1 ? "1.1 heddle" : "1.0 heddle";

    return !before->is_response && is_named(after, field, "via") &&
           field->value.len == strlen(value) &&
           memcmp(http_head_text(after, field->value), value, strlen(value)) == 0;
}

/* All fields of `before`, in order. */
static bool is_same_fields(const struct http_head *before, const struct http_head *after)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < before->fields_count; i++) {
        const struct http_field *field = &before->fields[i];

        if (at < after->fields_count && is_same_field(before, field, after, &after->fields[at]))
            at++;
        else if (!may_go(before, field))
            return false;
    }
    if (at < after->fields_count && is_via(before, after, at))
        at++;
    return at == after->fields_count;
}

/* RFC 9110 8.6: none in 1xx nor 204; and that of an empty body is told by other means too. */
static bool is_same_length(const struct http_head *before, const struct http_head *after)
{
    if (after->has_length && !before->has_length)
        return false;
    if (before->has_length && after->has_length)
        return before->length_bytes == after->length_bytes;
    return !before->has_length || before->length_bytes == 0 || http_head_is_interim(before) ||
           (before->is_response && before->status == 204);
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
    bool is_expecting = before->has_expect && !before->is_end;

    if (!is_same_start(before, after) || !is_same_fields(before, after) ||
        !is_same_length(before, after) || (is_expecting && !after->has_expect) ||
        (after->has_expect && !before->has_expect))
        finding_abort(title);
}
