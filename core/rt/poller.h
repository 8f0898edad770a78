/*
 * core/rt/poller.h - a worker's epoll instance: told of wishes, asked for events.
 *
 * The epoll data carry fd and generation, so that an event fetched for a file that was closed
 * meanwhile is known and dropped even when the number lives again. Who is registered where is kept
 * in fd_polled.recv_mask and send_mask.
 *
 * Threads: the worker itself; poller_forget() any.
 */
#ifndef CORE_RT_POLLER_H
#define CORE_RT_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

struct epoll_event;
struct rt;
struct worker;

/* Nobody sleeps longer: a worker that was not told of a change of a shared fd learns of it then. */
#define POLLER_WAIT_NS_MAX UINT64_C(60000000000)

struct poller {
    int epoll_fd;
    struct epoll_event *events; /* room for rt_config.poll_events_max */
    int *updates;               /* private update array, room for fd_max */
    int update_count;
    bool is_retrying; /* the kernel had no memory for an update, which is still in `updates` */
};

/* -ERR_MEMORY, -ERR_SYSTEM. */
MUST_CHECK int poller_init(struct worker *worker);
void poller_fini(struct worker *worker);

/* Puts `fd` into the worker's private update array. The caller has just set the worker's
 * update_mask bit, which was clear. */
void poller_add_update(struct worker *worker, int fd);

/* Applies updates and waits until `wait_ns` at most (0: does not wait). Returns how many events
 * there are, for poller_deliver(): in between the worker looks at the clock, because handlers count
 * from now on what they begin, and not from before the sleep. */
MUST_CHECK int poller_wait(struct worker *worker, uint64_t wait_ns);
void poller_deliver(struct worker *worker, int count);

/* Both, under a clock of the caller's. */
void poller_poll(struct worker *worker, uint64_t wait_ns);

/* Unregisters a dying `fd` from each worker's epoll that knows it: close() will not do so for a
 * file that lives on elsewhere. */
void poller_forget(struct rt *rt, int fd);

#endif
