#include "core/proxy/session.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/hook.h"
#include "core/mux/protocols.h"
#include "core/net/accept.h"
#include "core/net/conn.h"
#include "core/net/listener.h"
#include "core/proxy/exchange.h"
#include "core/proxy/proxy.h"
#include "core/rt/rt.h"

/* RFC 9113 3.4 */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/* --- the end --- */

static void free_session(struct session *session)
{
    struct proxy *proxy = session->proxy;

    BUG_ON(!list_is_empty(&session->exchanges));
    list_unlink(&session->link);
    proxy->workers[session->worker].sessions_count--;
    pool_give(&proxy->sessions, session);
    rt_job_end(proxy->rt);
}

/* The client has gone, or was told everything. */
static void be_over(struct session *session)
{
    struct proxy *proxy = session->proxy;
    struct list *link;

    session->is_over = true;
    session->front = NULL;
    idle_session_end(&session->idle, proxy->rt);
    LIST_EACH(link, &session->exchanges)
    {
        struct exchange *exchange = LIST_ENTRY(link, struct exchange, link);
        exchange->front.mux = NULL;
        exchange_wake(exchange);
    }
    /* The connection was a job; its exchanges go on being one. */
    rt_job_begin(proxy->rt);
    accept_conn_end(session->conn, session->worker);
    session->conn = NULL;
}

void session_exchange_ended(struct session *session)
{
    BUG_ON(session->exchanges_count == 0);
    session->exchanges_count--;
    if (session->is_over && session->exchanges_count == 0)
        free_session(session);
}

void session_end(struct mux *front)
{
    struct session *session = front->user;

    be_over(session);
    if (session->exchanges_count == 0)
        free_session(session);
}

struct stream *session_begin(struct mux *front, struct http_head *head)
{
    return exchange_begin(front->user, head);
}

/* --- which protocol --- */

static int make_front(struct session *session, bool is_h2, struct buf *first)
{
    struct mux_env *env = &session->proxy->env;
    int result;

    if (is_h2)
        result = mux_h2_front_new(env, session->conn, first, session, &session->front);
    else
        result = mux_h1_front_new(env, session->conn, first, session, &session->front);
    if (result == 0 && rt_is_stopping(env->rt))
        session_stop(session);
    return result;
}

/* Tasklet and task; what was received is the mux's, or goes back. */
static void fini_choice(struct session *session)
{
    struct session_choice *choice = &session->choice;
    struct buffers *buffers = &session->proxy->env.buffers;

    buffer_wait_cancel(buffers, &choice->wait);
    buffer_give(buffers, BUFFER_UP_IN, &choice->first);
    if (choice->task != NULL)
        task_destroy(choice->task);
    if (choice->tasklet != NULL)
        tasklet_free(choice->tasklet);
    choice->task = NULL;
    choice->tasklet = NULL;
}

/* Without a mux. */
static void give_up(struct session *session)
{
    MARK("session.no_protocol");
    fini_choice(session);
    be_over(session);
    free_session(session);
}

enum choice_result { CHOICE_WAIT, CHOICE_H1, CHOICE_H2, CHOICE_GONE };

/* A few bytes tell: no request of HTTP/1 begins like the preface. */
static enum choice_result look_at_preface(struct session *session)
{
    struct session_choice *choice = &session->choice;
    struct conn *conn = session->conn;
    size_t len;

    if (choice->first.area == NULL && !buffer_take(&session->proxy->env.buffers, BUFFER_UP_IN,
                                                   &choice->first, &choice->wait, choice->tasklet))
        return CHOICE_WAIT;
    (void)conn_recv(conn, &choice->first);
    len = buf_len(&choice->first);
    if (len > sizeof(preface) - 1)
        len = sizeof(preface) - 1;
    if (memcmp(choice->first.area, preface, len) != 0)
        return CHOICE_H1;
    if (len == sizeof(preface) - 1)
        return CHOICE_H2;
    if (conn_has(conn, CONN_READ_END | CONN_FAILED))
        return len > 0 ? CHOICE_H1 : CHOICE_GONE;
    if (len == 0) /* storage is for those who have something to keep */
        buffer_give(&session->proxy->env.buffers, BUFFER_UP_IN, &choice->first);
    conn_wait_recv(conn);
    return CHOICE_WAIT;
}

static enum choice_result choose(struct session *session)
{
    const struct config_listen *listen = &session->proxy->config->listens[session->listen_index];
    struct conn *conn = session->conn;

    if (conn_has(conn, CONN_FAILED))
        return CHOICE_GONE;
    if (conn_has(conn, CONN_CONNECTING)) {
        conn_wait_send(conn);
        return CHOICE_WAIT;
    }
    if (listen->kind == CONFIG_LISTEN_H2)
        return CHOICE_H2;
    if (listen->kind == CONFIG_LISTEN_AUTO && conn_has(conn, CONN_TLS))
        return conn_alpn(conn) == CONN_ALPN_H2 ? CHOICE_H2 : CHOICE_H1;
    if (listen->kind == CONFIG_LISTEN_AUTO)
        return look_at_preface(session);
    return CHOICE_H1;
}

static struct tasklet *process_choice(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct session *session = ctx;
    struct session_choice *choice = &session->choice;
    enum choice_result result = choose(session);

    if (result == CHOICE_WAIT && (state & TASK_WOKEN_TIMER) == 0)
        return tasklet;
    bool is_chosen = result == CHOICE_H1 || result == CHOICE_H2;
    struct buf *first = choice->first.area != NULL ? &choice->first : NULL;
    if (is_chosen && make_front(session, result == CHOICE_H2, first) == 0) {
        memset(&choice->first, 0, sizeof(choice->first));
        fini_choice(session);
    } else {
        give_up(session);
    }
    return NULL;
}

static struct task *process_choice_date(struct task *task, void *ctx, uint32_t state)
{
    struct session *session = ctx;

    (void)state;
    if (task_expire(task) > worker_now_ns())
        return task;
    task_set_expire(task, TIME_NEVER);
    MARK("session.choice_late");
    tasklet_wakeup_why(session->choice.tasklet, TASK_WOKEN_TIMER);
    return task;
}

static int start_tls(struct session *session)
{
    struct tls_context *context = session->proxy->listen_tls[session->listen_index];

    return context != NULL ? conn_start_tls(session->conn, context, NULL) : 0;
}

static int begin_choice(struct session *session)
{
    struct session_choice *choice = &session->choice;
    struct proxy *proxy = session->proxy;
    int result = -ERR_MEMORY;

    choice->tasklet = tasklet_new_on(proxy->rt, session->worker, process_choice, session);
    choice->task = task_new_on(proxy->rt, session->worker, process_choice_date, session);
    if (choice->tasklet == NULL || choice->task == NULL)
        goto fini_choice;
    result = conn_attach(session->conn, choice->tasklet);
    if (result == 0)
        result = start_tls(session);
    if (result != 0)
        goto fini_choice;
    task_set_expire(choice->task, worker_now_ns() + proxy->config->timeout.request_ns);
    task_queue(choice->task);
    tasklet_wakeup(choice->tasklet);
    return 0;

fini_choice:
    fini_choice(session);
    return result;
}

/* --- life --- */

static int begin(struct session *session)
{
    const struct config_listen *listen = &session->proxy->config->listens[session->listen_index];

    if (listen->certificate[0] != '\0' || listen->kind == CONFIG_LISTEN_AUTO)
        return begin_choice(session);
    return make_front(session, listen->kind == CONFIG_LISTEN_H2, NULL);
}

int session_start(struct proxy *proxy, struct conn *conn)
{
    struct proxy_worker *worker = &proxy->workers[worker_id()];
    struct session *session = pool_take_zero(&proxy->sessions);

    if (session == NULL)
        return -ERR_MEMORY;
    session->proxy = proxy;
    session->worker = worker_id();
    session->listen_index = conn->listener->index;
    session->conn = conn;
    (void)addr_print(&conn->peer, session->client);
    list_init(&session->exchanges);
    idle_session_init(&session->idle);
    HOOK_NAME(session, "session", "session");
    list_push_tail(&worker->sessions, &session->link);
    worker->sessions_count++;
    int result = begin(session);
    if (result != 0) {
        list_unlink(&session->link);
        worker->sessions_count--;
        pool_give(&proxy->sessions, session);
    }
    return result;
}

void session_stop(struct session *session)
{
    if (session->front != NULL)
        session->front->ops->stop(session->front);
}

void session_kill(struct session *session)
{
    unsigned count = session->exchanges_count;

    MARK("session.killed");
    if (session->conn != NULL && count > 0)
        conn_set_reset(session->conn); /* what it got is not all */
    if (session->front != NULL)
        session->front->ops->destroy(session->front); /* frees it, if it has no exchange */
    else if (!session->is_over)
        give_up(session);
    /* The last one frees it. */
    for (; count > 0; count--)
        exchange_kill(LIST_ENTRY(session->exchanges.next, struct exchange, link));
}

void session_check(const struct session *session)
{
    const struct list *link;
    unsigned count = 0;

    LIST_EACH(link, &session->exchanges)
    {
        const struct exchange *exchange = LIST_ENTRY(link, const struct exchange, link);
        BUG_ON(exchange->session != session);
        exchange_check(exchange);
        count++;
    }
    BUG_ON(count != session->exchanges_count);
    BUG_ON(session->is_over);
    BUG_ON((session->front != NULL) == (session->choice.tasklet != NULL));
    if (session->front != NULL)
        mux_check(session->front, true);
    else
        conn_check(session->conn);
}
