/*
 * core/net/conn_tls.h - TLS between a connection's socket and its user: what conn.c calls.
 *
 * The fd handler only wakes the session's tasklet (conn_tls_report()), and that does the rest:
 * connect, handshake, looking whether what came is data, waking the waiter. The user's own calls go
 * to the session directly, on the same worker.
 *
 * What a report means cannot be told without reading: it may be half a record, a session ticket, a
 * close-notify. So who waits to read is woken only when there is a byte of data (kept in `peeked`),
 * or an end.
 *
 * Threads: the connection's worker; conn_tls_takeover() a thief that holds the idle lock.
 */
#ifndef CORE_NET_CONN_TLS_H
#define CORE_NET_CONN_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/net/conn.h"

/* A report about the socket. */
void conn_tls_report(struct conn *conn);

/* As conn_recv() and so on; flags that forbid it are the caller's to see. */
size_t conn_tls_recv(struct conn *conn, struct buf *buf);
size_t conn_tls_send(struct conn *conn, const struct buf_span *spans, unsigned spans_count);
void conn_tls_shutdown(struct conn *conn);
/* The wish is in `flags` already. */
void conn_tls_wait_recv(struct conn *conn);
void conn_tls_wait_send(struct conn *conn);
void conn_tls_wait_nothing(struct conn *conn);

bool conn_tls_is_clean(const struct conn *conn);

/* As conn_takeover(), for a connection with TLS. */
MUST_CHECK int conn_tls_takeover(struct conn *conn, int from);

/* The end of it; the socket is closed after. */
void conn_tls_free(struct conn *conn);

void conn_tls_check(const struct conn *conn);

#endif
