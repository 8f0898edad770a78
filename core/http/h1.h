/*
 * core/http/h1.h - HTTP/1.1 message heads, read strictly.
 *
 * Pure: no I/O, no allocation, no clock. Every function is total: any bytes give a result. The
 * parser is strict: what RFC 9112 lets a recipient repair and what different recipients repair
 * differently (that is how requests are smuggled) is refused, with the rule's section at the rule.
 *
 * A head is parsed in place, line by line, as bytes arrive: the caller keeps them contiguous from
 * the start of the message and calls h1_head_parse() again with more. How the bytes were cut never
 * changes the result. Slices are offsets from the start of the message, so the buffer may move.
 *
 * h1_body.h follows the body after a head; h1_put.h writes heads.
 *
 * Owner: the caller.  Threads: any, one at a time for each object.
 */
#ifndef CORE_HTTP_H1_H
#define CORE_HTTP_H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"

enum {
    H1_HEADERS_MAX = 64,
    H1_METHOD_BYTES_MAX = 32,
};

/* What can be wrong: enumerator, status that answers a request with it, text. */
#define H1_ERRORS(X)                                                                               \
    X(H1_OK, 200, "no error")                                                                      \
    X(H1_HEAD_TOO_LONG, 431, "message head is too long")                                           \
    X(H1_TARGET_TOO_LONG, 414, "request line is too long")                                         \
    X(H1_TOO_MANY_HEADERS, 431, "too many header fields")                                          \
    X(H1_BARE_CR, 400, "CR without LF")                                                            \
    X(H1_BARE_LF, 400, "LF without CR")                                                            \
    X(H1_BAD_METHOD, 400, "method is not a token")                                                 \
    X(H1_METHOD_TOO_LONG, 501, "method is longer than any known one")                              \
    X(H1_METHOD_CONNECT, 501, "CONNECT is not supported")                                          \
    X(H1_BAD_REQUEST_LINE, 400, "request line is not METHOD SP TARGET SP VERSION")                 \
    X(H1_BAD_TARGET, 400, "request target is malformed")                                           \
    X(H1_BAD_VERSION, 400, "HTTP version is malformed")                                            \
    X(H1_VERSION_UNSUPPORTED, 505, "HTTP major version is not 1")                                  \
    X(H1_BAD_STATUS_LINE, 502, "status line is malformed")                                         \
    X(H1_FOLDED_HEADER, 400, "header line starts with white space")                                \
    X(H1_NO_COLON, 400, "header line has no colon")                                                \
    X(H1_BAD_HEADER_NAME, 400, "header name is not a token")                                       \
    X(H1_SPACE_BEFORE_COLON, 400, "white space between header name and colon")                     \
    X(H1_BAD_HEADER_VALUE, 400, "control byte in header value")                                    \
    X(H1_BAD_LENGTH, 400, "Content-Length is not a number")                                        \
    X(H1_LENGTH_CONFLICT, 400, "Content-Length values differ")                                     \
    X(H1_LENGTH_AND_CODING, 400, "both Content-Length and Transfer-Encoding")                      \
    X(H1_CODING_UNSUPPORTED, 501, "transfer coding other than chunked")                            \
    X(H1_BAD_CODING, 400, "chunked is not the last transfer coding, once")                         \
    X(H1_CODING_IN_HTTP10, 400, "Transfer-Encoding in an HTTP/1.0 message")                        \
    X(H1_CODING_FORBIDDEN, 502, "Transfer-Encoding in a 1xx or 204 response")                      \
    X(H1_NO_HOST, 400, "HTTP/1.1 request without Host")                                            \
    X(H1_HOST_TWICE, 400, "more than one Host")                                                    \
    X(H1_BAD_HOST, 400, "Host is malformed")                                                       \
    X(H1_HOST_CONFLICT, 400, "Host differs from the request target")                               \
    X(H1_BAD_CHUNK_SIZE, 400, "chunk size is malformed")                                           \
    X(H1_CHUNK_TOO_BIG, 400, "chunk size is too big")                                              \
    X(H1_CHUNK_EXT_TOO_LONG, 400, "chunk extension is too long")                                   \
    X(H1_BAD_CHUNK_EXT, 400, "control byte in chunk extension")                                    \
    X(H1_BAD_CHUNK_END, 400, "chunk data is not followed by CRLF")                                 \
    X(H1_BAD_TRAILER, 400, "trailer field is malformed")                                           \
    X(H1_TRAILER_TOO_LONG, 431, "trailer section is too long")                                     \
    X(H1_TRUNCATED, 400, "connection closed inside a message")

enum h1_error {
#define H1_ERROR_ENUM(name, status, text) name,
    H1_ERRORS(H1_ERROR_ENUM)
#undef H1_ERROR_ENUM
        H1_ERROR_COUNT
};

/* "H1_BARE_CR", its text, and the status to answer a request with. */
const char *h1_error_name(enum h1_error error);
const char *h1_error_text(enum h1_error error);
unsigned h1_error_status(enum h1_error error);

/* Methods that change framing or forwarding; all others are H1_METHOD_OTHER. */
enum h1_method {
    H1_METHOD_OTHER,
    H1_METHOD_GET,
    H1_METHOD_HEAD,
    H1_METHOD_OPTIONS,
};

/* Header fields that the proxy acts upon. */
#define H1_FIELDS(X)                                                                               \
    X(H1_FIELD_CONNECTION, "connection")                                                           \
    X(H1_FIELD_CONTENT_LENGTH, "content-length")                                                   \
    X(H1_FIELD_EXPECT, "expect")                                                                   \
    X(H1_FIELD_HOST, "host")                                                                       \
    X(H1_FIELD_KEEP_ALIVE, "keep-alive")                                                           \
    X(H1_FIELD_PROXY_CONNECTION, "proxy-connection")                                               \
    X(H1_FIELD_TE, "te")                                                                           \
    X(H1_FIELD_TRANSFER_ENCODING, "transfer-encoding")                                             \
    X(H1_FIELD_UPGRADE, "upgrade")

enum h1_field {
    H1_FIELD_OTHER,
#define H1_FIELD_ENUM(name, text) name,
    H1_FIELDS(H1_FIELD_ENUM)
#undef H1_FIELD_ENUM
};

/* A piece of the message: offset from its first byte, and length. */
struct h1_slice {
    uint32_t at;
    uint32_t len;
};

struct h1_header {
    struct h1_slice name;
    struct h1_slice value; /* without surrounding white space */
    enum h1_field field;
};

/* How the end of a body is known (RFC 9112 6.3). */
enum h1_framing {
    H1_FRAMING_NONE,
    H1_FRAMING_LENGTH,
    H1_FRAMING_CHUNKED,
    H1_FRAMING_CLOSE,
};

enum h1_progress {
    H1_MORE, /* not complete: call again with more bytes */
    H1_DONE,
    H1_FAILED,
};

/* A head, and how far its parsing got. h1_head_init() before the first byte of each message. */
struct h1_head {
    /* private */
    uint32_t line_at;   /* start of the line being read */
    uint32_t scan_at;   /* no LF before this */
    bool has_startline; /* start line read */
    bool has_blank;     /* the one empty line before it was seen */

    /* What is wrong, once parsing failed. */
    enum h1_error error;

    bool is_response;
    bool is_to_head; /* response only: the request was HEAD (set by h1_head_init) */
    uint8_t minor;   /* HTTP/1.minor */
    enum h1_method method;
    struct h1_slice method_text;
    struct h1_slice target;
    struct h1_slice authority; /* of an absolute target; otherwise empty */
    struct h1_slice path;      /* path and query; empty for http://host */
    uint16_t status;
    struct h1_slice reason;

    uint32_t head_bytes; /* up to and with the empty line, once done */
    uint32_t headers_count;
    struct h1_header headers[H1_HEADERS_MAX];

    /* Derived at the end. */
    enum h1_framing framing;
    uint64_t length_bytes; /* the Content-Length, with H1_FRAMING_LENGTH or has_length */
    bool has_length;       /* a Content-Length was there, even if it frames nothing (HEAD) */
    bool has_chunked;      /* likewise */
    bool is_keepalive;     /* the sender lets the connection live after this message */
    bool has_expect;       /* Expect: 100-continue from an HTTP/1.1 client */
    bool has_host;
    struct h1_slice host;
};

void h1_head_init_request(struct h1_head *head);
void h1_head_init_response(struct h1_head *head, bool is_to_head);

/*
 * Parses the head at `text`, of which `len` bytes have arrived; at most `len_max` may be used by
 * the head. Same `text` prefix on each call. H1_FAILED leaves the reason in head->error.
 */
enum h1_progress h1_head_parse(struct h1_head *head, const char *text, size_t len, size_t len_max);

/* Nothing of a message (or only the empty line allowed before it) has arrived. */
bool h1_head_is_empty(const struct h1_head *head, size_t len);

bool h1_is_interim(const struct h1_head *head); /* a 1xx other than 101: another head follows */

/* Could it be a Host, of any protocol? No user, nothing that would end or divide it (RFC 9110 7.2).
 */
bool h1_is_authority(const char *text, size_t len);

/* Equal without regard to ASCII case. */
bool h1_is_same_word(const char *a, size_t a_len, const char *b, size_t b_len);

/* Is `option` listed in any Connection field of the head (RFC 9110 7.6.1)? */
bool h1_has_connection_option(const struct h1_head *head, const char *text, const char *option,
                              size_t option_len);

#endif
