#include "core/mux/work/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"
#include "core/tls/session.h"

/* A server's end of a connection. Its worker's, but for the link. */
struct far {
    struct list link; /* guard: far_lock of its worker */
    struct work *work;
    int worker;
    int fd;
    struct tls_session *tls; /* NULL: in the clear */
    bool is_held;            /* it has taken what it could not send yet */
    struct buf out;          /* received, and to be sent back */
    uint8_t area[ECHO_BYTES * ECHO_STREAMS_MAX];
};

/* A question of a client; its worker's. */
struct work_request {
    struct echo_request echo;
    struct work *work;
    struct list link; /* in work_worker.requests */
    struct tasklet *tasklet;
};

static uint32_t draw(struct work *work, uint32_t n)
{
    return work->host.draw(work->host.ctx, n);
}

static bool draw_share(struct work *work, unsigned share)
{
    return share != 0 && draw(work, 8) < share;
}

static void fail(struct echo_host *host, const char *what)
{
    struct work *work = CONTAINER_OF(host, struct work, echo);

    work->host.fail(work->host.ctx, what);
}

/*
 * Far ends
 */

static void far_free(struct far *far)
{
    struct work_worker *mine = &far->work->workers[far->worker];

    lock_take(&mine->far_lock);
    list_unlink(&far->link);
    lock_give(&mine->far_lock);
    if (far->tls != NULL)
        tls_session_free(far->tls);
    fd_delete(far->work->rt, far->fd);
    free(far);
}

/* What TLS says, as a system call would. */
static ssize_t as_call(enum tls_status status, size_t len_bytes)
{
    switch (status) {
    case TLS_DONE:
        return (ssize_t)len_bytes;
    case TLS_WANT_RECV:
    case TLS_WANT_SEND:
        errno = EAGAIN;
        return -1;
    case TLS_END:
    case TLS_CUT:
    case TLS_FAILED:
        break;
    }
    return 0;
}

/* 0: the peer has gone, whatever the reason. */
static ssize_t far_recv(struct far *far, struct buf_span room)
{
    struct tls_session *tls = far->tls;
    enum tls_status status = TLS_DONE;
    size_t got = 0;

    if (tls == NULL)
        return recv(far->fd, room.data, room.len_bytes, 0);
    if (tls->is_handshaking) {
        status = tls->context->library->shake(tls);
        tls->is_handshaking = status != TLS_DONE;
        if (status == TLS_WANT_SEND)
            fd_want_send(far->work->rt, far->fd);
    }
    if (status == TLS_DONE)
        status = tls->context->library->recv(tls, room.data, room.len_bytes, &got);
    return as_call(status, got);
}

static ssize_t far_send_once(struct far *far, struct buf_span span)
{
    struct tls_session *tls = far->tls;
    enum tls_status status = TLS_DONE;
    size_t taken = 0;

    if (tls == NULL)
        return send(far->fd, span.data, span.len_bytes, MSG_NOSIGNAL);
    if (far->is_held)
        status = tls->context->library->flush(tls);
    far->is_held = status != TLS_DONE;
    if (status == TLS_DONE) {
        status = tls->context->library->send(tls, span.data, span.len_bytes, &taken);
        far->is_held = status != TLS_DONE && taken > 0;
    }
    /* What is held is taken: the next call brings it out. */
    return taken > 0 ? (ssize_t)taken : as_call(status, taken);
}

/* Sends what there is, in two pieces now and then. A peer that has gone is noticed by the next
 * read. */
static void far_send(struct far *far)
{
    struct rt *rt = far->work->rt;

    for (;;) {
        struct buf_span span = buf_data_span(&far->out);
        if (span.len_bytes == 0) {
            fd_stop_send(rt, far->fd);
            return;
        }
        if (draw(far->work, 2) != 0)
            span.len_bytes = 1 + draw(far->work, (uint32_t)span.len_bytes);
        ssize_t sent = far_send_once(far, span);
        if (sent < 0 && errno == EAGAIN) {
            fd_cant_send(rt, far->fd);
            fd_want_send(rt, far->fd);
            return;
        }
        if (sent < 0 && errno != EINTR)
            buf_reset(&far->out);
        else if (sent > 0)
            buf_skip(&far->out, (size_t)sent);
    }
}

/* TLS has read more from the socket than it gave out: the socket will not report it again. */
static bool far_has_more(const struct far *far)
{
    return far->tls != NULL && !buf_is_full(&far->out) &&
           far->tls->context->library->has_pending(far->tls);
}

static void far_handle(struct rt *rt, int fd, void *owner)
{
    struct far *far = owner;
    ssize_t got;

    do {
        struct buf_span room = buf_room_span(&far->out);

        got = room.len_bytes == 0 ? 1 : far_recv(far, room);
        if (got == 0) {
            far_free(far);
            return;
        }
        if (got < 0)
            fd_cant_recv(rt, fd);
        else if (room.len_bytes != 0)
            buf_fill(&far->out, (size_t)got);
        far_send(far);
    } while (got > 0 && far_has_more(far));
    if (got > 0 && buf_is_empty(&far->out) && draw_share(far->work, far->work->options.close_share))
        far_free(far);
}

static bool far_new(struct work *work, int worker, int fd)
{
    struct work_worker *theirs = &work->workers[worker];
    struct far *far = calloc(1, sizeof(*far));

    if (far == NULL)
        return false;
    far->work = work;
    far->worker = worker;
    far->fd = fd;
    buf_init(&far->out, far->area, sizeof(far->area));
    if (work->far_tls != NULL) {
        far->tls = tls_session_new(work->far_tls, fd, NULL);
        if (far->tls == NULL)
            goto free_far;
        far->tls->is_handshaking = true;
    }
    if (fd_insert(work->rt, fd, far, far_handle, UINT64_C(1) << worker) != 0)
        goto free_tls;
    /* Before it is listed: its worker may end it from then on. */
    fd_want_recv(work->rt, fd);
    lock_take(&theirs->far_lock);
    list_push_tail(&theirs->fars, &far->link);
    lock_give(&theirs->far_lock);
    return true;

free_tls:
    if (far->tls != NULL)
        tls_session_free(far->tls);
free_far:
    free(far);
    return false;
}

static struct far *pick_far(struct work_worker *mine)
{
    struct far *far = NULL;

    lock_take(&mine->far_lock);
    if (!list_is_empty(&mine->fars))
        far = LIST_ENTRY(mine->fars.next, struct far, link);
    lock_give(&mine->far_lock);
    return far;
}

/*
 * Questions
 */

static void end_request(struct work_request *request)
{
    struct work *work = request->work;
    struct stream *stream = &request->echo.stream;

    atom_fetch_add(request->echo.is_answered ? &work->answered : &work->failed, 1,
                   memory_order_relaxed);
    if (stream->mux != NULL)
        stream->mux->ops->detach(stream);
    list_unlink(&request->link);
    work->workers[worker_id()].requests_count--;
    tasklet_free(request->tasklet);
    free(request);
    work->host.end_part(work->host.ctx);
}

static struct tasklet *process_request(struct tasklet *tasklet, void *ctx, uint32_t bits)
{
    struct work_request *request = ctx;

    (void)bits;
    if (!echo_is_over(&request->echo))
        return tasklet;
    end_request(request);
    return NULL;
}

static struct work_request *new_request(struct work *work, int worker)
{
    struct work_worker *mine = &work->workers[worker];
    struct work_request *request = calloc(1, sizeof(*request));

    if (request == NULL)
        return NULL;
    request->tasklet = tasklet_new_on(work->rt, worker, process_request, request);
    if (request->tasklet == NULL) {
        free(request);
        return NULL;
    }
    HOOK_NAME(request->tasklet, "tasklet", "request");
    request->work = work;
    request->echo.stream.user = request->tasklet;
    list_init(&request->echo.stream.ready);
    /* Of the worker in the low bits, so that no two are equal. */
    request->echo.id = mine->next_id++ * WORKERS_MAX + (uint32_t)worker;
    list_push_tail(&mine->requests, &request->link);
    mine->requests_count++;
    work->host.begin_part(work->host.ctx);
    return request;
}

static struct mux *connect_to(struct work *work, struct server *server)
{
    static const struct addr nowhere;
    static const enum mux_kind kinds[] = {MUX_H1_BACK, MUX_H2, MUX_FCGI};
    enum mux_kind kind = kinds[draw(work, ARRAY_LEN(kinds))];
    struct mux *mux;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        return NULL;
    struct conn *conn = conn_new(work->rt, &work->conns, fds[0], NULL, &nowhere);
    if (conn == NULL)
        goto close_fds;
    unsigned streams_max = kind == MUX_H1_BACK ? 1 : 2;
    if (echo_new(&work->env, kind, streams_max, conn, server, &mux) != 0) {
        conn_free(conn);
        goto close_far;
    }
    if (work->near_tls != NULL && conn_start_tls(conn, work->near_tls, NULL) != 0) {
        mux->ops->destroy(mux);
        goto close_far;
    }
    if (!far_new(work, (int)draw(work, work->workers_count), fds[1])) {
        mux->ops->destroy(mux);
        goto close_far;
    }
    return mux;

close_fds:
    (void)close(fds[0]);
close_far:
    (void)close(fds[1]);
    return NULL;
}

/* Over what connection? `session` NULL: anybody's. */
static struct mux *find_mux(struct work *work, struct server *server, struct idle_session *session,
                            bool *is_new)
{
    struct idle_want want = {.may_idle = draw(work, 4) != 0};
    struct idle_conn *idle =
        session != NULL ? idle_get_session(session, server, want.key) : idle_get(server, &want);

    if (idle != NULL) {
        if (idle->worker != worker_id())
            fail(&work->echo, "a connection was given to another worker than its owner");
        return mux_of_idle(idle);
    }
    struct mux *mux = connect_to(work, server);
    *is_new = mux != NULL;
    if (mux != NULL && session != NULL)
        idle_set_private(&mux->idle, session);
    return mux;
}

static void ask(struct work *work, int worker)
{
    struct work_worker *mine = &work->workers[worker];
    struct server *server = &work->backend.servers[draw(work, work->backend.servers_count)];
    struct idle_session *session = NULL;

    if (draw_share(work, work->options.private_share))
        session = mine->sessions[draw(work, WORK_SESSIONS)];
    if (mine->requests_count >= work->options.asks_max)
        return;
    struct work_request *request = new_request(work, worker);
    if (request == NULL)
        return;
    bool is_new = false;
    struct mux *mux = find_mux(work, server, session, &is_new);
    if (mux != NULL && mux_attach(mux, &request->echo.stream) == 0)
        return;
    if (is_new)
        mux->ops->destroy(mux);
    end_request(request);
}

/*
 * The rest of what a worker does
 */

static void leave(struct work *work, int worker)
{
    struct work_worker *mine = &work->workers[worker];

    if (!list_is_empty(&mine->requests))
        end_request(LIST_ENTRY(mine->requests.prev, struct work_request, link));
}

static void close_one(struct work *work, int worker)
{
    struct far *far = pick_far(&work->workers[worker]);

    if (far != NULL)
        far_free(far);
}

static void evict(struct work *work)
{
    struct server *server = &work->backend.servers[draw(work, work->backend.servers_count)];

    if (draw(work, 2) == 0) {
        (void)server_set_maintenance(server);
        (void)server_set_ready(server);
    } else {
        idle_evict(server);
    }
}

static void evict_some(struct work *work)
{
    struct server *servers[BACKEND_SERVERS_MAX];

    for (uint32_t i = 0; i < work->backend.servers_count; i++)
        servers[i] = &work->backend.servers[i];
    (void)idle_evict_oldest(&work->set, servers, work->backend.servers_count, 1 + draw(work, 2));
}

static void end_session(struct work *work, int worker)
{
    struct idle_session **session = &work->workers[worker].sessions[draw(work, WORK_SESSIONS)];

    idle_session_end(*session, work->rt);
    free(*session);
    *session = calloc(1, sizeof(**session));
    BUG_ON(*session == NULL);
    idle_session_init(*session);
}

static void check_own(struct work *work, int worker)
{
    struct idle_worker *locked = idle_lock_own(work->rt);

    for (uint32_t i = 0; i < work->backend.servers_count; i++)
        idle_check_locked(&work->backend.servers[i], worker);
    idle_unlock(locked);
}

static enum work_action draw_action(struct work *work)
{
#define WORK_ACTION_FIELD(name, field) work->options.field,
    const unsigned weights[] = {WORK_ACTIONS(WORK_ACTION_FIELD)};
#undef WORK_ACTION_FIELD
    unsigned sum = 0;
    unsigned action = 0;

    for (unsigned i = 0; i < ARRAY_LEN(weights); i++)
        sum += weights[i];
    unsigned at = draw(work, sum);
    while (at >= weights[action])
        at -= weights[action++];
    return (enum work_action)action;
}

void work_step(struct work *work, int worker)
{
    switch (draw_action(work)) {
    case WORK_ASK:
        ask(work, worker);
        break;
    case WORK_LEAVE:
        leave(work, worker);
        break;
    case WORK_CLOSE:
        close_one(work, worker);
        break;
    case WORK_EVICT:
        evict(work);
        break;
    case WORK_EVICT_SOME:
        evict_some(work);
        break;
    case WORK_END_SESSION:
        end_session(work, worker);
        break;
    case WORK_CHECK:
        check_own(work, worker);
        break;
    }
}

/*
 * Start, checks, end
 */

static void init_worker(struct work_worker *mine)
{
    list_init(&mine->requests);
    list_init(&mine->fars);
    lock_init(&mine->far_lock, "far.lock");
    for (unsigned i = 0; i < WORK_SESSIONS; i++) {
        mine->sessions[i] = calloc(1, sizeof(*mine->sessions[i]));
        BUG_ON(mine->sessions[i] == NULL);
        idle_session_init(mine->sessions[i]);
    }
}

static void init_env(struct work *work)
{
    struct mux_env *env = &work->env;

    env->rt = work->rt;
    env->conns = &work->conns;
    env->host_ctx = &work->echo;
    env->timeouts.idle_ns = work->options.idle_ns;
    /* One to receive with: who finds none has to wait. */
    buffers_init(&env->buffers, sizeof(((struct far *)0)->area), 1, work->workers_count);
    pool_init(&work->conns, "conn", sizeof(struct conn), 1U << 16);
    for (unsigned kind = 0; kind < ARRAY_LEN(env->muxes); kind++)
        pool_init(&env->muxes[kind], "mux", sizeof(struct echo_mux), 1U << 16);
}

static void init_tls(struct work *work)
{
    const struct tls_options near = {.is_client = true};
    const struct tls_options far = {.certificate_file = work->options.certificate_file,
                                    .key_file = work->options.key_file};
    char error[TLS_ERROR_BYTES];

    BUG_ON(tls_context_new(&near, &work->near_tls, error) != 0);
    BUG_ON(tls_context_new(&far, &work->far_tls, error) != 0);
}

struct work *work_new(const struct work_options *options, const struct work_host *host,
                      struct rt *rt, unsigned workers_count)
{
    static const struct backend_options backend = {.name = "app", .balance = BACKEND_LEASTCONN};
    struct server_options server = {.name = "s", .reuse = SERVER_REUSE_ALWAYS};
    struct work *work = calloc(1, sizeof(*work));

    if (work == NULL)
        return NULL;
    work->echo.fail = fail;
    work->options = *options;
    work->host = *host;
    work->rt = rt;
    work->workers_count = workers_count;
    server.idle_max = options->idle_max;
    server.purge_ns = options->purge_ns;
    init_env(work);
    if (options->has_tls)
        init_tls(work);
    for (unsigned i = 0; i < workers_count; i++)
        init_worker(&work->workers[i]);
    BUG_ON(idle_set_init(&work->set, rt, workers_count) != 0);
    BUG_ON(backend_init(&work->backend, &work->set, &backend) != 0);
    BUG_ON(backend_add_server(&work->backend, &server) != 0);
    return work;
}

/* C1: what the server counts, against the connections that are there. */
static void check_muxes(const struct work *work, const struct server *server)
{
    unsigned counted[IDLE_COUNTED_SESSION + 1] = {0};

    for (unsigned kind = 0; kind < ARRAY_LEN(work->env.muxes); kind++) {
        const struct pool *pool = &work->env.muxes[kind];
        const struct echo_mux *echo;

        for (echo = pool_live_next(pool, NULL); echo != NULL; echo = pool_live_next(pool, echo)) {
            mux_check(&echo->mux, true);
            if (echo->mux.idle.server == server)
                counted[echo->mux.idle.counted]++;
        }
    }
    BUG_ON(atomic_load_explicit(&server->conns_used, memory_order_relaxed) !=
           counted[IDLE_COUNTED_USED] + counted[IDLE_COUNTED_SESSION]);
    BUG_ON(atomic_load_explicit(&server->conns_safe, memory_order_relaxed) !=
           counted[IDLE_COUNTED_SAFE]);
    BUG_ON(atomic_load_explicit(&server->conns_idle, memory_order_relaxed) !=
           counted[IDLE_COUNTED_SAFE] + counted[IDLE_COUNTED_IDLE]);
}

void work_check_quiet(const struct work *work)
{
    for (uint32_t i = 0; i < work->backend.servers_count; i++) {
        idle_check(&work->set, &work->backend.servers[i], true);
        check_muxes(work, &work->backend.servers[i]);
    }
    buffers_check(&work->env.buffers, true);
    for (unsigned i = 0; i < work->workers_count; i++) {
        if (!list_is_empty(&work->workers[i].requests))
            work->host.fail(work->host.ctx, "a question is neither answered nor fails");
    }
}

static void end_worker(struct work *work, struct work_worker *mine)
{
    struct far *far;

    BUG_ON(!list_is_empty(&mine->requests));
    for (far = pick_far(mine); far != NULL; far = pick_far(mine))
        far_free(far);
    lock_fini(&mine->far_lock);
    for (unsigned i = 0; i < WORK_SESSIONS; i++) {
        idle_session_end(mine->sessions[i], work->rt);
        free(mine->sessions[i]);
    }
}

void work_free(struct work *work)
{
    for (uint32_t i = 0; i < work->backend.servers_count; i++)
        idle_clear(&work->backend.servers[i]);
    for (unsigned i = 0; i < work->workers_count; i++)
        end_worker(work, &work->workers[i]);
    backend_fini(&work->backend);
    idle_set_fini(&work->set);
    for (unsigned kind = 0; kind < ARRAY_LEN(work->env.muxes); kind++)
        pool_fini(&work->env.muxes[kind]);
    pool_fini(&work->conns);
    tls_context_free(work->near_tls);
    tls_context_free(work->far_tls);
    buffers_fini(&work->env.buffers);
    free(work);
}
