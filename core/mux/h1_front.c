#include "core/mux/h1_front.h"

#include "core/base/err.h"
#include "core/mux/channel.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"

enum { ROUNDS_MAX = 16 }; /* of pumping in one turn: then others run */

/* --- states --- */

static const struct {
    const char *name;
    unsigned next;
} states[] = {
#define H1_FRONT_ROW(name, next) {#name, next},
    H1_FRONT_STATES(H1_FRONT_ROW)
#undef H1_FRONT_ROW
};

const char *h1_front_state_name(enum h1_front_state state)
{
    return (unsigned)state < ARRAY_LEN(states) ? states[state].name : "?";
}

static struct h1_front *front_of(struct mux *mux)
{
    return CONTAINER_OF(mux, struct h1_front, mux);
}

static void move(struct h1_front *front, enum h1_front_state to)
{
    BUG_ON((states[front->state].next >> to & 1) == 0);
    front->state = to;
}

/* --- ends --- */

/* Neither side knows the other any more. */
static void let_go(struct h1_front *front)
{
    stream_let_go(front->stream);
    front->stream = NULL;
}

static void fail_stream(struct h1_front *front, enum stream_error error)
{
    if (front->stream == NULL)
        return;
    stream_fail(front->stream, error);
    let_go(front);
}

/* The client must not take what it got for complete. */
static void abort_client(struct h1_front *front, enum stream_error error)
{
    fail_stream(front, error);
    conn_set_reset(front->mux.conn);
    move(front, H1_FRONT_CLOSED);
}

/* Nothing of a final response was written. */
static bool may_answer(const struct h1_front *front)
{
    return !front->send.has_head;
}

/* An answer of our own, and the end of the connection. */
static void answer(struct h1_front *front, unsigned status)
{
    MARK("h1.front.answer");
    fail_stream(front, STREAM_ERROR_PROTOCOL);
    h1_recv_fini(&front->recv);
    front->answer_status = (uint16_t)status;
    move(front, H1_FRONT_ANSWER);
}

/* The client was sent everything. RFC 9112 9.6: closing on unread bytes resets, and a reset can
 * overtake what was sent; so our end first, and then we wait for the client's. */
static void finish(struct h1_front *front, bool is_all_read)
{
    struct conn *conn = front->mux.conn;

    if (is_all_read || conn_has(conn, CONN_READ_END | CONN_FAILED)) {
        move(front, H1_FRONT_CLOSED);
        return;
    }
    conn_shutdown(conn);
    h1_recv_fini(&front->recv);
    move(front, H1_FRONT_LINGER);
}

/* --- heads --- */

/* Between two requests, nothing of the next one having come. */
static bool is_idle(const struct h1_front *front)
{
    return front->state == H1_FRONT_HEAD && front->requests_count > 0 &&
           h1_head_is_empty(&front->recv.head, h1_recv_len(&front->recv));
}

static bool is_stopping(const struct h1_front *front)
{
    return front->mux.is_stopping || rt_is_stopping(front->mux.env->rt);
}

/* Status of the answer when the request cannot be begun, else 0. */
static unsigned begin(struct h1_front *front)
{
    struct mux *mux = &front->mux;
    struct mux_env *env = mux->env;
    struct http_head *head = pool_take(&env->heads);

    if (head == NULL) {
        MARK("h1.front.no_memory");
        return 503;
    }
    http_head_init(head, env->head_text_bytes, false);
    enum h1_error error = h1_recv_take_head(&front->recv, head);
    if (error != H1_OK) {
        pool_give(&env->heads, head);
        return h1_error_status(error);
    }
    struct stream *stream = env->host.begin(mux, head);
    if (stream == NULL) {
        MARK("h1.front.refused");
        pool_give(&env->heads, head);
        return 503;
    }
    stream->mux = mux;
    stream->impl = front;
    front->stream = stream;
    return 0;
}

static void end_of_heads(struct h1_front *front)
{
    /* RFC 9112 8: an incomplete head is an error; nothing at all is a client that left. */
    if (h1_head_is_empty(&front->recv.head, h1_recv_len(&front->recv)))
        move(front, H1_FRONT_CLOSED);
    else
        answer(front, 400);
}

static bool read_head(struct h1_front *front)
{
    struct h1_recv *recv = &front->recv;
    struct conn *conn = front->mux.conn;
    bool has_moved = h1_recv_fill(recv);
    unsigned status;

    if (conn_has(conn, CONN_FAILED)) {
        move(front, H1_FRONT_CLOSED);
        return true;
    }
    switch (h1_recv_parse(recv)) {
    case H1_FAILED:
        answer(front, h1_error_status(recv->head.error));
        return true;
    case H1_DONE:
        front->requests_count++;
        status = begin(front);
        if (status != 0)
            answer(front, status);
        else
            move(front, H1_FRONT_BUSY);
        return true;
    case H1_MORE:
        break;
    }
    if (conn_has(conn, CONN_READ_END)) {
        end_of_heads(front);
        return true;
    }
    /* Nothing was promised to a client between two requests. */
    if (is_idle(front) && is_stopping(front)) {
        MARK("h1.front.idle_at_stop");
        move(front, H1_FRONT_CLOSED);
        return true;
    }
    return has_moved;
}

/* --- the rest of the request --- */

static bool read_body(struct h1_front *front)
{
    struct h1_recv *recv = &front->recv;
    bool has_moved = h1_recv_body(recv, front->stream->recv);

    if (conn_has(front->mux.conn, CONN_FAILED)) {
        abort_client(front, STREAM_ERROR_RESET);
    } else if (recv->body.error != H1_OK) {
        MARK("h1.front.bad_body");
        if (may_answer(front))
            answer(front, h1_error_status(recv->body.error));
        else
            abort_client(front, STREAM_ERROR_PROTOCOL);
    }
    return has_moved;
}

/* The next request may come ahead of time; and a client that has gone should be noticed. Once: who
 * sends more has to wait for its answer. */
static bool read_ahead(struct h1_front *front)
{
    struct h1_recv *recv = &front->recv;

    if (h1_recv_len(recv) > 0)
        return false;
    bool has_moved = h1_recv_fill(recv);
    buffer_wait_cancel(&front->mux.env->buffers, &recv->wait);
    if (conn_has(front->mux.conn, CONN_FAILED)) {
        MARK("h1.front.client_left");
        abort_client(front, STREAM_ERROR_RESET);
    }
    return has_moved;
}

static bool read_request(struct h1_front *front)
{
    if (h1_recv_is_done(&front->recv))
        return read_ahead(front);
    if (front->stream == NULL || !channel_has(front->stream->recv, CHANNEL_HAS_HEAD))
        return false;
    return read_body(front);
}

/* --- the response --- */

/* RFC 9112 6.3, seen from the sender. */
static enum h1_framing framing_of(const struct h1_front *front, const struct http_head *head)
{
    const struct h1_head *request = &front->recv.head;

    if (head->is_end || request->method == H1_METHOD_HEAD || head->status == 204 ||
        head->status == 304)
        return H1_FRAMING_NONE;
    if (head->has_length)
        return H1_FRAMING_LENGTH;
    return request->minor >= 1 ? H1_FRAMING_CHUNKED : H1_FRAMING_CLOSE;
}

/* RFC 9112 9.3, 9.6. A client that has not said all is told that we will not hear the rest. */
static bool may_keep(const struct h1_front *front, enum h1_framing framing)
{
    return front->recv.head.is_keepalive && framing != H1_FRAMING_CLOSE &&
           h1_recv_is_done(&front->recv) && !is_stopping(front);
}

/* RFC 9110 8.6: an empty body of a response that may have one is said to be empty. */
static void say_empty(const struct h1_front *front, struct http_head *head)
{
    bool may_have_body =
        front->recv.head.method != H1_METHOD_HEAD && head->status != 204 && head->status != 304;

    if (head->is_end && may_have_body && !http_head_is_interim(head)) {
        head->has_length = true;
        head->length_bytes = 0;
    }
}

static void write_final(struct h1_front *front, struct http_head *head, struct h1_out *out)
{
    enum h1_framing framing = framing_of(front, head);
    struct h1_form form = {.is_chunked = framing == H1_FRAMING_CHUNKED,
                           .is_keepalive = may_keep(front, framing),
                           .minor = front->recv.head.minor};

    say_empty(front, head);
    h1_put_response_head(out, head, &form);
    if (!h1_send_commit(&front->send, out))
        return;
    front->is_kept = form.is_keepalive;
    h1_send_body(&front->send, framing, head->length_bytes);
}

/* RFC 9110 15.2: an interim response is passed on, though not to a client of 1.0. */
static bool write_interim(struct h1_front *front, const struct http_head *head, struct h1_out *out)
{
    struct h1_form form = {.minor = front->recv.head.minor};

    if (front->recv.head.minor >= 1)
        h1_put_response_head(out, head, &form);
    return h1_send_commit(&front->send, out);
}

static bool write_head(struct h1_front *front)
{
    struct channel *channel = front->stream->send;
    struct http_head *head = channel->head;
    struct h1_out out;
    bool is_written;

    if (head == NULL || front->send.has_head || !h1_send_begin(&front->send, &out))
        return false;
    if (http_head_is_interim(head)) {
        is_written = write_interim(front, head, &out);
    } else {
        write_final(front, head, &out);
        is_written = front->send.has_head;
    }
    if (is_written) {
        pool_give(channel->heads, channel_take_head(channel));
        return true;
    }
    if (!h1_send_is_flushed(&front->send))
        return false; /* there is more room once that is gone */
    MARK("h1.front.response_head_too_long");
    fail_stream(front, STREAM_ERROR_TOO_LONG);
    answer(front, 502);
    return true;
}

static bool write_response(struct h1_front *front)
{
    struct h1_send *send = &front->send;
    struct conn *conn = front->mux.conn;
    bool has_moved = write_head(front);

    if (front->state != H1_FRONT_BUSY)
        return true;
    bool has_sent = h1_send_pump(send, front->stream->send);
    front->has_progress |= has_sent;
    if (conn_has(conn, CONN_WRITE_END | CONN_FAILED)) {
        MARK("h1.front.client_stopped_reading");
        abort_client(front, STREAM_ERROR_RESET);
        return true;
    }
    if (send->is_broken) {
        MARK("h1.front.response_broken");
        abort_client(front, STREAM_ERROR_RESET);
        return true;
    }
    if (send->is_done)
        stream_sent(front->stream);
    return has_moved || (has_sent && !send->is_done);
}

static bool pump_busy(struct h1_front *front)
{
    bool has_moved = read_request(front);

    if (front->state == H1_FRONT_BUSY && front->stream != NULL)
        has_moved |= write_response(front);
    return has_moved;
}

/* --- our own answer, and lingering --- */

static bool send_answer(struct h1_front *front)
{
    struct h1_send *send = &front->send;
    bool is_to_head = front->recv.head.method == H1_METHOD_HEAD;
    struct h1_out out;

    if (front->answer_status != 0) {
        if (!h1_send_begin(send, &out))
            return false;
        h1_put_error(&out, front->answer_status, false, is_to_head);
        bool was_flushed = buf_is_empty(&send->out);
        if (h1_send_commit(send, &out) || was_flushed)
            front->answer_status = 0;
    }
    bool has_moved = h1_send_pump(send, NULL);
    front->has_progress |= has_moved;
    if (conn_has(front->mux.conn, CONN_WRITE_END | CONN_FAILED))
        move(front, H1_FRONT_CLOSED);
    else if (front->answer_status == 0 && h1_send_is_flushed(send))
        finish(front, false);
    else
        return has_moved;
    return true;
}

static bool linger(struct h1_front *front)
{
    bool has_moved = h1_recv_drop(&front->recv);

    if (!conn_has(front->mux.conn, CONN_READ_END | CONN_FAILED))
        return has_moved;
    move(front, H1_FRONT_CLOSED);
    return true;
}

/* --- time --- */

static enum h1_front_wait wait_of(const struct h1_front *front)
{
    switch (front->state) {
    case H1_FRONT_HEAD:
        return is_idle(front) ? H1_FRONT_WAIT_IDLE : H1_FRONT_WAIT_REQUEST;
    case H1_FRONT_BUSY:
        return h1_send_is_stuck(&front->send) ? H1_FRONT_WAIT_SEND : H1_FRONT_WAIT_NOTHING;
    case H1_FRONT_ANSWER:
        return H1_FRONT_WAIT_SEND;
    case H1_FRONT_LINGER:
        return H1_FRONT_WAIT_LINGER;
    case H1_FRONT_CLOSED:
        break;
    }
    return H1_FRONT_WAIT_NOTHING;
}

static uint64_t delay_of(const struct h1_front *front)
{
    const struct mux_timeouts *timeouts = &front->mux.env->timeouts;

    switch (front->wait) {
    case H1_FRONT_WAIT_NOTHING:
        return 0;
    case H1_FRONT_WAIT_REQUEST:
        return timeouts->request_ns;
    case H1_FRONT_WAIT_IDLE:
        return timeouts->keep_alive_ns;
    case H1_FRONT_WAIT_SEND:
        return timeouts->client_ns;
    case H1_FRONT_WAIT_LINGER:
        return timeouts->linger_ns;
    }
    return 0;
}

static void arm(struct h1_front *front)
{
    enum h1_front_wait wait = wait_of(front);

    if (wait == front->wait && !(wait == H1_FRONT_WAIT_SEND && front->has_progress))
        return;
    front->wait = wait;
    mux_arm(&front->mux, delay_of(front));
}

/* --- turns --- */

static void destroy(struct mux *mux)
{
    struct h1_front *front = front_of(mux);
    struct mux_env *env = mux->env;

    fail_stream(front, STREAM_ERROR_RESET);
    h1_recv_fini(&front->recv);
    h1_send_fini(&front->send);
    mux_fini(mux);
    env->host.end(mux);
    pool_give(&env->muxes[MUX_H1_FRONT], front);
}

static bool pump(struct h1_front *front)
{
    switch (front->state) {
    case H1_FRONT_HEAD:
        return read_head(front);
    case H1_FRONT_BUSY:
        return pump_busy(front);
    case H1_FRONT_ANSWER:
        return send_answer(front);
    case H1_FRONT_LINGER:
        return linger(front);
    case H1_FRONT_CLOSED:
        break;
    }
    return false;
}

static bool run(struct mux *mux)
{
    struct h1_front *front = front_of(mux);
    bool has_moved = true;

    front->has_progress = false;
    for (int i = 0; i < ROUNDS_MAX && has_moved && front->state != H1_FRONT_CLOSED; i++)
        has_moved = pump(front);
    if (front->state == H1_FRONT_CLOSED) {
        destroy(mux);
        return false;
    }
    if (has_moved) {
        MARK("h1.front.rounds_max");
        tasklet_wakeup(mux->tasklet); /* there is more; but others have waited */
    }
    arm(front);
    return true;
}

static bool late(struct mux *mux)
{
    struct h1_front *front = front_of(mux);

    MARK("h1.front.late");
    front->wait = H1_FRONT_WAIT_NOTHING;
    switch (front->state) {
    case H1_FRONT_HEAD:
        /* RFC 9110 15.5.9, for a request that was begun. */
        if (is_idle(front))
            move(front, H1_FRONT_CLOSED);
        else
            answer(front, 408);
        break;
    case H1_FRONT_BUSY:
        abort_client(front, STREAM_ERROR_TIMEOUT);
        break;
    case H1_FRONT_ANSWER:
    case H1_FRONT_LINGER:
        move(front, H1_FRONT_CLOSED);
        break;
    case H1_FRONT_CLOSED:
        break;
    }
    return run(mux);
}

/* --- what others call --- */

static void ready(struct stream *stream)
{
    tasklet_wakeup(stream->mux->tasklet);
}

static void detach(struct stream *stream)
{
    struct h1_front *front = stream->impl;
    bool is_all_read = h1_recv_is_done(&front->recv) && h1_recv_len(&front->recv) == 0;

    let_go(front);
    if (!front->send.is_done)
        abort_client(front, STREAM_ERROR_RESET);
    else if (front->is_kept)
        move(front, H1_FRONT_HEAD);
    else
        finish(front, is_all_read);
    if (front->state == H1_FRONT_HEAD) {
        h1_recv_next_request(&front->recv);
        h1_send_next(&front->send);
    }
    tasklet_wakeup(front->mux.tasklet);
}

static unsigned room(const struct mux *mux)
{
    (void)mux;
    return 0;
}

static bool is_clean(const struct mux *mux)
{
    (void)mux;
    return false;
}

static void stop(struct mux *mux)
{
    mux->is_stopping = true;
    tasklet_wakeup(mux->tasklet);
}

static void check(const struct mux *mux, bool is_quiet)
{
    const struct h1_front *front = CONTAINER_OF(mux, const struct h1_front, mux);

    BUG_ON(front->stream != NULL && front->stream->mux != mux);
    BUG_ON(front->stream != NULL && front->state != H1_FRONT_BUSY);
    if (!is_quiet)
        return;
    h1_recv_check(&front->recv, is_quiet);
    h1_send_check(&front->send, is_quiet);
    BUG_ON(front->state == H1_FRONT_CLOSED);
    BUG_ON(front->state == H1_FRONT_BUSY && front->stream == NULL);
    /* Everybody sleeps: a date is awaited, or the exchange, or it sleeps for ever. */
    BUG_ON(front->wait == H1_FRONT_WAIT_NOTHING && front->state != H1_FRONT_BUSY);
    BUG_ON(front->state == H1_FRONT_LINGER && front->recv.in.area != NULL);
}

static const struct mux_ops ops = {
    .name = "h1",
    .run = run,
    .late = late,
    .attach = NULL, /* a front mux begins its streams itself */
    .ready = ready,
    .detach = detach,
    .room = room,
    .is_clean = is_clean,
    .destroy = destroy,
    .stop = stop,
    .check = check,
};

size_t mux_h1_front_bytes(void)
{
    return sizeof(struct h1_front);
}

int mux_h1_front_new(struct mux_env *env, struct conn *conn, struct buf *first, void *user,
                     struct mux **out)
{
    struct h1_front *front = pool_take_zero(&env->muxes[MUX_H1_FRONT]);

    if (front == NULL)
        return -ERR_MEMORY;
    int result = mux_init(&front->mux, &ops, env, MUX_H1_FRONT, conn, true);
    if (result != 0) {
        pool_give(&env->muxes[MUX_H1_FRONT], front);
        return result;
    }
    front->mux.user = user;
    h1_recv_init(&front->recv, &front->mux, BUFFER_UP_IN);
    h1_send_init(&front->send, &front->mux);
    h1_recv_next_request(&front->recv);
    if (first != NULL) {
        front->recv.in = *first;
        *first = (struct buf){0};
    }
    tasklet_wakeup(front->mux.tasklet);
    *out = &front->mux;
    return 0;
}
