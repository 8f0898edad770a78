/*
 * core/rt/fd_list.h - fds whose polling several workers must update: who has consumed it, who has
 * not.
 *
 * fd_entry.shared_mask says which workers still have to look at a fd; the list says which fds to
 * look at. Who adds sets bits first and lists the fd afterwards; who takes clears its bit and
 * unlists the fd when no bit is left. Both do the second step under the lock, so a fd with a bit is
 * listed.
 *
 * Threads: any worker.
 */
#ifndef CORE_RT_FD_LIST_H
#define CORE_RT_FD_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/lock.h"

struct rt;
struct worker;

enum { FD_NOT_LISTED = -2, FD_LIST_END = -1 };

struct fd_list {
    struct lock lock; /* leaf */
    int first;        /* FD_LIST_END when empty */
    int last;
    _Atomic unsigned count; /* may be read without the lock */
};

/* A fd's links. */
struct fd_link {
    _Atomic int next; /* FD_NOT_LISTED, FD_LIST_END or a fd; stored under the lock */
    int prev;         /* FD_LIST_END for the first; guard: lock */
};

void fd_list_init(struct rt *rt);
void fd_list_fini(struct rt *rt);

/* Is it listed? Without the lock that may change at once. */
bool fd_list_has(struct rt *rt, int fd);

/* Lists `fd` for all workers of `mask`. False: they all had it to look at already. The caller holds
 * a reference on `fd`. */
bool fd_list_add(struct rt *rt, int fd, uint64_t mask);

/* Unlists `fd`, for whom it may be. */
void fd_list_remove(struct rt *rt, int fd);

/* Takes what `worker` has to look at: at most `count_max` fds into `fds`. Returns how many; called
 * again as long as that is `count_max`. */
unsigned fd_list_take(struct worker *worker, int *fds, unsigned count_max);

/* F5, when no worker is at work. */
void fd_list_check(const struct rt *rt);

#endif
