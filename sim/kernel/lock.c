/*
 * sim/kernel/lock.c - see lock.h.
 */
#include "sim/kernel/lock.h"

#include <errno.h>

#include "sim/kernel/kernel.h"

static bool overlaps(const struct record_lock *lock, int64_t start, int64_t last)
{
    return lock->start <= last && start <= lock->last;
}

static bool is_owned(const struct record_lock *lock, enum lock_kind kind, const void *owner)
{
    return lock->kind == kind && lock->owner == owner;
}

const struct record_lock *lock_conflict(const struct inode *inode, const struct record_lock *wanted)
{
    for (const struct record_lock *lock = inode->locks; lock != NULL; lock = lock->next) {
        if (is_owned(lock, wanted->kind, wanted->owner) ||
            (lock->kind == LOCK_FLOCK) != (wanted->kind == LOCK_FLOCK))
            continue;
        if ((lock->is_write || wanted->is_write) && overlaps(lock, wanted->start, wanted->last))
            return lock;
    }
    return NULL;
}

static void add(struct inode *inode, const struct record_lock *lock)
{
    struct record_lock *copy = kmem_take(sizeof(*copy));

    *copy = *lock;
    copy->next = inode->locks;
    inode->locks = copy;
}

/* Cuts [start, last] out of what the owner has. */
static bool cut(struct inode *inode, enum lock_kind kind, const void *owner, int64_t start,
                int64_t last)
{
    struct record_lock **place = &inode->locks;
    bool has_cut = false;

    while (*place != NULL) {
        struct record_lock *lock = *place;
        struct record_lock behind = *lock;
        if (!is_owned(lock, kind, owner) || !overlaps(lock, start, last)) {
            place = &lock->next;
            continue;
        }
        has_cut = true;
        behind.start = last + 1;
        if (lock->last > last && lock->start < start)
            add(inode, &behind); /* in front of `place`, so not met again */
        if (lock->start < start) {
            lock->last = start - 1;
            place = lock == *place ? &lock->next : &(*place)->next->next;
        } else if (lock->last > last) {
            lock->start = last + 1;
            place = &lock->next;
        } else {
            *place = lock->next;
            kmem_give(lock, sizeof(*lock));
        }
    }
    return has_cut;
}

void lock_drop(struct inode *inode, enum lock_kind kind, const void *owner, int64_t start,
               int64_t last)
{
    if (cut(inode, kind, owner, start, last))
        watch_list_wake(&inode->lock_watches, 0);
}

int lock_take(struct inode *inode, const struct record_lock *wanted)
{
    bool has_cut;

    if (lock_conflict(inode, wanted) != NULL)
        return -EAGAIN;
    has_cut = cut(inode, wanted->kind, wanted->owner, wanted->start, wanted->last);
    add(inode, wanted);
    if (has_cut && !wanted->is_write)
        watch_list_wake(&inode->lock_watches, 0); /* was a write lock, perhaps */
    return 0;
}
