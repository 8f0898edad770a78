/*
 * core/mux/h2_back_test.c - HTTP/2 towards servers: many requests over one connection, its going
 * idle and changing its worker, and servers that leave. The server is nghttp2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/mux/h2_testing.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"

struct bench {
    struct testing t;
    struct h2_peer server;
    struct mux *mux;
};

static struct bench *set_up(const struct testing_options *options)
{
    static const struct testing_options defaults;
    struct bench *bench = calloc(1, sizeof(*bench));

    assert_non_null(bench);
    testing_init(&bench->t, options != NULL ? options : &defaults);
    struct conn *conn = h2_peer_connect(&bench->t, &bench->server, true);
    assert_int_equal(mux_h2_back_new(&bench->t.env, conn, bench->t.server, &bench->mux), 0);
    return bench;
}

static void tear_down(struct bench *bench)
{
    testing_fini(&bench->t);
    h2_peer_free(&bench->server);
    free(bench);
}

static void run(struct bench *bench)
{
    h2_peer_run(&bench->server);
}

/* A request that waits in a stream of the mux. */
static struct testing_exchange *ask(struct bench *bench, const char *method, const char *path)
{
    struct testing_exchange *exchange = testing_ask(&bench->t, method, path, NULL);

    testing_ask_end(exchange);
    assert_int_equal(mux_attach(bench->mux, &exchange->stream), 0);
    return exchange;
}

static void check_ok(struct testing_exchange *exchange, uint64_t body_bytes)
{
    assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
    assert_true(exchange->heads_count > 0);
    assert_int_equal(exchange->heads[exchange->heads_count - 1]->status, 200);
    assert_int_equal(exchange->body_bytes, body_bytes);
    assert_true(exchange->is_ended);
    assert_true(exchange->stream.is_sent);
}

static void a_request_is_sent_and_answered(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *exchange = testing_ask(
        &bench->t, "POST", "/a?b", "X-Test: one\nConnection: close\nTransfer-Encoding: chunked\n");
    testing_ask_body(exchange, "abc", 3, true);
    assert_int_equal(mux_attach(bench->mux, &exchange->stream), 0);
    run(bench);
    struct h2_peer_stream *stream = h2_peer_seen(&bench->server, 0);
    assert_non_null(stream);
    assert_string_equal(stream->path, "/a?b");
    assert_string_equal(stream->field, "one");
    assert_string_equal(stream->length, "3");
    assert_int_equal(stream->body_bytes, 3);
    assert_false(stream->is_ended);
    testing_put_end(exchange, NULL);
    run(bench);
    assert_true(stream->is_ended);
    assert_true(exchange->stream.is_sent);
    stream->has_trailers = true;
    h2_peer_interim(&bench->server, stream, 103);
    h2_peer_answer(&bench->server, stream, 200, "x-test: two\n", 10);
    run(bench);
    assert_int_equal(exchange->heads_count, 2);
    assert_int_equal(exchange->heads[0]->status, 103);
    assert_string_equal(testing_field(exchange->heads[1], "X-Test"), "two");
    assert_false(exchange->heads[1]->is_end);
    assert_non_null(exchange->trailers);
    assert_string_equal(testing_field(exchange->trailers, "x-trailer"), "last");
    check_ok(exchange, 10);
    testing_end(exchange);
    run(bench);
    assert_int_equal(bench->mux->idle.place, IDLE_IN_SAFE);
    assert_int_equal(pool_count(&bench->t.env.buffers.pool), 0);
    mux_check(bench->mux, true);
    tear_down(bench);
}

static void trailers_of_a_request_are_sent(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *exchange = testing_ask(&bench->t, "POST", "/", NULL);
    testing_ask_body(exchange, "abc", 3, false);
    assert_int_equal(mux_attach(bench->mux, &exchange->stream), 0);
    struct http_head *trailers = testing_head(&bench->t, false);
    testing_add(trailers, "X-Trailer", "mine");
    testing_put_end(exchange, trailers);
    run(bench);
    struct h2_peer_stream *stream = h2_peer_seen(&bench->server, 0);
    assert_true(stream->is_ended);
    assert_string_equal(stream->trailer, "mine");
    assert_string_equal(stream->length, "");
    tear_down(bench);
}

static void many_requests_share_a_connection(void **state)
{
    enum { REQUESTS = 50 };
    struct bench *bench = set_up(&(struct testing_options){.streams_max = REQUESTS});
    struct testing_exchange *exchanges[REQUESTS];

    (void)state;
    for (unsigned i = 0; i < REQUESTS; i++) {
        assert_int_equal(bench->mux->ops->room(bench->mux), REQUESTS - i);
        exchanges[i] = ask(bench, "GET", "/");
        assert_int_equal(bench->mux->idle.place, i + 1 < REQUESTS ? IDLE_IN_AVAIL : IDLE_NOWHERE);
    }
    struct testing_exchange *one_more = testing_ask(&bench->t, "GET", "/", NULL);
    testing_ask_end(one_more);
    assert_int_equal(mux_attach(bench->mux, &one_more->stream), -ERR_FULL);
    run(bench);
    assert_int_equal(bench->server.begun, REQUESTS);
    for (unsigned i = 0; i < REQUESTS; i++)
        h2_peer_answer(&bench->server, h2_peer_seen(&bench->server, REQUESTS - 1 - i), 200, NULL,
                       20000);
    run(bench);
    for (unsigned i = 0; i < REQUESTS; i++) {
        check_ok(exchanges[i], 20000);
        testing_end(exchanges[i]);
        assert_int_equal(bench->mux->idle.place, i + 1 < REQUESTS ? IDLE_IN_AVAIL : IDLE_IN_SAFE);
    }
    run(bench);
    assert_int_equal(bench->mux->idle.place, IDLE_IN_SAFE);
    tear_down(bench);
}

static void server_that_allows_less_gets_less(void **state)
{
    struct bench *bench = set_up(NULL);
    nghttp2_settings_entry two = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2};

    (void)state;
    struct testing_exchange *exchange = ask(bench, "GET", "/");
    run(bench);
    assert_int_equal(bench->mux->idle.place, IDLE_IN_AVAIL);
    assert_int_equal(nghttp2_submit_settings(bench->server.session, NGHTTP2_FLAG_NONE, &two, 1), 0);
    run(bench);
    assert_int_equal(bench->mux->ops->room(bench->mux), 1);
    struct testing_exchange *second = ask(bench, "GET", "/");
    assert_int_equal(bench->mux->idle.place, IDLE_NOWHERE);
    testing_end(exchange);
    assert_int_equal(bench->mux->idle.place, IDLE_IN_AVAIL);
    testing_end(second);
    run(bench);
    tear_down(bench);
}

static void reset_and_refusal_are_told_apart(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *reset = ask(bench, "GET", "/");
    struct testing_exchange *refused = ask(bench, "GET", "/");
    struct testing_exchange *half = ask(bench, "GET", "/");
    struct testing_exchange *good = ask(bench, "GET", "/");
    run(bench);
    h2_peer_reset(&bench->server, h2_peer_seen(&bench->server, 0), NGHTTP2_INTERNAL_ERROR);
    h2_peer_reset(&bench->server, h2_peer_seen(&bench->server, 1), NGHTTP2_REFUSED_STREAM);
    struct h2_peer_stream *stream = h2_peer_seen(&bench->server, 2);
    stream->is_open_ended = true;
    h2_peer_answer(&bench->server, stream, 200, NULL, 100);
    run(bench);
    h2_peer_reset(&bench->server, stream, NGHTTP2_CANCEL);
    h2_peer_answer(&bench->server, h2_peer_seen(&bench->server, 3), 200, NULL, 100);
    run(bench);
    assert_int_equal(reset->stream.error, STREAM_ERROR_RESET);
    assert_int_equal(refused->stream.error, STREAM_ERROR_REFUSED);
    assert_int_equal(half->stream.error, STREAM_ERROR_RESET);
    assert_int_equal(half->body_bytes, 100);
    assert_true(half->is_broken);
    check_ok(good, 100);
    tear_down(bench);
}

static void answer_before_the_end_of_the_request(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *exchange = testing_ask(&bench->t, "POST", "/", NULL);
    testing_ask_body(exchange, NULL, 1 << 20, true);
    assert_int_equal(mux_attach(bench->mux, &exchange->stream), 0);
    bench->server.streams[0].is_holding = true;
    run(bench);
    struct h2_peer_stream *stream = h2_peer_seen(&bench->server, 0);
    h2_peer_answer(&bench->server, stream, 200, NULL, 10);
    run(bench);
    h2_peer_reset(&bench->server, stream, NGHTTP2_NO_ERROR);
    run(bench);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
    assert_true(exchange->is_ended);
    assert_true(channel_has(&exchange->send, CHANNEL_CLOSED));
    testing_end(exchange);
    run(bench);
    assert_int_equal(bench->mux->idle.place, IDLE_IN_IDLE);
    tear_down(bench);
}

static void exchange_that_lets_go_cancels(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *unsent = ask(bench, "GET", "/never");
    struct testing_exchange *exchange = ask(bench, "GET", "/");
    testing_end(unsent); /* before it was given to nghttp2 */
    run(bench);
    assert_int_equal(bench->server.begun, 1);
    testing_end(exchange);
    run(bench);
    struct h2_peer_stream *stream = h2_peer_seen(&bench->server, 0);
    assert_true(stream->is_closed);
    assert_int_equal(stream->error, NGHTTP2_CANCEL);
    assert_int_equal(bench->mux->idle.place, IDLE_IN_IDLE);
    /* It is still good for others. */
    struct idle_conn *conn = idle_get(bench->t.server, &(struct idle_want){.may_idle = true});
    assert_non_null(conn);
    assert_ptr_equal(mux_of_idle(conn), bench->mux);
    exchange = ask(bench, "GET", "/");
    run(bench);
    h2_peer_answer(&bench->server, h2_peer_seen(&bench->server, 1), 200, NULL, 10);
    run(bench);
    check_ok(exchange, 10);
    tear_down(bench);
}

/* Whoever lets go last must not leave something that nobody will come upon. */
static void connection_that_cannot_be_idle_ends(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *exchange = ask(bench, "GET", "/");
    testing_end(exchange); /* not even connected, as far as it knows */
    assert_int_equal(pool_count(&bench->t.env.muxes[MUX_H2]), 0);
    run(bench);
    assert_true(bench->server.peer.is_ended);
    tear_down(bench);
}

static void goaway_spares_what_the_server_has_begun(void **state)
{
    struct bench *bench = set_up(NULL);
    struct testing_exchange *exchanges[6];

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        exchanges[i] = ask(bench, "GET", "/");
    run(bench);
    /* It has looked at the first three. */
    assert_int_equal(nghttp2_submit_goaway(bench->server.session, NGHTTP2_FLAG_NONE, 5,
                                           NGHTTP2_NO_ERROR, NULL, 0),
                     0);
    run(bench);
    assert_int_equal(bench->mux->ops->room(bench->mux), 0);
    assert_int_equal(bench->mux->idle.place, IDLE_NOWHERE);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(exchanges[i]->stream.error, STREAM_ERROR_NONE);
        assert_int_equal(exchanges[i + 3]->stream.error, STREAM_ERROR_REFUSED);
        testing_end(exchanges[i + 3]);
        h2_peer_answer(&bench->server, h2_peer_seen(&bench->server, i), 200, NULL, 100);
    }
    run(bench);
    for (unsigned i = 0; i < 3; i++) {
        check_ok(exchanges[i], 100);
        testing_end(exchanges[i]);
    }
    run(bench);
    assert_int_equal(pool_count(&bench->t.env.muxes[MUX_H2]), 0);
    assert_true(bench->server.peer.is_ended);
    tear_down(bench);
}

static void requests_not_sent_yet_are_refused_by_goaway(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *first = ask(bench, "GET", "/");
    run(bench);
    assert_int_equal(nghttp2_submit_goaway(bench->server.session, NGHTTP2_FLAG_NONE, 1,
                                           NGHTTP2_NO_ERROR, NULL, 0),
                     0);
    struct testing_exchange *second = ask(bench, "GET", "/");
    run(bench);
    run(bench);
    assert_int_equal(first->stream.error, STREAM_ERROR_NONE);
    assert_int_equal(second->stream.error, STREAM_ERROR_REFUSED);
    tear_down(bench);
}

static void server_that_vanishes(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *begun = ask(bench, "GET", "/");
    struct testing_exchange *whole = ask(bench, "GET", "/");
    run(bench);
    h2_peer_answer(&bench->server, h2_peer_seen(&bench->server, 1), 200, NULL, 100);
    run(bench);
    testing_close(&bench->server.peer);
    testing_run(&bench->t);
    assert_int_equal(begun->stream.error, STREAM_ERROR_RESET);
    check_ok(whole, 100);
    testing_end(begun);
    testing_end(whole);
    testing_run(&bench->t);
    assert_int_equal(pool_count(&bench->t.env.muxes[MUX_H2]), 0);
    tear_down(bench);
}

static void connection_that_is_never_made(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *exchange = ask(bench, "GET", "/");
    /* As if it were awaited: nothing is asked of the poller, which would say that it is made. */
    bench->mux->conn->flags |= CONN_CONNECTING | CONN_WAIT_SEND;
    testing_run(&bench->t);
    testing_pass(&bench->t, UINT64_C(3100000000));
    assert_int_equal(exchange->stream.error, STREAM_ERROR_CONNECT);
    testing_end(exchange);
    testing_run(&bench->t);
    assert_int_equal(pool_count(&bench->t.env.muxes[MUX_H2]), 0);
    tear_down(bench);
}

static void malformed_responses_fail_their_stream_alone(void **state)
{
    static const struct {
        const char *fields;
        enum stream_error error;
    } cases[] = {
        {"connection: close\n", STREAM_ERROR_PROTOCOL},
        {"content-length: 5\n", STREAM_ERROR_PROTOCOL},
        {"x y: z\n", STREAM_ERROR_PROTOCOL},
        {":path: /\n", STREAM_ERROR_PROTOCOL},
        {NULL, STREAM_ERROR_TOO_LONG},
    };
    struct bench *bench = set_up(NULL);
    char text[6000];

    (void)state;
    int len = snprintf(text, sizeof(text), "x-y: ");
    memset(text + len, 'a', 5000);
    memcpy(text + len + 5000, "\n", 2);
    struct testing_exchange *other = ask(bench, "GET", "/");
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct testing_exchange *exchange = ask(bench, "GET", "/");
        run(bench);
        const char *fields = cases[i].fields != NULL ? cases[i].fields : text;
        h2_peer_answer(&bench->server, h2_peer_seen(&bench->server, i + 1), 200, fields, 10);
        run(bench);
        assert_int_equal(exchange->stream.error, cases[i].error);
        testing_end(exchange);
    }
    h2_peer_answer(&bench->server, h2_peer_seen(&bench->server, 0), 200, NULL, 10);
    run(bench);
    check_ok(other, 10);
    tear_down(bench);
}

/* --- idle --- */

static void idle_connection_answers_and_stays(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *exchange = ask(bench, "GET", "/");
    run(bench);
    h2_peer_answer(&bench->server, h2_peer_seen(&bench->server, 0), 200, NULL, 10);
    run(bench);
    testing_end(exchange);
    run(bench);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bench->mux->idle.place, IDLE_IN_SAFE);
        uint64_t heard = bench->server.peer.heard_bytes;
        assert_int_equal(nghttp2_submit_ping(bench->server.session, NGHTTP2_FLAG_NONE, NULL), 0);
        run(bench);
        assert_int_equal(bench->server.peer.heard_bytes, heard + 17);
        mux_check(bench->mux, true);
    }
    /* A server that takes its leave is not kept. */
    assert_int_equal(nghttp2_submit_goaway(bench->server.session, NGHTTP2_FLAG_NONE, 1,
                                           NGHTTP2_NO_ERROR, NULL, 0),
                     0);
    run(bench);
    assert_int_equal(pool_count(&bench->t.env.muxes[MUX_H2]), 0);
    tear_down(bench);
}

static void idle_connection_ends_in_time(void **state)
{
    struct bench *bench = set_up(NULL);

    (void)state;
    struct testing_exchange *exchange = ask(bench, "GET", "/");
    run(bench);
    testing_end(exchange);
    run(bench);
    testing_pass(&bench->t, UINT64_C(59000000000));
    assert_int_equal(pool_count(&bench->t.env.muxes[MUX_H2]), 1);
    testing_pass(&bench->t, UINT64_C(1100000000));
    assert_int_equal(pool_count(&bench->t.env.muxes[MUX_H2]), 0);
    tear_down(bench);
}

static void another_worker_takes_it_and_goes_on(void **state)
{
    struct bench *bench = set_up(&(struct testing_options){.workers = 2});

    (void)state;
    struct idle_want want = {.may_idle = true};
    for (unsigned i = 0; i < 6; i++) {
        int worker = (int)(i % 2);
        testing_on(&bench->t, worker);
        if (i > 0) {
            struct idle_conn *conn = idle_get(bench->t.server, &want);
            assert_non_null(conn);
            assert_ptr_equal(mux_of_idle(conn), bench->mux);
        }
        assert_int_equal(bench->mux->idle.worker, worker);
        struct testing_exchange *exchange = ask(bench, "GET", "/");
        run(bench);
        h2_peer_answer(&bench->server, h2_peer_seen(&bench->server, i), 200, NULL, 10000);
        run(bench);
        check_ok(exchange, 10000);
        testing_end(exchange);
        run(bench);
        mux_check(bench->mux, true);
    }
    assert_int_equal(bench->t.env.takeovers, 5);
    tear_down(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_sent_and_answered),
        cmocka_unit_test(trailers_of_a_request_are_sent),
        cmocka_unit_test(many_requests_share_a_connection),
        cmocka_unit_test(server_that_allows_less_gets_less),
        cmocka_unit_test(reset_and_refusal_are_told_apart),
        cmocka_unit_test(answer_before_the_end_of_the_request),
        cmocka_unit_test(exchange_that_lets_go_cancels),
        cmocka_unit_test(connection_that_cannot_be_idle_ends),
        cmocka_unit_test(goaway_spares_what_the_server_has_begun),
        cmocka_unit_test(requests_not_sent_yet_are_refused_by_goaway),
        cmocka_unit_test(server_that_vanishes),
        cmocka_unit_test(connection_that_is_never_made),
        cmocka_unit_test(malformed_responses_fail_their_stream_alone),
        cmocka_unit_test(idle_connection_answers_and_stays),
        cmocka_unit_test(idle_connection_ends_in_time),
        cmocka_unit_test(another_worker_takes_it_and_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
