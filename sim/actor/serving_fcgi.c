/*
 * sim/actor/serving_fcgi.c - an application's FastCGI connection; see server.h.
 */
#include <string.h>

#include "sim/actor/server.h"

static void begin(struct session *session)
{
    const struct scenario_actor *plan = session->server->plan;

    session->fcgi = arena_take(sched_arena(), sizeof(*session->fcgi));
    fcgi_end_init(session->fcgi, &session->peer, plan->name,
                  SCENARIO_ARG(plan, SERVER, MPXS)->is_present);
}

static bool is_busy(const struct session *session)
{
    for (const struct fcgi_request *request = session->fcgi->requests; request != NULL;
         request = request->next) {
        if (!request->is_over)
            return true;
    }
    return peer_has_unsent(&session->peer);
}

/* ---- answering by itself ---- */

/* The connection breaks, or the answer ends too early; the latter only where that can be seen. */
static void abort_answer(struct session *session, struct fcgi_request *request,
                         const struct message *message)
{
    struct range where = {0, message->body_bytes};
    struct range kinds = {0, 1};
    bool is_visible = !message->is_chunked && !message->is_head_response;

    session->server->env->breaks++;
    if (draw_from(&kinds) == 0 && is_visible) {
        fcgi_end_respond(session->fcgi, request, message, false, draw_from(&where));
        return;
    }
    fcgi_end_respond(session->fcgi, request, message, true, draw_from(&where));
    session->is_leaving = true;
    peer_close(&session->peer);
}

/* One that multiplexes only says goodbye: a close becomes a reset when another request comes, and
 * takes with it what was not read yet. */
static void leave_if_done(struct session *session)
{
    if (!session->is_leaving || is_busy(session) || session->peer.is_shutdown)
        return;
    if (session->fcgi->is_multiplexed)
        peer_shutdown(&session->peer);
    else
        peer_close(&session->peer);
}

static void answer(struct session *session, struct fcgi_request *request)
{
    static const char grumble[] = "something to be told\n";
    const struct scenario_actor *plan = session->server->plan;

    request->is_answering = false;
    if (request->is_over || !peer_is_open(&session->peer))
        return;
    struct message message = serving_answer(session, request->method, request->target);
    bool is_close = !request->is_kept || serving_draw(SCENARIO_ARG(plan, SERVER, CLOSE));
    if (serving_draw(SCENARIO_ARG(plan, SERVER, ABORT))) {
        abort_answer(session, request, &message);
        return;
    }
    serving_draw_moods(session, message.body_bytes);
    if (serving_draw(SCENARIO_ARG(plan, SERVER, SHORT)))
        fcgi_end_stderr(session->fcgi, request, grumble, sizeof(grumble) - 1);
    fcgi_end_respond(session->fcgi, request, &message, false, UINT64_MAX);
    if (!is_close)
        serving_rest(session);
    session->is_leaving |= is_close;
    session->server->env->leaves += is_close && request->is_kept;
    leave_if_done(session);
}

static void fire_answer(struct timer *timer)
{
    struct fcgi_request *request = timer->context;
    struct session *session = request->context;

    answer(session, request);
}

static void begin_answer(struct session *session, struct fcgi_request *request)
{
    const struct scenario_value *delay = SCENARIO_ARG(session->server->plan, SERVER, DELAY);

    request->is_taken = true;
    request->context = session;
    if (!delay->is_present || delay->range.max == 0) {
        answer(session, request);
        return;
    }
    request->is_answering = true;
    timer_arm(&request->timer, session->server->lane, sched_now_ns() + draw_from(&delay->range),
              fire_answer, request);
}

static void serve(struct session *session)
{
    if (!peer_is_open(&session->peer) || session->peer.is_close_wanted)
        return;
    fcgi_end_receive(session->fcgi);
    for (struct fcgi_request *request = session->fcgi->requests; request != NULL;
         request = request->next) {
        if (!request->is_taken && request->has_stdin && !session->is_leaving)
            begin_answer(session, request);
    }
    fcgi_end_flush(session->fcgi);
    leave_if_done(session);
    if (session->peer.is_eof || session->peer.is_reset)
        peer_close(&session->peer);
}

/* ---- scripts ---- */

static void pump(struct session *session)
{
    if (!peer_is_open(&session->peer))
        return;
    fcgi_end_receive(session->fcgi);
    fcgi_end_flush(session->fcgi);
}

static bool take(struct session *session, struct asked *asked)
{
    struct fcgi_request *request = session->fcgi->requests;

    while (request != NULL && (request->is_taken || !request->has_stdin))
        request = request->next;
    if (request == NULL)
        return false;
    request->is_taken = true;
    session->request = request;
    *asked = (struct asked){request->method, request->target, request->body.bytes};
    return true;
}

static void respond(struct session *session, struct message *message,
                    const struct scenario_event *event)
{
    struct fcgi_request *request = session->request;
    bool is_open = SCENARIO_ARG(event, RESPOND, OPEN)->is_present;

    if (request == NULL)
        script_fail(session->server->plan->name, event, "has no request to answer");
    message->is_head_response = strcmp(request->method, "HEAD") == 0;
    fcgi_end_respond(session->fcgi, request, message, is_open, UINT64_MAX);
    if (message->is_close || (!request->is_kept && !is_open))
        peer_close(&session->peer);
}

const struct session_ops serving_fcgi_ops = {
    .begin = begin,
    .serve = serve,
    .pump = pump,
    .take = take,
    .respond = respond,
    .is_busy = is_busy,
};
