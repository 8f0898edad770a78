/*
 * core/server/idle_purge.c - connections that leave without having failed: too many, of a server
 * that leaves, or in the way of others that need their fds.
 *
 * Threads: purge and cleanup tasks on their own worker; evicting by any.
 */
#include "core/base/atomic.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/server/idle_list.h"
#include "core/server/server.h"

/*
 * The to-remove queue
 */

static struct idle_conn *pop_remove(struct idle_worker *worker)
{
    struct idle_conn *conn = NULL;

    lock_take(&worker->lock);
    if (!list_is_empty(&worker->remove)) {
        conn = LIST_ENTRY(worker->remove.next, struct idle_conn, age);
        idle_unlink(conn);
    }
    idle_unlock(worker);
    return conn;
}

struct task *idle_cleanup_run(struct task *task, void *ctx, uint32_t bits)
{
    struct idle_worker *worker = ctx;
    struct idle_conn *conn;

    (void)bits;
    for (conn = pop_remove(worker); conn != NULL; conn = pop_remove(worker)) {
        BUG_ON(conn->worker != worker_id()); /* C2: only the owner destroys */
        conn->ops->destroy(conn);
    }
    return task;
}

static void wake_cleanup(struct idle_worker *worker)
{
    task_wakeup(worker->cleanup_task, TASK_WOKEN_OTHER);
}

/*
 * Purging: those above what was needed at most, half of them at a time
 */

void idle_purge_plan(struct idle_worker *worker, struct idle_server_worker *mine)
{
    uint64_t purge_ns = mine->server->options.purge_ns;

    if (purge_ns == 0 || list_is_linked(&mine->purge_link))
        return;
    mine->purge_due_ns = worker_now_ns() + purge_ns;
    list_push_tail(&worker->purges, &mine->purge_link);
    task_schedule(worker->purge_task, mine->purge_due_ns);
}

/* The need of the period that ends now, and a new period, by the first worker that is due in it. */
static uint32_t estimate_need(struct server *server, uint64_t now_ns)
{
    uint32_t max = atom_load(&server->conns_used_max);
    uint32_t needed = atom_load(&server->conns_needed);
    uint64_t since_ns = atom_load(&server->conns_estimated_ns);

    if (now_ns - since_ns >= server->options.purge_ns &&
        atom_cas(&server->conns_estimated_ns, &since_ns, now_ns, memory_order_relaxed)) {
        atom_store(&server->conns_needed, max > needed ? max : (max + needed) / 2);
        uint32_t used = atom_load(&server->conns_used);
        atom_store(&server->conns_used_max, used);
    }
    return max > needed ? max : needed;
}

/* This worker's share of those that are too many. */
static uint32_t count_exceeding(struct idle_server_worker *mine, uint64_t now_ns)
{
    struct server *server = mine->server;
    uint32_t need = estimate_need(server, now_ns);
    uint32_t idle = atom_load(&server->conns_idle);
    uint32_t all = atom_load(&server->conns_used) + idle;
    uint32_t own = atom_load(&mine->idle_count);

    if (all <= need || idle == 0 || own == 0)
        return 0;
    uint64_t exceed = ((uint64_t)(all - need) + 1) / 2;
    return (uint32_t)((exceed * own + idle - 1) / idle);
}

/* Up to `count` of the oldest, which worker `of` has. Returns how many. */
static uint32_t move_oldest(struct idle_server_worker *theirs, uint32_t count)
{
    uint32_t moved = 0;

    while (moved < count && !list_is_empty(&theirs->by_age)) {
        idle_move_to_remove(LIST_ENTRY(theirs->by_age.next, struct idle_conn, age));
        moved++;
    }
    return moved;
}

/* True: some were moved. */
static bool purge_server(struct idle_worker *worker, struct idle_server_worker *mine,
                         uint64_t now_ns)
{
    bool has_moved = move_oldest(mine, count_exceeding(mine, now_ns)) > 0;

    list_unlink(&mine->purge_link);
    if (atom_load(&mine->idle_count) > 0) {
        mine->purge_due_ns = now_ns + mine->server->options.purge_ns;
        list_push_tail(&worker->purges, &mine->purge_link);
    }
    return has_moved;
}

struct task *idle_purge_run(struct task *task, void *ctx, uint32_t bits)
{
    struct idle_worker *worker = ctx;
    uint64_t now_ns = worker_now_ns(), next_ns = TIME_NEVER;
    bool has_moved = false;
    struct list *link, *next;

    (void)bits;
    lock_take(&worker->lock);
    LIST_EACH_SAFE(link, next, &worker->purges)
    {
        struct idle_server_worker *mine = LIST_ENTRY(link, struct idle_server_worker, purge_link);
        if (mine->purge_due_ns <= now_ns)
            has_moved |= purge_server(worker, mine, now_ns);
        if (list_is_linked(&mine->purge_link) && mine->purge_due_ns < next_ns)
            next_ns = mine->purge_due_ns;
    }
    idle_unlock(worker);
    task_set_expire(task, next_ns);
    if (has_moved)
        wake_cleanup(worker);
    return task;
}

/*
 * Evicting
 */

/* All of one worker. True: some were moved. */
static bool evict_worker(struct idle_server_worker *theirs)
{
    struct idle_conn *conn;
    bool has_moved = move_oldest(theirs, UINT32_MAX) > 0;

    while (!list_is_empty(&theirs->privates)) {
        idle_move_to_remove(LIST_ENTRY(theirs->privates.next, struct idle_conn, age));
        has_moved = true;
    }
    for (conn = idle_find_any(&theirs->avail); conn != NULL; conn = idle_find_any(&theirs->avail))
        idle_unlink(conn);
    return has_moved;
}

void idle_evict(struct server *server)
{
    struct idle_set *set = server->set;

    for (unsigned i = 0; i < set->workers_count; i++) {
        struct idle_worker *worker = &set->workers[i];

        lock_take(&worker->lock);
        bool has_moved = evict_worker(&server->workers[i]);
        idle_unlock(worker);
        if (has_moved)
            wake_cleanup(worker);
    }
}

/* The mistake of C49a: it is found under the lock, and moved after the lock was given back. Its
 * owner frees it meanwhile. */
static uint32_t move_one_late(struct idle_worker *worker, struct idle_server_worker *theirs)
{
    struct idle_conn *conn = NULL;

    lock_take(&worker->lock);
    if (!list_is_empty(&theirs->by_age))
        conn = LIST_ENTRY(theirs->by_age.next, struct idle_conn, age);
    idle_unlock(worker);
    if (conn == NULL)
        return 0;
    idle_move_to_remove(conn);
    return 1;
}

/* Up to `count` of one server on one worker. */
static uint32_t evict_some(struct idle_set *set, struct idle_server_worker *theirs, int of,
                           uint32_t count)
{
    struct idle_worker *worker = &set->workers[of];
    struct idle_worker *locked = worker;
    uint32_t moved;

    if (PLANT(C49a)) {
        moved = move_one_late(worker, theirs);
        goto wake;
    }
    if (PLANT(C50)) {
        /* The caller's own lock, which keeps nobody from the other's connections. */
        locked = &set->workers[worker_id()];
    }
    lock_take(&locked->lock);
    moved = move_oldest(theirs, count);
    idle_unlock(locked);

wake:
    if (moved > 0)
        wake_cleanup(worker);
    return moved;
}

unsigned idle_evict_oldest(struct idle_set *set, struct server *const *servers,
                           unsigned servers_count, unsigned count)
{
    unsigned moved = 0;

    /* Others before its own: those are what the caller may soon reuse. */
    for (unsigned i = 1; i <= set->workers_count; i++) {
        unsigned of = ((unsigned)worker_id() + i) % set->workers_count;

        for (unsigned j = 0; j < servers_count && moved < count; j++) {
            struct idle_server_worker *theirs = &servers[j]->workers[of];

            if (atom_load(&theirs->idle_count) > 0)
                moved += evict_some(set, theirs, (int)of, count - moved);
        }
    }
    return moved;
}

void idle_clear(struct server *server)
{
    struct idle_set *set = server->set;

    BUG_ON(set->rt->is_running);
    for (unsigned i = 0; i < set->workers_count; i++) {
        struct idle_server_worker *mine = &server->workers[i];

        while (!list_is_empty(&mine->all)) {
            struct idle_conn *conn = LIST_ENTRY(mine->all.next, struct idle_conn, all_link);
            conn->ops->destroy(conn);
        }
        list_unlink(&mine->purge_link);
    }
}
