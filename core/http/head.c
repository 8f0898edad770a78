#include "core/http/head.h"

#include <string.h>
#include <strings.h>

size_t http_head_size(uint32_t text_size)
{
    return offsetof(struct http_head, text) + text_size;
}

void http_head_init(struct http_head *head, uint32_t text_size, bool is_response)
{
    /* Not the fields: they are many, and counted. */
    memset(head, 0, offsetof(struct http_head, fields));
    head->is_response = is_response;
    head->minor = 1;
    head->text_len = 0;
    head->text_size = text_size;
}

void http_head_copy(struct http_head *to, const struct http_head *from)
{
    /* What counts of each part: they are long. */
    memcpy(to, from, offsetof(struct http_head, fields));
    memcpy(to->fields, from->fields, from->fields_count * sizeof(from->fields[0]));
    memcpy(to->text, from->text, from->text_len);
    to->text_len = from->text_len;
    to->text_size = from->text_size;
}

bool http_head_set(struct http_head *head, struct http_slice *slice, const char *text, size_t len)
{
    if (len > head->text_size - head->text_len)
        return false;
    if (len > 0)
        memcpy(head->text + head->text_len, text, len);
    *slice = (struct http_slice){head->text_len, (uint32_t)len};
    head->text_len += (uint32_t)len;
    return true;
}

static const struct {
    const char *text;
    enum http_method method;
} methods[] = {
    {"GET", HTTP_METHOD_GET},     {"HEAD", HTTP_METHOD_HEAD}, {"OPTIONS", HTTP_METHOD_OPTIONS},
    {"TRACE", HTTP_METHOD_TRACE}, {"PUT", HTTP_METHOD_PUT},   {"DELETE", HTTP_METHOD_DELETE},
};

bool http_head_set_method(struct http_head *head, const char *text, size_t len)
{
    head->method = HTTP_METHOD_OTHER;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strlen(methods[i].text) == len && memcmp(methods[i].text, text, len) == 0)
            head->method = methods[i].method;
    }
    return http_head_set(head, &head->method_text, text, len);
}

bool http_head_add(struct http_head *head, const char *name, size_t name_len, const char *value,
                   size_t value_len)
{
    struct http_field *field = &head->fields[head->fields_count];

    if (head->fields_count == HTTP_FIELDS_MAX ||
        name_len + value_len > head->text_size - head->text_len)
        return false;
    bool is_set = http_head_set(head, &field->name, name, name_len) &&
                  http_head_set(head, &field->value, value, value_len);
    BUG_ON(!is_set);
    head->fields_count++;
    return true;
}

const struct http_field *http_head_find(const struct http_head *head, const char *name)
{
    size_t len = strlen(name);

    for (uint32_t i = 0; i < head->fields_count; i++) {
        const struct http_field *field = &head->fields[i];
        if (field->name.len == len && strncasecmp(head->text + field->name.at, name, len) == 0)
            return field;
    }
    return NULL;
}
