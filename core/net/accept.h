/*
 * core/net/accept.h - from the kernel's accept queue to the worker that serves the connection.
 *
 * A place is reserved first (rate, listener's bound, set's bound), then accept() is called under
 * the listener's read lock, because another worker may be closing it. The connection is then a job:
 * no worker leaves before it has ended. It goes to the less loaded of two workers through that
 * one's ring, or is served here: when the ring is full, and once the instance is stopping.
 *
 * Threads: any worker.
 */
#ifndef CORE_NET_ACCEPT_H
#define CORE_NET_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

struct conn;
struct listener;
struct listener_set;
struct rt;
struct task;
struct tasklet;

enum accept_result {
    ACCEPT_ONE,    /* accepted one: there may be more */
    ACCEPT_FAILED, /* likewise, but one was gone, or the kernel gives us none */
    ACCEPT_EMPTY,  /* the kernel has no more */
    ACCEPT_HELD,   /* a bound was reached: the listener is FULL or LIMITED */
    ACCEPT_CLOSED, /* the listener accepts no more */
};

/* Handler of a listener's fd. */
void accept_handle_fd(struct rt *rt, int fd, void *owner);

/* Accepts one. */
enum accept_result accept_one(struct listener *listener);

/* Accepts until nothing is left, then closes the listener. Stops early at a bound. */
void accept_drain(struct listener *listener);

/* Process function of an acceptor's tasklet; ctx is its listener_set. */
struct tasklet *accept_process_ring(struct tasklet *tasklet, void *ctx, uint32_t state);

/* The client connection has ended: closes it, frees it, and gives its place back. Its worker, or
 * who is alone (`worker` is whom it was dispatched to). */
void accept_conn_end(struct conn *conn, int worker);

/* Ends what is in the rings. Who is alone. */
void accept_discard_rings(struct listener_set *set);

#endif
