/*
 * fuzz/target/h2.c - frames that a client sends, to the heads of requests that come of them: a
 * request that is taken can be written as HTTP/1.1 and read again (nothing in it becomes a line of
 * its own), can be written as HTTP/2, and says the same each time. The connection's preface may be
 * there or not.
 *
 * Framing and HPACK are nghttp2's, and the collecting of heads core/mux's: h2_recv.c does the same.
 *
 * Threads: main.
 */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/h1.h"
#include "core/http/h1_convert.h"
#include "core/http/h1_put.h"
#include "core/mux/h2_head.h"
#include "fuzz/engine/finding.h"
#include "fuzz/target/message.h"

enum { TEXT_BYTES = 8192, OUT_BYTES = 4 * TEXT_BYTES, OWN_FIELDS = 6 };

struct session {
    struct http_head *head;
    struct http_head *again;
    bool is_trailer;
    bool is_refused;
};

static void start_head(struct http_head *head)
{
    http_head_init(head, TEXT_BYTES, false);
    head->minor = 1;
}

static bool is_empty(const struct http_head *head)
{
    return head->has_length && head->length_bytes == 0;
}

static void check_as_h1(struct session *session)
{
    static struct h1_head parsed;
    static char data[OUT_BYTES];
    struct h1_out out = {data, sizeof(data), 0, false};
    const struct http_head *head = session->head;
    const struct h1_form form = {
        .is_chunked = !head->is_end && !head->has_length, .is_keepalive = true, .minor = 1};

    /* The proxy has a few of its own. */
    if (head->fields_count > H1_HEADERS_MAX - OWN_FIELDS ||
        head->method_text.len > H1_METHOD_BYTES_MAX)
        return;
    h1_put_request_head(&out, head, &form);
    FINDING_UNLESS(!out.is_overflow, "h2: a request written as h1 has a bound");
    h1_head_init_request(&parsed);
    FINDING_UNLESS(h1_head_parse(&parsed, data, out.len, OUT_BYTES) == H1_DONE,
                   "h2: a request written as h1 can be read");
    FINDING_UNLESS(parsed.head_bytes == out.len, "h2: a request written as h1 is one head");
    http_head_init(session->again, OUT_BYTES, false);
    FINDING_UNLESS(h1_convert_head(session->again, &parsed, data, "http") == H1_OK,
                   "h2: a request written as h1 can be converted");
    message_compare(head, session->again, "h2: a request written as h1 says the same");
    FINDING_UNLESS(session->again->is_end == (head->is_end || is_empty(head)),
                   "h2: a request written as h1 has a body if it had");
}

static void check_as_h2(struct session *session)
{
    static struct h2_head_out out;
    const struct http_head *head = session->head;

    memset(&out, 0, sizeof(out));
    h2_head_put(&out, head);
    start_head(session->again);
    for (size_t i = 0; i < out.count; i++) {
        const nghttp2_nv *nv = &out.pairs[i];

        FINDING_UNLESS(nv->name[0] == ':' || nghttp2_check_header_name(nv->name, nv->namelen),
                       "h2: names that are written are names");
        FINDING_UNLESS(nghttp2_check_header_value(nv->value, nv->valuelen),
                       "h2: values that are written are values");
        enum h2_head_result result =
            h2_head_add(session->again, (const char *)nv->name, nv->namelen,
                        (const char *)nv->value, nv->valuelen);
        if (result == H2_HEAD_TOO_LONG) /* fields of ours */
            return;
        FINDING_UNLESS(result == H2_HEAD_OK, "h2: what is written can be read");
    }
    message_compare(head, session->again, "h2: a request written as h2 says the same");
    FINDING_UNLESS(
        message_is_same(head, head->scheme, session->again, session->again->scheme, false),
        "h2: a request written as h2 has its scheme");
}

static int begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct session *self = user;

    (void)session;
    self->is_trailer = frame->headers.cat != NGHTTP2_HCAT_REQUEST;
    self->is_refused = false;
    start_head(self->head);
    return 0;
}

static int take_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                       size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                       void *user)
{
    struct session *self = user;

    (void)session, (void)frame, (void)flags;
    if (self->is_refused)
        return 0;
    enum h2_head_result result =
        self->is_trailer
            ? h2_head_add_trailer(self->head, (const char *)name, name_len, (const char *)value,
                                  value_len)
            : h2_head_add(self->head, (const char *)name, name_len, (const char *)value, value_len);
    self->is_refused = result != H2_HEAD_OK;
    return 0;
}

static int take_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct session *self = user;

    (void)session;
    if (frame->hd.type != NGHTTP2_HEADERS || self->is_refused || self->is_trailer)
        return 0;
    self->head->is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (h2_head_check_request(self->head) == 0) {
        check_as_h1(self);
        check_as_h2(self);
    }
    return 0;
}

static nghttp2_session *open_session(struct session *self)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session *session;

    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0)
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, take_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, take_frame);
    nghttp2_option_set_no_recv_client_magic(option, 1);
    if (nghttp2_session_server_new2(&session, callbacks, self, option) != 0)
        abort();
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct session self;

    if (self.head == NULL) {
        self.head = malloc(http_head_size(TEXT_BYTES));
        self.again = malloc(http_head_size(OUT_BYTES));
    }
    if (self.head == NULL || self.again == NULL)
        abort();
    if (len >= NGHTTP2_CLIENT_MAGIC_LEN &&
        memcmp(data, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN) == 0) {
        data += NGHTTP2_CLIENT_MAGIC_LEN;
        len -= NGHTTP2_CLIENT_MAGIC_LEN;
    }
    nghttp2_session *session = open_session(&self);
    (void)nghttp2_session_mem_recv(session, data, len);
    nghttp2_session_del(session);
    return 0;
}
