/*
 * fuzz/target/h1.c - an HTTP/1.1 message, from its head to the end of its body: core's reader gives
 * the same result however the bytes arrive, and where the actors' reader takes the message as well,
 * both see the same message, which ends at the same byte. (Two readers that disagree on that are
 * how requests are smuggled.) What begins with "HTTP/" is read as a response to GET.
 *
 * Threads: main.
 */
#include <stdlib.h>
#include <string.h>

#include "core/http/h1.h"
#include "core/http/h1_body.h"
#include "fuzz/engine/finding.h"
#include "fuzz/target/cut.h"
#include "sim/actor/http.h"

enum { HEAD_BYTES_MAX = 8192 };

/* What was understood. */
struct message {
    struct h1_head head;
    enum h1_progress progress;
    struct h1_body body;
    uint64_t payload_hash;
    size_t used; /* up to the end of the message, or of the bytes */
    enum h1_error close_error;
};

/* One reading; `cut` NULL: all at once. The head is asked again each time a piece has come. */
static void read_message(struct message *m, const char *text, size_t len, bool is_response,
                         struct cut *cut)
{
    size_t have = cut == NULL ? len : 0;

    memset(m, 0, sizeof(*m));
    if (is_response)
        h1_head_init_response(&m->head, false);
    else
        h1_head_init_request(&m->head);
    do {
        if (cut != NULL && have < len)
            have += cut_next(cut, len - have);
        m->progress = h1_head_parse(&m->head, text, have, HEAD_BYTES_MAX);
    } while (m->progress == H1_MORE && have < len);
    if (m->progress != H1_DONE)
        return;
    FINDING_UNLESS(m->head.head_bytes <= have, "h1: a head ends within its bytes");
    h1_body_init(&m->body, &m->head);
    m->used = m->head.head_bytes;
    m->payload_hash = 14695981039346656037U;
    while (m->used < len && !h1_body_is_done(&m->body)) {
        size_t piece = cut == NULL ? len - m->used : cut_next(cut, len - m->used);
        bool is_payload = false;
        size_t taken = h1_body_step(&m->body, text + m->used, piece, &is_payload);
        FINDING_UNLESS(taken <= piece, "h1: a step takes what there is");
        if (taken == 0)
            break;
        for (size_t i = 0; is_payload && i < taken; i++)
            m->payload_hash = (m->payload_hash ^ (uint8_t)text[m->used + i]) * 1099511628211U;
        m->used += taken;
    }
    struct h1_body closed = m->body;
    m->close_error = h1_body_close(&closed);
}

static void compare_cuts(const struct message *a, const struct message *b)
{
    FINDING_UNLESS(a->progress == b->progress && a->head.error == b->head.error,
                   "h1: a head is taken or refused however it is cut");
    if (a->progress != H1_DONE)
        return;
    FINDING_UNLESS(a->head.head_bytes == b->head.head_bytes &&
                       a->head.headers_count == b->head.headers_count &&
                       a->head.framing == b->head.framing &&
                       a->head.length_bytes == b->head.length_bytes &&
                       a->head.is_keepalive == b->head.is_keepalive,
                   "h1: a head says the same however it is cut");
    FINDING_UNLESS(a->body.error == b->body.error && a->close_error == b->close_error &&
                       h1_body_is_done(&a->body) == h1_body_is_done(&b->body),
                   "h1: a body is taken or refused however it is cut");
    if (a->body.error != H1_OK)
        return;
    FINDING_UNLESS(a->used == b->used && a->body.payload_bytes == b->body.payload_bytes &&
                       a->payload_hash == b->payload_hash,
                   "h1: a body is the same however it is cut");
}

/* The other one keeps the beginning of a long one. */
static bool is_method(const char *text, struct h1_slice slice, const char *want)
{
    size_t len = strlen(want);

    return (len == slice.len || (len == HTTP_METHOD_BYTES - 1 && len < slice.len)) &&
           memcmp(text + slice.at, want, len) == 0;
}

static void compare_readers(const struct message *m, const char *text,
                            const struct http_reader *other, size_t other_used)
{
    if (m->head.is_response)
        FINDING_UNLESS(m->head.status == other->status, "h1: both readers see one status");
    else
        FINDING_UNLESS(is_method(text, m->head.method_text, other->method),
                       "h1: both readers see one method");
    FINDING_UNLESS(m->body.payload_bytes == other->body_bytes,
                   "h1: both readers see as much payload");
    FINDING_UNLESS(m->used == other_used, "h1: both readers see the message end at one byte");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct message whole, pieces;
    static struct http_reader other;
    const char *text = (const char *)data;
    bool is_response = len >= 5 && memcmp(data, "HTTP/", 5) == 0;
    struct cut cut = cut_begin(data, len);

    read_message(&whole, text, len, is_response, NULL);
    read_message(&pieces, text, len, is_response, &cut);
    compare_cuts(&whole, &pieces);
    http_reader_begin(&other, is_response, is_response ? "GET" : NULL);
    size_t other_used = http_reader_take(&other, data, len);
    if (other.state == HTTP_COMPLETE && whole.progress == H1_DONE && h1_body_is_done(&whole.body))
        compare_readers(&whole, text, &other, other_used);
    /* One of them waits for more of what is complete for the other. */
    if (other.state == HTTP_COMPLETE && whole.progress == H1_DONE)
        FINDING_UNLESS(h1_body_is_done(&whole.body) || whole.body.error != H1_OK,
                       "h1: what is complete for one reader is for the other");
    if (whole.progress == H1_DONE && h1_body_is_done(&whole.body))
        FINDING_UNLESS(other.state == HTTP_COMPLETE || other.state == HTTP_ERROR,
                       "h1: what is complete for one reader is for the other");
    return 0;
}
