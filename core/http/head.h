/*
 * core/http/head.h - the head of an HTTP message, whatever protocol carries it; also a trailer
 * section.
 *
 * What muxes and the proxy hand each other. Only what is end to end: the mux that reads drops
 * hop-by-hop fields and framing, the one that writes makes its own (RFC 9110 7.6.1). Host and
 * :authority are `authority`, never a field. Everything is text in one arena behind the struct;
 * slices are offsets into it. An object of a pool: http_head_size() bytes each.
 *
 * Pure: no I/O, no allocation, no clock.
 * Threads: its holder's.
 */
#ifndef CORE_HTTP_HEAD_H
#define CORE_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"

enum { HTTP_FIELDS_MAX = 96 };

/* A piece of head->text. */
struct http_slice {
    uint32_t at;
    uint32_t len;
};

struct http_field {
    struct http_slice name; /* in the case it came in; lower-case where the protocol wants it */
    struct http_slice value;
};

/* Methods that change framing or forwarding: among them all that are idempotent (RFC 9110 9.2.2).
 */
enum http_method {
    HTTP_METHOD_OTHER,
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_TRACE,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
};

struct http_head {
    bool is_response;
    bool is_end;     /* no body and no trailers follow */
    bool has_length; /* of the body, or of the one that a HEAD does not get */
    bool has_expect; /* request: Expect: 100-continue (it is not among the fields) */
    uint8_t minor;   /* request: of the client's HTTP/1; 1 for every other protocol */
    enum http_method method;
    uint16_t status; /* response */
    uint64_t length_bytes;
    struct http_slice method_text; /* request */
    struct http_slice scheme;      /* request: "http" or "https" */
    struct http_slice authority;   /* request; may be empty (HTTP/1.0) */
    struct http_slice path;        /* request: with its query; "*" for OPTIONS */
    struct http_slice client;      /* request: "10.0.0.1:80" or "[::1]:80"; empty: not known */
    uint32_t fields_count;
    struct http_field fields[HTTP_FIELDS_MAX];
    /* private */
    uint32_t text_len;
    uint32_t text_size;
    char text[];
};

/* Bytes of an object whose text may have `text_size`. */
size_t http_head_size(uint32_t text_size);

/* Empty. `is_response` false is a request; a trailer section is either. */
void http_head_init(struct http_head *head, uint32_t text_size, bool is_response);

/* Makes `to`, whose text may be as long as that of `from`, equal to it. */
void http_head_copy(struct http_head *to, const struct http_head *from);

/* Copies text in. False, and nothing changes, when there is no room. */
MUST_CHECK bool http_head_set(struct http_head *head, struct http_slice *slice, const char *text,
                              size_t len);
MUST_CHECK bool http_head_set_method(struct http_head *head, const char *text, size_t len);
MUST_CHECK bool http_head_add(struct http_head *head, const char *name, size_t name_len,
                              const char *value, size_t value_len);

static inline const char *http_head_text(const struct http_head *head, struct http_slice slice)
{
    return head->text + slice.at;
}

/* The first field of that name (case does not matter), or NULL. */
const struct http_field *http_head_find(const struct http_head *head, const char *name);

/* RFC 9110 9.2.2: a request that a server may have begun may be sent again. */
static inline bool http_head_is_idempotent(const struct http_head *head)
{
    return head->method != HTTP_METHOD_OTHER;
}

/* An interim response: another head follows (RFC 9110 15.2). */
static inline bool http_head_is_interim(const struct http_head *head)
{
    return head->is_response && head->status < 200;
}

#endif
