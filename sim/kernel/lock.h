/*
 * sim/kernel/lock.h - locks on files: those of a process (fcntl), of an open file (F_OFD_*), and
 * flock()'s.
 *
 * The first two keep each other out by ranges of bytes; threads of one process never wait for each
 * other's locks of the first kind. flock()'s are a world of their own.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_LOCK_H
#define SIM_KERNEL_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/inode.h"

enum lock_kind { LOCK_OF_PROCESS, LOCK_OF_FILE, LOCK_FLOCK };

struct record_lock {
    struct record_lock *next;
    const void *owner; /* a process, or an open file */
    enum lock_kind kind;
    int32_t pid;         /* F_GETLK's answer */
    int64_t start, last; /* INT64_MAX: to the end, wherever that is */
    bool is_write;
};

/* 0, or -EAGAIN when somebody else's lock is in the way. What the owner had in the range is
 * replaced. */
int lock_take(struct inode *inode, const struct record_lock *wanted);
void lock_drop(struct inode *inode, enum lock_kind kind, const void *owner, int64_t start,
               int64_t last);
/* The first lock in the way; NULL when there is none. */
const struct record_lock *lock_conflict(const struct inode *inode,
                                        const struct record_lock *wanted);

#endif
