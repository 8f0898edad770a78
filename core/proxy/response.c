#include "core/proxy/response.h"

#include "core/net/conn.h"
#include "core/proxy/proxy.h"
#include "core/proxy/request.h"
#include "core/proxy/session.h"
#include "core/rt/rt.h"

bool response_awaits_server(const struct session *session)
{
    const struct flow *down = &session->down;

    if (down->has_body && h1_body_is_done(&down->body))
        return false;
    return !buf_is_full(&down->in) && !conn_has(session->server, CONN_READ_END | CONN_FAILED);
}

/* May another request follow on the client's connection? Said in the response's head. */
static bool may_keepalive(const struct session *session)
{
    const struct h1_head *response = &session->response;
    bool is_framed = response->framing != H1_FRAMING_CLOSE &&
                     (response->framing != H1_FRAMING_CHUNKED || session->request.minor >= 1);

    /* A server that answers before it has read the request may leave the rest of it unread. */
    return session->request.is_keepalive && is_framed && h1_body_is_done(&session->up.body) &&
           !rt_is_stopping(session->proxy->rt);
}

/* RFC 9110 15.2: an interim response is passed on, though not to a client of 1.0. */
static bool pass_interim(struct session *session, const char *text)
{
    struct flow *down = &session->down;
    bool is_passed = session->request.minor >= 1;
    struct h1_out out;

    if (is_passed) {
        if (!flow_begin_head(down, &out))
            return false;
        h1_put_response(&out, &session->response, text, session->request.minor, true);
        if (out.is_overflow)
            return false;
        flow_end_head(down, &out);
    }
    buf_skip(&down->in, session->response.head_bytes);
    h1_head_init_response(&session->response, session->request.method == H1_METHOD_HEAD);
    return true;
}

static bool pass_final(struct session *session, const char *text)
{
    struct flow *down = &session->down;
    struct h1_out out;

    if (!flow_begin_head(down, &out))
        return false;
    session->is_keepalive = may_keepalive(session);
    h1_put_response(&out, &session->response, text, session->request.minor, session->is_keepalive);
    if (out.is_overflow)
        return false;
    flow_end_head(down, &out);
    flow_begin_body(down, &session->response,
                    session->response.framing == H1_FRAMING_CHUNKED && session->request.minor == 0);
    session->is_response_begun = true;
    return true;
}

/* A head from the server. False: it is over with this session. */
static bool read_head(struct session *session, bool *has_moved)
{
    struct flow *down = &session->down;
    struct buf_span text = flow_text(down);
    const char *bytes = (const char *)text.data;
    bool is_good;

    enum h1_progress progress =
        h1_head_parse(&session->response, bytes, text.len_bytes, down->in.size_bytes);
    if (progress == H1_MORE) {
        if (!conn_has(session->server, CONN_READ_END | CONN_FAILED))
            return true;
        MARK("session.server_left");
        session_answer(session, 502);
        return false;
    }
    *has_moved = true;
    /* RFC 9110 7.8: we asked for no upgrade, so there can be none. */
    if (progress == H1_FAILED || session->response.status == 101)
        is_good = false;
    else if (h1_is_interim(&session->response))
        is_good = pass_interim(session, bytes);
    else
        is_good = pass_final(session, bytes);
    if (!is_good) {
        MARK("session.bad_response");
        session_answer(session, 502);
    }
    return is_good;
}

/* More of the body. False: it is over with this session. */
static bool read_body(struct session *session, bool *has_moved)
{
    struct flow *down = &session->down;

    *has_moved |= flow_check_body(down);
    bool is_all_checked = down->pass_bytes == buf_len(&down->in);
    if (conn_has(session->server, CONN_READ_END) && is_all_checked &&
        !h1_body_is_done(&down->body)) {
        (void)h1_body_close(&down->body);
        *has_moved = true;
    }
    bool is_broken = down->body.error != H1_OK || (conn_has(session->server, CONN_FAILED) &&
                                                   is_all_checked && !h1_body_is_done(&down->body));
    if (is_broken) {
        MARK("session.response_broken");
        session_abort(session);
    }
    return !is_broken;
}

/* The response has reached the client. */
static void finish(struct session *session)
{
    struct flow *down = &session->down;
    bool is_request_done = flow_is_done(&session->up) ||
                           (session->up.is_sink_gone && h1_body_is_done(&session->up.body) &&
                            flow_is_flushed(&session->up));

    session_drop_server(session, !is_request_done);
    if (!session->is_keepalive || !is_request_done) {
        session_finish(session);
        return;
    }
    /* What the server sent beyond its response belongs to nobody; least of all to the next request.
     */
    buf_reset(&down->in);
    session_move(session, SESSION_REQUEST);
    request_reset(session);
}

bool response_relay(struct session *session)
{
    struct flow *down = &session->down;
    bool has_moved = false;

    if (response_awaits_server(session) && flow_recv(down, session->server)) {
        session->has_server_progress = true;
        has_moved = true;
    }
    /* An interim head that is not sent yet has the place where the next one goes. */
    if (!down->has_body && buf_is_empty(&down->head) && !read_head(session, &has_moved))
        return true;
    if (down->has_body && !read_body(session, &has_moved))
        return true;
    if (flow_send(down, session->client)) {
        session->has_client_progress = true;
        has_moved = true;
    }
    if (conn_has(session->client, CONN_WRITE_END | CONN_FAILED)) {
        MARK("session.client_left");
        session_abort(session);
        return true;
    }
    if (flow_is_done(down)) {
        finish(session);
        return true;
    }
    return has_moved;
}
