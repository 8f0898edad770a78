#include "core/rt/fd_check.h"

#include "core/base/attr.h"
#include "core/rt/fd.h"
#include "core/rt/rt.h"
#include "core/rt/worker.h"

static uint64_t peek_mask(const _Atomic uint64_t *mask)
{
    return atomic_load_explicit(mask, memory_order_relaxed);
}

/* F6: whoever may handle a direction somebody wants has it in its poller, or has still to look. */
static void check_registered(const struct rt *rt, int fd, const _Atomic uint64_t *known_mask)
{
    const struct fd_entry *entry = &rt->fds.entries[fd];
    uint64_t members = peek_mask(&entry->thread_mask) & peek_mask(&rt->isolate.enabled);
    uint64_t waiting = peek_mask(&entry->shared_mask);

    for (unsigned i = 0; i < rt->config.workers; i++) {
        const struct worker *worker = &rt->workers[i];

        if ((members & worker->bit) == 0 || worker->poller.is_retrying)
            continue;
        BUG_ON(((peek_mask(known_mask) | waiting) & worker->bit) == 0);
    }
    /* Somebody has been told. */
    BUG_ON(members != 0 && (members & ~waiting) == 0);
}

static void check_quiet_entry(const struct rt *rt, int fd)
{
    const struct fd_entry *entry = &rt->fds.entries[fd];
    uint32_t state = atomic_load_explicit(&entry->state, memory_order_relaxed);
    uint32_t refc_group = atomic_load_explicit(&entry->refc_group, memory_order_relaxed);

    BUG_ON(peek_mask(&entry->running_mask) != 0);               /* F3, F7: nobody is inside */
    BUG_ON(state & FD_MUST_CLOSE);                              /* F2: who was last has closed it */
    BUG_ON((refc_group & (FD_REFC_MASK | FD_GROUP_LOCK)) != 0); /* F8 */
    if (state & FD_ACTIVE_R)
        check_registered(rt, fd, &rt->fds.polled[fd].recv_mask);
    if (state & FD_ACTIVE_W)
        check_registered(rt, fd, &rt->fds.polled[fd].send_mask);
}

void fd_check(const struct rt *rt, bool is_quiet)
{
    const struct fd_entry *entries = rt->fds.entries;
    uint64_t enabled = peek_mask(&rt->isolate.enabled);
    int fd_high = atomic_load_explicit(&rt->fds.fd_high, memory_order_relaxed);

    for (int fd = 0; fd < fd_high; fd++) {
        /* F1: a closed entry holds nothing. */
        BUG_ON(atomic_load_explicit(&entries[fd].owner, memory_order_relaxed) == NULL &&
               atomic_load_explicit(&entries[fd].state, memory_order_relaxed) != 0);
        if (is_quiet && rt->is_running)
            check_quiet_entry(rt, fd);
    }
    for (unsigned i = 0; i < rt->config.workers; i++) {
        const struct worker *worker = &rt->workers[i];
        int fd = worker->fd_current;

        if (fd >= 0 && !worker->is_fd_current_gone) {
            uint64_t mask = peek_mask(&entries[fd].thread_mask);

            /* F7: who is inside may be, unless it is being deleted. F3: and is known to be inside.
             */
            BUG_ON(mask != 0 && (mask & worker->bit) == 0);
            BUG_ON((peek_mask(&entries[fd].running_mask) & worker->bit) == 0);
        }
        if (is_quiet && rt->is_running && (enabled & worker->bit) && !worker->poller.is_retrying) {
            /* F4: bits and private arrays are one, and empty. */
            BUG_ON(worker->poller.update_count != 0);
            for (fd = 0; fd < fd_high; fd++)
                BUG_ON(peek_mask(&entries[fd].update_mask) & worker->bit);
        }
    }
    if (is_quiet)
        fd_list_check(rt);
}
