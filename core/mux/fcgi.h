/*
 * core/mux/fcgi.h - for fcgi*.c: a connection to a FastCGI application, and the requests over it.
 *
 *     fcgi.c         life, turns, attach and detach
 *     fcgi_send.c    requests to records: BEGIN_REQUEST, PARAMS, STDIN, ABORT_REQUEST
 *     fcgi_recv.c    records to responses: STDOUT, STDERR, END_REQUEST
 *
 * The first request over a connection brings the question along how many it can carry at once
 * (GET_VALUES). Until an answer says otherwise it is one: php-fpm can do no more.
 *
 * FastCGI has no flow control. When a response's reader has no room nothing more is read, so with
 * several requests over a connection one slow client stops the others, until the exchange that it
 * belongs to runs into its time-out and detaches: from then on what comes for it is dropped.
 *
 * A request whose body has no known length: CGI scripts are told by CONTENT_LENGTH how much to read
 * (RFC 3875 4.1.2), and without one php-fpm shows them an empty body: silently wrong. So the head
 * waits until the body is whole, as long as it fits into the channel; a longer one is answered with
 * 411 (RFC 9110 15.5.12).
 *
 * Other answers of our own: 404 for a path that names no script (core/http/cgi.h).
 *
 * A request that is given up: over a connection that carries several it is aborted (ABORT_REQUEST)
 * and its END_REQUEST awaited as long as a server may be silent; else the connection is closed,
 * which is quicker: php-fpm looks at neither before the script writes.
 *
 * Owner: the mux's worker, but while it lies idle (core/mux/mux.h).
 */
#ifndef CORE_MUX_FCGI_H
#define CORE_MUX_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/http/cgi.h"
#include "core/http/fcgi.h"
#include "core/mux/mux.h"

/* What time is bounded. */
enum fcgi_wait {
    FCGI_WAIT_NOTHING,
    FCGI_WAIT_CONNECT,
    FCGI_WAIT_SEND,
    FCGI_WAIT_END, /* of requests that were given up */
};

/* How far a request has been written. */
enum fcgi_sending {
    FCGI_SEND_HEAD, /* waits for its head, or its length */
    FCGI_SEND_BEGIN,
    FCGI_SEND_PARAMS,
    FCGI_SEND_STDIN,
    FCGI_SEND_DONE,    /* up to the end of STDIN */
    FCGI_SEND_STOPPED, /* as far as it goes: it is over, aborted, or cannot be written */
};

enum { FCGI_SMALL_BYTES = 128 };

struct fcgi {
    struct mux mux;
    struct cgi_options options;
    struct list streams;    /* struct fcgi_stream; the first is the next to send */
    unsigned streams_count; /* of them */
    unsigned live_count;    /* those with a stream */
    uint32_t streams_max;   /* that the application lets us have */
    uint32_t requests_count;
    bool is_made;    /* the connection */
    bool is_asked;   /* GET_VALUES was written */
    bool is_closing; /* no request is to come */
    bool is_reset;   /* the application must not take what it got for whole */
    bool is_stopped; /* reading: somebody's channel has no room */
    bool wants_out;  /* storage, in this turn */
    bool has_progress;
    enum fcgi_wait wait;

    struct buf in; /* BUFFER_DOWN_IN */
    struct buffer_wait in_wait;
    struct fcgi_reader reader;
    struct fcgi_stream *target; /* of the record under way; NULL: skipped, or of the connection */
    uint8_t small[FCGI_SMALL_BYTES]; /* a record that must be seen whole */
    uint16_t small_len;

    struct buf out; /* BUFFER_UP_OUT: whole records, or the rest of one */
    struct buffer_wait out_wait;
    uint64_t put_bytes; /* into it, ever */
    uint64_t sent_bytes;

    uint64_t stderr_bytes; /* dropped */
};

/* A request; in env->streams. */
struct fcgi_stream {
    struct list link;
    struct fcgi *fcgi;
    struct stream *stream; /* NULL: given up, END_REQUEST is awaited */
    uint16_t id;
    enum fcgi_sending sending;
    bool is_reused;     /* not the connection's first */
    bool is_idempotent; /* it may be sent again */
    bool is_begun;      /* BEGIN_REQUEST was written */
    bool is_over;       /* END_REQUEST was read; or answered by ourselves */
    bool has_answer;    /* something was read of it */
    bool is_to_head;
    bool has_head;    /* of the response */
    bool has_no_body; /* the rest of the response is dropped */
    bool is_abort_wanted;
    struct http_head *head; /* the request's, until all parameters are written */
    struct cgi_request request;
    uint64_t stdin_left;   /* of what CONTENT_LENGTH says */
    uint64_t end_at;       /* put_bytes behind its last record */
    struct http_head *raw; /* its text is storage for the response's head, until that is whole */
    struct cgi_text text;
    bool has_length;
    uint64_t stdout_left; /* has_length: of what Content-Length says */
};

/* Writes what there is room for and sends it; true when something moved. */
bool fcgi_send_pump(struct fcgi *fcgi);
bool fcgi_send_is_stuck(const struct fcgi *fcgi);

/* Nothing more can be written. */
void fcgi_send_stop(struct fcgi *fcgi);
void fcgi_stream_stop_sending(struct fcgi_stream *s);

/* Reads and understands; true when something moved. NONE, or what is wrong with the connection. */
bool fcgi_recv_pump(struct fcgi *fcgi, enum stream_error *error);

/* The request has failed by itself; the connection may go on. `s` may be freed. */
void fcgi_stream_fail(struct fcgi_stream *s, enum stream_error error);

/* Whether others may attach has changed. */
void fcgi_offer(struct fcgi *fcgi);

#endif
