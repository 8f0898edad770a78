#include <string.h>

#include "core/base/hook.h"
#include "core/mux/h2.h"
#include "core/mux/h2_head.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"

enum {
    RECV_ROUNDS_MAX = 4,
    FLOOD_MAX = 200,          /* in advance of what work done has earned */
    HELD_NS = 50000000,       /* a whole connection may wait for one of its requests */
    FLOOD_LEAK_NS = 20000000, /* forgets one in so long: 50 a second */
};

static struct h2_stream *find(struct h2 *h2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h2->session, id);
}

/* --- floods --- */

/*
 * Frames that cost us and bring nobody anything: resets (CVE-2023-44487), pings, settings, empty
 * DATA, priorities. A client that does work with them in between earns them (h2_send.c): what is
 * over the bound has come without.
 */
void h2_note_flood(struct h2 *h2)
{
    uint64_t now_ns = worker_now_ns();
    uint64_t leaked = (now_ns - h2->flood_ns) / FLOOD_LEAK_NS;

    h2->flood -= leaked < h2->flood ? (uint32_t)leaked : h2->flood;
    h2->flood_ns += leaked * FLOOD_LEAK_NS;
    if (++h2->flood != FLOOD_MAX + 1)
        return;
    MARK("h2.flood");
    h2->flags |= H2_LEAVING | H2_CLOSING;
    h2->farewell_ns = now_ns;
    h2_note_result(h2, nghttp2_session_terminate_session(h2->session, NGHTTP2_ENHANCE_YOUR_CALM));
}

/* --- heads --- */

/* NULL: no memory. */
static struct http_head *new_head(struct h2 *h2)
{
    struct mux_env *env = h2->mux.env;
    struct http_head *head = pool_take(&env->heads);

    if (head != NULL)
        http_head_init(head, env->head_text_bytes, !h2->mux.is_front);
    return head;
}

static void refuse(struct h2 *h2, int32_t id)
{
    MARK("h2.refused");
    h2_note_result(
        h2, nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM));
}

/* A request begins. Clients open the next one before we have noticed the end of the last: twice
 * what nghttp2 allows at once may be alive here. */
static void begin_request(struct h2 *h2, int32_t id)
{
    h2->flags |= H2_SEEN;
    if (h2->streams_count >= 2 * h2->mux.env->streams_max) {
        h2_note_flood(h2);
        refuse(h2, id);
        return;
    }
    struct h2_stream *s = h2_stream_new(h2, NULL, id);
    if (s == NULL) {
        refuse(h2, id);
        return;
    }
    s->head = new_head(h2);
    if (s->head == NULL || nghttp2_session_set_stream_user_data(h2->session, id, s) != 0) {
        h2_stream_free(s);
        refuse(h2, id);
    }
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h2 = user;
    int32_t id = frame->hd.stream_id;

    (void)session;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    if (h2->mux.is_front && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        begin_request(h2, id);
        return 0;
    }
    struct h2_stream *s = find(h2, id);
    if (s == NULL || h2_stream_has(s, H2_STREAM_FAILED))
        return 0;
    /* An interim head that nobody has taken yet makes way: it was only advice. */
    if (s->head != NULL && http_head_is_interim(s->head)) {
        pool_give(&h2->mux.env->heads, s->head);
        s->head = NULL;
    }
    s->flags &= ~(uint32_t)(H2_STREAM_TOO_LONG | H2_STREAM_BAD_HEAD);
    struct http_head *head = new_head(h2);
    if (head == NULL) {
        h2_stream_fail(s, STREAM_ERROR_MEMORY);
        h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
        return 0;
    }
    /* The final head may still wait for its channel while its trailers come. */
    if (h2_stream_has(s, H2_STREAM_RECV_FINAL)) {
        pool_give(&h2->mux.env->heads, s->trailers);
        s->trailers = head;
    } else {
        s->flags &= ~(uint32_t)H2_STREAM_HEAD_WHOLE;
        s->head = head;
    }
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct h2_stream *s = find(user, frame->hd.stream_id);
    enum h2_head_result result;

    (void)session;
    (void)flags;
    if (s == NULL || h2_stream_has(s, H2_STREAM_FAILED | H2_STREAM_TOO_LONG | H2_STREAM_BAD_HEAD))
        return 0;
    if (h2_stream_has(s, H2_STREAM_RECV_FINAL))
        result = h2_head_add_trailer(s->trailers, (const char *)name, name_len, (const char *)value,
                                     value_len);
    else
        result = h2_head_add(s->head, (const char *)name, name_len, (const char *)value, value_len);
    if (result == H2_HEAD_TOO_LONG)
        s->flags |= H2_STREAM_TOO_LONG;
    else if (result == H2_HEAD_BAD)
        s->flags |= H2_STREAM_BAD_HEAD;
    return 0;
}

/* RFC 9113 8.2.1: a field that cannot be one makes the message malformed. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len, const uint8_t *value,
                             size_t value_len, uint8_t flags, void *user)
{
    (void)session;
    (void)frame;
    (void)name;
    (void)name_len;
    (void)value;
    (void)value_len;
    (void)flags;
    (void)user;
    MARK("h2.bad_field");
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The request is whole: to the host, or answered here. */
static void end_request(struct h2_stream *s, bool is_end)
{
    struct h2 *h2 = s->h2;
    struct http_head *head = s->head;
    unsigned status = 0;

    s->flags |= H2_STREAM_RECV_FINAL;
    if (is_end)
        s->flags |= H2_STREAM_RECV_END;
    if (head->method == HTTP_METHOD_HEAD)
        s->flags |= H2_STREAM_IS_TO_HEAD;
    if (h2_stream_has(s, H2_STREAM_TOO_LONG))
        status = 431;
    else if (h2_stream_has(s, H2_STREAM_BAD_HEAD))
        status = 400;
    else
        status = h2_head_check_request(head);
    if (status != 0) {
        MARK("h2.bad_request");
        h2_send_answer(s, status);
        return;
    }
    head->is_end = is_end;
    s->head = NULL;
    struct stream *stream = h2->mux.env->host.begin(&h2->mux, head);
    if (stream == NULL) {
        int32_t id = s->id;
        pool_give(&h2->mux.env->heads, head);
        h2_stream_free(s);
        refuse(h2, id);
        return;
    }
    if (is_end)
        s->flags |= H2_STREAM_RECV_DONE;
    h2_stream_join(s, stream);
}

/* A response's head, interim or final, is whole. */
static void end_response_head(struct h2_stream *s, bool is_end)
{
    if (h2_stream_has(s, H2_STREAM_TOO_LONG | H2_STREAM_BAD_HEAD)) {
        bool is_long = h2_stream_has(s, H2_STREAM_TOO_LONG);
        h2_stream_fail(s, is_long ? STREAM_ERROR_TOO_LONG : STREAM_ERROR_PROTOCOL);
        h2_stream_reset(s, is_long ? NGHTTP2_CANCEL : NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    s->flags |= H2_STREAM_HEAD_WHOLE;
    if (!http_head_is_interim(s->head)) {
        s->flags |= H2_STREAM_RECV_FINAL;
        s->head->is_end = is_end;
        if (is_end)
            s->flags |= H2_STREAM_RECV_END;
    }
    h2_stream_sync(s);
}

static void end_trailers(struct h2_stream *s)
{
    if (h2_stream_has(s, H2_STREAM_TOO_LONG | H2_STREAM_BAD_HEAD)) {
        h2_stream_fail(s, h2_stream_has(s, H2_STREAM_TOO_LONG) ? STREAM_ERROR_TOO_LONG
                                                               : STREAM_ERROR_PROTOCOL);
        h2_stream_reset(s, NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    s->flags |= H2_STREAM_RECV_END;
    h2_stream_sync(s);
}

static void end_headers(struct h2 *h2, const nghttp2_frame *frame)
{
    struct h2_stream *s = find(h2, frame->hd.stream_id);
    bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    if (s == NULL || h2_stream_has(s, H2_STREAM_FAILED))
        return;
    if (!h2_stream_has(s, H2_STREAM_RECV_FINAL)) {
        if (h2->mux.is_front)
            end_request(s, is_end);
        else
            end_response_head(s, is_end);
    } else if (s->stream != NULL) {
        end_trailers(s);
    }
}

/* --- payload --- */

/* As much as there is a place for; what nobody wants is taken too. */
static size_t take_payload(struct h2_stream *s, const uint8_t *data, size_t len)
{
    struct h2 *h2 = s->h2;

    if (s->stream == NULL || h2_stream_has(s, H2_STREAM_FAILED | H2_STREAM_RECV_DONE)) {
        h2_stream_consume(s, len);
        return len;
    }
    if (s->head != NULL) /* first the head: an interim one is in its way */
        return 0;
    size_t put = channel_put(s->stream->recv, data, len, h2->mux.tasklet);
    s->unconsumed_bytes += put;
    if (channel_has(s->stream->recv, CHANNEL_CLOSED))
        h2_stream_sync(s);
    return put;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *user)
{
    struct h2 *h2 = user;
    struct h2_stream *s = find(h2, id);

    (void)flags;
    h2_note_result(h2, nghttp2_session_consume_connection(session, len));
    if (s == NULL) {
        h2_note_result(h2, nghttp2_session_consume_stream(session, id, len));
        return 0;
    }
    size_t put = take_payload(s, data, len);
    if (put == len)
        return 0;
    MARK("h2.held");
    BUG_ON(h2->held != NULL);
    h2->flags |= H2_PAUSED;
    h2->held = s;
    h2->held_ns = worker_now_ns();
    h2->held_at = data + put;
    h2->held_len = len - put;
    return NGHTTP2_ERR_PAUSE;
}

/* True: nothing is held (any more). */
static bool deliver_held(struct h2 *h2)
{
    if (h2->held != NULL) {
        size_t put = take_payload(h2->held, h2->held_at, h2->held_len);
        h2->held_at += put;
        h2->held_len -= put;
        buf_skip(&h2->in, put);
        if (h2->held_len > 0)
            return false;
        h2->held = NULL;
    }
    if (h2->held_tail > 0)
        buf_skip(&h2->in, h2->held_tail);
    h2->held_tail = 0;
    return true;
}

void h2_recv_drop_held(struct h2 *h2, const struct h2_stream *s)
{
    if (h2->held != s)
        return;
    h2->held = NULL;
    h2->held_tail += h2->held_len;
    h2->held_len = 0;
}

/* Only who waits for a slot of a server makes way: all others get on. */
uint64_t h2_held_date(const struct h2 *h2)
{
    const struct h2_stream *s = h2->held;

    if (!h2->mux.is_front || s == NULL || s->stream == NULL || !s->stream->recv->is_parked)
        return TIME_NEVER;
    return h2->held_ns + HELD_NS;
}

/* Its request has a server. */
static bool is_served(const struct h2_stream *s)
{
    return s->stream != NULL && !h2_stream_has(s, H2_STREAM_FAILED) &&
           s->stream->recv->reader != NULL;
}

static bool has_served(const struct h2 *h2)
{
    const struct list *link;

    LIST_EACH(link, &h2->streams)
    {
        if (is_served(LIST_ENTRY(link, const struct h2_stream, link)))
            return true;
    }
    return false;
}

/*
 * What is held for a request that waits for a server is in the way of those that have one: more of
 * their payload, or room for their answers, may lie behind it, or `in` be what one of another
 * connection waits for. No server has seen it: the client may send it again, and not too often,
 * because a slot may come by itself first. True: nothing is held any more.
 */
static bool make_way(struct h2 *h2)
{
    struct h2_stream *s = h2->held;

    if (h2_held_date(h2) > worker_now_ns())
        return false;
    h2->held_ns = worker_now_ns();
    if (!has_served(h2) && !buffers_are_short(&h2->mux.env->buffers, BUFFER_UP_IN))
        return false;
    MARK("h2.makes_way");
    h2_stream_fail(s, STREAM_ERROR_RESET);
    h2_stream_reset(s, NGHTTP2_REFUSED_STREAM);
    return deliver_held(h2);
}

/* --- frames --- */

/* The peer begins no more streams, or wants none. nghttp2 closes those it has not looked at as
 * refused. */
static void note_goaway(struct h2 *h2)
{
    MARK("h2.goaway_received");
    h2->flags |= H2_CLOSING;
    h2_offer(h2);
}

static void note_data_frame(struct h2 *h2, const nghttp2_frame *frame)
{
    struct h2_stream *s = find(h2, frame->hd.stream_id);
    bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    if (frame->hd.length == 0 && !is_end)
        h2_note_flood(h2);
    if (s == NULL || !is_end)
        return;
    s->flags |= H2_STREAM_RECV_END;
    h2_stream_sync(s);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h2 = user;
    struct h2_stream *s;

    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        end_headers(h2, frame);
        break;
    case NGHTTP2_DATA:
        note_data_frame(h2, frame);
        break;
    case NGHTTP2_RST_STREAM:
        h2_note_flood(h2);
        s = find(h2, frame->hd.stream_id);
        if (s != NULL)
            s->flags |= H2_STREAM_PEER_RESET;
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
            h2->flags |= H2_PONGED;
        else
            h2_note_flood(h2);
        break;
    case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
            h2_note_flood(h2);
            h2_offer(h2);
        }
        break;
    case NGHTTP2_PRIORITY:
    case NGHTTP2_PRIORITY_UPDATE:
        h2_note_flood(h2);
        break;
    case NGHTTP2_GOAWAY:
        note_goaway(h2);
        break;
    default: /* of the protocol's registry, which is open: not an enum of ours */
        break;
    }
    return 0;
}

static enum stream_error error_of(const struct h2_stream *s, uint32_t code)
{
    if (code == NGHTTP2_REFUSED_STREAM && !s->h2->mux.is_front)
        return STREAM_ERROR_REFUSED;
    if (h2_stream_has(s, H2_STREAM_PEER_RESET))
        return STREAM_ERROR_RESET;
    return STREAM_ERROR_PROTOCOL;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct h2_stream *s = find(user, id);

    (void)session;
    if (s == NULL)
        return 0;
    s->flags &= ~(uint32_t)H2_STREAM_IS_OPEN;
    if (s->stream == NULL) {
        h2_stream_free(s);
        return 0;
    }
    if (h2_stream_has(s, H2_STREAM_FAILED))
        return 0;
    bool is_received = h2_stream_has(s, H2_STREAM_RECV_END);
    if (is_received && h2_stream_has(s, H2_STREAM_SENT_END))
        return 0;
    /* RFC 9113 8.1: a server that has answered may want no more of the request. */
    if (is_received && code == NGHTTP2_NO_ERROR && !((struct h2 *)user)->mux.is_front)
        channel_close(s->stream->send);
    else
        h2_stream_fail(s, error_of(s, code));
    return 0;
}

void h2_recv_set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
}

/* --- from the wire --- */

/* False: something has to find its place first, or nghttp2 failed. */
static bool parse(struct h2 *h2)
{
    /* After a pause also without more bytes: the end of the frame is still to be seen. */
    while (!buf_is_empty(&h2->in) || h2_has(h2, H2_PAUSED)) {
        if (h2_has(h2, H2_BROKEN) || (!deliver_held(h2) && !make_way(h2)))
            return false;
        h2->flags &= ~(uint32_t)H2_PAUSED;
        struct buf_span span = {NULL, 0};
        if (!buf_is_empty(&h2->in))
            span = buf_data_span(&h2->in);
        ssize_t used = nghttp2_session_mem_recv(h2->session, span.data, span.len_bytes);
        if (used < 0) {
            MARK("h2.cannot_parse");
            h2->flags |= H2_BROKEN;
            return false;
        }
        BUG_ON((size_t)used > span.len_bytes);
        if (h2->held == NULL) {
            buf_skip(&h2->in, (size_t)used);
            continue;
        }
        /* Keeps what is held, and the padding behind it. */
        size_t before = (size_t)(h2->held_at - span.data);
        h2->held_tail = (size_t)used - before - h2->held_len;
        buf_skip(&h2->in, before);
    }
    return true;
}

/* True: something came, and more may have. */
static bool read_more(struct h2 *h2)
{
    struct conn *conn = h2->mux.conn;
    size_t room = buf_room(&h2->in);
    size_t got = conn_recv(conn, &h2->in);

    /* After less than there was room for, the conn tells when there is more. */
    return got > 0 && (got == room || conn_has(conn, CONN_READ_END | CONN_FAILED));
}

static bool take_in(struct h2 *h2)
{
    struct buffers *buffers = &h2->mux.env->buffers;

    h2->in_wait.has_server = h2->mux.is_front && has_served(h2);
    return buffer_take(buffers, buffer_kind_in(h2->mux.is_front), &h2->in, &h2->in_wait,
                       h2->mux.tasklet);
}

bool h2_recv(struct h2 *h2)
{
    struct mux_env *env = h2->mux.env;
    struct conn *conn = h2->mux.conn;
    bool has_more = false;

    for (int i = 0; i <= RECV_ROUNDS_MAX; i++) {
        if (!parse(h2) || h2_is_choked(h2))
            return false;
        /* Nothing can have come while the conn has yet to tell of it. */
        if (!nghttp2_session_want_read(h2->session) ||
            conn_has(conn, CONN_READ_END | CONN_FAILED | CONN_WAIT_RECV) || (i > 0 && !has_more))
            break;
        if (i == RECV_ROUNDS_MAX)
            return true;
        if (h2->in.area == NULL && !take_in(h2))
            return false;
        has_more = read_more(h2);
    }
    if (buf_is_empty(&h2->in))
        buffer_give(&env->buffers, buffer_kind_in(h2->mux.is_front), &h2->in);
    return false;
}
