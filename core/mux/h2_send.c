#include <string.h>

#include "core/base/hook.h"
#include "core/mux/h2.h"
#include "core/mux/h2_head.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"

enum {
    SEND_ROUNDS_MAX = 8,
    FRAME_HEAD_BYTES = 9,
    PAYLOAD_BYTES_MIN = 1024, /* rather wait for room than cut it smaller */
    CHOKED_FRAMES = 256,
};

bool h2_is_choked(const struct h2 *h2)
{
    return nghttp2_session_get_outbound_queue_size(h2->session) > CHOKED_FRAMES;
}

bool h2_is_flushed(const struct h2 *h2)
{
    return buf_is_empty(&h2->out) && h2->pending_len == 0 && !h2_has(h2, H2_BLOCKED) &&
           !nghttp2_session_want_write(h2->session);
}

/* --- payload --- */

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The last of it is out of the channel: the end, or trailers which carry it. */
static void end_payload(struct h2_stream *s, uint32_t *data_flags)
{
    struct h2 *h2 = s->h2;
    struct http_head *trailers = channel_take_trailers(s->stream->send);
    struct h2_head_out out;

    *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    if (trailers == NULL)
        return;
    h2_head_put_trailers(&out, trailers);
    if (out.count > 0) {
        *data_flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        h2_note_result(h2, nghttp2_submit_trailer(h2->session, s->id, out.pairs, out.count));
    }
    pool_give(&h2->mux.env->heads, trailers);
}

/* nghttp2 may send up to `length` bytes: how many shall it be? The type is nghttp2's.
 * NOLINTNEXTLINE(readability-non-const-parameter) */
static ssize_t read_payload(nghttp2_session *session, int32_t id, uint8_t *area, size_t length,
                            uint32_t *data_flags, nghttp2_data_source *source, void *user)
{
    struct h2 *h2 = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

    (void)area;
    (void)source;
    if (s == NULL || s->stream == NULL || h2_stream_has(s, H2_STREAM_FAILED))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* a reset is on its way */
    struct channel *channel = s->stream->send;
    size_t has = channel_len(channel);
    if (has == 0) {
        if (channel_has(channel, CHANNEL_BROKEN))
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the peer sees a reset */
        if (channel_has(channel, CHANNEL_END)) {
            end_payload(s, data_flags);
            return 0;
        }
        s->flags |= H2_STREAM_DEFERRED;
        return NGHTTP2_ERR_DEFERRED;
    }
    size_t room = buf_room(&h2->out);
    if (room < FRAME_HEAD_BYTES + min(has, PAYLOAD_BYTES_MIN))
        room = h2->out.size_bytes; /* write_payload() will wait for it */
    size_t len = min(min(has, length), room - FRAME_HEAD_BYTES);
    *data_flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (len == has && channel_has(channel, CHANNEL_END) && channel->trailers == NULL)
        *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

/* A DATA frame, from the channel into `out`. */
static int write_payload(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                         size_t length, nghttp2_data_source *source, void *user)
{
    struct h2 *h2 = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    struct buf_span spans[2];

    (void)source;
    if (s == NULL || s->stream == NULL || h2_stream_has(s, H2_STREAM_FAILED))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (buf_room(&h2->out) < FRAME_HEAD_BYTES + length) {
        h2->flags |= H2_BLOCKED;
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    h2->flags &= ~(uint32_t)H2_BLOCKED;
    struct channel *channel = s->stream->send;
    BUG_ON(channel_len(channel) < length || frame->data.padlen != 0);
    (void)buf_write(&h2->out, head, FRAME_HEAD_BYTES);
    unsigned count = channel_spans(channel, spans);
    size_t left = length;
    for (unsigned i = 0; i < count; i++) {
        size_t len = min(left, spans[i].len_bytes);
        (void)buf_write(&h2->out, spans[i].data, len);
        left -= len;
    }
    h2->out_put_bytes += FRAME_HEAD_BYTES + length;
    channel_skip(channel, length);
    return 0;
}

/* --- heads --- */

static bool is_sent_well(struct h2_stream *s, int result)
{
    if (result >= 0)
        return true;
    h2_note_result(s->h2, result);
    return false;
}

static bool send_request(struct h2_stream *s, const struct h2_head_out *out, bool is_end)
{
    struct h2 *h2 = s->h2;
    nghttp2_data_provider payload = {.read_callback = read_payload};
    int32_t id = nghttp2_submit_request(h2->session, NULL, out->pairs, out->count,
                                        is_end ? NULL : &payload, s);

    if (!is_sent_well(s, id))
        return false;
    s->id = id;
    s->flags |= H2_STREAM_IS_OPEN | H2_STREAM_SENT_HEAD;
    return true;
}

bool h2_send_head(struct h2_stream *s, const struct http_head *head)
{
    struct h2 *h2 = s->h2;
    nghttp2_data_provider payload = {.read_callback = read_payload};
    struct h2_head_out out;

    h2_head_put(&out, head);
    if (!head->is_response)
        return send_request(s, &out, head->is_end);
    if (http_head_is_interim(head))
        return is_sent_well(s, nghttp2_submit_headers(h2->session, NGHTTP2_FLAG_NONE, s->id, NULL,
                                                      out.pairs, out.count, NULL));
    s->flags |= H2_STREAM_SENT_HEAD;
    return is_sent_well(s, nghttp2_submit_response(h2->session, s->id, out.pairs, out.count,
                                                   head->is_end ? NULL : &payload));
}

void h2_send_answer(struct h2_stream *s, unsigned status)
{
    struct h2 *h2 = s->h2;
    char digits[] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                     (char)('0' + status % 10), 0};
    nghttp2_nv pairs[] = {
        {(uint8_t *)(uintptr_t)":status", (uint8_t *)digits, 7, 3, NGHTTP2_NV_FLAG_NONE},
        {(uint8_t *)(uintptr_t)"content-length", (uint8_t *)(uintptr_t)"0", 14, 1,
         NGHTTP2_NV_FLAG_NONE},
    };

    s->flags |= H2_STREAM_SENT_HEAD;
    if (!is_sent_well(s,
                      nghttp2_submit_response(h2->session, s->id, pairs, ARRAY_LEN(pairs), NULL)))
        h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
}

/* --- what nghttp2 tells while it sends --- */

/* Our side of the stream is over. */
static void note_end(struct h2_stream *s)
{
    struct h2 *h2 = s->h2;

    s->flags |= H2_STREAM_SENT_END;
    if (s->stream == NULL) {
        /* RFC 9113 8.1: answered without what is still to come. Freed when it is closed. */
        if (!h2_stream_has(s, H2_STREAM_RECV_END))
            h2_stream_reset(s, NGHTTP2_NO_ERROR);
        return;
    }
    s->end_mark = h2->out_put_bytes;
    if (!list_is_linked(&s->ending))
        list_push_tail(&h2->ending, &s->ending);
    /* Work done: see h2_note_flood(). */
    if (h2->flood > 0)
        h2->flood--;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h2 = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)h2;
    if (s == NULL || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return 0;
    s->flags |= H2_STREAM_SENT_START;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        note_end(s);
    return 0;
}

/* A frame that nghttp2 does not send after all. */
static int on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error,
                             void *user)
{
    struct h2 *h2 = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    if (s == NULL || frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    MARK("h2.not_sent");
    if (!h2->mux.is_front && !h2_stream_has(s, H2_STREAM_SENT_START)) {
        /* The server has said that it takes no more, before it saw anything of this one. */
        bool is_refused =
            error == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED || error == NGHTTP2_ERR_SESSION_CLOSING;
        h2_stream_fail(s, is_refused ? STREAM_ERROR_REFUSED : STREAM_ERROR_MEMORY);
        return 0;
    }
    /* A head or trailers that do not fit, or that nothing but memory stood against. */
    h2_stream_fail(s, STREAM_ERROR_PROTOCOL);
    h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
    return 0;
}

void h2_send_set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_send_data_callback(callbacks, write_payload);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
}

/* --- to the wire --- */

static void put_pending(struct h2 *h2)
{
    if (h2->pending_len == 0)
        return;
    size_t put = buf_write(&h2->out, h2->pending, h2->pending_len);

    h2->pending += put;
    h2->pending_len -= put;
    h2->out_put_bytes += put;
}

/* As much as fits into `out`. */
static void fill_out(struct h2 *h2)
{
    h2->flags &= ~(uint32_t)H2_BLOCKED;
    for (;;) {
        put_pending(h2);
        if (h2->pending_len > 0 || h2_has(h2, H2_BROKEN))
            return;
        ssize_t len = nghttp2_session_mem_send(h2->session, &h2->pending);
        if (len <= 0) {
            h2_note_result(h2, (int)len);
            return;
        }
        h2->pending_len = (size_t)len;
    }
}

static void tell_sent(struct h2 *h2)
{
    while (!list_is_empty(&h2->ending)) {
        struct h2_stream *s = LIST_ENTRY(h2->ending.next, struct h2_stream, ending);
        if (s->end_mark > h2->out_sent_bytes)
            return;
        list_unlink(&s->ending);
        if (!h2_stream_has(s, H2_STREAM_FAILED))
            stream_sent(s->stream);
    }
}

static bool flush_out(struct h2 *h2)
{
    struct buf_span spans[2];
    unsigned count = 1;

    if (!buf_is_empty(&h2->out)) {
        spans[0] = buf_data_span(&h2->out);
        if (spans[0].len_bytes < buf_len(&h2->out)) {
            spans[1] = (struct buf_span){h2->out.area, buf_len(&h2->out) - spans[0].len_bytes};
            count = 2;
        }
        size_t sent = conn_send(h2->mux.conn, spans, count);
        buf_skip(&h2->out, sent);
        h2->out_sent_bytes += sent;
        if (sent > 0)
            h2->sent_ns = worker_now_ns();
        if (conn_has(h2->mux.conn, CONN_WRITE_END | CONN_FAILED)) {
            /* Nobody reads it; but what the peer has said before can still be read. */
            h2->out_put_bytes -= buf_len(&h2->out);
            buf_reset(&h2->out);
        }
    }
    tell_sent(h2);
    return buf_is_empty(&h2->out);
}

bool h2_send(struct h2 *h2)
{
    struct mux_env *env = h2->mux.env;

    for (int i = 0; i < SEND_ROUNDS_MAX; i++) {
        if (h2_is_flushed(h2) || h2_has(h2, H2_BROKEN)) {
            tell_sent(h2);
            break;
        }
        if (h2->out.area == NULL && !buffer_take(&env->buffers, buffer_kind_out(h2->mux.is_front),
                                                 &h2->out, &h2->out_wait, h2->mux.tasklet))
            return false;
        fill_out(h2);
        if (!flush_out(h2))
            return false;
        if (i + 1 == SEND_ROUNDS_MAX && !h2_is_flushed(h2))
            return true;
    }
    buffer_give(&env->buffers, buffer_kind_out(h2->mux.is_front), &h2->out);
    return false;
}
