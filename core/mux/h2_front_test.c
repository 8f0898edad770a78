/*
 * core/mux/h2_front_test.c - HTTP/2 towards clients. The client is nghttp2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mux/h2_testing.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"

struct bench {
    struct testing t;
    struct h2_peer client;
    struct mux *mux;
};

static struct bench *set_up_with(const struct testing_options *options)
{
    static const struct testing_options defaults;
    struct bench *bench = calloc(1, sizeof(*bench));

    assert_non_null(bench);
    testing_init(&bench->t, options != NULL ? options : &defaults);
    struct conn *conn = h2_peer_connect(&bench->t, &bench->client, false);
    assert_int_equal(mux_h2_front_new(&bench->t.env, conn, NULL, NULL, &bench->mux), 0);
    return bench;
}

static struct bench *set_up(void)
{
    return set_up_with(NULL);
}

static void tear_down(struct bench *bench)
{
    testing_fini(&bench->t);
    assert_int_equal(bench->t.ended_count, 1);
    h2_peer_free(&bench->client);
    free(bench);
}

static void run(struct bench *bench)
{
    h2_peer_run(&bench->client);
    if (bench->t.ended_count == 0)
        mux_check(bench->mux, true);
}

static struct testing_exchange *begun(struct bench *bench, unsigned index)
{
    struct testing_exchange *exchange = testing_begun(&bench->t, index);

    assert_non_null(exchange);
    return exchange;
}

static struct h2_peer_stream *get(struct bench *bench, const char *path)
{
    return h2_peer_ask(&bench->client, "GET", path, NULL, 0);
}

/* --- messages --- */

static void a_request_is_told_and_answered(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    struct h2_peer_stream *stream =
        h2_peer_ask(&bench->client, "GET", "/a?b", "x-test: one\ncookie: a=1\ncookie: b=2\n", 0);
    run(bench);
    struct testing_exchange *exchange = begun(bench, 0);
    const struct http_head *head = exchange->heads[0];
    assert_int_equal(head->method, HTTP_METHOD_GET);
    assert_string_equal(testing_text(head, head->path), "/a?b");
    assert_string_equal(testing_text(head, head->authority), "a");
    assert_string_equal(testing_text(head, head->scheme), "http");
    assert_string_equal(testing_field(head, "X-Test"), "one");
    assert_string_equal(testing_field(head, "Cookie"), "a=1; b=2");
    assert_true(head->is_end);
    assert_true(exchange->is_ended);

    struct http_head *response = testing_head(&bench->t, true);
    response->status = 200;
    response->has_length = true;
    response->length_bytes = 3;
    testing_add(response, "X-Test", "two");
    testing_add(response, "Connection", "close"); /* RFC 9113 8.2.2: must not arrive */
    testing_put_head(exchange, response);
    testing_put(exchange, "abc", 3);
    run(bench);
    assert_int_equal(stream->status, 200);
    assert_int_equal(stream->body_bytes, 3);
    assert_false(stream->is_ended);
    assert_false(exchange->stream.is_sent);
    testing_put_end(exchange, NULL);
    run(bench);
    assert_true(stream->is_ended);
    assert_true(stream->is_closed);
    assert_int_equal(stream->error, NGHTTP2_NO_ERROR);
    assert_string_equal(stream->field, "two");
    assert_string_equal(stream->length, "3");
    assert_true(exchange->stream.is_sent);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
    testing_end(exchange);
    run(bench);
    /* Nothing is kept between requests. */
    assert_int_equal(pool_count(&bench->t.env.buffers.pool), 0);
    assert_int_equal(pool_count(&bench->t.env.streams), 0);
    tear_down(bench);
}

static void trailers_go_both_ways(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    struct h2_peer_stream *stream = h2_peer_ask(&bench->client, "POST", "/", NULL, 10);
    stream->has_trailers = true;
    run(bench);
    struct testing_exchange *exchange = begun(bench, 0);
    assert_int_equal(exchange->body_len, 10);
    assert_true(exchange->is_ended);
    assert_non_null(exchange->trailers);
    assert_string_equal(testing_field(exchange->trailers, "x-trailer"), "last");

    struct http_head *response = testing_head(&bench->t, true);
    response->status = 200;
    testing_put_head(exchange, response);
    testing_put(exchange, "abc", 3);
    struct http_head *trailers = testing_head(&bench->t, true);
    testing_add(trailers, "X-Trailer", "mine");
    testing_put_end(exchange, trailers);
    run(bench);
    assert_true(stream->is_ended);
    assert_int_equal(stream->body_bytes, 3);
    assert_string_equal(stream->trailer, "mine");
    assert_true(exchange->stream.is_sent);
    tear_down(bench);
}

static void interim_heads_and_heads_without_body(void **state)
{
    static const unsigned statuses[] = {204, 304, 200};
    struct bench *bench = set_up();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct h2_peer_stream *stream =
            h2_peer_ask(&bench->client, "HEAD", "/", "expect: 100-continue\n", 0);
        run(bench);
        struct testing_exchange *exchange = begun(bench, i);
        assert_true(exchange->heads[0]->has_expect);
        assert_null(testing_field(exchange->heads[0], "expect"));
        struct http_head *interim = testing_head(&bench->t, true);
        interim->status = 103;
        testing_put_head(exchange, interim);
        run(bench);
        assert_int_equal(stream->interims, 1);
        struct http_head *response = testing_head(&bench->t, true);
        response->status = (uint16_t)statuses[i];
        response->has_length = true;
        response->length_bytes = 77;
        response->is_end = true;
        testing_put_head(exchange, response);
        run(bench);
        assert_int_equal(stream->status, statuses[i]);
        assert_string_equal(stream->length, statuses[i] == 204 ? "" : "77");
        assert_true(stream->is_ended);
        assert_int_equal(stream->error, NGHTTP2_NO_ERROR);
        testing_end(exchange);
    }
    tear_down(bench);
}

/* --- what is refused --- */

static void malformed_requests_are_refused(void **state)
{
    static const struct {
        const char *fields;
        unsigned status; /* 0: a reset */
    } cases[] = {
        {":method: GET\n:scheme: http\n:authority: a\n:path: x\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /a#b\n", 400},
        {":method: GET\n:scheme: ftp\n:authority: a\n:path: /\n", 400},
        {":method: GET\n:scheme: http\n:authority: u@a\n:path: /\n", 400},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\nhost: b\n", 400},
        {":method: CONNECT\n:authority: a:1\n", 501},
        {":method: GET\n:scheme: http\n:path: /\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\nconnection: close\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\ntransfer-encoding: chunked\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\nte: gzip\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\ncontent-length: 5\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\ncontent-length: x\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\nx-y: a\n:status: 200\n", 0},
        {":method: GET\n:method: GET\n:scheme: http\n:authority: a\n:path: /\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\nx y: b\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\nx-y:  b\n", 0},
        {":method: GET\n:scheme: http\n:authority: a\n:path: *\n", 0},
    };
    struct bench *bench = set_up();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h2_peer_stream *stream = h2_peer_ask_raw(&bench->client, cases[i].fields, 0);
        run(bench);
        if (bench->t.begun_count != 0)
            fail_msg("let through: %s", cases[i].fields);
        if (!stream->is_closed || stream->status != cases[i].status)
            fail_msg("status %u: %s", stream->status, cases[i].fields);
        assert_int_equal(stream->error,
                         cases[i].status == 0 ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_NO_ERROR);
        assert_int_equal(pool_count(&bench->t.env.streams), 0);
        assert_int_equal(pool_count(&bench->t.env.heads), 0);
    }
    /* Each was an error of its stream alone. */
    struct h2_peer_stream *stream = get(bench, "/good");
    run(bench);
    testing_answer(begun(bench, 0), 200, "abc", 3, true);
    run(bench);
    assert_true(stream->is_ended);
    assert_int_equal(bench->client.goaways, 0);
    tear_down(bench);
}

static void body_that_is_not_as_long_as_announced_is_an_error(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct h2_peer_stream *stream =
            h2_peer_ask(&bench->client, "POST", "/", "content-length: 5\n", i == 0 ? 4 : 6);
        run(bench);
        assert_true(stream->is_closed);
        assert_int_equal(stream->error, NGHTTP2_PROTOCOL_ERROR);
        struct testing_exchange *exchange = begun(bench, i);
        assert_true(exchange->is_broken);
        assert_int_equal(exchange->stream.error, STREAM_ERROR_PROTOCOL);
        testing_end(exchange);
        run(bench);
    }
    tear_down(bench);
}

static void head_over_the_limit_is_answered_431(void **state)
{
    struct bench *bench = set_up();
    char fields[8192];

    (void)state;
    /* Too much text, too many fields; with and without a body to come. */
    for (unsigned i = 0; i < 4; i++) {
        size_t len = 0;
        if (i % 2 == 0) {
            len = (size_t)snprintf(fields, sizeof(fields), "x-y: ");
            memset(fields + len, 'a', 5000);
            (void)snprintf(fields + len + 5000, sizeof(fields) - len - 5000, "\n");
        } else {
            for (int k = 0; k < HTTP_FIELDS_MAX + 1; k++)
                len += (size_t)snprintf(fields + len, sizeof(fields) - len, "x-%d: a\n", k);
        }
        struct h2_peer_stream *stream =
            h2_peer_ask(&bench->client, i < 2 ? "GET" : "POST", "/", fields, i < 2 ? 0 : 20000);
        run(bench);
        assert_int_equal(stream->status, 431);
        assert_true(stream->is_closed);
        assert_int_equal(stream->error, NGHTTP2_NO_ERROR);
        assert_int_equal(bench->t.begun_count, 0);
    }
    assert_int_equal(pool_count(&bench->t.env.streams), 0);
    tear_down(bench);
}

static void host_without_memory_refuses_the_stream(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    bench->t.is_refusing = true;
    struct h2_peer_stream *stream = get(bench, "/");
    run(bench);
    assert_true(stream->is_closed);
    assert_int_equal(stream->error, NGHTTP2_REFUSED_STREAM);
    bench->t.is_refusing = false;
    bench->t.env.heads.count_max = 0;
    stream = get(bench, "/");
    run(bench);
    assert_int_equal(stream->error, NGHTTP2_REFUSED_STREAM);
    bench->t.env.heads.count_max = 1 << 16;
    stream = get(bench, "/");
    run(bench);
    assert_false(stream->is_closed);
    tear_down(bench);
}

/* --- ends --- */

static void reset_by_the_client_reaches_the_exchange(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    struct h2_peer_stream *stream = get(bench, "/");
    struct h2_peer_stream *other = get(bench, "/other");
    run(bench);
    struct testing_exchange *exchange = begun(bench, 0);
    testing_answer(exchange, 200, NULL, 1 << 20, true);
    stream->is_holding = true;
    run(bench);
    h2_peer_reset(&bench->client, stream, NGHTTP2_CANCEL);
    run(bench);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_RESET);
    testing_end(exchange);
    testing_answer(begun(bench, 1), 200, "abc", 3, true);
    run(bench);
    assert_true(other->is_ended);
    assert_int_equal(other->body_bytes, 3);
    tear_down(bench);
}

static void exchange_that_lets_go_resets_the_stream(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    /* Before the response is complete. */
    struct h2_peer_stream *stream = get(bench, "/");
    run(bench);
    testing_answer(begun(bench, 0), 200, NULL, 1 << 20, true);
    stream->is_holding = true;
    run(bench);
    testing_end(begun(bench, 0));
    run(bench);
    assert_true(stream->is_closed);
    assert_int_equal(stream->error, NGHTTP2_CANCEL);
    /* After it, while the request still comes: RFC 9113 8.1. */
    stream = h2_peer_ask(&bench->client, "POST", "/", NULL, 10);
    stream->is_open_ended = true;
    run(bench);
    testing_answer(begun(bench, 1), 200, "abc", 3, true);
    run(bench);
    assert_true(stream->is_ended);
    assert_false(stream->is_closed);
    testing_end(begun(bench, 1));
    run(bench);
    assert_true(stream->is_closed);
    assert_int_equal(stream->error, NGHTTP2_NO_ERROR);
    tear_down(bench);
}

static void broken_response_is_reset(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    struct h2_peer_stream *stream = get(bench, "/");
    run(bench);
    struct testing_exchange *exchange = begun(bench, 0);
    struct http_head *response = testing_head(&bench->t, true);
    response->status = 200;
    testing_put_head(exchange, response);
    testing_put(exchange, "abc", 3);
    channel_break(&exchange->send);
    run(bench);
    assert_int_equal(stream->body_bytes, 3);
    assert_true(stream->is_closed);
    assert_int_equal(stream->error, NGHTTP2_INTERNAL_ERROR);
    tear_down(bench);
}

static void client_that_vanishes_resets_all(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        (void)get(bench, "/");
    run(bench);
    testing_answer(begun(bench, 0), 200, NULL, 1 << 20, true);
    testing_reset(&bench->client.peer);
    testing_run(&bench->t);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(begun(bench, i)->stream.error, STREAM_ERROR_RESET);
        assert_int_equal(bench->t.ended_count, 0);
        testing_end(begun(bench, i));
    }
    testing_run(&bench->t);
    assert_int_equal(bench->t.ended_count, 1);
    tear_down(bench);
}

static void stopping_finishes_what_was_begun(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    struct h2_peer_stream *stream = get(bench, "/");
    run(bench);
    bench->mux->ops->stop(bench->mux);
    /* Sent before the client could know. */
    struct h2_peer_stream *late = get(bench, "/late");
    run(bench);
    assert_int_equal(bench->client.goaways, 2);
    assert_int_equal(bench->client.goaway_error, NGHTTP2_NO_ERROR);
    assert_int_equal(bench->client.goaway_last, late->id);
    testing_answer(begun(bench, 0), 200, "abc", 3, true);
    testing_answer(begun(bench, 1), 200, "abc", 3, true);
    run(bench);
    assert_true(stream->is_ended);
    assert_true(late->is_ended);
    assert_int_equal(bench->t.ended_count, 0);
    testing_end(begun(bench, 0));
    testing_end(begun(bench, 1));
    run(bench);
    assert_true(bench->client.peer.is_ended);
    testing_close(&bench->client.peer);
    run(bench);
    assert_int_equal(bench->t.ended_count, 1);
    tear_down(bench);
}

static void stopping_does_not_wait_for_a_silent_client(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    run(bench);
    bench->client.peer.is_deaf = true;
    bench->mux->ops->stop(bench->mux);
    run(bench);
    testing_pass(&bench->t, UINT64_C(1100000000)); /* the ping */
    testing_pass(&bench->t, UINT64_C(1100000000)); /* the end */
    assert_int_equal(bench->t.ended_count, 1);
    tear_down(bench);
}

/* --- dates --- */

static void idle_client_is_sent_away(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    run(bench);
    testing_pass(&bench->t, UINT64_C(4000000000));
    assert_false(bench->client.peer.is_ended);
    struct h2_peer_stream *stream = get(bench, "/");
    run(bench);
    testing_pass(&bench->t, UINT64_C(20000000000)); /* not while it waits for us */
    assert_false(bench->client.peer.is_ended);
    testing_answer(begun(bench, 0), 200, "abc", 3, true);
    run(bench);
    testing_end(begun(bench, 0));
    run(bench);
    assert_true(stream->is_ended);
    testing_pass(&bench->t, UINT64_C(6900000000));
    assert_false(bench->client.peer.is_ended);
    testing_pass(&bench->t, UINT64_C(200000000));
    assert_true(bench->client.peer.is_ended);
    run(bench);
    assert_int_equal(bench->client.goaways, 1);
    assert_int_equal(bench->client.goaway_error, NGHTTP2_NO_ERROR);
    testing_pass(&bench->t, UINT64_C(1100000000));
    assert_int_equal(bench->t.ended_count, 1);
    tear_down(bench);
}

static void client_that_asks_nothing_is_sent_away(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    testing_run(&bench->t); /* not even its preface */
    testing_pass(&bench->t, UINT64_C(4900000000));
    assert_false(bench->client.peer.is_ended);
    testing_pass(&bench->t, UINT64_C(200000000));
    assert_true(bench->client.peer.is_ended);
    testing_pass(&bench->t, UINT64_C(1100000000));
    assert_int_equal(bench->t.ended_count, 1);
    tear_down(bench);
}

static void stream_whose_window_stays_shut_times_out(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    struct h2_peer_stream *stream = get(bench, "/");
    stream->is_holding = true;
    run(bench);
    testing_answer(begun(bench, 0), 200, NULL, 1 << 20, true);
    run(bench);
    assert_int_equal(stream->body_bytes, 65535);
    testing_pass(&bench->t, UINT64_C(5000000000));
    run(bench);
    assert_int_equal(begun(bench, 0)->stream.error, STREAM_ERROR_NONE);
    for (int i = 0; i < 3; i++)
        testing_pass(&bench->t, UINT64_C(6000000000));
    run(bench);
    assert_int_equal(begun(bench, 0)->stream.error, STREAM_ERROR_TIMEOUT);
    assert_int_equal(bench->client.failed, 0);
    assert_int_equal(bench->client.goaways, 0);
    assert_false(bench->client.peer.is_ended);
    assert_true(stream->is_closed);
    assert_int_equal(stream->error, NGHTTP2_CANCEL);
    tear_down(bench);
}

static void client_that_reads_nothing_times_out(void **state)
{
    struct bench *bench = set_up_with(&(struct testing_options){.kernel_bytes = 4096});

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        (void)get(bench, "/");
    run(bench);
    bench->client.peer.is_deaf = true;
    for (unsigned i = 0; i < 20; i++)
        testing_answer(begun(bench, i), 200, NULL, 60000, true);
    run(bench);
    testing_pass(&bench->t, UINT64_C(10900000000));
    assert_int_equal(begun(bench, 19)->stream.error, STREAM_ERROR_NONE);
    testing_pass(&bench->t, UINT64_C(200000000));
    assert_int_equal(begun(bench, 19)->stream.error, STREAM_ERROR_TIMEOUT);
    assert_int_equal(pool_count(&bench->t.env.buffers.pool), 0);
    tear_down(bench);
}

/* --- floods --- */

static void flood_of_pings_ends_the_connection(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    for (int i = 0; i < 300 && bench->client.goaways == 0; i++) {
        assert_int_equal(nghttp2_submit_ping(bench->client.session, NGHTTP2_FLAG_NONE, NULL), 0);
        h2_peer_run(&bench->client);
    }
    assert_int_equal(bench->client.goaways, 1);
    assert_int_equal(bench->client.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    tear_down(bench);
}

static void flood_of_settings_ends_the_connection(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    for (int i = 0; i < 300 && bench->client.goaways == 0; i++) {
        assert_int_equal(nghttp2_submit_settings(bench->client.session, NGHTTP2_FLAG_NONE, NULL, 0),
                         0);
        h2_peer_run(&bench->client);
    }
    assert_int_equal(bench->client.goaways, 1);
    assert_int_equal(bench->client.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    tear_down(bench);
}

static void flood_of_resets_ends_the_connection(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    run(bench);
    for (int i = 0; i < 1000 && bench->client.goaways == 0; i++) {
        struct h2_peer_stream *stream = get(bench, "/");
        h2_peer_run(&bench->client);
        h2_peer_reset(&bench->client, stream, NGHTTP2_CANCEL);
        h2_peer_run(&bench->client);
        struct testing_exchange *exchange = testing_begun(&bench->t, bench->t.begun_count - 1);
        if (exchange != NULL)
            testing_end(exchange);
    }
    assert_int_equal(bench->client.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(bench->t.begun_count < 300);
    tear_down(bench);
}

static void flood_of_empty_data_ends_its_connection(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    struct h2_peer_stream *stream = h2_peer_ask(&bench->client, "POST", "/", NULL, 1);
    stream->is_open_ended = true;
    run(bench);
    for (int i = 0; i < 1000 && bench->client.goaways == 0; i++) {
        h2_peer_say_frame(&bench->client, NGHTTP2_DATA, 0, stream->id, NULL, 0);
        if (i % 50 == 49)
            h2_peer_run(&bench->client);
    }
    assert_int_equal(bench->client.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(begun(bench, 0)->stream.error, STREAM_ERROR_PROTOCOL);
    tear_down(bench);
}

static void cancelling_now_and_then_is_no_flood(void **state)
{
    struct bench *bench = set_up();

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        struct h2_peer_stream *lost = get(bench, "/");
        run(bench);
        h2_peer_reset(&bench->client, lost, NGHTTP2_CANCEL);
        testing_end(begun(bench, 2 * i));
        struct h2_peer_stream *good = get(bench, "/");
        run(bench);
        testing_answer(begun(bench, 2 * i + 1), 200, "abc", 3, true);
        run(bench);
        assert_true(good->is_ended);
        testing_end(begun(bench, 2 * i + 1));
    }
    assert_int_equal(bench->client.goaways, 0);
    tear_down(bench);
}

static void streams_over_the_limit_are_refused(void **state)
{
    struct bench *bench = set_up_with(&(struct testing_options){.streams_max = 10});

    (void)state;
    for (unsigned i = 0; i < 15; i++) /* before it knows the limit */
        (void)get(bench, "/");
    run(bench);
    assert_int_equal(bench->client.streams_max, 10);
    assert_int_equal(bench->t.begun_count, 10);
    unsigned refused = 0;
    for (unsigned i = 0; i < 15; i++)
        refused += bench->client.streams[i].error == NGHTTP2_REFUSED_STREAM;
    assert_int_equal(refused, 5);
    tear_down(bench);
}

static void garbage_ends_the_connection(void **state)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\nabcdefghij",
                                        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxxxxxxxxxx"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct bench *bench = set_up();
        testing_say(&bench->client.peer, texts[i]);
        testing_run(&bench->t);
        testing_pass(&bench->t, UINT64_C(1100000000));
        assert_int_equal(bench->t.ended_count, 1);
        tear_down(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_told_and_answered),
        cmocka_unit_test(trailers_go_both_ways),
        cmocka_unit_test(interim_heads_and_heads_without_body),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(body_that_is_not_as_long_as_announced_is_an_error),
        cmocka_unit_test(head_over_the_limit_is_answered_431),
        cmocka_unit_test(host_without_memory_refuses_the_stream),
        cmocka_unit_test(reset_by_the_client_reaches_the_exchange),
        cmocka_unit_test(exchange_that_lets_go_resets_the_stream),
        cmocka_unit_test(broken_response_is_reset),
        cmocka_unit_test(client_that_vanishes_resets_all),
        cmocka_unit_test(stopping_finishes_what_was_begun),
        cmocka_unit_test(stopping_does_not_wait_for_a_silent_client),
        cmocka_unit_test(idle_client_is_sent_away),
        cmocka_unit_test(client_that_asks_nothing_is_sent_away),
        cmocka_unit_test(stream_whose_window_stays_shut_times_out),
        cmocka_unit_test(client_that_reads_nothing_times_out),
        cmocka_unit_test(flood_of_pings_ends_the_connection),
        cmocka_unit_test(flood_of_settings_ends_the_connection),
        cmocka_unit_test(flood_of_resets_ends_the_connection),
        cmocka_unit_test(flood_of_empty_data_ends_its_connection),
        cmocka_unit_test(cancelling_now_and_then_is_no_flood),
        cmocka_unit_test(streams_over_the_limit_are_refused),
        cmocka_unit_test(garbage_ends_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
