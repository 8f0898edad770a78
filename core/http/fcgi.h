/*
 * core/http/fcgi.h - FastCGI records and name-value pairs, both directions (specification 1.0).
 *
 * Pure: no I/O, no allocation, no clock. Every function is total: any bytes give a result, and how
 * they were cut never changes it. Section numbers are of the FastCGI specification.
 *
 * Owner: the caller.  Threads: any, one at a time for each object.
 */
#ifndef CORE_HTTP_FCGI_H
#define CORE_HTTP_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"

/* 8: X(name, value). */
#define FCGI_TYPES(X)                                                                              \
    X(BEGIN_REQUEST, 1)                                                                            \
    X(ABORT_REQUEST, 2)                                                                            \
    X(END_REQUEST, 3)                                                                              \
    X(PARAMS, 4)                                                                                   \
    X(STDIN, 5)                                                                                    \
    X(STDOUT, 6)                                                                                   \
    X(STDERR, 7)                                                                                   \
    X(DATA, 8)                                                                                     \
    X(GET_VALUES, 9)                                                                               \
    X(GET_VALUES_RESULT, 10)                                                                       \
    X(UNKNOWN_TYPE, 11)

enum fcgi_type {
#define FCGI_TYPE_ENUM(name, value) FCGI_##name = (value),
    FCGI_TYPES(FCGI_TYPE_ENUM)
#undef FCGI_TYPE_ENUM
};

/* "STDOUT", or "?". */
const char *fcgi_type_name(unsigned type);

/* protocolStatus of END_REQUEST (5.5): X(name), from 0. */
#define FCGI_STATUSES(X) X(REQUEST_COMPLETE) X(CANT_MPX_CONN) X(OVERLOADED) X(UNKNOWN_ROLE)

enum fcgi_status {
#define FCGI_STATUS_ENUM(name) FCGI_##name,
    FCGI_STATUSES(FCGI_STATUS_ENUM)
#undef FCGI_STATUS_ENUM
};

const char *fcgi_status_name(unsigned status);

enum {
    FCGI_VERSION = 1,
    FCGI_RESPONDER = 1, /* role */
    FCGI_KEEP_CONN = 1, /* flag of BEGIN_REQUEST */
    FCGI_HEAD_BYTES = 8,
    FCGI_BODY_BYTES = 8, /* of BEGIN_REQUEST, END_REQUEST, UNKNOWN_TYPE */
    FCGI_CONTENT_BYTES_MAX = 65535,
};

/* What a record's first eight bytes say (3.3). */
struct fcgi_record {
    uint8_t type; /* enum fcgi_type, or any other: to be skipped */
    uint8_t padding_len;
    uint16_t id; /* 0: of the connection, not of a request */
    uint16_t content_len;
};

/*
 * Writing
 */

/* Text written to caller's memory. Too much sets `is_overflow` and writes nothing more. */
struct fcgi_out {
    uint8_t *data;
    size_t size;
    size_t len;
    bool is_overflow;
};

void fcgi_put(struct fcgi_out *out, const void *data, size_t len);
void fcgi_put_head(struct fcgi_out *out, const struct fcgi_record *record);

/* Whole records. */
void fcgi_put_begin(struct fcgi_out *out, uint16_t id, unsigned role, unsigned flags);
void fcgi_put_end(struct fcgi_out *out, uint16_t id, uint32_t app_status, enum fcgi_status status);
void fcgi_put_empty(struct fcgi_out *out, enum fcgi_type type, uint16_t id); /* ABORT; stream end */

/* The lengths before a pair (3.4). */
void fcgi_put_lens(struct fcgi_out *out, size_t name_len, size_t value_len);
void fcgi_put_pair(struct fcgi_out *out, const char *name, const char *value, size_t value_len);

/*
 * Reading
 */

enum fcgi_event {
    FCGI_MORE,    /* nothing can be said without more bytes */
    FCGI_HEAD,    /* reader->record is a new record */
    FCGI_CONTENT, /* the bytes are content of it; as many as were used: fcgi_read_content() */
    FCGI_END,     /* the record is over, with its padding */
    FCGI_BAD,     /* not version 1: nothing that follows can be understood */
};

/* All zero: before a record. */
struct fcgi_reader {
    struct fcgi_record record;
    /* private */
    uint8_t head[FCGI_HEAD_BYTES];
    uint8_t head_len;
    uint8_t padding_left;
    uint16_t content_left;
    bool has_record;
};

/*
 * The next event in the `len` bytes at `data`. `*used` bytes belong to it and are to be dropped; of
 * FCGI_CONTENT they are offered: as many as the caller takes he drops, and says so by
 * fcgi_read_content().
 */
enum fcgi_event fcgi_read(struct fcgi_reader *reader, const uint8_t *data, size_t len,
                          size_t *used);
void fcgi_read_content(struct fcgi_reader *reader, size_t len);

/* Between two records. */
bool fcgi_reader_is_clean(const struct fcgi_reader *reader);

/* Of FCGI_BODY_BYTES. */
enum fcgi_status fcgi_end_status(const uint8_t *body, uint32_t *app_status);

struct fcgi_pair {
    const uint8_t *name;
    const uint8_t *value;
    uint32_t name_len;
    uint32_t value_len;
};

/* The first pair of `len` bytes: how many it takes, 0 when it is not whole (then what is there is
 * no pair, if nothing follows). */
size_t fcgi_get_pair(struct fcgi_pair *pair, const uint8_t *data, size_t len);

/* What an application says of itself (4.1). */
struct fcgi_values {
    bool is_multiplexing;  /* FCGI_MPXS_CONNS */
    uint32_t requests_max; /* FCGI_MAX_REQS; 0: not said */
    uint32_t conns_max;    /* FCGI_MAX_CONNS; likewise */
};

/* The question as a record, and the answer's content. What is malformed counts as not said. */
void fcgi_put_get_values(struct fcgi_out *out);
void fcgi_put_values(struct fcgi_out *out, const struct fcgi_values *values);
void fcgi_get_values(struct fcgi_values *values, const uint8_t *data, size_t len);

#endif
