/*
 * sim/actor/client.c - see client.h.
 */
#include "sim/actor/client.h"

#include <string.h>

#include "sim/actor/h2_verbs.h"
#include "sim/actor/message.h"
#include "sim/actor/tls.h"
#include "sim/actor/verbs.h"

/* ---- reading responses ---- */

static void expect_answer_to(struct client *client, const char *method)
{
    if (client->method_count == METHODS_MAX)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s has more than %d requests waiting",
                     client->plan->name, METHODS_MAX);
    strncpy(client->methods[client->method_count++], method, HTTP_METHOD_BYTES - 1);
}

static void check_response(struct client *client)
{
    struct http_reader *reader = &client->reader;

    if (reader->state == HTTP_ERROR)
        finding_fail(FINDING_DATA, NULL, "data: %s got a malformed response: %s",
                     client->plan->name, reader->error);
    if (reader->is_body_wrong)
        finding_fail(FINDING_DATA, NULL, "data: %s got a response whose body differs",
                     client->plan->name);
}

/* Reads as much of one response as there is; true when it is complete. */
static bool read_response(struct client *client)
{
    struct http_reader *reader = &client->reader;
    size_t len;

    if (!client->is_reading) {
        http_reader_begin(reader, true, client->method_count == 0 ? NULL : client->methods[0]);
        client->is_reading = true;
    }
    const uint8_t *bytes = peer_bytes(&client->peer, &len);
    peer_consume(&client->peer, http_reader_take(reader, bytes, len));
    if (client->peer.is_eof && reader->state == HTTP_BODY_TO_END)
        http_reader_end(reader);
    check_response(client);
    if (reader->state != HTTP_COMPLETE)
        return false;
    client->is_reading = false;
    if (!http_is_interim(reader) && client->method_count != 0) {
        client->method_count--;
        memmove(client->methods[0], client->methods[1],
                client->method_count * sizeof(client->methods[0]));
    }
    return true;
}

static bool has_partial_response(const struct client *client)
{
    return client->is_reading &&
           (client->reader.state != HTTP_START_LINE || client->reader.line_bytes != 0);
}

/* ---- connections ---- */

enum { SHORT_BYTES_MAX = 32, SHORT_TIMES = 64, SLOW_BYTES_MAX = 256, SLOW_NS_MAX = 50000 };

static bool draw_mood(const struct scenario_value *rate)
{
    return draw_chance(draw_from(&rate->range));
}

static uint64_t draw_up_to(uint64_t most)
{
    struct range range = {0, most};

    return draw_from(&range);
}

static void start_tls(struct client *client)
{
    enum scenario_protocol protocol = client->plan->protocol;

    peer_start_tls(&client->peer, false,
                   protocol == PROTOCOL_H2   ? "h2"
                   : protocol == PROTOCOL_H1 ? "http/1.1"
                                             : "",
                   client->plan->name);
}

static void begin_h2(struct client *client)
{
    const struct scenario_value *window = SCENARIO_ARG(client->plan, CLIENT, WINDOW);

    client->h2 = arena_take(sched_arena(), sizeof(*client->h2));
    h2_end_init(client->h2, &client->peer, client->plan->name, false,
                window->is_present ? (uint32_t)draw_from(&window->range) : UINT32_MAX, UINT32_MAX);
}

void client_open(struct client *client, const struct addr *addr)
{
    struct sockaddr_storage to;
    socklen_t len = addr_to_socket(addr, &to);

    peer_close(&client->peer);
    if (client->peer.fd >= 0)
        peer_reset(&client->peer); /* what was not sent yet goes with it */
    peer_init(&client->peer, client->process, client->lane, client->peer.changed, client);
    client->is_reading = false;
    client->method_count = 0;
    bool is_short = draw_mood(SCENARIO_ARG(client->plan, CLIENT, SHORT));
    bool is_slow = draw_mood(SCENARIO_ARG(client->plan, CLIENT, SLOW));
    if (SCENARIO_ARG(client->plan, CLIENT, TLS)->is_present)
        start_tls(client);
    (void)peer_connect(&client->peer, (struct sockaddr *)&to, len);
    if (is_slow)
        peer_set_slow(&client->peer, 1 + (uint32_t)draw_up_to(SLOW_BYTES_MAX - 1),
                      draw_up_to(SLOW_NS_MAX));
    if (is_short)
        peer_set_short(&client->peer, 1 + (uint32_t)draw_up_to(SHORT_BYTES_MAX - 1), SHORT_TIMES);
    if (client->plan->protocol == PROTOCOL_H2)
        begin_h2(client);
}

/* ---- scripts ---- */

static enum script_outcome do_connect(struct client *client, const struct scenario_event *event)
{
    client_open(client, &SCENARIO_ARG(event, CONNECT, TO)->addr);
    return SCRIPT_DONE;
}

static enum script_outcome do_request(struct client *client, const struct scenario_event *event)
{
    const struct scenario_value *body = SCENARIO_ARG(event, REQUEST, BODY);
    const struct scenario_value *host = SCENARIO_ARG(event, REQUEST, HOST);
    const struct scenario_value *header = SCENARIO_ARG(event, REQUEST, HEADER);
    const struct scenario_value *version = SCENARIO_ARG(event, REQUEST, VERSION);
    struct message message = {
        .method = (const char *)SCENARIO_ARG(event, REQUEST, METHOD)->text.data,
        .target = (const char *)SCENARIO_ARG(event, REQUEST, PATH)->text.data,
        .version = version->is_present && version->word == 10 ? "HTTP/1.0" : NULL,
        .host = host->is_present ? (const char *)host->text.data : NULL,
        .header = header->is_present ? (const char *)header->text.data : NULL,
        .has_body = body->is_present,
        .body_bytes = body->is_present ? draw_from(&body->range) : 0,
        .body_key = message_key(client->plan->name, event->order),
        .is_chunked = SCENARIO_ARG(event, REQUEST, CHUNKED)->is_present,
        .is_close = SCENARIO_ARG(event, REQUEST, CLOSE)->is_present,
        .is_keep_alive = SCENARIO_ARG(event, REQUEST, KEEP_ALIVE)->is_present,
    };

    if (client->plan->protocol == PROTOCOL_H2 && client->h2 == NULL)
        script_fail(client->plan->name, event, "has no connection to ask on");
    if (client->h2 != NULL) {
        (void)h2_end_request(client->h2, &message, SCENARIO_ARG(event, REQUEST, OPEN)->is_present);
        return SCRIPT_DONE;
    }
    expect_answer_to(client, message.method);
    message_send(&client->peer, &message);
    return SCRIPT_DONE;
}

static enum script_outcome await_answer(struct client *client, const struct scenario_event *event)
{
    const struct scenario_value *body = SCENARIO_ARG(event, ANSWER, BODY);
    uint64_t status = SCENARIO_ARG(event, ANSWER, STATUS)->range.min;
    uint64_t status_max = SCENARIO_ARG(event, ANSWER, STATUS)->range.max;

    do {
        if (!read_response(client)) {
            if (client->peer.is_reset || client->peer.is_eof)
                script_fail(client->plan->name, event, "lost its connection before the answer");
            return SCRIPT_WAIT;
        }
    } while (http_is_interim(&client->reader) && status >= 200);
    if (client->reader.status < status || client->reader.status > status_max)
        script_fail(client->plan->name, event, "got %u instead of %llu", client->reader.status,
                    (unsigned long long)status);
    if (body->is_present && (client->reader.body_bytes < body->range.min ||
                             client->reader.body_bytes > body->range.max))
        script_fail(client->plan->name, event, "got a body of another length: %llu bytes",
                    (unsigned long long)client->reader.body_bytes);
    return SCRIPT_DONE;
}

static enum script_outcome perform(void *context, const struct scenario_event *event)
{
    struct client *client = context;

    if (event->form == FORM_CONNECT)
        return do_connect(client, event);
    if (event->form == FORM_REQUEST)
        return do_request(client, event);
    if (event->form == FORM_ANSWER)
        return client->plan->protocol == PROTOCOL_H2 ? client_h2_await(client, event)
                                                     : await_answer(client, event);
    if (client->h2 != NULL && h2_is_verb(event->form))
        return h2_perform(client->h2, NULL, event);
    return peer_perform(&client->peer, client->plan->name, event);
}

static void poke_script(struct peer *peer)
{
    struct client *client = peer->context;

    if (client->h2 != NULL) {
        h2_end_receive(client->h2);
        h2_end_flush(client->h2);
    }
    script_poke(&client->script);
}

/* ---- load ---- */

static void load_next(struct client *client);

static void fire_next(struct timer *timer)
{
    load_next(timer->context);
}

void client_load_end(struct client *client)
{
    timer_cancel(&client->timer);
    peer_close(&client->peer);
    client->env->actors_busy--;
}

static void load_schedule(struct client *client, uint64_t delay_ns)
{
    if (client->requests_left == 0) {
        client_load_end(client);
        return;
    }
    timer_arm(&client->timer, client->lane, sched_now_ns() + delay_ns, fire_next, client);
}

/* One connection carries so many requests at most in a scenario of ours: each can fail. */
enum { EXCUSED_BY_ONE = 16 };

/* Is a server's leaving a reason for one request more to fail? */
static bool excuse(struct actor_env *env)
{
    return env->excused++ < EXCUSED_BY_ONE * (env->leaves + env->breaks);
}

/* Half an answer is never right, unless a server broke off; none at all is when somebody disturbed
 * the world, or the connection was kept alive and the other end closed it just then (RFC 9112
 * section 9.3.1: the client tries again). */
void client_check_lost(const struct client *client, bool is_partial, bool is_stale)
{
    struct actor_env *env = client->env;

    if (is_partial && !env->is_disturbed && env->breaks == 0)
        finding_fail(FINDING_DATA, NULL, "data: %s got half an answer", client->plan->name);
    if (!env->is_stopping && !env->is_disturbed && !is_stale && !excuse(env))
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s lost its connection unanswered",
                     client->plan->name);
}

void client_check_status(const struct client *client, uint32_t status)
{
    struct actor_env *env = client->env;

    if (status == 200 || env->is_stopping || env->is_disturbed)
        return;
    if (status < 502 || status > 504 || !excuse(env))
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s got %u instead of 200",
                     client->plan->name, status);
}

/* The connection ended with a request under way, or could not be made. */
static void load_failed(struct client *client)
{
    bool is_stale = !client->is_first_on_connection;

    client_check_lost(client, has_partial_response(client), is_stale);
    client->is_awaiting = false;
    client->method_count = 0;
    client->is_reading = false;
    peer_close(&client->peer);
    if (is_stale)
        client->requests_left++; /* again, on a fresh connection */
    load_schedule(client, 0);
}

static void load_answered(struct client *client)
{
    const struct http_reader *reader = &client->reader;

    client_check_status(client, reader->status);
    client->is_awaiting = false;
    if (reader->is_close || !SCENARIO_ARG(client->plan, CLIENT, KEEP_ALIVE)->is_present)
        peer_close(&client->peer);
    timer_cancel(&client->timer);
    load_schedule(client, draw_from(&SCENARIO_ARG(client->plan, CLIENT, GAP)->range));
}

static void fire_unanswered(struct timer *timer)
{
    struct client *client = timer->context;

    if (client->env->is_disturbed) {
        peer_reset(&client->peer);
        load_failed(client);
        return;
    }
    finding_fail(FINDING_LIVENESS, NULL, "liveness: %s was not answered within %llu ms",
                 client->plan->name, (unsigned long long)(client->env->bound_ns / 1000000));
}

struct message client_draw_request(struct client *client)
{
    const struct scenario_value *path = SCENARIO_ARG(client->plan, CLIENT, PATH);
    const struct scenario_value *body = SCENARIO_ARG(client->plan, CLIENT, BODY);
    bool is_kept = SCENARIO_ARG(client->plan, CLIENT, KEEP_ALIVE)->is_present;
    uint64_t body_bytes = body->is_present ? draw_from(&body->range) : 0;
    struct message message = {
        .method = body_bytes == 0 ? "GET" : "POST",
        .target = path->is_present ? (const char *)path->text.data : "/",
        .has_body = body_bytes != 0,
        .body_bytes = body_bytes,
        .body_key = message_key(client->plan->name, client->requests_sent),
        .is_close = !is_kept,
    };

    client->requests_left--;
    client->requests_sent++;
    return message;
}

static void load_next(struct client *client)
{
    if (!peer_is_open(&client->peer) || client->peer.is_eof) {
        client_open(client, &SCENARIO_ARG(client->plan, CLIENT, TO)->addr);
        client->is_first_on_connection = true;
    } else {
        client->is_first_on_connection = false;
    }
    struct message message = client_draw_request(client);
    client->is_awaiting = true;
    expect_answer_to(client, message.method);
    timer_arm(&client->timer, client->lane, sched_now_ns() + client->env->bound_ns, fire_unanswered,
              client);
    message_send(&client->peer, &message);
    if (draw_chance(draw_from(&SCENARIO_ARG(client->plan, CLIENT, ABORT)->range))) {
        client->is_awaiting = false;
        client->method_count = 0;
        timer_cancel(&client->timer);
        peer_reset(&client->peer);
        load_schedule(client, 0);
    }
}

static void load_changed(struct peer *peer)
{
    struct client *client = peer->context;

    if (client->plan->protocol == PROTOCOL_H2) {
        client_h2_changed(client);
        return;
    }
    if (!client->is_awaiting) {
        if (peer->is_eof || peer->is_reset)
            peer_close(peer);
        return;
    }
    while (client->is_awaiting && read_response(client)) {
        if (!http_is_interim(&client->reader))
            load_answered(client);
    }
    if (client->is_awaiting && (peer->is_reset || peer->is_eof)) {
        timer_cancel(&client->timer);
        load_failed(client);
    }
}

/* ---- both ---- */

struct client *client_new(const struct scenario_actor *plan, struct actor_env *env,
                          struct host *host)
{
    struct client *client = arena_take(sched_arena(), sizeof(*client));

    client->plan = plan;
    client->env = env;
    client->process = process_new(plan->name, host, false);
    client->lane = sched_lane_new(plan->name);
    peer_init(&client->peer, client->process, client->lane,
              plan->is_automatic ? load_changed : poke_script, client);
    if (!plan->is_automatic) {
        script_begin(&client->script, env, &plan->script, client->lane, plan->name, perform,
                     client);
        return client;
    }
    const struct scenario_value *requests = SCENARIO_ARG(plan, CLIENT, REQUESTS);
    client->requests_left = requests->is_present ? draw_from(&requests->range) : 1;
    env->actors_busy++;
    if (plan->protocol == PROTOCOL_H2)
        client_h2_load(client);
    else
        load_schedule(client, draw_from(&SCENARIO_ARG(plan, CLIENT, START)->range));
    return client;
}

void client_finish(struct client *client)
{
    peer_close(&client->peer);
}
