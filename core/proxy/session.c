#include "core/proxy/session.h"

#include "core/base/err.h"
#include "core/net/accept.h"
#include "core/net/conn.h"
#include "core/proxy/proxy.h"
#include "core/proxy/request.h"
#include "core/proxy/response.h"
#include "core/rt/rt.h"

enum {
    WOKEN_CLIENT_LATE = TASK_F_UEVT1,
    WOKEN_SERVER_LATE = TASK_F_UEVT2,
};

/* --- states --- */

static const struct {
    const char *name;
    unsigned next;
} states[] = {
#define SESSION_ROW(name, next) {#name, next},
    SESSION_STATES(SESSION_ROW)
#undef SESSION_ROW
};

const char *session_state_name(enum session_state state)
{
    return (unsigned)state < ARRAY_LEN(states) ? states[state].name : "?";
}

void session_move(struct session *session, enum session_state to)
{
    BUG_ON((states[session->state].next >> to & 1) == 0);
    session->state = to;
}

void session_drop_server(struct session *session, bool is_reset)
{
    if (session->server == NULL)
        return;
    if (is_reset)
        conn_set_reset(session->server);
    conn_free(session->server);
    session->server = NULL;
}

void session_abort(struct session *session)
{
    session_drop_server(session, true);
    conn_set_reset(session->client);
    session_move(session, SESSION_CLOSED);
}

void session_answer(struct session *session, unsigned status)
{
    struct h1_out out = {session->answer_text, sizeof(session->answer_text), 0, false};
    bool is_to_head = session->request.method == H1_METHOD_HEAD;

    /* An interim response may have been sent in part: nothing can follow but the rest of it. */
    if (session->is_response_begun || !flow_is_flushed(&session->down)) {
        session_abort(session);
        return;
    }
    MARK("session.answer");
    session_drop_server(session, true);
    h1_put_error(&out, status, false, is_to_head);
    BUG_ON(out.is_overflow);
    buf_init(&session->answer, session->answer_text, sizeof(session->answer_text));
    buf_fill(&session->answer, out.len);
    session_move(session, SESSION_ANSWER);
}

void session_finish(struct session *session)
{
    /* RFC 9112 9.6: closing on unread bytes resets, and a reset can overtake the response. */
    bool is_all_read = buf_is_empty(&session->up.in) &&
                       (!session->up.has_body || h1_body_is_done(&session->up.body));

    if (session->state == SESSION_REQUEST || conn_has(session->client, CONN_READ_END) ||
        (is_all_read && session->state == SESSION_RELAY)) {
        session_move(session, SESSION_CLOSED);
        return;
    }
    conn_shutdown(session->client);
    session_move(session, SESSION_LINGER);
}

/* --- our own answer, and the end --- */

static bool send_answer(struct session *session)
{
    struct buf_span span = buf_data_span(&session->answer);
    size_t sent = conn_send(session->client, &span, 1);

    buf_skip(&session->answer, sent);
    session->has_client_progress |= sent > 0;
    if (conn_has(session->client, CONN_WRITE_END | CONN_FAILED))
        session_move(session, SESSION_CLOSED);
    else if (buf_is_empty(&session->answer))
        session_finish(session);
    else
        return sent > 0;
    return true;
}

/* Reads and forgets until the client closes too, or the timer says that it had long enough. */
static bool linger(struct session *session)
{
    buf_reset(&session->up.in);
    session->up.pass_bytes = 0;
    bool has_moved = flow_recv(&session->up, session->client);
    if (conn_has(session->client, CONN_READ_END | CONN_FAILED)) {
        session_move(session, SESSION_CLOSED);
        return true;
    }
    return has_moved;
}

/* --- timers --- */

static void wake_late(struct session *session, struct session_timer *timer, uint32_t why)
{
    if (task_expire(timer->task) > worker_now_ns())
        return; /* moved meanwhile: the scheduler files it again */
    task_set_expire(timer->task, TIME_NEVER);
    timer->is_armed = false;
    tasklet_wakeup_why(session->tasklet, why);
}

static struct task *process_client_timer(struct task *task, void *ctx, uint32_t state)
{
    struct session *session = ctx;

    (void)state;
    wake_late(session, &session->client_timer, WOKEN_CLIENT_LATE);
    return task;
}

static struct task *process_server_timer(struct task *task, void *ctx, uint32_t state)
{
    struct session *session = ctx;

    (void)state;
    wake_late(session, &session->server_timer, WOKEN_SERVER_LATE);
    return task;
}

/* `delay_ns` from now, or never. */
static void arm(struct session_timer *timer, uint64_t delay_ns)
{
    timer->is_armed = true;
    task_set_expire(timer->task, worker_now_ns() + delay_ns);
    task_queue(timer->task);
}

static void disarm(struct session_timer *timer)
{
    if (!timer->is_armed)
        return;
    timer->is_armed = false;
    task_set_expire(timer->task, TIME_NEVER);
}

/* Waiting with a bound on silence: each progress begins it anew. */
static void arm_while(struct session_timer *timer, bool is_awaited, bool has_progress,
                      uint64_t delay_ns)
{
    if (!is_awaited)
        disarm(timer);
    else if (has_progress || !timer->is_armed)
        arm(timer, delay_ns);
}

/* What the client is waited for depends on the state, and how long. `is_entered`: a new state, or
 * the first byte of a request. */
static void arm_timers(struct session *session, bool is_entered)
{
    const struct config *config = &session->proxy->config;
    bool has_down = !flow_is_flushed(&session->down);
    bool has_up = !flow_is_flushed(&session->up) && !session->up.is_sink_gone;

    switch (session->state) {
    case SESSION_REQUEST:
        disarm(&session->server_timer);
        if (is_entered)
            arm(&session->client_timer, session->is_request_begun ? config->timeout.request_ns
                                                                  : config->timeout.keep_alive_ns);
        break;
    case SESSION_CONNECT:
        if (is_entered)
            arm(&session->server_timer, config->timeout.connect_ns);
        disarm(&session->client_timer); /* whatever it does, it has to wait for the server */
        break;
    case SESSION_RELAY:
        arm_while(&session->client_timer, has_down || request_awaits_client(session),
                  session->has_client_progress || is_entered, config->timeout.client_ns);
        arm_while(&session->server_timer,
                  has_up || (response_awaits_server(session) && !request_awaits_client(session)),
                  session->has_server_progress || is_entered, config->timeout.server_ns);
        break;
    case SESSION_ANSWER:
        disarm(&session->server_timer);
        arm_while(&session->client_timer, true, session->has_client_progress || is_entered,
                  config->timeout.client_ns);
        break;
    case SESSION_LINGER:
        disarm(&session->server_timer);
        if (is_entered)
            arm(&session->client_timer, SESSION_LINGER_NS);
        break;
    case SESSION_CLOSED:
        break;
    }
}

static void handle_client_late(struct session *session)
{
    switch (session->state) {
    case SESSION_REQUEST:
        MARK("session.client_late");
        if (request_is_idle(session))
            session_move(session, SESSION_CLOSED);
        else
            session_answer(session, 408);
        break;
    case SESSION_CONNECT:
    case SESSION_RELAY:
        MARK("session.client_late");
        session_answer(session, 408);
        break;
    case SESSION_ANSWER:
    case SESSION_LINGER:
        session_move(session, SESSION_CLOSED);
        break;
    case SESSION_CLOSED:
        break;
    }
}

static void handle_server_late(struct session *session)
{
    MARK("session.server_late");
    if (session->state == SESSION_CONNECT)
        session_answer(session, 503);
    else if (session->state == SESSION_RELAY)
        session_answer(session, 504);
}

/* --- a turn --- */

static bool pump(struct session *session)
{
    bool has_moved = false;

    switch (session->state) {
    case SESSION_REQUEST:
        return request_read_head(session);
    case SESSION_CONNECT:
        return request_connect(session);
    case SESSION_RELAY:
        has_moved = request_relay(session);
        if (session->state == SESSION_RELAY)
            has_moved |= response_relay(session);
        return has_moved;
    case SESSION_ANSWER:
        return send_answer(session);
    case SESSION_LINGER:
        return linger(session);
    case SESSION_CLOSED:
        return false;
    }
    return false;
}

/* Asks to be woken for what could let it go on. */
static void wait_for_more(struct session *session)
{
    struct conn *client = session->client;
    struct conn *server = session->server;

    if (session->state != SESSION_ANSWER && !buf_is_full(&session->up.in))
        conn_wait_recv(client);
    if (session->state == SESSION_ANSWER || !flow_is_flushed(&session->down))
        conn_wait_send(client);
    if (session->state == SESSION_CONNECT)
        conn_wait_send(server);
    if (session->state != SESSION_RELAY)
        return;
    if (response_awaits_server(session))
        conn_wait_recv(server);
    if (!flow_is_flushed(&session->up) && !session->up.is_sink_gone)
        conn_wait_send(server);
}

static void end(struct session *session)
{
    struct proxy *proxy = session->proxy;
    struct conn *client = session->client;
    int worker = session->worker;

    session_drop_server(session, false);
    flow_fini(&session->up);
    flow_fini(&session->down);
    list_unlink(&session->link);
    proxy->workers[worker].sessions_count--;
    pool_give(&proxy->sessions, session);
    accept_conn_end(client, worker);
}

static struct tasklet *process(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct session *session = ctx;
    enum session_state entered_state = session->state;
    uint32_t entered_count = session->requests_count;
    bool was_begun = session->is_request_begun;
    bool has_moved = true;

    session->has_client_progress = false;
    session->has_server_progress = false;
    if ((state & WOKEN_CLIENT_LATE) != 0 && !session->client_timer.is_armed)
        handle_client_late(session);
    if ((state & WOKEN_SERVER_LATE) != 0 && !session->server_timer.is_armed)
        handle_server_late(session);
    for (int i = 0; i < SESSION_ROUNDS_MAX && has_moved; i++)
        has_moved = pump(session);
    if (session->state == SESSION_CLOSED) {
        task_destroy(session->client_timer.task);
        task_destroy(session->server_timer.task);
        tasklet_free(tasklet);
        end(session);
        return NULL;
    }
    arm_timers(session, session->state != entered_state ||
                            session->requests_count != entered_count ||
                            session->is_request_begun != was_begun);
    if (has_moved) {
        MARK("session.rounds_max");
        tasklet_wakeup(tasklet); /* there is more; but others have waited */
    } else {
        wait_for_more(session);
    }
    return tasklet;
}

/* --- life --- */

int session_start(struct proxy *proxy, struct conn *client)
{
    struct proxy_worker *worker = &proxy->workers[worker_id()];
    struct session *session = pool_take_zero(&proxy->sessions);
    int result = -ERR_MEMORY;

    if (session == NULL)
        return -ERR_MEMORY;
    session->proxy = proxy;
    session->worker = worker_id();
    session->client = client;
    session->state = SESSION_REQUEST;
    flow_init(&session->up, &proxy->buffers);
    flow_init(&session->down, &proxy->buffers);
    session->tasklet = tasklet_new_on(proxy->rt, session->worker, process, session);
    if (session->tasklet == NULL)
        goto give_session;
    session->client_timer.task =
        task_new_on(proxy->rt, session->worker, process_client_timer, session);
    if (session->client_timer.task == NULL)
        goto free_tasklet;
    session->server_timer.task =
        task_new_on(proxy->rt, session->worker, process_server_timer, session);
    if (session->server_timer.task == NULL)
        goto destroy_client_timer;
    if (!flow_open(&session->up))
        goto destroy_server_timer;
    result = conn_attach(client, session->tasklet);
    if (result != 0)
        goto fini_flow;
    HOOK_NAME(session, "session", "session");
    request_reset(session);
    list_push_tail(&worker->sessions, &session->link);
    worker->sessions_count++;
    arm_timers(session, true);
    tasklet_wakeup(session->tasklet);
    return 0;

fini_flow:
    flow_fini(&session->up);
destroy_server_timer:
    task_destroy(session->server_timer.task);
destroy_client_timer:
    task_destroy(session->client_timer.task);
free_tasklet:
    tasklet_free(session->tasklet);
give_session:
    pool_give(&proxy->sessions, session);
    return result;
}

void session_wake(struct session *session)
{
    tasklet_wakeup(session->tasklet);
}

void session_kill(struct session *session)
{
    MARK("session.killed");
    task_set_ctx(session->client_timer.task, NULL);
    task_kill(session->client_timer.task);
    task_set_ctx(session->server_timer.task, NULL);
    task_kill(session->server_timer.task);
    tasklet_set_ctx(session->tasklet, NULL);
    tasklet_kill(session->tasklet);
    end(session);
}

void session_check(const struct session *session, bool is_quiet)
{
    enum session_state state = session->state;
    bool has_server = state == SESSION_CONNECT || state == SESSION_RELAY;

    if (!is_quiet)
        return;
    conn_check(session->client);
    flow_check(&session->up);
    flow_check(&session->down);
    BUG_ON(state == SESSION_CLOSED);
    BUG_ON((session->server != NULL) != has_server);
    if (has_server)
        conn_check(session->server);
    /* Everybody sleeps: a date or a readiness must be awaited, or it sleeps for ever. */
    BUG_ON(!session->client_timer.is_armed && !session->server_timer.is_armed);
    BUG_ON(state == SESSION_ANSWER && !conn_has(session->client, CONN_WAIT_SEND));
    BUG_ON(!flow_is_flushed(&session->down) && !conn_has(session->client, CONN_WAIT_SEND));
}
