/*
 * core/http/cgi.h - between messages and CGI (RFC 3875): a request as parameters, a response's head
 * as text.
 *
 * Pure: no I/O, no allocation, no clock. Total: any bytes give a result. What a script could be
 * tricked with is refused or left out: "/../" in a path, however it is encoded; a field named Proxy
 * (it would become HTTP_PROXY, which clients of HTTP in the script obey); fields whose names hold
 * anything but letters, digits and '-' ("X_A" and "X-A" would be one).
 *
 * Owner: the caller.  Threads: any, one at a time for each object.
 */
#ifndef CORE_HTTP_CGI_H
#define CORE_HTTP_CGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/http/fcgi.h"
#include "core/http/head.h"

/*
 * Requests
 */

struct cgi_options {
    const char *root;  /* DOCUMENT_ROOT, without a '/' at its end; may be "" */
    const char *index; /* the script of a path that ends with '/' */
};

/* A request on its way to be parameters. The head stays where it is until all are written. */
struct cgi_request {
    const struct http_head *head;
    const struct cgi_options *options;
    bool has_length;
    uint64_t length_bytes;
    /* private: offsets in the text of head->path */
    uint32_t script_len; /* SCRIPT_NAME, encoded; the index may follow */
    uint32_t path_len;   /* up to the query */
    bool has_index;
    uint32_t next; /* the parameter to be written next */
};

/* False: its path names nothing ("*", "/../", "%00", "%zz"). The length of the body is known (0:
 * there is none). */
MUST_CHECK bool cgi_request_init(struct cgi_request *request, const struct http_head *head,
                                 const struct cgi_options *options, bool has_length,
                                 uint64_t length_bytes);

/* Writes as many name-value pairs as there is room for, each whole; true when it was the last. */
MUST_CHECK bool cgi_request_put(struct cgi_request *request, struct fcgi_out *out);

/*
 * Responses
 */

#define CGI_ERRORS(X)                                                                              \
    X(OK, "no error")                                                                              \
    X(TOO_LONG, "the head is longer than there is room for")                                       \
    X(EMPTY, "the head has no field")                                                              \
    X(NPH, "a status line where a field should be")                                                \
    X(BAD_LINE, "a line is no field")                                                              \
    X(BAD_VALUE, "control byte in a value")                                                        \
    X(BAD_STATUS, "Status is not a final status, or is there twice")                               \
    X(BAD_LENGTH, "Content-Length is no number, or is there twice and differs")                    \
    X(CODING, "Transfer-Encoding: framing is not a script's")

enum cgi_error {
#define CGI_ERROR_ENUM(name, text) CGI_##name,
    CGI_ERRORS(CGI_ERROR_ENUM)
#undef CGI_ERROR_ENUM
};

const char *cgi_error_text(enum cgi_error error);

/* Collects the head of what a script writes, up to and with its empty line. */
struct cgi_text {
    char *data;
    uint32_t size;
    uint32_t len;
    bool has_line; /* private: there is something in the line under way */
};

enum cgi_progress { CGI_MORE, CGI_DONE, CGI_FULL };

/* `*used` bytes were taken; with CGI_DONE the rest is body. */
enum cgi_progress cgi_text_add(struct cgi_text *text, const uint8_t *data, size_t len,
                               size_t *used);

/* Parses what was collected. `to` is initialized and empty; `is_to_head`: the request was HEAD.
 * Lines end with LF or CR LF (RFC 3875 6). Location without Status is 302; one that begins with '/'
 * is for the client too (6.2.2 would have us ask for it anew). Fields of one hop are dropped. */
MUST_CHECK enum cgi_error cgi_parse(struct http_head *to, const struct cgi_text *text,
                                    bool is_to_head);

#endif
