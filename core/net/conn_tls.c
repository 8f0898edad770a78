#include "core/net/conn_tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/err.h"
#include "core/base/lock.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/tls/session.h"

/* What goes into one record although it comes in several spans: a head and a small body. */
enum { GATHER_BYTES = 4096 };

_Static_assert((int)CONN_SERVER_NAME_BYTES == (int)TLS_SERVER_NAME_BYTES, "the same names");

static const struct tls_library *library_of(const struct conn *conn)
{
    return conn->tls->context->library;
}

static void wake_waiter(struct conn *conn, uint32_t wishes)
{
    uint32_t met = conn->flags & wishes;

    if (met == 0)
        return;
    conn->flags &= ~met;
    tasklet_wakeup(conn->waiter);
}

/* What cannot go on ends here; 0 ways to say it are the caller's to choose. */
static void note_end(struct conn *conn, enum tls_status status)
{
    struct tls_session *tls = conn->tls;

    tls->is_ended = true;
    switch (status) {
    case TLS_END:
        conn->flags |= CONN_READ_END;
        break;
    case TLS_CUT:
        conn->flags |= CONN_READ_END | CONN_CUT;
        break;
    case TLS_FAILED:
        conn_fail(conn, tls->error);
        break;
    case TLS_DONE:
    case TLS_WANT_RECV:
    case TLS_WANT_SEND:
        BUG_ON(true);
    }
}

/* Is `status` a wish? Then the socket has been found to be as it says. */
static bool is_want(struct conn *conn, enum tls_status status)
{
    if (status == TLS_WANT_RECV)
        fd_cant_recv(conn->rt, conn->fd);
    else if (status == TLS_WANT_SEND)
        fd_cant_send(conn->rt, conn->fd);
    else
        return false;
    return true;
}

static void want(struct conn *conn, enum tls_status status)
{
    if (status == TLS_WANT_SEND)
        fd_want_send(conn->rt, conn->fd);
    else
        fd_want_recv(conn->rt, conn->fd);
}

/* Reads as much as there is, up to `len_bytes`. */
static enum tls_status read_some(struct conn *conn, void *data, size_t len_bytes, size_t *got_bytes)
{
    struct tls_session *tls = conn->tls;
    enum tls_status status = library_of(conn)->recv(tls, data, len_bytes, got_bytes);

    BUG_ON(status == TLS_DONE && (*got_bytes == 0 || *got_bytes > len_bytes));
    tls->recv_wants_send = status == TLS_WANT_SEND;
    tls->is_dry = status == TLS_WANT_RECV;
    if (status != TLS_DONE && !is_want(conn, status))
        note_end(conn, status);
    return status;
}

size_t conn_tls_recv(struct conn *conn, struct buf *buf)
{
    struct tls_session *tls = conn->tls;
    size_t sum = 0;

    if (tls->has_peeked) {
        sum = buf_write(buf, &tls->peeked, 1);
        tls->has_peeked = sum == 0;
        if (tls->has_peeked || !library_of(conn)->has_pending(tls))
            return sum;
    }
    for (;;) {
        struct buf_span room = buf_room_span(buf);
        size_t got = 0;

        if (room.len_bytes == 0)
            return sum;
        if (read_some(conn, room.data, room.len_bytes, &got) != TLS_DONE)
            return sum;
        buf_fill(buf, got);
        sum += got;
        /* The socket is asked again only when the session cannot answer by itself. */
        if (!library_of(conn)->has_pending(tls))
            return sum;
    }
}

/* The socket need not be readable for the session to have something. */
static bool has_unseen(const struct conn *conn)
{
    const struct tls_session *tls = conn->tls;

    return tls->has_peeked || (!tls->is_dry && library_of(conn)->has_pending(tls));
}

/* Is there data, an end or a failure to read? Reads one byte if need be. */
static bool peek(struct conn *conn)
{
    struct tls_session *tls = conn->tls;
    size_t got = 0;

    if (tls->has_peeked || tls->is_ended)
        return true;
    enum tls_status status = read_some(conn, &tls->peeked, 1, &got);
    tls->has_peeked = status == TLS_DONE;
    if (!tls->has_peeked && !tls->is_ended)
        MARK("net.conn.tls_nothing_to_read");
    return tls->has_peeked || tls->is_ended;
}

/*
 * Sending
 */

/* The caller shall send no more; what the peer has sent can still be read. */
static void end_send(struct conn *conn, enum tls_status status)
{
    if (status == TLS_FAILED)
        note_end(conn, status);
    conn->flags |= CONN_WRITE_END;
    conn->tls->is_held = false;
    conn->tls->is_ending = false;
}

/* Brings a record out that was taken before. False: not now, or never. */
static bool flush(struct conn *conn)
{
    struct tls_session *tls = conn->tls;
    enum tls_status status = library_of(conn)->flush(tls);

    tls->send_wants_recv = status == TLS_WANT_RECV;
    if (is_want(conn, status))
        return false;
    if (status != TLS_DONE || tls->is_send_broken) {
        end_send(conn, status);
        return false;
    }
    tls->is_held = false;
    return true;
}

/* Sends one piece. Returns what to report as taken; `*is_full`: no more for now. */
static size_t send_piece(struct conn *conn, const void *data, size_t len_bytes, bool *is_full)
{
    struct tls_session *tls = conn->tls;
    size_t taken = 0;
    enum tls_status status = library_of(conn)->send(tls, data, len_bytes, &taken);

    BUG_ON(taken > len_bytes || (status == TLS_DONE && taken == 0));
    *is_full = status != TLS_DONE || tls->is_send_broken;
    tls->send_wants_recv = status == TLS_WANT_RECV;
    if (is_want(conn, status)) {
        /* All but its last byte: with that the caller comes back, and then it is out. */
        tls->is_held = taken > 0;
        return taken > 0 ? taken - 1 : 0;
    }
    if (*is_full) {
        end_send(conn, status);
        return 0;
    }
    return taken;
}

static size_t sum_of(const struct buf_span *spans, unsigned spans_count)
{
    size_t sum = 0;

    for (unsigned i = 0; i < spans_count; i++)
        sum += spans[i].len_bytes;
    return sum;
}

/* The spans without their first `skip_bytes`, as one piece; they are at most GATHER_BYTES then. */
static size_t gather(const struct buf_span *spans, unsigned spans_count, size_t skip_bytes,
                     uint8_t *out)
{
    size_t sum = 0;

    for (unsigned i = 0; i < spans_count; i++) {
        size_t skipped = skip_bytes < spans[i].len_bytes ? skip_bytes : spans[i].len_bytes;
        size_t len = spans[i].len_bytes - skipped;

        skip_bytes -= skipped;
        if (len > 0)
            memcpy(out + sum, spans[i].data + skipped, len);
        sum += len;
    }
    return sum;
}

static size_t send_spans(struct conn *conn, const struct buf_span *spans, unsigned spans_count,
                         size_t skip_bytes)
{
    size_t sum = 0;

    for (unsigned i = 0; i < spans_count; i++) {
        size_t done = skip_bytes < spans[i].len_bytes ? skip_bytes : spans[i].len_bytes;

        skip_bytes -= done;
        while (done < spans[i].len_bytes) {
            bool is_full;
            size_t taken =
                send_piece(conn, spans[i].data + done, spans[i].len_bytes - done, &is_full);

            sum += taken;
            done += taken;
            if (is_full)
                return sum;
        }
    }
    return sum;
}

size_t conn_tls_send(struct conn *conn, const struct buf_span *spans, unsigned spans_count)
{
    uint8_t gathered[GATHER_BYTES];
    size_t total = sum_of(spans, spans_count);
    size_t skip = 0;
    bool is_full;

    if (total == 0)
        return 0;
    if (conn->tls->is_held) {
        if (!flush(conn))
            return 0;
        skip = 1;
    }
    if (total == skip)
        return skip;
    if (spans_count > 1 && total - skip <= sizeof(gathered)) {
        size_t len = gather(spans, spans_count, skip, gathered);
        return skip + send_piece(conn, gathered, len, &is_full);
    }
    return skip + send_spans(conn, spans, spans_count, skip);
}

/* Says that we send no more, first in TLS and then in TCP; until then it is tried again. */
static void send_end(struct conn *conn)
{
    struct tls_session *tls = conn->tls;
    enum tls_status status = library_of(conn)->end(tls);

    tls->is_ending = is_want(conn, status);
    if (tls->is_ending)
        want(conn, status);
    else
        (void)shutdown(conn->fd, SHUT_WR);
}

void conn_tls_shutdown(struct conn *conn)
{
    conn->flags |= CONN_WRITE_END;
    send_end(conn);
}

/*
 * Waiting
 */

void conn_tls_wait_recv(struct conn *conn)
{
    struct tls_session *tls = conn->tls;

    if (conn_has(conn, CONN_CONNECTING))
        return;
    if (has_unseen(conn)) {
        /* It may be half a record, so the tasklet looks; the socket would not tell. */
        tasklet_wakeup(tls->tasklet);
        return;
    }
    want(conn, tls->recv_wants_send ? TLS_WANT_SEND : TLS_WANT_RECV);
}

void conn_tls_wait_send(struct conn *conn)
{
    if (conn_has(conn, CONN_CONNECTING))
        return;
    want(conn, conn->tls->send_wants_recv ? TLS_WANT_RECV : TLS_WANT_SEND);
}

void conn_tls_wait_nothing(struct conn *conn)
{
    /* What TLS itself waits for goes on. */
    if (!conn_has(conn, CONN_CONNECTING) && !conn->tls->is_ending)
        fd_stop_both(conn->rt, conn->fd);
}

void conn_tls_report(struct conn *conn)
{
    uint32_t state = fd_state(conn->rt, conn->fd);

    /* Level-triggered: what the tasklet still waits for it asks for again. */
    if ((state & (FD_POLL_IN | FD_POLL_STICKY)) != 0)
        fd_stop_recv(conn->rt, conn->fd);
    if ((state & (FD_POLL_OUT | FD_POLL_STICKY)) != 0)
        fd_stop_send(conn->rt, conn->fd);
    tasklet_wakeup(conn->tls->tasklet);
}

/*
 * The tasklet
 */

/* TCP first. True when it is made. */
static bool go_on_connecting(struct conn *conn)
{
    struct tls_session *tls = conn->tls;
    const uint32_t made = FD_POLL_OUT | FD_POLL_STICKY;

    if (!tls->is_connecting)
        return true;
    if ((fd_state(conn->rt, conn->fd) & made) == 0) {
        fd_want_send(conn->rt, conn->fd);
        return false;
    }
    tls->is_connecting = false;
    if (conn_finish_connect(conn))
        return true;
    tls->is_ended = true;
    return false;
}

/* True when it is done. */
static bool go_on_shaking(struct conn *conn)
{
    struct tls_session *tls = conn->tls;

    if (!tls->is_handshaking)
        return true;
    enum tls_status status = library_of(conn)->shake(tls);
    if (is_want(conn, status)) {
        want(conn, status);
        return false;
    }
    tls->is_handshaking = false;
    tasklet_clear_flags(tls->tasklet, TASK_HEAVY);
    if (status != TLS_DONE) {
        if (status != TLS_FAILED)
            tls->error = ECONNRESET;
        note_end(conn, TLS_FAILED);
        return false;
    }
    conn->flags &= ~(uint32_t)CONN_CONNECTING;
    /* Who waits to send does so for this, whether there is room or not. */
    wake_waiter(conn, CONN_WAIT_SEND);
    return true;
}

static bool may_send(struct conn *conn)
{
    return conn->tls->send_wants_recv ? fd_is_recv_ready(conn->rt, conn->fd)
                                      : fd_is_send_ready(conn->rt, conn->fd);
}

/* All that can be done now, and asks for what is missing. */
static void go_on(struct conn *conn)
{
    if (conn_has(conn, CONN_CONNECTING) && (!go_on_connecting(conn) || !go_on_shaking(conn)))
        goto tell;
    if (conn->tls->is_ending)
        send_end(conn);
    if (conn_has(conn, CONN_WAIT_RECV)) {
        if (peek(conn))
            wake_waiter(conn, CONN_WAIT_RECV);
        else
            want(conn, conn->tls->recv_wants_send ? TLS_WANT_SEND : TLS_WANT_RECV);
    }
    if (conn_has(conn, CONN_WAIT_SEND)) {
        if (may_send(conn))
            wake_waiter(conn, CONN_WAIT_SEND);
        else
            conn_tls_wait_send(conn);
    }
tell:
    if (conn_has(conn, CONN_FAILED))
        wake_waiter(conn, CONN_WAIT_RECV | CONN_WAIT_SEND);
}

static struct tasklet *run(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct lock *lock = (state & TASK_F_USR1) != 0 ? worker_self()->steal_lock : NULL;

    /* Without the flag nobody can have stolen it: it is set on this worker, before anybody else
     * finds the connection. With it the ctx may be out of date. */
    if (lock != NULL) {
        lock_take(lock);
        ctx = tasklet_ctx(tasklet);
    }
    if (ctx != NULL)
        go_on(ctx);
    else
        MARK("net.conn.tls_stolen");
    if (lock != NULL)
        lock_give(lock);
    /* A thief, or conn_free(), has killed it if it is to end: then it is freed when we return. */
    return tasklet;
}

/*
 * Begin, move, end
 */

int conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name)
{
    BUG_ON(!conn_has(conn, CONN_ATTACHED) || conn->tls != NULL);
    BUG_ON(conn_has(conn, CONN_READ_END | CONN_WRITE_END));
    struct tasklet *tasklet = tasklet_new_on(conn->rt, worker_id(), run, conn);
    if (tasklet == NULL)
        return -ERR_MEMORY;
    struct tls_session *tls = tls_session_new(context, conn->fd, server_name);
    if (tls == NULL) {
        tasklet_free(tasklet);
        return -ERR_MEMORY;
    }
    tls->tasklet = tasklet;
    tls->is_connecting = conn_has(conn, CONN_CONNECTING);
    tls->is_handshaking = true;
    /* A server's signs, for as long as dozens of requests take: one a turn, so that those who have
     * shaken hands are served in between when many come at once. */
    if (conn->listener != NULL)
        tasklet_set_flags(tasklet, TASK_HEAVY);
    conn->tls = tls;
    conn->flags |= CONN_TLS | CONN_CONNECTING;
    tasklet_wakeup(tasklet);
    return 0;
}

enum conn_alpn conn_alpn(const struct conn *conn)
{
    if (conn->tls == NULL || conn_has(conn, CONN_CONNECTING))
        return CONN_ALPN_NONE;
    switch (conn->tls->protocol) {
    case TLS_PROTOCOL_NONE:
        break;
    case TLS_PROTOCOL_H1:
        return CONN_ALPN_H1;
    case TLS_PROTOCOL_H2:
        return CONN_ALPN_H2;
    }
    return CONN_ALPN_NONE;
}

void conn_lend(struct conn *conn, struct lock *idle_lock)
{
    if (conn->tls == NULL)
        return;
    worker_self()->steal_lock = idle_lock;
    conn->tls->is_lent = true;
    tasklet_set_flags(conn->tls->tasklet, TASK_F_USR1);
}

void conn_keep(struct conn *conn)
{
    if (conn->tls == NULL || !conn->tls->is_lent)
        return;
    conn->tls->is_lent = false;
    tasklet_clear_flags(conn->tls->tasklet, TASK_F_USR1);
}

bool conn_tls_is_clean(const struct conn *conn)
{
    const struct tls_session *tls = conn->tls;

    return !tls->is_handshaking && !tls->is_held && !tls->is_ending && !tls->is_ended &&
           !tls->recv_wants_send && !has_unseen(conn);
}

int conn_tls_takeover(struct conn *conn, int from)
{
    struct tls_session *tls = conn->tls;
    struct tasklet *old = tls->tasklet;

    BUG_ON(!tls->is_lent);
    if (!conn_tls_is_clean(conn)) {
        MARK("net.conn.tls_takeover_busy");
        return -ERR_BUSY;
    }
    struct tasklet *tasklet = tasklet_new_on(conn->rt, worker_id(), run, conn);
    if (tasklet == NULL)
        return -ERR_MEMORY;
    int result = fd_takeover(conn->rt, conn->fd, conn);
    if (result != 0) {
        tasklet_free(tasklet);
        return result;
    }
    tls->is_lent = false;
    if (PLANT(K05b)) {
        tasklet_free(tasklet);
        return 0;
    }
    BUG_ON(tasklet_owner(old) != from);
    tls->tasklet = tasklet;
    /* It may be queued there, or wait for the lock we hold. Nobody can wake it any more: the fd is
     * ours, and so is the session. Its worker frees it. */
    tasklet_set_ctx(old, NULL);
    tasklet_kill(old);
    return 0;
}

void conn_tls_free(struct conn *conn)
{
    tasklet_free(conn->tls->tasklet);
    tls_session_free(conn->tls);
    conn->tls = NULL;
}

void conn_tls_check(const struct conn *conn)
{
    const struct tls_session *tls = conn->tls;

    BUG_ON(tls->fd != conn->fd);
    BUG_ON(tls->is_handshaking && !tls->is_ended && !conn_has(conn, CONN_CONNECTING));
    BUG_ON(tls->is_held && conn_has(conn, CONN_WRITE_END));
    BUG_ON(tls->is_ending && !conn_has(conn, CONN_WRITE_END));
}
