/*
 * sim/actor/http.h - the actors' own reader of HTTP/1.1 messages.
 *
 * Deliberately not core's parser: what core emits is read here by different code, so that one
 * mistake cannot hide in both. It keeps what the scripts and oracles ask for and nothing else, and
 * it is strict: anything that RFC 9112 does not allow a well-behaved sender is an error.
 *
 * Owner: whoever holds the struct (arena); no allocation.  Threads: none.
 */
#ifndef SIM_ACTOR_HTTP_H
#define SIM_ACTOR_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_LINE_BYTES_MAX = 2048, HTTP_TARGET_BYTES = 256, HTTP_METHOD_BYTES = 16 };

enum http_state {
    HTTP_START_LINE,
    HTTP_FIELDS,
    HTTP_BODY_LENGTH,
    HTTP_BODY_CHUNK_SIZE,
    HTTP_BODY_CHUNK,
    HTTP_BODY_CHUNK_END,
    HTTP_TRAILERS,
    HTTP_BODY_TO_END, /* until the connection ends */
    HTTP_COMPLETE,
    HTTP_ERROR,
};

struct http_reader {
    enum http_state state;
    bool is_response;
    bool is_head_request; /* the response has no body whatever it says */
    const char *error;    /* static words, when HTTP_ERROR */

    /* Of the message: valid once the head is over. */
    char method[HTTP_METHOD_BYTES];
    char target[HTTP_TARGET_BYTES];
    uint32_t status;
    bool has_head; /* the empty line was seen */
    bool is_close;
    bool is_chunked;
    bool has_length;
    bool has_expect_continue;
    uint64_t length_bytes;
    bool has_body_key; /* x-body */
    uint32_t body_key;
    uint64_t body_bytes_expected;

    uint64_t body_bytes; /* received so far */
    bool is_body_wrong;  /* a byte differed from what x-body says */
    uint64_t body_wrong_at;

    /* private */
    uint64_t left_bytes;
    char line[HTTP_LINE_BYTES_MAX];
    size_t line_bytes;
};

/* For the next message of the connection. `method` is of the request that a response answers, NULL
 * for a reader of requests. */
void http_reader_begin(struct http_reader *reader, bool is_response, const char *method);

/* Takes bytes up to the end of the message; returns how many were taken. */
size_t http_reader_take(struct http_reader *reader, const uint8_t *bytes, size_t len_bytes);

/* The connection ended: completes a message whose body runs to the end, or is an error. */
void http_reader_end(struct http_reader *reader);

/* True for 1xx, which is followed by the real response. */
bool http_is_interim(const struct http_reader *reader);

#endif
