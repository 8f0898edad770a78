#include "core/mux/h1_recv.h"

#include <string.h>

#include "core/http/h1_convert.h"
#include "core/mux/mux.h"
#include "core/net/conn.h"

enum { DROP_BYTES = 4096, ROUNDS_MAX = 8 };

void h1_recv_init(struct h1_recv *recv, struct mux *mux, enum buffer_kind kind)
{
    recv->mux = mux;
    recv->kind = kind;
}

static struct buffers *buffers_of(const struct h1_recv *recv)
{
    return &recv->mux->env->buffers;
}

void h1_recv_fini(struct h1_recv *recv)
{
    buffer_wait_cancel(buffers_of(recv), &recv->wait);
    buffer_give(buffers_of(recv), recv->kind, &recv->in);
    recv->trailer_len = 0;
}

void h1_recv_next_request(struct h1_recv *recv)
{
    h1_head_init_request(&recv->head);
    recv->has_head = false;
    recv->trailer_len = 0;
}

void h1_recv_next_response(struct h1_recv *recv, bool is_to_head)
{
    h1_head_init_response(&recv->head, is_to_head);
    recv->has_head = false;
    recv->trailer_len = 0;
}

/* --- receiving --- */

/* Is there any use in asking the socket? */
static bool may_receive(struct conn *conn)
{
    if (conn_has(conn, CONN_CONNECTING)) {
        conn_wait_send(conn);
        return false;
    }
    return !conn_has(conn, CONN_WAIT_RECV | CONN_READ_END | CONN_FAILED);
}

static void give_if_empty(struct h1_recv *recv)
{
    if (recv->in.area != NULL && buf_is_empty(&recv->in))
        buffer_give(buffers_of(recv), recv->kind, &recv->in);
}

/* The reserve is for the request that has a server, and never for one behind it: that would keep it
 * while it waits for a server itself. */
static bool is_in_reserve(const struct h1_recv *recv)
{
    return recv->wait.has_server && buffers_are_short(buffers_of(recv), recv->kind);
}

static size_t receive_byte(struct h1_recv *recv)
{
    struct buf byte;

    buf_init(&byte, buf_room_span(&recv->in).data, 1);
    size_t got = conn_recv(recv->mux->conn, &byte);
    buf_fill(&recv->in, got);
    if (got == 0)
        conn_wait_recv(recv->mux->conn);
    return got;
}

static size_t receive_all(struct h1_recv *recv)
{
    size_t got = conn_recv(recv->mux->conn, &recv->in);

    if (!buf_is_full(&recv->in))
        conn_wait_recv(recv->mux->conn);
    return got;
}

bool h1_recv_fill(struct h1_recv *recv)
{
    struct mux *mux = recv->mux;
    struct conn *conn = mux->conn;
    uint32_t before = conn->flags;

    if (!may_receive(conn))
        return false;
    if (recv->in.area == NULL &&
        !buffer_take(buffers_of(recv), recv->kind, &recv->in, &recv->wait, mux->tasklet))
        return false;
    if (buf_is_full(&recv->in))
        return false;
    size_t got = is_in_reserve(recv) ? receive_byte(recv) : receive_all(recv);
    give_if_empty(recv);
    return got > 0 || ((conn->flags ^ before) & (CONN_READ_END | CONN_FAILED)) != 0;
}

bool h1_recv_drop(struct h1_recv *recv)
{
    struct conn *conn = recv->mux->conn;
    uint32_t before = conn->flags;
    char area[DROP_BYTES];
    struct buf buf;

    h1_recv_fini(recv);
    if (!may_receive(conn))
        return false;
    buf_init(&buf, area, sizeof(area));
    size_t got = conn_recv(conn, &buf);
    if (!buf_is_full(&buf))
        conn_wait_recv(conn);
    return got > 0 || ((conn->flags ^ before) & (CONN_READ_END | CONN_FAILED)) != 0;
}

/* --- heads --- */

/* All that was received, in one piece. */
static struct buf_span text_of(struct h1_recv *recv)
{
    if (recv->in.area == NULL)
        return (struct buf_span){NULL, 0};
    struct buf_span span = buf_data_span(&recv->in);
    if (span.len_bytes < buf_len(&recv->in)) {
        buf_align(&recv->in);
        span = buf_data_span(&recv->in);
    }
    return span;
}

enum h1_progress h1_recv_parse(struct h1_recv *recv)
{
    struct buf_span text = text_of(recv);

    if (recv->head.head_bytes > 0)
        return H1_DONE; /* it was, and not taken */
    if (text.len_bytes == 0)
        return H1_MORE;
    return h1_head_parse(&recv->head, (const char *)text.data, text.len_bytes, recv->in.size_bytes);
}

enum h1_error h1_recv_take_head(struct h1_recv *recv, struct http_head *to)
{
    struct buf_span text = text_of(recv);
    const char *scheme = conn_has(recv->mux->conn, CONN_TLS) ? "https" : "http";
    enum h1_error error = h1_convert_head(to, &recv->head, (const char *)text.data, scheme);

    if (error != H1_OK)
        return error;
    buf_skip(&recv->in, recv->head.head_bytes);
    give_if_empty(recv);
    h1_body_init(&recv->body, &recv->head);
    recv->has_head = true;
    return H1_OK;
}

/* --- bodies --- */

/* Payload that lies in `in`. */
static bool pass_payload(struct h1_recv *recv, struct channel *channel)
{
    struct h1_body *body = &recv->body;
    struct buf_span span = buf_data_span(&recv->in);
    bool is_payload;

    if (body->state != H1_BODY_UNTIL_CLOSE && span.len_bytes > body->left_bytes)
        span.len_bytes = (size_t)body->left_bytes;
    size_t done = channel_put(channel, span.data, span.len_bytes, recv->mux->tasklet);
    if (done == 0)
        return false;
    size_t took = h1_body_step(body, (const char *)span.data, done, &is_payload);
    BUG_ON(took != done || !is_payload);
    buf_skip(&recv->in, done);
    return true;
}

/* The section is whole: `trailer_len` bytes from the start of `in`. */
static void pass_trailers(struct h1_recv *recv, struct channel *channel, const char *text)
{
    struct mux_env *env = recv->mux->env;
    struct http_head *trailers = pool_take(&env->heads);
    enum h1_error error = H1_OK;

    if (trailers != NULL) {
        http_head_init(trailers, env->head_text_bytes, recv->head.is_response);
        error = h1_convert_trailers(trailers, text, recv->trailer_len);
    }
    buf_skip(&recv->in, recv->trailer_len);
    recv->trailer_len = 0;
    if (error != H1_OK)
        recv->body.error = error;
    /* RFC 9110 6.5.1: they may be discarded, so no memory is no error. */
    if (error == H1_OK && trailers != NULL && trailers->fields_count > 0)
        channel_put_trailers(channel, trailers);
    else
        pool_give(&env->heads, trailers);
}

static bool scan_trailers(struct h1_recv *recv, struct channel *channel)
{
    struct h1_body *body = &recv->body;
    struct buf_span text = text_of(recv);
    const char *bytes = (const char *)text.data;
    bool has_moved = false;
    bool is_payload;

    while (recv->trailer_len < text.len_bytes && !h1_body_is_done(body)) {
        size_t took = h1_body_step(body, bytes + recv->trailer_len,
                                   text.len_bytes - recv->trailer_len, &is_payload);
        if (took == 0)
            return true; /* broken */
        recv->trailer_len += took;
        has_moved = true;
    }
    if (h1_body_is_done(body))
        pass_trailers(recv, channel, bytes);
    else if (buf_is_full(&recv->in))
        body->error = H1_TRAILER_TOO_LONG;
    return has_moved;
}

/* One step through what lies in `in`; false when nothing can move. */
static bool pass_received(struct h1_recv *recv, struct channel *channel)
{
    struct h1_body *body = &recv->body;
    bool is_payload;

    if (recv->in.area == NULL || buf_is_empty(&recv->in))
        return false;
    if (h1_body_is_in_payload(body))
        return pass_payload(recv, channel);
    if (h1_body_is_in_trailers(body))
        return scan_trailers(recv, channel);
    struct buf_span span = buf_data_span(&recv->in);
    size_t took = h1_body_step(body, (const char *)span.data, span.len_bytes, &is_payload);
    buf_skip(&recv->in, took);
    return took > 0;
}

/* Payload straight into the channel. */
static bool receive_payload(struct h1_recv *recv, struct channel *channel)
{
    struct h1_body *body = &recv->body;
    struct conn *conn = recv->mux->conn;
    uint32_t before = conn->flags;
    struct buf buf;
    bool is_payload;

    if (!may_receive(conn))
        return false;
    struct buf_span room = channel_room(channel, recv->mux->tasklet);
    if (room.len_bytes == 0)
        return false;
    if (body->state != H1_BODY_UNTIL_CLOSE && room.len_bytes > body->left_bytes)
        room.len_bytes = (size_t)body->left_bytes;
    buf_init(&buf, room.data, room.len_bytes);
    size_t got = conn_recv(conn, &buf);
    if (got < room.len_bytes)
        conn_wait_recv(conn);
    if (got > 0) {
        size_t took = h1_body_step(body, (const char *)room.data, got, &is_payload);
        BUG_ON(took != got || !is_payload);
        channel_fill(channel, got);
    } else {
        channel_give_room(channel);
    }
    return got > 0 || ((conn->flags ^ before) & (CONN_READ_END | CONN_FAILED)) != 0;
}

/* More from the socket, if what was received before does not wait for room. */
static bool receive_more(struct h1_recv *recv, struct channel *channel)
{
    bool is_payload = h1_body_is_in_payload(&recv->body);

    if (!is_payload)
        return h1_recv_fill(recv);
    if (h1_recv_len(recv) > 0)
        return false;
    if (!channel_has(channel, CHANNEL_CLOSED))
        return receive_payload(recv, channel);
    return h1_recv_fill(recv);
}

static bool receive_more_served(struct h1_recv *recv, struct channel *channel)
{
    recv->wait.has_server = recv->kind == BUFFER_UP_IN && channel->reader != NULL;
    bool has_moved = receive_more(recv, channel);
    recv->wait.has_server = false;
    return has_moved;
}

/* RFC 9112 8: the end of the connection is the end of the body, or cuts it off. */
static bool note_end(struct h1_recv *recv)
{
    struct conn *conn = recv->mux->conn;

    if (!conn_has(conn, CONN_READ_END | CONN_FAILED) || h1_recv_len(recv) > recv->trailer_len)
        return false;
    if (conn_has(conn, CONN_FAILED))
        recv->body.error = H1_TRUNCATED;
    else
        (void)h1_body_close(&recv->body);
    return true;
}

bool h1_recv_body(struct h1_recv *recv, struct channel *channel)
{
    struct h1_body *body = &recv->body;
    bool has_moved = false;

    for (int i = 0; i < ROUNDS_MAX && body->error == H1_OK && !h1_body_is_done(body); i++) {
        bool has_stepped = false;
        while (body->error == H1_OK && !h1_body_is_done(body) && pass_received(recv, channel))
            has_stepped = true;
        if (body->error == H1_OK && !h1_body_is_done(body))
            has_stepped |= receive_more_served(recv, channel) || note_end(recv);
        if (!has_stepped)
            break;
        has_moved = true;
    }
    give_if_empty(recv);
    if (body->error == H1_OK && h1_body_is_done(body)) {
        if (!channel_has(channel, CHANNEL_END))
            channel_end(channel);
        return true;
    }
    return has_moved || body->error != H1_OK;
}

void h1_recv_check(const struct h1_recv *recv, bool is_quiet)
{
    if (!is_quiet)
        return;
    if (recv->in.area != NULL)
        buf_check(&recv->in);
    BUG_ON(recv->trailer_len > h1_recv_len(recv));
    BUG_ON(recv->in.area != NULL && buf_is_empty(&recv->in));
}
