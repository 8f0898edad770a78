/*
 * sim/actor/serving.c - the moods of automatic servers; see server.h.
 */
#include <string.h>

#include "sim/actor/server.h"
#include "sim/actor/tls.h"

enum {
    SHORT_BYTES_MAX = 32,
    SHORT_TIMES = 64,
    SLOW_BYTES_MAX = 256,
    SLOW_NS_MAX = 50000,
    REST_NS_MAX = 1000000, /* until an idle connection is closed, or gets a ticket */
};

static uint64_t draw_up_to(uint64_t most)
{
    struct range range = {0, most};

    return draw_from(&range);
}

bool serving_draw(const struct scenario_value *rate)
{
    return draw_chance(draw_from(&rate->range));
}

static const char *tls_protocol(enum scenario_protocol protocol)
{
    return protocol == PROTOCOL_H2 ? "h2" : protocol == PROTOCOL_H1 ? "http/1.1" : "";
}

void serving_begin_moods(struct session *session)
{
    const struct scenario_actor *plan = session->server->plan;
    bool has_tls = SCENARIO_ARG(plan, SERVER, TLS)->is_present;

    if (has_tls)
        peer_start_tls(&session->peer, true, tls_protocol(plan->protocol), plan->name);
    if (has_tls && serving_draw(SCENARIO_ARG(plan, SERVER, SHORT)))
        peer_set_short(&session->peer, 1, SHORT_TIMES);
    if (serving_draw(SCENARIO_ARG(plan, SERVER, SLOW)))
        peer_set_slow(&session->peer, 1 + (uint32_t)draw_up_to(SLOW_BYTES_MAX - 1),
                      draw_up_to(SLOW_NS_MAX));
}

static void fire_ticket(struct timer *timer)
{
    struct session *session = timer->context;

    peer_send_ticket(&session->peer);
}

static void draw_ticket(struct session *session)
{
    if (!serving_draw(SCENARIO_ARG(session->server->plan, SERVER, TICKETS)) ||
        timer_is_armed(&session->ticket_timer))
        return;
    timer_arm(&session->ticket_timer, session->server->lane,
              sched_now_ns() + draw_up_to(REST_NS_MAX), fire_ticket, session);
}

void serving_look(struct session *session)
{
    if (session->was_open || session->peer.tls == NULL || !session->peer.tls->is_open)
        return;
    session->was_open = true;
    draw_ticket(session);
}

void serving_draw_moods(struct session *session, uint64_t body_bytes)
{
    const struct scenario_actor *plan = session->server->plan;
    const struct scenario_value *pause = SCENARIO_ARG(plan, SERVER, PAUSE);

    if (serving_draw(SCENARIO_ARG(plan, SERVER, SHORT)))
        peer_set_short(&session->peer, 1 + (uint32_t)draw_up_to(SHORT_BYTES_MAX - 1), SHORT_TIMES);
    uint64_t ns = pause->is_present ? draw_from(&pause->range) : 0;
    if (ns != 0)
        peer_set_hold(&session->peer, draw_up_to(body_bytes), ns);
}

static void fire_idle(struct timer *timer)
{
    struct session *session = timer->context;
    bool is_shared =
        session->h2 != NULL || (session->fcgi != NULL && session->fcgi->is_multiplexed);

    if (session->server->ops->is_busy(session))
        return;
    /* As when leaving: a reset must not take an answer with it. */
    session->is_leaving = true;
    session->server->env->leaves++;
    if (is_shared)
        peer_shutdown(&session->peer);
    else
        peer_close(&session->peer);
}

void serving_rest(struct session *session)
{
    draw_ticket(session);
    if (!serving_draw(SCENARIO_ARG(session->server->plan, SERVER, IDLE_CLOSE)) ||
        timer_is_armed(&session->idle_timer))
        return;
    timer_arm(&session->idle_timer, session->server->lane, sched_now_ns() + draw_up_to(REST_NS_MAX),
              fire_idle, session);
}

struct message serving_answer(struct session *session, const char *method, const char *target)
{
    struct server *server = session->server;
    const struct scenario_value *body = SCENARIO_ARG(server->plan, SERVER, BODY);

    return (struct message){
        .status = 200,
        .has_body = true,
        .body_bytes = body->is_present ? draw_from(&body->range) : 0,
        .body_key = message_key(target, server->answers++),
        .is_chunked = serving_draw(SCENARIO_ARG(server->plan, SERVER, CHUNKED)),
        .is_head_response = strcmp(method, "HEAD") == 0,
    };
}
