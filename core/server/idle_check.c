/*
 * core/server/idle_check.c - the invariants C1 to C7 as far as trees, lists and counters go; what
 * only the mux knows is mux_check()'s.
 *
 * Threads: no worker, between steps; idle_check_locked() under the lock.
 */
#include "core/base/attr.h"
#include "core/server/idle_list.h"
#include "core/server/server.h"

#define PEEK(p) atomic_load_explicit((p), memory_order_relaxed)

/* What is in the trees and lists of one worker. */
struct sums {
    uint32_t idle;
    uint32_t safe;
    uint32_t by_age;
    uint32_t remove; /* counted as idle or safe */
    uint32_t counted[IDLE_COUNTED_SESSION + 1];
};

static void check_conn(const struct idle_conn *conn, const struct server *server, int worker,
                       enum idle_place place)
{
    /* First: what was freed is poisoned, and its links lead nowhere. */
    BUG_ON(conn->server != server);
    BUG_ON(conn->worker != worker); /* C2 */
    BUG_ON(conn->place != place);   /* C2, C4 */
    BUG_ON(conn->is_private);       /* C6 */
    BUG_ON(place == IDLE_IN_IDLE && conn->counted != IDLE_COUNTED_IDLE);
    BUG_ON(place == IDLE_IN_SAFE && conn->counted != IDLE_COUNTED_SAFE);
    BUG_ON(place == IDLE_IN_AVAIL && conn->counted != IDLE_COUNTED_USED);
}

/* Each before those below it. Returns how many. */
static uint32_t check_below(const struct idle_conn *conn, const struct server *server, int worker,
                            enum idle_place place)
{
    if (conn == NULL)
        return 0;
    check_conn(conn, server, worker, place);
    const struct idle_conn *left = RB_LEFT(conn, node), *right = RB_RIGHT(conn, node);
    uint32_t count =
        1 + check_below(left, server, worker, place) + check_below(right, server, worker, place);
    BUG_ON(left != NULL && (left->key > conn->key || RB_PARENT(left, node) != conn));
    BUG_ON(right != NULL && (right->key < conn->key || RB_PARENT(right, node) != conn));
    return count;
}

static const struct idle_conn *conn_of(const struct list *link)
{
    return LIST_ENTRY((struct list *)(uintptr_t)link, struct idle_conn, age);
}

static void check_lists(const struct idle_server_worker *mine, struct sums *sums)
{
    const struct list *link;

    LIST_EACH(link, &mine->by_age)
    {
        const struct idle_conn *conn = conn_of(link);
        BUG_ON(link->next->prev != link);
        BUG_ON(!idle_is_stealable(conn));
        sums->by_age++;
    }
    LIST_EACH(link, &mine->privates)
    {
        const struct idle_conn *conn = conn_of(link);
        BUG_ON(link->next->prev != link);
        BUG_ON(conn->place != IDLE_IN_SESSION || !conn->is_private); /* C6 */
        BUG_ON(conn->session == NULL || !list_is_linked(&conn->session_link));
        BUG_ON(conn->counted != IDLE_COUNTED_SESSION);
    }
}

static void check_remove(const struct idle_worker *worker, const struct server *server, int index,
                         struct sums *sums)
{
    const struct list *link;

    LIST_EACH(link, &worker->remove)
    {
        const struct idle_conn *conn = conn_of(link);
        BUG_ON(link->next->prev != link);
        BUG_ON(conn->place != IDLE_IN_REMOVE); /* C4 */
        BUG_ON(conn->worker != index);
        if (conn->server == server && idle_is_counted_idle(conn))
            sums->remove++;
    }
}

static void check_all(const struct idle_server_worker *mine, int index, struct sums *sums)
{
    const struct list *link;

    LIST_EACH(link, &mine->all)
    {
        const struct idle_conn *conn =
            LIST_ENTRY((struct list *)(uintptr_t)link, struct idle_conn, all_link);
        BUG_ON(conn->server != mine->server);
        BUG_ON(link->next->prev != link);
        BUG_ON(conn->worker != index);
        BUG_ON(conn->counted == IDLE_COUNTED_NOT);
        sums->counted[conn->counted]++;
    }
}

/* Lock held, or nobody can run. */
static struct sums check_worker(const struct server *server, int index)
{
    const struct idle_server_worker *mine = &server->workers[index];
    struct sums sums = {0};

    sums.idle = check_below(RB_ROOT(&mine->idle), server, index, IDLE_IN_IDLE);
    sums.safe = check_below(RB_ROOT(&mine->safe), server, index, IDLE_IN_SAFE);
    (void)check_below(RB_ROOT(&mine->avail), server, index, IDLE_IN_AVAIL);
    check_lists(mine, &sums);
    check_remove(&server->set->workers[index], server, index, &sums);
    check_all(mine, index, &sums);
    BUG_ON(sums.by_age != sums.idle + sums.safe); /* C2 */
    uint32_t idle = sums.counted[IDLE_COUNTED_IDLE] + sums.counted[IDLE_COUNTED_SAFE];
    BUG_ON(PEEK(&mine->idle_count) != idle); /* C1, C7 */
    /* The others are being looked after just now. */
    BUG_ON(idle < sums.idle + sums.safe + sums.remove);
    return sums;
}

void idle_check_locked(const struct server *server, int worker)
{
    (void)check_worker(server, worker);
}

void idle_check(const struct idle_set *set, const struct server *server, bool is_quiet)
{
    uint32_t used = 0, idle = 0, safe = 0;

    if (!is_quiet)
        return;
    BUG_ON(server->set != set);
    for (unsigned i = 0; i < set->workers_count; i++) {
        struct sums sums = check_worker(server, (int)i);

        BUG_ON(sums.remove != 0); /* the cleanup task has been */
        used += sums.counted[IDLE_COUNTED_USED] + sums.counted[IDLE_COUNTED_SESSION];
        safe += sums.counted[IDLE_COUNTED_SAFE];
        idle += sums.counted[IDLE_COUNTED_IDLE] + sums.counted[IDLE_COUNTED_SAFE];
    }
    BUG_ON(PEEK(&server->conns_used) != used); /* C1 */
    BUG_ON(PEEK(&server->conns_safe) != safe);
    BUG_ON(PEEK(&server->conns_idle) != idle); /* C7 */
}
