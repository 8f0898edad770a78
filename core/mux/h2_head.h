/*
 * core/mux/h2_head.h - a message's head and the fields of HTTP/2 that carry it.
 *
 * Pure. Fields come one by one from the decoder, which has checked what RFC 9113 8.2 and 8.3 ask of
 * each and of their order; here is what concerns the message as a whole.
 *
 * Threads: any.
 */
#ifndef CORE_MUX_H2_HEAD_H
#define CORE_MUX_H2_HEAD_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/http/head.h"

/* Fields, pseudo ones, content-length and expect. */
enum { H2_HEAD_PAIRS_MAX = HTTP_FIELDS_MAX + 6, H2_HEAD_DIGITS = 24 };

enum h2_head_result {
    H2_HEAD_OK,
    H2_HEAD_TOO_LONG,
    H2_HEAD_BAD, /* malformed: RFC 9113 8.1.1 */
};

MUST_CHECK enum h2_head_result h2_head_add(struct http_head *head, const char *name,
                                           size_t name_len, const char *value, size_t value_len);

/* A field of a trailer section: what would frame or route a message is left out. */
MUST_CHECK enum h2_head_result h2_head_add_trailer(struct http_head *head, const char *name,
                                                   size_t name_len, const char *value,
                                                   size_t value_len);

/* The request is complete: 0, or the status of the answer. */
MUST_CHECK unsigned h2_head_check_request(const struct http_head *head);

/* What to send. The pairs point into the head and into `out`. */
struct h2_head_out {
    nghttp2_nv pairs[H2_HEAD_PAIRS_MAX];
    size_t count;
    char status[H2_HEAD_DIGITS];
    char length[H2_HEAD_DIGITS];
};

void h2_head_put(struct h2_head_out *out, const struct http_head *head);
void h2_head_put_trailers(struct h2_head_out *out, const struct http_head *trailers);

#endif
