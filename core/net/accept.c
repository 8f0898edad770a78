#include "core/net/accept.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/net/conn.h"
#include "core/net/listener.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"

/* --- places --- */

/* Adds one unless that is too many. */
static bool count_up(_Atomic uint32_t *count, uint32_t count_max)
{
    uint32_t now = atom_peek(count);

    if (now >= count_max)
        now = atom_load(count);
    do {
        if (now >= count_max)
            return false;
        /* pair: listener.room */
    } while (!atom_cas(count, &now, now + 1, memory_order_seq_cst));
    return true;
}

static void count_down(_Atomic uint32_t *count)
{
    /* pair: listener.room. Before the look at the state: who makes the listener FULL does it the
     * other way round. */
    uint32_t before = atom_fetch_sub(count, 1, memory_order_seq_cst);
    BUG_ON(before == 0);
}

/* Takes a turn of the rate; 0, or when to come back. At an even pace a turn is due each interval,
 * and a whole period's turns may be taken at once. */
static uint64_t rate_take(struct listener *listener, uint64_t now_ns)
{
    uint64_t next;
    uint64_t after;

    if (listener->rate_interval_ns == 0)
        return 0;
    next = atom_load(&listener->rate_next_ns);
    do {
        after = (next > now_ns ? next : now_ns) + listener->rate_interval_ns;
        if (after - now_ns > listener->rate_period_ns)
            return after - listener->rate_period_ns;
    } while (!atom_cas(&listener->rate_next_ns, &next, after, memory_order_relaxed));
    return 0;
}

static void rate_give(struct listener *listener)
{
    if (listener->rate_interval_ns != 0)
        (void)atom_fetch_sub(&listener->rate_next_ns, listener->rate_interval_ns,
                             memory_order_relaxed);
}

static void give_place(struct listener *listener)
{
    count_down(&listener->set->conn_count);
    count_down(&listener->conn_count);
    listener_room(listener);
}

/* False: there is none, and the listener waits for one. */
static bool take_place(struct listener *listener)
{
    struct listener_set *set = listener->set;
    uint64_t until_ns = rate_take(listener, worker_now_ns());

    if (until_ns != 0) {
        listener_limit(listener, until_ns);
        return false;
    }
    if (!count_up(&listener->conn_count, listener->conn_count_max)) {
        rate_give(listener);
        listener_set_full(listener);
        return false;
    }
    if (!count_up(&set->conn_count, set->conn_count_max)) {
        count_down(&listener->conn_count);
        rate_give(listener);
        listener_limit(listener, 0);
        /* Somebody may have found the listener full because of the place we held for a moment. */
        listener_room(listener);
        return false;
    }
    return true;
}

/* --- accepting --- */

/* What the kernel's refusal means. */
static enum accept_result judge(struct listener *listener, int error)
{
    switch (error) {
    case EAGAIN:
        return ACCEPT_EMPTY;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        MARK("accept.shortage");
        listener_limit(listener, worker_now_ns() + LISTENER_SHORTAGE_NS);
        return ACCEPT_HELD;
    default:
        /* Not a listening socket any more: somebody closed it under us. */
        BUG_ON(error == EBADF || error == EINVAL || error == ENOTSOCK);
        return ACCEPT_FAILED; /* EINTR, or an error of the connection that is gone with it */
    }
}

/* A new fd, or -1 with *result. */
static int accept_fd(struct listener *listener, struct sockaddr_storage *from,
                     enum accept_result *result)
{
    socklen_t from_len = sizeof(*from);
    int fd = -1;
    int error = 0;

    *result = ACCEPT_CLOSED;
    if (!PLANT(K17))
        rwlock_take_read(&listener->lock);
    /* Another worker may have closed it, or paused it, since we were told of a connection. */
    if (PLANT(K17) || (listener->fd >= 0 && atom_load(&listener->state) == LISTENER_READY)) {
        BUG_ON(listener->fd < 0);
        fd =
            accept4(listener->fd, (struct sockaddr *)from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        error = errno;
        if (fd < 0 && error == EAGAIN)
            fd_cant_recv(listener->set->rt, listener->fd);
        /* The listener is a job as long as it is bound, so that there is no moment without one. */
        if (fd >= 0 && !PLANT(C43))
            rt_job_begin(listener->set->rt);
        *result = ACCEPT_ONE;
    }
    if (!PLANT(K17))
        rwlock_give(&listener->lock);
    if (fd < 0 && *result == ACCEPT_ONE)
        *result = judge(listener, error);
    return fd;
}

/* Serves the connection on this worker. */
static void serve_here(struct listener_set *set, struct conn *conn)
{
    if (PLANT(C43))
        rt_job_begin(set->rt);
    if (set->serve(set->ctx, conn) != 0) {
        MARK("accept.refused");
        accept_conn_end(conn, worker_id());
    }
}

/* Index of the n-th set bit. */
static int nth_bit(uint64_t mask, unsigned n)
{
    while (n-- > 0)
        mask &= mask - 1;
    return __builtin_ctzll(mask);
}

/* The less loaded of two workers; each accept probes another pair. */
static int choose_worker(struct listener *listener)
{
    struct listener_set *set = listener->set;
    unsigned count = (unsigned)__builtin_popcountll(listener->mask);

    if (count == 1)
        return __builtin_ctzll(listener->mask);
    uint32_t probe = atom_fetch_add(&set->probe, 1, memory_order_relaxed);
    unsigned first = probe % count;
    unsigned second = (first + 1 + probe / count % (count - 1)) % count;
    int a = nth_bit(listener->mask, first);
    int b = nth_bit(listener->mask, second);
    return atom_load(&set->acceptors[b].load) < atom_load(&set->acceptors[a].load) ? b : a;
}

static void dispatch(struct listener *listener, struct conn *conn)
{
    struct listener_set *set = listener->set;
    int target = choose_worker(listener);

    /* Once stopping, a worker serves what it accepts: others may be about to leave. */
    if (!PLANT(C43) && rt_is_stopping(set->rt))
        target = worker_id();
    struct acceptor *acceptor = &set->acceptors[target];
    (void)atom_fetch_add(&acceptor->load, 1, memory_order_relaxed);
    if (target != worker_id()) {
        if (accept_ring_push(&acceptor->ring, conn) == 0) {
            tasklet_wakeup(acceptor->tasklet);
            return;
        }
        (void)atom_fetch_sub(&acceptor->load, 1, memory_order_relaxed);
        (void)atom_fetch_add(&set->acceptors[worker_id()].load, 1, memory_order_relaxed);
    }
    serve_here(set, conn);
}

/* An fd without memory for its connection. */
static void drop_fd(struct listener *listener, int fd)
{
    MARK("accept.no_memory");
    (void)close(fd);
    give_place(listener);
    if (!PLANT(C43))
        rt_job_end(listener->set->rt);
}

/* Counts an accept while draining: no more than the kernel could have held when the drain began. */
static bool is_drained_out(struct listener *listener)
{
    return atom_load(&listener->is_draining) &&
           atom_fetch_add(&listener->drain_count, 1, memory_order_relaxed) >= listener->backlog;
}

enum accept_result accept_one(struct listener *listener)
{
    struct listener_set *set = listener->set;
    struct sockaddr_storage from;
    struct addr peer;
    enum accept_result result;
    int on = 1;

    if (!take_place(listener))
        return ACCEPT_HELD;
    int fd = accept_fd(listener, &from, &result);
    if (fd < 0) {
        rate_give(listener);
        give_place(listener);
        /* pair: listener.drain. Acquires the date. */
        if (result == ACCEPT_EMPTY && atom_load_acquire(&listener->is_draining) &&
            atom_load(&listener->drain_until_ns) <= worker_now_ns())
            listener_unbind(listener);
        return result;
    }
    if (!addr_from_socket(&peer, &from))
        peer = (struct addr){0};
    /* Refused by a kernel without it, which does no harm. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct conn *conn = conn_new(set->rt, &set->conns, fd, listener, &peer);
    if (conn == NULL)
        drop_fd(listener, fd);
    else
        dispatch(listener, conn);
    if (is_drained_out(listener)) {
        MARK("accept.drained_out");
        listener_unbind(listener);
        return ACCEPT_CLOSED;
    }
    return ACCEPT_ONE;
}

void accept_handle_fd(struct rt *rt, int fd, void *owner)
{
    struct listener *listener = owner;
    enum accept_result result = ACCEPT_CLOSED;
    bool has_got = false;

    (void)rt;
    for (uint32_t i = 0; i < listener->set->accept_batch; i++) {
        if (atom_load(&listener->state) != LISTENER_READY)
            return;
        result = accept_one(listener);
        if (result != ACCEPT_ONE && result != ACCEPT_FAILED)
            break;
        has_got |= result == ACCEPT_ONE;
    }
    if (result == ACCEPT_FAILED && !has_got) {
        /* A security module says no before the kernel takes one out: asking on and on would spin.
         */
        MARK("accept.fails");
        listener_limit(listener, worker_now_ns() + LISTENER_SHORTAGE_NS);
    }
    /* The kernel said there was something, others took it: ask to be told of the next. */
    if (PLANT(C62a) && result == ACCEPT_EMPTY)
        fd_want_recv(listener->set->rt, fd);
}

void accept_drain(struct listener *listener)
{
    /* Bounded by drain_count, and by errors that come one for each connection of the backlog. */
    for (uint32_t i = 0; i <= 2 * listener->backlog + WORKERS_MAX; i++) {
        enum accept_result result = accept_one(listener);
        if (result != ACCEPT_ONE && result != ACCEPT_FAILED)
            return;
    }
    listener_unbind(listener);
}

/* --- the receiving side --- */

struct tasklet *accept_process_ring(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct listener_set *set = ctx;
    struct accept_ring *ring = &set->acceptors[worker_id()].ring;

    (void)state;
    for (uint32_t i = 0; i < set->accept_batch; i++) {
        struct conn *conn = accept_ring_pop(ring);
        if (conn == NULL)
            return tasklet;
        serve_here(set, conn);
    }
    /* Others must run between batches; nobody else will wake us for what is left. */
    if (accept_ring_count(ring) > 0) {
        MARK("accept.batch_full");
        tasklet_wakeup(tasklet);
    }
    return tasklet;
}

void accept_conn_end(struct conn *conn, int worker)
{
    struct listener *listener = conn->listener;
    struct listener_set *set = listener->set;

    BUG_ON(listener == NULL);
    conn_free(conn);
    (void)atom_fetch_sub(&set->acceptors[worker].load, 1, memory_order_relaxed);
    give_place(listener);
    rt_job_end(set->rt);
}

void accept_discard_rings(struct listener_set *set)
{
    for (unsigned i = 0; i < set->rt->config.workers; i++) {
        struct conn *conn;
        while ((conn = accept_ring_pop(&set->acceptors[i].ring)) != NULL) {
            if (PLANT(C43))
                rt_job_begin(set->rt);
            accept_conn_end(conn, (int)i);
        }
    }
}
