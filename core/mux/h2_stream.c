#include "core/base/err.h"
#include "core/base/hook.h"
#include "core/mux/h2.h"
#include "core/rt/rt.h"

/* --- life --- */

struct h2_stream *h2_stream_new(struct h2 *h2, struct stream *stream, int32_t id)
{
    struct h2_stream *s = pool_take_zero(&h2->mux.env->streams);

    if (s == NULL)
        return NULL;
    s->h2 = h2;
    s->stream = stream;
    s->id = id;
    s->flags = id > 0 ? H2_STREAM_IS_OPEN : 0;
    list_init(&s->ending);
    list_push_tail(&h2->streams, &s->link);
    h2->streams_count++;
    h2->flags |= H2_SEEN;
    return s;
}

/* What was received and has not found its place. */
static void drop_heads(struct h2_stream *s)
{
    struct pool *heads = &s->h2->mux.env->heads;

    pool_give(heads, s->head);
    pool_give(heads, s->trailers);
    s->head = NULL;
    s->trailers = NULL;
}

void h2_stream_free(struct h2_stream *s)
{
    struct h2 *h2 = s->h2;

    /* Also when nghttp2 has only queued it. It knows nothing of one that is closed. */
    if (s->id > 0)
        (void)nghttp2_session_set_stream_user_data(h2->session, s->id, NULL);
    h2_recv_drop_held(h2, s);
    drop_heads(s);
    list_unlink(&s->ending);
    list_unlink(&s->link);
    BUG_ON(h2->streams_count == 0);
    if (--h2->streams_count == 0)
        h2->idle_ns = worker_now_ns();
    pool_give(&h2->mux.env->streams, s);
}

void h2_stream_join(struct h2_stream *s, struct stream *stream)
{
    struct h2 *h2 = s->h2;

    s->stream = stream;
    stream->mux = &h2->mux;
    stream->impl = s;
    list_init(&stream->ready);
    /* The other side may have moved before we could be told. */
    h2_ready(stream);
}

void h2_stream_consume(struct h2_stream *s, size_t len_bytes)
{
    if (len_bytes > 0 && h2_stream_has(s, H2_STREAM_IS_OPEN))
        h2_note_result(s->h2, nghttp2_session_consume_stream(s->h2->session, s->id, len_bytes));
}

void h2_stream_reset(struct h2_stream *s, uint32_t code)
{
    struct h2 *h2 = s->h2;

    if (h2_stream_has(s, H2_STREAM_IS_OPEN) && !h2_has(h2, H2_OVER))
        h2_note_result(h2, nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, s->id, code));
}

void h2_stream_fail(struct h2_stream *s, enum stream_error error)
{
    if (s->stream == NULL || h2_stream_has(s, H2_STREAM_FAILED))
        return;
    s->flags |= H2_STREAM_FAILED;
    h2_recv_drop_held(s->h2, s);
    drop_heads(s);
    list_unlink(&s->ending);
    stream_fail(s->stream, error);
}

/* --- between nghttp2 and the channels --- */

/* Head, trailers and end, as the channel can take them. Payload came by itself (h2_recv.c). */
static void hand_over(struct h2_stream *s)
{
    struct channel *recv = s->stream->recv;

    if (h2_stream_has(s, H2_STREAM_RECV_DONE))
        return;
    if (s->head != NULL && h2_stream_has(s, H2_STREAM_HEAD_WHOLE) && channel_can_put_head(recv)) {
        struct http_head *head = s->head;
        s->head = NULL;
        s->flags &= ~(uint32_t)H2_STREAM_HEAD_WHOLE;
        if (!http_head_is_interim(head) && head->is_end)
            s->flags |= H2_STREAM_RECV_DONE;
        channel_put_head(recv, head);
        return hand_over(s);
    }
    if (s->head != NULL || s->h2->held == s || !h2_stream_has(s, H2_STREAM_RECV_END))
        return;
    s->flags |= H2_STREAM_RECV_DONE;
    if (s->trailers != NULL) {
        struct http_head *trailers = s->trailers;
        s->trailers = NULL;
        channel_put_trailers(recv, trailers);
    } else {
        channel_end(recv);
    }
}

/* What the reader has taken may come again. */
static void open_window(struct h2_stream *s)
{
    size_t left = channel_len(s->stream->recv);

    if (s->unconsumed_bytes <= left)
        return;
    uint64_t taken = s->unconsumed_bytes - left;
    s->unconsumed_bytes = left;
    /* After the end there is nothing to open it for. */
    if (!h2_stream_has(s, H2_STREAM_RECV_END))
        h2_stream_consume(s, taken);
}

/* False: the stream is lost. */
static bool send_heads(struct h2_stream *s)
{
    struct h2 *h2 = s->h2;
    struct channel *send = s->stream->send;

    while (!h2_stream_has(s, H2_STREAM_SENT_HEAD)) {
        struct http_head *head = channel_take_head(send);
        if (head == NULL)
            return true;
        bool is_sent = h2_send_head(s, head);
        pool_give(&h2->mux.env->heads, head);
        if (!is_sent) {
            bool is_refused = h2_has(h2, H2_CLOSING) && s->id == 0;
            h2_stream_fail(s, is_refused ? STREAM_ERROR_REFUSED : STREAM_ERROR_MEMORY);
            h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
            return false;
        }
    }
    return true;
}

static void send_rest(struct h2_stream *s)
{
    struct channel *send = s->stream->send;

    if (channel_has(send, CHANNEL_BROKEN) && channel_len(send) == 0) {
        /* The peer must not take it for complete. */
        if (!h2_stream_has(s, H2_STREAM_SENT_END))
            h2_stream_reset(s, s->h2->mux.is_front ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_CANCEL);
        return;
    }
    if (!h2_stream_has(s, H2_STREAM_DEFERRED) ||
        (channel_len(send) == 0 && !channel_has(send, CHANNEL_END)))
        return;
    s->flags &= ~(uint32_t)H2_STREAM_DEFERRED;
    if (h2_stream_has(s, H2_STREAM_IS_OPEN))
        h2_note_result(s->h2, nghttp2_session_resume_data(s->h2->session, s->id));
}

void h2_stream_sync(struct h2_stream *s)
{
    if (s->stream == NULL || h2_stream_has(s, H2_STREAM_FAILED))
        return;
    hand_over(s);
    open_window(s);
    if (channel_has(s->stream->send, CHANNEL_CLOSED))
        return;
    if (send_heads(s))
        send_rest(s);
}

void h2_stream_sync_ready(struct h2 *h2)
{
    struct list todo;
    struct list *link;

    /* Once round: those that become ready meanwhile wake us again. */
    list_init(&todo);
    list_splice_tail(&todo, &h2->ready);
    while (!h2_is_choked(h2)) {
        link = list_pop_head(&todo);
        if (link == NULL)
            return;
        struct stream *stream = LIST_ENTRY(link, struct stream, ready);
        h2_stream_sync(stream->impl);
    }
    list_splice_head(&h2->ready, &todo);
}

/* --- what the exchange asks for --- */

unsigned h2_room(const struct mux *mux)
{
    const struct h2 *h2 = CONTAINER_OF(mux, const struct h2, mux);

    if (h2_has(h2, H2_OVER | H2_CLOSING | H2_BROKEN) ||
        !nghttp2_session_check_request_allowed(h2->session))
        return 0;
    uint32_t allowed =
        nghttp2_session_get_remote_settings(h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    if (allowed > mux->env->streams_max)
        allowed = mux->env->streams_max;
    return allowed > h2->streams_count ? allowed - h2->streams_count : 0;
}

int h2_attach(struct mux *mux, struct stream *stream)
{
    struct h2 *h2 = CONTAINER_OF(mux, struct h2, mux);

    if (h2_room(mux) == 0)
        return -ERR_FULL;
    struct h2_stream *s = h2_stream_new(h2, NULL, 0);
    if (s == NULL)
        return -ERR_MEMORY;
    h2_stream_join(s, stream);
    return 0;
}

void h2_ready(struct stream *stream)
{
    struct h2_stream *s = stream->impl;

    if (list_is_linked(&stream->ready))
        return;
    list_push_tail(&s->h2->ready, &stream->ready);
    tasklet_wakeup(s->h2->mux.tasklet);
}

/* RFC 9113 8.1: NO_ERROR: take the response, and spare us the rest of the request. */
static uint32_t code_of(const struct h2_stream *s)
{
    bool is_answered = s->h2->mux.is_front && h2_stream_has(s, H2_STREAM_SENT_END);

    return is_answered ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL;
}

void h2_detach(struct stream *stream)
{
    struct h2_stream *s = stream->impl;
    struct h2 *h2 = s->h2;
    bool is_whole = h2_stream_has(s, H2_STREAM_RECV_END) && h2_stream_has(s, H2_STREAM_SENT_END);
    bool was_full = h2->mux.is_front || h2_room(&h2->mux) == 0;

    if (is_whole && !h2_stream_has(s, H2_STREAM_FAILED))
        h2->flags |= H2_SAFE;
    h2_stream_reset(s, code_of(s));
    list_unlink(&stream->ready);
    stream->mux = NULL;
    stream->impl = NULL;
    h2_stream_free(s);
    if (!h2->mux.is_front && h2->streams_count == 0) {
        h2_last_gone(h2);
        return;
    }
    tasklet_wakeup(h2->mux.tasklet); /* nghttp2 may have a reset to send */
    if (was_full)
        h2_offer(h2);
}
