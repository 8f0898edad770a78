#include "core/mux/fcgi.h"

#include "core/base/err.h"
#include "core/mux/channel.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"
#include "core/server/server.h"

enum { ROUNDS_MAX = 16 }; /* of pumping in one turn: then others run */

_Static_assert(sizeof(struct fcgi_stream) <= MUX_STREAM_BYTES_MAX, "it comes from their pool");

static struct fcgi *fcgi_of(struct mux *mux)
{
    return CONTAINER_OF(mux, struct fcgi, mux);
}

static const struct fcgi *fcgi_of_const(const struct mux *mux)
{
    return CONTAINER_OF(mux, const struct fcgi, mux);
}

/* Its server counts it as one that nobody uses, in a list or not. */
static bool is_parked(const struct fcgi *fcgi)
{
    return fcgi->mux.idle.counted > IDLE_COUNTED_USED;
}

void fcgi_offer(struct fcgi *fcgi)
{
    if (!is_parked(fcgi))
        mux_offer(&fcgi->mux);
}

static void close_soon(struct fcgi *fcgi)
{
    if (fcgi->is_closing)
        return;
    fcgi->is_closing = true;
    fcgi_offer(fcgi);
}

/* --- the end of a request --- */

static void free_stream(struct fcgi_stream *s)
{
    struct fcgi *fcgi = s->fcgi;
    struct mux_env *env = fcgi->mux.env;

    BUG_ON(s->stream != NULL);
    pool_give(&env->heads, s->head);
    pool_give(&env->heads, s->raw);
    list_unlink(&s->link);
    fcgi->streams_count--;
    if (fcgi->target == s)
        fcgi->target = NULL;
    pool_give(&env->streams, s);
    if (fcgi->streams_count > 0 && fcgi->streams_max > 1 && !fcgi->is_closing)
        fcgi_offer(fcgi);
}

static void let_go(struct fcgi_stream *s)
{
    struct stream *stream = s->stream;

    if (stream == NULL)
        return;
    stream_let_go(stream);
    s->stream = NULL;
    s->fcgi->live_count--;
}

/* Nobody waits for what the application still says. */
static bool is_response_whole(const struct fcgi_stream *s)
{
    return s->has_head && s->has_no_body && s->sending == FCGI_SEND_DONE;
}

/* What remains of a request that was let go: nothing, or that its END_REQUEST is to come. */
static void drop(struct fcgi_stream *s)
{
    struct fcgi *fcgi = s->fcgi;

    if (!s->is_begun) {
        free_stream(s);
    } else if (s->is_over) {
        free_stream(s);
    } else if (is_response_whole(s)) {
        MARK("fcgi.end_awaited");
    } else if (fcgi->streams_max > 1 && !fcgi->is_closing) {
        MARK("fcgi.abort");
        pool_give(&fcgi->mux.env->heads, s->head);
        s->head = NULL;
        s->sending = FCGI_SEND_STOPPED;
        s->is_abort_wanted = true;
    } else {
        fcgi->is_reset = true;
        close_soon(fcgi);
        free_stream(s);
    }
}

void fcgi_stream_fail(struct fcgi_stream *s, enum stream_error error)
{
    if (s->stream != NULL)
        stream_fail(s->stream, error);
    let_go(s);
    drop(s);
}

/* --- the end of the connection --- */

static void give_buffers(struct fcgi *fcgi)
{
    struct buffers *buffers = &fcgi->mux.env->buffers;

    buffer_wait_cancel(buffers, &fcgi->in_wait);
    buffer_wait_cancel(buffers, &fcgi->out_wait);
    buffer_give(buffers, BUFFER_DOWN_IN, &fcgi->in);
    buffer_give(buffers, BUFFER_UP_OUT, &fcgi->out);
}

/* With what is true of each by itself: an application that has not seen a request cannot have begun
 * it; one that closes a kept connection may have done so before it saw the next request, but if it
 * has not that request must bear being sent again (RFC 9110 9.2.2). */
static enum stream_error error_for(const struct fcgi_stream *s, enum stream_error error)
{
    if (error != STREAM_ERROR_RESET)
        return error;
    if (!s->is_begun || (s->is_reused && s->is_idempotent && !s->has_answer))
        return STREAM_ERROR_REFUSED;
    return error;
}

static void end_streams(struct fcgi *fcgi, enum stream_error error)
{
    fcgi->is_closing = true;
    while (!list_is_empty(&fcgi->streams)) {
        struct fcgi_stream *s = LIST_ENTRY(fcgi->streams.next, struct fcgi_stream, link);
        if (s->stream != NULL && !s->is_over && !is_response_whole(s))
            stream_fail(s->stream, error_for(s, error));
        let_go(s);
        free_stream(s);
    }
}

static void destroy(struct mux *mux)
{
    struct fcgi *fcgi = fcgi_of(mux);
    struct mux_env *env = mux->env;

    end_streams(fcgi, STREAM_ERROR_RESET);
    give_buffers(fcgi);
    if (fcgi->is_reset)
        conn_set_reset(mux->conn);
    mux_fini(mux);
    pool_give(&env->muxes[MUX_FCGI], fcgi);
}

/* Always false: what a turn returns then. */
static bool fail(struct fcgi *fcgi, enum stream_error error)
{
    fcgi->is_reset = true;
    end_streams(fcgi, error);
    destroy(&fcgi->mux);
    return false;
}

/* --- turns --- */

static bool is_clean(const struct mux *mux)
{
    const struct fcgi *fcgi = fcgi_of_const(mux);

    return fcgi->is_made && !fcgi->is_closing && fcgi->streams_count == 0 &&
           fcgi->in.area == NULL && fcgi->out.area == NULL && !buffer_is_waiting(&fcgi->in_wait) &&
           !buffer_is_waiting(&fcgi->out_wait) && fcgi_reader_is_clean(&fcgi->reader) &&
           conn_is_clean(mux->conn);
}

/* No request is left: it may be another worker's afterwards. False: it is destroyed. */
static bool settle(struct fcgi *fcgi)
{
    struct conn *conn = fcgi->mux.conn;

    if (!fcgi->is_made || fcgi->is_closing || conn_has(conn, CONN_READ_END | CONN_FAILED)) {
        destroy(&fcgi->mux);
        return false;
    }
    if (is_parked(fcgi) || !is_clean(&fcgi->mux))
        return true;
    fcgi->wait = FCGI_WAIT_NOTHING;
    return mux_idle(&fcgi->mux, fcgi->requests_count > 1);
}

static bool is_connecting(struct fcgi *fcgi)
{
    struct conn *conn = fcgi->mux.conn;

    if (fcgi->is_made)
        return false;
    if (conn_has(conn, CONN_CONNECTING)) {
        conn_wait_send(conn);
        return true;
    }
    fcgi->is_made = !conn_has(conn, CONN_FAILED);
    return false;
}

static void arm(struct fcgi *fcgi)
{
    const struct mux_timeouts *timeouts = &fcgi->mux.env->timeouts;
    enum fcgi_wait wait = FCGI_WAIT_NOTHING;
    uint64_t delay_ns = 0;

    if (is_parked(fcgi))
        return; /* it has the date of an idle one */
    if (!fcgi->is_made) {
        wait = FCGI_WAIT_CONNECT;
        delay_ns = timeouts->connect_ns;
    } else if (fcgi_send_is_stuck(fcgi)) {
        wait = FCGI_WAIT_SEND;
        delay_ns = timeouts->server_ns;
    } else if (fcgi->live_count == 0 ||
               (fcgi->live_count < fcgi->streams_count && !fcgi->is_closing)) {
        wait = FCGI_WAIT_END;
        delay_ns = timeouts->server_ns;
    }
    if (wait == fcgi->wait && !(wait == FCGI_WAIT_SEND && fcgi->has_progress))
        return;
    fcgi->wait = wait;
    mux_arm(&fcgi->mux, delay_ns);
}

/* The application has closed, and all that it said before was understood. */
static bool is_at_end(const struct fcgi *fcgi)
{
    return conn_has(fcgi->mux.conn, CONN_READ_END | CONN_FAILED) && !fcgi->is_stopped &&
           !buffer_is_waiting(&fcgi->in_wait);
}

static bool run(struct mux *mux)
{
    struct fcgi *fcgi = fcgi_of(mux);
    enum stream_error error = STREAM_ERROR_NONE;
    bool has_moved = true;

    fcgi->has_progress = false;
    if (is_connecting(fcgi)) {
        arm(fcgi);
        return true;
    }
    if (!fcgi->is_made)
        return fail(fcgi, STREAM_ERROR_CONNECT);
    for (int i = 0; i < ROUNDS_MAX && has_moved; i++) {
        has_moved = fcgi_recv_pump(fcgi, &error);
        if (error != STREAM_ERROR_NONE)
            return fail(fcgi, error);
        if (is_at_end(fcgi))
            return fail(fcgi, STREAM_ERROR_RESET);
        has_moved |= fcgi_send_pump(fcgi);
    }
    if (has_moved) {
        MARK("fcgi.rounds_max");
        tasklet_wakeup(mux->tasklet); /* there is more; but others have waited */
    }
    arm(fcgi);
    return fcgi->streams_count > 0 || fcgi->requests_count == 0 || settle(fcgi);
}

static bool late(struct mux *mux)
{
    struct fcgi *fcgi = fcgi_of(mux);

    MARK("fcgi.late");
    switch (fcgi->wait) {
    case FCGI_WAIT_CONNECT:
        return fail(fcgi, STREAM_ERROR_CONNECT);
    case FCGI_WAIT_END:
        if (fcgi->live_count == 0)
            break;
        fcgi->wait = FCGI_WAIT_NOTHING;
        close_soon(fcgi);
        return true;
    case FCGI_WAIT_SEND:
    case FCGI_WAIT_NOTHING:
        break;
    }
    return fail(fcgi, STREAM_ERROR_TIMEOUT);
}

/* --- what others call --- */

static bool is_id_used(const struct fcgi *fcgi, uint16_t id)
{
    const struct list *link;

    LIST_EACH(link, &fcgi->streams)
    {
        if (LIST_ENTRY(link, const struct fcgi_stream, link)->id == id)
            return true;
    }
    return false;
}

/* The least that is free (3.3: small numbers). */
static uint16_t find_id(const struct fcgi *fcgi)
{
    uint16_t id = 1;

    while (is_id_used(fcgi, id))
        id++;
    return id;
}

static unsigned room(const struct mux *mux)
{
    const struct fcgi *fcgi = fcgi_of_const(mux);

    if (fcgi->is_closing || fcgi->streams_count >= fcgi->streams_max)
        return 0;
    return fcgi->streams_max - fcgi->streams_count;
}

static int attach(struct mux *mux, struct stream *stream)
{
    struct fcgi *fcgi = fcgi_of(mux);

    if (room(mux) == 0)
        return -ERR_FULL;
    struct fcgi_stream *s = pool_take_zero(&mux->env->streams);
    if (s == NULL)
        return -ERR_MEMORY;
    s->fcgi = fcgi;
    s->stream = stream;
    s->id = find_id(fcgi);
    s->is_reused = fcgi->requests_count > 0;
    stream->mux = mux;
    stream->impl = s;
    list_init(&s->link);
    list_push_tail(&fcgi->streams, &s->link);
    fcgi->streams_count++;
    fcgi->live_count++;
    fcgi->requests_count++;
    if (fcgi->is_made && fcgi->live_count == 1) {
        fcgi->wait = FCGI_WAIT_NOTHING;
        mux_arm(mux, 0);
    }
    tasklet_wakeup(mux->tasklet);
    return 0;
}

static void ready(struct stream *stream)
{
    tasklet_wakeup(stream->mux->tasklet);
}

static void detach(struct stream *stream)
{
    struct fcgi_stream *s = stream->impl;
    struct fcgi *fcgi = s->fcgi;

    let_go(s);
    drop(s);
    if (fcgi->streams_count > 0)
        tasklet_wakeup(fcgi->mux.tasklet);
    else if (is_clean(&fcgi->mux) || fcgi->is_closing || !fcgi->is_made)
        (void)settle(fcgi);
    else
        tasklet_wakeup(fcgi->mux.tasklet);
}

/* What is under way ends; nothing is kept open by promise. */
static void stop(struct mux *mux)
{
    mux->is_stopping = true;
}

static void check(const struct mux *mux, bool is_quiet)
{
    const struct fcgi *fcgi = fcgi_of_const(mux);
    const struct list *link;
    unsigned count = 0;
    unsigned live_count = 0;

    LIST_EACH(link, &fcgi->streams)
    {
        const struct fcgi_stream *s = LIST_ENTRY(link, const struct fcgi_stream, link);
        BUG_ON(s->fcgi != fcgi);
        BUG_ON(s->stream != NULL && (s->stream->mux != mux || s->stream->impl != s));
        count++;
        live_count += s->stream != NULL;
    }
    BUG_ON(count != fcgi->streams_count || live_count != fcgi->live_count);
    if (!is_quiet)
        return;
    BUG_ON(fcgi->in.area != NULL && buf_is_empty(&fcgi->in));
    BUG_ON(fcgi->out.area != NULL && buf_is_empty(&fcgi->out));
    BUG_ON(fcgi->out.area != NULL && !fcgi_send_is_stuck(fcgi));
    BUG_ON(!fcgi->is_made && fcgi->wait != FCGI_WAIT_CONNECT);
}

static const struct mux_ops ops = {
    .name = "fcgi",
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

size_t mux_fcgi_bytes(void)
{
    return sizeof(struct fcgi);
}

int mux_fcgi_back_new(struct mux_env *env, struct conn *conn, struct server *server,
                      struct mux **out)
{
    const struct server_options *options = &server->options;
    struct fcgi *fcgi = pool_take_zero(&env->muxes[MUX_FCGI]);

    if (fcgi == NULL)
        return -ERR_MEMORY;
    int result = mux_init_back(&fcgi->mux, &ops, env, MUX_FCGI, conn, server);
    if (result != 0) {
        pool_give(&env->muxes[MUX_FCGI], fcgi);
        return result;
    }
    list_init(&fcgi->streams);
    fcgi->streams_max = 1;
    fcgi->options.root = options->root != NULL ? options->root : "";
    fcgi->options.index =
        options->index != NULL && options->index[0] != '\0' ? options->index : "index.php";
    tasklet_wakeup(fcgi->mux.tasklet);
    *out = &fcgi->mux;
    return 0;
}
