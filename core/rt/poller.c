#include "core/rt/poller.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/rt/fd.h"
#include "core/rt/isolate.h"
#include "core/rt/rt.h"
#include "core/rt/worker.h"

enum { SHARED_UPDATES_AT_ONCE = 64 };

/* How long a worker waits at most when the kernel had no memory for a registration. */
static const uint64_t retry_wait_ns = UINT64_C(10000000);

int poller_init(struct worker *worker)
{
    struct poller *poller = &worker->poller;
    struct rt_config *config = &worker->rt->config;

    poller->update_count = 0;
    poller->is_retrying = false;
    poller->events = calloc(config->poll_events_max, sizeof(*poller->events));
    if (poller->events == NULL)
        return -ERR_MEMORY;
    poller->updates = calloc((size_t)config->fd_max, sizeof(*poller->updates));
    if (poller->updates == NULL)
        goto free_events;
    poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->epoll_fd < 0)
        goto free_updates;
    return 0;

free_updates:
    free(poller->updates);
    free(poller->events);
    return -ERR_SYSTEM;
free_events:
    free(poller->events);
    return -ERR_MEMORY;
}

void poller_fini(struct worker *worker)
{
    struct poller *poller = &worker->poller;

    close(poller->epoll_fd);
    free(poller->updates);
    free(poller->events);
}

void poller_add_update(struct worker *worker, int fd)
{
    struct poller *poller = &worker->poller;

    /* F4: one place per bit. */
    BUG_ON(poller->update_count >= worker->rt->config.fd_max);
    poller->updates[poller->update_count++] = fd;
}

/* What this worker's epoll should report of `fd`: FD_ACTIVE_ bits. */
static uint32_t wanted_of(struct worker *worker, struct fd_entry *entry, uint32_t known)
{
    /* pair: fd.update. What was wished before the update was programmed. */
    uint32_t wanted, state = atom_load_acquire(&entry->state);

    if ((atom_load_acquire(&entry->thread_mask) & worker->bit) == 0)
        return 0;
    wanted = state & FD_ACTIVE_ANY;
    /* Nothing to read yet: who is told of something else is told of that too, for the price of one
     * registration, and needs not come back when it wants to read. */
    if ((state & (FD_READY_R | FD_SHUT_R | FD_POLL_ERR)) == 0 && ((wanted | known) != 0))
        wanted |= FD_ACTIVE_R;
    return wanted;
}

static uint32_t known_of(struct worker *worker, struct fd_polled *polled)
{
    uint32_t known = 0;

    /* Our own bits. */
    if (atom_peek(&polled->recv_mask) & worker->bit)
        known |= FD_ACTIVE_R;
    if (atom_peek(&polled->send_mask) & worker->bit)
        known |= FD_ACTIVE_W;
    return known;
}

static void set_known(struct worker *worker, struct fd_polled *polled, uint32_t was, uint32_t is)
{
    uint32_t changed = was ^ is;

    if (changed & FD_ACTIVE_R) {
        if (is & FD_ACTIVE_R)
            atom_fetch_or(&polled->recv_mask, worker->bit, memory_order_relaxed);
        else
            atom_fetch_and(&polled->recv_mask, ~worker->bit, memory_order_relaxed);
    }
    if (changed & FD_ACTIVE_W) {
        if (is & FD_ACTIVE_W)
            atom_fetch_or(&polled->send_mask, worker->bit, memory_order_relaxed);
        else
            atom_fetch_and(&polled->send_mask, ~worker->bit, memory_order_relaxed);
    }
}

/* False when the kernel had no room; the caller tries again later. */
static bool control(struct worker *worker, int op, int fd, uint32_t wanted, uint32_t generation)
{
    struct epoll_event event = {
        .events = (wanted & FD_ACTIVE_R ? EPOLLIN | EPOLLRDHUP : 0U) |
                  (wanted & FD_ACTIVE_W ? EPOLLOUT : 0U),
        .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd,
    };

    if (epoll_ctl(worker->poller.epoll_fd, op, fd, &event) == 0)
        return true;
    if (errno == EEXIST && op == EPOLL_CTL_ADD) {
        /* The same file was registered under this number before, and lives on through a duplicate:
         * with the generation of then. */
        MARK("rt.poller.registered_before");
        BUG_ON(epoll_ctl(worker->poller.epoll_fd, EPOLL_CTL_DEL, fd, NULL) != 0);
        if (epoll_ctl(worker->poller.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
            return true;
    }
    /* F6: anything else means that table and kernel disagree. */
    BUG_ON(errno != ENOMEM && errno != ENOSPC);
    MARK("rt.poller.no_memory");
    return false;
}

/* Makes the kernel's registration agree with the table. The caller holds a reference. */
static bool sync_kernel(struct worker *worker, int fd)
{
    struct fd_entry *entry = &worker->rt->fds.entries[fd];
    struct fd_polled *polled = &worker->rt->fds.polled[fd];
    uint32_t known = known_of(worker, polled);
    uint32_t wanted = wanted_of(worker, entry, known);
    uint32_t generation = atom_peek(&entry->generation); /* it stays while referenced */
    int op = EPOLL_CTL_MOD;

    if (wanted == known)
        return true;
    if (known == 0)
        op = EPOLL_CTL_ADD;
    else if (wanted == 0)
        op = EPOLL_CTL_DEL;
    if (!control(worker, op, fd, wanted, generation))
        return false;
    set_known(worker, polled, known, wanted);
    return true;
}

/* A closed fd needs nothing: closing has unregistered it. */
static bool apply_update(struct worker *worker, int fd)
{
    bool is_done;

    if (!fd_ref(worker->rt, fd))
        return true;
    is_done = sync_kernel(worker, fd);
    fd_unref(worker->rt, fd);
    return is_done;
}

static void apply_updates(struct worker *worker)
{
    struct poller *poller = &worker->poller;
    struct fd_entry *entries = worker->rt->fds.entries;
    int shared[SHARED_UPDATES_AT_ONCE];
    int count = poller->update_count;
    unsigned taken;

    poller->update_count = 0;
    poller->is_retrying = false;
    for (int i = 0; i < count; i++) {
        int fd = poller->updates[i];

        /* First the bit, then the look: a wish that comes in between programs a new update. */
        atom_own_and(&entries[fd].update_mask, ~worker->bit, memory_order_acquire);
        if (!apply_update(worker, fd))
            poller->is_retrying = fd_update_own(worker, fd);
    }
    do {
        taken = fd_list_take(worker, shared, SHARED_UPDATES_AT_ONCE);
        for (unsigned i = 0; i < taken; i++) {
            if (!apply_update(worker, shared[i]))
                poller->is_retrying = fd_update_own(worker, shared[i]);
        }
    } while (taken == SHARED_UPDATES_AT_ONCE);
}

static uint32_t translate(uint32_t events)
{
    uint32_t bits = 0;

    if (events & EPOLLIN)
        bits |= FD_POLL_IN;
    if (events & EPOLLOUT)
        bits |= FD_POLL_OUT;
    if (events & EPOLLRDHUP)
        bits |= FD_SHUT_R;
    if (events & EPOLLHUP)
        bits |= FD_POLL_HUP | FD_SHUT_R | FD_SHUT_W;
    if (events & EPOLLERR)
        bits |= FD_POLL_ERR;
    return bits;
}

/* Rounded up: a timer never finds itself early. */
static int to_ms(uint64_t wait_ns)
{
    if (wait_ns > POLLER_WAIT_NS_MAX)
        wait_ns = POLLER_WAIT_NS_MAX;
    return (int)((wait_ns + 999999) / 1000000);
}

static int wait_for_events(struct worker *worker, uint64_t wait_ns)
{
    struct poller *poller = &worker->poller;
    int count, count_max = (int)worker->rt->config.poll_events_max;

    if (wait_ns == 0) {
        /* Busy: no need to tell anybody, but who wants to be alone gets the chance. */
        count = epoll_wait(poller->epoll_fd, poller->events, count_max, 0);
        BUG_ON(count < 0 && errno != EINTR);
        if (isolate_is_wanted(worker)) {
            isolate_idle_begin(worker);
            isolate_idle_end(worker);
        }
        return count;
    }
    isolate_idle_begin(worker);
    count = epoll_wait(poller->epoll_fd, poller->events, count_max, to_ms(wait_ns));
    BUG_ON(count < 0 && errno != EINTR);
    isolate_idle_end(worker);
    return count;
}

int poller_wait(struct worker *worker, uint64_t wait_ns)
{
    struct poller *poller = &worker->poller;
    int count;

    apply_updates(worker);
    if (poller->is_retrying && wait_ns > retry_wait_ns)
        wait_ns = retry_wait_ns;
    count = wait_for_events(worker, wait_ns);
    if (atom_peek(&worker->flags) & WORKER_SLEEPING) /* which is set and cleared by us */
        atom_fetch_and(&worker->flags, ~(uint32_t)WORKER_SLEEPING, memory_order_relaxed);
    return count;
}

void poller_deliver(struct worker *worker, int count)
{
    struct poller *poller = &worker->poller;

    for (int i = 0; i < count; i++) {
        struct epoll_event event = poller->events[i];

        fd_update_events(worker, (int)(uint32_t)event.data.u64, (uint32_t)(event.data.u64 >> 32),
                         translate(event.events));
    }
}

void poller_poll(struct worker *worker, uint64_t wait_ns)
{
    poller_deliver(worker, poller_wait(worker, wait_ns));
}

void poller_forget(struct rt *rt, int fd)
{
    struct fd_polled *polled = &rt->fds.polled[fd];
    uint64_t mask = atom_load(&polled->recv_mask) | atom_load(&polled->send_mask);

    for (unsigned i = 0; i < rt->config.workers; i++) {
        if (mask & rt->workers[i].bit)
            epoll_ctl(rt->workers[i].poller.epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    }
}
