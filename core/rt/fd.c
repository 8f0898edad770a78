#include "core/rt/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/plant/plant.h"
#include "core/rt/isolate.h"
#include "core/rt/poller.h"
#include "core/rt/rt.h"
#include "core/rt/worker.h"

/*
 * pair: fd.group. Taking a reference acquires, dropping it releases; who ends a life waits until
 * all are dropped. So nobody looks at the masks of one life and acts on the next.
 *
 * pair: fd.running. A worker sets its running bit, then looks at thread_mask; a taker wins the
 * running mask, then stores thread_mask, then drops its bit. All changes of running_mask are
 * acquire and release: who does not see the taker's bit any more sees the taker's thread_mask. The
 * last one to drop its bit sees MUST_CLOSE, which was set before the deleter dropped its own.
 *
 * pair: fd.update. A wish is stored before the update is programmed; the poller clears the update's
 * bit before it reads the wish.
 */

enum { TAKEOVER_TRIES = 2 };

static struct fd_entry *entry_at(struct rt *rt, int fd)
{
    BUG_ON(fd < 0 || fd >= rt->fds.fd_max);
    return &rt->fds.entries[fd];
}

int fd_table_init(struct rt *rt, int fd_max)
{
    struct fd_table *fds = &rt->fds;
    size_t size_bytes = (size_t)fd_max * sizeof(*fds->entries);

    fds->entries = aligned_alloc(CACHE_LINE_BYTES, size_bytes);
    if (fds->entries == NULL)
        return -ERR_MEMORY;
    memset(fds->entries, 0, size_bytes);
    fds->polled = calloc((size_t)fd_max, sizeof(*fds->polled));
    if (fds->polled == NULL) {
        free(fds->entries);
        return -ERR_MEMORY;
    }
    fds->fd_max = fd_max;
    atomic_init(&fds->fd_high, 0);
    atomic_init(&fds->count, 0);
    fd_list_init(rt);
    return 0;
}

void fd_table_fini(struct rt *rt)
{
    struct fd_table *fds = &rt->fds;

    /* Whatever is still alive or dying is leaked. */
    BUG_ON(atom_load(&fds->count) != 0);
    fd_list_fini(rt);
    free(fds->polled);
    free(fds->entries);
}

/* Alive or dying, and not about to change its group. */
static bool is_open_group(uint32_t refc_group)
{
    return refc_group >> FD_GROUP_SHIFT == FD_GROUP && (refc_group & FD_GROUP_LOCK) == 0;
}

bool fd_ref(struct rt *rt, int fd)
{
    struct fd_entry *entry = entry_at(rt, fd);
    uint32_t now = atom_peek(&entry->refc_group);

    if (!is_open_group(now))
        now = atom_load(&entry->refc_group);
    for (;;) {
        if (now >> FD_GROUP_SHIFT != FD_GROUP)
            return false;
        if (now & FD_GROUP_LOCK) {
            cpu_relax();
            now = atom_load(&entry->refc_group);
            continue;
        }
        BUG_ON((now & FD_REFC_MASK) == FD_REFC_MASK);
        /* pair: fd.group. */
        if (atom_cas(&entry->refc_group, &now, now + 1, memory_order_acquire))
            return true;
    }
}

void fd_unref(struct rt *rt, int fd)
{
    /* pair: fd.group. */
    uint32_t was = atom_fetch_sub(&entry_at(rt, fd)->refc_group, 1, memory_order_release);

    BUG_ON((was & FD_REFC_MASK) == 0); /* F8 */
}

static void raise_high(struct fd_table *fds, int fd)
{
    int high = atom_peek(&fds->fd_high); /* it only rises */

    while (high <= fd) {
        if (atom_cas(&fds->fd_high, &high, fd + 1, memory_order_relaxed))
            return;
    }
}

static void give_name(struct fd_entry *entry, int fd)
{
#ifdef CORE_SIMULATED
    char name[24];

    snprintf(name, sizeof(name), "fd %d", fd);
    HOOK_NAME(entry, "fd", name);
#else
    (void)entry;
    (void)fd;
#endif
}

int fd_insert(struct rt *rt, int fd, void *owner, fd_handler_fn handler, uint64_t thread_mask)
{
    struct fd_entry *entry;
    uint32_t free_group;

    if (fd >= rt->fds.fd_max)
        return -ERR_FULL;
    entry = entry_at(rt, fd);
    BUG_ON(owner == NULL || handler == NULL || thread_mask == 0);
    /* F1, F3: the kernel gives a number out only after its last life has ended. */
    BUG_ON(atom_peek(&entry->owner) != NULL);
    BUG_ON(atom_peek(&entry->state) != 0);
    BUG_ON(atom_peek(&entry->running_mask) != 0);
    give_name(entry, fd);

    for (;;) {
        free_group = 0;
        /* pair: fd.group. A late reader of the last life may still hold a reference. */
        if (atom_cas(&entry->refc_group, &free_group, FD_GROUP << FD_GROUP_SHIFT | 1,
                     memory_order_acq_rel))
            break;
        cpu_relax();
    }
    raise_high(&rt->fds, fd);
    atom_count_add(&rt->fds.count, 1);
    /* Nobody looks at these before he has seen himself in thread_mask. */
    atom_poke(&entry->handler, handler);
    atom_poke(&entry->owner, owner);
    atom_poke(&entry->state, FD_READY_R | FD_READY_W);
    atom_store_release(&entry->thread_mask, thread_mask); /* pair: fd.running */
    fd_unref(rt, fd);
    return 0;
}

/*
 * Polling updates
 */

bool fd_update_own(struct worker *worker, int fd)
{
    struct fd_entry *entry = entry_at(worker->rt, fd);

    /* pair: fd.update. The bit is the worker's own: the array is. */
    if ((atom_own_or(&entry->update_mask, worker->bit, memory_order_release) & worker->bit) == 0)
        poller_add_update(worker, fd);
    return true;
}

static void wake_one_of(struct rt *rt, uint64_t mask)
{
    struct worker *self = worker_self();
    uint32_t skip;

    mask &= atom_load(&rt->isolate.enabled);
    if (mask == 0)
        return;
    skip = worker_random_below(self, (uint32_t)__builtin_popcountll(mask));
    for (; skip > 0; skip--)
        mask &= mask - 1;
    worker_wake(worker_at(rt, __builtin_ctzll(mask)));
}

static void update_shared(struct rt *rt, int fd, uint64_t thread_mask)
{
    if (!fd_list_add(rt, fd, thread_mask) || (thread_mask & worker_self()->bit) != 0)
        return;
    if (fd_state(rt, fd) & FD_ACTIVE_ANY)
        wake_one_of(rt, thread_mask);
}

void fd_update_polling(struct rt *rt, int fd)
{
    struct worker *self = worker_self();
    uint64_t thread_mask;

    if (!fd_ref(rt, fd))
        return;
    thread_mask = atom_load_acquire(&entry_at(rt, fd)->thread_mask); /* pair: fd.running */
    if (thread_mask == self->bit) {
        fd_update_own(self, fd);
    } else if (PLANT(C28) && (thread_mask & self->bit)) {
        /* Told to the caller's poller alone, which may be busy when the event comes. */
        fd_update_own(self, fd);
    } else if (thread_mask != 0) {
        update_shared(rt, fd, thread_mask);
    }
    fd_unref(rt, fd);
}

/*
 * Wishes and readiness
 */

static void want(struct rt *rt, int fd, uint32_t bit)
{
    struct fd_entry *entry = entry_at(rt, fd);

    if ((atom_peek(&entry->state) & bit) && (atom_load(&entry->state) & bit))
        return;
    if ((atom_fetch_or(&entry->state, bit, memory_order_release) & bit) == 0) /* pair: fd.update */
        fd_update_polling(rt, fd);
}

static void set_bits(struct rt *rt, int fd, uint32_t bits)
{
    struct fd_entry *entry = entry_at(rt, fd);

    if ((atom_peek(&entry->state) & bits) != bits || (atom_load(&entry->state) & bits) != bits)
        atom_fetch_or(&entry->state, bits, memory_order_relaxed);
}

static void clear_bits(struct rt *rt, int fd, uint32_t bits)
{
    struct fd_entry *entry = entry_at(rt, fd);

    if ((atom_peek(&entry->state) & bits) || (atom_load(&entry->state) & bits))
        atom_fetch_and(&entry->state, ~bits, memory_order_relaxed);
}

void fd_want_recv(struct rt *rt, int fd)
{
    want(rt, fd, FD_ACTIVE_R);
}

void fd_want_send(struct rt *rt, int fd)
{
    want(rt, fd, FD_ACTIVE_W);
}

void fd_stop_recv(struct rt *rt, int fd)
{
    clear_bits(rt, fd, FD_ACTIVE_R);
}

void fd_stop_send(struct rt *rt, int fd)
{
    clear_bits(rt, fd, FD_ACTIVE_W);
}

void fd_stop_both(struct rt *rt, int fd)
{
    clear_bits(rt, fd, FD_ACTIVE_ANY);
}

void fd_cant_recv(struct rt *rt, int fd)
{
    clear_bits(rt, fd, FD_READY_R);
}

void fd_cant_send(struct rt *rt, int fd)
{
    clear_bits(rt, fd, FD_READY_W);
}

void fd_may_recv(struct rt *rt, int fd)
{
    set_bits(rt, fd, FD_READY_R);
}

void fd_may_send(struct rt *rt, int fd)
{
    set_bits(rt, fd, FD_READY_W);
}

uint32_t fd_state(struct rt *rt, int fd)
{
    return atom_load(&entry_at(rt, fd)->state);
}

bool fd_is_recv_ready(struct rt *rt, int fd)
{
    return (fd_state(rt, fd) & FD_READY_R) != 0;
}

bool fd_is_send_ready(struct rt *rt, int fd)
{
    return (fd_state(rt, fd) & FD_READY_W) != 0;
}

bool fd_is_recv_active(struct rt *rt, int fd)
{
    return (fd_state(rt, fd) & FD_ACTIVE_R) != 0;
}

bool fd_is_send_active(struct rt *rt, int fd)
{
    return (fd_state(rt, fd) & FD_ACTIVE_W) != 0;
}

void fd_set_flags(struct rt *rt, int fd, uint32_t bits)
{
    BUG_ON(bits & ~(uint32_t)(FD_LINGER_RISK | FD_CLONED | FD_EXPORTED | FD_DISOWN));
    set_bits(rt, fd, bits);
}

void fd_clear_flags(struct rt *rt, int fd, uint32_t bits)
{
    BUG_ON(bits & ~(uint32_t)(FD_LINGER_RISK | FD_CLONED | FD_EXPORTED | FD_DISOWN));
    clear_bits(rt, fd, bits);
}

/*
 * The end of a life
 */

/* Waits for the readers of this life, wipes the entry and closes. Called exactly once per life
 * (F2), by the last worker inside or by the deleter. */
static void close_orphan(struct rt *rt, int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct fd_table *fds = &rt->fds;
    struct fd_entry *entry = entry_at(rt, fd);
    struct fd_polled *polled = &fds->polled[fd];
    uint32_t was, state = atom_peek(&entry->state); /* the flags: the owning side's, who is done */

    if (state & FD_LINGER_RISK)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    if (state & (FD_CLONED | FD_DISOWN))
        poller_forget(rt, fd);

    /* pair: fd.group. From here on nobody gets a reference. */
    was = atom_fetch_and(&entry->refc_group, FD_REFC_MASK, memory_order_acq_rel);
    BUG_ON(was >> FD_GROUP_SHIFT != FD_GROUP); /* F2 */
    /* pair: fd.group. */
    while ((was & FD_REFC_MASK) != 0 && atom_load_acquire(&entry->refc_group) != 0)
        cpu_relax();

    fd_list_remove(rt, fd);
    /* update_mask stays: these workers do have the number in their arrays, and will find it closed.
     */
    /* And nobody but us looks at the rest without a reference. */
    atom_poke(&entry->shared_mask, 0);
    atom_poke(&polled->recv_mask, 0);
    atom_poke(&polled->send_mask, 0);
    atom_poke(&entry->state, 0);
    atom_poke(&entry->owner, NULL);
    atom_count_add(&entry->generation, 1);
    BUG_ON(atom_count_sub(&fds->count, 1) <= 0);
    /* Last: at once another worker may get the number. F2: it is still open. */
    if ((state & FD_DISOWN) == 0)
        BUG_ON(close(fd) < 0 && errno == EBADF);
}

/*
 * Asked by the one whose drop left no running bit: is it his to close?
 *
 * Between that drop and this question others may have entered, and one of them may have deleted the
 * fd: then the order to close is theirs to find. So who takes the order looks at the running bits
 * again, and puts the order back if there are any; who then leaves finds it, or has left already
 * and we look once more.
 *
 * pair: fd.close. Dropping a bit and putting the order back, each before looking at the other: all
 * seq_cst, or both could miss each other and nobody would close.
 */
static bool takes_close(struct fd_entry *entry)
{
    const uint32_t order = FD_MUST_CLOSE;

    if (PLANT(K02a)) {
        /* Two can come here one after the other, and both find it deleted. */
        return atom_load_acquire(&entry->thread_mask) == 0;
    }
    do {
        if (((atom_peek(&entry->state) & order) == 0 &&
             (atom_load_seq_cst(&entry->state) & order) == 0) ||
            (atom_fetch_and(&entry->state, ~order, memory_order_seq_cst) & order) == 0)
            return false;
        if (PLANT(H01) || atom_load_seq_cst(&entry->running_mask) == 0)
            return true;
        MARK("rt.fd.entered_since");
        atom_fetch_or(&entry->state, order, memory_order_seq_cst);
    } while (atom_load_seq_cst(&entry->running_mask) == 0);
    return false;
}

/* The mistake of K01: the deleter waits for those inside, who may want a lock that it holds. */
static void delete_waiting(struct rt *rt, int fd, uint64_t bit)
{
    struct fd_entry *entry = entry_at(rt, fd);

    atom_fetch_or(&entry->running_mask, bit, memory_order_acq_rel);
    atom_store_release(&entry->thread_mask, 0);
    while (atom_load_acquire(&entry->running_mask) != bit)
        cpu_relax();
    atom_fetch_and(&entry->running_mask, ~bit, memory_order_acq_rel);
    close_orphan(rt, fd);
}

static void note_gone(struct worker *self, int fd)
{
    if (self->fd_current == fd)
        self->is_fd_current_gone = true;
}

void fd_delete(struct rt *rt, int fd)
{
    struct worker *self = worker_self();
    struct fd_entry *entry = entry_at(rt, fd);

    BUG_ON(atom_peek(&entry->owner) == NULL);         /* F1 */
    BUG_ON(atom_peek(&entry->state) & FD_MUST_CLOSE); /* F2: deleted once */
    note_gone(self, fd);
    if (PLANT(K01)) {
        delete_waiting(rt, fd, self->bit);
        return;
    }
    /* pair: fd.running. In this order: the bit keeps everybody else from being the last until both
     * the order to close and the empty mask are there. */
    atom_fetch_or(&entry->running_mask, self->bit, memory_order_acq_rel);
    atom_fetch_or(&entry->state, FD_MUST_CLOSE, memory_order_acq_rel);
    atom_store_release(&entry->thread_mask, 0);
    /* pair: fd.close. */
    if ((atom_fetch_and(&entry->running_mask, ~self->bit, memory_order_seq_cst) & ~self->bit) !=
        0) {
        MARK("rt.fd.left_to_the_runner");
        return;
    }
    if (takes_close(entry))
        close_orphan(rt, fd);
}

/*
 * Changing hands
 */

/* Wins running_mask from 0. A second try for those who enter only to find that it is not theirs. */
static bool win_running(struct fd_entry *entry, uint64_t bit)
{
    uint64_t nobody = 0;

    for (int i = 0; i < TAKEOVER_TRIES; i++) {
        if (!PLANT(C26)) {
            /* C26 expects what the first try found, so that the second always wins. */
            nobody = 0;
        }
        /* pair: fd.running. */
        if (atom_cas(&entry->running_mask, &nobody, bit, memory_order_acq_rel))
            return true;
        cpu_relax();
    }
    return false;
}

int fd_takeover(struct rt *rt, int fd, void *owner)
{
    struct worker *self = worker_self();
    struct fd_entry *entry = entry_at(rt, fd);
    int ret = -ERR_BUSY;

    if (!fd_ref(rt, fd))
        return ret;
    if (atom_load(&entry->owner) != owner || !win_running(entry, self->bit)) {
        MARK("rt.fd.takeover_busy");
        goto drop_ref;
    }
    atom_store_release(&entry->thread_mask, self->bit); /* pair: fd.running */
    if (!PLANT(C29)) {
        /* C29 leaves the wish: then the new owner's own finds it set, and tells its poller nothing.
         */
        atom_fetch_and(&entry->state, ~(uint32_t)FD_ACTIVE_ANY, memory_order_relaxed);
    }
    atom_count_add(&entry->takeover_count, 1);
    /* pair: fd.running. Nobody deletes it meanwhile: the caller holds the lock for that. */
    atom_fetch_and(&entry->running_mask, ~self->bit, memory_order_acq_rel);
    ret = 0;

drop_ref:
    fd_unref(rt, fd);
    return ret;
}

void fd_migrate_on(struct rt *rt, int fd, int worker)
{
    struct fd_entry *entry = entry_at(rt, fd);
    uint32_t unlocked;

    note_gone(worker_self(), fd);
    for (;;) {
        unlocked = FD_GROUP << FD_GROUP_SHIFT;
        /* pair: fd.group. Nobody may be looking at the masks. */
        if (atom_cas(&entry->refc_group, &unlocked, unlocked | FD_GROUP_LOCK, memory_order_acq_rel))
            break;
        BUG_ON(unlocked >> FD_GROUP_SHIFT != FD_GROUP);
        cpu_relax();
    }
    atom_store_release(&entry->thread_mask, worker_at(rt, worker)->bit); /* pair: fd.running */
    atom_fetch_and(&entry->state, ~(uint32_t)FD_ACTIVE_ANY, memory_order_relaxed);
    /* pair: fd.group. */
    atom_fetch_and(&entry->refc_group, ~(uint32_t)FD_GROUP_LOCK, memory_order_release);
}

/*
 * Events
 */

static uint32_t merged(uint32_t state, uint32_t events)
{
    return (state & ~(uint32_t)(FD_POLL_IN | FD_POLL_OUT)) | events;
}

/* Returns the state that it left. */
static uint32_t merge_events(struct fd_entry *entry, uint32_t events)
{
    uint32_t next, now = atom_peek(&entry->state);

    if (events & (FD_POLL_IN | FD_SHUT_R | FD_POLL_HUP | FD_POLL_ERR))
        events |= FD_READY_R;
    if (events & (FD_POLL_OUT | FD_POLL_HUP | FD_POLL_ERR))
        events |= FD_READY_W;
    if (merged(now, events) == now)
        now = atom_load(&entry->state);
    /* Never a plain store, even with one handler: a deleter elsewhere may set MUST_CLOSE now. */
    do {
        next = merged(now, events);
        if (next == now)
            break;
    } while (!atom_cas(&entry->state, &now, next, memory_order_relaxed));
    return next;
}

/* Sets the running bit if the fd is ours and stays so. False: it is not, and the bit is not set, or
 * it is set (`*is_inside`) and must be dropped like any other. */
static bool enter(struct worker *worker, struct fd_entry *entry, bool *is_inside)
{
    uint64_t running, mask, was;

    *is_inside = false;
    if ((atom_load_acquire(&entry->thread_mask) & worker->bit) == 0) /* pair: fd.running */
        return false;
    *is_inside = true;
    /* pair: fd.running */
    was = atom_fetch_or(&entry->running_mask, worker->bit, memory_order_acq_rel);
    if (PLANT(K02b)) {
        /* It was ours before we entered; a takeover may have come and gone in between. */
        return true;
    }
    for (running = was;; running = atom_load_acquire(&entry->running_mask)) {
        /* pair: fd.running. The mask after the bits. A taker sets its bit, then the mask: as long
         * as somebody is inside who may not be, the mask is about to change. */
        mask = atom_load_acquire(&entry->thread_mask);
        if ((mask & worker->bit) == 0)
            return false;
        if ((running & ~worker->bit & ~mask) == 0)
            return true;
        cpu_relax();
    }
}

/* Drops the running bit and, last of all workers inside a deleted fd, closes it: then true, and the
 * caller's reference is gone. */
static bool leave(struct worker *worker, int fd, struct fd_entry *entry)
{
    /* pair: fd.running, fd.close. */
    uint64_t was = atom_fetch_and(&entry->running_mask, ~worker->bit, memory_order_seq_cst);

    /* F3: nobody but the handler itself drops our bit. */
    BUG_ON(!worker->is_fd_current_gone && (was & worker->bit) == 0);
    if (was != worker->bit || !takes_close(entry))
        return false;
    MARK("rt.fd.closed_by_the_runner");
    fd_unref(worker->rt, fd);
    close_orphan(worker->rt, fd);
    return true;
}

static void call_handler(struct worker *worker, int fd, struct fd_entry *entry)
{
    /* As long as we are inside these stay; but the mask may become empty. */
    fd_handler_fn handler = atom_peek(&entry->handler);
    void *owner = atom_peek(&entry->owner);
    uint64_t mask = atom_peek(&entry->thread_mask);

    isolate_check_working(worker);
    BUG_ON(owner == NULL); /* F1 */
    /* F3, F7: it is ours, unless it is being deleted. */
    BUG_ON(mask != 0 && (mask & worker->bit) == 0);
    worker->fd_current = fd;
    handler(worker->rt, fd, owner);
    worker->fd_current = -1;
}

/* Our poller reports what is not ours (any more): it shall unregister. */
static enum fd_update_result not_ours(struct worker *worker, int fd)
{
    fd_update_own(worker, fd);
    fd_unref(worker->rt, fd);
    return FD_UPDATE_MIGRATED;
}

enum fd_update_result fd_update_events(struct worker *worker, int fd, uint32_t generation,
                                       uint32_t events)
{
    struct rt *rt = worker->rt;
    struct fd_entry *entry = entry_at(rt, fd);
    uint32_t state;
    bool is_inside;

    worker->is_fd_current_gone = false;
    if (!fd_ref(rt, fd))
        return FD_UPDATE_CLOSED;
    /* An event fetched before the number was closed and given out again. Under a reference it stays
     * what it is. */
    if (atom_peek(&entry->generation) != generation) {
        MARK("rt.fd.stale_event");
        goto closed;
    }
    if (!enter(worker, entry, &is_inside)) {
        if (!is_inside && PLANT(C24)) {
            /* Leaves without dropping the reference: whoever closes it waits for ever. */
            return FD_UPDATE_MIGRATED;
        }
        if (is_inside && leave(worker, fd, entry))
            return FD_UPDATE_CLOSED;
        return not_ours(worker, fd);
    }
    /* The running bit protects this life from now on. */
    fd_unref(rt, fd);
    if (merge_events(entry, events) & FD_ACTIVE_ANY)
        call_handler(worker, fd, entry);

    /* Without our bit it may be closed by now, or live again. */
    if (!fd_ref(rt, fd))
        return FD_UPDATE_CLOSED;
    if (atom_peek(&entry->generation) != generation)
        goto closed;
    if (leave(worker, fd, entry))
        return FD_UPDATE_CLOSED;
    if ((atom_load_acquire(&entry->thread_mask) & worker->bit) == 0) /* pair: fd.running */
        return not_ours(worker, fd);
    state = atom_load(&entry->state);
    /* Told of what nobody wants: the lazy stop becomes real. */
    if (((events & FD_POLL_IN) && !(state & FD_ACTIVE_R)) ||
        ((events & FD_POLL_OUT) && !(state & FD_ACTIVE_W)) || !(state & FD_ACTIVE_ANY))
        fd_update_own(worker, fd);
    fd_unref(rt, fd);
    return FD_UPDATE_DONE;

closed:
    fd_unref(rt, fd);
    return FD_UPDATE_CLOSED;
}
