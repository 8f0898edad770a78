#include "core/server/idle_list.h"

#include "core/base/atomic.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/server/server.h"

/* Of equal keys the one put in last comes first: it is the warmest, and the others can grow old. */
static int compare_conns(const struct idle_conn *a, const struct idle_conn *b)
{
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->seq != b->seq)
        return a->seq > b->seq ? -1 : 1;
    return 0;
}

TREE_GENERATE_STATIC(idle_tree, idle_conn, node, compare_conns)

const char *idle_place_name(enum idle_place place)
{
    static const char *const names[] = {
#define IDLE_PLACE_TEXT(name, text) text,
        IDLE_PLACES(IDLE_PLACE_TEXT)
#undef IDLE_PLACE_TEXT
    };

    return (unsigned)place < ARRAY_LEN(names) ? names[place] : "?";
}

struct idle_worker *idle_worker_of(const struct idle_conn *conn)
{
    return &conn->server->set->workers[conn->worker];
}

struct idle_server_worker *idle_server_worker_of(const struct idle_conn *conn)
{
    return &conn->server->workers[conn->worker];
}

static struct idle_tree *tree_of(struct idle_conn *conn, enum idle_place place)
{
    struct idle_server_worker *mine = idle_server_worker_of(conn);

    switch (place) {
    case IDLE_IN_IDLE:
        return &mine->idle;
    case IDLE_IN_SAFE:
        return &mine->safe;
    case IDLE_IN_AVAIL:
        return &mine->avail;
    case IDLE_NOWHERE:
    case IDLE_IN_SESSION:
    case IDLE_IN_REMOVE:
        break;
    }
    return NULL;
}

void idle_link(struct idle_conn *conn, enum idle_place place)
{
    struct idle_tree *tree = tree_of(conn, place);

    BUG_ON(conn->place != IDLE_NOWHERE);      /* C2, C4 */
    BUG_ON(conn->is_private && tree != NULL); /* C6 */
    conn->place = place;
    if (tree != NULL) {
        conn->seq = idle_worker_of(conn)->seq_next++;
        BUG_ON(RB_INSERT(idle_tree, tree, conn) != NULL);
    }
    if (idle_is_stealable(conn))
        list_push_tail(&idle_server_worker_of(conn)->by_age, &conn->age);
    else if (place == IDLE_IN_SESSION)
        list_push_tail(&idle_server_worker_of(conn)->privates, &conn->age);
    else if (place == IDLE_IN_REMOVE)
        list_push_tail(&idle_worker_of(conn)->remove, &conn->age);
}

void idle_unlink(struct idle_conn *conn)
{
    struct idle_tree *tree = tree_of(conn, conn->place);

    if (tree != NULL)
        RB_REMOVE(idle_tree, tree, conn);
    list_unlink(&conn->age);
    conn->place = IDLE_NOWHERE;
}

/* The worker whose counter goes down when a connection is stolen is the one that had it. */
static struct idle_server_worker *counter_of(struct idle_conn *conn)
{
    if (PLANT(C52) && worker_self() != NULL) {
        /* The thief's. */
        return &conn->server->workers[worker_id()];
    }
    return idle_server_worker_of(conn);
}

/* C1, C7: never below zero. */
static void uncount_one(_Atomic uint32_t *count)
{
    BUG_ON(atom_fetch_sub(count, 1, memory_order_relaxed) == 0);
}

static void uncount(struct idle_conn *conn)
{
    struct server *server = conn->server;

    switch (conn->counted) {
    case IDLE_COUNTED_NOT:
        break;
    case IDLE_COUNTED_SESSION:
        if (conn->session != NULL)
            conn->session->idle_count--;
        uncount_one(&server->conns_used);
        break;
    case IDLE_COUNTED_USED:
        uncount_one(&server->conns_used);
        break;
    case IDLE_COUNTED_SAFE:
        uncount_one(&server->conns_safe);
        uncount_one(&counter_of(conn)->idle_count);
        uncount_one(&server->conns_idle);
        break;
    case IDLE_COUNTED_IDLE:
        uncount_one(&counter_of(conn)->idle_count);
        uncount_one(&server->conns_idle);
        break;
    }
    conn->counted = IDLE_COUNTED_NOT;
}

static void count_used(struct server *server)
{
    uint32_t used = atom_fetch_add(&server->conns_used, 1, memory_order_relaxed) + 1;
    uint32_t max = atom_load(&server->conns_used_max);

    while (used > max && !atom_cas(&server->conns_used_max, &max, used, memory_order_relaxed))
        continue;
}

void idle_count_as(struct idle_conn *conn, enum idle_counted counted)
{
    struct server *server = conn->server;

    uncount(conn);
    conn->counted = counted;
    switch (counted) {
    case IDLE_COUNTED_NOT:
        break;
    case IDLE_COUNTED_SESSION:
        conn->session->idle_count++;
        atom_fetch_add(&server->conns_used, 1, memory_order_relaxed);
        break;
    case IDLE_COUNTED_USED:
        count_used(server);
        break;
    case IDLE_COUNTED_SAFE:
        atom_fetch_add(&server->conns_safe, 1, memory_order_relaxed);
        atom_fetch_add(&idle_server_worker_of(conn)->idle_count, 1, memory_order_relaxed);
        atom_fetch_add(&server->conns_idle, 1, memory_order_relaxed);
        break;
    case IDLE_COUNTED_IDLE:
        atom_fetch_add(&idle_server_worker_of(conn)->idle_count, 1, memory_order_relaxed);
        atom_fetch_add(&server->conns_idle, 1, memory_order_relaxed);
        break;
    }
}

struct idle_conn *idle_find(struct idle_tree *tree, uint64_t key)
{
    struct idle_conn probe = {.key = key, .seq = UINT64_MAX};
    struct idle_conn *conn = RB_NFIND(idle_tree, tree, &probe);

    return conn != NULL && conn->key == key ? conn : NULL;
}

struct idle_conn *idle_find_next(struct idle_conn *conn)
{
    struct idle_conn *next = idle_find_after(conn);

    return next != NULL && next->key == conn->key ? next : NULL;
}

struct idle_conn *idle_find_any(struct idle_tree *tree)
{
    return RB_MIN(idle_tree, tree);
}

struct idle_conn *idle_find_after(struct idle_conn *conn)
{
    return RB_NEXT(idle_tree, NULL, conn);
}

void idle_move_to_remove(struct idle_conn *conn)
{
    idle_unlink(conn);
    idle_link(conn, IDLE_IN_REMOVE);
}

bool idle_is_wanted(const struct server *server)
{
    int state = atom_load(&server->state);

    return state != SERVER_MAINT && state != SERVER_GONE && !rt_is_stopping(server->set->rt);
}
