/*
 * core/mux/h1_back_test.c - HTTP/1.1 towards servers: requests out, responses in, and the
 * ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/mux/h1_bench.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"

#define HEAD_X "GET /x HTTP/1.1\r\nHost: a\r\nVia: 1.1 heddle\r\n\r\n"

static void one_connection_asks_many_times(void **state)
{
    struct bench bench;

    (void)state;
    bench_back(&bench, NULL);
    for (unsigned i = 0; i < 5; i++) {
        struct testing_exchange *exchange = bench_get(&bench, "GET", "X: y\n");
        assert_string_equal(testing_heard(&bench.peer),
                            "GET /x HTTP/1.1\r\nHost: a\r\nX: y\r\nVia: 1.1 heddle\r\n\r\n");
        assert_true(exchange->stream.is_sent);
        testing_say(&bench.peer, BENCH_OK);
        testing_run(&bench.t);
        assert_int_equal(exchange->heads_count, 1);
        assert_int_equal(exchange->heads[0]->status, 200);
        assert_string_equal(exchange->body, "abc");
        assert_true(exchange->is_ended);
        testing_end(exchange);
        testing_run(&bench.t);
        mux_check(bench.mux, true);
        assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
        /* After the first request it is not known to be safe: RFC 9112 9.3.1. */
        assert_int_equal(bench.mux->idle.place, i == 0 ? IDLE_IN_IDLE : IDLE_IN_SAFE);
        assert_true(bench_reuse(&bench));
    }
    bench_end_mux(&bench);
    bench_fini(&bench);
}

/* --- requests --- */

struct request_case {
    const char *method;
    const char *body; /* NULL: none */
    bool has_length;
    bool has_expect;
    const char *want;
};

static const struct request_case requests[] = {
    {"GET", NULL, false, false, HEAD_X},
    {"POST", NULL, true, false,
     "POST /x HTTP/1.1\r\nHost: a\r\nVia: 1.1 heddle\r\nContent-Length: 0\r\n\r\n"},
    {"POST", "abc", true, false,
     "POST /x HTTP/1.1\r\nHost: a\r\nVia: 1.1 heddle\r\nContent-Length: 3\r\n\r\nabc"},
    {"POST", "abc", false, false,
     "POST /x HTTP/1.1\r\nHost: a\r\nVia: 1.1 heddle\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0\r\n\r\n"},
    {"PUT", "abc", true, true,
     "PUT /x HTTP/1.1\r\nHost: a\r\nVia: 1.1 heddle\r\nExpect: 100-continue\r\n"
     "Content-Length: 3\r\n\r\nabc"},
};

static void requests_are_framed_by_what_is_known_of_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        const struct request_case *c = &requests[i];
        struct bench bench;
        bench_back(&bench, NULL);
        struct testing_exchange *exchange = testing_ask(&bench.t, c->method, "/x", NULL);
        exchange->head->has_length = c->has_length;
        exchange->head->has_expect = c->has_expect;
        assert_int_equal(mux_attach(bench.mux, &exchange->stream), 0);
        if (c->body == NULL) {
            testing_ask_end(exchange);
        } else {
            testing_ask_body(exchange, c->body, strlen(c->body), c->has_length);
            testing_put_end(exchange, NULL);
        }
        testing_run(&bench.t);
        assert_string_equal(testing_heard(&bench.peer), c->want);
        assert_true(exchange->stream.is_sent);
        testing_say(&bench.peer, BENCH_OK);
        testing_run(&bench.t);
        testing_end(exchange);
        assert_true(bench_reuse(&bench));
        bench_end_mux(&bench);
        bench_fini(&bench);
    }
}

static void trailers_follow_the_last_chunk(void **state)
{
    struct bench bench;

    (void)state;
    bench_back(&bench, NULL);
    struct testing_exchange *exchange = testing_ask(&bench.t, "POST", "/x", NULL);
    assert_int_equal(mux_attach(bench.mux, &exchange->stream), 0);
    testing_ask_body(exchange, "abc", 3, false);
    testing_run(&bench.t);
    struct http_head *trailers = testing_head(&bench.t, false);
    testing_add(trailers, "Sum", "8");
    testing_put_end(exchange, trailers);
    testing_run(&bench.t);
    assert_non_null(strstr(testing_heard(&bench.peer), "\r\n\r\n3\r\nabc\r\n0\r\nSum: 8\r\n\r\n"));
    testing_say(&bench.peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "1\r\nd\r\n0\r\nT: 1\r\n\r\n");
    testing_run(&bench.t);
    assert_string_equal(exchange->body, "d");
    assert_non_null(exchange->trailers);
    assert_string_equal(testing_field(exchange->trailers, "T"), "1");
    testing_end(exchange);
    assert_true(bench_reuse(&bench));
    bench_end_mux(&bench);
    bench_fini(&bench);
}

static void a_request_head_that_does_not_fit_is_refused(void **state)
{
    struct testing_options options = {.buffer_bytes = 64};
    struct bench bench;

    (void)state;
    bench_back(&bench, &options);
    struct testing_exchange *exchange =
        bench_get(&bench, "GET", "X: 123456789012345678901234567890\n");
    assert_int_equal(exchange->stream.error, STREAM_ERROR_TOO_LONG);
    assert_string_equal(testing_heard(&bench.peer), "");
    bench_fini(&bench);
}

/* --- responses --- */

struct response_case {
    const char *method;
    const char *text;
    unsigned status;
    const char *body; /* NULL: none */
    bool is_ended;
    bool is_kept;
};

static const struct response_case responses[] = {
    {"GET", BENCH_OK, 200, "abc", true, true},
    {"GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, NULL, true, true},
    {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200,
     "abc", true, true},
    {"GET", "HTTP/1.1 204 No\r\n\r\n", 204, NULL, true, true},
    {"GET", "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", 304, NULL, true, true},
    {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 200, NULL, true, true},
    {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, NULL, true, true},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", 200, "abc",
     true, false},
    {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", true, false},
    {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc", 200, "abc",
     true, true},
    {"GET", "HTTP/1.1 200 OK\r\n\r\nabc", 200, "abc", false, false}, /* until it closes */
    /* What comes beyond belongs to nobody: RFC 9112 9.2. */
    {"GET", BENCH_OK "HTTP/1.1 200 OK\r\n\r\n", 200, "abc", true, false},
    {"HEAD", BENCH_OK, 200, NULL, true, false},
};

static void responses_end_where_their_framing_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
        const struct response_case *c = &responses[i];
        struct bench bench;
        bench_back(&bench, NULL);
        struct testing_exchange *exchange = bench_get(&bench, c->method, NULL);
        testing_say(&bench.peer, c->text);
        testing_run(&bench.t);
        assert_int_equal(exchange->heads_count, 1);
        assert_int_equal(exchange->heads[0]->status, c->status);
        if (c->body == NULL)
            assert_int_equal(exchange->body_bytes, 0);
        else
            assert_string_equal(exchange->body, c->body);
        assert_int_equal(exchange->is_ended, c->is_ended);
        if (!c->is_ended) {
            testing_end_of_say(&bench.peer);
            testing_run(&bench.t);
            assert_true(exchange->is_ended);
        }
        assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
        testing_end(exchange);
        testing_run(&bench.t);
        assert_int_equal(bench_reuse(&bench), c->is_kept);
        if (c->is_kept)
            bench_end_mux(&bench);
        bench_fini(&bench);
    }
}

struct bad_case {
    const char *text;
    enum stream_error error;
};

static const struct bad_case bads[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", STREAM_ERROR_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
     STREAM_ERROR_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", STREAM_ERROR_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", STREAM_ERROR_PROTOCOL},
    {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", STREAM_ERROR_PROTOCOL},
    {"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", STREAM_ERROR_PROTOCOL},
    {"SSH-2.0-OpenSSH_9.2\r\n", STREAM_ERROR_PROTOCOL},
    /* RFC 9110 7.8: we asked for none. */
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", STREAM_ERROR_PROTOCOL},
    /* In the body. */
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", STREAM_ERROR_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", STREAM_ERROR_PROTOCOL},
};

static void malformed_responses_fail_and_the_connection_is_closed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct bench bench;
        bench_back(&bench, NULL);
        const struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
        testing_say(&bench.peer, bads[i].text);
        testing_run(&bench.t);
        assert_string_equal(stream_error_text(exchange->stream.error),
                            stream_error_text(bads[i].error));
        assert_null(exchange->stream.mux);
        assert_false(exchange->is_ended);
        /* An answer of the exchange's own is possible while there was no head. */
        assert_int_equal(exchange->is_broken, exchange->heads_count > 0);
        assert_true(bench.peer.is_reset || bench.peer.is_ended);
        assert_int_equal(pool_count(&bench.t.env.muxes[MUX_H1_BACK]), 0);
        bench_fini(&bench);
    }
}

static void a_response_head_that_does_not_fit_is_too_long(void **state)
{
    struct testing_options options = {.buffer_bytes = 128};
    struct bench bench;

    (void)state;
    for (int by_text = 0; by_text < 2; by_text++) {
        options.buffer_bytes = by_text ? 4096 : 128;
        options.text_bytes = by_text ? 64 : 4096;
        bench_back(&bench, &options);
        const struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
        testing_say(&bench.peer, "HTTP/1.1 200 OK\r\nX: ");
        for (int i = 0; i < 20; i++)
            testing_say(&bench.peer, "1234567890");
        testing_say(&bench.peer, "\r\n\r\n");
        testing_run(&bench.t);
        assert_int_equal(exchange->stream.error, STREAM_ERROR_TOO_LONG);
        bench_fini(&bench);
    }
}

static void interim_heads_come_before_the_final_one(void **state)
{
    struct bench bench;

    (void)state;
    bench_back(&bench, NULL);
    struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
    testing_say(&bench.peer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
                             "HTTP/1.1 103 Early\r\nLink: y\r\n\r\n" BENCH_OK);
    testing_run(&bench.t);
    assert_int_equal(exchange->heads_count, 4);
    assert_int_equal(exchange->heads[0]->status, 100);
    assert_int_equal(exchange->heads[1]->status, 103);
    assert_string_equal(testing_field(exchange->heads[2], "link"), "y");
    assert_int_equal(exchange->heads[3]->status, 200);
    assert_string_equal(exchange->body, "abc");
    assert_true(exchange->is_ended);
    testing_end(exchange);
    assert_true(bench_reuse(&bench));
    bench_end_mux(&bench);
    bench_fini(&bench);
}

static const char cut_text[] = "HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n4;e=f\r\ndefg\r\n0\r\nT: 1\r\n\r\n";

static void check_cut(struct bench *bench, struct testing_exchange *exchange)
{
    assert_int_equal(exchange->heads_count, 2);
    assert_string_equal(exchange->body, "abcdefg");
    assert_true(exchange->is_ended);
    assert_non_null(exchange->trailers);
    testing_end(exchange);
    testing_run(&bench->t);
    assert_int_equal(pool_count(&bench->t.env.buffers.pool), 0);
    assert_true(bench_reuse(bench));
    bench_end_mux(bench);
    bench_fini(bench);
}

static void responses_are_the_same_wherever_they_are_cut(void **state)
{
    size_t len = sizeof(cut_text) - 1;
    struct bench bench;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        bench_back(&bench, NULL);
        struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
        testing_say_bytes(&bench.peer, cut_text, cut);
        testing_run(&bench.t);
        testing_say_bytes(&bench.peer, cut_text + cut, len - cut);
        testing_run(&bench.t);
        check_cut(&bench, exchange);
    }
    struct testing_options options = {.buffer_bytes = 80, .buffers = 1};
    bench_back(&bench, &options);
    struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
    for (size_t at = 0; at < len; at++) {
        testing_say_bytes(&bench.peer, cut_text + at, 1);
        testing_run(&bench.t);
    }
    check_cut(&bench, exchange);
}

/* RFC 9112 8: cut off at every byte, it is never taken for complete. */
static void responses_that_are_cut_off_are_known_to_be(void **state)
{
    size_t len = sizeof(cut_text) - 1;

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        struct bench bench;
        bench_back(&bench, NULL);
        const struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
        testing_say_bytes(&bench.peer, cut_text, cut);
        testing_close(&bench.peer);
        testing_run(&bench.t);
        assert_false(exchange->is_ended);
        assert_int_equal(exchange->stream.error, STREAM_ERROR_RESET);
        assert_int_equal(pool_count(&bench.t.env.muxes[MUX_H1_BACK]), 0);
        bench_fini(&bench);
    }
}

/* --- ends --- */

static void an_exchange_that_leaves_early_closes_the_connection(void **state)
{
    static const char *const said[] = {"", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct bench bench;
        bench_back(&bench, NULL);
        struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
        testing_say(&bench.peer, said[i]);
        testing_run(&bench.t);
        testing_end(exchange);
        testing_run(&bench.t);
        assert_true(bench.peer.is_reset || bench.peer.is_ended);
        assert_false(bench_reuse(&bench));
        bench_fini(&bench);
    }
}

/* The rest of the request is not sent, so the connection is no good; but the answer is. */
static void an_answer_before_the_end_of_the_request_passes(void **state)
{
    struct bench bench;

    (void)state;
    bench_back(&bench, NULL);
    struct testing_exchange *exchange = testing_ask(&bench.t, "POST", "/x", NULL);
    assert_int_equal(mux_attach(bench.mux, &exchange->stream), 0);
    testing_ask_body(exchange, "abc", 3, false); /* and no end */
    testing_run(&bench.t);
    testing_say(&bench.peer, BENCH_OK);
    testing_run(&bench.t);
    assert_true(exchange->is_ended);
    assert_false(exchange->stream.is_sent);
    testing_end(exchange);
    testing_run(&bench.t);
    assert_false(bench_reuse(&bench));
    assert_true(bench.peer.is_reset || bench.peer.is_ended);
    bench_fini(&bench);
}

static void a_server_that_stops_reading_is_still_heard(void **state)
{
    struct testing_options options = {.kernel_bytes = 4096};
    struct bench bench;

    (void)state;
    bench_back(&bench, &options);
    struct testing_exchange *exchange = testing_ask(&bench.t, "POST", "/x", NULL);
    assert_int_equal(mux_attach(bench.mux, &exchange->stream), 0);
    bench.peer.is_deaf = true;
    testing_ask_body(exchange, NULL, 1 << 20, true);
    testing_run(&bench.t);
    assert_true(exchange->data_left > 0);
    testing_say(&bench.peer, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
    testing_run(&bench.t);
    assert_int_equal(exchange->heads_count, 1);
    assert_int_equal(exchange->heads[0]->status, 413);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    assert_false(bench_reuse(&bench));
    bench_fini(&bench);
}

/* --- time, amounts, memory --- */

static void a_server_that_takes_nothing_is_given_up(void **state)
{
    struct testing_options options = {.kernel_bytes = 4096};
    struct bench bench;

    (void)state;
    bench_back(&bench, &options);
    struct testing_exchange *exchange = testing_ask(&bench.t, "POST", "/x", NULL);
    assert_int_equal(mux_attach(bench.mux, &exchange->stream), 0);
    bench.peer.is_deaf = true;
    testing_ask_body(exchange, NULL, 1 << 20, true);
    testing_run(&bench.t);
    assert_true(pool_count(&bench.t.env.buffers.pool) <= 2);
    testing_pass(&bench.t, bench.t.env.timeouts.server_ns - 1);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
    testing_pass(&bench.t, 1);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_TIMEOUT);
    bench_fini(&bench);
}

static void huge_bodies_pass_both_ways_through_small_buffers(void **state)
{
    enum { BYTES = 4 << 20 };
    struct testing_options options = {.buffer_bytes = 1024, .buffers = 2};
    static char data[65536];

    (void)state;
    struct bench bench;
    bench_back(&bench, &options);
    bench.peer.is_counting = true;
    struct testing_exchange *exchange = testing_ask(&bench.t, "POST", "/x", NULL);
    exchange->is_counting = true;
    assert_int_equal(mux_attach(bench.mux, &exchange->stream), 0);
    testing_ask_body(exchange, NULL, BYTES, false);
    testing_put_end(exchange, NULL);
    testing_run(&bench.t);
    assert_true(exchange->stream.is_sent);
    assert_true(bench.peer.heard_bytes > BYTES);
    testing_say(&bench.peer, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
    for (size_t sum = 0; sum < BYTES;) {
        size_t left = BYTES - sum < sizeof(data) ? BYTES - sum : sizeof(data);
        sum += testing_try_say(&bench.peer, data, left);
        testing_run(&bench.t);
    }
    assert_int_equal(exchange->body_bytes, BYTES);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
    assert_true(bench_reuse(&bench));
    bench_end_mux(&bench);
    bench_fini(&bench);
}

static void without_memory_it_fails_and_leaks_nothing(void **state)
{
    struct bench bench;

    (void)state;
    bench_back(&bench, NULL);
    const struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
    bench.t.env.heads.count_max = pool_count(&bench.t.env.heads);
    testing_say(&bench.peer, BENCH_OK);
    testing_run(&bench.t);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_MEMORY);
    bench_fini(&bench);

    bench_back(&bench, NULL);
    struct pool *pools[] = {&bench.t.env.muxes[MUX_H1_BACK], &bench.t.rt->tasklet_pool,
                            &bench.t.rt->task_pool};
    for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
        struct testing_peer other;
        struct mux *mux;
        struct conn *conn = testing_connect(&bench.t, &other);
        unsigned count_max = pools[i]->count_max;
        pools[i]->count_max = pool_count(pools[i]);
        assert_int_equal(mux_h1_back_new(&bench.t.env, conn, bench.t.server, &mux), -ERR_MEMORY);
        pools[i]->count_max = count_max;
        conn_free(conn);
        bench.t.peers_count--;
        testing_close(&other);
    }
    bench_end_mux(&bench);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_asks_many_times),
        cmocka_unit_test(requests_are_framed_by_what_is_known_of_them),
        cmocka_unit_test(trailers_follow_the_last_chunk),
        cmocka_unit_test(a_request_head_that_does_not_fit_is_refused),
        cmocka_unit_test(responses_end_where_their_framing_says),
        cmocka_unit_test(malformed_responses_fail_and_the_connection_is_closed),
        cmocka_unit_test(a_response_head_that_does_not_fit_is_too_long),
        cmocka_unit_test(interim_heads_come_before_the_final_one),
        cmocka_unit_test(responses_are_the_same_wherever_they_are_cut),
        cmocka_unit_test(responses_that_are_cut_off_are_known_to_be),
        cmocka_unit_test(an_exchange_that_leaves_early_closes_the_connection),
        cmocka_unit_test(an_answer_before_the_end_of_the_request_passes),
        cmocka_unit_test(a_server_that_stops_reading_is_still_heard),
        cmocka_unit_test(a_server_that_takes_nothing_is_given_up),
        cmocka_unit_test(huge_bodies_pass_both_ways_through_small_buffers),
        cmocka_unit_test(without_memory_it_fails_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
