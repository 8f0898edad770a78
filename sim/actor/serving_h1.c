/*
 * sim/actor/serving_h1.c - a server's HTTP/1.1 connection; see server.h.
 */
#include <string.h>

#include "sim/actor/message.h"
#include "sim/actor/server.h"

/* ---- reading requests ---- */

static void check_request(const struct session *session)
{
    const struct http_reader *reader = &session->reader;
    const char *name = session->server->plan->name;

    if (reader->state == HTTP_ERROR)
        finding_fail(FINDING_DATA, NULL, "data: %s got a malformed request: %s", name,
                     reader->error);
    if (reader->is_body_wrong)
        finding_fail(FINDING_DATA, NULL, "data: %s got a request whose body differs", name);
}

static bool read_request(struct session *session)
{
    size_t len;

    if (!session->is_reading) {
        http_reader_begin(&session->reader, false, NULL);
        session->is_reading = true;
    }
    const uint8_t *bytes = peer_bytes(&session->peer, &len);
    peer_consume(&session->peer, http_reader_take(&session->reader, bytes, len));
    check_request(session);
    if (session->reader.state != HTTP_COMPLETE)
        return false;
    session->is_reading = false;
    return true;
}

/* ---- answering by itself ---- */

static void answer(struct session *session)
{
    struct server *server = session->server;
    const struct scenario_value *body = SCENARIO_ARG(server->plan, SERVER, BODY);
    uint64_t body_bytes = body->is_present ? draw_from(&body->range) : 0;
    bool is_close = session->reader.is_close ||
                    draw_chance(draw_from(&SCENARIO_ARG(server->plan, SERVER, CLOSE)->range));
    struct message message = {
        .status = 200,
        .has_body = true,
        .body_bytes = body_bytes,
        .body_key = message_key(session->reader.target, server->answers++),
        .is_chunked = draw_chance(draw_from(&SCENARIO_ARG(server->plan, SERVER, CHUNKED)->range)),
        .is_close = is_close,
        .is_head_response = strcmp(session->reader.method, "HEAD") == 0,
    };

    if (draw_chance(draw_from(&SCENARIO_ARG(server->plan, SERVER, ABORT)->range))) {
        server->env->breaks++;
        peer_reset(&session->peer);
        return;
    }
    serving_draw_moods(session, body_bytes);
    message_send(&session->peer, &message);
    if (is_close)
        peer_close(&session->peer);
    else
        serving_rest(session);
}

static void serve(struct session *session);

static void fire_answer(struct timer *timer)
{
    struct session *session = timer->context;

    session->is_answering = false;
    answer(session);
    serve(session);
}

/* Reads requests and answers them, one at a time. */
static void serve(struct session *session)
{
    const struct server *server = session->server;
    const struct scenario_value *delay = SCENARIO_ARG(server->plan, SERVER, DELAY);

    while (!session->is_answering && peer_is_open(&session->peer) &&
           !session->peer.is_close_wanted && read_request(session)) {
        if (delay->is_present && delay->range.max != 0) {
            session->is_answering = true;
            timer_arm(&session->timer, server->lane, sched_now_ns() + draw_from(&delay->range),
                      fire_answer, session);
        } else {
            answer(session);
        }
    }
    if (session->is_answering)
        return;
    if (session->peer.is_eof || session->peer.is_reset)
        peer_close(&session->peer);
}

static void begin(struct session *session)
{
    (void)session; /* the client speaks first */
}

static void pump(struct session *session)
{
    (void)session; /* it is read when a request is awaited */
}

static bool take(struct session *session, struct asked *asked)
{
    if (!read_request(session))
        return false;
    *asked =
        (struct asked){session->reader.method, session->reader.target, session->reader.body_bytes};
    return true;
}

static void respond(struct session *session, struct message *message,
                    const struct scenario_event *event)
{
    (void)event;
    message->is_head_response = strcmp(session->reader.method, "HEAD") == 0;
    message_send(&session->peer, message);
    if (message->is_close)
        peer_close(&session->peer);
}

static bool is_busy(const struct session *session)
{
    return session->is_answering ||
           (session->is_reading &&
            (session->reader.state != HTTP_START_LINE || session->reader.line_bytes != 0));
}

const struct session_ops serving_h1_ops = {
    .begin = begin,
    .serve = serve,
    .pump = pump,
    .take = take,
    .respond = respond,
    .is_busy = is_busy,
};
