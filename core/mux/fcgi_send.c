#include <string.h>

#include "core/mux/channel.h"
#include "core/mux/fcgi.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"

enum {
    BEGIN_ROOM_BYTES = 128, /* GET_VALUES, BEGIN_REQUEST */
    STDIN_ROOM_BYTES = 512, /* not many small records, when there will be more room soon */
    PUTS_MAX = 1024,
};

/* --- storage --- */

/* True: `len` bytes have room. Else they will, when what is there has gone. */
static bool has_room(struct fcgi *fcgi, size_t len)
{
    struct mux *mux = &fcgi->mux;

    if (fcgi->out.area == NULL) {
        fcgi->wants_out = true;
        if (!buffer_take(&mux->env->buffers, BUFFER_UP_OUT, &fcgi->out, &fcgi->out_wait,
                         mux->tasklet))
            return false;
    }
    return buf_room(&fcgi->out) >= len;
}

static void put(struct fcgi *fcgi, const void *data, size_t len)
{
    size_t done = buf_write(&fcgi->out, data, len);

    BUG_ON(done != len);
    fcgi->put_bytes += len;
}

static void put_empty(struct fcgi *fcgi, enum fcgi_type type, uint16_t id)
{
    uint8_t data[FCGI_HEAD_BYTES];
    struct fcgi_out out = {data, sizeof(data), 0, false};

    fcgi_put_empty(&out, type, id);
    put(fcgi, data, out.len);
}

static void give_if_empty(struct fcgi *fcgi)
{
    if (fcgi->out.area != NULL && buf_is_empty(&fcgi->out))
        buffer_give(&fcgi->mux.env->buffers, BUFFER_UP_OUT, &fcgi->out);
}

/* --- before the request --- */

static struct http_head *new_head(struct fcgi *fcgi, unsigned status)
{
    struct mux_env *env = fcgi->mux.env;
    struct http_head *head = pool_take(&env->heads);

    if (head == NULL)
        return NULL;
    http_head_init(head, env->head_text_bytes, true);
    head->status = (uint16_t)status;
    return head;
}

static void drop_head(struct fcgi_stream *s)
{
    pool_give(&s->fcgi->mux.env->heads, s->head);
    s->head = NULL;
}

/* The application is not asked. */
static void answer(struct fcgi_stream *s, unsigned status)
{
    struct http_head *head = new_head(s->fcgi, status);

    if (head == NULL) {
        fcgi_stream_fail(s, STREAM_ERROR_MEMORY);
        return;
    }
    head->has_length = true;
    head->is_end = true;
    channel_put_head(s->stream->recv, head);
    s->is_over = true;
    fcgi_stream_stop_sending(s);
}

/* RFC 9110 10.1.1: scripts know nothing of it. */
static void answer_continue(struct fcgi_stream *s)
{
    struct http_head *head = new_head(s->fcgi, 100);

    if (head != NULL)
        channel_put_head(s->stream->recv, head);
    s->head->has_expect = false;
}

/* Is it known now? */
static bool find_length(struct fcgi_stream *s)
{
    const struct channel *channel = s->stream->send;
    struct cgi_request *request = &s->request;

    if (request->has_length || s->head->is_end)
        return true;
    if (!channel_has(channel, CHANNEL_END))
        return false;
    request->has_length = true;
    request->length_bytes = channel_len(channel);
    return true;
}

static bool is_full(const struct channel *channel)
{
    return channel->data.area != NULL && buf_is_full(&channel->data);
}

/* Takes the head. True: something has changed. */
static bool take_head(struct fcgi_stream *s)
{
    struct channel *channel = s->stream->send;

    s->head = channel_take_head(channel);
    if (s->head == NULL)
        return false;
    s->is_to_head = s->head->method == HTTP_METHOD_HEAD;
    s->is_idempotent = http_head_is_idempotent(s->head);
    if (!cgi_request_init(&s->request, s->head, &s->fcgi->options, s->head->has_length,
                          s->head->length_bytes)) {
        MARK("fcgi.bad_path");
        answer(s, 404);
        return true;
    }
    if (s->head->has_expect && !s->head->is_end && channel_can_put_head(s->stream->recv))
        answer_continue(s);
    return true;
}

static bool wait_for_head(struct fcgi_stream *s)
{
    if (s->head == NULL)
        return take_head(s);
    if (find_length(s)) {
        s->stdin_left = s->request.has_length ? s->request.length_bytes : 0;
        s->sending = FCGI_SEND_BEGIN;
        return true;
    }
    if (!is_full(s->stream->send) || !channel_can_put_head(s->stream->recv))
        return false;
    MARK("fcgi.length_required");
    answer(s, 411);
    return true;
}

/* --- the request --- */

static bool put_begin(struct fcgi_stream *s)
{
    struct fcgi *fcgi = s->fcgi;
    uint8_t data[BEGIN_ROOM_BYTES];
    struct fcgi_out out = {data, sizeof(data), 0, false};
    bool is_kept = !rt_is_stopping(fcgi->mux.env->rt);

    if (!has_room(fcgi, BEGIN_ROOM_BYTES))
        return false;
    if (!fcgi->is_asked)
        fcgi_put_get_values(&out);
    fcgi_put_begin(&out, s->id, FCGI_RESPONDER, is_kept ? FCGI_KEEP_CONN : 0);
    BUG_ON(out.is_overflow);
    put(fcgi, data, out.len);
    fcgi->is_asked = true;
    s->is_begun = true;
    s->sending = FCGI_SEND_PARAMS;
    if (!is_kept && !fcgi->is_closing) {
        fcgi->is_closing = true;
        fcgi_offer(fcgi);
    }
    return true;
}

/* One record of as many as fit. A parameter that does not fit into a whole buffer never will. */
static bool put_params(struct fcgi_stream *s)
{
    struct fcgi *fcgi = s->fcgi;
    uint8_t *data = NULL;

    if (!has_room(fcgi, (size_t)FCGI_HEAD_BYTES * 2))
        return false;
    struct buf_span room = buf_room_span(&fcgi->out);
    bool is_whole = buf_is_empty(&fcgi->out);
    if (room.len_bytes < (size_t)FCGI_HEAD_BYTES * 2)
        return false;
    data = room.data + FCGI_HEAD_BYTES;
    size_t size = room.len_bytes - (size_t)FCGI_HEAD_BYTES * 2;
    struct fcgi_out out = {data, size, 0, false};
    if (size > FCGI_CONTENT_BYTES_MAX)
        out.size = FCGI_CONTENT_BYTES_MAX;
    bool is_last = cgi_request_put(&s->request, &out);
    if (out.len == 0) {
        if (is_whole) {
            MARK("fcgi.request_head_too_long");
            fcgi_stream_fail(s, STREAM_ERROR_TOO_LONG);
            return true;
        }
        return false;
    }
    struct fcgi_record record = {
        .type = FCGI_PARAMS, .id = s->id, .content_len = (uint16_t)out.len};
    struct fcgi_out head = {room.data, FCGI_HEAD_BYTES, 0, false};
    fcgi_put_head(&head, &record);
    buf_fill(&fcgi->out, FCGI_HEAD_BYTES + out.len);
    fcgi->put_bytes += FCGI_HEAD_BYTES + out.len;
    if (is_last) {
        put_empty(fcgi, FCGI_PARAMS, s->id);
        drop_head(s);
        s->sending = FCGI_SEND_STDIN;
    }
    return true;
}

static void drop_trailers(struct channel *channel)
{
    if (channel->trailers != NULL)
        pool_give(channel->heads, channel_take_trailers(channel));
}

/* A body that is not as long as it was said to be: the application has been told. */
static bool fail_length(struct fcgi_stream *s)
{
    MARK("fcgi.body_length");
    fcgi_stream_fail(s, STREAM_ERROR_RESET);
    return true;
}

static bool put_stdin_end(struct fcgi_stream *s)
{
    struct fcgi *fcgi = s->fcgi;

    if (s->stdin_left > 0)
        return fail_length(s);
    if (!has_room(fcgi, FCGI_HEAD_BYTES))
        return false;
    drop_trailers(s->stream->send);
    put_empty(fcgi, FCGI_STDIN, s->id);
    s->sending = FCGI_SEND_DONE;
    s->end_at = fcgi->put_bytes;
    return true;
}

static bool put_stdin(struct fcgi_stream *s)
{
    struct fcgi *fcgi = s->fcgi;
    struct channel *channel = s->stream->send;
    struct buf_span span = channel_data(channel);
    size_t len = span.len_bytes;

    if (len == 0)
        return channel_has(channel, CHANNEL_END) && put_stdin_end(s);
    if (channel_len(channel) > s->stdin_left)
        return fail_length(s);
    size_t wanted = len < STDIN_ROOM_BYTES ? len : STDIN_ROOM_BYTES;
    bool is_first = fcgi->out.area == NULL || buf_is_empty(&fcgi->out);
    if (!has_room(fcgi, FCGI_HEAD_BYTES + (is_first ? 1 : wanted)))
        return false;
    size_t room = buf_room(&fcgi->out) - FCGI_HEAD_BYTES;
    len = len < room ? len : room;
    len = len < FCGI_CONTENT_BYTES_MAX ? len : FCGI_CONTENT_BYTES_MAX;
    struct fcgi_record record = {.type = FCGI_STDIN, .id = s->id, .content_len = (uint16_t)len};
    uint8_t data[FCGI_HEAD_BYTES];
    struct fcgi_out head = {data, sizeof(data), 0, false};
    fcgi_put_head(&head, &record);
    put(fcgi, data, head.len);
    put(fcgi, span.data, len);
    s->stdin_left -= len;
    channel_skip(channel, len);
    return true;
}

static bool put_abort(struct fcgi_stream *s)
{
    if (!s->is_abort_wanted || !has_room(s->fcgi, FCGI_HEAD_BYTES))
        return false;
    put_empty(s->fcgi, FCGI_ABORT_REQUEST, s->id);
    s->is_abort_wanted = false;
    return true;
}

/* The next record of a request, or a step towards one. `s` may be freed by it. */
static bool put_next(struct fcgi_stream *s)
{
    if (s->stream == NULL)
        return put_abort(s);
    if (s->is_over)
        return false;
    switch (s->sending) {
    case FCGI_SEND_HEAD:
        return wait_for_head(s);
    case FCGI_SEND_BEGIN:
        return put_begin(s);
    case FCGI_SEND_PARAMS:
        return put_params(s);
    case FCGI_SEND_STDIN:
        return put_stdin(s);
    case FCGI_SEND_DONE:
    case FCGI_SEND_STOPPED:
        break;
    }
    return false;
}

/* One step of each in turn; who had it waits behind the others. */
static bool put_all(struct fcgi *fcgi)
{
    bool has_moved = false;
    unsigned count = fcgi->streams_count;

    for (unsigned i = 0; i < count; i++) {
        struct list *link = list_pop_head(&fcgi->streams);
        if (link == NULL)
            break;
        list_push_tail(&fcgi->streams, link);
        has_moved |= put_next(LIST_ENTRY(link, struct fcgi_stream, link));
    }
    return has_moved;
}

/* --- sending --- */

void fcgi_stream_stop_sending(struct fcgi_stream *s)
{
    drop_head(s);
    s->sending = FCGI_SEND_STOPPED;
    if (s->stream != NULL)
        channel_close(s->stream->send);
}

void fcgi_send_stop(struct fcgi *fcgi)
{
    struct buffers *buffers = &fcgi->mux.env->buffers;
    struct list *link;

    buffer_wait_cancel(buffers, &fcgi->out_wait);
    buffer_give(buffers, BUFFER_UP_OUT, &fcgi->out);
    LIST_EACH(link, &fcgi->streams)
    {
        struct fcgi_stream *s = LIST_ENTRY(link, struct fcgi_stream, link);
        s->is_abort_wanted = false;
        if (s->is_begun && !s->is_over && s->sending < FCGI_SEND_DONE)
            fcgi_stream_stop_sending(s);
    }
    if (!fcgi->is_closing) {
        fcgi->is_closing = true;
        fcgi_offer(fcgi);
    }
}

static void tell_sent(struct fcgi *fcgi)
{
    struct list *link;

    LIST_EACH(link, &fcgi->streams)
    {
        struct fcgi_stream *s = LIST_ENTRY(link, struct fcgi_stream, link);
        if (s->stream != NULL && s->sending == FCGI_SEND_DONE && fcgi->sent_bytes >= s->end_at)
            stream_sent(s->stream);
    }
}

static bool flush(struct fcgi *fcgi)
{
    struct conn *conn = fcgi->mux.conn;
    struct buf_span spans[2];

    if (fcgi->out.area == NULL || buf_is_empty(&fcgi->out) || fcgi_send_is_stuck(fcgi))
        return false;
    size_t len = buf_len(&fcgi->out);
    spans[0] = buf_data_span(&fcgi->out);
    spans[1] = (struct buf_span){fcgi->out.area, len - spans[0].len_bytes};
    size_t sent = conn_send(conn, spans, spans[1].len_bytes > 0 ? 2 : 1);
    buf_skip(&fcgi->out, sent);
    fcgi->sent_bytes += sent;
    fcgi->has_progress |= sent > 0;
    if (sent < len)
        conn_wait_send(conn);
    tell_sent(fcgi);
    return sent > 0;
}

bool fcgi_send_is_stuck(const struct fcgi *fcgi)
{
    return conn_has(fcgi->mux.conn, CONN_WAIT_SEND);
}

static bool stop_if_ended(struct fcgi *fcgi)
{
    if (!conn_has(fcgi->mux.conn, CONN_WRITE_END | CONN_FAILED))
        return false;
    fcgi_send_stop(fcgi);
    return true;
}

bool fcgi_send_pump(struct fcgi *fcgi)
{
    bool has_moved = false;

    if (stop_if_ended(fcgi))
        return false;
    fcgi->wants_out = false;
    for (int i = 0; i < PUTS_MAX && put_all(fcgi); i++)
        has_moved = true;
    has_moved |= flush(fcgi);
    /* Nothing may come of it that would bring us here again. */
    if (stop_if_ended(fcgi))
        return has_moved;
    give_if_empty(fcgi);
    if (buffer_is_waiting(&fcgi->out_wait) && !fcgi->wants_out)
        buffer_wait_cancel(&fcgi->mux.env->buffers, &fcgi->out_wait);
    return has_moved;
}
