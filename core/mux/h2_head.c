#include "core/mux/h2_head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/http/h1.h"

struct text {
    const char *data;
    size_t len;
};

static bool is_text(struct text text, const char *other)
{
    return text.len == strlen(other) && strncasecmp(text.data, other, text.len) == 0;
}

/* RFC 9113 8.2.2, and what names or frames the message. None of them is a field of ours. */
static bool is_connection_field(struct text name)
{
    static const char *const names[] = {
        "connection", "keep-alive", "proxy-connection", "transfer-encoding",
        "upgrade",    "te",         "http2-settings",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (is_text(name, names[i]))
            return true;
    }
    return false;
}

static bool is_framing_field(struct text name)
{
    return is_text(name, "content-length") || is_text(name, "host");
}

static enum h2_head_result fits(bool is_set)
{
    return is_set ? H2_HEAD_OK : H2_HEAD_TOO_LONG;
}

/* RFC 9110 8.6: digits only. The decoder has refused other forms, and a second one. */
static enum h2_head_result add_length(struct http_head *head, struct text value)
{
    uint64_t length = 0;

    if (value.len == 0 || head->has_length)
        return H2_HEAD_BAD;
    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned)(unsigned char)value.data[i] - '0';
        if (digit > 9 || length > (UINT64_MAX - digit) / 10)
            return H2_HEAD_BAD;
        length = length * 10 + digit;
    }
    head->has_length = true;
    head->length_bytes = length;
    return H2_HEAD_OK;
}

/* RFC 9113 8.3.1: it may come as :authority, as Host, or as both if they agree. */
static enum h2_head_result add_authority(struct http_head *head, struct text value)
{
    struct http_slice had = head->authority;

    if (had.len == 0)
        return fits(http_head_set(head, &head->authority, value.data, value.len));
    if (had.len != value.len || strncasecmp(http_head_text(head, had), value.data, value.len) != 0)
        return H2_HEAD_BAD;
    return H2_HEAD_OK;
}

/* RFC 9113 8.2.3: crumbs of one field, put together again. */
static enum h2_head_result add_cookie(struct http_head *head, struct text name, struct text value)
{
    struct http_field *field = NULL;
    struct http_slice piece;

    for (uint32_t i = 0; i < head->fields_count && field == NULL; i++) {
        struct http_slice has = head->fields[i].name;
        if (is_text((struct text){http_head_text(head, has), has.len}, "cookie"))
            field = &head->fields[i];
    }
    if (field == NULL)
        return fits(http_head_add(head, name.data, name.len, value.data, value.len));
    struct http_slice whole = field->value;
    if (whole.at + whole.len != head->text_len &&
        !http_head_set(head, &whole, head->text + whole.at, whole.len))
        return H2_HEAD_TOO_LONG;
    if (!http_head_set(head, &piece, "; ", 2) ||
        !http_head_set(head, &piece, value.data, value.len))
        return H2_HEAD_TOO_LONG;
    whole.len = head->text_len - whole.at;
    field->value = whole;
    return H2_HEAD_OK;
}

static enum h2_head_result add_status(struct http_head *head, struct text value)
{
    unsigned status = 0;

    for (size_t i = 0; i < value.len; i++)
        status = status * 10 + ((unsigned)(unsigned char)value.data[i] - '0');
    if (value.len != 3 || status < 100 || status > 999)
        return H2_HEAD_BAD;
    head->status = (uint16_t)status;
    return H2_HEAD_OK;
}

static enum h2_head_result add_pseudo(struct http_head *head, struct text name, struct text value)
{
    if (head->is_response)
        return is_text(name, ":status") ? add_status(head, value) : H2_HEAD_BAD;
    if (is_text(name, ":method"))
        return fits(http_head_set_method(head, value.data, value.len));
    if (is_text(name, ":scheme"))
        return fits(http_head_set(head, &head->scheme, value.data, value.len));
    if (is_text(name, ":authority"))
        return add_authority(head, value);
    if (is_text(name, ":path"))
        return fits(http_head_set(head, &head->path, value.data, value.len));
    return H2_HEAD_BAD;
}

enum h2_head_result h2_head_add(struct http_head *head, const char *name, size_t name_len,
                                const char *value, size_t value_len)
{
    struct text n = {name, name_len};
    struct text v = {value, value_len};

    if (name_len > 0 && name[0] == ':')
        return add_pseudo(head, n, v);
    if (is_text(n, "content-length"))
        return add_length(head, v);
    if (is_text(n, "te")) /* "trailers": this hop's, and always true of ours */
        return H2_HEAD_OK;
    if (is_connection_field(n))
        return is_text(n, "http2-settings") ? H2_HEAD_OK : H2_HEAD_BAD;
    if (!head->is_response) {
        if (is_text(n, "host"))
            return add_authority(head, v);
        if (is_text(n, "cookie"))
            return add_cookie(head, n, v);
        if (is_text(n, "expect") && is_text(v, "100-continue")) {
            head->has_expect = true;
            return H2_HEAD_OK;
        }
    }
    return fits(http_head_add(head, name, name_len, value, value_len));
}

enum h2_head_result h2_head_add_trailer(struct http_head *head, const char *name, size_t name_len,
                                        const char *value, size_t value_len)
{
    struct text n = {name, name_len};

    if (name_len > 0 && name[0] == ':')
        return H2_HEAD_BAD;
    if (is_connection_field(n) || is_framing_field(n)) /* RFC 9110 6.5.1 */
        return H2_HEAD_OK;
    return fits(http_head_add(head, name, name_len, value, value_len));
}

/* What could not be written into a request line, or would end the target in it. */
static bool is_path_good(const struct http_head *head)
{
    const char *path = http_head_text(head, head->path);

    if (head->path.len == 0)
        return false;
    for (uint32_t i = 0; i < head->path.len; i++) {
        unsigned char c = (unsigned char)path[i];
        if (c <= ' ' || c == 0x7f || c == '#')
            return false;
    }
    if (head->path.len == 1 && path[0] == '*')
        return head->method == HTTP_METHOD_OPTIONS;
    return path[0] == '/';
}

unsigned h2_head_check_request(const struct http_head *head)
{
    struct text method = {http_head_text(head, head->method_text), head->method_text.len};
    struct text scheme = {http_head_text(head, head->scheme), head->scheme.len};

    if (method.len == 0)
        return 400;
    if (method.len == 7 && memcmp(method.data, "CONNECT", 7) == 0)
        return 501;
    if (!is_text(scheme, "http") && !is_text(scheme, "https"))
        return 400;
    /* RFC 9113 8.3.1: no userinfo; and what an HTTP/1 server would refuse, or take for two. */
    if (head->authority.len == 0 ||
        !h1_is_authority(http_head_text(head, head->authority), head->authority.len))
        return 400;
    return is_path_good(head) ? 0 : 400;
}

static void put(struct h2_head_out *out, struct text name, struct text value)
{
    BUG_ON(out->count == H2_HEAD_PAIRS_MAX);
    /* nghttp2 copies both and makes the name lower-case. */
    out->pairs[out->count++] = (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name.data,
        .namelen = name.len,
        .value = (uint8_t *)(uintptr_t)value.data,
        .valuelen = value.len,
        .flags = NGHTTP2_NV_FLAG_NONE,
    };
}

static void put_pseudo(struct h2_head_out *out, const struct http_head *head, const char *name,
                       struct http_slice slice)
{
    put(out, (struct text){name, strlen(name)},
        (struct text){http_head_text(head, slice), slice.len});
}

static void put_text(struct h2_head_out *out, const char *name, const char *value)
{
    put(out, (struct text){name, strlen(name)}, (struct text){value, strlen(value)});
}

static void put_fields(struct h2_head_out *out, const struct http_head *head)
{
    for (uint32_t i = 0; i < head->fields_count; i++) {
        const struct http_field *field = &head->fields[i];
        struct text name = {http_head_text(head, field->name), field->name.len};
        if (name.len == 0 || is_connection_field(name) || is_framing_field(name))
            continue;
        put(out, name, (struct text){http_head_text(head, field->value), field->value.len});
    }
}

void h2_head_put(struct h2_head_out *out, const struct http_head *head)
{
    out->count = 0;
    if (head->is_response) {
        (void)snprintf(out->status, sizeof(out->status), "%03u", (unsigned)head->status);
        put_text(out, ":status", out->status);
    } else {
        put_pseudo(out, head, ":method", head->method_text);
        put_pseudo(out, head, ":scheme", head->scheme);
        if (head->authority.len > 0)
            put_pseudo(out, head, ":authority", head->authority);
        put_pseudo(out, head, ":path", head->path);
        if (head->has_expect)
            put_text(out, "expect", "100-continue");
    }
    /* RFC 9110 8.6: not in 1xx nor 204. */
    if (head->has_length && !http_head_is_interim(head) && head->status != 204) {
        (void)snprintf(out->length, sizeof(out->length), "%llu",
                       (unsigned long long)head->length_bytes);
        put_text(out, "content-length", out->length);
    }
    put_fields(out, head);
}

void h2_head_put_trailers(struct h2_head_out *out, const struct http_head *trailers)
{
    out->count = 0;
    put_fields(out, trailers);
}
