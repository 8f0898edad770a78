#include "core/mux/h1_send.h"

#include <string.h>

#include "core/mux/mux.h"
#include "core/net/conn.h"

enum { ROUNDS_MAX = 8 };

void h1_send_init(struct h1_send *send, struct mux *mux)
{
    send->mux = mux;
}

static struct buffers *buffers_of(const struct h1_send *send)
{
    return &send->mux->env->buffers;
}

void h1_send_fini(struct h1_send *send)
{
    buffer_wait_cancel(buffers_of(send), &send->wait);
    buffer_give(buffers_of(send), buffer_kind_out(send->mux->is_front), &send->out);
}

void h1_send_next(struct h1_send *send)
{
    BUG_ON(!h1_send_is_flushed(send));
    send->has_head = false;
    send->is_last = false;
    send->is_done = false;
}

/* --- heads --- */

bool h1_send_begin(struct h1_send *send, struct h1_out *out)
{
    if (send->out.area == NULL &&
        !buffer_take(buffers_of(send), buffer_kind_out(send->mux->is_front), &send->out,
                     &send->wait, send->mux->tasklet))
        return false;
    struct buf_span room = buf_room_span(&send->out);
    *out = (struct h1_out){(char *)room.data, room.len_bytes, 0, false};
    return true;
}

static void give_if_empty(struct h1_send *send)
{
    if (send->out.area != NULL && buf_is_empty(&send->out))
        buffer_give(buffers_of(send), buffer_kind_out(send->mux->is_front), &send->out);
}

bool h1_send_commit(struct h1_send *send, const struct h1_out *out)
{
    if (!out->is_overflow)
        buf_fill(&send->out, out->len);
    give_if_empty(send);
    return !out->is_overflow;
}

void h1_send_body(struct h1_send *send, enum h1_framing framing, uint64_t length_bytes)
{
    send->has_head = true;
    send->framing = framing;
    send->left_bytes = framing == H1_FRAMING_LENGTH ? length_bytes : 0;
}

/* --- bodies --- */

static size_t text_left(const struct h1_send_text *text)
{
    return (size_t)text->len - text->at;
}

static void set_text(struct h1_send_text *text, const char *data, size_t len)
{
    BUG_ON(len > sizeof(text->data));
    memcpy(text->data, data, len);
    text->at = 0;
    text->len = (uint8_t)len;
}

/* RFC 9112 7.1: chunk-size CRLF. */
static void set_chunk_head(struct h1_send_text *text, uint64_t len_bytes)
{
    static const char digits[] = "0123456789abcdef";
    char line[H1_SEND_TEXT_BYTES];
    size_t at = sizeof(line);

    line[--at] = '\n';
    line[--at] = '\r';
    do {
        line[--at] = digits[len_bytes & 15];
        len_bytes >>= 4;
    } while (len_bytes > 0);
    set_text(text, line + at, sizeof(line) - at);
}

/* The end of a chunked body; false when there is no buffer for its trailers. */
static bool put_last_chunk(struct h1_send *send, struct channel *channel)
{
    struct h1_out out;

    if (channel->trailers == NULL) {
        set_text(&send->before, "0\r\n\r\n", 5);
        send->is_last = true;
        return true;
    }
    if (!h1_send_begin(send, &out))
        return false;
    h1_put_trailers(&out, channel->trailers);
    if (!h1_send_commit(send, &out)) {
        /* RFC 9110 6.5.1: they may be dropped. But not while what lies before them goes away. */
        if (!h1_send_is_flushed(send))
            return false;
        set_text(&send->before, "0\r\n\r\n", 5);
    }
    pool_give(channel->heads, channel_take_trailers(channel));
    send->is_last = true;
    return true;
}

static void prepare_chunk(struct h1_send *send, struct channel *channel)
{
    size_t len = channel_len(channel);

    if (send->left_bytes > 0 || text_left(&send->before) + text_left(&send->after) > 0 ||
        send->is_last)
        return;
    if (len > 0) {
        bool is_all = channel_has(channel, CHANNEL_END) && channel->trailers == NULL;
        send->left_bytes = len;
        set_chunk_head(&send->before, len);
        set_text(&send->after, is_all ? "\r\n0\r\n\r\n" : "\r\n", is_all ? 7 : 2);
        send->is_last = is_all;
    } else if (channel_has(channel, CHANNEL_END)) {
        (void)put_last_chunk(send, channel);
    }
}

/* RFC 9110 6.5: no other framing has a place for trailers. */
static void drop_trailers(struct channel *channel)
{
    if (channel->trailers != NULL)
        pool_give(channel->heads, channel_take_trailers(channel));
}

/* Says what of the channel may go next; notes when all has gone or never will. */
static void prepare(struct h1_send *send, struct channel *channel)
{
    switch (send->framing) {
    case H1_FRAMING_NONE:
        /* RFC 9112 6.3 (1): whatever there is, it is not sent. */
        channel_skip(channel, channel_len(channel));
        break;
    case H1_FRAMING_LENGTH:
        /* More or less than announced would be taken for, or swallow, the next message. */
        send->is_broken |= channel_len(channel) > send->left_bytes;
        break;
    case H1_FRAMING_CHUNKED:
        prepare_chunk(send, channel);
        break;
    case H1_FRAMING_CLOSE:
        send->left_bytes = channel_len(channel);
        break;
    }
    if (send->framing != H1_FRAMING_CHUNKED && channel_len(channel) == 0)
        drop_trailers(channel);
    send->is_broken |= channel_has(channel, CHANNEL_BROKEN);
    if (send->is_broken || !channel_is_done(channel) || !h1_send_is_flushed(send))
        return;
    if (send->framing == H1_FRAMING_CHUNKED && !send->is_last)
        return;
    send->is_broken = send->left_bytes > 0;
    send->is_done = !send->is_broken;
}

static void add_span(struct buf_span *spans, unsigned *count, void *data, size_t len_bytes)
{
    if (len_bytes > 0 && *count < CONN_SPANS_MAX)
        spans[(*count)++] = (struct buf_span){data, len_bytes};
}

static unsigned collect(struct h1_send *send, struct channel *channel, struct buf_span *spans)
{
    struct buf_span data[2];
    unsigned count = 0;
    uint64_t left = send->left_bytes;

    if (send->out.area != NULL) {
        struct buf_span out = buf_data_span(&send->out);
        add_span(spans, &count, out.data, out.len_bytes);
        if (out.len_bytes < buf_len(&send->out))
            return count;
    }
    if (channel == NULL || !send->has_head)
        return count;
    add_span(spans, &count, send->before.data + send->before.at, text_left(&send->before));
    unsigned data_count = channel_spans(channel, data);
    for (unsigned i = 0; i < data_count; i++) {
        size_t len = data[i].len_bytes < left ? data[i].len_bytes : (size_t)left;
        add_span(spans, &count, data[i].data, len);
        left -= len;
    }
    if (left == 0)
        add_span(spans, &count, send->after.data + send->after.at, text_left(&send->after));
    return count;
}

static size_t use(size_t *len, size_t left)
{
    size_t done = *len < left ? *len : left;

    *len -= done;
    return done;
}

/* `len` bytes of what collect() found have gone. */
static void account(struct h1_send *send, struct channel *channel, size_t len)
{
    if (send->out.area != NULL) {
        buf_skip(&send->out, use(&len, buf_len(&send->out)));
        give_if_empty(send);
    }
    if (len == 0)
        return;
    send->before.at += (uint8_t)use(&len, text_left(&send->before));
    size_t data = use(&len, send->left_bytes < SIZE_MAX ? (size_t)send->left_bytes : SIZE_MAX);
    send->left_bytes -= data;
    channel_skip(channel, data);
    send->after.at += (uint8_t)use(&len, text_left(&send->after));
    BUG_ON(len > 0);
}

bool h1_send_pump(struct h1_send *send, struct channel *channel)
{
    struct conn *conn = send->mux->conn;
    bool has_moved = false;

    if (conn_has(conn, CONN_CONNECTING))
        conn_wait_send(conn);
    for (int i = 0; i < ROUNDS_MAX && !send->is_done && !send->is_broken; i++) {
        struct buf_span spans[CONN_SPANS_MAX];
        size_t len = 0;
        if (send->has_head && channel != NULL)
            prepare(send, channel);
        if (send->is_done || send->is_broken)
            return true;
        unsigned count = collect(send, channel, spans);
        for (unsigned j = 0; j < count; j++)
            len += spans[j].len_bytes;
        if (len == 0 || h1_send_is_stuck(send))
            break;
        size_t sent = conn_send(conn, spans, count);
        account(send, channel, sent);
        has_moved |= sent > 0;
        if (sent < len) {
            conn_wait_send(conn);
            break;
        }
    }
    return has_moved;
}

bool h1_send_is_flushed(const struct h1_send *send)
{
    bool is_in_chunk = send->framing == H1_FRAMING_CHUNKED && send->left_bytes > 0;

    return (send->out.area == NULL || buf_is_empty(&send->out)) && !is_in_chunk &&
           text_left(&send->before) + text_left(&send->after) == 0;
}

bool h1_send_is_stuck(const struct h1_send *send)
{
    return conn_has(send->mux->conn, CONN_WAIT_SEND);
}

void h1_send_check(const struct h1_send *send, bool is_quiet)
{
    if (!is_quiet)
        return;
    if (send->out.area != NULL)
        buf_check(&send->out);
    BUG_ON(send->out.area != NULL && buf_is_empty(&send->out));
}
