#include "core/proxy/exchange.h"

#include <string.h>

#include "core/base/atomic.h"
#include "core/base/hook.h"
#include "core/proxy/answer.h"
#include "core/proxy/connect.h"
#include "core/proxy/control.h"
#include "core/proxy/proxy.h"
#include "core/proxy/session.h"
#include "core/rt/task.h"
#include "core/rt/worker.h"

/* --- states --- */

static const struct {
    const char *name;
    unsigned next;
} states[] = {
#define EXCHANGE_ROW(name, next) {#name, next},
    EXCHANGE_STATES(EXCHANGE_ROW)
#undef EXCHANGE_ROW
};

const char *exchange_state_name(enum exchange_state state)
{
    return (unsigned)state < ARRAY_LEN(states) ? states[state].name : "?";
}

void exchange_move(struct exchange *exchange, enum exchange_state to)
{
    BUG_ON((states[exchange->state].next >> to & 1) == 0);
    exchange->state = to;
    exchange->entered_ns = worker_now_ns();
}

void exchange_drop_back(struct exchange *exchange)
{
    if (exchange->back.mux != NULL)
        exchange->back.mux->ops->detach(&exchange->back);
    exchange->back.mux = NULL;
    exchange->up.reader = NULL;
    exchange->down.writer = NULL;
    backend_done(&exchange->ticket);
}

/* --- states, one by one --- */

/* The longest prefix wins; without one the first backend. */
static uint32_t find_backend(const struct exchange *exchange)
{
    const struct config *config = exchange->proxy->config;
    const struct http_head *head = exchange->up.head;
    const char *path = http_head_text(head, head->path);
    uint32_t found = 0;
    size_t found_len = 0;

    for (uint32_t i = 0; i < config->routes_count; i++) {
        const struct config_route *route = &config->routes[i];
        size_t len = strlen(route->prefix);
        if (route->listen_index == exchange->session->listen_index && len > found_len &&
            len <= head->path.len && memcmp(path, route->prefix, len) == 0) {
            found = route->backend_index;
            found_len = len;
        }
    }
    return found;
}

static void route(struct exchange *exchange)
{
    const struct config *config = exchange->proxy->config;

    if (config->listens[exchange->session->listen_index].kind == CONFIG_LISTEN_CONTROL) {
        control_begin(exchange);
        return;
    }
    /* Once: a request that is sent again stays with its backend. */
    if (exchange->backend == NULL) {
        exchange->backend_index = find_backend(exchange);
        exchange->backend = exchange->proxy->backends[exchange->backend_index];
    }
    connect_want_slot(exchange);
}

static void leave_queue_if_served(struct exchange *exchange)
{
    /* pair: ticket.server. */
    if (atom_load_acquire(&exchange->ticket.server) != NULL)
        exchange_move(exchange, EXCHANGE_CONNECT);
}

static void relay(struct exchange *exchange)
{
    if (channel_has(&exchange->down, CHANNEL_END)) {
        /* Whole: the server is through with it, and others may have its slot. What is left of the
         * request nobody will read. */
        exchange_drop_back(exchange);
        channel_close(&exchange->up);
        exchange_move(exchange, EXCHANGE_LAST);
    } else if (exchange->back.error != STREAM_ERROR_NONE) {
        connect_failed(exchange);
    }
}

/* The client broke what it began to send: there is nobody to send the rest to. */
static void request_broken(struct exchange *exchange)
{
    MARK("exchange.request_broken");
    if (exchange->status != 0)
        exchange_move(exchange, EXCHANGE_DONE);
    else
        answer_begin(exchange, 400);
}

static void step(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_DONE)
        return; /* its time was up, and perhaps the client has gone as well */
    if (exchange->front.error != STREAM_ERROR_NONE || exchange->session->is_over) {
        exchange_move(exchange, EXCHANGE_DONE);
        return;
    }
    if (channel_has(&exchange->up, CHANNEL_BROKEN) && exchange->state < EXCHANGE_ANSWER) {
        request_broken(exchange);
        return;
    }
    switch (exchange->state) {
    case EXCHANGE_ROUTE:
        route(exchange);
        break;
    case EXCHANGE_QUEUE:
        leave_queue_if_served(exchange);
        break;
    case EXCHANGE_CONNECT:
        connect_begin(exchange);
        break;
    case EXCHANGE_RELAY:
        relay(exchange);
        break;
    case EXCHANGE_ANSWER:
        answer_continue(exchange);
        break;
    case EXCHANGE_LAST:
        if (exchange->front.is_sent)
            exchange_move(exchange, EXCHANGE_DONE);
        break;
    case EXCHANGE_DONE:
        break;
    }
}

/* --- time --- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Is it the client that could let it go on: it has not read what there is, or not sent all? */
static bool awaits_client(const struct exchange *exchange)
{
    const struct channel *up = &exchange->up;

    return !channel_is_empty(&exchange->down) ||
           (exchange->state == EXCHANGE_RELAY &&
            !channel_has(up, CHANNEL_END | CHANNEL_BROKEN | CHANNEL_CLOSED) &&
            channel_is_empty(up));
}

/* Or the server? It does not take what there is, or has everything and says nothing. */
static bool awaits_server(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_RELAY &&
           (!channel_is_empty(&exchange->up) ||
            (!awaits_client(exchange) && !channel_has(&exchange->down, CHANNEL_END)));
}

/* Since when nothing has moved. */
static uint64_t silent_since_ns(const struct exchange *exchange)
{
    return later(exchange->entered_ns, later(exchange->up.progress_ns, exchange->down.progress_ns));
}

static uint64_t client_due_ns(const struct exchange *exchange)
{
    return awaits_client(exchange)
               ? silent_since_ns(exchange) + exchange->proxy->config->timeout.client_ns
               : TIME_NEVER;
}

static uint64_t server_due_ns(const struct exchange *exchange)
{
    return awaits_server(exchange)
               ? silent_since_ns(exchange) + exchange->proxy->config->timeout.server_ns
               : TIME_NEVER;
}

static uint64_t queue_due_ns(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_QUEUE
               ? exchange->entered_ns + exchange->proxy->config->timeout.queue_ns
               : TIME_NEVER;
}

static void be_late(struct exchange *exchange, unsigned status)
{
    if (exchange->status != 0 || exchange->state >= EXCHANGE_ANSWER)
        exchange_move(exchange, EXCHANGE_DONE);
    else
        answer_begin(exchange, status);
}

static void look_at_clock(struct exchange *exchange)
{
    uint64_t now_ns = worker_now_ns();

    if (queue_due_ns(exchange) <= now_ns) {
        MARK("exchange.queued_too_long");
        be_late(exchange, 503);
    } else if (server_due_ns(exchange) <= now_ns) {
        MARK("exchange.server_late");
        server_observe(atom_load(&exchange->ticket.server), false);
        be_late(exchange, 504);
    } else if (client_due_ns(exchange) <= now_ns) {
        MARK("exchange.client_late");
        be_late(exchange, 408);
    }
}

/* A date that only moves later is looked at when the old one has come. */
static void arm(struct exchange *exchange)
{
    uint64_t due_ns = queue_due_ns(exchange);
    uint64_t server_ns = server_due_ns(exchange);
    uint64_t client_ns = client_due_ns(exchange);

    if (server_ns < due_ns)
        due_ns = server_ns;
    if (client_ns < due_ns)
        due_ns = client_ns;
    if (due_ns >= exchange->armed_ns)
        return;
    exchange->armed_ns = due_ns;
    task_set_expire(exchange->task, due_ns);
    task_queue(exchange->task);
}

static struct task *process_date(struct task *task, void *ctx, uint32_t state)
{
    struct exchange *exchange = ctx;

    (void)state;
    if (exchange == NULL || task_expire(task) > worker_now_ns())
        return task;
    task_set_expire(task, TIME_NEVER);
    exchange->armed_ns = TIME_NEVER;
    tasklet_wakeup_why(exchange->tasklet, TASK_WOKEN_TIMER);
    return task;
}

/* --- life --- */

static void end(struct exchange *exchange)
{
    struct proxy *proxy = exchange->proxy;
    struct session *session = exchange->session;

    exchange_drop_back(exchange);
    control_cancel(exchange);
    /* After it the front mux may be gone. */
    if (exchange->front.mux != NULL)
        exchange->front.mux->ops->detach(&exchange->front);
    channel_fini(&exchange->up);
    channel_fini(&exchange->down);
    pool_give(&proxy->env.heads, exchange->kept);
    task_destroy(exchange->task);
    tasklet_free(exchange->tasklet);
    list_unlink(&exchange->link);
    pool_give(&proxy->exchanges, exchange);
    session_exchange_ended(session);
}

static struct tasklet *process(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct exchange *exchange = ctx;
    enum exchange_state before;

    if ((state & TASK_WOKEN_TIMER) != 0)
        look_at_clock(exchange);
    do {
        before = exchange->state;
        step(exchange);
    } while (exchange->state != before && exchange->state != EXCHANGE_DONE);
    if (exchange->state == EXCHANGE_DONE) {
        end(exchange);
        return NULL;
    }
    arm(exchange);
    return tasklet;
}

static void init_streams(struct exchange *exchange)
{
    struct mux_env *env = &exchange->proxy->env;

    channel_init(&exchange->up, &env->buffers, BUFFER_UP_DATA, &env->heads, exchange->tasklet);
    channel_init(&exchange->down, &env->buffers, BUFFER_DOWN_DATA, &env->heads, exchange->tasklet);
    exchange->down.on_head = connect_see_head;
    exchange->up.writer = &exchange->front;
    exchange->down.reader = &exchange->front;
    exchange->front.recv = &exchange->up;
    exchange->front.send = &exchange->down;
    exchange->front.user = exchange->tasklet;
    list_init(&exchange->front.ready);
    list_init(&exchange->back.ready);
}

/* For applications that ask who it is; where there is no room they are not told. */
static void note_client(const struct session *session, struct http_head *head)
{
    if (!http_head_set(head, &head->client, session->client, strlen(session->client)))
        MARK("exchange.client_not_noted");
}

struct stream *exchange_begin(struct session *session, struct http_head *head)
{
    struct proxy *proxy = session->proxy;
    struct exchange *exchange = pool_take_zero(&proxy->exchanges);

    if (exchange == NULL)
        return NULL;
    exchange->tasklet = tasklet_new_on(proxy->rt, session->worker, process, exchange);
    if (exchange->tasklet == NULL)
        goto give_exchange;
    exchange->task = task_new_on(proxy->rt, session->worker, process_date, exchange);
    if (exchange->task == NULL)
        goto free_tasklet;
    HOOK_NAME(exchange, "exchange", "exchange");
    task_set_expire(exchange->task, TIME_NEVER);
    exchange->armed_ns = TIME_NEVER;
    exchange->proxy = proxy;
    exchange->session = session;
    exchange->state = EXCHANGE_ROUTE;
    exchange->entered_ns = worker_now_ns();
    exchange->is_first = session->requests_count == 0;
    exchange->is_head = head->method == HTTP_METHOD_HEAD;
    list_init(&exchange->answer.removal);
    init_streams(exchange);
    session->requests_count++;
    session->exchanges_count++;
    list_push_tail(&session->exchanges, &exchange->link);
    note_client(session, head);
    channel_put_head(&exchange->up, head); /* wakes us */
    return &exchange->front;

free_tasklet:
    tasklet_free(exchange->tasklet);
give_exchange:
    pool_give(&proxy->exchanges, exchange);
    return NULL;
}

void exchange_wake(struct exchange *exchange)
{
    tasklet_wakeup(exchange->tasklet);
}

void exchange_kill(struct exchange *exchange)
{
    MARK("exchange.killed");
    end(exchange);
}

void exchange_check(const struct exchange *exchange)
{
    bool has_slot = atomic_load_explicit(&exchange->ticket.server, memory_order_relaxed) != NULL;

    channel_check(&exchange->up);
    channel_check(&exchange->down);
    /* Everybody sleeps: something must be awaited, and its time be bounded. */
    BUG_ON(exchange->state == EXCHANGE_CONNECT || exchange->state == EXCHANGE_DONE);
    BUG_ON(exchange->state == EXCHANGE_ROUTE && !list_is_linked(&exchange->answer.removal));
    BUG_ON((exchange->back.mux != NULL) != (exchange->state == EXCHANGE_RELAY));
    BUG_ON(has_slot != (exchange->state == EXCHANGE_RELAY));
    BUG_ON(exchange->front.mux == NULL);
    BUG_ON(exchange->front.error != STREAM_ERROR_NONE);
    BUG_ON(exchange->state < EXCHANGE_ANSWER && exchange->armed_ns == TIME_NEVER);
}
