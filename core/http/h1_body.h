/*
 * core/http/h1_body.h - where an HTTP/1.1 body ends, and which of its bytes are payload.
 *
 * Pure and total, like h1.h. The bytes are not stored: the caller relays them as they are, or only
 * the payload where the receiver cannot read chunks.
 *
 * Owner: the caller.  Threads: any, one at a time for each object.
 */
#ifndef CORE_HTTP_H1_BODY_H
#define CORE_HTTP_H1_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http/h1.h"

enum {
    H1_CHUNK_DIGITS_MAX = 15,     /* 60 bits: no sum of lengths overflows */
    H1_CHUNK_EXT_BYTES_MAX = 256, /* a limit is required: RFC 9112 7.1.1 */
    H1_TRAILER_BYTES_MAX = 8192,
};

#define H1_BODY_STATES(X)                                                                          \
    X(H1_BODY_DONE)                                                                                \
    X(H1_BODY_DATA)                                                                                \
    X(H1_BODY_UNTIL_CLOSE)                                                                         \
    X(H1_BODY_SIZE_FIRST)                                                                          \
    X(H1_BODY_SIZE)                                                                                \
    X(H1_BODY_EXT)                                                                                 \
    X(H1_BODY_SIZE_LF)                                                                             \
    X(H1_BODY_CHUNK)                                                                               \
    X(H1_BODY_CHUNK_CR)                                                                            \
    X(H1_BODY_CHUNK_LF)                                                                            \
    X(H1_BODY_TRAILER_START)                                                                       \
    X(H1_BODY_TRAILER_NAME)                                                                        \
    X(H1_BODY_TRAILER_VALUE)                                                                       \
    X(H1_BODY_TRAILER_LF)                                                                          \
    X(H1_BODY_END_LF)

enum h1_body_state {
#define H1_BODY_ENUM(name) name,
    H1_BODY_STATES(H1_BODY_ENUM)
#undef H1_BODY_ENUM
};

const char *h1_body_state_name(enum h1_body_state state);

struct h1_body {
    enum h1_body_state state;
    enum h1_error error;
    uint64_t left_bytes;    /* of the length, or of the chunk */
    uint64_t payload_bytes; /* seen so far */
    uint32_t count;         /* digits, extension bytes or trailer bytes so far */
};

/* The body that follows a complete head. */
void h1_body_init(struct h1_body *body, const struct h1_head *head);

/*
 * How many of the next `len` (> 0) bytes to take in one go, all of them payload or all of them
 * framing (`*is_payload`), but never across the beginning of a trailer section. 0 when the body is
 * done or broken (body->error): look at the state.
 */
size_t h1_body_step(struct h1_body *body, const char *data, size_t len, bool *is_payload);

/* The sender closed. H1_OK if that ends the body, else H1_TRUNCATED. */
enum h1_error h1_body_close(struct h1_body *body);

static inline bool h1_body_is_done(const struct h1_body *body)
{
    return body->state == H1_BODY_DONE;
}

/* The next byte belongs to the trailer section or its last empty line. */
static inline bool h1_body_is_in_trailers(const struct h1_body *body)
{
    return body->state >= H1_BODY_TRAILER_START;
}

/* The next byte is payload; `left_bytes` of them in one piece, or any number until the end. */
static inline bool h1_body_is_in_payload(const struct h1_body *body)
{
    return body->state == H1_BODY_DATA || body->state == H1_BODY_CHUNK ||
           body->state == H1_BODY_UNTIL_CLOSE;
}

#endif
