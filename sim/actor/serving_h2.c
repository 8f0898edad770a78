/*
 * sim/actor/serving_h2.c - a server's H2 connection; see server.h.
 */
#include <string.h>

#include "sim/actor/server.h"

static void begin(struct session *session)
{
    const struct scenario_actor *plan = session->server->plan;
    const struct scenario_value *window = SCENARIO_ARG(plan, SERVER, WINDOW);
    const struct scenario_value *streams = SCENARIO_ARG(plan, SERVER, STREAMS);

    session->h2 = arena_take(sched_arena(), sizeof(*session->h2));
    h2_end_init(session->h2, &session->peer, plan->name, true,
                window->is_present ? (uint32_t)draw_from(&window->range) : UINT32_MAX,
                streams->is_present ? (uint32_t)draw_from(&streams->range) : UINT32_MAX);
}

static bool is_busy(const struct session *session)
{
    for (const struct h2_stream *stream = session->h2->streams; stream != NULL;
         stream = stream->next) {
        if (!h2_stream_is_over(stream))
            return true;
    }
    return peer_has_unsent(&session->peer);
}

/* ---- answering by itself ---- */

/* Refused, or broken off in the middle of its body. */
static void abort_answer(struct session *session, struct h2_stream *stream,
                         const struct message *message)
{
    struct range where = {0, message->body_bytes};
    struct range kinds = {0, 3};

    session->server->env->breaks++;
    if (draw_from(&kinds) == 0) {
        h2_end_rst(session->h2, stream->id, H2_END_REFUSED_STREAM);
        return;
    }
    stream->is_cut_wanted = true;
    stream->cut_code = H2_END_INTERNAL_ERROR;
    h2_end_respond(session->h2, stream, message, false);
    uint64_t cut = draw_from(&where);
    if (stream->body_left > cut)
        stream->body_left = cut;
    h2_end_flush(session->h2);
}

/* Says goodbye once all that was begun is answered. No close: what the other end still sends would
 * make a reset of it, which takes with it what was not read yet. */
static void leave_if_done(struct session *session)
{
    if (session->is_leaving && !is_busy(session) && !session->peer.is_shutdown)
        peer_shutdown(&session->peer);
}

static void answer(struct session *session, struct h2_stream *stream)
{
    const struct scenario_actor *plan = session->server->plan;

    stream->is_answering = false;
    if (h2_stream_is_over(stream) || !peer_is_open(&session->peer))
        return;
    struct message message = serving_answer(session, stream->method, stream->target);
    bool is_close = serving_draw(SCENARIO_ARG(plan, SERVER, CLOSE));
    if (serving_draw(SCENARIO_ARG(plan, SERVER, ABORT))) {
        abort_answer(session, stream, &message);
        return;
    }
    serving_draw_moods(session, message.body_bytes);
    h2_end_respond(session->h2, stream, &message, false);
    if (is_close && !session->is_leaving) {
        session->is_leaving = true;
        session->server->env->leaves++;
        h2_end_goaway(session->h2, session->h2->id_max, H2_END_NO_ERROR);
    }
    if (!session->is_leaving)
        serving_rest(session);
    leave_if_done(session);
}

static void fire_answer(struct timer *timer)
{
    struct h2_stream *stream = timer->context;
    struct session *session = stream->context;

    answer(session, stream);
}

static void begin_answer(struct session *session, struct h2_stream *stream)
{
    const struct scenario_value *delay = SCENARIO_ARG(session->server->plan, SERVER, DELAY);

    stream->is_taken = true;
    stream->context = session;
    if (!delay->is_present || delay->range.max == 0) {
        answer(session, stream);
        return;
    }
    stream->is_answering = true;
    timer_arm(&stream->timer, session->server->lane, sched_now_ns() + draw_from(&delay->range),
              fire_answer, stream);
}

/* A request behind our goaway: nobody has promised anything (section 6.8). */
static bool is_ignored(const struct session *session, const struct h2_stream *stream)
{
    return session->is_leaving && !stream->is_taken;
}

static void serve(struct session *session)
{
    struct h2_end *h2 = session->h2;

    if (!peer_is_open(&session->peer) || session->peer.is_close_wanted)
        return;
    h2_end_receive(h2);
    session->server->env->leaves += h2->refused;
    h2->refused = 0;
    for (struct h2_stream *stream = h2->streams; stream != NULL; stream = stream->next) {
        if (stream->is_taken || !h2_stream_is_complete(stream) || stream->is_reset_got)
            continue;
        if (is_ignored(session, stream)) {
            h2_end_rst(h2, stream->id, H2_END_REFUSED_STREAM);
            continue;
        }
        begin_answer(session, stream);
    }
    h2_end_flush(h2);
    leave_if_done(session);
    if (session->peer.is_eof || session->peer.is_reset)
        peer_close(&session->peer);
}

/* ---- scripts ---- */

static void pump(struct session *session)
{
    if (!peer_is_open(&session->peer))
        return;
    h2_end_receive(session->h2);
    h2_end_flush(session->h2);
}

static bool take(struct session *session, struct asked *asked)
{
    struct h2_stream *stream = session->h2->streams;

    while (stream != NULL && (stream->is_taken || !h2_stream_is_complete(stream)))
        stream = stream->next;
    if (stream == NULL)
        return false;
    stream->is_taken = true;
    session->stream = stream;
    *asked = (struct asked){stream->method, stream->target, stream->body.bytes};
    return true;
}

static void respond(struct session *session, struct message *message,
                    const struct scenario_event *event)
{
    const struct scenario_value *id = SCENARIO_ARG(event, RESPOND, STREAM);
    struct h2_stream *stream = session->stream;

    if (id->is_present)
        stream = h2_end_stream(session->h2, (uint32_t)draw_from(&id->range));
    if (stream == NULL)
        script_fail(session->server->plan->name, event, "has no stream to answer");
    message->is_head_response = strcmp(stream->method, "HEAD") == 0;
    h2_end_respond(session->h2, stream, message, SCENARIO_ARG(event, RESPOND, OPEN)->is_present);
    if (message->is_close) {
        h2_end_goaway(session->h2, session->h2->id_max, H2_END_NO_ERROR);
        peer_close(&session->peer);
    }
}

const struct session_ops serving_h2_ops = {
    .begin = begin,
    .serve = serve,
    .pump = pump,
    .take = take,
    .respond = respond,
    .is_busy = is_busy,
};
