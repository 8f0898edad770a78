/*
 * core/mux/fcgi_test.c - FastCGI applications: requests out, responses in, several at once, and the
 * ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/mux/fcgi_bench.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"

#define ASKED "GET_VALUES 0\n"
#define GET_1 "BEGIN_REQUEST 1 keep\nPARAMS 1 +\nPARAMS 1\nSTDIN 1\n"

enum { SECOND_NS = 1000000000 };

static void one_connection_asks_many_times(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    for (unsigned i = 0; i < 5; i++) {
        struct testing_exchange *exchange = fcgi_bench_get(&bench, "/a.php?q");
        assert_string_equal(fcgi_bench_heard(&bench), i == 0 ? ASKED GET_1 : GET_1);
        assert_true(exchange->stream.is_sent);
        fcgi_bench_answer(&bench, 1);
        assert_int_equal(exchange->heads_count, 1);
        assert_int_equal(exchange->heads[0]->status, 200);
        assert_string_equal(testing_field(exchange->heads[0], "content-type"), "a/b");
        assert_string_equal(exchange->body, "abc");
        assert_true(exchange->is_ended);
        testing_end(exchange);
        testing_run(&bench.t);
        mux_check(bench.mux, true);
        assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
        assert_int_equal(bench.mux->idle.place, i == 0 ? IDLE_IN_IDLE : IDLE_IN_SAFE);
        assert_true(fcgi_bench_reuse(&bench));
    }
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

static void bodies_of_known_length_are_sent(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    struct testing_exchange *exchange = fcgi_bench_post(&bench, "hello", 5, true);
    assert_string_equal(fcgi_bench_heard(&bench), ASKED
                        "BEGIN_REQUEST 1 keep\nPARAMS 1 +\nPARAMS 1\nSTDIN 1 hello\nSTDIN 1\n");
    assert_true(exchange->stream.is_sent);
    fcgi_bench_answer(&bench, 1);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    assert_true(fcgi_bench_reuse(&bench));
    /* Its length is not known, but it is there. */
    exchange = fcgi_bench_post(&bench, "hello", 5, false);
    assert_string_equal(fcgi_bench_heard(&bench),
                        "BEGIN_REQUEST 1 keep\nPARAMS 1 +\nPARAMS 1\nSTDIN 1 hello\nSTDIN 1\n");
    fcgi_bench_answer(&bench, 1);
    testing_end(exchange);
    assert_true(fcgi_bench_reuse(&bench));
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

static void what_cannot_be_asked_is_answered_by_ourselves(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    fcgi_bench_make_idle(&bench);
    assert_true(fcgi_bench_reuse(&bench));
    struct testing_exchange *exchange = fcgi_bench_post(&bench, NULL, 100000, false);
    assert_int_equal(exchange->heads_count, 1);
    assert_int_equal(exchange->heads[0]->status, 411);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    assert_true(fcgi_bench_reuse(&bench));
    exchange = fcgi_bench_get(&bench, "/a/%2e%2e/b.php");
    assert_int_equal(exchange->heads[0]->status, 404);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    assert_string_equal(fcgi_bench_heard(&bench), "");
    assert_true(fcgi_bench_reuse(&bench));
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

static void an_upload_is_as_fast_as_the_application_reads(void **state)
{
    struct fcgi_bench bench;
    struct testing_options options = {.kernel_bytes = 4096};
    enum { LEN = 1 << 20 };

    (void)state;
    fcgi_bench_init(&bench, &options);
    bench.peer.is_deaf = true;
    struct testing_exchange *exchange = fcgi_bench_post(&bench, NULL, LEN, true);
    uint64_t left = exchange->data_left;
    assert_true(left > LEN / 2);
    assert_false(exchange->stream.is_sent);
    testing_run(&bench.t);
    assert_int_equal(exchange->data_left, left);
    bench.peer.is_deaf = false;
    bench.peer.is_counting = true;
    testing_run(&bench.t);
    assert_int_equal(exchange->data_left, 0);
    assert_true(exchange->stream.is_sent);
    assert_true(bench.peer.heard_bytes > LEN);
    assert_true(bench.peer.heard_bytes < LEN + LEN / 8);
    fcgi_bench_answer(&bench, 1);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    assert_int_equal(bench.mux->idle.place, IDLE_IN_IDLE);
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

static void a_response_waits_for_its_reader(void **state)
{
    struct fcgi_bench bench;
    static char text[20001];

    (void)state;
    fcgi_bench_init(&bench, NULL);
    memset(text, 'y', sizeof(text) - 1);
    struct testing_exchange *exchange = fcgi_bench_get(&bench, "/a.php");
    exchange->is_holding = true;
    fcgi_bench_say(&bench, FCGI_STDOUT, 1, "X: y\n\n");
    fcgi_bench_say(&bench, FCGI_STDOUT, 1, text);
    fcgi_bench_say_end(&bench, 1, FCGI_REQUEST_COMPLETE);
    testing_close(&bench.peer);
    testing_run(&bench.t);
    assert_int_equal(exchange->body_bytes, 0);
    assert_false(exchange->is_ended);
    /* One buffer in the channel, one before it; whoever closes meanwhile has said it all. */
    assert_int_equal(pool_count(&bench.t.env.buffers.pool), 2);
    exchange->is_holding = false;
    testing_run(&bench.t);
    assert_int_equal(exchange->body_bytes, sizeof(text) - 1);
    assert_true(exchange->is_ended);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
    assert_null(exchange->stream.mux);
    testing_end(exchange);
    fcgi_bench_fini(&bench);
}

static void every_cut_of_a_response_is_the_same(void **state)
{
    uint8_t data[512];
    struct fcgi_out out = {data, sizeof(data), 0, false};
    static const struct fcgi_record err = {
        .type = FCGI_STDERR, .id = 1, .content_len = 3, .padding_len = 5};
    static const struct fcgi_record text = {
        .type = FCGI_STDOUT, .id = 1, .content_len = 9, .padding_len = 2};

    (void)state;
    fcgi_put_head(&out, &err);
    fcgi_put(&out, "bad\0\0\0\0\0", 8);
    fcgi_put_head(&out, &text);
    fcgi_put(&out, "Status: 4\0\0", 11);
    fcgi_put_head(&out, &text);
    fcgi_put(&out, "04\r\n\r\nabc\0\0", 11);
    fcgi_put_end(&out, 1, 0, FCGI_REQUEST_COMPLETE);
    struct fcgi_bench bench;
    fcgi_bench_init(&bench, NULL);
    for (size_t cut = 0; cut <= out.len; cut++) {
        struct testing_exchange *exchange = fcgi_bench_get(&bench, "/a.php");
        testing_say_bytes(&bench.peer, data, cut);
        testing_run(&bench.t);
        testing_say_bytes(&bench.peer, data + cut, out.len - cut);
        testing_run(&bench.t);
        assert_int_equal(exchange->heads[0]->status, 404);
        assert_string_equal(exchange->body, "abc");
        assert_true(exchange->is_ended);
        testing_end(exchange);
        assert_true(fcgi_bench_reuse(&bench));
    }
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

/* --- errors --- */

struct error_case {
    const char *what;
    enum fcgi_type type;
    uint16_t id;
    const char *text;
    int status; /* of END_REQUEST that follows; -1: none; -2: the end of the connection */
    enum stream_error error;
};

static const struct error_case errors[] = {
    {"overloaded", FCGI_STDERR, 1, "x", FCGI_OVERLOADED, STREAM_ERROR_REFUSED},
    {"cannot multiplex", FCGI_STDERR, 1, "x", FCGI_CANT_MPX_CONN, STREAM_ERROR_REFUSED},
    {"unknown role", FCGI_STDERR, 1, "x", FCGI_UNKNOWN_ROLE, STREAM_ERROR_PROTOCOL},
    {"no head", FCGI_STDOUT, 1, "", FCGI_REQUEST_COMPLETE, STREAM_ERROR_PROTOCOL},
    {"half a head", FCGI_STDOUT, 1, "X: y\n", FCGI_REQUEST_COMPLETE, STREAM_ERROR_PROTOCOL},
    {"bad head", FCGI_STDOUT, 1, "HTTP/1.1 200\n\n", -1, STREAM_ERROR_PROTOCOL},
    {"too short", FCGI_STDOUT, 1, "Content-Length: 9\n\nabc", FCGI_REQUEST_COMPLETE,
     STREAM_ERROR_RESET},
    {"too long", FCGI_STDOUT, 1, "Content-Length: 2\n\nabc", -1, STREAM_ERROR_PROTOCOL},
    {"another id", FCGI_STDOUT, 2, "x", -1, STREAM_ERROR_PROTOCOL},
    {"END of another size", FCGI_END_REQUEST, 1, "1234567", -1, STREAM_ERROR_PROTOCOL},
    {"closed in the head", FCGI_STDOUT, 1, "X: y\n", -2, STREAM_ERROR_RESET},
    {"closed in the body", FCGI_STDOUT, 1, "X: y\n\nabc", -2, STREAM_ERROR_RESET},
};

static void what_goes_wrong_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct fcgi_bench bench;
        const struct error_case *c = &errors[i];
        fcgi_bench_init(&bench, NULL);
        struct testing_exchange *exchange = fcgi_bench_get(&bench, "/a.php");
        fcgi_bench_say(&bench, c->type, c->id, c->text);
        if (c->status >= 0)
            fcgi_bench_say_end(&bench, 1, (enum fcgi_status)c->status);
        if (c->status == -2)
            testing_close(&bench.peer);
        testing_run(&bench.t);
        if (exchange->stream.error != c->error)
            fail_msg("%s: %s", c->what, stream_error_text(exchange->stream.error));
        assert_null(exchange->stream.mux);
        assert_false(exchange->is_ended);
        testing_end(exchange);
        /* One that has ended the request in order can be asked another. */
        assert_int_equal(pool_count(&bench.t.env.muxes[MUX_FCGI]), c->status >= 0);
        if (c->status >= 0)
            fcgi_bench_end_mux(&bench);
        fcgi_bench_fini(&bench);
    }
}

static void a_kept_connection_may_be_closed_before_it_is_used_again(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    fcgi_bench_make_idle(&bench);
    assert_true(fcgi_bench_reuse(&bench));
    struct testing_exchange *exchange = fcgi_bench_get(&bench, "/a.php");
    testing_close(&bench.peer);
    testing_run(&bench.t);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_REFUSED);
    testing_end(exchange);
    fcgi_bench_fini(&bench);
    /* What may have been begun must not be begun twice. */
    fcgi_bench_init(&bench, NULL);
    fcgi_bench_make_idle(&bench);
    assert_true(fcgi_bench_reuse(&bench));
    exchange = fcgi_bench_post(&bench, "hello", 5, true);
    testing_close(&bench.peer);
    testing_run(&bench.t);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_RESET);
    testing_end(exchange);
    fcgi_bench_fini(&bench);
}

static void an_idle_connection_ends_with_its_peer(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    fcgi_bench_make_idle(&bench);
    testing_close(&bench.peer);
    testing_run(&bench.t);
    assert_false(fcgi_bench_reuse(&bench));
    assert_int_equal(pool_count(&bench.t.env.muxes[MUX_FCGI]), 0);
    fcgi_bench_fini(&bench);
}

static void a_request_given_up_closes_the_connection(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    struct testing_exchange *exchange = fcgi_bench_get(&bench, "/a.php");
    testing_end(exchange);
    testing_run(&bench.t);
    assert_true(bench.peer.is_reset);
    assert_int_equal(pool_count(&bench.t.env.muxes[MUX_FCGI]), 0);
    fcgi_bench_fini(&bench);
}

static void an_end_that_comes_late_is_awaited(void **state)
{
    struct fcgi_bench bench;
    struct testing_exchange *exchange;

    (void)state;
    for (int is_late = 0; is_late < 2; is_late++) {
        fcgi_bench_init(&bench, NULL);
        exchange = fcgi_bench_get(&bench, "/a.php");
        fcgi_bench_say(&bench, FCGI_STDOUT, 1, "Status: 304 x\n\n");
        testing_run(&bench.t);
        assert_true(exchange->is_ended);
        testing_end(exchange);
        testing_run(&bench.t);
        assert_false(fcgi_bench_reuse(&bench));
        assert_int_equal(pool_count(&bench.t.env.streams), 1);
        if (is_late) {
            testing_pass(&bench.t, bench.t.env.timeouts.server_ns + SECOND_NS);
            assert_int_equal(pool_count(&bench.t.env.muxes[MUX_FCGI]), 0);
        } else {
            fcgi_bench_say_end(&bench, 1, FCGI_REQUEST_COMPLETE);
            assert_true(fcgi_bench_reuse(&bench));
            fcgi_bench_end_mux(&bench);
        }
        fcgi_bench_fini(&bench);
    }
}

static void an_answer_before_the_body_ends_the_connection(void **state)
{
    struct fcgi_bench bench;
    struct testing_options options = {.kernel_bytes = 4096};

    (void)state;
    fcgi_bench_init(&bench, &options);
    bench.peer.is_deaf = true;
    struct testing_exchange *exchange = fcgi_bench_post(&bench, NULL, 1 << 20, true);
    fcgi_bench_answer(&bench, 1);
    assert_true(exchange->is_ended);
    assert_string_equal(exchange->body, "abc");
    assert_true(channel_has(&exchange->send, CHANNEL_CLOSED));
    testing_end(exchange);
    testing_run(&bench.t);
    assert_int_equal(pool_count(&bench.t.env.muxes[MUX_FCGI]), 0);
    fcgi_bench_fini(&bench);
}

static void an_application_that_takes_nothing_is_late(void **state)
{
    struct fcgi_bench bench;
    struct testing_options options = {.kernel_bytes = 4096};

    (void)state;
    fcgi_bench_init(&bench, &options);
    bench.peer.is_deaf = true;
    struct testing_exchange *exchange = fcgi_bench_post(&bench, NULL, 1 << 20, true);
    testing_pass(&bench.t, bench.t.env.timeouts.server_ns - SECOND_NS);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
    testing_pass(&bench.t, 2 * (uint64_t)SECOND_NS);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_TIMEOUT);
    testing_end(exchange);
    fcgi_bench_fini(&bench);
}

static void expectations_are_met_by_ourselves(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    struct testing_exchange *exchange = testing_ask(&bench.t, "POST", "/p.php", NULL);
    exchange->head->has_expect = true;
    testing_ask_body(exchange, NULL, 0, true);
    exchange->send.head->length_bytes = 3;
    assert_int_equal(mux_attach(bench.mux, &exchange->stream), 0);
    testing_run(&bench.t);
    assert_int_equal(exchange->heads_count, 1);
    assert_int_equal(exchange->heads[0]->status, 100);
    testing_put(exchange, "abc", 3);
    testing_put_end(exchange, NULL);
    testing_run(&bench.t);
    fcgi_bench_answer(&bench, 1);
    assert_int_equal(exchange->heads_count, 2);
    assert_int_equal(exchange->heads[1]->status, 200);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    assert_true(fcgi_bench_reuse(&bench));
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

/* --- several at once --- */

static void as_many_as_the_application_wants(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    fcgi_bench_make_multiplexing(&bench);
    assert_true(fcgi_bench_reuse(&bench));
    struct testing_exchange *one = fcgi_bench_get(&bench, "/1.php");
    assert_int_equal(bench.mux->idle.place, IDLE_IN_AVAIL);
    struct testing_exchange *two = fcgi_bench_get(&bench, "/2.php");
    assert_int_equal(bench.mux->idle.place, IDLE_NOWHERE);
    struct testing_exchange *three = testing_ask(&bench.t, "GET", "/3.php", NULL);
    assert_int_equal(mux_attach(bench.mux, &three->stream), -ERR_FULL);
    testing_end(three);
    assert_string_equal(fcgi_bench_heard(&bench),
                        GET_1 "BEGIN_REQUEST 2 keep\nPARAMS 2 +\nPARAMS 2\nSTDIN 2\n");
    /* In pieces, in turn. */
    fcgi_bench_say(&bench, FCGI_STDOUT, 2, "X: y\n\nA");
    fcgi_bench_say(&bench, FCGI_STDOUT, 1, "X: y\n\n1");
    fcgi_bench_say(&bench, FCGI_STDOUT, 2, "B");
    fcgi_bench_say(&bench, FCGI_STDOUT, 1, "2");
    fcgi_bench_say_end(&bench, 2, FCGI_REQUEST_COMPLETE);
    assert_string_equal(two->body, "AB");
    assert_string_equal(one->body, "12");
    assert_true(two->is_ended);
    assert_false(one->is_ended);
    testing_end(two);
    assert_int_equal(bench.mux->idle.place, IDLE_IN_AVAIL);
    fcgi_bench_say_end(&bench, 1, FCGI_REQUEST_COMPLETE);
    assert_true(one->is_ended);
    testing_end(one);
    assert_int_equal(bench.mux->idle.place, IDLE_IN_SAFE);
    assert_true(fcgi_bench_reuse(&bench));
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

static void one_of_several_is_aborted(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    fcgi_bench_make_multiplexing(&bench);
    assert_true(fcgi_bench_reuse(&bench));
    struct testing_exchange *one = fcgi_bench_get(&bench, "/1.php");
    struct testing_exchange *two = fcgi_bench_get(&bench, "/2.php");
    (void)fcgi_bench_heard(&bench);
    testing_end(one);
    testing_run(&bench.t);
    assert_string_equal(fcgi_bench_heard(&bench), "ABORT_REQUEST 1\n");
    /* What still comes of it is dropped, and its id is not used again before its end. */
    fcgi_bench_say(&bench, FCGI_STDOUT, 1, "X: y\n\n1");
    fcgi_bench_answer(&bench, 2);
    assert_string_equal(two->body, "abc");
    testing_end(two);
    testing_run(&bench.t);
    assert_int_equal(bench.mux->idle.place, IDLE_IN_AVAIL);
    fcgi_bench_say_end(&bench, 1, FCGI_REQUEST_COMPLETE);
    assert_int_equal(bench.mux->idle.place, IDLE_IN_SAFE);
    assert_true(fcgi_bench_reuse(&bench));
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

static void one_of_several_fails_alone(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    fcgi_bench_make_multiplexing(&bench);
    assert_true(fcgi_bench_reuse(&bench));
    struct testing_exchange *one = fcgi_bench_get(&bench, "/1.php");
    struct testing_exchange *two = fcgi_bench_get(&bench, "/2.php");
    fcgi_bench_say(&bench, FCGI_STDOUT, 1, "no head\n\n");
    fcgi_bench_say_end(&bench, 1, FCGI_REQUEST_COMPLETE);
    assert_int_equal(one->stream.error, STREAM_ERROR_PROTOCOL);
    fcgi_bench_answer(&bench, 2);
    assert_string_equal(two->body, "abc");
    assert_int_equal(two->stream.error, STREAM_ERROR_NONE);
    testing_end(one);
    testing_end(two);
    assert_int_equal(bench.mux->idle.place, IDLE_IN_SAFE);
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

/* --- memory, threads --- */

static void no_memory_leaks_nothing(void **state)
{
    (void)state;
    for (unsigned spare = 0; spare < 3; spare++) {
        struct fcgi_bench bench;
        fcgi_bench_init(&bench, NULL);
        struct testing_exchange *exchange = fcgi_bench_get(&bench, "/a.php");
        bench.t.env.heads.count_max = pool_count(&bench.t.env.heads) + spare;
        fcgi_bench_answer(&bench, 1);
        assert_int_equal(exchange->stream.error,
                         spare < 2 ? STREAM_ERROR_MEMORY : STREAM_ERROR_NONE);
        assert_int_equal(exchange->is_ended, spare == 2);
        testing_end(exchange);
        if (spare == 2)
            fcgi_bench_end_mux(&bench);
        fcgi_bench_fini(&bench);
    }
}

static void no_memory_for_a_request_leaves_the_connection(void **state)
{
    struct fcgi_bench bench;

    (void)state;
    fcgi_bench_init(&bench, NULL);
    struct testing_exchange *exchange = testing_ask(&bench.t, "GET", "/a.php", NULL);
    testing_ask_end(exchange);
    bench.t.env.streams.count_max = 0;
    assert_int_equal(mux_attach(bench.mux, &exchange->stream), -ERR_MEMORY);
    bench.t.env.streams.count_max = 1;
    assert_int_equal(mux_attach(bench.mux, &exchange->stream), 0);
    testing_run(&bench.t);
    fcgi_bench_answer(&bench, 1);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    fcgi_bench_end_mux(&bench);
    struct testing_peer peer;
    struct conn *conn = testing_connect(&bench.t, &peer);
    bench.t.env.muxes[MUX_FCGI].count_max = 0;
    assert_int_equal(mux_fcgi_back_new(&bench.t.env, conn, bench.t.server, &bench.mux),
                     -ERR_MEMORY);
    conn_free(conn);
    fcgi_bench_fini(&bench);
}

static void few_buffers_only_slow_it_down(void **state)
{
    struct fcgi_bench bench;
    struct testing_options options = {.buffers = 1, .buffer_bytes = 1024};
    static char text[20001];

    (void)state;
    memset(text, 'y', sizeof(text) - 1);
    fcgi_bench_init(&bench, &options);
    fcgi_bench_make_multiplexing(&bench);
    assert_true(fcgi_bench_reuse(&bench));
    struct testing_exchange *one = fcgi_bench_post(&bench, NULL, 30000, true);
    struct testing_exchange *two = fcgi_bench_post(&bench, NULL, 30000, true);
    testing_run(&bench.t);
    assert_true(one->stream.is_sent);
    assert_true(two->stream.is_sent);
    fcgi_bench_say(&bench, FCGI_STDOUT, 2, "X: y\n\n");
    fcgi_bench_say(&bench, FCGI_STDOUT, 2, text);
    fcgi_bench_answer(&bench, 1);
    fcgi_bench_say_end(&bench, 2, FCGI_REQUEST_COMPLETE);
    assert_string_equal(one->body, "abc");
    assert_int_equal(two->body_bytes, sizeof(text) - 1);
    assert_true(one->is_ended);
    assert_true(two->is_ended);
    testing_end(one);
    testing_end(two);
    assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

static void an_idle_one_is_stolen(void **state)
{
    struct fcgi_bench bench;
    struct testing_options options = {.workers = 2};

    (void)state;
    fcgi_bench_init(&bench, &options);
    fcgi_bench_make_idle(&bench);
    testing_on(&bench.t, 1);
    assert_true(fcgi_bench_reuse(&bench));
    assert_int_equal(bench.mux->idle.worker, 1);
    struct testing_exchange *exchange = fcgi_bench_get(&bench, "/a.php");
    fcgi_bench_answer(&bench, 1);
    assert_string_equal(exchange->body, "abc");
    testing_end(exchange);
    testing_run(&bench.t);
    mux_check(bench.mux, true);
    assert_int_equal(bench.mux->idle.place, IDLE_IN_SAFE);
    fcgi_bench_end_mux(&bench);
    fcgi_bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_asks_many_times),
        cmocka_unit_test(bodies_of_known_length_are_sent),
        cmocka_unit_test(what_cannot_be_asked_is_answered_by_ourselves),
        cmocka_unit_test(an_upload_is_as_fast_as_the_application_reads),
        cmocka_unit_test(a_response_waits_for_its_reader),
        cmocka_unit_test(every_cut_of_a_response_is_the_same),
        cmocka_unit_test(what_goes_wrong_is_told),
        cmocka_unit_test(a_kept_connection_may_be_closed_before_it_is_used_again),
        cmocka_unit_test(an_idle_connection_ends_with_its_peer),
        cmocka_unit_test(a_request_given_up_closes_the_connection),
        cmocka_unit_test(an_end_that_comes_late_is_awaited),
        cmocka_unit_test(an_answer_before_the_body_ends_the_connection),
        cmocka_unit_test(an_application_that_takes_nothing_is_late),
        cmocka_unit_test(expectations_are_met_by_ourselves),
        cmocka_unit_test(as_many_as_the_application_wants),
        cmocka_unit_test(one_of_several_is_aborted),
        cmocka_unit_test(one_of_several_fails_alone),
        cmocka_unit_test(no_memory_leaks_nothing),
        cmocka_unit_test(no_memory_for_a_request_leaves_the_connection),
        cmocka_unit_test(few_buffers_only_slow_it_down),
        cmocka_unit_test(an_idle_one_is_stolen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
