#include "core/rt/fd_list.h"

#include "core/base/atomic.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/rt/worker.h"

void fd_list_init(struct rt *rt)
{
    struct fd_list *list = &rt->fds.updates;

    for (int fd = 0; fd < rt->fds.fd_max; fd++) {
        atomic_init(&rt->fds.polled[fd].link.next, FD_NOT_LISTED);
        rt->fds.polled[fd].link.prev = FD_NOT_LISTED;
    }
    atomic_init(&list->count, 0);
    list->first = FD_LIST_END;
    list->last = FD_LIST_END;
    lock_init(&list->lock, "fd.updates.lock");
}

void fd_list_fini(struct rt *rt)
{
    lock_fini(&rt->fds.updates.lock);
}

static struct fd_link *link_at(struct rt *rt, int fd)
{
    return &rt->fds.polled[fd].link;
}

bool fd_list_has(struct rt *rt, int fd)
{
    return atom_load(&link_at(rt, fd)->next) != FD_NOT_LISTED;
}

static void append_locked(struct rt *rt, int fd)
{
    struct fd_list *list = &rt->fds.updates;
    struct fd_link *link = link_at(rt, fd);

    if (fd_list_has(rt, fd))
        return;
    link->prev = list->last;
    atom_store(&link->next, FD_LIST_END);
    if (list->last == FD_LIST_END)
        list->first = fd;
    else
        atom_store(&link_at(rt, list->last)->next, fd);
    list->last = fd;
    atom_fetch_add(&list->count, 1, memory_order_relaxed);
}

static void unlink_locked(struct rt *rt, int fd)
{
    struct fd_list *list = &rt->fds.updates;
    struct fd_link *link = link_at(rt, fd);
    int next = atom_load(&link->next), prev = link->prev;

    if (next == FD_NOT_LISTED)
        return;
    if (prev == FD_LIST_END)
        list->first = next;
    else
        atom_store(&link_at(rt, prev)->next, next);
    if (next == FD_LIST_END)
        list->last = prev;
    else
        link_at(rt, next)->prev = prev;
    atom_store(&link->next, FD_NOT_LISTED);
    link->prev = FD_NOT_LISTED;
    atom_fetch_sub(&list->count, 1, memory_order_relaxed);
}

bool fd_list_add(struct rt *rt, int fd, uint64_t mask)
{
    struct fd_list *list = &rt->fds.updates;
    /* pair: fd.update. */
    uint64_t was = atom_fetch_or(&rt->fds.entries[fd].shared_mask, mask, memory_order_acq_rel);

    /* Whoever set these bits lists it, and nobody has consumed them yet. */
    if ((was & mask) == mask)
        return false;
    if (PLANT(C21) && fd_list_has(rt, fd)) {
        /* Taken for listed, though somebody who saw no bit is about to unlist it. */
        return true;
    }
    lock_take(&list->lock);
    append_locked(rt, fd);
    lock_give(&list->lock);
    return true;
}

void fd_list_remove(struct rt *rt, int fd)
{
    struct fd_list *list = &rt->fds.updates;

    /* Nobody has a reference, so nobody lists it any more. */
    if (atom_peek(&link_at(rt, fd)->next) == FD_NOT_LISTED)
        return;
    lock_take(&list->lock);
    unlink_locked(rt, fd);
    lock_give(&list->lock);
}

unsigned fd_list_take(struct worker *worker, int *fds, unsigned count_max)
{
    struct rt *rt = worker->rt;
    struct fd_list *list = &rt->fds.updates;
    uint64_t left, taken, enabled;
    unsigned count = 0;
    int fd, next;

    if (atom_load(&list->count) == 0)
        return 0;
    lock_take(&list->lock);
    enabled = atom_load(&rt->isolate.enabled);
    for (fd = list->first; fd != FD_LIST_END && count < count_max; fd = next) {
        _Atomic uint64_t *mask = &rt->fds.entries[fd].shared_mask;

        next = atom_load(&link_at(rt, fd)->next);
        left = atom_load(mask);
        if (left & worker->bit) {
            /* C27 has one flag for all, consumed by whoever comes first. */
            taken = PLANT(C27) ? UINT64_MAX : worker->bit;
            /* pair: fd.update. */
            left = atom_fetch_and(mask, ~taken, memory_order_acq_rel) & ~taken;
            fds[count++] = fd;
        }
        /* Who sets a bit from now on waits for the lock, and lists it again. Those who left the
         * instance will not come for theirs. */
        if ((left & enabled) == 0)
            unlink_locked(rt, fd);
    }
    lock_give(&list->lock);
    return count;
}

void fd_list_check(const struct rt *rt)
{
    const struct fd_list *list = &rt->fds.updates;
    uint64_t enabled = atomic_load_explicit(&rt->isolate.enabled, memory_order_relaxed);
    int fd, next, before = FD_LIST_END, fd_high;
    unsigned count = 0;

    for (fd = list->first; fd != FD_LIST_END; fd = next) {
        const struct fd_link *link = &rt->fds.polled[fd].link;

        next = atomic_load_explicit(&link->next, memory_order_relaxed);
        BUG_ON(next == FD_NOT_LISTED || link->prev != before);
        before = fd;
        count++;
    }
    BUG_ON(list->last != before);
    BUG_ON(count != atomic_load_explicit(&list->count, memory_order_relaxed));
    fd_high = atomic_load_explicit(&rt->fds.fd_high, memory_order_relaxed);
    for (fd = 0; fd < fd_high; fd++) {
        uint64_t mask =
            atomic_load_explicit(&rt->fds.entries[fd].shared_mask, memory_order_relaxed);

        next = atomic_load_explicit(&rt->fds.polled[fd].link.next, memory_order_relaxed);
        /* F4, F5: a bit somebody will come for, and the list, are one. */
        BUG_ON(((mask & enabled) != 0) != (next != FD_NOT_LISTED));
    }
}
