/*
 * sim/kernel/file.h - open files, and who waits for them.
 *
 * A file is what a file descriptor refers to: counted, shared by dup, with one list of watches, as
 * a Linux wait queue. A change calls file_wake(), which notifies the watches in Linux's order:
 * those that are not exclusive, latest first, then the exclusive ones, earliest first, until one
 * takes the wake. Edge-triggered epoll is exactly "woken", level-triggered is "woken, and still so
 * when looked at".
 *
 * Nothing here blocks: an operation that would have to wait returns -EAGAIN, and sim/posix parks
 * the thread on a watch.
 *
 * Owner: the run's arena; a file goes when its last reference does.  Threads: none; on a virtual
 * thread after its point, or from a lane.
 */
#ifndef SIM_KERNEL_FILE_H
#define SIM_KERNEL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "sim/sched/sched.h"

struct epoll_item;
struct watch;

/* ---- watches ---- */

/* All zero is an empty list. */
struct watch_list {
    struct watch *head;
    struct watch *tail;
};

struct watch {
    /* Something about the file may have changed: `mask` holds EPOLL bits, 0 means any. Returns
     * whether an exclusive watch took the wake. Must not call into the kernel, except to
     * unwatch itself: it is called in the middle of an operation. */
    bool (*notify)(struct watch *watch, uint32_t mask);
    void *context;

    /* private */
    struct watch *prev;
    struct watch *next;
    struct watch_list *list; /* NULL when not watching */
    bool is_exclusive;
};

void watch_list_add(struct watch_list *list, struct watch *watch, bool is_exclusive);
void watch_remove(struct watch *watch); /* no-op when not watching */
/* `mask` of 0 means any, and all the exclusive ones are told. */
void watch_list_wake(struct watch_list *list, uint32_t mask);

struct file;

/* A watch for actors: each change makes `fire` a step of `lane`, at the present instant, where
 * every kernel function may be called. Changes before that step are one step. */
struct lane_watch {
    void (*fire)(struct lane_watch *watch, uint32_t mask);
    void *context;

    /* private */
    struct watch watch;
    struct timer timer;
    struct vthread *lane;
    uint32_t mask; /* gathered since the last step; ~0 when any */
};

/* All of `watch` is overwritten. Fires once soon after, so that what is ready already is seen. */
void lane_watch_begin(struct lane_watch *watch, struct file *file, struct vthread *lane,
                      void (*fire)(struct lane_watch *, uint32_t), void *context);
void lane_watch_end(struct lane_watch *watch); /* no-op when not watching */

/* ---- files ---- */

/* X(enumerator, word, words) for reports: "1 listener", "2 connections" */
#define FILE_KINDS(X)                                                                              \
    X(SOCKET, "socket", "sockets")                                                                 \
    X(LISTENER, "listener", "listeners")                                                           \
    X(CONNECTION, "connection", "connections")                                                     \
    X(UDP, "UDP socket", "UDP sockets")                                                            \
    X(PAIR, "socket pair end", "socket pair ends")                                                 \
    X(PIPE, "pipe end", "pipe ends")                                                               \
    X(EVENTFD, "eventfd", "eventfds")                                                              \
    X(TIMERFD, "timerfd", "timerfds")                                                              \
    X(EPOLL, "epoll", "epolls")                                                                    \
    X(DEVICE, "device", "devices")                                                                 \
    X(REGULAR, "file", "files")                                                                    \
    X(FOLDER, "folder", "folders")

enum file_kind {
#define X(name, word, words) FILE_##name,
    FILE_KINDS(X)
#undef X
        FILE_KIND_COUNT
};

/* Memory of the caller of a read or write: `total_bytes` of the parts, from `start_bytes` on. */
struct io_vector {
    const struct iovec *parts;
    uint32_t part_count;
    size_t start_bytes;
    size_t total_bytes;
};

struct file_ops {
    enum file_kind (*kind)(const struct file *file);
    /* EPOLL bits that hold now. May note that somebody waits for room (as Linux's SOCK_NOSPACE). */
    uint32_t (*poll)(struct file *file);
    /* Byte count or -errno. NULL: -EINVAL. */
    int64_t (*read)(struct file *file, const struct io_vector *to);
    int64_t (*write)(struct file *file, const struct io_vector *from);
    /* Bytes that a read would find (FIONREAD), or -errno. NULL: -ENOTTY. */
    int64_t (*readable_bytes)(struct file *file);
    /* The last reference has gone. Gives back the memory. */
    void (*release)(struct file *file);
    /* For race detection: what a write orders before, and a read after. NULL: the file. */
    void *(*sync)(struct file *file, bool is_write);
    bool has_no_poll; /* epoll refuses it */
};

struct file {
    const struct file_ops *ops;
    struct watch_list watches;
    struct epoll_item *epoll_items; /* registrations that name this file */
    uint32_t refs;
    uint32_t serial;       /* by creation in the run: a name for stories */
    uint32_t status_flags; /* O_NONBLOCK, O_APPEND and the access mode */
    bool is_socket;
    bool is_epoll;
    uint64_t change_serial; /* kernel->change_serial when it last changed: livelock oracle */
};

/* For makers of files: zeroed storage in, one reference. */
void file_init(struct file *file, const struct file_ops *ops, uint32_t status_flags);
struct file *file_get(struct file *file);
void file_put(struct file *file);

uint32_t file_poll(struct file *file);
/* -EBADF when the access mode does not allow it. */
int64_t file_read(struct file *file, const struct io_vector *to);
int64_t file_write(struct file *file, const struct io_vector *from);

/* Notifies the watches. `mask`: EPOLL bits, 0 for any. */
void file_wake(struct file *file, uint32_t mask);

/* The object through which a write here and a read there are ordered: see file_ops. */
void *file_sync(struct file *file, bool is_write);

const char *file_word(const struct file *file);
const char *file_kind_word(enum file_kind kind, bool is_plural);

/* ---- copying to and from the caller ---- */

/* Called, when not NULL, before memory of code under test is read or written: set by sim/posix in
 * sanitized builds. */
extern void (*io_check_user)(const void *memory, size_t len_bytes, bool is_write);

/* Fills `vector`; -EINVAL when a length is impossible or there are more than IOV_MAX parts. */
int io_vector_init(struct io_vector *vector, const struct iovec *parts, size_t part_count);
/* Copies between the bytes `offset`.. of the vector and `data`; returns the count copied. */
size_t io_copy_in(const struct io_vector *from, size_t offset, void *data, size_t len_bytes);
size_t io_copy_out(const struct io_vector *to, size_t offset, const void *data, size_t len_bytes);

/* How much of `len_bytes` a stream moves now: all when dull, else 1 .. len_bytes - 1. Actors always
 * move all. */
size_t io_draw_short(enum choice_class class, size_t len_bytes);

#endif
