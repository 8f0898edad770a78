#include "core/server/idle.h"

#include <string.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/server/idle_list.h"
#include "core/server/server.h"

/*
 * Start and end
 */

static int init_worker(struct idle_set *set, int index)
{
    struct idle_worker *worker = &set->workers[index];
    int bound = index;

    lock_init(&worker->lock, "idle.lock");
    list_init(&worker->remove);
    list_init(&worker->purges);
    worker->seq_next = 0;
    worker->purge_task = task_new_on(set->rt, index, idle_purge_run, worker);
    if (PLANT(C55)) {
        /* Bound to the worker beside, which then destroys what is not its own. */
        bound = (index + 1) % (int)set->workers_count;
    }
    worker->cleanup_task = task_new_on(set->rt, bound, idle_cleanup_run, worker);
    return worker->purge_task != NULL && worker->cleanup_task != NULL ? 0 : -ERR_MEMORY;
}

static void fini_worker(struct idle_worker *worker)
{
    BUG_ON(!list_is_empty(&worker->remove));
    BUG_ON(!list_is_empty(&worker->purges));
    if (worker->purge_task != NULL)
        task_destroy(worker->purge_task);
    if (worker->cleanup_task != NULL)
        task_destroy(worker->cleanup_task);
    lock_fini(&worker->lock);
}

int idle_set_init(struct idle_set *set, struct rt *rt, unsigned workers_count)
{
    BUG_ON(workers_count == 0 || workers_count > WORKERS_MAX);
    set->rt = rt;
    set->workers_count = 0;
    rt->idle_set = set;
    for (unsigned i = 0; i < workers_count; i++) {
        set->workers_count = workers_count;
        if (init_worker(set, (int)i) != 0) {
            set->workers_count = i + 1;
            idle_set_fini(set);
            return -ERR_MEMORY;
        }
    }
    return 0;
}

void idle_set_fini(struct idle_set *set)
{
    for (unsigned i = 0; i < set->workers_count; i++)
        fini_worker(&set->workers[i]);
    set->workers_count = 0;
    set->rt->idle_set = NULL;
}

void idle_server_init(struct server *server)
{
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        struct idle_server_worker *mine = &server->workers[i];

        mine->server = server;
        RB_INIT(&mine->idle);
        RB_INIT(&mine->safe);
        RB_INIT(&mine->avail);
        list_init(&mine->by_age);
        list_init(&mine->privates);
        list_init(&mine->all);
        list_init(&mine->purge_link);
        mine->purge_due_ns = 0;
        atomic_init(&mine->idle_count, 0);
    }
    atomic_init(&server->conns_used, 0);
    atomic_init(&server->conns_used_max, 0);
    atomic_init(&server->conns_needed, 0);
    atomic_init(&server->conns_idle, 0);
    atomic_init(&server->conns_safe, 0);
    atomic_init(&server->takeover_next, 0);
    atomic_init(&server->conns_estimated_ns, 0);
}

void idle_server_fini(struct server *server)
{
    BUG_ON(atom_load(&server->conns_used) != 0);
    BUG_ON(atom_load(&server->conns_idle) != 0);
    BUG_ON(atom_load(&server->conns_safe) != 0);
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        struct idle_server_worker *mine = &server->workers[i];

        BUG_ON(!RB_EMPTY(&mine->idle) || !RB_EMPTY(&mine->safe) || !RB_EMPTY(&mine->avail));
        BUG_ON(!list_is_empty(&mine->by_age) || !list_is_empty(&mine->privates));
        BUG_ON(!list_is_empty(&mine->all));
        BUG_ON(atom_peek(&mine->idle_count) != 0);
        list_unlink(&mine->purge_link);
    }
}

struct idle_worker *idle_lock_own(struct rt *rt)
{
    struct idle_worker *worker = &rt->idle_set->workers[worker_id()];

    lock_take(&worker->lock);
    return worker;
}

void idle_unlock(struct idle_worker *worker)
{
    lock_give(&worker->lock);
}

/*
 * One connection
 */

/* The calling worker's from now on. */
static void enlist(struct idle_conn *conn)
{
    struct idle_worker *worker = idle_lock_own(conn->server->set->rt);

    list_push_tail(&idle_server_worker_of(conn)->all, &conn->all_link);
    idle_unlock(worker);
}

void idle_begin(struct idle_conn *conn, struct server *server, const struct idle_ops *ops)
{
    memset(conn, 0, sizeof(*conn));
    conn->ops = ops;
    conn->server = server;
    conn->worker = worker_id();
    conn->place = IDLE_NOWHERE;
    conn->counted = IDLE_COUNTED_NOT;
    list_init(&conn->age);
    list_init(&conn->session_link);
    idle_count_as(conn, IDLE_COUNTED_USED);
    enlist(conn);
}

/* In the to-remove queue, and thus in no tree? */
static bool is_in_remove(const struct idle_conn *conn)
{
    if (PLANT(C53)) {
        /* The link serves other lists as well. */
        return list_is_linked(&conn->age);
    }
    return conn->place == IDLE_IN_REMOVE;
}

static enum idle_place place_of(enum idle_counted counted)
{
    switch (counted) {
    case IDLE_COUNTED_IDLE:
        return IDLE_IN_IDLE;
    case IDLE_COUNTED_SAFE:
        return IDLE_IN_SAFE;
    case IDLE_COUNTED_SESSION:
        return IDLE_IN_SESSION;
    case IDLE_COUNTED_NOT:
    case IDLE_COUNTED_USED:
        break;
    }
    return IDLE_NOWHERE;
}

/* Into the list it is counted for. */
static void link_idle(struct idle_conn *conn)
{
    conn->since_ns = worker_now_ns();
    idle_link(conn, place_of(conn->counted));
}

static bool has_room_for_idle(struct server *server)
{
    /* Others count themselves at the same time: the bound may be missed by one for each. */
    return server->options.idle_max == UINT32_MAX ||
           atom_load(&server->conns_idle) < server->options.idle_max;
}

/* Would one more idle connection be used? There are no more at once than were needed at once
 * before, but each worker may keep one. The caller's own is still counted as used. */
static bool is_one_more_needed(struct server *server)
{
    uint32_t max = atom_load(&server->conns_used_max);
    uint32_t needed = atom_load(&server->conns_needed);
    uint32_t all = atom_load(&server->conns_used) + atom_load(&server->conns_idle);

    return atom_load(&server->workers[worker_id()].idle_count) == 0 ||
           all <= (max > needed ? max : needed);
}

/* As what it may become idle; USED: not at all. */
static enum idle_counted admit(struct idle_conn *conn, bool is_safe)
{
    struct server *server = conn->server;

    if (!idle_is_wanted(server))
        return IDLE_COUNTED_USED;
    if (conn->is_private)
        return conn->session != NULL && conn->session->idle_count < IDLE_SESSION_MAX
                   ? IDLE_COUNTED_SESSION
                   : IDLE_COUNTED_USED;
    if (server->options.reuse == SERVER_REUSE_NEVER || !has_room_for_idle(server) ||
        !is_one_more_needed(server))
        return IDLE_COUNTED_USED;
    return is_safe ? IDLE_COUNTED_SAFE : IDLE_COUNTED_IDLE;
}

bool idle_put(struct idle_conn *conn, bool is_safe)
{
    struct server *server = conn->server;
    struct idle_worker *worker = idle_lock_own(server->set->rt);

    BUG_ON(conn->worker != worker_id()); /* C2 */
    BUG_ON(conn->counted != IDLE_COUNTED_USED);
    enum idle_counted counted = admit(conn, is_safe);
    if (conn->place == IDLE_IN_AVAIL)
        idle_unlink(conn);
    bool is_in = counted != IDLE_COUNTED_USED;
    if (is_in) {
        idle_count_as(conn, counted);
        link_idle(conn);
        idle_purge_plan(worker, &server->workers[worker_id()]);
    }
    idle_unlock(worker);
    return is_in;
}

void idle_put_avail(struct idle_conn *conn)
{
    if (conn->is_private)
        return;
    struct idle_worker *worker = idle_lock_own(conn->server->set->rt);
    if (conn->place == IDLE_NOWHERE && conn->counted == IDLE_COUNTED_USED &&
        idle_is_wanted(conn->server))
        idle_link(conn, IDLE_IN_AVAIL);
    idle_unlock(worker);
}

void idle_take_out(struct idle_conn *conn)
{
    if (PLANT(K04)) {
        /* Without the lock, as nobody steals those in avail; but somebody may walk the tree. */
        if (conn->place == IDLE_IN_AVAIL)
            idle_unlink(conn);
        return;
    }
    struct idle_worker *worker = idle_lock_own(conn->server->set->rt);
    if (conn->place != IDLE_IN_REMOVE)
        idle_unlink(conn);
    idle_unlock(worker);
}

bool idle_take_idle_locked(struct idle_conn *conn)
{
    if (is_in_remove(conn) || (!idle_is_stealable(conn) && conn->place != IDLE_IN_SESSION))
        return false;
    idle_unlink(conn);
    return true;
}

bool idle_back(struct idle_conn *conn)
{
    struct idle_worker *worker = idle_lock_own(conn->server->set->rt);

    BUG_ON(conn->worker != worker_id()); /* C2 */
    if (is_in_remove(conn)) {
        idle_unlock(worker);
        return true;
    }
    BUG_ON(conn->place != IDLE_NOWHERE);
    bool is_in = idle_is_wanted(conn->server) && place_of(conn->counted) != IDLE_NOWHERE &&
                 conn->is_private == (conn->session != NULL);
    if (is_in)
        link_idle(conn);
    idle_unlock(worker);
    return is_in;
}

/* Takes the lock of the connection's worker. */
static struct idle_worker *lock_owner(const struct idle_conn *conn)
{
    struct idle_worker *worker = idle_worker_of(conn);
    bool is_alone = !conn->server->set->rt->is_running;

    BUG_ON(conn->worker != worker_id() && !is_alone); /* C2: only the owner ends it */
    lock_take(&worker->lock);
    return worker;
}

void idle_forget(struct idle_conn *conn)
{
    if (conn->server == NULL || conn->counted == IDLE_COUNTED_NOT)
        return;
    struct idle_worker *worker = lock_owner(conn);
    if (!is_in_remove(conn)) {
        idle_unlink(conn);
    } else if (!PLANT(C51)) {
        /* C51 leaves it in the queue, for the cleanup task to find. */
        list_unlink(&conn->age);
    }
    idle_count_as(conn, IDLE_COUNTED_NOT);
    list_unlink(&conn->session_link);
    list_unlink(&conn->all_link);
    conn->session = NULL;
    idle_unlock(worker);
}

/*
 * Looking for one
 */

/* Of those that may be had: the newest with its key. */
static struct idle_conn *find_idle(struct idle_server_worker *theirs, const struct idle_want *want)
{
    struct idle_conn *conn = idle_find(&theirs->safe, want->key);

    return conn != NULL || !want->may_idle ? conn : idle_find(&theirs->idle, want->key);
}

static struct idle_conn *find_avail(struct idle_server_worker *mine, const struct idle_want *want)
{
    struct idle_conn *conn;

    for (conn = idle_find(&mine->avail, want->key); conn != NULL; conn = idle_find_next(conn)) {
        if (conn->ops->room(conn) > 0)
            return conn;
    }
    return NULL;
}

static struct idle_conn *get_own(struct server *server, const struct idle_want *want)
{
    struct idle_worker *worker = idle_lock_own(server->set->rt);
    struct idle_server_worker *mine = &server->workers[worker_id()];
    struct idle_conn *conn = find_avail(mine, want);

    if (conn == NULL) {
        conn = find_idle(mine, want);
        if (conn != NULL) {
            idle_unlink(conn);
            idle_count_as(conn, IDLE_COUNTED_USED);
        }
    }
    idle_unlock(worker);
    return conn;
}

/* Of one tree of worker `from`, whose lock is held. */
static struct idle_conn *steal_from_tree(struct idle_tree *tree, uint64_t key, int from)
{
    struct idle_conn *conn;

    for (conn = idle_find(tree, key); conn != NULL; conn = idle_find_next(conn)) {
        if (conn->ops->takeover(conn, from) != 0)
            continue;
        idle_unlink(conn);
        idle_count_as(conn, IDLE_COUNTED_USED);
        list_unlink(&conn->all_link);
        conn->worker = worker_id();
        return conn;
    }
    return NULL;
}

/* From worker `from`, unless somebody is busy with its connections just now. */
static struct idle_conn *steal(struct server *server, const struct idle_want *want, int from)
{
    struct idle_worker *victim = &server->set->workers[from];
    struct idle_server_worker *theirs = &server->workers[from];
    struct idle_conn *conn;

    /* Never waits: two that steal from each other would, each holding what the other wants. */
    if (atom_load(&theirs->idle_count) == 0 || !lock_try_take(&victim->lock))
        return NULL;
    conn = steal_from_tree(&theirs->safe, want->key, from);
    if (conn == NULL && want->may_idle)
        conn = steal_from_tree(&theirs->idle, want->key, from);
    if (PLANT(C49b) && conn != NULL) {
        /* Jumps out with what it found. */
        return conn;
    }
    idle_unlock(victim);
    return conn;
}

struct idle_conn *idle_get(struct server *server, const struct idle_want *want)
{
    unsigned count = server->set->workers_count;
    struct idle_conn *conn = get_own(server, want);

    if (conn != NULL)
        return conn;
    unsigned first = atom_load(&server->takeover_next) % count;
    for (unsigned i = 0; i < count; i++) {
        unsigned from = (first + i) % count;

        if ((int)from == worker_id())
            continue;
        conn = steal(server, want, (int)from);
        if (conn != NULL) {
            enlist(conn); /* not before: one lock at a time */
            atom_fetch_add(&server->takeover_next, 1, memory_order_relaxed);
            return conn;
        }
    }
    return NULL;
}
