/*
 * sim/kernel/epoll.h - epoll, as Linux orders and reports it.
 *
 * A registration is keyed on (file, fd number): it survives the close of the fd when the file was
 * dup'ed, and goes with the file. Ready items wait in one list; collecting takes from its front,
 * and a level-triggered item goes back to its end when it was reported, so that a small
 * `events_max` rotates. What is reported is what holds at that moment, within what was asked for.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_EPOLL_H
#define SIM_KERNEL_EPOLL_H

#include <stdint.h>
#include <sys/epoll.h>

#include "sim/kernel/file.h"

enum { EPOLL_NESTING_MAX = 4 };

struct epoll_item {
    struct watch watch; /* on the file */
    struct epoll *epoll;
    struct file *file;
    int fd;
    uint32_t events;
    epoll_data_t data;
    struct epoll_item *bucket_next;
    struct epoll_item *file_next; /* others that name the same file */
    struct epoll_item **file_prev;
    struct epoll_item *ready_next;
    struct epoll_item *ready_prev;
    bool is_ready;
};

struct epoll_ready {
    struct epoll_item *head;
    struct epoll_item *tail;
    uint32_t count;
};

struct epoll {
    struct file file;
    struct epoll_item **buckets; /* by fd; a power of two of them */
    uint32_t bucket_count;
    uint32_t item_count;
    struct epoll_ready ready;
    struct watch_list waiters; /* in epoll_wait, exclusive, in order of arrival */
};

struct file *epoll_new(void);
/* NULL when `file` is no epoll. */
struct epoll *epoll_of(struct file *file);

/* `target` is what `fd` refers to now. 0 or -errno. `event` may be NULL for EPOLL_CTL_DEL. */
int epoll_ctl_file(struct file *file, int op, int fd, struct file *target,
                   const struct epoll_event *event);

/* Up to `events_max` events into `events`; 0 when nothing is ready. `first` (may be NULL) is the
 * item reported first, to be read before anything else happens. */
int epoll_collect(struct epoll *epoll, struct epoll_event *events, int events_max,
                  struct epoll_item **first);

/* The last reference to `file` has gone. */
void epoll_forget_file(struct file *file);

#endif
