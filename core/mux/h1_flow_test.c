/*
 * core/mux/h1_flow_test.c - HTTP/1 towards clients: in pieces, in pipelines, in any amount.
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

/* --- pieces --- */

static const char cut_text[] = "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n4;e=f\r\ndefg\r\n0\r\nT: 1\r\n\r\n"
                               "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhijk";

static void check_cut(struct bench *bench)
{
    const struct testing_exchange *exchange = testing_begun(&bench->t, 0);

    assert_non_null(exchange);
    assert_string_equal(exchange->body, "abcdefg");
    assert_true(exchange->is_ended);
    assert_non_null(exchange->trailers);
    bench_serve(bench, 0);
    exchange = testing_begun(&bench->t, 1);
    assert_non_null(exchange);
    assert_string_equal(exchange->body, "hijk");
    assert_true(exchange->is_ended);
    bench_serve(bench, 1);
    assert_string_equal(testing_heard(&bench->peer), BENCH_OK BENCH_OK);
    assert_int_equal(pool_count(&bench->t.env.buffers.pool), 0);
    bench_fini(bench);
}

static void requests_are_the_same_wherever_they_are_cut(void **state)
{
    size_t len = sizeof(cut_text) - 1;
    struct bench bench;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        bench_front(&bench, NULL);
        testing_say_bytes(&bench.peer, cut_text, cut);
        testing_run(&bench.t);
        testing_say_bytes(&bench.peer, cut_text + cut, len - cut);
        testing_run(&bench.t);
        check_cut(&bench);
    }
    /* Byte by byte, through buffers that are hardly larger than a head. */
    struct testing_options options = {.buffer_bytes = 80, .buffers = 1};
    bench_front(&bench, &options);
    for (size_t at = 0; at < len; at++) {
        testing_say_bytes(&bench.peer, cut_text + at, 1);
        testing_run(&bench.t);
    }
    check_cut(&bench);
}

static void a_long_pipeline_is_answered_in_order(void **state)
{
    enum { COUNT = 500 };
    struct testing_options options = {.buffer_bytes = 256, .buffers = 2};
    struct bench bench;
    char text[64];

    (void)state;
    bench_front(&bench, &options);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
        testing_say(&bench.peer, text);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        testing_run(&bench.t);
        assert_int_equal(bench.t.begun_count, i + 1); /* one at a time */
        struct testing_exchange *exchange = testing_begun(&bench.t, i);
        snprintf(text, sizeof(text), "/%u", i);
        assert_string_equal(testing_text(exchange->heads[0], exchange->heads[0]->path), text);
        testing_answer(exchange, 200, "abc", 3, true);
        testing_run(&bench.t);
        assert_string_equal(testing_heard(&bench.peer), BENCH_OK);
        testing_end(exchange);
    }
    testing_run(&bench.t);
    assert_int_equal(bench.t.begun_count, COUNT);
    assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
    mux_check(bench.mux, true);
    bench_fini(&bench);
}

/* --- amounts --- */

enum { HUGE_BYTES = 8 << 20 };

static void huge_responses_pass_through_small_buffers(void **state)
{
    struct testing_options options = {.buffer_bytes = 1024, .buffers = 1};

    (void)state;
    for (int has_length = 0; has_length < 2; has_length++) {
        struct bench bench;
        bench_front(&bench, &options);
        bench.peer.is_counting = true;
        struct testing_exchange *exchange = bench_ask(&bench, BENCH_GET);
        testing_answer(exchange, 200, NULL, HUGE_BYTES, has_length);
        testing_run(&bench.t);
        assert_true(exchange->stream.is_sent);
        assert_true(bench.peer.heard_bytes > HUGE_BYTES);
        assert_true(bench.peer.heard_bytes < HUGE_BYTES + HUGE_BYTES / 64);
        bench_fini(&bench);
    }
}

static void huge_requests_pass_through_small_buffers(void **state)
{
    struct testing_options options = {.buffer_bytes = 1024, .buffers = 1};
    static char data[65536];
    char size[16];

    (void)state;
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
        struct bench bench;
        bench_front(&bench, &options);
        testing_say(&bench.peer,
                    is_chunked ? "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               : "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
        testing_run(&bench.t);
        struct testing_exchange *exchange = testing_begun(&bench.t, 0);
        assert_non_null(exchange);
        exchange->is_counting = true;
        for (size_t sum = 0; sum < HUGE_BYTES; sum += sizeof(data)) {
            snprintf(size, sizeof(size), "%zx\r\n", sizeof(data));
            if (is_chunked)
                testing_say(&bench.peer, size);
            for (size_t at = 0; at < sizeof(data);) {
                at += testing_try_say(&bench.peer, data + at, sizeof(data) - at);
                testing_run(&bench.t);
            }
            if (is_chunked)
                testing_say(&bench.peer, "\r\n");
        }
        if (is_chunked)
            testing_say(&bench.peer, "0\r\n\r\n");
        testing_run(&bench.t);
        assert_int_equal(exchange->body_bytes, HUGE_BYTES);
        assert_true(exchange->is_ended);
        bench_serve(&bench, 0);
        assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
        bench_fini(&bench);
    }
}

static void who_does_not_read_holds_bounded_memory_and_is_given_up(void **state)
{
    struct testing_options options = {.buffer_bytes = 4096, .kernel_bytes = 4096};
    struct bench bench;

    (void)state;
    bench_front(&bench, &options);
    bench.peer.is_deaf = true;
    struct testing_exchange *exchange = bench_ask(&bench, BENCH_GET);
    testing_answer(exchange, 200, NULL, HUGE_BYTES, true);
    testing_run(&bench.t);
    assert_true(exchange->data_left > HUGE_BYTES / 2);
    assert_true(pool_count(&bench.t.env.buffers.pool) <= 2);
    mux_check(bench.mux, true);
    testing_pass(&bench.t, bench.t.env.timeouts.client_ns - 1);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
    testing_pass(&bench.t, 1);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_TIMEOUT);
    assert_int_equal(bench.t.ended_count, 1);
    bench_fini(&bench);
}

static void a_server_that_does_not_read_stops_the_client(void **state)
{
    struct testing_options options = {.buffer_bytes = 4096, .kernel_bytes = 4096};
    static char data[65536];
    struct bench bench;

    (void)state;
    bench_front(&bench, &options);
    testing_say(&bench.peer, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
    testing_run(&bench.t);
    struct testing_exchange *exchange = testing_begun(&bench.t, 0);
    assert_non_null(exchange);
    exchange->is_holding = true;
    size_t sum = 0;
    for (int i = 0; i < 64; i++) {
        sum += testing_try_say(&bench.peer, data, sizeof(data));
        testing_run(&bench.t);
    }
    assert_true(sum < HUGE_BYTES / 8);
    assert_true(pool_count(&bench.t.env.buffers.pool) <= 2);
    assert_int_equal(testing_try_say(&bench.peer, data, sizeof(data)), 0);
    exchange->is_holding = false;
    exchange->is_counting = true;
    testing_run(&bench.t);
    assert_int_equal(exchange->body_bytes, sum);
    bench_fini(&bench);
}

/* A single buffer of each kind for twenty clients that all want it. */
static void who_waits_for_a_buffer_gets_it_in_the_end(void **state)
{
    enum { CLIENTS = 20, BODY_BYTES = 20000 };
    struct testing_options options = {.buffer_bytes = 256, .buffers = 1};
    static char body[BODY_BYTES];
    struct testing_peer peers[CLIENTS];
    struct bench bench;
    struct mux *mux;

    (void)state;
    bench_front(&bench, &options);
    for (int i = 0; i < CLIENTS; i++) {
        struct conn *conn = testing_connect(&bench.t, &peers[i]);
        assert_int_equal(mux_h1_front_new(&bench.t.env, conn, NULL, NULL, &mux), 0);
        testing_say(&peers[i], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
        testing_say_bytes(&peers[i], body, sizeof(body));
    }
    testing_run(&bench.t);
    assert_int_equal(bench.t.begun_count, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(testing_begun(&bench.t, i)->body_bytes, BODY_BYTES);
        testing_answer(testing_begun(&bench.t, i), 200, NULL, BODY_BYTES, false);
    }
    testing_run(&bench.t);
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_true(peers[i].heard_bytes > BODY_BYTES);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_the_same_wherever_they_are_cut),
        cmocka_unit_test(a_long_pipeline_is_answered_in_order),
        cmocka_unit_test(huge_responses_pass_through_small_buffers),
        cmocka_unit_test(huge_requests_pass_through_small_buffers),
        cmocka_unit_test(who_does_not_read_holds_bounded_memory_and_is_given_up),
        cmocka_unit_test(a_server_that_does_not_read_stops_the_client),
        cmocka_unit_test(who_waits_for_a_buffer_gets_it_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
