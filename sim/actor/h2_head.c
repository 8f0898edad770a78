/*
 * sim/actor/h2_head.c - the heads that an H2 end receives, and whether they may be so; see
 * h2_end.h.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sim/actor/h2_end.h"

enum { VALUE_BYTES_MAX = 256 };

/* One header block, while its fields come. */
struct head {
    struct h2_end *h2;
    struct h2_stream *stream; /* NULL: nobody wants it */
    bool has_regular;         /* pseudo-fields stand before all others */
    bool is_trailers;
    bool has_method;
    bool has_path;
    bool has_scheme;
    bool has_authority;
    uint32_t status;
};

static bool is_name(const char *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(name, wanted, len) == 0;
}

static void copy(char *out, size_t size, const char *value, size_t len)
{
    if (len > size - 1)
        len = size - 1;
    memcpy(out, value, len);
    out[len] = '\0';
}

static void take_status(struct head *head, const char *value, size_t len)
{
    if (len != 3 || !isdigit((unsigned char)value[0]) || !isdigit((unsigned char)value[1]) ||
        !isdigit((unsigned char)value[2]) || head->status != 0) {
        h2_end_fail(head->h2, "a bad or second :status");
        return;
    }
    head->status = (uint32_t)((value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0'));
}

/* Section 8.3. */
static void take_pseudo(struct head *head, const char *name, size_t name_len, const char *value,
                        size_t len)
{
    struct h2_stream *stream = head->stream;
    bool *was_seen = NULL;

    if (head->is_trailers || head->has_regular) {
        h2_end_fail(head->h2, "a pseudo-field in the wrong place");
        return;
    }
    if (!head->h2->is_server) {
        if (is_name(name, name_len, ":status"))
            take_status(head, value, len);
        else
            h2_end_fail(head->h2, "an unknown pseudo-field");
        return;
    }
    if (is_name(name, name_len, ":method")) {
        was_seen = &head->has_method;
        copy(stream->method, sizeof(stream->method), value, len);
    } else if (is_name(name, name_len, ":path")) {
        was_seen = &head->has_path;
        copy(stream->target, sizeof(stream->target), value, len);
    } else if (is_name(name, name_len, ":scheme")) {
        was_seen = &head->has_scheme;
    } else if (is_name(name, name_len, ":authority")) {
        was_seen = &head->has_authority;
    }
    if (was_seen == NULL || *was_seen)
        h2_end_fail(head->h2, "an unknown or repeated pseudo-field");
    else
        *was_seen = true;
}

static void take_length(struct head *head, const char *value)
{
    char *end;
    unsigned long long length = strtoull(value, &end, 10);

    if (!isdigit((unsigned char)value[0]) || *end != '\0' || head->stream->has_length) {
        h2_end_fail(head->h2, "a bad or second content-length");
        return;
    }
    head->stream->has_length = true;
    head->stream->length_bytes = length;
}

/* Section 8.2: lower case, and nothing that could be taken for the end of a line. */
static bool is_field_valid(const char *name, size_t name_len, const char *value, size_t len)
{
    for (size_t i = 0; i < name_len; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte <= ' ' || byte >= 0x7f || isupper(byte) || (byte == ':' && i > 0))
            return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (value[i] == '\r' || value[i] == '\n' || value[i] == '\0')
            return false;
    }
    return name_len != 0;
}

/* Section 8.2.2: those that are about one connection of HTTP/1. */
static bool is_of_connection(const char *name, size_t name_len, const char *value)
{
    static const char *const names[] = {"connection", "proxy-connection", "keep-alive",
                                        "transfer-encoding", "upgrade"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_name(name, name_len, names[i]))
            return true;
    }
    return is_name(name, name_len, "te") && strcmp(value, "trailers") != 0;
}

static void take_field(void *context, const char *name, size_t name_len, const char *value,
                       size_t value_len)
{
    struct head *head = context;
    char text[VALUE_BYTES_MAX];

    if (head->stream == NULL)
        return;
    if (!is_field_valid(name, name_len, value, value_len)) {
        h2_end_fail(head->h2, "a field that is none");
        return;
    }
    if (name[0] == ':') {
        take_pseudo(head, name, name_len, value, value_len);
        return;
    }
    head->has_regular = true;
    copy(text, sizeof(text), value, value_len);
    if (is_of_connection(name, name_len, text))
        h2_end_fail(head->h2, "a field of one connection: %.*s", (int)name_len, name);
    else if (!head->is_trailers && is_name(name, name_len, "content-length"))
        take_length(head, text);
    else if (!head->is_trailers && is_name(name, name_len, "x-body") &&
             !body_check_begin(&head->stream->body, text))
        h2_end_fail(head->h2, "a bad x-body");
}

/* All fields are there: is it a head? */
static void end_head(struct head *head, bool is_end)
{
    struct h2_stream *stream = head->stream;

    if (head->is_trailers) {
        if (!is_end)
            h2_end_fail(head->h2, "trailers without an end");
        return;
    }
    if (head->h2->is_server) {
        if (!head->has_method || !head->has_path || !head->has_scheme)
            h2_end_fail(head->h2, "a request without :method, :path or :scheme");
        stream->has_head = true;
        return;
    }
    if (head->status == 0)
        h2_end_fail(head->h2, "a response without :status");
    if (head->status < 200) {
        if (is_end)
            h2_end_fail(head->h2, "an interim response that ends the stream");
        stream->interim = head->status;
        stream->has_length = false;
        return;
    }
    stream->status = head->status;
    stream->has_head = true;
}

void h2_end_take_block(struct h2_end *h2, struct h2_stream *stream, bool is_end)
{
    struct head head = {.h2 = h2, .stream = stream};

    head.is_trailers = stream != NULL && stream->has_head;
    if (!hpack_inflate(&h2->hpack, h2->block, h2->block_len, take_field, &head)) {
        h2_end_fail(h2, "a header block that is none");
        return;
    }
    if (stream == NULL)
        return;
    end_head(&head, is_end);
    if (is_end)
        h2_end_take_end(h2, stream);
}
