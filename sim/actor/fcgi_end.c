/*
 * sim/actor/fcgi_end.c - see fcgi_end.h.
 */
#include "sim/actor/fcgi_end.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSION = 1,
    ROLE_RESPONDER = 1,
    FLAG_KEEP_CONN = 1,
    BEGIN_BYTES = 8,
    END_BYTES = 8,
    HEAD_TEXT_BYTES = 2048,
    MESSAGE_BYTES = 160,
    VALUE_BYTES = 256,
};

struct record {
    uint8_t type;
    uint16_t id;
    uint16_t len;
    const uint8_t *payload; /* until something is sent */
};

__attribute__((format(printf, 2, 3))) static void fail(const struct fcgi_end *fcgi,
                                                       const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list args;

    if (fcgi->is_wild)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s got, in FastCGI, %s", fcgi->who, text);
}

void fcgi_end_init(struct fcgi_end *fcgi, struct peer *peer, const char *who, bool is_multiplexed)
{
    *fcgi = (struct fcgi_end){.peer = peer, .who = who, .is_multiplexed = is_multiplexed};
}

static void put_record(struct fcgi_end *fcgi, uint8_t type, uint16_t id, const void *bytes,
                       size_t len, uint8_t padding)
{
    uint8_t *record = arena_take(sched_arena(), FCGI_END_HEAD_BYTES + len + padding);

    if (fcgi->peer->is_shutdown || fcgi->peer->is_shutdown_wanted)
        return; /* said goodbye: what comes is read, and not answered */
    record[0] = VERSION;
    record[1] = type;
    record[2] = (uint8_t)(id >> 8);
    record[3] = (uint8_t)id;
    record[4] = (uint8_t)(len >> 8);
    record[5] = (uint8_t)len;
    record[6] = padding;
    if (len != 0)
        memcpy(record + FCGI_END_HEAD_BYTES, bytes, len);
    peer_send(fcgi->peer, record, FCGI_END_HEAD_BYTES + len + padding);
}

void fcgi_end_record(struct fcgi_end *fcgi, uint8_t type, uint16_t id, const void *bytes,
                     size_t len_bytes, uint8_t padding)
{
    fcgi->is_wild = true;
    put_record(fcgi, type, id, bytes, len_bytes, padding);
}

void fcgi_end_stderr(struct fcgi_end *fcgi, const struct fcgi_request *request, const void *bytes,
                     size_t len_bytes)
{
    put_record(fcgi, FCGI_END_STDERR, request->id, bytes, len_bytes, 0);
}

/* ---- parameters ---- */

/* Section 3.4: a length of one byte or four. False: it is cut off. */
static bool take_length(const uint8_t **at, const uint8_t *end, uint32_t *len)
{
    const uint8_t *bytes = *at;
    size_t left = (size_t)(end - bytes);

    if (left == 0 || ((bytes[0] & 0x80) != 0 && left < 4))
        return false;
    if ((bytes[0] & 0x80) == 0) {
        *len = bytes[0];
        *at += 1;
    } else {
        *len = (uint32_t)(bytes[0] & 0x7f) << 24 | (uint32_t)bytes[1] << 16 |
               (uint32_t)bytes[2] << 8 | bytes[3];
        *at += 4;
    }
    return true;
}

/* Both as text, cut to VALUE_BYTES. False: there is none, or what there is is cut off. */
static bool take_pair(const uint8_t **at, const uint8_t *end, char *name, char *value)
{
    uint32_t name_len = 0;
    uint32_t value_len = 0;

    if (!take_length(at, end, &name_len) || !take_length(at, end, &value_len) ||
        (uint64_t)name_len + value_len > (uint64_t)(end - *at))
        return false;
    (void)snprintf(name, VALUE_BYTES, "%.*s", (int)name_len, (const char *)*at);
    (void)snprintf(value, VALUE_BYTES, "%.*s", (int)value_len, (const char *)*at + name_len);
    *at += name_len + value_len;
    return true;
}

static void take_param(const struct fcgi_end *fcgi, struct fcgi_request *request, const char *name,
                       const char *value)
{
    if (strcmp(name, "REQUEST_METHOD") == 0) {
        (void)snprintf(request->method, sizeof(request->method), "%s", value);
    } else if (strcmp(name, "REQUEST_URI") == 0) {
        (void)snprintf(request->target, sizeof(request->target), "%s", value);
    } else if (strcmp(name, "CONTENT_LENGTH") == 0 && value[0] != '\0') {
        request->has_length = true;
        request->length_bytes = strtoull(value, NULL, 10);
    } else if (strcmp(name, "HTTP_X_BODY") == 0 && !body_check_begin(&request->body, value)) {
        fail(fcgi, "a bad x-body");
    } else if (strcmp(name, "HTTP_PROXY") == 0) {
        fail(fcgi, "the parameter HTTP_PROXY"); /* which programs take for the system's own */
    }
}

static void end_params(const struct fcgi_end *fcgi, struct fcgi_request *request)
{
    const uint8_t *at = request->params;
    const uint8_t *end = at + request->params_len;
    char name[VALUE_BYTES];
    char value[VALUE_BYTES];

    request->has_params = true;
    while (at != end) {
        if (!take_pair(&at, end, name, value)) {
            fail(fcgi, "parameters that are cut off");
            return;
        }
        take_param(fcgi, request, name, value);
    }
    if (request->method[0] == '\0' || request->target[0] == '\0')
        fail(fcgi, "a request without REQUEST_METHOD or REQUEST_URI");
}

static void add_params(const struct fcgi_end *fcgi, struct fcgi_request *request,
                       const struct record *record)
{
    size_t want = request->params_len + record->len;

    if (want > FCGI_END_PARAMS_MAX) {
        fail(fcgi, "parameters without an end");
        return;
    }
    if (want > request->params_capacity) {
        uint8_t *params = arena_take(sched_arena(), want * 2);
        if (request->params_len != 0)
            memcpy(params, request->params, request->params_len);
        request->params = params;
        request->params_capacity = want * 2;
    }
    memcpy(request->params + request->params_len, record->payload, record->len);
    request->params_len = want;
}

/* ---- records of requests ---- */

static struct fcgi_request *active_request(const struct fcgi_end *fcgi, uint16_t id)
{
    struct fcgi_request *request = fcgi->requests;

    while (request != NULL && (request->id != id || request->is_over))
        request = request->next;
    return request;
}

static uint32_t count_active(const struct fcgi_end *fcgi)
{
    uint32_t count = 0;

    for (const struct fcgi_request *request = fcgi->requests; request != NULL;
         request = request->next)
        count += !request->is_over;
    return count;
}

static bool was_seen(const struct fcgi_end *fcgi, uint16_t id)
{
    const struct fcgi_request *request = fcgi->requests;

    while (request != NULL && request->id != id)
        request = request->next;
    return request != NULL;
}

/* Section 5.1. */
static void take_begin(struct fcgi_end *fcgi, const struct record *record)
{
    if (record->len != BEGIN_BYTES ||
        (record->payload[0] << 8 | record->payload[1]) != ROLE_RESPONDER ||
        (record->payload[2] & ~FLAG_KEEP_CONN) != 0) {
        fail(fcgi, "a begin that is none");
        return;
    }
    if (active_request(fcgi, record->id) != NULL)
        fail(fcgi, "a begin of request %u, which is under way", record->id);
    if (!fcgi->is_multiplexed && count_active(fcgi) != 0)
        fail(fcgi, "a begin where there is one request at a time");
    struct fcgi_request *request = arena_take(sched_arena(), sizeof(*request));
    request->id = record->id;
    request->is_kept = (record->payload[2] & FLAG_KEEP_CONN) != 0;
    if (fcgi->request_tail != NULL)
        fcgi->request_tail->next = request;
    else
        fcgi->requests = request;
    fcgi->request_tail = request;
}

static void end_stdin(const struct fcgi_end *fcgi, struct fcgi_request *request)
{
    request->has_stdin = true;
    body_check_end(&request->body);
    if (request->has_length && request->length_bytes != request->body.bytes)
        fail(fcgi, "%llu bytes of stdin, and a CONTENT_LENGTH of %llu",
             (unsigned long long)request->body.bytes, (unsigned long long)request->length_bytes);
    if (request->body.is_wrong)
        finding_fail(FINDING_DATA, NULL, "data: %s got a request whose body differs", fcgi->who);
}

static void take_stdin(const struct fcgi_end *fcgi, struct fcgi_request *request,
                       const struct record *record)
{
    if (request->has_stdin)
        fail(fcgi, "stdin behind its end");
    if (!request->has_params) /* it may be, but no web server does it */
        fail(fcgi, "stdin before the end of the parameters");
    if (record->len == 0) {
        end_stdin(fcgi, request);
        return;
    }
    body_check_take(&request->body, record->payload, record->len);
    if (request->body.is_wrong)
        finding_fail(FINDING_DATA, NULL, "data: %s got a request whose body differs", fcgi->who);
}

static void send_end(struct fcgi_end *fcgi, struct fcgi_request *request)
{
    static const uint8_t end[END_BYTES]; /* status 0, FCGI_REQUEST_COMPLETE */

    request->is_over = true;
    put_record(fcgi, FCGI_END_END, request->id, end, sizeof(end), 0);
}

static void take_of_request(struct fcgi_end *fcgi, const struct record *record)
{
    struct fcgi_request *request = active_request(fcgi, record->id);

    if (request == NULL) {
        /* Section 3.3: what comes for a request that is over is left alone. */
        if (!was_seen(fcgi, record->id))
            fail(fcgi, "record %u of request %u, which did not begin", record->type, record->id);
        return;
    }
    if (record->type == FCGI_END_ABORT) {
        request->is_aborted = true;
        request->is_taken = true;
        send_end(fcgi, request);
    } else if (record->type == FCGI_END_STDIN) {
        take_stdin(fcgi, request, record);
    } else if (record->type != FCGI_END_PARAMS) {
        fail(fcgi, "a record of type %u", record->type);
    } else if (request->has_params) {
        fail(fcgi, "parameters behind their end");
    } else if (record->len == 0) {
        end_params(fcgi, request);
    } else {
        add_params(fcgi, request, record);
    }
}

/* ---- management ---- */

/* Section 4.1: of the names asked for those that we know. */
static void answer_values(struct fcgi_end *fcgi, const struct record *record)
{
    static const char *const names[] = {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"};
    const char *const values[] = {"100", fcgi->is_multiplexed ? "100" : "1",
                                  fcgi->is_multiplexed ? "1" : "0"};
    const uint8_t *at = record->payload;
    const uint8_t *end = at + record->len;
    char name[VALUE_BYTES];
    char value[VALUE_BYTES];
    uint8_t answer[VALUE_BYTES];
    size_t len = 0;
    bool was_asked[3] = {false};

    while (at != end) {
        if (!take_pair(&at, end, name, value) || value[0] != '\0') {
            fail(fcgi, "a question that is none");
            return;
        }
        for (size_t i = 0; i < 3; i++)
            was_asked[i] |= strcmp(name, names[i]) == 0;
    }
    for (size_t i = 0; i < 3; i++) {
        if (!was_asked[i])
            continue;
        answer[len++] = (uint8_t)strlen(names[i]);
        answer[len++] = (uint8_t)strlen(values[i]);
        memcpy(answer + len, names[i], strlen(names[i]));
        len += strlen(names[i]);
        memcpy(answer + len, values[i], strlen(values[i]));
        len += strlen(values[i]);
    }
    put_record(fcgi, FCGI_END_VALUES, 0, answer, len, (uint8_t)(8 - len % 8));
}

static void take_record(struct fcgi_end *fcgi, const struct record *record)
{
    if (record->id == 0 && record->type == FCGI_END_GET_VALUES)
        answer_values(fcgi, record);
    else if (record->id == 0)
        fail(fcgi, "a record of type %u and no request", record->type);
    else if (record->type == FCGI_END_BEGIN)
        take_begin(fcgi, record);
    else
        take_of_request(fcgi, record);
}

void fcgi_end_receive(struct fcgi_end *fcgi)
{
    for (;;) {
        size_t len;
        const uint8_t *bytes = peer_bytes(fcgi->peer, &len);
        if (len < FCGI_END_HEAD_BYTES)
            return;
        struct record record = {
            .type = bytes[1],
            .id = (uint16_t)(bytes[2] << 8 | bytes[3]),
            .len = (uint16_t)(bytes[4] << 8 | bytes[5]),
            .payload = bytes + FCGI_END_HEAD_BYTES,
        };
        size_t whole = FCGI_END_HEAD_BYTES + (size_t)record.len + bytes[6];
        if (bytes[0] != VERSION)
            fail(fcgi, "a record of version %u", bytes[0]);
        if (len < whole)
            return;
        peer_consume(fcgi->peer, whole);
        take_record(fcgi, &record);
    }
}

/* ---- answers ---- */

/* Sizes from 1 to 1000, paddings from 0 to 255: any will do that nobody would choose. */
static size_t odd_size(const struct fcgi_end *fcgi)
{
    static const uint16_t sizes[] = {997, 1, 64, 333, 8, 1000, 7, 255};

    return sizes[fcgi->records % 8];
}

static uint8_t odd_padding(struct fcgi_end *fcgi)
{
    static const uint8_t paddings[] = {0, 7, 0, 3, 255, 1, 0};

    return paddings[fcgi->records++ % 7];
}

void fcgi_end_respond(struct fcgi_end *fcgi, struct fcgi_request *request,
                      const struct message *message, bool is_open, uint64_t body_bytes_max)
{
    char head[HEAD_TEXT_BYTES];
    char length[64] = "";
    char key[64] = "";

    if (request->is_over || request->is_answered)
        return;
    if (message->has_body && !message->is_chunked)
        (void)snprintf(length, sizeof(length), "Content-Length: %llu\r\n",
                       (unsigned long long)message->body_bytes);
    if (message->has_body)
        (void)snprintf(key, sizeof(key), "X-Body: %x-%llu\r\n", message->body_key,
                       (unsigned long long)message->body_bytes);
    int len = snprintf(head, sizeof(head), "Status: %u Status\r\n%s%s%s%s\r\n", message->status,
                       length, key, message->header == NULL ? "" : message->header,
                       message->header == NULL ? "" : "\r\n");
    if (len >= (int)sizeof(head))
        len = sizeof(head) - 1;
    request->is_answered = true;
    request->body_key = message->body_key;
    request->body_left = message->has_body && !message->is_head_response ? message->body_bytes : 0;
    if (request->body_left > body_bytes_max)
        request->body_left = body_bytes_max;
    request->is_end_wanted = !is_open;
    put_record(fcgi, FCGI_END_STDOUT, request->id, head, (size_t)len, odd_padding(fcgi));
    fcgi_end_flush(fcgi);
}

static bool is_ready(const struct fcgi_request *request)
{
    return !request->is_over && request->is_answered &&
           (request->body_left != 0 || request->is_end_wanted);
}

/* The next in turn, so that answers are interleaved. */
static struct fcgi_request *next_ready(const struct fcgi_end *fcgi)
{
    struct fcgi_request *request = fcgi->turn == NULL ? fcgi->requests : fcgi->turn->next;

    while (request != NULL && !is_ready(request))
        request = request->next;
    if (request != NULL)
        return request;
    request = fcgi->requests;
    while (request != NULL && !is_ready(request))
        request = request->next;
    return request;
}

static void send_piece(struct fcgi_end *fcgi, struct fcgi_request *request)
{
    uint8_t piece[1024];
    size_t len = odd_size(fcgi);

    if (request->body_left == 0) {
        put_record(fcgi, FCGI_END_STDOUT, request->id, NULL, 0, 0);
        send_end(fcgi, request);
        return;
    }
    if (len > request->body_left)
        len = (size_t)request->body_left;
    body_fill(request->body_key, request->body_at, piece, len);
    request->body_at += len;
    request->body_left -= len;
    put_record(fcgi, FCGI_END_STDOUT, request->id, piece, len, odd_padding(fcgi));
}

void fcgi_end_flush(struct fcgi_end *fcgi)
{
    struct fcgi_request *request;

    while (peer_is_open(fcgi->peer) && !peer_has_unsent(fcgi->peer) &&
           (request = next_ready(fcgi)) != NULL) {
        fcgi->turn = request;
        send_piece(fcgi, request);
    }
}
