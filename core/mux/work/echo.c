#include "core/mux/work/echo.h"

#include <string.h>

#include "core/base/err.h"
#include "core/net/conn.h"
#include "core/rt/task.h"

static struct echo_mux *echo_of(const struct mux *mux)
{
    return CONTAINER_OF((struct mux *)(uintptr_t)mux, struct echo_mux, mux);
}

static struct echo_request *request_of(struct stream *stream)
{
    return CONTAINER_OF(stream, struct echo_request, stream);
}

static void forget_stream(struct echo_mux *echo, struct stream *stream)
{
    list_unlink(&stream->ready);
    echo->streams_count--;
    stream->mux = NULL;
}

static void destroy(struct mux *mux)
{
    struct echo_mux *echo = echo_of(mux);

    while (!list_is_empty(&echo->streams)) {
        struct stream *stream = LIST_ENTRY(echo->streams.next, struct stream, ready);

        forget_stream(echo, stream);
        stream->error = STREAM_ERROR_RESET;
        tasklet_wakeup(stream->user);
    }
    buffer_wait_cancel(&mux->env->buffers, &echo->in_wait);
    buffer_give(&mux->env->buffers, BUFFER_DOWN_IN, &echo->in);
    mux_fini(mux);
    pool_give(&mux->env->muxes[mux->kind], echo);
}

static void fail(struct echo_mux *echo, const char *what)
{
    struct echo_host *host = echo->mux.env->host_ctx;

    host->fail(host, what);
}

static void take_answer(struct echo_mux *echo, uint32_t id)
{
    struct list *link;

    LIST_EACH(link, &echo->streams)
    {
        struct echo_request *request = request_of(LIST_ENTRY(link, struct stream, ready));
        if (request->id != id)
            continue;
        if (request->is_answered)
            fail(echo, "a question is answered twice");
        request->is_answered = true;
        tasklet_wakeup(request->stream.user);
        return;
    }
    if (echo->abandoned == 0)
        fail(echo, "an answer came to a connection that has not asked");
    else
        echo->abandoned--;
}

static void parse(struct echo_mux *echo)
{
    uint32_t id;

    while (buf_len(&echo->in) >= sizeof(id)) {
        (void)buf_read(&echo->in, &id, sizeof(id));
        take_answer(echo, id);
    }
}

static void receive(struct echo_mux *echo)
{
    struct mux *mux = &echo->mux;
    struct buffers *buffers = &mux->env->buffers;

    if (echo->in.area == NULL &&
        !buffer_take(buffers, BUFFER_DOWN_IN, &echo->in, &echo->in_wait, mux->tasklet))
        return;
    while (conn_recv(mux->conn, &echo->in) > 0)
        parse(echo);
    if (buf_is_empty(&echo->in))
        buffer_give(buffers, BUFFER_DOWN_IN, &echo->in);
    conn_wait_recv(mux->conn);
}

static void send_out(struct echo_mux *echo)
{
    struct buf_span span = buf_data_span(&echo->out);

    while (span.len_bytes > 0) {
        size_t sent = conn_send(echo->mux.conn, &span, 1);
        buf_skip(&echo->out, sent);
        if (sent < span.len_bytes) {
            conn_wait_send(echo->mux.conn);
            return;
        }
        span = buf_data_span(&echo->out);
    }
}

static bool run(struct mux *mux)
{
    struct echo_mux *echo = echo_of(mux);

    send_out(echo);
    receive(echo);
    if (!conn_has(mux->conn, CONN_READ_END | CONN_WRITE_END | CONN_FAILED))
        return true;
    destroy(mux);
    return false;
}

static bool late(struct mux *mux)
{
    (void)mux;
    return true;
}

static unsigned room(const struct mux *mux)
{
    const struct echo_mux *echo = echo_of(mux);

    return echo->streams_max - echo->streams_count;
}

static int attach(struct mux *mux, struct stream *stream)
{
    struct echo_mux *echo = echo_of(mux);
    struct echo_request *request = request_of(stream);

    if (room(mux) == 0 || buf_room(&echo->out) < ECHO_BYTES)
        return -ERR_FULL;
    if (HOOK_ALLOC_FAILS("stream"))
        return -ERR_MEMORY;
    stream->impl = request;
    list_push_tail(&echo->streams, &stream->ready);
    echo->streams_count++;
    echo->carried++;
    (void)buf_write(&echo->out, &request->id, ECHO_BYTES);
    mux_arm(mux, 0);
    tasklet_wakeup(mux->tasklet);
    return 0;
}

static bool is_clean(const struct mux *mux)
{
    const struct echo_mux *echo = echo_of(mux);

    return echo->streams_count == 0 && echo->abandoned == 0 && buf_is_empty(&echo->out) &&
           echo->in.area == NULL && !buffer_is_waiting(&echo->in_wait) && conn_is_clean(mux->conn);
}

static void detach(struct stream *stream)
{
    struct mux *mux = stream->mux;
    struct echo_mux *echo = echo_of(mux);

    forget_stream(echo, stream);
    if (!request_of(stream)->is_answered)
        echo->abandoned++;
    if (echo->streams_count > 0) {
        mux_offer(mux);
        return;
    }
    buffer_wait_cancel(&mux->env->buffers, &echo->in_wait);
    if (is_clean(mux))
        mux_idle(mux, echo->carried > 1);
    else
        destroy(mux);
}

static void ready(struct stream *stream)
{
    tasklet_wakeup(stream->mux->tasklet);
}

static void stop(struct mux *mux)
{
    (void)mux;
}

static void check(const struct mux *mux, bool is_quiet)
{
    const struct echo_mux *echo = echo_of(mux);

    BUG_ON(echo->streams_count > echo->streams_max);
    BUG_ON(is_quiet && !buf_is_empty(&echo->out));
}

static const struct mux_ops echo_ops = {
    .name = "echo",
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

int echo_new(struct mux_env *env, enum mux_kind kind, unsigned streams_max, struct conn *conn,
             struct server *server, struct mux **out)
{
    struct echo_mux *echo = pool_take_zero(&env->muxes[kind]);

    BUG_ON(streams_max == 0 || streams_max > ECHO_STREAMS_MAX);
    if (echo == NULL)
        return -ERR_MEMORY;
    list_init(&echo->streams);
    echo->streams_max = streams_max;
    buf_init(&echo->out, echo->out_area, sizeof(echo->out_area));
    int result = mux_init_back(&echo->mux, &echo_ops, env, kind, conn, server);
    if (result != 0)
        pool_give(&env->muxes[kind], echo);
    else
        *out = &echo->mux;
    return result;
}
