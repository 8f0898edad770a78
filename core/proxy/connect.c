#include "core/proxy/connect.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/base/hook.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"
#include "core/proxy/answer.h"
#include "core/proxy/exchange.h"
#include "core/proxy/proxy.h"
#include "core/proxy/session.h"
#include "core/rt/rt.h"

enum { EVICT_AT_ONCE = 4 };

static struct server *server_of(struct exchange *exchange)
{
    /* pair: ticket.server. */
    return atom_load_acquire(&exchange->ticket.server);
}

static const struct config_backend *config_of(const struct exchange *exchange)
{
    return &exchange->proxy->config->backends[exchange->backend_index];
}

/* --- a slot --- */

/* One that had a server before may have taken the reserve of what requests are kept in, which is
 * for those who have one. */
static void wait_for_slot(struct exchange *exchange)
{
    if (exchange->tries > 0 && channel_len(&exchange->up) > 0 &&
        buffers_are_short(exchange->up.buffers, BUFFER_UP_DATA)) {
        MARK("exchange.too_short_to_wait");
        answer_begin(exchange, 503);
        return;
    }
    exchange->was_queued = true;
    exchange->up.is_parked = true;
    exchange_move(exchange, EXCHANGE_QUEUE);
    /* What is in the way of others should leave it: see make_way() of the h2 mux. */
    if (!channel_has(&exchange->up, CHANNEL_END))
        stream_ready(exchange->up.writer);
}

void connect_want_slot(struct exchange *exchange)
{
    struct server *own = exchange->session->private_server;

    if (own != NULL && own->backend == exchange->backend && exchange->ticket.tried == 0 &&
        backend_want_server(own, &exchange->ticket)) {
        exchange_move(exchange, EXCHANGE_CONNECT);
        return;
    }
    switch (backend_want(exchange->backend, &exchange->ticket, exchange->tasklet)) {
    case BACKEND_GOT:
        exchange_move(exchange, EXCHANGE_CONNECT);
        break;
    case BACKEND_QUEUED:
        wait_for_slot(exchange);
        break;
    case BACKEND_FULL:
        MARK("exchange.queue_full");
        answer_begin(exchange, 503);
        break;
    case BACKEND_NONE:
        MARK("exchange.no_server");
        answer_begin(exchange, 503);
        break;
    }
}

/* --- a connection that is there --- */

static struct idle_conn *find_shared(struct exchange *exchange, struct server *server)
{
    enum server_reuse reuse = server->options.reuse;
    struct idle_want want = {.may_idle = reuse != SERVER_REUSE_AGGRESSIVE || !exchange->is_first};

    if (reuse == SERVER_REUSE_NEVER || (reuse == SERVER_REUSE_SAFE && exchange->is_first))
        return NULL;
    return idle_get(server, &want);
}

static struct idle_conn *find_conn(struct exchange *exchange, struct server *server)
{
    struct idle_conn *conn = idle_get_session(&exchange->session->idle, server, 0);

    return conn != NULL ? conn : find_shared(exchange, server);
}

/* --- a new one --- */

static int start_tls(struct exchange *exchange, struct conn *conn)
{
    struct tls_context *context = exchange->proxy->backend_tls[exchange->backend_index];
    const char *sni = config_of(exchange)->sni;

    if (context == NULL)
        return 0;
    return conn_start_tls(conn, context, sni[0] != '\0' ? sni : NULL);
}

static int make_mux(struct exchange *exchange, struct conn *conn, struct server *server,
                    struct mux **out)
{
    struct mux_env *env = &exchange->proxy->env;

    switch (config_of(exchange)->protocol) {
    case CONFIG_H1:
        return mux_h1_back_new(env, conn, server, out);
    case CONFIG_H2:
        return mux_h2_back_new(env, conn, server, out);
    case CONFIG_FCGI:
        return mux_fcgi_back_new(env, conn, server, out);
    }
    return -ERR_ARGUMENT;
}

/* Fds are scarce: those that nobody uses leave soon. */
static void make_room(struct proxy *proxy)
{
    MARK("exchange.evicts");
    for (uint32_t i = 0; i < proxy->config->backends_count; i++) {
        struct backend *backend = proxy->backends[i];
        struct server *servers[BACKEND_SERVERS_MAX];
        for (uint32_t k = 0; k < backend->servers_count; k++)
            servers[k] = &backend->servers[k];
        if (idle_evict_oldest(&proxy->idle, servers, backend->servers_count, EVICT_AT_ONCE) > 0)
            return;
    }
}

/* What we are short of ourselves is no server's fault. Another one may have an idle connection, or
 * want another local port. */
static int result_of_connect(int error)
{
    switch (error) {
    case ENOMEM:
    case ENOBUFS:
        return -ERR_MEMORY;
    case EMFILE:
    case ENFILE:
    case EADDRNOTAVAIL:
        return -ERR_CLOSED;
    default:
        return -ERR_SYSTEM;
    }
}

static int make_conn(struct exchange *exchange, struct server *server, struct mux **out)
{
    struct proxy *proxy = exchange->proxy;
    int error = 0;

    struct conn *conn = conn_connect(proxy->rt, &proxy->server_conns, &server->options.addr,
                                     exchange->tasklet, &error);
    if (conn == NULL) {
        MARK("exchange.connect_refused");
        if (error == EMFILE || error == ENFILE)
            make_room(proxy);
        return result_of_connect(error);
    }
    int result = start_tls(exchange, conn);
    if (result == 0)
        result = make_mux(exchange, conn, server, out);
    if (result != 0) {
        conn_free(conn);
        return result;
    }
    if (server->options.reuse == SERVER_REUSE_NEVER) {
        idle_set_private(&(*out)->idle, &exchange->session->idle);
        exchange->session->private_server = server;
    }
    atom_fetch_add(&proxy->env.connects, 1, memory_order_relaxed);
    return 0;
}

/* --- attaching --- */

/* The head goes into the channel for each try; a copy stays while there may be another. */
static int keep_head(struct exchange *exchange)
{
    struct http_head *head = exchange->up.head;

    if (exchange->kept != NULL || exchange->tries + 1 == EXCHANGE_TRIES_MAX)
        return 0;
    exchange->kept = pool_take(&exchange->proxy->env.heads);
    if (exchange->kept == NULL)
        return -ERR_MEMORY;
    http_head_copy(exchange->kept, head);
    return 0;
}

static void prepare_back(struct exchange *exchange)
{
    exchange->back.recv = &exchange->down;
    exchange->back.send = &exchange->up;
    exchange->back.user = exchange->tasklet;
    exchange->back.error = STREAM_ERROR_NONE;
    exchange->back.is_sent = false;
    exchange->up.reader = &exchange->back;
    exchange->down.writer = &exchange->back;
}

static int attach(struct exchange *exchange, struct mux *mux)
{
    prepare_back(exchange);
    int result = mux_attach(mux, &exchange->back);
    if (result == 0)
        return 0;
    exchange->back.mux = NULL;
    exchange->up.reader = NULL;
    exchange->down.writer = NULL;
    return result;
}

/* Over a connection that is there. False: there is none, or it cannot be used. */
static bool attach_reused(struct exchange *exchange, struct server *server)
{
    struct idle_conn *conn = find_conn(exchange, server);

    if (conn == NULL)
        return false;
    if (attach(exchange, mux_of_idle(conn)) == 0) {
        atom_fetch_add(&exchange->proxy->env.reuses, 1, memory_order_relaxed);
        return true;
    }
    MARK("exchange.reuse_failed");
    return false;
}

static int attach_new(struct exchange *exchange, struct server *server)
{
    struct mux *mux;
    int result = make_conn(exchange, server, &mux);

    if (result != 0)
        return result;
    result = attach(exchange, mux);
    if (result != 0)
        mux->ops->destroy(mux); /* nobody else knows it */
    return result;
}

/* Another server is there that has not failed this request. */
static bool may_try_elsewhere(const struct exchange *exchange)
{
    unsigned tried = (unsigned)__builtin_popcount(exchange->ticket.tried);

    return exchange->tries < EXCHANGE_TRIES_MAX && tried < exchange->backend->servers_count;
}

/* The server cannot be reached, or takes nothing new: another one, or the client is told. */
static void give_up_server(struct exchange *exchange)
{
    struct server *server = server_of(exchange);

    exchange->ticket.tried |= 1U << server->index;
    if (exchange->up.head != NULL && may_try_elsewhere(exchange)) {
        MARK("exchange.other_server");
        exchange_drop_back(exchange);
        exchange_move(exchange, EXCHANGE_ROUTE);
    } else {
        answer_begin(exchange, 503);
    }
}

static void fail_server(struct exchange *exchange)
{
    server_observe(server_of(exchange), false);
    give_up_server(exchange);
}

/* The client's side may have waited for storage behind others that have a server. */
static void begin_relay(struct exchange *exchange)
{
    exchange_move(exchange, EXCHANGE_RELAY);
    if (!channel_has(&exchange->up, CHANNEL_END) || exchange->was_queued)
        stream_ready(exchange->up.writer);
}

void connect_begin(struct exchange *exchange)
{
    struct server *server = server_of(exchange);
    int result = keep_head(exchange);

    exchange->up.is_parked = false;
    exchange->tries++;
    if (result == 0) {
        exchange->has_reused = !exchange->has_failed_reuse && attach_reused(exchange, server);
        if (!exchange->has_reused)
            result = attach_new(exchange, server);
    }
    if (result == 0)
        begin_relay(exchange);
    else if (result == -ERR_CLOSED)
        give_up_server(exchange);
    else if (result == -ERR_SYSTEM)
        fail_server(exchange);
    else
        answer_begin(exchange, 503);
}

/* --- failures --- */

/* Is everything there to send it again? What the server took of the body is gone. */
static bool may_repeat(const struct exchange *exchange)
{
    bool has_head = exchange->up.head != NULL || exchange->kept != NULL;

    return has_head && exchange->up.moved_bytes == 0 && exchange->status == 0 &&
           !channel_has(&exchange->up, CHANNEL_CLOSED) && exchange->tries < EXCHANGE_TRIES_MAX;
}

/* The head is in the channel again, as if it had never been taken. */
static void put_head_back(struct exchange *exchange)
{
    if (exchange->up.head != NULL)
        return;
    exchange->up.head = exchange->kept;
    exchange->kept = NULL;
}

static unsigned status_of(enum stream_error error)
{
    switch (error) {
    case STREAM_ERROR_TIMEOUT:
        return 504;
    case STREAM_ERROR_RESET:
    case STREAM_ERROR_PROTOCOL:
    case STREAM_ERROR_TOO_LONG:
        return 502;
    case STREAM_ERROR_NONE:
    case STREAM_ERROR_REFUSED:
    case STREAM_ERROR_CONNECT:
    case STREAM_ERROR_MEMORY:
        break;
    }
    return 503;
}

static bool is_servers_fault(enum stream_error error)
{
    return error == STREAM_ERROR_CONNECT || error == STREAM_ERROR_RESET ||
           error == STREAM_ERROR_PROTOCOL || error == STREAM_ERROR_TIMEOUT;
}

/* The stream lets go, the slot stays. */
static void detach_back(struct exchange *exchange)
{
    if (exchange->back.mux != NULL)
        exchange->back.mux->ops->detach(&exchange->back);
    exchange->back.mux = NULL;
    exchange->up.reader = NULL;
    exchange->down.writer = NULL;
}

void connect_failed(struct exchange *exchange)
{
    enum stream_error error = exchange->back.error;

    if (exchange->status != 0) {
        MARK("exchange.response_broken");
        if (is_servers_fault(error))
            server_observe(server_of(exchange), false);
        exchange_move(exchange, EXCHANGE_DONE);
        return;
    }
    if (error == STREAM_ERROR_REFUSED && may_repeat(exchange)) {
        MARK("exchange.repeated");
        detach_back(exchange);
        put_head_back(exchange);
        exchange->has_failed_reuse = true;
        exchange_move(exchange, EXCHANGE_CONNECT);
        return;
    }
    if (error == STREAM_ERROR_CONNECT && may_repeat(exchange)) {
        detach_back(exchange);
        put_head_back(exchange);
        fail_server(exchange);
        return;
    }
    if (is_servers_fault(error))
        server_observe(server_of(exchange), false);
    MARK("exchange.bad_response");
    answer_begin(exchange, status_of(error));
}

/* --- the response --- */

/* RFC 4559, and what does as it does: the connection, not the request, is who has logged in. */
static bool asks_to_log_in_connection(const struct http_head *head)
{
    static const char *const schemes[] = {"NTLM", "Negotiate"};
    static const char name[] = "www-authenticate";

    for (uint32_t i = 0; i < head->fields_count && head->status == 401; i++) {
        const struct http_field *field = &head->fields[i];
        const char *value = http_head_text(head, field->value);
        if (field->name.len != sizeof(name) - 1 ||
            strncasecmp(http_head_text(head, field->name), name, field->name.len) != 0)
            continue;
        for (size_t k = 0; k < ARRAY_LEN(schemes); k++) {
            size_t len = strlen(schemes[k]);
            if (field->value.len >= len && strncasecmp(value, schemes[k], len) == 0)
                return true;
        }
    }
    return false;
}

void connect_see_head(struct channel *down, const struct http_head *head)
{
    struct exchange *exchange = CONTAINER_OF(down, struct exchange, down);
    struct server *server = server_of(exchange);
    struct session *session = exchange->session;

    if (exchange->back.mux == NULL || http_head_is_interim(head))
        return;
    exchange->status = head->status;
    pool_give(&exchange->proxy->env.heads, exchange->kept);
    exchange->kept = NULL;
    server_observe(server, true);
    if (exchange->back.mux->kind == MUX_H1_BACK && !session->is_over &&
        asks_to_log_in_connection(head)) {
        MARK("exchange.made_private");
        idle_set_private(&exchange->back.mux->idle, &session->idle);
        session->private_server = server;
    }
}
