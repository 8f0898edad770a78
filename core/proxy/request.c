#include "core/proxy/request.h"

#include <string.h>

#include "core/base/atomic.h"
#include "core/net/conn.h"
#include "core/net/listener.h"
#include "core/proxy/proxy.h"
#include "core/proxy/session.h"
#include "core/rt/rt.h"

void request_reset(struct session *session)
{
    h1_head_init_request(&session->request);
    flow_next(&session->up);
    flow_next(&session->down);
    session->is_request_begun = session->requests_count == 0 || !buf_is_empty(&session->up.in);
    session->is_response_begun = false;
    session->is_keepalive = false;
}

bool request_is_idle(const struct session *session)
{
    return session->state == SESSION_REQUEST && session->requests_count > 0 &&
           h1_head_is_empty(&session->request, buf_len(&session->up.in));
}

bool request_awaits_client(const struct session *session)
{
    return !h1_body_is_done(&session->up.body) && !buf_is_full(&session->up.in) &&
           !conn_has(session->client, CONN_READ_END);
}

/* The longest prefix wins; without one the first backend. */
static uint32_t find_backend(const struct session *session, const char *text)
{
    const struct config *config = &session->proxy->config;
    struct h1_slice path = session->request.path;
    uint32_t found = 0;
    size_t found_len = 0;

    for (uint32_t i = 0; i < config->routes_count; i++) {
        const struct config_route *route = &config->routes[i];
        size_t len = strlen(route->prefix);
        if (route->listen_index == session->client->listener->index && len > found_len &&
            len <= path.len && memcmp(text + path.at, route->prefix, len) == 0) {
            found = route->backend_index;
            found_len = len;
        }
    }
    return found;
}

/* The backend's servers in turn. */
static const struct addr *choose_server(struct session *session, uint32_t backend_index)
{
    const struct config_backend *backend = &session->proxy->config.backends[backend_index];
    uint32_t turn = atom_fetch_add(&session->proxy->turns[backend_index], 1, memory_order_relaxed);

    return &backend->servers[turn % backend->servers_count];
}

/* Status of the answer if the request cannot go on, else 0. */
static unsigned send_on(struct session *session, const char *text)
{
    struct proxy *proxy = session->proxy;
    const struct addr *to = choose_server(session, find_backend(session, text));
    struct h1_out out;
    int error;

    if (!flow_begin_head(&session->up, &out))
        return 503;
    /* One request for each connection to a server: it may close after it. */
    h1_put_request(&out, &session->request, text, false);
    if (out.is_overflow)
        return 431;
    flow_end_head(&session->up, &out);
    flow_begin_body(&session->up, &session->request, false);
    if (!flow_open(&session->down))
        return 503;
    session->server =
        conn_connect(proxy->rt, &proxy->listeners.conns, to, session->tasklet, &error);
    if (session->server == NULL) {
        MARK("session.connect_refused");
        return 503;
    }
    h1_head_init_response(&session->response, session->request.method == H1_METHOD_HEAD);
    return 0;
}

bool request_read_head(struct session *session)
{
    struct conn *client = session->client;
    bool has_moved = flow_recv(&session->up, client);
    struct buf_span text = flow_text(&session->up);
    const char *bytes = (const char *)text.data;

    session->has_client_progress |= has_moved;
    if (conn_has(client, CONN_FAILED)) {
        session_move(session, SESSION_CLOSED);
        return true;
    }
    if (text.len_bytes > 0)
        session->is_request_begun = true;
    enum h1_progress progress =
        h1_head_parse(&session->request, bytes, text.len_bytes, session->up.in.size_bytes);
    if (progress == H1_FAILED) {
        session_answer(session, h1_error_status(session->request.error));
        return true;
    }
    if (progress == H1_MORE) {
        if (conn_has(client, CONN_READ_END)) {
            /* RFC 9112 8: an incomplete head is an error; nothing at all is a client that left. */
            if (h1_head_is_empty(&session->request, text.len_bytes))
                session_move(session, SESSION_CLOSED);
            else
                session_answer(session, 400);
            return true;
        }
        /* Nothing was promised to a client between two requests. */
        if (request_is_idle(session) && rt_is_stopping(session->proxy->rt)) {
            MARK("session.idle_at_stop");
            session_finish(session);
            return true;
        }
        return has_moved;
    }
    session->requests_count++;
    unsigned status = send_on(session, bytes);
    if (status != 0)
        session_answer(session, status);
    else
        session_move(session, SESSION_CONNECT);
    return true;
}

/* More from the client: of this body, or ahead of time. False once the session is over. */
static bool read_client(struct session *session, bool *has_moved)
{
    struct flow *up = &session->up;
    struct conn *client = session->client;
    bool has_come = flow_recv(up, client);

    session->has_client_progress |= has_come;
    *has_moved |= has_come;
    if (conn_has(client, CONN_FAILED)) {
        session_abort(session);
        return false;
    }
    *has_moved |= flow_check_body(up);
    /* RFC 9112 8: the client must not end in the middle of what it announced. */
    if (conn_has(client, CONN_READ_END) && up->pass_bytes == buf_len(&up->in))
        (void)h1_body_close(&up->body);
    if (up->body.error != H1_OK) {
        MARK("session.bad_request_body");
        session_answer(session, h1_error_status(up->body.error));
        return false;
    }
    return true;
}

bool request_connect(struct session *session)
{
    bool has_moved = false;

    if (!read_client(session, &has_moved))
        return true;
    if (conn_has(session->server, CONN_FAILED)) {
        MARK("session.connect_failed");
        session_answer(session, 503);
        return true;
    }
    if (conn_has(session->server, CONN_CONNECTING))
        return has_moved;
    session->has_server_progress = true;
    session_move(session, SESSION_RELAY);
    return true;
}

bool request_relay(struct session *session)
{
    struct flow *up = &session->up;
    struct conn *server = session->server;
    bool has_moved = false;

    if (!read_client(session, &has_moved))
        return true;
    if (up->is_sink_gone)
        return flow_drop(up) || has_moved;
    if (flow_send(up, server)) {
        session->has_server_progress = true;
        has_moved = true;
    }
    if (conn_has(server, CONN_WRITE_END | CONN_FAILED)) {
        /* RFC 9112 9.5: it may have answered before it stopped reading; that is for the response.
         */
        MARK("session.server_stopped_reading");
        up->is_sink_gone = true;
        has_moved = true;
    }
    return has_moved;
}
