/*
 * sim/actor/server.c - see server.h.
 */
#include "sim/actor/server.h"

#include <string.h>

#include "sim/actor/h2_verbs.h"
#include "sim/actor/message.h"
#include "sim/actor/verbs.h"

enum { BACKLOG = 128 };

static void session_changed(struct peer *peer)
{
    struct session *session = peer->context;
    struct server *server = session->server;

    serving_look(session);
    if (server->plan->is_automatic) {
        server->ops->serve(session);
        return;
    }
    server->ops->pump(session);
    script_poke(&server->script);
}

/* ---- accepting ---- */

static void accept_one(struct server *server, int fd)
{
    struct session *session = arena_take(sched_arena(), sizeof(*session));

    session->server = server;
    if (server->session_tail != NULL)
        server->session_tail->next = session;
    else
        server->sessions = session;
    server->session_tail = session;
    peer_init(&session->peer, server->process, server->lane, session_changed, session);
    peer_adopt(&session->peer, fd);
    serving_begin_moods(session);
    server->ops->begin(session);
}

static void accept_all(struct lane_watch *watch, uint32_t mask)
{
    struct server *server = watch->context;

    (void)mask;
    while (server->is_accepting && server->fd >= 0) {
        int fd = kernel_accept(server->process, server->fd, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0)
            return;
        accept_one(server, fd);
    }
}

static void listen_on(struct server *server)
{
    struct sockaddr_storage at;
    socklen_t len = addr_to_socket(&server->plan->addr, &at);
    int fd = kernel_socket(server->process, at.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || kernel_bind(server->process, fd, (struct sockaddr *)&at, len) != 0 ||
        kernel_listen(server->process, fd, BACKLOG) != 0)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s cannot listen at its address",
                     server->plan->name);
    server->fd = fd;
    server->is_accepting = true;
    lane_watch_begin(&server->watch, process_file(server->process, fd), server->lane, accept_all,
                     server);
}

static void stop_listening(struct server *server)
{
    if (server->fd < 0)
        return;
    lane_watch_end(&server->watch);
    (void)kernel_close(server->process, server->fd);
    server->fd = -1;
}

/* ---- scripts ---- */

/* `< GET /path`: the first connection with a whole request; later verbs are about it. */
static enum script_outcome await_request(struct server *server, const struct scenario_event *event)
{
    const char *method = (const char *)SCENARIO_ARG(event, ASKED, METHOD)->text.data;
    const char *path = (const char *)SCENARIO_ARG(event, ASKED, PATH)->text.data;
    const struct scenario_value *body = SCENARIO_ARG(event, ASKED, BODY);

    for (struct session *session = server->sessions; session != NULL; session = session->next) {
        struct asked asked;
        if (!peer_is_open(&session->peer) || !server->ops->take(session, &asked))
            continue;
        server->current = session;
        if (strcmp(asked.method, method) != 0 || strcmp(asked.target, path) != 0)
            script_fail(server->plan->name, event, "got %s %s instead of %s %s", asked.method,
                        asked.target, method, path);
        if (body->is_present &&
            (asked.body_bytes < body->range.min || asked.body_bytes > body->range.max))
            script_fail(server->plan->name, event, "got a body of another length: %llu bytes",
                        (unsigned long long)asked.body_bytes);
        return SCRIPT_DONE;
    }
    return SCRIPT_WAIT;
}

static enum script_outcome respond(struct server *server, const struct scenario_event *event)
{
    const struct scenario_value *body = SCENARIO_ARG(event, RESPOND, BODY);
    const struct scenario_value *header = SCENARIO_ARG(event, RESPOND, HEADER);
    const struct scenario_value *version = SCENARIO_ARG(event, RESPOND, VERSION);
    struct session *session = server->current;
    struct message message = {
        .status = (uint32_t)draw_from(&SCENARIO_ARG(event, RESPOND, STATUS)->range),
        .version = version->is_present && version->word == 10 ? "HTTP/1.0" : NULL,
        .header = header->is_present ? (const char *)header->text.data : NULL,
        .has_body = body->is_present,
        .body_bytes = body->is_present ? draw_from(&body->range) : 0,
        .body_key = message_key(server->plan->name, event->order),
        .is_chunked = SCENARIO_ARG(event, RESPOND, CHUNKED)->is_present,
        .is_close = SCENARIO_ARG(event, RESPOND, CLOSE)->is_present,
    };

    server->ops->respond(session, &message, event);
    return SCRIPT_DONE;
}

static enum script_outcome fcgi_perform(struct session *session, const struct scenario_event *event)
{
    const struct scenario_value *bytes = SCENARIO_ARG(event, RECORD, BYTES);

    if (event->form == FORM_RECORD)
        fcgi_end_record(session->fcgi,
                        (uint8_t)draw_from(&SCENARIO_ARG(event, RECORD, TYPE)->range),
                        (uint16_t)draw_from(&SCENARIO_ARG(event, RECORD, ID)->range),
                        bytes->text.data, bytes->text.len, 0);
    else if (session->request != NULL)
        fcgi_end_stderr(session->fcgi, session->request,
                        SCENARIO_ARG(event, STDERR, BYTES)->text.data,
                        SCENARIO_ARG(event, STDERR, BYTES)->text.len);
    return SCRIPT_DONE;
}

static enum script_outcome perform(void *context, const struct scenario_event *event)
{
    struct server *server = context;

    if (event->form == FORM_ASKED)
        return await_request(server, event);
    if (event->form == FORM_ACCEPT) {
        server->is_accepting = SCENARIO_ARG(event, ACCEPT, SWITCH)->word != 0;
        if (server->fd < 0 && server->is_accepting)
            listen_on(server);
        accept_all(&server->watch, 0);
        return SCRIPT_DONE;
    }
    if (event->form == FORM_REFUSE) {
        stop_listening(server);
        return SCRIPT_DONE;
    }
    if (server->current == NULL) /* raw bytes before any request: the first connection */
        server->current = server->sessions;
    if (server->current == NULL)
        return SCRIPT_WAIT;
    struct session *session = server->current;
    if (event->form == FORM_RESPOND)
        return respond(server, event);
    if (session->h2 != NULL && h2_is_verb(event->form))
        return h2_perform(session->h2, session->stream, event);
    if (session->fcgi != NULL && (event->form == FORM_STDERR || event->form == FORM_RECORD))
        return fcgi_perform(session, event);
    return peer_perform(&server->current->peer, server->plan->name, event);
}

static void accept_and_poke(struct lane_watch *watch, uint32_t mask)
{
    struct server *server = watch->context;

    accept_all(watch, mask);
    script_poke(&server->script);
}

struct server *server_new(const struct scenario_actor *plan, struct actor_env *env,
                          struct host *host)
{
    struct server *server = arena_take(sched_arena(), sizeof(*server));

    server->plan = plan;
    server->ops = plan->protocol == PROTOCOL_H2     ? &serving_h2_ops
                  : plan->protocol == PROTOCOL_FCGI ? &serving_fcgi_ops
                                                    : &serving_h1_ops;
    server->env = env;
    server->fd = -1;
    server->process = process_new(plan->name, host, false);
    server->lane = sched_lane_new(plan->name);
    listen_on(server);
    return server;
}

void server_begin(struct server *server)
{
    if (server->plan->script.count != 0) {
        server->watch.fire = accept_and_poke;
        script_begin(&server->script, server->env, &server->plan->script, server->lane,
                     server->plan->name, perform, server);
    }
}

void server_finish(struct server *server)
{
    stop_listening(server);
    for (struct session *session = server->sessions; session != NULL; session = session->next)
        peer_close(&session->peer);
}
