/*
 * core/rt/fd.h - the table of file descriptors, and who may handle each one.
 *
 * An entry is indexed by fd number. It is closed (owner NULL, group 0) or alive between fd_insert()
 * and the one real close that follows fd_delete(). While alive, workers whose bit is in thread_mask
 * may handle it; a worker inside the handler, or handling the entry for a moment, has its bit in
 * running_mask. thread_mask 0 means it is being closed.
 *
 * Deleting never waits for those inside: FD_MUST_CLOSE is set and the last worker to drop its
 * running bit takes that flag away and closes. A caller of fd_delete() may hold a lock that a
 * handler wants.
 *
 * Masks mean something only under a reference on the group (refc_group), which also holds off the
 * end of the close. There is one group now; a fd of another group would be handled through that
 * group's list.
 *
 *     fd_insert -> alive --fd_delete--> dying --last running bit dropped--> close() -> closed
 *
 * Threads: said at each function.
 */
#ifndef CORE_RT_FD_H
#define CORE_RT_FD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/rt/fd_list.h"

struct rt;
struct worker;

/* X(name, bit) of fd_entry.state. */
#define FD_BIT_LIST(X)                                                                             \
    X(ACTIVE_R, 0) /* we want to be told of data to read */                                        \
    X(ACTIVE_W, 1) /* and of room to write */                                                      \
    X(READY_R, 2)  /* no EAGAIN since the last report */                                           \
    X(READY_W, 3)                                                                                  \
    X(SHUT_R, 4) /* the peer will send no more */                                                  \
    X(SHUT_W, 5)                                                                                   \
    X(POLL_IN, 8) /* the last report; HUP and ERR stick */                                         \
    X(POLL_OUT, 9)                                                                                 \
    X(POLL_HUP, 10)                                                                                \
    X(POLL_ERR, 11)                                                                                \
    X(LINGER_RISK, 16) /* close by RST: a connection to a server, to free its port at once */      \
    X(CLONED, 17)      /* another process holds the same file: unregister by hand on close */      \
    X(EXPORTED, 18)    /* may be passed to another process */                                      \
    X(MUST_CLOSE, 19)  /* fd_delete() was called; taken away by the one who closes */              \
    X(DISOWN, 20)      /* forget it on delete, do not close it */

enum {
#define FD_BIT_ENUM_(name, bit) FD_##name = 1 << (bit),
    FD_BIT_LIST(FD_BIT_ENUM_)
#undef FD_BIT_ENUM_
};

enum {
    FD_ACTIVE_ANY = FD_ACTIVE_R | FD_ACTIVE_W,
    FD_POLL_ANY = FD_POLL_IN | FD_POLL_OUT | FD_POLL_HUP | FD_POLL_ERR,
    FD_POLL_STICKY = FD_POLL_HUP | FD_POLL_ERR,
};

/* refc_group: references in the low bits, then the lock bit, then the group. */
enum { FD_REFC_MASK = 0x7fff, FD_GROUP_LOCK = 0x8000, FD_GROUP_SHIFT = 16, FD_GROUP = 1 };

/* Called with the worker's bit in running_mask. May delete `fd`. */
typedef void (*fd_handler_fn)(struct rt *rt, int fd, void *owner);

/* What every report touches: one cache line. */
struct fd_entry {
    _Atomic uint64_t running_mask; /* workers inside; read-modify-write only */
    _Atomic uint64_t thread_mask;  /* workers that may enter; stored by the owning side only */
    _Atomic uint64_t update_mask;  /* workers that have it in their private update array (F4) */
    _Atomic uint64_t shared_mask; /* workers that shall look at it in the shared update list (F5) */
    _Atomic(void *) owner;        /* NULL: closed */
    _Atomic(fd_handler_fn) handler;
    _Atomic uint32_t state;
    _Atomic uint32_t refc_group;
    _Atomic uint32_t generation;     /* counts real closes */
    _Atomic uint32_t takeover_count; /* statistics */
};

/* What only polling updates touch. */
struct fd_polled {
    _Atomic uint64_t recv_mask; /* workers whose epoll knows it for reading; survives fd_insert() */
    _Atomic uint64_t send_mask;
    struct fd_link link; /* in the shared update list */
};

struct fd_table {
    struct fd_entry *entries;
    struct fd_polled *polled;
    int fd_max;             /* entries 0 .. fd_max-1 */
    _Atomic int fd_high;    /* every fd ever inserted is below this */
    _Atomic int count;      /* alive or dying: 0 at the end */
    struct fd_list updates; /* polling updates for several workers at once */
};

enum fd_update_result { FD_UPDATE_DONE, FD_UPDATE_CLOSED, FD_UPDATE_MIGRATED };

MUST_CHECK int fd_table_init(struct rt *rt, int fd_max);
void fd_table_fini(struct rt *rt);

/* Enters an open `fd` that `owner` (not NULL) handles by `handler` on the workers of `thread_mask`
 * (not 0). -ERR_FULL when the number is beyond the table: then it is still the caller's to close.
 * Nothing is polled until somebody wants it. Any worker. */
MUST_CHECK int fd_insert(struct rt *rt, int fd, void *owner, fd_handler_fn handler,
                         uint64_t thread_mask);

/* Wishes. `want` programs a polling update the first time; `stop` is lazy: a spurious report will
 * do it. The owning side: a worker of thread_mask, or who excludes those. */
void fd_want_recv(struct rt *rt, int fd);
void fd_want_send(struct rt *rt, int fd);
void fd_stop_recv(struct rt *rt, int fd);
void fd_stop_send(struct rt *rt, int fd);
void fd_stop_both(struct rt *rt, int fd);

/* Readiness as the caller found it: `cant` after EAGAIN, `may` when there may be more. */
void fd_cant_recv(struct rt *rt, int fd);
void fd_cant_send(struct rt *rt, int fd);
void fd_may_recv(struct rt *rt, int fd);
void fd_may_send(struct rt *rt, int fd);

bool fd_is_recv_ready(struct rt *rt, int fd);
bool fd_is_send_ready(struct rt *rt, int fd);
bool fd_is_recv_active(struct rt *rt, int fd);
bool fd_is_send_active(struct rt *rt, int fd);

/* FD_ bits now. */
uint32_t fd_state(struct rt *rt, int fd);

/* Sets LINGER_RISK, CLONED, EXPORTED or DISOWN. The owning side. */
void fd_set_flags(struct rt *rt, int fd, uint32_t bits);
void fd_clear_flags(struct rt *rt, int fd, uint32_t bits);

/* Closes `fd`, now or when the last worker inside leaves. Never waits. The number must not be used
 * by the caller afterwards. The owning side only, once, after it took the owner out of every list
 * in which somebody could find it (and take it over). */
void fd_delete(struct rt *rt, int fd);

/* Makes the calling worker the only one to handle `fd`, if it still belongs to `owner` and nobody
 * is inside. -ERR_BUSY: nothing changed. On success reading is not wanted any more: the caller asks
 * anew. The caller holds the lock that keeps the old side from deleting it. */
MUST_CHECK int fd_takeover(struct rt *rt, int fd, void *owner);

/* Hands `fd` over to worker `worker`, which asks for polling itself. The only handler of `fd`,
 * certain that nobody is closing it. */
void fd_migrate_on(struct rt *rt, int fd, int worker);

/* A report of the poller: FD_POLL_ and FD_SHUT_ bits for the life `generation` of `fd`. */
enum fd_update_result fd_update_events(struct worker *worker, int fd, uint32_t generation,
                                       uint32_t events);

/* Programs a polling update for all of thread_mask; nothing if `fd` is closed. Any worker. */
void fd_update_polling(struct rt *rt, int fd);

/* Programs one for the calling worker alone. True, for its caller's convenience. */
bool fd_update_own(struct worker *worker, int fd);

/* Takes a reference if `fd` is alive or dying; false if it is closed. Any worker. */
MUST_CHECK bool fd_ref(struct rt *rt, int fd);
void fd_unref(struct rt *rt, int fd);

#endif
