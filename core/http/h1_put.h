/*
 * core/http/h1_put.h - writes HTTP/1.1 heads, trailers, and error answers of our own.
 *
 * Pure: writes to the caller's memory and says when that was too small.
 *
 * Owner: the caller.  Threads: any, one at a time for each object.
 */
#ifndef CORE_HTTP_H1_PUT_H
#define CORE_HTTP_H1_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http/h1.h"
#include "core/http/head.h"

/* Text written to caller's memory. Too much sets `is_overflow` and writes nothing more. */
struct h1_out {
    char *data;
    size_t size;
    size_t len;
    bool is_overflow;
};

void h1_put(struct h1_out *out, const char *text, size_t len);
void h1_put_text(struct h1_out *out, const char *text);
void h1_put_number(struct h1_out *out, uint64_t number);

/* How the body that follows a head is framed, and what is promised after it. */
struct h1_form {
    bool is_chunked;
    bool is_keepalive;
    uint8_t minor; /* of the client's HTTP/1; requests are always 1.1 */
};

/*
 * Writes a request, with Host, framing, Expect and Via (RFC 9110 7.6.3) made from the head. Fields
 * that frame or route are left out if somebody put them among the others.
 */
void h1_put_request_head(struct h1_out *out, const struct http_head *head,
                         const struct h1_form *form);

/* Likewise a response, interim or final. */
void h1_put_response_head(struct h1_out *out, const struct http_head *head,
                          const struct h1_form *form);

/* The last chunk and the trailer section (RFC 9112 7.1.2). */
void h1_put_trailers(struct h1_out *out, const struct http_head *trailers);

/* A whole response of our own, with a short text body unless `is_to_head`. */
void h1_put_error(struct h1_out *out, unsigned status, bool is_keepalive, bool is_to_head);

const char *h1_reason(unsigned status);

#endif
