/*
 * core/net/conn.h - a stream socket that never blocks, and who is to be woken when it is ready.
 *
 * A connection is made by the worker that accepted or wanted it; it enters the fd table in
 * conn_attach() or conn_connect(), on the worker that will serve it, and belongs to that worker
 * from then on. Between accept and attach it may travel through an accept ring.
 *
 * What is sent and received goes through the connection's transport: the socket itself, or TLS
 * (conn_start_tls()), which has a tasklet of its own between the fd and the waiter, because a
 * record can be whole without the socket being readable, and reading may need writing. Who uses a
 * connection sees no difference, but for the handshake: CONN_CONNECTING lasts until it is done.
 *
 * An idle connection to a server can be taken over by another worker: conn_takeover().
 *
 * Waiting is one shot: conn_wait_recv() or conn_wait_send() names what is awaited, the handler
 * wakes the waiter's tasklet once and forgets. What went wrong stays in `flags` until somebody
 * looks.
 *
 * Threads: the worker it is attached to.
 */
#ifndef CORE_NET_CONN_H
#define CORE_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/base/pool.h"
#include "core/net/addr.h"

struct listener;
struct lock;
struct rt;
struct tasklet;
struct tls_context;
struct tls_session;

/* X(name, bit) of conn.flags. */
#define CONN_FLAGS(X)                                                                              \
    X(ATTACHED, 0)   /* in the fd table */                                                         \
    X(CONNECTING, 1) /* connect(), or the TLS handshake, is under way */                           \
    X(READ_END, 2)   /* the peer will send no more */                                              \
    X(WRITE_END, 3)  /* we will send no more */                                                    \
    X(FAILED, 4)     /* `error` says how: neither direction works */                               \
    X(WAIT_RECV, 5)  /* the waiter is to be woken when there is something to read */               \
    X(WAIT_SEND, 6)  /* or room to write, or the connection is made */                             \
    X(TLS, 7)        /* `tls` is set */                                                            \
    X(CUT, 8)        /* with READ_END: TLS was not ended, so the last message may be cut short */

enum {
#define CONN_FLAG_ENUM(name, bit) CONN_##name = 1 << (bit),
    CONN_FLAGS(CONN_FLAG_ENUM)
#undef CONN_FLAG_ENUM
};

enum { CONN_SPANS_MAX = 4 }; /* pieces of one conn_send() */

struct conn {
    struct rt *rt;
    struct pool *pool;         /* where it goes back to */
    struct listener *listener; /* that accepted it and counts it; NULL towards a server */
    struct tasklet *waiter;    /* the session's; bound to the same worker */
    int fd;
    int error; /* errno, with CONN_FAILED */
    uint32_t flags;
    struct addr peer;
    struct tls_session *tls; /* NULL: in the clear */
    /* In the clear: what the handler calls when a report says that the peer has gone, before it
     * wakes anybody. True: the conn is no more. NULL, or false: as any other report. */
    bool (*hang_up)(struct tasklet *waiter);
};

/* The application protocol that TLS agreed upon (RFC 7301). */
enum conn_alpn { CONN_ALPN_NONE, CONN_ALPN_H1, CONN_ALPN_H2 };

enum { CONN_SERVER_NAME_BYTES = 256 }; /* with its NUL */

/* Takes over the open non-blocking `fd`. NULL when refused: the fd is still the caller's. Any
 * worker. */
MUST_CHECK struct conn *conn_new(struct rt *rt, struct pool *pool, int fd,
                                 struct listener *listener, const struct addr *peer);

/* Closes and frees. An attached one: by its worker, or by whoever is alone. NULL does nothing. */
void conn_free(struct conn *conn);

/* Enters the fd table on the calling worker. -ERR_FULL: the number is beyond the table. */
MUST_CHECK int conn_attach(struct conn *conn, struct tasklet *waiter);

/* A new connection to `to` under way, attached to the calling worker; conn_wait_send() tells when
 * it is made. NULL: refused at once, `*error` is the errno. */
MUST_CHECK struct conn *conn_connect(struct rt *rt, struct pool *pool, const struct addr *to,
                                     struct tasklet *waiter, int *error);

/*
 * Reads into the room of `buf`. Returns what was added: 0 when nothing is there now (or no room, or
 * the flags say READ_END or FAILED). Stops after a short read: there may be more.
 */
size_t conn_recv(struct conn *conn, struct buf *buf);

/* Writes the spans in order; returns how many bytes were taken. Less than asked: no room, or
 * FAILED, or WRITE_END. What was not taken comes again first, the same bytes: of a TLS record that
 * is not all out the last byte is reported only when it is, so that "all taken" means all out. */
size_t conn_send(struct conn *conn, const struct buf_span *spans, unsigned spans_count);

/* Sends the end of our bytes; what the peer sends can still be read. */
void conn_shutdown(struct conn *conn);

/* The close that follows shall be a reset: the peer must not take what it got for complete. */
void conn_set_reset(struct conn *conn);

/* One-shot wishes; repeating one changes nothing. */
void conn_wait_recv(struct conn *conn);
void conn_wait_send(struct conn *conn);
void conn_wait_nothing(struct conn *conn);

/*
 * TLS from the first byte on, over an attached connection that has sent and received nothing (it
 * may still be connecting). A client's offers what its context says and asks for `server_name`
 * (NULL: none; copied); a server's takes what its context allows. CONN_CONNECTING is set until the
 * handshake is done, or has failed (CONN_FAILED): conn_wait_send() tells when. -ERR_MEMORY: nothing
 * changed.
 */
MUST_CHECK int conn_start_tls(struct conn *conn, struct tls_context *context,
                              const char *server_name);

/* NONE in the clear, before the handshake is done, or when the peer offered nothing. */
enum conn_alpn conn_alpn(const struct conn *conn);

/*
 * Lending: between these two another worker may take the connection over. TLS has a tasklet of its
 * own, which may run on the owner while a thief is at work; so it needs what the mux needs:
 *
 *   mux_idle(), before the mux can be found in an idle list:  conn_lend(conn, own idle lock)
 *   mux_attach(), out of every list again:                    conn_keep(conn)
 *
 * While lent, the transport's tasklet does its work inside `idle_lock`, which must be the lock of
 * the calling worker (one lock a worker, for as long as the worker lives) and the one that a thief
 * holds in conn_takeover(). It only wakes the waiter there, and takes nothing out of any list: the
 * waiter enters by its own F_USR1. In the clear both do nothing. The owner; not holding the lock is
 * fine, as nobody else can find it yet.
 */
void conn_lend(struct conn *conn, struct lock *idle_lock);
void conn_keep(struct conn *conn);

/*
 * Makes the calling worker the owner of a lent connection: allocates what the transport needs
 * first, then moves the fd, then leaves the old transport's tasklet to its own worker `from` to end
 * there, and points the connection at `waiter`. All wishes are gone, and it is not lent any more:
 * the caller asks anew. -ERR_BUSY (somebody is inside its handler, or the transport holds
 * something), -ERR_MEMORY: nothing changed. The caller holds the idle lock of `from`, and until
 * this has succeeded reads nothing else of the conn: a report may be changing its flags.
 */
MUST_CHECK int conn_takeover(struct conn *conn, struct tasklet *waiter, int from);

/* Nothing that the peer sent waits inside the transport, and nothing is half sent. Its owner, or
 * who holds the lock under which it is lent. */
bool conn_is_clean(const struct conn *conn);

static inline bool conn_has(const struct conn *conn, uint32_t flags)
{
    return (conn->flags & flags) != 0;
}

/* For conn_tls.c: it works no more, in neither direction. */
void conn_fail(struct conn *conn, int error);

/* For conn_tls.c: the socket can be written, or has failed; true when connect() succeeded. */
bool conn_finish_connect(struct conn *conn);

/* Aborts on a broken invariant. From outside any worker, between steps. */
void conn_check(const struct conn *conn);

#endif
