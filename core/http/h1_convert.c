#include "core/http/h1_convert.h"

#include <string.h>

/* --- heads --- */

/* RFC 9110 7.6.1: what belongs to one hop, and what Connection names. Upgrade goes with it: who
 * does not pass it on ignores it (RFC 9110 7.8). */
static bool is_end_to_end(const struct h1_head *head, const char *text, const struct h1_header *h,
                          bool has_options)
{
    switch (h->field) {
    case H1_FIELD_CONNECTION:
    case H1_FIELD_CONTENT_LENGTH:
    case H1_FIELD_HOST:
    case H1_FIELD_KEEP_ALIVE:
    case H1_FIELD_PROXY_CONNECTION:
    case H1_FIELD_TE:
    case H1_FIELD_TRANSFER_ENCODING:
    case H1_FIELD_UPGRADE:
        return false;
    case H1_FIELD_EXPECT:
        /* RFC 9110 10.1.1: 100-continue is said anew by who needs it. */
        return !head->has_expect && head->minor >= 1;
    case H1_FIELD_OTHER:
        break;
    }
    return !has_options || !h1_has_connection_option(head, text, text + h->name.at, h->name.len);
}

static enum h1_error add_fields(struct http_head *to, const struct h1_head *head, const char *text)
{
    bool has_options = false;

    for (uint32_t i = 0; i < head->headers_count; i++)
        has_options |= head->headers[i].field == H1_FIELD_CONNECTION;
    for (uint32_t i = 0; i < head->headers_count; i++) {
        const struct h1_header *h = &head->headers[i];
        if (!is_end_to_end(head, text, h, has_options))
            continue;
        if (!http_head_add(to, text + h->name.at, h->name.len, text + h->value.at, h->value.len))
            return H1_HEAD_TOO_LONG;
    }
    return H1_OK;
}

/* RFC 9112 3.2.1, 3.2.4: an empty path is "/", or "*" for OPTIONS. */
static bool set_path(struct http_head *to, const struct h1_head *head, const char *text)
{
    const char *path = text + head->path.at;
    size_t len = head->path.len;

    if (len == 0)
        return http_head_set(to, &to->path, head->method == H1_METHOD_OPTIONS ? "*" : "/", 1);
    if (path[0] != '?')
        return http_head_set(to, &to->path, path, len);
    struct http_slice query;
    if (!http_head_set(to, &to->path, "/", 1) || !http_head_set(to, &query, path, len))
        return false;
    to->path.len += query.len; /* it lies right behind */
    return true;
}

static bool set_request_line(struct http_head *to, const struct h1_head *head, const char *text,
                             const char *scheme)
{
    /* RFC 9112 3.2.2: that of an absolute target goes first. */
    struct h1_slice authority = head->authority.len > 0 ? head->authority : head->host;

    return http_head_set_method(to, text + head->method_text.at, head->method_text.len) &&
           http_head_set(to, &to->scheme, scheme, strlen(scheme)) &&
           http_head_set(to, &to->authority, text + authority.at, authority.len) &&
           set_path(to, head, text);
}

enum h1_error h1_convert_head(struct http_head *to, const struct h1_head *head, const char *text,
                              const char *scheme)
{
    to->is_end = head->framing == H1_FRAMING_NONE;
    to->has_length = head->has_length;
    to->length_bytes = head->length_bytes;
    if (head->is_response) {
        to->status = head->status;
    } else {
        to->has_expect = head->has_expect;
        to->minor = head->minor >= 1 ? 1 : 0;
        if (!set_request_line(to, head, text, scheme))
            return H1_HEAD_TOO_LONG;
    }
    return add_fields(to, head, text);
}

/* --- trailers --- */

/* RFC 9110 6.5.1: framing, routing and what must be known before the content. */
static bool is_allowed_in_trailers(const char *name, size_t len)
{
    static const char *const refused[] = {
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "max-forwards",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    };

    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (h1_is_same_word(name, len, refused[i], strlen(refused[i])))
            return false;
    }
    return true;
}

static enum h1_error add_trailer(struct http_head *to, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);

    if (colon == NULL)
        return H1_BAD_TRAILER;
    size_t name_len = (size_t)(colon - line);
    size_t begin = name_len + 1;
    while (begin < len && (line[begin] == ' ' || line[begin] == '\t'))
        begin++;
    while (len > begin && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    if (!is_allowed_in_trailers(line, name_len))
        return H1_OK;
    return http_head_add(to, line, name_len, line + begin, len - begin) ? H1_OK
                                                                        : H1_TRAILER_TOO_LONG;
}

enum h1_error h1_convert_trailers(struct http_head *to, const char *text, size_t len)
{
    size_t at = 0;

    while (at < len) {
        const char *lf = memchr(text + at, '\n', len - at);
        if (lf == NULL || lf == text + at)
            return H1_BAD_TRAILER;
        size_t end = (size_t)(lf - text) - 1; /* h1_body has seen the CR */
        if (end > at) {
            enum h1_error error = add_trailer(to, text + at, end - at);
            if (error != H1_OK)
                return error;
        }
        at = end + 2;
    }
    return H1_OK;
}
