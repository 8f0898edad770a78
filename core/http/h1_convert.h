/*
 * core/http/h1_convert.h - from HTTP/1 text to heads that no protocol owns.
 *
 * Drops what belongs to one hop (RFC 9110 7.6.1) and the framing; what they said is in the fields
 * of struct http_head. h1_put.h writes the way back.
 *
 * Pure.  Owner: the caller.  Threads: any, one at a time for each object.
 */
#ifndef CORE_HTTP_H1_CONVERT_H
#define CORE_HTTP_H1_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/http/h1.h"
#include "core/http/head.h"

/* `head` was parsed (H1_DONE) from `text`; `to` is initialized and empty. `scheme` is that of the
 * connection. H1_HEAD_TOO_LONG or H1_TOO_MANY_HEADERS when it does not fit. */
MUST_CHECK enum h1_error h1_convert_head(struct http_head *to, const struct h1_head *head,
                                         const char *text, const char *scheme);

/* `text` is a trailer section that h1_body has checked, with its last empty line. Fields that have
 * no place there (RFC 9110 6.5.1) are dropped. As above. */
MUST_CHECK enum h1_error h1_convert_trailers(struct http_head *to, const char *text, size_t len);

#endif
