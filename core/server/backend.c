#include "core/server/backend.h"

#include <stddef.h>
#include <string.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/base/hook.h"
#include "core/plant/plant.h"
#include "core/rt/task.h"
#include "core/rt/worker.h"

/* --- the servers --- */

static struct task *process_probe(struct task *task, void *ctx, uint32_t state);

int backend_init(struct backend *backend, struct idle_set *set,
                 const struct backend_options *options)
{
    /* A server is made when it is added. */
    memset(backend, 0, offsetof(struct backend, servers));
    backend->set = set;
    backend->options = *options;
    list_init(&backend->queue);
    backend->probe_task = task_new_on(set->rt, TASK_ANY, process_probe, backend);
    if (backend->probe_task == NULL)
        return -ERR_MEMORY;
    task_set_expire(backend->probe_task, TIME_NEVER);
    lock_init(&backend->lock, "backend.lock");
    HOOK_NAME(backend, "backend", backend->options.name);
    HOOK_NAME(backend->probe_task, "task", "probe_task");
    return 0;
}

void backend_fini(struct backend *backend)
{
    BUG_ON(!list_is_empty(&backend->queue) || atom_load(&backend->queue_count) != 0);
    for (uint32_t i = 0; i < backend->servers_count; i++)
        server_fini(&backend->servers[i]);
    task_set_ctx(backend->probe_task, NULL);
    task_kill(backend->probe_task);
    lock_fini(&backend->lock);
}

int backend_add_server(struct backend *backend, const struct server_options *options)
{
    uint32_t index = backend->servers_count;

    if (index == BACKEND_SERVERS_MAX)
        return -ERR_FULL;
    server_init(&backend->servers[index], backend, index, options);
    backend->servers_count++;
    return 0;
}

void backend_schedule_probe(struct backend *backend, uint64_t when_ns)
{
    task_schedule(backend->probe_task, when_ns);
}

/* --- the balance --- */

struct candidates {
    struct server *servers[BACKEND_SERVERS_MAX];
    uint32_t count;
    uint32_t served_min; /* least connections */
};

static void add_candidate(struct candidates *candidates, enum backend_balance balance,
                          struct server *server, uint32_t served)
{
    if (balance == BACKEND_LEASTCONN && candidates->count != 0) {
        if (served > candidates->served_min)
            return;
        if (served < candidates->served_min)
            candidates->count = 0;
    }
    candidates->served_min = served;
    candidates->servers[candidates->count++] = server;
}

/* The best one with a slot and no bit in `skip`; one with a bit in `tried` if there is no other. As
 * only those that could serve are counted, each of them gets an equal share. */
static struct server *choose(struct backend *backend, uint32_t tried, uint32_t skip, uint32_t turn)
{
    struct candidates fresh = {.count = 0};
    struct candidates failed = {.count = 0};
    const struct candidates *best;

    for (uint32_t i = 0; i < backend->servers_count; i++) {
        struct server *server = &backend->servers[i];
        uint32_t bit = UINT32_C(1) << i;
        uint32_t served;

        if ((skip & bit) == 0 && server_has_slot(server, &served))
            add_candidate((tried & bit) == 0 ? &fresh : &failed, backend->options.balance, server,
                          served);
    }
    best = fresh.count != 0 ? &fresh : &failed;
    return best->count != 0 ? best->servers[turn % best->count] : NULL;
}

/* A slot of the best server; NULL: none has one. */
static struct server *take_best(struct backend *backend, uint32_t tried)
{
    uint32_t turn = atom_fetch_add(&backend->turn, 1, memory_order_relaxed);
    uint32_t skip = 0;
    struct server *server;

    while ((server = choose(backend, tried, skip, turn)) != NULL) {
        if (server_take_slot(server))
            break;
        /* Others were faster. */
        skip |= UINT32_C(1) << server->index;
    }
    return server;
}

static bool is_any_usable(struct backend *backend)
{
    for (uint32_t i = 0; i < backend->servers_count; i++) {
        if (server_is_usable(&backend->servers[i]))
            return true;
    }
    return false;
}

/* --- the queue --- */

/* A slot for who has waited longest. */
static struct server *take_next(struct backend *backend, uint32_t tried)
{
    struct server *ready = atom_load(&backend->ready);

    if (ready != NULL) {
        BUG_ON(atom_load(&ready->state) == SERVER_GONE);
        if ((tried & (UINT32_C(1) << ready->index)) == 0 && server_take_slot(ready))
            return ready;
    }
    return take_best(backend, tried);
}

/* backend.lock. Gives the first in the queue a slot; false: there is none, or nobody waits. */
static bool serve_first_locked(struct backend *backend)
{
    struct backend_ticket *ticket;
    struct server *server;

    if (list_is_empty(&backend->queue))
        return false;
    ticket = LIST_ENTRY(backend->queue.next, struct backend_ticket, link);
    server = take_next(backend, ticket->tried);
    if (server == NULL)
        return false;
    list_unlink(&ticket->link);
    ticket->is_queued = false;
    atom_fetch_sub(&backend->queue_count, 1, memory_order_relaxed);
    /* pair: ticket.server. */
    atom_store_release(&ticket->server, server);
    if (PLANT(C57)) {
        /* Its owner may withdraw it, and free it, before it is woken. */
        lock_give(&backend->lock);
        tasklet_wakeup(ticket->tasklet);
        lock_take(&backend->lock);
    } else {
        tasklet_wakeup(ticket->tasklet);
    }
    return true;
}

/* When the next server may be tried. */
static uint64_t next_probe_ns(struct backend *backend)
{
    uint64_t next_ns = TIME_NEVER;

    for (uint32_t i = 0; i < backend->servers_count; i++) {
        struct server *server = &backend->servers[i];
        int state = atom_load_seq_cst(&server->state); /* pair: backend.queue: the date */
        uint64_t until_ns = atom_load(&server->down_until_ns);

        if ((state == SERVER_DOWN || state == SERVER_PROBE) && until_ns > worker_now_ns() &&
            until_ns < next_ns)
            next_ns = until_ns;
    }
    return next_ns;
}

static void serve_locked(struct backend *backend)
{
    while (serve_first_locked(backend)) {
    }
}

/* backend.lock. Somebody waits still: if for a server that is left alone, then not for ever. The
 * task may have been there already: its worker's clock may be ahead of ours. */
static void plan_probe_locked(struct backend *backend)
{
    uint64_t next_ns = list_is_empty(&backend->queue) ? TIME_NEVER : next_probe_ns(backend);

    if (next_ns != TIME_NEVER)
        backend_schedule_probe(backend, next_ns);
}

void backend_serve_queue(struct backend *backend)
{
    /* pair: backend.queue. */
    if (atom_load_seq_cst(&backend->queue_count) == 0)
        return;
    lock_take(&backend->lock);
    if (PLANT(C60b) && list_is_empty(&backend->queue)) {
        /* Somebody else has served, or withdrawn, who was seen waiting. */
        return;
    }
    serve_locked(backend);
    plan_probe_locked(backend);
    lock_give(&backend->lock);
}

/* The date has come when a server may be tried: those that wait do not wait for others to come. */
static struct task *process_probe(struct task *task, void *ctx, uint32_t state)
{
    struct backend *backend = ctx;

    (void)state;
    if (backend == NULL)
        return task; /* killed */
    lock_take(&backend->lock);
    serve_locked(backend);
    task_set_expire(task, next_probe_ns(backend));
    lock_give(&backend->lock);
    return task;
}

static enum backend_result enqueue(struct backend *backend, struct backend_ticket *ticket)
{
    lock_take(&backend->lock);
    if (atom_load(&backend->queue_count) >= backend->options.queue_max) {
        lock_give(&backend->lock);
        atom_fetch_add(&backend->refused_total, 1, memory_order_relaxed);
        return BACKEND_FULL;
    }
    ticket->backend = backend;
    ticket->is_queued = true;
    list_push_tail(&backend->queue, &ticket->link);
    /* pair: backend.queue. */
    atom_fetch_add(&backend->queue_count, 1, memory_order_seq_cst);
    atom_fetch_add(&backend->queued_total, 1, memory_order_relaxed);
    if (PLANT(C60a)) {
        /* The queue is walked while others change it. */
        lock_give(&backend->lock);
        serve_locked(backend);
        return BACKEND_QUEUED;
    }
    if (PLANT(C56)) {
        /* The slot that was given back after we found none, and before we could be seen waiting,
         * is nobody's. */
    } else {
        serve_locked(backend);
    }
    plan_probe_locked(backend);
    lock_give(&backend->lock);
    return BACKEND_QUEUED;
}

enum backend_result backend_want(struct backend *backend, struct backend_ticket *ticket,
                                 struct tasklet *tasklet)
{
    struct server *server = NULL;

    BUG_ON(atom_load(&ticket->server) != NULL || ticket->backend != NULL);
    ticket->tasklet = tasklet;
    /* Who waits already comes first. */
    if (atom_load(&backend->queue_count) == 0)
        server = take_best(backend, ticket->tried);
    if (server != NULL) {
        atom_store(&ticket->server, server);
        return BACKEND_GOT;
    }
    if (is_any_usable(backend))
        return enqueue(backend, ticket);
    atom_fetch_add(&backend->none_total, 1, memory_order_relaxed);
    return BACKEND_NONE;
}

bool backend_want_server(struct server *server, struct backend_ticket *ticket)
{
    BUG_ON(atom_load(&ticket->server) != NULL || ticket->backend != NULL);
    if (!server_take_slot(server))
        return false;
    atom_store(&ticket->server, server);
    return true;
}

/* Out of the queue, if it is still there. */
static void leave_queue(struct backend *backend, struct backend_ticket *ticket)
{
    if (PLANT(C58)) {
        /* What was found without the lock is done under it, though it may have been done. */
        if (!ticket->is_queued)
            return;
        lock_take(&backend->lock);
        list_unlink(&ticket->link);
        ticket->is_queued = false;
        atom_fetch_sub(&backend->queue_count, 1, memory_order_relaxed);
        lock_give(&backend->lock);
        return;
    }
    /* Also when it has got its slot: who gave it may still be waking us. */
    lock_take(&backend->lock);
    if (ticket->is_queued) {
        list_unlink(&ticket->link);
        ticket->is_queued = false;
        atom_fetch_sub(&backend->queue_count, 1, memory_order_relaxed);
        atom_fetch_add(&backend->withdrawn_total, 1, memory_order_relaxed);
    }
    lock_give(&backend->lock);
}

void backend_done(struct backend_ticket *ticket)
{
    struct server *server;

    if (ticket->backend != NULL) {
        leave_queue(ticket->backend, ticket);
        ticket->backend = NULL;
    }
    /* pair: ticket.server. */
    server = atom_load_acquire(&ticket->server);
    if (server == NULL)
        return;
    atom_store(&ticket->server, NULL);
    server_give_slot(server);
}

/* --- checks: plain reads, between steps --- */

#define PEEK(p) atomic_load_explicit((p), memory_order_relaxed)

/* Nobody may wait beside a slot, or for a server of which nobody will think. */
static void check_stranded(const struct backend *backend)
{
    for (uint32_t i = 0; i < backend->servers_count; i++) {
        const struct server *server = &backend->servers[i];
        uint32_t served = PEEK(&server->served);
        uint32_t limit = server->options.limit;
        int state = PEEK(&server->state);

        if (limit != 0 && served >= limit)
            continue;
        BUG_ON(state == SERVER_UP);
        BUG_ON((state == SERVER_DOWN || state == SERVER_PROBE) &&
               PEEK(&backend->probe_task->expire_ns) == TIME_NEVER);
    }
}

static void check_queue(const struct backend *backend)
{
    const struct list *link;
    uint32_t count = 0;

    list_check(&backend->queue);
    LIST_EACH(link, &backend->queue)
    {
        const struct backend_ticket *ticket = LIST_ENTRY(link, struct backend_ticket, link);

        BUG_ON(!ticket->is_queued || ticket->backend != backend);
        BUG_ON(PEEK(&ticket->server) != NULL);
        count++;
    }
    BUG_ON(count != PEEK(&backend->queue_count));
    if (count != 0)
        check_stranded(backend);
}

void backend_check(const struct backend *backend, bool is_quiet)
{
    BUG_ON(PEEK(&backend->queue_count) > backend->options.queue_max);
    for (uint32_t i = 0; i < backend->servers_count; i++)
        server_check(&backend->servers[i]);
    if (is_quiet)
        check_queue(backend);
}
