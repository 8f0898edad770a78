/*
 * core/server/idle_session.c - connections that are private to a client's session; see idle.h.
 *
 * Threads: the session's worker. Under its idle lock, as a server that leaves takes idle ones away.
 */
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/server/idle_list.h"
#include "core/server/server.h"

void idle_session_init(struct idle_session *session)
{
    list_init(&session->conns);
    session->idle_count = 0;
}

void idle_set_private(struct idle_conn *conn, struct idle_session *session)
{
    struct idle_worker *worker = idle_lock_own(conn->server->set->rt);

    BUG_ON(conn->worker != worker_id());
    BUG_ON(conn->counted != IDLE_COUNTED_USED);
    BUG_ON(conn->is_private && conn->session != session);
    if (conn->place == IDLE_IN_AVAIL)
        idle_unlink(conn);
    if (!conn->is_private) {
        conn->is_private = true;
        conn->session = session;
        list_push_tail(&session->conns, &conn->session_link);
    }
    idle_unlock(worker);
}

/* Those that were idle go to `out` by their age links: they are out of the session's list and can
 * be reached by nobody else. */
static void let_go(struct idle_session *session, struct list *out)
{
    struct list *link;

    while ((link = list_pop_head(&session->conns)) != NULL) {
        struct idle_conn *conn = LIST_ENTRY(link, struct idle_conn, session_link);

        if (conn->counted == IDLE_COUNTED_SESSION)
            idle_count_as(conn, IDLE_COUNTED_USED);
        if (!PLANT(C54)) {
            /* Whose end comes later must not find a session that is no more. */
            conn->session = NULL;
        }
        if (conn->place == IDLE_IN_SESSION) {
            idle_unlink(conn);
            list_push_tail(out, &conn->age);
        }
    }
}

void idle_session_end(struct idle_session *session, struct rt *rt)
{
    struct list *link, idle = LIST_INIT(idle);

    if (list_is_empty(&session->conns))
        return;
    struct idle_worker *worker = idle_lock_own(rt);
    let_go(session, &idle);
    BUG_ON(session->idle_count != 0);
    idle_unlock(worker);
    while ((link = list_pop_head(&idle)) != NULL) {
        struct idle_conn *conn = LIST_ENTRY(link, struct idle_conn, age);

        conn->ops->destroy(conn);
    }
}

/* Can it carry a request now? */
static bool is_free(const struct idle_conn *conn)
{
    return conn->place == IDLE_IN_SESSION ||
           (conn->place == IDLE_NOWHERE && conn->counted == IDLE_COUNTED_USED &&
            conn->ops->room(conn) > 0);
}

static struct idle_conn *find(const struct idle_session *session, const struct server *server,
                              uint64_t key)
{
    struct list *link;

    LIST_EACH(link, &session->conns)
    {
        struct idle_conn *conn = LIST_ENTRY(link, struct idle_conn, session_link);
        if (conn->server == server && conn->key == key && is_free(conn))
            return conn;
    }
    return NULL;
}

struct idle_conn *idle_get_session(struct idle_session *session, struct server *server,
                                   uint64_t key)
{
    /* Only the session's worker adds and takes out: an empty list needs no lock. */
    if (list_is_empty(&session->conns))
        return NULL;
    struct idle_worker *worker = idle_lock_own(server->set->rt);
    struct idle_conn *conn = find(session, server, key);
    if (conn != NULL && conn->place == IDLE_IN_SESSION) {
        idle_unlink(conn);
        idle_count_as(conn, IDLE_COUNTED_USED);
    }
    idle_unlock(worker);
    return conn;
}
