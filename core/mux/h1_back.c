#include "core/mux/h1_back.h"

#include "core/base/err.h"
#include "core/mux/channel.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"

enum { ROUNDS_MAX = 16 }; /* of pumping in one turn: then others run */

static struct h1_back *back_of(struct mux *mux)
{
    return CONTAINER_OF(mux, struct h1_back, mux);
}

static const struct h1_back *back_of_const(const struct mux *mux)
{
    return CONTAINER_OF(mux, const struct h1_back, mux);
}

/* --- ends --- */

static void let_go(struct h1_back *back)
{
    stream_let_go(back->stream);
    back->stream = NULL;
}

static void fail_stream(struct h1_back *back, enum stream_error error)
{
    if (back->stream == NULL)
        return;
    stream_fail(back->stream, error);
    let_go(back);
}

static void destroy(struct mux *mux)
{
    struct h1_back *back = back_of(mux);
    struct mux_env *env = mux->env;

    fail_stream(back, STREAM_ERROR_RESET);
    h1_recv_fini(&back->recv);
    h1_send_fini(&back->send);
    mux_fini(mux);
    pool_give(&env->muxes[MUX_H1_BACK], back);
}

/* Ends it, and the request under way. Always false: what a turn returns then. */
static bool fail(struct h1_back *back, enum stream_error error)
{
    fail_stream(back, error);
    conn_set_reset(back->mux.conn);
    destroy(&back->mux);
    return false;
}

/* The server has gone, or what it said cannot be an answer. RFC 9112 9.3.1: over a connection that
 * was idle it may simply have closed before it saw the request. Whether it had we cannot know: RFC
 * 9110 9.2.2. */
static enum stream_error error_of_end(const struct h1_back *back)
{
    if (!back->is_made)
        return STREAM_ERROR_CONNECT;
    if (back->requests_count == 1 || back->has_answer)
        return STREAM_ERROR_RESET;
    return back->is_idempotent || !back->is_seen ? STREAM_ERROR_REFUSED : STREAM_ERROR_RESET;
}

/* --- the request --- */

/* Nothing may have come before we asked. Costs a system call only if something was reported. */
static bool is_quiet_before_request(struct h1_back *back)
{
    if (!h1_recv_drop(&back->recv) && !conn_has(back->mux.conn, CONN_READ_END | CONN_FAILED))
        return true;
    MARK("h1.back.unsolicited");
    return false;
}

static enum h1_framing framing_of(const struct http_head *head)
{
    if (head->is_end)
        return H1_FRAMING_NONE;
    return head->has_length ? H1_FRAMING_LENGTH : H1_FRAMING_CHUNKED;
}

/* Writes the head; STREAM_ERROR_NONE also when it must wait. */
static enum stream_error write_head(struct h1_back *back)
{
    struct channel *channel = back->stream->send;
    struct http_head *head = channel->head;
    struct h1_out out;

    if (head == NULL || back->send.has_head)
        return STREAM_ERROR_NONE;
    if (!is_quiet_before_request(back))
        return back->requests_count > 1 ? STREAM_ERROR_REFUSED : STREAM_ERROR_PROTOCOL;
    if (!h1_send_begin(&back->send, &out))
        return STREAM_ERROR_NONE;
    enum h1_framing framing = framing_of(head);
    struct h1_form form = {.is_chunked = framing == H1_FRAMING_CHUNKED,
                           .is_keepalive = !rt_is_stopping(back->mux.env->rt),
                           .minor = 1};
    h1_put_request_head(&out, head, &form);
    if (!h1_send_commit(&back->send, &out)) {
        MARK("h1.back.request_head_too_long");
        return STREAM_ERROR_TOO_LONG;
    }
    back->is_promised = form.is_keepalive;
    back->is_idempotent = http_head_is_idempotent(head);
    h1_send_body(&back->send, framing, head->length_bytes);
    h1_recv_next_response(&back->recv, head->method == HTTP_METHOD_HEAD);
    pool_give(channel->heads, channel_take_head(channel));
    return STREAM_ERROR_NONE;
}

/* The rest of the request cannot be sent. RFC 9112 9.5: the server may have answered before it
 * stopped reading; that is for the response. */
static void stop_sending(struct h1_back *back)
{
    MARK("h1.back.server_stopped_reading");
    h1_send_fini(&back->send);
    channel_close(back->stream->send);
}

static bool send_request(struct h1_back *back)
{
    struct h1_send *send = &back->send;
    struct conn *conn = back->mux.conn;
    struct channel *channel = back->stream->send;

    if (!send->has_head || channel_has(channel, CHANNEL_CLOSED))
        return false;
    if (conn_has(conn, CONN_WRITE_END | CONN_FAILED)) {
        /* Without an answer it may have to be sent elsewhere: it stays where it is. */
        if (!back->has_answer)
            return false;
        stop_sending(back);
        return true;
    }
    bool has_moved = h1_send_pump(send, channel);
    back->has_progress |= has_moved;
    back->is_seen |= has_moved;
    if (send->is_done)
        stream_sent(back->stream);
    return has_moved && !send->is_done;
}

/* --- the response --- */

/* RFC 9110 7.8: we asked for no upgrade, so there can be none. */
static enum stream_error check_head(const struct h1_back *back)
{
    return back->recv.head.status == 101 ? STREAM_ERROR_PROTOCOL : STREAM_ERROR_NONE;
}

static enum stream_error pass_head(struct h1_back *back)
{
    struct mux_env *env = back->mux.env;
    struct channel *channel = back->stream->recv;
    bool is_to_head = back->recv.head.is_to_head;
    struct http_head *head = pool_take(&env->heads);

    if (head == NULL) {
        MARK("h1.back.no_memory");
        return STREAM_ERROR_MEMORY;
    }
    http_head_init(head, env->head_text_bytes, true);
    if (h1_recv_take_head(&back->recv, head) != H1_OK) {
        pool_give(&env->heads, head);
        return STREAM_ERROR_TOO_LONG;
    }
    bool is_interim = http_head_is_interim(head);
    if (is_interim)
        head->is_end = false;
    channel_put_head(channel, head);
    if (is_interim)
        h1_recv_next_response(&back->recv, is_to_head);
    return STREAM_ERROR_NONE;
}

static bool is_too_long(enum h1_error error)
{
    return error == H1_HEAD_TOO_LONG || error == H1_TOO_MANY_HEADERS;
}

static enum stream_error read_head(struct h1_back *back, bool *has_moved)
{
    struct h1_recv *recv = &back->recv;
    enum stream_error error = STREAM_ERROR_NONE;

    *has_moved |= h1_recv_fill(recv);
    back->has_answer |= h1_recv_len(recv) > 0;
    switch (h1_recv_parse(recv)) {
    case H1_FAILED:
        MARK("h1.back.bad_head");
        return is_too_long(recv->head.error) ? STREAM_ERROR_TOO_LONG : STREAM_ERROR_PROTOCOL;
    case H1_DONE:
        error = check_head(back);
        if (error != STREAM_ERROR_NONE || !channel_can_put_head(back->stream->recv))
            return error;
        *has_moved = true;
        return pass_head(back);
    case H1_MORE:
        break;
    }
    if (conn_has(back->mux.conn, CONN_READ_END | CONN_FAILED))
        return error_of_end(back);
    return STREAM_ERROR_NONE;
}

static enum stream_error read_body(struct h1_back *back, bool *has_moved)
{
    struct h1_recv *recv = &back->recv;

    if (h1_recv_is_done(recv))
        return STREAM_ERROR_NONE;
    *has_moved |= h1_recv_body(recv, back->stream->recv);
    if (recv->body.error == H1_OK)
        return STREAM_ERROR_NONE;
    MARK("h1.back.bad_body");
    return recv->body.error == H1_TRUNCATED ? STREAM_ERROR_RESET : STREAM_ERROR_PROTOCOL;
}

/* --- turns --- */

/* RFC 9112 9.2: nothing may come while no request is under way. */
static bool run_idle(struct h1_back *back)
{
    if (!h1_recv_drop(&back->recv) && !conn_has(back->mux.conn, CONN_READ_END | CONN_FAILED))
        return true;
    MARK("h1.back.end_while_idle");
    destroy(&back->mux);
    return false;
}

static bool is_connecting(struct h1_back *back)
{
    struct conn *conn = back->mux.conn;

    if (back->is_made)
        return false;
    if (conn_has(conn, CONN_CONNECTING)) {
        conn_wait_send(conn);
        return true;
    }
    back->is_made = !conn_has(conn, CONN_FAILED);
    return false;
}

static enum stream_error pump(struct h1_back *back, bool *has_moved)
{
    enum stream_error error = write_head(back);

    if (error != STREAM_ERROR_NONE || !back->send.has_head)
        return error;
    *has_moved |= send_request(back);
    if (!back->recv.has_head)
        error = read_head(back, has_moved);
    if (error == STREAM_ERROR_NONE && back->recv.has_head)
        error = read_body(back, has_moved);
    return error;
}

static void arm(struct h1_back *back)
{
    const struct mux_timeouts *timeouts = &back->mux.env->timeouts;
    enum h1_back_wait wait = H1_BACK_WAIT_NOTHING;
    uint64_t delay_ns = 0;

    if (!back->is_made) {
        wait = H1_BACK_WAIT_CONNECT;
        delay_ns = timeouts->connect_ns;
    } else if (h1_send_is_stuck(&back->send)) {
        wait = H1_BACK_WAIT_SEND;
        delay_ns = timeouts->server_ns;
    }
    if (wait == back->wait && !(wait == H1_BACK_WAIT_SEND && back->has_progress))
        return;
    back->wait = wait;
    mux_arm(&back->mux, delay_ns);
}

static bool run(struct mux *mux)
{
    struct h1_back *back = back_of(mux);
    bool has_moved = true;

    back->has_progress = false;
    if (is_connecting(back)) {
        arm(back);
        return true;
    }
    if (!back->is_made)
        return fail(back, STREAM_ERROR_CONNECT);
    if (back->stream == NULL)
        return run_idle(back);
    for (int i = 0; i < ROUNDS_MAX && has_moved; i++) {
        has_moved = false;
        enum stream_error error = pump(back, &has_moved);
        if (error != STREAM_ERROR_NONE)
            return fail(back, error);
    }
    if (has_moved) {
        MARK("h1.back.rounds_max");
        tasklet_wakeup(mux->tasklet); /* there is more; but others have waited */
    }
    arm(back);
    return true;
}

static bool late(struct mux *mux)
{
    struct h1_back *back = back_of(mux);
    bool is_connect = back->wait == H1_BACK_WAIT_CONNECT;

    MARK("h1.back.late");
    return fail(back, is_connect ? STREAM_ERROR_CONNECT : STREAM_ERROR_TIMEOUT);
}

/* --- what others call --- */

static int attach(struct mux *mux, struct stream *stream)
{
    struct h1_back *back = back_of(mux);

    if (back->stream != NULL)
        return -ERR_FULL;
    back->stream = stream;
    stream->mux = mux;
    stream->impl = back;
    back->requests_count++;
    back->has_answer = false;
    back->is_idempotent = false;
    back->is_seen = false;
    back->wait = H1_BACK_WAIT_NOTHING;
    mux_arm(mux, 0);
    h1_recv_next_response(&back->recv, false);
    tasklet_wakeup(mux->tasklet);
    return 0;
}

static void ready(struct stream *stream)
{
    tasklet_wakeup(stream->mux->tasklet);
}

/* Request and response were whole, and nothing came beyond. RFC 9112 9.3, 9.6. */
static bool may_keep(const struct h1_back *back)
{
    return back->send.is_done && h1_recv_is_done(&back->recv) && back->recv.head.is_keepalive &&
           back->is_promised && h1_recv_len(&back->recv) == 0 &&
           !conn_has(back->mux.conn, CONN_READ_END | CONN_WRITE_END | CONN_FAILED) &&
           conn_is_clean(back->mux.conn);
}

static void detach(struct stream *stream)
{
    struct h1_back *back = stream->impl;
    bool is_whole = back->send.is_done && h1_recv_is_done(&back->recv);

    let_go(back);
    if (!may_keep(back)) {
        /* The server must not take what it got for a whole request. */
        if (!is_whole)
            conn_set_reset(back->mux.conn);
        destroy(&back->mux);
        return;
    }
    h1_send_next(&back->send);
    mux_idle(&back->mux, back->requests_count > 1);
}

static unsigned room(const struct mux *mux)
{
    return back_of_const(mux)->stream == NULL ? 1 : 0;
}

static bool is_clean(const struct mux *mux)
{
    const struct h1_back *back = back_of_const(mux);

    return back->stream == NULL && back->recv.in.area == NULL && back->send.out.area == NULL &&
           !buffer_is_waiting(&back->recv.wait) && !buffer_is_waiting(&back->send.wait);
}

/* What is under way ends; the response's end decides. */
static void stop(struct mux *mux)
{
    mux->is_stopping = true;
}

static void check(const struct mux *mux, bool is_quiet)
{
    const struct h1_back *back = back_of_const(mux);

    BUG_ON(back->stream != NULL && back->stream->mux != mux);
    if (!is_quiet)
        return;
    h1_recv_check(&back->recv, is_quiet);
    h1_send_check(&back->send, is_quiet);
    BUG_ON(back->stream == NULL && back->is_made && !is_clean(mux));
    BUG_ON(!back->is_made && back->wait != H1_BACK_WAIT_CONNECT);
}

static const struct mux_ops ops = {
    .name = "h1",
    .run = run,
    .late = late,
    .attach = attach,
    .ready = ready,
    .detach = detach,
    .room = room,
    .is_clean = is_clean,
    .destroy = destroy,
    .stop = stop,
    .check = check,
};

size_t mux_h1_back_bytes(void)
{
    return sizeof(struct h1_back);
}

int mux_h1_back_new(struct mux_env *env, struct conn *conn, struct server *server, struct mux **out)
{
    struct h1_back *back = pool_take_zero(&env->muxes[MUX_H1_BACK]);

    if (back == NULL)
        return -ERR_MEMORY;
    int result = mux_init_back(&back->mux, &ops, env, MUX_H1_BACK, conn, server);
    if (result != 0) {
        pool_give(&env->muxes[MUX_H1_BACK], back);
        return result;
    }
    h1_recv_init(&back->recv, &back->mux, BUFFER_DOWN_IN);
    h1_send_init(&back->send, &back->mux);
    tasklet_wakeup(back->mux.tasklet);
    *out = &back->mux;
    return 0;
}
