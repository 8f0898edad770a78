#include "core/mux/h2.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/hook.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"

static struct h2 *of(struct mux *mux)
{
    return CONTAINER_OF(mux, struct h2, mux);
}

/* --- the end --- */

static void give_buffers(struct h2 *h2)
{
    struct buffers *buffers = &h2->mux.env->buffers;

    buffer_wait_cancel(buffers, &h2->in_wait);
    buffer_wait_cancel(buffers, &h2->out_wait);
    buffer_give(buffers, buffer_kind_in(h2->mux.is_front), &h2->in);
    buffer_give(buffers, buffer_kind_out(h2->mux.is_front), &h2->out);
    h2->held = NULL;
    h2->held_len = 0;
    h2->held_tail = 0;
    h2->pending_len = 0;
}

/* A server that has not seen a request cannot have begun it. */
static enum stream_error error_for(const struct h2_stream *s, enum stream_error error)
{
    bool is_unseen = !s->h2->mux.is_front && !h2_stream_has(s, H2_STREAM_SENT_START) &&
                     error != STREAM_ERROR_CONNECT;

    return is_unseen ? STREAM_ERROR_REFUSED : error;
}

static void fail_stream(struct h2_stream *s, enum stream_error error)
{
    bool is_sent = h2_stream_has(s, H2_STREAM_SENT_END) && !list_is_linked(&s->ending);

    if (h2_stream_has(s, H2_STREAM_RECV_DONE) && is_sent)
        return;
    /* A response that is whole is worth more than the rest of its request. */
    if (h2_stream_has(s, H2_STREAM_RECV_DONE) && !s->h2->mux.is_front)
        channel_close(s->stream->send);
    else
        h2_stream_fail(s, error_for(s, error));
}

static void fail_streams(struct h2 *h2, enum stream_error error)
{
    struct list *link;
    struct list *next;

    LIST_EACH_SAFE(link, next, &h2->streams)
    {
        struct h2_stream *s = LIST_ENTRY(link, struct h2_stream, link);
        if (s->stream == NULL)
            h2_stream_free(s);
        else
            fail_stream(s, error);
    }
}

void h2_end_io(struct h2 *h2, enum stream_error error)
{
    if (h2_has(h2, H2_OVER))
        return;
    h2->flags |= H2_OVER | H2_CLOSING;
    fail_streams(h2, error);
    give_buffers(h2);
    conn_wait_nothing(h2->mux.conn);
    h2_offer(h2);
}

static void destroy(struct mux *mux)
{
    struct h2 *h2 = of(mux);
    struct mux_env *env = mux->env;

    h2_end_io(h2, STREAM_ERROR_RESET);
    while (!list_is_empty(&h2->streams)) {
        struct h2_stream *s = LIST_ENTRY(h2->streams.next, struct h2_stream, link);
        list_unlink(&s->stream->ready);
        s->stream->mux = NULL;
        s->stream->impl = NULL;
        h2_stream_free(s);
    }
    h2_session_close(h2);
    mux_fini(mux);
    if (mux->is_front)
        env->host.end(mux);
    pool_give(&env->muxes[MUX_H2], h2);
}

/* --- idle --- */

bool h2_is_clean(const struct mux *mux)
{
    const struct h2 *h2 = CONTAINER_OF(mux, const struct h2, mux);

    return h2_has(h2, H2_CONNECTED) && !h2_has(h2, H2_OVER | H2_CLOSING | H2_BROKEN) &&
           h2->streams_count == 0 && h2->in.area == NULL && h2->out.area == NULL &&
           !buffer_is_waiting(&h2->in_wait) && !buffer_is_waiting(&h2->out_wait) &&
           !h2_has(h2, H2_PAUSED) && h2_is_flushed(h2) && conn_is_clean(mux->conn);
}

/* Its server counts it as one that nobody uses, in a list or not. */
static bool is_parked(const struct h2 *h2)
{
    return !h2->mux.is_front && h2->mux.idle.counted > IDLE_COUNTED_USED;
}

void h2_offer(struct h2 *h2)
{
    if (!h2->mux.is_front && !is_parked(h2))
        mux_offer(&h2->mux);
}

/*
 * Nobody would come upon a mux that has no streams and is in no list: not when the instance stops,
 * either. So it becomes idle at once or ends, be it for want of a buffer or because the server does
 * not take what we say.
 */
void h2_last_gone(struct h2 *h2)
{
    if (h2_has(h2, H2_CONNECTED) && !h2_has(h2, H2_OVER)) {
        if (h2_has(h2, H2_PAUSED))
            (void)h2_recv(h2); /* what was held was the last stream's */
        (void)h2_send(h2);     /* mostly there is nothing, or it is taken */
    }
    if (h2_is_clean(&h2->mux)) {
        (void)mux_idle(&h2->mux, h2_has(h2, H2_SAFE));
    } else {
        MARK("h2.not_kept");
        destroy(&h2->mux);
    }
}

/* --- stopping (RFC 9113 6.8) --- */

/* Says first that there will be an end, and only after a round trip where: what was on its way
 * meanwhile is still served. */
static void say_notice(struct h2 *h2)
{
    static const uint8_t opaque[8] = "heddle";

    h2->flags |= H2_NOTICED;
    h2->farewell_ns = worker_now_ns();
    h2_note_result(h2, nghttp2_submit_shutdown_notice(h2->session));
    h2_note_result(h2, nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, opaque));
}

static void say_goaway(struct h2 *h2)
{
    h2->flags |= H2_LEAVING | H2_CLOSING;
    h2->farewell_ns = worker_now_ns();
    h2_note_result(h2, nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                                             nghttp2_session_get_last_proc_stream_id(h2->session),
                                             NGHTTP2_NO_ERROR, NULL, 0));
}

static void stop(struct mux *mux)
{
    mux->is_stopping = true;
    tasklet_wakeup(mux->tasklet);
}

static void say_farewell(struct h2 *h2)
{
    if (!h2->mux.is_front || h2_has(h2, H2_LEAVING))
        return;
    if (h2->mux.is_stopping && !h2_has(h2, H2_NOTICED))
        say_notice(h2);
    /* Also to a client that takes its leave by itself, once it is served. */
    if (h2_has(h2, H2_PONGED) || (h2_has(h2, H2_CLOSING) && h2->streams_count == 0))
        say_goaway(h2);
}

/* --- dates --- */

static void note_stuck(struct h2 *h2)
{
    if (h2_is_flushed(h2)) {
        h2->flags &= ~(uint32_t)H2_STUCK;
    } else if (!h2_has(h2, H2_STUCK)) {
        h2->flags |= H2_STUCK;
        h2->sent_ns = worker_now_ns();
    }
}

/* Payload waits for the peer to open its window. */
static bool is_stalled(const struct h2_stream *s)
{
    return s->stream != NULL && !h2_stream_has(s, H2_STREAM_FAILED) &&
           channel_len(s->stream->send) > 0;
}

static uint64_t peer_ns(const struct h2 *h2)
{
    const struct mux_timeouts *timeouts = &h2->mux.env->timeouts;

    return h2->mux.is_front ? timeouts->client_ns : timeouts->server_ns;
}

/* When the connection as a whole has waited long enough; TIME_NEVER. */
static uint64_t end_date(const struct h2 *h2)
{
    const struct mux_timeouts *timeouts = &h2->mux.env->timeouts;
    uint64_t from_ns = h2->idle_ns;
    uint64_t delay_ns = 0;

    if (!h2_has(h2, H2_CONNECTED)) {
        delay_ns = h2->mux.is_front ? timeouts->request_ns : timeouts->connect_ns;
    } else if (h2_has(h2, H2_LINGER)) {
        from_ns = h2->farewell_ns;
        delay_ns = timeouts->linger_ns;
    } else if (h2_has(h2, H2_STUCK)) {
        from_ns = h2->sent_ns;
        delay_ns = peer_ns(h2);
    } else if (h2->mux.is_front && h2->streams_count == 0) {
        delay_ns = h2_has(h2, H2_SEEN) ? timeouts->keep_alive_ns : timeouts->request_ns;
    }
    return delay_ns == 0 ? TIME_NEVER : from_ns + delay_ns;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void arm(struct h2 *h2)
{
    uint64_t now_ns = worker_now_ns();
    uint64_t when_ns = earlier(end_date(h2), h2_held_date(h2));
    struct list *link;

    if (is_parked(h2))
        return; /* mux_idle() has said when */
    if (h2_has(h2, H2_NOTICED) && !h2_has(h2, H2_LEAVING))
        when_ns = earlier(when_ns, h2->farewell_ns + h2->mux.env->timeouts.linger_ns);
    if (peer_ns(h2) > 0) {
        /* Any will do: late() looks at all. */
        LIST_EACH(link, &h2->streams)
        {
            const struct h2_stream *s = LIST_ENTRY(link, struct h2_stream, link);
            if (is_stalled(s)) {
                when_ns = earlier(when_ns, now_ns + peer_ns(h2));
                break;
            }
        }
    }
    if (when_ns == TIME_NEVER)
        mux_arm(&h2->mux, 0);
    else
        mux_arm(&h2->mux, when_ns > now_ns ? when_ns - now_ns : 1);
}

static void end_stalled(struct h2 *h2)
{
    uint64_t now_ns = worker_now_ns();
    struct list *link;

    if (peer_ns(h2) == 0)
        return;
    LIST_EACH(link, &h2->streams)
    {
        struct h2_stream *s = LIST_ENTRY(link, struct h2_stream, link);
        if (is_stalled(s) && s->stream->send->progress_ns + peer_ns(h2) <= now_ns) {
            MARK("h2.stream_stalled");
            h2_stream_fail(s, STREAM_ERROR_TIMEOUT);
            h2_stream_reset(s, NGHTTP2_CANCEL);
        }
    }
}

static void look_at_dates(struct h2 *h2)
{
    uint64_t now_ns = worker_now_ns();

    if (h2_has(h2, H2_NOTICED) && !h2_has(h2, H2_LEAVING) &&
        h2->farewell_ns + h2->mux.env->timeouts.linger_ns <= now_ns)
        h2->flags |= H2_PONGED; /* it does not answer pings */
    end_stalled(h2);
    if (end_date(h2) > now_ns)
        return;
    MARK("h2.late");
    if (!h2_has(h2, H2_CONNECTED))
        h2_end_io(h2, STREAM_ERROR_CONNECT);
    else if (h2_has(h2, H2_STUCK | H2_LINGER))
        h2_end_io(h2, STREAM_ERROR_TIMEOUT);
    else
        h2->flags |= H2_CLOSING; /* a client with nothing to ask */
}

/* --- a turn --- */

/* False: still under way, or failed. */
static bool is_connected(struct h2 *h2)
{
    struct conn *conn = h2->mux.conn;

    if (h2_has(h2, H2_CONNECTED))
        return true;
    if (conn_has(conn, CONN_FAILED)) {
        MARK("h2.connect_failed");
        h2_end_io(h2, STREAM_ERROR_CONNECT);
        return false;
    }
    if (conn_has(conn, CONN_CONNECTING)) {
        conn_wait_send(conn);
        return false;
    }
    h2->flags |= H2_CONNECTED;
    return true;
}

/* All was said. What the client still sends is read, because closing on it would reset the
 * connection, and a reset can overtake what was said. */
static void linger(struct h2 *h2)
{
    struct conn *conn = h2->mux.conn;

    h2->held = NULL;
    h2->held_len = 0;
    h2->held_tail = 0;
    if (!h2_has(h2, H2_LINGER)) {
        h2->flags |= H2_LINGER;
        h2->farewell_ns = worker_now_ns();
        conn_shutdown(conn);
    }
    h2->in_wait.has_server = false;
    if (h2->in.area == NULL && !buffer_take(&h2->mux.env->buffers, buffer_kind_in(h2->mux.is_front),
                                            &h2->in, &h2->in_wait, h2->mux.tasklet))
        return;
    do {
        buf_reset(&h2->in);
    } while (conn_recv(conn, &h2->in) > 0);
    buffer_give(&h2->mux.env->buffers, buffer_kind_in(h2->mux.is_front), &h2->in);
    if (conn_has(conn, CONN_READ_END | CONN_FAILED))
        h2_end_io(h2, STREAM_ERROR_RESET);
}

/* A head that was received waits for the one before it to be taken. */
static bool has_waiting_head(const struct h2 *h2)
{
    struct list *link;

    LIST_EACH(link, &h2->streams)
    {
        const struct h2_stream *s = LIST_ENTRY(link, struct h2_stream, link);
        if (h2_stream_has(s, H2_STREAM_HEAD_WHOLE))
            return true;
    }
    return false;
}

/* Nothing more will be said or understood. */
static bool is_said(const struct h2 *h2)
{
    return !nghttp2_session_want_read(h2->session) && h2_is_flushed(h2);
}

/* What the turn has led to. */
static void conclude(struct h2 *h2)
{
    struct conn *conn = h2->mux.conn;
    /* Nobody reads our responses; but a server may have said something before it left. */
    uint32_t ends = h2->mux.is_front ? CONN_FAILED | CONN_WRITE_END : CONN_FAILED;
    bool is_ended = conn_has(conn, CONN_READ_END) && buf_is_empty(&h2->in) &&
                    !h2_has(h2, H2_PAUSED) && !has_waiting_head(h2);

    if (h2_has(h2, H2_BROKEN)) {
        h2_end_io(h2, STREAM_ERROR_PROTOCOL);
    } else if (conn_has(conn, ends) || is_ended) {
        h2_end_io(h2, STREAM_ERROR_RESET);
    } else if (is_said(h2)) {
        /* Streams that are left are those that nobody answers any more. */
        fail_streams(h2, STREAM_ERROR_PROTOCOL);
        if (h2->mux.is_front)
            linger(h2);
        else
            h2_end_io(h2, STREAM_ERROR_PROTOCOL);
    } else if (!h2->mux.is_front && h2_has(h2, H2_CLOSING) && h2->streams_count == 0) {
        h2_end_io(h2, STREAM_ERROR_RESET);
    }
}

static void ask(struct h2 *h2)
{
    struct conn *conn = h2->mux.conn;

    if (!buf_is_empty(&h2->out))
        conn_wait_send(conn);
    if (h2->held == NULL && !h2_is_choked(h2) && !buffer_is_waiting(&h2->in_wait))
        conn_wait_recv(conn);
}

static void work(struct h2 *h2)
{
    bool has_more = false;

    if (!is_connected(h2))
        return;
    if (h2_has(h2, H2_LINGER)) {
        linger(h2);
        if (!h2_has(h2, H2_OVER))
            ask(h2);
        return;
    }
    h2_stream_sync_ready(h2); /* what is held may wait for a head to go */
    has_more |= h2_recv(h2);
    h2_stream_sync_ready(h2);
    say_farewell(h2);
    has_more |= h2_send(h2);
    note_stuck(h2);
    conclude(h2);
    if (h2_has(h2, H2_OVER))
        return;
    ask(h2);
    /* Not for ever at the others' cost. */
    if (has_more || (!list_is_empty(&h2->ready) && !h2_is_choked(h2)))
        tasklet_wakeup(h2->mux.tasklet);
}

static bool run(struct mux *mux)
{
    struct h2 *h2 = of(mux);

    if (!h2_has(h2, H2_OVER))
        look_at_dates(h2);
    if (!h2_has(h2, H2_OVER))
        work(h2);
    if (h2_has(h2, H2_OVER)) {
        if (h2->streams_count > 0)
            return true; /* until they are detached */
        destroy(mux);
        return false;
    }
    arm(h2);
    if (is_parked(h2) && !h2_is_clean(mux)) {
        /* As in h2_last_gone(). */
        MARK("h2.not_kept");
        destroy(mux);
        return false;
    }
    return true;
}

static void check(const struct mux *mux, bool is_quiet)
{
    const struct h2 *h2 = CONTAINER_OF(mux, const struct h2, mux);
    const struct list *link;
    unsigned count = 0;

    LIST_EACH(link, &h2->streams)
    {
        const struct h2_stream *s = LIST_ENTRY(link, const struct h2_stream, link);
        BUG_ON(s->h2 != h2);
        BUG_ON(s->stream != NULL && s->stream->impl != s);
        count++;
    }
    BUG_ON(count != h2->streams_count);
    BUG_ON(h2->mem_bytes > h2->mem_bytes_max);
    BUG_ON(h2->held_len > buf_len(&h2->in));
    if (is_quiet && !h2_has(h2, H2_OVER)) {
        BUG_ON(!list_is_empty(&h2->ready) && !h2_is_choked(h2) && h2_has(h2, H2_CONNECTED));
        BUG_ON(!buf_is_empty(&h2->out) && !conn_has(mux->conn, CONN_WAIT_SEND));
    }
}

static const struct mux_ops h2_ops = {
    .name = "h2",
    .run = run,
    .late = run,
    .attach = h2_attach,
    .ready = h2_ready,
    .detach = h2_detach,
    .room = h2_room,
    .is_clean = h2_is_clean,
    .destroy = destroy,
    .stop = stop,
    .check = check,
};

/* --- the beginning --- */

size_t mux_h2_bytes(void)
{
    return sizeof(struct h2);
}

static struct h2 *new_h2(struct mux_env *env, bool is_front)
{
    struct h2 *h2 = pool_take_zero(&env->muxes[MUX_H2]);

    _Static_assert(sizeof(struct h2_stream) <= MUX_STREAM_BYTES_MAX, "it comes from env->streams");
    if (h2 == NULL)
        return NULL;
    h2->mux.env = env;
    h2->mux.is_front = is_front;
    list_init(&h2->streams);
    list_init(&h2->ready);
    list_init(&h2->ending);
    h2->idle_ns = h2->flood_ns = worker_now_ns();
    if (h2_session_open(h2) == 0)
        return h2;
    pool_give(&env->muxes[MUX_H2], h2);
    return NULL;
}

static void drop_h2(struct h2 *h2)
{
    struct mux_env *env = h2->mux.env;

    h2_session_close(h2);
    pool_give(&env->muxes[MUX_H2], h2);
}

int mux_h2_front_new(struct mux_env *env, struct conn *conn, struct buf *first, void *user,
                     struct mux **out)
{
    struct h2 *h2 = new_h2(env, true);

    if (h2 == NULL)
        return -ERR_MEMORY;
    int result = mux_init(&h2->mux, &h2_ops, env, MUX_H2, conn, true);
    if (result != 0) {
        drop_h2(h2);
        return result;
    }
    h2->mux.user = user;
    if (first != NULL) {
        h2->in = *first;
        memset(first, 0, sizeof(*first));
    }
    tasklet_wakeup(h2->mux.tasklet);
    *out = &h2->mux;
    return 0;
}

int mux_h2_back_new(struct mux_env *env, struct conn *conn, struct server *server, struct mux **out)
{
    struct h2 *h2 = new_h2(env, false);

    if (h2 == NULL)
        return -ERR_MEMORY;
    int result = mux_init_back(&h2->mux, &h2_ops, env, MUX_H2, conn, server);
    if (result != 0) {
        drop_h2(h2);
        return result;
    }
    tasklet_wakeup(h2->mux.tasklet);
    *out = &h2->mux;
    return 0;
}
