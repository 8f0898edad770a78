/*
 * sim/actor/server.c - see server.h.
 */
#include "sim/actor/server.h"

#include <stdlib.h>
#include <string.h>

#include "sim/actor/message.h"
#include "sim/actor/verbs.h"

enum { BACKLOG = 128 };

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
        peer_reset(&session->peer);
        return;
    }
    message_send(&session->peer, &message);
    if (is_close)
        peer_close(&session->peer);
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

static void session_changed(struct peer *peer)
{
    struct session *session = peer->context;

    if (session->server->plan->is_automatic)
        serve(session);
    else
        script_poke(&session->server->script);
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
        if (!peer_is_open(&session->peer) || !read_request(session))
            continue;
        const struct http_reader *reader = &session->reader;
        server->current = session;
        if (strcmp(reader->method, method) != 0 || strcmp(reader->target, path) != 0)
            finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s got %s %s, not line %u's",
                         server->plan->name, reader->method, reader->target, event->line->number);
        if (body->is_present &&
            (reader->body_bytes < body->range.min || reader->body_bytes > body->range.max))
            finding_fail(FINDING_EXPECTATION, NULL,
                         "expectation: %s got a body of %llu bytes, not line %u's",
                         server->plan->name, (unsigned long long)reader->body_bytes,
                         event->line->number);
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
        .is_head_response = strcmp(session->reader.method, "HEAD") == 0,
    };

    message_send(&session->peer, &message);
    if (message.is_close)
        peer_close(&session->peer);
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
    if (event->form == FORM_RESPOND)
        return respond(server, event);
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
