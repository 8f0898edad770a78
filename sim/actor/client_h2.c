/*
 * sim/actor/client_h2.c - requests of clients over H2: awaited by a script, or issued by
 * themselves, several at once. See client.h.
 */
#include <string.h>

#include "sim/actor/client.h"

enum { RETRIES_MAX = 1000 };

/* ---- scripts ---- */

static struct h2_stream *stream_of_line(const struct client *client,
                                        const struct scenario_event *event)
{
    const struct scenario_value *id = SCENARIO_ARG(event, ANSWER, STREAM);
    struct h2_stream *stream = client->h2->streams;

    if (id->is_present)
        return h2_end_stream(client->h2, (uint32_t)id->range.min);
    while (stream != NULL && stream->is_taken)
        stream = stream->next;
    return stream;
}

static void check_answer(const struct client *client, const struct h2_stream *stream,
                         const struct scenario_event *event)
{
    const struct range *status = &SCENARIO_ARG(event, ANSWER, STATUS)->range;
    const struct scenario_value *body = SCENARIO_ARG(event, ANSWER, BODY);

    if (stream->status < status->min || stream->status > status->max)
        script_fail(client->plan->name, event, "got %u instead of %llu", stream->status,
                    (unsigned long long)status->min);
    if (body->is_present &&
        (stream->body.bytes < body->range.min || stream->body.bytes > body->range.max))
        script_fail(client->plan->name, event, "got a body of another length: %llu bytes",
                    (unsigned long long)stream->body.bytes);
}

enum script_outcome client_h2_await(struct client *client, const struct scenario_event *event)
{
    const struct range *status = &SCENARIO_ARG(event, ANSWER, STATUS)->range;
    struct h2_stream *stream = client->h2 == NULL ? NULL : stream_of_line(client, event);

    if (stream != NULL && stream->interim >= status->min && stream->interim <= status->max) {
        stream->interim = 0;
        return SCRIPT_DONE;
    }
    if (stream != NULL && h2_stream_is_complete(stream)) {
        check_answer(client, stream, event);
        stream->is_taken = true;
        return SCRIPT_DONE;
    }
    if (stream != NULL && stream->is_reset_got)
        script_fail(client->plan->name, event, "has stream %u reset before the answer", stream->id);
    if (client->peer.is_reset || client->peer.is_eof || client->peer.fd < 0)
        script_fail(client->plan->name, event, "lost its connection before the answer");
    return SCRIPT_WAIT;
}

/* ---- load ---- */

static void fill(struct client *client);

static void fire_fill(struct timer *timer)
{
    fill(timer->context);
}

static void fill_later(struct client *client, uint64_t delay_ns)
{
    if (!timer_is_armed(&client->timer))
        timer_arm(&client->timer, client->lane, sched_now_ns() + delay_ns, fire_fill, client);
}

static void end_request(struct client *client, struct h2_stream *stream)
{
    timer_cancel(&stream->timer);
    stream->is_taken = true;
    client->streams_busy--;
}

static void count_retry(struct client *client)
{
    if (++client->retries > RETRIES_MAX)
        finding_fail(FINDING_LIVENESS, NULL, "liveness: %s was refused %d times",
                     client->plan->name, RETRIES_MAX);
}

/* Nobody has done anything with it: once more. */
static void retry(struct client *client)
{
    client->requests_left++;
    count_retry(client);
}

static void fire_unanswered(struct timer *timer)
{
    struct h2_stream *stream = timer->context;
    struct client *client = stream->context;

    if (!client->env->is_disturbed)
        finding_fail(FINDING_LIVENESS, NULL, "liveness: %s was not answered within %llu ms",
                     client->plan->name, (unsigned long long)(client->env->bound_ns / 1000000));
    h2_end_rst(client->h2, stream->id, H2_END_CANCEL);
    end_request(client, stream);
    fill(client);
}

static void send_request(struct client *client)
{
    struct message message = client_draw_request(client);
    struct h2_stream *stream = h2_end_request(client->h2, &message, false);

    client->streams_sent++;
    client->streams_busy++;
    stream->context = client;
    timer_arm(&stream->timer, client->lane, sched_now_ns() + client->env->bound_ns, fire_unanswered,
              stream);
    if (draw_chance(draw_from(&SCENARIO_ARG(client->plan, CLIENT, ABORT)->range))) {
        h2_end_rst(client->h2, stream->id, H2_END_CANCEL);
        end_request(client, stream);
    }
}

static uint32_t streams_at_once(const struct client *client)
{
    const struct scenario_value *streams = SCENARIO_ARG(client->plan, CLIENT, STREAMS);

    return streams->is_present ? (uint32_t)streams->range.max : 1;
}

/* May this connection carry one more? */
static bool is_usable(const struct client *client)
{
    bool is_kept = SCENARIO_ARG(client->plan, CLIENT, KEEP_ALIVE)->is_present;

    return client->h2 != NULL && peer_is_open(&client->peer) && !client->peer.is_eof &&
           !client->peer.is_close_wanted && !client->h2->is_goaway_got &&
           (is_kept || client->streams_sent < streams_at_once(client));
}

static bool has_room(const struct client *client)
{
    return client->streams_busy < streams_at_once(client) &&
           client->streams_busy < client->h2->remote[H2_END_SET_STREAMS];
}

/* Issues what may be issued now; opens a connection, or closes the last one. */
static void fill(struct client *client)
{
    if (client->requests_left == 0 && client->streams_busy == 0) {
        client_load_end(client);
        return;
    }
    if (!is_usable(client) && client->streams_busy == 0) {
        client_open(client, &SCENARIO_ARG(client->plan, CLIENT, TO)->addr);
        client->streams_sent = 0;
        client->streams_answered = 0;
    }
    while (client->requests_left != 0 && is_usable(client) && has_room(client))
        send_request(client);
    /* All of them may have been aborted. */
    if (client->streams_busy == 0 && !timer_is_armed(&client->timer) &&
        (client->requests_left == 0 || !is_usable(client)))
        fill_later(client, 0);
}

/* True when the request of this stream is over, one way or another. */
static bool look_at(struct client *client, struct h2_stream *stream, bool is_lost)
{
    bool is_stale = client->streams_answered != 0;

    if (h2_stream_is_complete(stream)) {
        client_check_status(client, stream->status);
        client->streams_answered++;
    } else if (stream->is_reset_got && stream->reset_code == H2_END_REFUSED_STREAM &&
               !stream->has_head) {
        retry(client);
    } else if (stream->is_reset_got) {
        client_check_lost(client, stream->has_head, false);
    } else if (is_lost && client->h2->is_goaway_got && stream->id > client->h2->goaway_last) {
        retry(client);
    } else if (is_lost) {
        client_check_lost(client, stream->has_head, is_stale);
        if (is_stale && !stream->has_head)
            retry(client);
    } else {
        return false;
    }
    end_request(client, stream);
    return true;
}

/* The connection ended before anything could be sent on it. */
static void reopen(struct client *client)
{
    count_retry(client);
    fill_later(client, 0);
}

void client_h2_changed(struct client *client)
{
    struct peer *peer = &client->peer;
    bool is_any_over = false;

    if (client->h2 == NULL)
        return;
    h2_end_receive(client->h2);
    h2_end_flush(client->h2);
    bool is_lost = peer->is_eof || peer->is_reset;
    for (struct h2_stream *stream = client->h2->streams; stream != NULL; stream = stream->next) {
        /* Behind a goaway it will not be served: no need to wait for the end. */
        bool is_unserved = client->h2->is_goaway_got && stream->id > client->h2->goaway_last;
        if (!stream->is_taken)
            is_any_over |= look_at(client, stream, is_lost || is_unserved);
    }
    if (is_lost)
        peer_close(peer);
    if (is_any_over)
        fill_later(client, draw_from(&SCENARIO_ARG(client->plan, CLIENT, GAP)->range));
    else if (timer_is_armed(&client->timer) || client->requests_left == 0)
        return;
    else if (!is_lost)
        fill(client); /* the settings may allow more now */
    else
        reopen(client);
}

void client_h2_load(struct client *client)
{
    fill_later(client, draw_from(&SCENARIO_ARG(client->plan, CLIENT, START)->range));
}
