#include "core/net/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/net/conn_tls.h"
#include "core/rt/rt.h"

void conn_fail(struct conn *conn, int error)
{
    conn->error = error != 0 ? error : ECONNRESET;
    conn->flags |= CONN_FAILED;
    conn->flags &= ~(uint32_t)CONN_CONNECTING;
}

struct conn *conn_new(struct rt *rt, struct pool *pool, int fd, struct listener *listener,
                      const struct addr *peer)
{
    struct conn *conn = pool_take_zero(pool);

    if (conn == NULL)
        return NULL;
    conn->rt = rt;
    conn->pool = pool;
    conn->fd = fd;
    conn->listener = listener;
    conn->peer = *peer;
    HOOK_NAME(conn, "conn", listener != NULL ? "client" : "server");
    return conn;
}

void conn_free(struct conn *conn)
{
    if (conn == NULL)
        return;
    if (conn->tls != NULL)
        conn_tls_free(conn);
    if (conn_has(conn, CONN_ATTACHED))
        fd_delete(conn->rt, conn->fd);
    else
        (void)close(conn->fd);
    pool_give(conn->pool, conn);
}

/* The outcome of connect(): known when the socket can be written, or has failed. */
bool conn_finish_connect(struct conn *conn)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error != 0)
        conn_fail(conn, error);
    return error == 0;
}

/* A report about the socket, on its worker. */
static void handle_fd(struct rt *rt, int fd, void *owner)
{
    struct conn *conn = owner;
    uint32_t state = fd_state(rt, fd);
    uint32_t wake = 0;

    if (conn->tls != NULL) {
        conn_tls_report(conn);
        return;
    }
    if (conn_has(conn, CONN_CONNECTING) &&
        (state & (FD_POLL_OUT | FD_POLL_HUP | FD_POLL_ERR)) != 0 && conn_finish_connect(conn))
        conn->flags &= ~(uint32_t)CONN_CONNECTING;
    if (conn->hang_up != NULL && (state & (FD_POLL_STICKY | FD_SHUT_R)) != 0 &&
        conn->hang_up(conn->waiter))
        return;
    /* An end or an error is for whoever waits: the system call that follows will tell which. */
    bool is_over = conn_has(conn, CONN_FAILED) || (state & FD_POLL_STICKY) != 0;
    if (conn_has(conn, CONN_WAIT_RECV) && (is_over || (state & FD_POLL_IN) != 0))
        wake |= CONN_WAIT_RECV;
    if (conn_has(conn, CONN_WAIT_SEND) && !conn_has(conn, CONN_CONNECTING) &&
        (is_over || (state & FD_POLL_OUT) != 0))
        wake |= CONN_WAIT_SEND;
    if (wake == 0) {
        /* Nobody waits for what was reported: without this the kernel would repeat it for ever. */
        if (!conn_has(conn, CONN_WAIT_RECV))
            fd_stop_recv(rt, fd);
        if (!conn_has(conn, CONN_WAIT_SEND))
            fd_stop_send(rt, fd);
        return;
    }
    conn->flags &= ~wake;
    if ((wake & CONN_WAIT_RECV) != 0)
        fd_stop_recv(rt, fd);
    if ((wake & CONN_WAIT_SEND) != 0)
        fd_stop_send(rt, fd);
    tasklet_wakeup(conn->waiter);
}

int conn_attach(struct conn *conn, struct tasklet *waiter)
{
    BUG_ON(conn_has(conn, CONN_ATTACHED));
    conn->waiter = waiter;
    int result = fd_insert(conn->rt, conn->fd, conn, handle_fd, worker_self()->bit);
    if (result == 0)
        conn->flags |= CONN_ATTACHED;
    return result;
}

struct conn *conn_connect(struct rt *rt, struct pool *pool, const struct addr *to,
                          struct tasklet *waiter, int *error)
{
    struct sockaddr_storage to_socket;
    socklen_t to_len = addr_to_socket(to, &to_socket);
    int on = 1;

    int fd = socket(to->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        *error = errno;
        return NULL;
    }
    /* Refused by a kernel without it, which does no harm. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int result = connect(fd, (struct sockaddr *)&to_socket, to_len);
    /* EINTR: the kernel goes on with it, as with EINPROGRESS. */
    if (result != 0 && errno != EINPROGRESS && errno != EINTR) {
        *error = errno;
        goto close_fd;
    }
    bool is_made = result == 0;
    *error = ENOMEM;
    struct conn *conn = conn_new(rt, pool, fd, NULL, to);
    if (conn == NULL)
        goto close_fd;
    if (conn_attach(conn, waiter) != 0) {
        *error = EMFILE;
        goto free_conn;
    }
    if (!is_made)
        conn->flags |= CONN_CONNECTING;
    /* Nothing can have come yet. The poller then takes reading along with its first registration.
     */
    fd_cant_recv(rt, fd);
    return conn;

free_conn:
    conn_free(conn);
    return NULL;
close_fd:
    (void)close(fd);
    return NULL;
}

/* One recv() into the first piece of room: bytes read, 0 when there is nothing more for now. */
static size_t recv_once(struct conn *conn, struct buf *buf, size_t *asked)
{
    struct buf_span room = buf_room_span(buf);
    ssize_t got;

    *asked = room.len_bytes;
    if (room.len_bytes == 0)
        return 0;
    do {
        got = recv(conn->fd, room.data, room.len_bytes, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        buf_fill(buf, (size_t)got);
        /* A stream that gave less than was asked for is empty; the poller says when it is not. An
         * end that was reported comes without another report. */
        if ((size_t)got < room.len_bytes && (fd_state(conn->rt, conn->fd) & FD_SHUT_R) == 0)
            fd_cant_recv(conn->rt, conn->fd);
        return (size_t)got;
    }
    if (got == 0)
        conn->flags |= CONN_READ_END;
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
        fd_cant_recv(conn->rt, conn->fd);
    else
        conn_fail(conn, errno);
    return 0;
}

size_t conn_recv(struct conn *conn, struct buf *buf)
{
    size_t sum = 0;

    if (conn_has(conn, CONN_READ_END | CONN_FAILED | CONN_CONNECTING))
        return 0;
    if (conn->tls != NULL)
        return conn_tls_recv(conn, buf);
    /* Nothing has come since it was found empty: no need to ask the kernel. */
    if (!fd_is_recv_ready(conn->rt, conn->fd))
        return 0;
    /* Twice: the room of a ring is in at most two pieces. */
    for (int i = 0; i < 2; i++) {
        size_t asked;
        size_t got = recv_once(conn, buf, &asked);
        sum += got;
        if (got < asked || got == 0)
            break;
    }
    return sum;
}

size_t conn_send(struct conn *conn, const struct buf_span *spans, unsigned spans_count)
{
    struct iovec pieces[CONN_SPANS_MAX];
    struct msghdr message = {.msg_iov = pieces};
    ssize_t sent;

    BUG_ON(spans_count > CONN_SPANS_MAX);
    if (conn_has(conn, CONN_WRITE_END | CONN_FAILED | CONN_CONNECTING))
        return 0;
    if (conn->tls != NULL)
        return conn_tls_send(conn, spans, spans_count);
    for (unsigned i = 0; i < spans_count; i++) {
        if (spans[i].len_bytes > 0)
            pieces[message.msg_iovlen++] = (struct iovec){spans[i].data, spans[i].len_bytes};
    }
    if (message.msg_iovlen == 0)
        return 0;
    do {
        /* One piece, as mostly: the kernel need not fetch the list first. */
        sent = message.msg_iovlen == 1
                   ? send(conn->fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                   : sendmsg(conn->fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return (size_t)sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
        fd_cant_send(conn->rt, conn->fd);
    else
        conn->flags |= CONN_WRITE_END; /* what was sent to us before can still be read */
    return 0;
}

void conn_shutdown(struct conn *conn)
{
    if (conn_has(conn, CONN_WRITE_END | CONN_FAILED | CONN_CONNECTING))
        return;
    if (conn->tls != NULL) {
        conn_tls_shutdown(conn);
        return;
    }
    (void)shutdown(conn->fd, SHUT_WR);
    conn->flags |= CONN_WRITE_END;
}

void conn_set_reset(struct conn *conn)
{
    if (conn_has(conn, CONN_ATTACHED))
        fd_set_flags(conn->rt, conn->fd, FD_LINGER_RISK);
}

void conn_wait_recv(struct conn *conn)
{
    if (conn_has(conn, CONN_WAIT_RECV | CONN_FAILED | CONN_READ_END))
        return;
    conn->flags |= CONN_WAIT_RECV;
    if (conn->tls != NULL)
        conn_tls_wait_recv(conn);
    else
        fd_want_recv(conn->rt, conn->fd);
}

void conn_wait_send(struct conn *conn)
{
    if (conn_has(conn, CONN_WAIT_SEND | CONN_FAILED | CONN_WRITE_END))
        return;
    conn->flags |= CONN_WAIT_SEND;
    if (conn->tls != NULL)
        conn_tls_wait_send(conn);
    else
        fd_want_send(conn->rt, conn->fd);
}

void conn_wait_nothing(struct conn *conn)
{
    conn->flags &= ~(uint32_t)(CONN_WAIT_RECV | CONN_WAIT_SEND);
    if (conn->tls != NULL)
        conn_tls_wait_nothing(conn);
    else
        fd_stop_both(conn->rt, conn->fd);
}

int conn_takeover(struct conn *conn, struct tasklet *waiter, int from)
{
    BUG_ON(from == worker_id());
    int result =
        conn->tls != NULL ? conn_tls_takeover(conn, from) : fd_takeover(conn->rt, conn->fd, conn);
    if (result != 0)
        return result;
    /* Now nobody else is inside, and what a report of the old worker's left is seen. */
    conn->flags &= ~(uint32_t)(CONN_WAIT_RECV | CONN_WAIT_SEND);
    conn->waiter = waiter;
    return 0;
}

bool conn_is_clean(const struct conn *conn)
{
    return conn->tls == NULL || conn_tls_is_clean(conn);
}

void conn_check(const struct conn *conn)
{
    BUG_ON(conn->fd < 0);
    BUG_ON(conn_has(conn, CONN_FAILED) && conn->error == 0);
    BUG_ON(conn_has(conn, CONN_WAIT_RECV | CONN_WAIT_SEND) && conn->waiter == NULL);
    BUG_ON(conn_has(conn, CONN_CONNECTING) && conn->listener != NULL && conn->tls == NULL);
    BUG_ON(conn_has(conn, CONN_TLS) != (conn->tls != NULL));
    if (conn->tls != NULL)
        conn_tls_check(conn);
}
