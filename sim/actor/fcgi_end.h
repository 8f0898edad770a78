/*
 * sim/actor/fcgi_end.h - the application's end of a FastCGI connection (specification 1.0).
 *
 * On purpose not core's code, and strict: a web server that breaks the rules of records, ids or
 * parameters is a finding. Answers are CGI's: a head with Status, the body, in records of sizes
 * that nobody would choose, with padding, those of several requests in turn when it multiplexes.
 *
 * The owner calls fcgi_end_receive() and fcgi_end_flush() whenever its peer changed, and looks at
 * the requests. Section numbers are of the specification.
 *
 * Owner: an actor; lives in the run's arena.  Threads: none; on the actor's lane.
 */
#ifndef SIM_ACTOR_FCGI_END_H
#define SIM_ACTOR_FCGI_END_H

#include "sim/actor/body.h"
#include "sim/actor/http.h"
#include "sim/actor/message.h"
#include "sim/actor/peer.h"

enum fcgi_record_type {
    FCGI_END_BEGIN = 1,
    FCGI_END_ABORT,
    FCGI_END_END,
    FCGI_END_PARAMS,
    FCGI_END_STDIN,
    FCGI_END_STDOUT,
    FCGI_END_STDERR,
    FCGI_END_DATA,
    FCGI_END_GET_VALUES,
    FCGI_END_VALUES,
    FCGI_END_UNKNOWN,
};

enum { FCGI_END_HEAD_BYTES = 8, FCGI_END_PARAMS_MAX = 1 << 16 };

struct fcgi_request {
    struct fcgi_request *next;
    uint16_t id;
    bool is_kept; /* FCGI_KEEP_CONN */
    bool has_params;
    bool has_stdin;  /* all of it: the request is whole */
    bool is_aborted; /* by the web server */
    bool is_over;    /* END_REQUEST is sent, or nothing more will be */
    char method[HTTP_METHOD_BYTES];
    char target[HTTP_TARGET_BYTES];
    bool has_length;
    uint64_t length_bytes;
    struct body_check body;

    /* The answer that goes. */
    bool is_answered; /* its head is sent */
    uint32_t body_key;
    uint64_t body_at;
    uint64_t body_left;
    bool is_end_wanted; /* END_REQUEST behind it */

    /* Its owner's. */
    bool is_taken;
    bool is_answering;
    struct timer timer;
    void *context;

    /* private */
    uint8_t *params;
    size_t params_len;
    size_t params_capacity;
};

struct fcgi_end {
    struct peer *peer;
    const char *who;
    bool is_multiplexed;
    bool is_wild;                  /* a script has said what it liked */
    struct fcgi_request *requests; /* all of them, oldest first */
    struct fcgi_request *request_tail;
    struct fcgi_request *turn; /* that sent last */
    uint32_t records;          /* of answers, so far: their sizes and padding follow from it */
};

void fcgi_end_init(struct fcgi_end *fcgi, struct peer *peer, const char *who, bool is_multiplexed);

/* Takes in what records are there. */
void fcgi_end_receive(struct fcgi_end *fcgi);

/* Sends what the peer has room for. */
void fcgi_end_flush(struct fcgi_end *fcgi);

/* Left `is_open` it has no END_REQUEST yet; `body_bytes_max` cuts its body off there. */
void fcgi_end_respond(struct fcgi_end *fcgi, struct fcgi_request *request,
                      const struct message *message, bool is_open, uint64_t body_bytes_max);

void fcgi_end_stderr(struct fcgi_end *fcgi, const struct fcgi_request *request, const void *bytes,
                     size_t len_bytes);

/* Any record, with `padding` (at most 255) behind it. */
void fcgi_end_record(struct fcgi_end *fcgi, uint8_t type, uint16_t id, const void *bytes,
                     size_t len_bytes, uint8_t padding);

#endif
