#include "core/net/listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/net/accept.h"
#include "core/net/conn.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"

/* --- states --- */

static const struct {
    const char *name;
    unsigned next;
} states[] = {
#define LISTENER_ROW(name, next) {#name, next},
    LISTENER_STATES(LISTENER_ROW)
#undef LISTENER_ROW
};

const char *listener_state_name(enum listener_state state)
{
    return (unsigned)state < ARRAY_LEN(states) ? states[state].name : "?";
}

/* Under the write lock, or while nobody else knows the listener. */
static void move(struct listener *listener, enum listener_state to)
{
    int from = atom_load(&listener->state);

    BUG_ON((states[from].next >> to & 1) == 0);
    /* pair: listener.room. Before the look at the counts. */
    atom_store_seq_cst(&listener->state, (int)to);
}

/* Is there room for one more? After a move to FULL or LIMITED. */
static bool has_room(_Atomic uint32_t *count, uint32_t count_max)
{
    /* pair: listener.room */
    return atom_load_seq_cst(count) < count_max;
}

static bool is_ours(const struct listener *listener)
{
    return (listener->mask & worker_self()->bit) != 0;
}

/* Both of the next two need the write lock. */
static void make_ready(struct listener *listener)
{
    /* Polling for reading is switched on by the workers that poll it, and by no other: the fd of a
     * listener with one worker is that worker's alone. */
    BUG_ON(!is_ours(listener));
    listener->is_moving = true;
    move(listener, LISTENER_READY);
    fd_want_recv(listener->set->rt, listener->fd);
    listener->is_moving = false;
}

static void make_unready(struct listener *listener, enum listener_state to, bool is_polling_kept)
{
    listener->is_moving = true;
    move(listener, to);
    if (!is_polling_kept)
        fd_stop_recv(listener->set->rt, listener->fd);
    listener->is_moving = false;
}

/* READY, or FULL while there is no room. From a state that is not polled. Write lock. */
static void make_ready_or_full(struct listener *listener)
{
    if (has_room(&listener->conn_count, listener->conn_count_max)) {
        make_ready(listener);
        return;
    }
    if (atom_load(&listener->state) != LISTENER_FULL)
        move(listener, LISTENER_FULL);
    /* Room that came between the look and the move: who gave it saw no FULL listener. */
    if (has_room(&listener->conn_count, listener->conn_count_max))
        make_ready(listener);
}

/* --- waiting --- */

/* Write lock. */
static void wait_begin(struct listener *listener, uint64_t until_ns)
{
    struct listener_set *set = listener->set;

    lock_take(&set->wait_lock);
    BUG_ON(list_is_linked(&listener->waiting));
    listener->waiting_until_ns = until_ns;
    list_push_tail(&set->waiting, &listener->waiting);
    /* pair: listener.room */
    (void)atom_fetch_add(&set->waiting_count, 1, memory_order_seq_cst);
    lock_give(&set->wait_lock);
}

/* wait_lock. */
static void unlink_waiting(struct listener *listener)
{
    if (!list_is_linked(&listener->waiting))
        return;
    list_unlink(&listener->waiting);
    (void)atom_fetch_sub(&listener->set->waiting_count, 1, memory_order_relaxed);
}

/* Write lock: who took it out of the list meanwhile finds that it is not LIMITED any more. */
static void wait_end(struct listener *listener)
{
    lock_take(&listener->set->wait_lock);
    unlink_waiting(listener);
    lock_give(&listener->set->wait_lock);
}

/* Takes out the first listener that waits for no more than this. */
static struct listener *take_waiting(struct listener_set *set, uint64_t now_ns, bool has_place)
{
    struct listener *found = NULL;
    struct list *link;

    lock_take(&set->wait_lock);
    LIST_EACH(link, &set->waiting)
    {
        struct listener *listener = LIST_ENTRY(link, struct listener, waiting);
        bool is_due =
            listener->waiting_until_ns == 0 ? has_place : listener->waiting_until_ns <= now_ns;
        if (is_due) {
            unlink_waiting(listener);
            found = listener;
            break;
        }
    }
    lock_give(&set->wait_lock);
    return found;
}

/* From FULL or LIMITED (taken out of the waiting list) back to work. No locks held. */
static void relax(struct listener *listener)
{
    struct listener_set *set = listener->set;

    if (!PLANT(C65) && !is_ours(listener)) {
        MARK("listener.relax_elsewhere");
        tasklet_wakeup(listener->own);
        return;
    }
    /* The set's lock comes first: whether the set is paused must hold until we have moved. */
    if (PLANT(C64)) {
        rwlock_take_write(&listener->lock);
        lock_take(&set->lock);
    } else {
        lock_take(&set->lock);
        rwlock_take_write(&listener->lock);
    }
    int state = atom_load(&listener->state);
    if ((state == LISTENER_FULL || state == LISTENER_LIMITED) && !set->is_paused &&
        !list_is_linked(&listener->waiting)) {
        MARK("listener.relaxed");
        make_ready_or_full(listener);
    }
    rwlock_give(&listener->lock);
    lock_give(&set->lock);
    /* A bound held the drain up. Nothing new may come that would have anybody look again. Not here:
     * we may have been called from an accept. */
    if (atom_load(&listener->is_draining)) {
        MARK("listener.drain_goes_on");
        tasklet_wakeup(listener->own);
    }
}

/* Each listener at most once a call: who finds no room again comes back to the list's end. */
static void relax_waiting(struct listener_set *set)
{
    for (uint32_t i = 0; i < set->listeners_count; i++) {
        struct listener *listener =
            take_waiting(set, worker_now_ns(), has_room(&set->conn_count, set->conn_count_max));
        if (listener == NULL)
            return;
        relax(listener);
    }
}

void listener_room(struct listener *listener)
{
    struct listener_set *set = listener->set;

    /* pair: listener.room. After the count was given back. */
    if (atom_load_seq_cst(&listener->state) == LISTENER_FULL &&
        has_room(&listener->conn_count, listener->conn_count_max))
        relax(listener);
    /* pair: listener.room */
    if (atom_load_seq_cst(&set->waiting_count) != 0 &&
        has_room(&set->conn_count, set->conn_count_max))
        relax_waiting(set);
}

/* --- bounds --- */

void listener_set_full(struct listener *listener)
{
    bool is_late = false;
    int fd;

    rwlock_take_write(&listener->lock);
    fd = listener->fd;
    if (atom_load(&listener->state) == LISTENER_READY) {
        MARK("listener.full");
        is_late = PLANT(C62b);
        make_unready(listener, LISTENER_FULL, is_late);
        listener->is_moving = is_late;
        if (has_room(&listener->conn_count, listener->conn_count_max)) {
            MARK("listener.full_for_a_moment");
            make_ready(listener);
        }
    }
    rwlock_give(&listener->lock);
    if (is_late) {
        fd_stop_recv(listener->set->rt, fd);
        listener->is_moving = false;
    }
}

/* Has the task run at `when_ns`. */
static void schedule_limit_task(struct listener_set *set, uint64_t when_ns)
{
    rwlock_take_read(&set->limit_lock);
    uint64_t at_ns = atom_load(&set->limit_at_ns);
    while (when_ns < at_ns && !atom_cas(&set->limit_at_ns, &at_ns, when_ns, memory_order_relaxed))
        ;
    at_ns = atom_load(&set->limit_at_ns);
    /* The task forgets its date under the write lock only. */
    BUG_ON(at_ns == TIME_NEVER);
    task_schedule(set->limit_task, at_ns);
    rwlock_give(&set->limit_lock);
}

/* The earliest date that somebody waits for and that is not due yet. */
static uint64_t next_limit_ns(struct listener_set *set, uint64_t now_ns)
{
    uint64_t next_ns = TIME_NEVER;
    struct list *link;

    lock_take(&set->wait_lock);
    LIST_EACH(link, &set->waiting)
    {
        uint64_t until_ns = LIST_ENTRY(link, struct listener, waiting)->waiting_until_ns;
        if (until_ns > now_ns && until_ns < next_ns)
            next_ns = until_ns;
    }
    lock_give(&set->wait_lock);
    for (uint32_t i = 0; i < set->listeners_count; i++) {
        uint64_t until_ns = atom_load(&set->listeners[i].drain_until_ns);
        if (until_ns > now_ns && until_ns < next_ns)
            next_ns = until_ns;
    }
    return next_ns;
}

/* Listeners that had to stay for the last handshakes have stayed long enough. */
static void drain_due(struct listener_set *set)
{
    for (uint32_t i = 0; i < set->listeners_count; i++) {
        struct listener *listener = &set->listeners[i];
        uint64_t until_ns = atom_load(&listener->drain_until_ns);
        if (until_ns != 0 && until_ns <= worker_now_ns()) {
            /* No date any more: by its own clock of this turn, which is older, the listener's
             * worker would find that it is too early, and nobody would call it again. */
            atom_store(&listener->drain_until_ns, 0);
            tasklet_wakeup(listener->own);
        }
    }
}

/* The date is due: forget it for the next one. Who enters the waiting list later schedules later.
 */
static struct task *process_limit(struct task *task, void *ctx, uint32_t state)
{
    struct listener_set *set = ctx;

    (void)state;
    if (PLANT(C63)) {
        relax_waiting(set);
        atom_store(&set->limit_at_ns, TIME_NEVER);
        task_set_expire(task, TIME_NEVER);
        return task;
    }
    rwlock_take_write(&set->limit_lock);
    uint64_t at_ns = next_limit_ns(set, worker_now_ns());
    atom_store(&set->limit_at_ns, at_ns);
    task_set_expire(task, at_ns);
    rwlock_give(&set->limit_lock);
    relax_waiting(set);
    drain_due(set);
    return task;
}

void listener_limit(struct listener *listener, uint64_t until_ns)
{
    struct listener_set *set = listener->set;
    bool is_limited = false;

    rwlock_take_write(&listener->lock);
    if (atom_load(&listener->state) == LISTENER_READY) {
        MARK("listener.limited");
        make_unready(listener, LISTENER_LIMITED, false);
        wait_begin(listener, until_ns);
        is_limited = true;
    }
    rwlock_give(&listener->lock);
    if (!is_limited)
        return;
    if (until_ns != 0)
        schedule_limit_task(set, until_ns);
    else if (has_room(&set->conn_count, set->conn_count_max))
        relax_waiting(set); /* room came before we were in the list */
}

/* --- open and close --- */

static int open_socket(const struct listener *listener)
{
    struct sockaddr_storage to;
    socklen_t to_len = addr_to_socket(&listener->addr, &to);
    int on = 1;

    int fd = socket(listener->addr.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        goto close_fd;
    if (listener->addr.family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
        goto close_fd;
    if (bind(fd, (struct sockaddr *)&to, to_len) == 0 && listen(fd, (int)listener->backlog) == 0)
        return fd;

close_fd:;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

/* Everything of a listener but its socket. */
static void init_listener(struct listener_set *set, struct listener *listener,
                          const struct listener_options *options, uint64_t all)
{
    memset(listener, 0, sizeof(*listener));
    listener->set = set;
    listener->index = set->listeners_count;
    strncpy(listener->name, options->name, sizeof(listener->name) - 1);
    listener->addr = options->addr;
    listener->mask = options->mask != 0 ? options->mask & all : all;
    BUG_ON(listener->mask == 0);
    listener->conn_count_max = options->conn_count_max != 0 ? options->conn_count_max : UINT32_MAX;
    listener->backlog = options->backlog != 0 ? options->backlog : LISTENER_BACKLOG;
    if (options->rate_count != 0) {
        listener->rate_period_ns = options->rate_period_ns;
        listener->rate_interval_ns = options->rate_period_ns / options->rate_count;
        if (listener->rate_interval_ns == 0)
            listener->rate_interval_ns = 1;
    }
    listener->fd = -1;
    atomic_init(&listener->state, LISTENER_NEW);
    list_init(&listener->waiting);
    move(listener, LISTENER_INIT);
}

/* What could not be done where it was noticed: see listener.own. */
static struct tasklet *process_own(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct listener *listener = ctx;
    struct listener_set *set = listener->set;

    (void)state;
    BUG_ON(!is_ours(listener));
    lock_take(&set->lock);
    rwlock_take_write(&listener->lock);
    int now = atom_load(&listener->state);
    bool is_waiting = list_is_linked(&listener->waiting);
    if ((now == LISTENER_FULL || now == LISTENER_LIMITED || now == LISTENER_PAUSED) &&
        !set->is_paused && !is_waiting)
        make_ready_or_full(listener);
    rwlock_give(&listener->lock);
    lock_give(&set->lock);
    if (atom_load(&listener->is_draining))
        accept_drain(listener);
    return tasklet;
}

int listener_add(struct listener_set *set, const struct listener_options *options)
{
    struct rt *rt = set->rt;
    struct listener *listener = &set->listeners[set->listeners_count];
    unsigned workers = rt->config.workers;
    uint64_t all = workers == 64 ? UINT64_MAX : (UINT64_C(1) << workers) - 1;
    int result;

    if (set->listeners_count == LISTENERS_MAX)
        return -ERR_FULL;
    init_listener(set, listener, options, all);
    listener->own = tasklet_new_on(rt, __builtin_ctzll(listener->mask), process_own, listener);
    if (listener->own == NULL)
        return -ERR_MEMORY;
    move(listener, LISTENER_ASSIGNED);
    int fd = open_socket(listener);
    result = -ERR_SYSTEM;
    if (fd < 0)
        goto free_own;
    result = fd_insert(rt, fd, listener, accept_handle_fd, listener->mask);
    if (result != 0)
        goto close_fd;
    rwlock_init(&listener->lock, "listener.lock");
    HOOK_NAME(listener, "listener", listener->name);
    listener->fd = fd;
    move(listener, LISTENER_LISTEN);
    rt_job_begin(rt);
    set->listeners_count++;
    return 0;

close_fd:
    (void)close(fd);
free_own:
    tasklet_kill(listener->own);
    return result;
}

void listener_unbind(struct listener *listener)
{
    struct listener_set *set = listener->set;
    bool is_closed = false;

    rwlock_take_write(&listener->lock);
    if (listener->fd >= 0) {
        wait_end(listener);
        listener->is_moving = true;
        move(listener, LISTENER_ASSIGNED);
        /* Others may be in the handler and want the lock that we hold: deleting must not wait. */
        fd_delete(set->rt, listener->fd);
        listener->fd = -1;
        listener->is_moving = false;
        is_closed = true;
    }
    rwlock_give(&listener->lock);
    if (is_closed)
        rt_job_end(set->rt);
}

/* --- the set --- */

int listener_set_init(struct listener_set *set, struct rt *rt, uint32_t conn_count_max,
                      uint32_t ring_entries, uint32_t accept_batch)
{
    memset(set, 0, sizeof(*set));
    set->rt = rt;
    set->conn_count_max = conn_count_max;
    set->accept_batch = accept_batch;
    atomic_init(&set->limit_at_ns, TIME_NEVER);
    list_init(&set->waiting);
    lock_init(&set->lock, "listeners.lock");
    lock_init(&set->wait_lock, "listeners.wait_lock");
    rwlock_init(&set->limit_lock, "listeners.limit_lock");
    pool_init(&set->conns, "conn", sizeof(struct conn), 2 * conn_count_max + 1);
    set->limit_task = task_new_on(rt, TASK_ANY, process_limit, set);
    if (set->limit_task == NULL)
        return -ERR_MEMORY;
    for (unsigned i = 0; i < rt->config.workers; i++) {
        struct acceptor *acceptor = &set->acceptors[i];
        if (accept_ring_init(&acceptor->ring, ring_entries) != 0)
            return -ERR_MEMORY;
        acceptor->tasklet = tasklet_new_on(rt, (int)i, accept_process_ring, set);
        if (acceptor->tasklet == NULL)
            return -ERR_MEMORY;
        HOOK_NAME(&acceptor->ring, "accept ring", "accept_ring");
    }
    return 0;
}

void listener_set_fini(struct listener_set *set)
{
    listener_set_stop(set);
    for (unsigned i = 0; i < set->rt->config.workers; i++) {
        accept_ring_fini(&set->acceptors[i].ring);
        if (set->acceptors[i].tasklet != NULL)
            tasklet_kill(set->acceptors[i].tasklet);
    }
    if (set->limit_task != NULL)
        task_kill(set->limit_task);
    for (uint32_t i = 0; i < set->listeners_count; i++) {
        tasklet_kill(set->listeners[i].own);
        rwlock_fini(&set->listeners[i].lock);
    }
    BUG_ON(atom_load(&set->conn_count) != 0);
    pool_fini(&set->conns);
    rwlock_fini(&set->limit_lock);
    lock_fini(&set->wait_lock);
    lock_fini(&set->lock);
}

void listener_set_start(struct listener_set *set)
{
    for (uint32_t i = 0; i < set->listeners_count; i++) {
        struct listener *listener = &set->listeners[i];
        if (__builtin_ctzll(listener->mask) != worker_id())
            continue;
        rwlock_take_write(&listener->lock);
        if (atom_load(&listener->state) == LISTENER_LISTEN)
            make_ready(listener);
        rwlock_give(&listener->lock);
    }
}

void listener_set_pause(struct listener_set *set)
{
    lock_take(&set->lock);
    set->is_paused = true;
    for (uint32_t i = 0; i < set->listeners_count; i++) {
        struct listener *listener = &set->listeners[i];
        rwlock_take_write(&listener->lock);
        int state = atom_load(&listener->state);
        if (state == LISTENER_READY || state == LISTENER_FULL || state == LISTENER_LIMITED) {
            wait_end(listener);
            make_unready(listener, LISTENER_PAUSED, false);
        }
        rwlock_give(&listener->lock);
    }
    lock_give(&set->lock);
}

/* set.lock. A PAUSED listener accepts again, at once or soon. */
static void resume_locked(struct listener *listener)
{
    bool is_elsewhere = false;

    rwlock_take_write(&listener->lock);
    if (atom_load(&listener->state) == LISTENER_PAUSED) {
        is_elsewhere = !is_ours(listener);
        if (!is_elsewhere)
            make_ready_or_full(listener);
    }
    rwlock_give(&listener->lock);
    if (is_elsewhere)
        tasklet_wakeup(listener->own);
}

void listener_set_resume(struct listener_set *set)
{
    lock_take(&set->lock);
    set->is_paused = false;
    for (uint32_t i = 0; i < set->listeners_count; i++)
        resume_locked(&set->listeners[i]);
    lock_give(&set->lock);
}

/*
 * From here on the kernel begins no new handshake for the listener: SYNs are dropped and, repeated
 * after the close, refused. Those under way end in the backlog, from where they are accepted.
 * Without this a client whose handshake ends between our last accept and our close would be
 * connected, then reset. False: a kernel without it.
 */
static bool refuse_new(struct listener *listener)
{
    enum { FLAGS_AT = 13, FLAG_SYN = 0x02, FLAG_ACK = 0x10 }; /* RFC 9293 3.1 */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, FLAG_SYN | FLAG_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FLAG_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {.len = ARRAY_LEN(code), .filter = code};

    return setsockopt(listener->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

void listener_set_drain(struct listener_set *set)
{
    uint64_t until_ns = worker_now_ns() + LISTENER_HANDSHAKE_NS;
    bool has_date = false;

    lock_take(&set->lock);
    set->is_paused = false;
    for (uint32_t i = 0; i < set->listeners_count; i++) {
        struct listener *listener = &set->listeners[i];
        rwlock_take_write(&listener->lock);
        if (listener->fd >= 0 && refuse_new(listener)) {
            has_date = true;
            atom_store(&listener->drain_until_ns, until_ns);
        }
        /* pair: listener.drain. Releases the date: who sees the drain must not miss it. */
        atom_store_release(&listener->is_draining, true);
        rwlock_give(&listener->lock);
        resume_locked(listener);
    }
    lock_give(&set->lock);
    if (has_date)
        schedule_limit_task(set, until_ns);
    for (uint32_t i = 0; i < set->listeners_count; i++) {
        struct listener *listener = &set->listeners[i];
        if (is_ours(listener))
            accept_drain(listener);
        else
            tasklet_wakeup(listener->own);
    }
}

void listener_set_stop(struct listener_set *set)
{
    lock_take(&set->lock);
    for (uint32_t i = 0; i < set->listeners_count; i++)
        listener_unbind(&set->listeners[i]);
    lock_give(&set->lock);
}

/* --- checks: plain reads, between steps --- */

#define PEEK(p) atomic_load_explicit((p), memory_order_relaxed)

static void check_listener(const struct listener *listener, bool is_quiet)
{
    const struct listener_set *set = listener->set;
    int state = PEEK(&listener->state);

    BUG_ON(PEEK(&listener->conn_count) > listener->conn_count_max);
    if (listener->is_moving)
        return;
    BUG_ON((listener->fd >= 0) != (state != LISTENER_ASSIGNED));
    if (listener->fd < 0)
        return;
    /* Polling matches the state. */
    const struct fd_entry *entry = &set->rt->fds.entries[listener->fd];
    bool is_polled = (PEEK(&entry->state) & FD_ACTIVE_R) != 0;
    BUG_ON(is_polled != (state == LISTENER_READY));
    if (!is_quiet)
        return;
    /* Nobody waits for what has already happened. */
    bool is_waiting = list_is_linked(&listener->waiting);
    BUG_ON(is_waiting != (state == LISTENER_LIMITED));
    BUG_ON(state == LISTENER_FULL && PEEK(&listener->conn_count) < listener->conn_count_max);
    if (is_waiting && listener->waiting_until_ns == 0)
        BUG_ON(PEEK(&set->conn_count) < set->conn_count_max);
    if (is_waiting && listener->waiting_until_ns != 0) {
        BUG_ON(PEEK(&set->limit_at_ns) > listener->waiting_until_ns);
        BUG_ON(PEEK(&set->limit_task->expire_ns) > listener->waiting_until_ns);
    }
}

void listener_set_check(const struct listener_set *set, bool is_quiet)
{
    uint32_t sum = 0;
    uint32_t bound = 0;

    BUG_ON(PEEK(&set->conn_count) > set->conn_count_max);
    for (uint32_t i = 0; i < set->listeners_count; i++) {
        check_listener(&set->listeners[i], is_quiet);
        sum += PEEK(&set->listeners[i].conn_count);
        bound += set->listeners[i].fd >= 0;
    }
    if (!is_quiet)
        return;
    BUG_ON(sum != PEEK(&set->conn_count));
    BUG_ON((uint32_t)PEEK(&set->rt->jobs) != sum + bound);
    for (unsigned i = 0; i < set->rt->config.workers; i++)
        BUG_ON(accept_ring_peek_count(&set->acceptors[i].ring) != 0);
}
