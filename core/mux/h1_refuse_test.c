/*
 * core/mux/h1_refuse_test.c - HTTP/1 towards clients: what is refused, and how it ends.
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

/* --- what is refused --- */

struct refused_case {
    const char *text;
    const char *status;
};

static const struct refused_case refused[] = {
    /* Two lengths, or a length and a coding: RFC 9112 6.3. */
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabcd", "400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n",
     "400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
     "0\r\n\r\n",
     "400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", "400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", "400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc", "400"},
    /* RFC 9112 6.1. */
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
    /* RFC 9112 5.1, 5.2, 2.2. */
    {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400"},
    {"GET / HTTP/1.1\nHost: a\n\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: w\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", "400"},
    /* RFC 9112 3, 3.2, 2.3. */
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
    {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
    /* RFC 9110 9.3.6: no tunnels. */
    {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "501"},
};

static void what_could_be_read_in_two_ways_is_refused_and_the_connection_closed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct bench bench;
        char want[64];
        bench_front(&bench, NULL);
        testing_say(&bench.peer, refused[i].text);
        testing_run(&bench.t);
        snprintf(want, sizeof(want), "HTTP/1.1 %s ", refused[i].status);
        const char *heard = testing_heard(&bench.peer);
        if (strncmp(heard, want, strlen(want)) != 0)
            print_message("case %zu: %s\n", i, heard);
        assert_int_equal(strncmp(heard, want, strlen(want)), 0);
        assert_non_null(strstr(heard, "\r\nConnection: close\r\n"));
        assert_int_equal(bench.t.begun_count, 0);
        assert_true(bench.peer.is_ended);
        assert_false(bench.peer.is_reset);
        testing_close(&bench.peer);
        testing_run(&bench.t);
        assert_int_equal(bench.t.ended_count, 1);
        bench_fini(&bench);
    }
}

/* Found only after the request was begun; RFC 9112 7.1. */
static const char *const bad_bodies[] = {
    "x\r\n",
    "-1\r\n",
    "0x1\r\n",
    " 1\r\n",
    "1 \r\n",
    "1\n",
    "\r\n",
    "1\r\nab\r\n",
    "1\r\na\n",
    "1;\x01\r\n",
    "ffffffffffffffff\r\n",
    "0\r\nX y\r\n\r\n",
    "0\r\n X: y\r\n\r\n",
    "0\r\nX: y\n\r\n",
};

static void bad_chunks_are_refused_and_the_exchange_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_bodies); i++) {
        struct bench bench;
        bench_front(&bench, NULL);
        testing_say(&bench.peer,
                    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        testing_run(&bench.t);
        struct testing_exchange *exchange = testing_begun(&bench.t, 0);
        assert_non_null(exchange);
        testing_say(&bench.peer, bad_bodies[i]);
        testing_run(&bench.t);
        assert_true(exchange->is_broken);
        assert_false(exchange->is_ended);
        assert_int_equal(exchange->stream.error, STREAM_ERROR_PROTOCOL);
        assert_null(exchange->stream.mux);
        bench_expect(&bench, "HTTP/1.1 400 ");
        assert_true(bench.peer.is_ended);
        bench_fini(&bench);
    }
}

static void heads_that_are_too_long_are_refused(void **state)
{
    struct testing_options options = {.buffer_bytes = 512};
    char text[1024];

    (void)state;
    struct bench bench;
    bench_front(&bench, &options);
    memset(text, 'a', sizeof(text));
    memcpy(text, "GET /", 5);
    testing_say_bytes(&bench.peer, text, sizeof(text));
    testing_run(&bench.t);
    bench_expect(&bench, "HTTP/1.1 414 ");
    bench_fini(&bench);

    bench_front(&bench, &options);
    testing_say(&bench.peer, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    testing_say_bytes(&bench.peer, text, sizeof(text));
    testing_run(&bench.t);
    bench_expect(&bench, "HTTP/1.1 431 ");
    bench_fini(&bench);

    /* It fits the buffer, but not a head's text. */
    options.text_bytes = 32;
    bench_front(&bench, &options);
    testing_say(&bench.peer, "GET / HTTP/1.1\r\nHost: a\r\nX-Quite-Long: 12345678901234\r\n\r\n");
    testing_run(&bench.t);
    bench_expect(&bench, "HTTP/1.1 431 ");
    bench_fini(&bench);
}

/* RFC 9112 9.6: what the client had sent beyond must not make a reset that eats the answer. */
static void an_answer_is_readable_though_the_client_goes_on_sending(void **state)
{
    struct bench bench;
    static char more[65536];

    (void)state;
    bench_front(&bench, NULL);
    bench.peer.is_deaf = true;
    testing_say(&bench.peer, "GET /\r\n\r\n");
    testing_run(&bench.t);
    for (int i = 0; i < 16; i++) {
        (void)testing_try_say(&bench.peer, more, sizeof(more));
        testing_run(&bench.t);
    }
    bench.peer.is_deaf = false;
    testing_run(&bench.t);
    bench_expect(&bench, "HTTP/1.1 400 ");
    assert_true(bench.peer.is_ended);
    assert_int_equal(bench.t.ended_count, 0);
    testing_pass(&bench.t, bench.t.env.timeouts.linger_ns);
    assert_int_equal(bench.t.ended_count, 1);
    bench_fini(&bench);
}

/* --- time, ends, refusals --- */

static void the_first_request_is_awaited_and_then_asked_for(void **state)
{
    static const char *const begun[] = {"", "GET / HT"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(begun); i++) {
        struct bench bench;
        bench_front(&bench, NULL);
        testing_run(&bench.t);
        testing_say(&bench.peer, begun[i]);
        testing_run(&bench.t);
        testing_pass(&bench.t, bench.t.env.timeouts.request_ns - 1);
        assert_string_equal(testing_heard(&bench.peer), "");
        testing_pass(&bench.t, 1);
        bench_expect(&bench, "HTTP/1.1 408 ");
        assert_true(bench.peer.is_ended);
        bench_fini(&bench);
    }
}

static void an_idle_client_is_left_without_a_word(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    (void)bench_ask(&bench, BENCH_GET);
    bench_serve(&bench, 0);
    (void)testing_heard(&bench.peer);
    testing_pass(&bench.t, bench.t.env.timeouts.keep_alive_ns - 1);
    assert_false(bench.peer.is_ended);
    testing_pass(&bench.t, 1);
    assert_true(bench.peer.is_ended);
    assert_string_equal(testing_heard(&bench.peer), "");
    assert_int_equal(bench.t.ended_count, 1);
    bench_fini(&bench);

    /* One that has begun to ask gets an answer. */
    bench_front(&bench, NULL);
    (void)bench_ask(&bench, BENCH_GET);
    bench_serve(&bench, 0);
    (void)testing_heard(&bench.peer);
    testing_say(&bench.peer, "G");
    testing_run(&bench.t);
    testing_pass(&bench.t, bench.t.env.timeouts.request_ns);
    bench_expect(&bench, "HTTP/1.1 408 ");
    bench_fini(&bench);
}

static void a_stop_ends_the_idle_and_closes_after_those_in_flight(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    struct testing_exchange *exchange = bench_ask(&bench, BENCH_GET BENCH_GET);
    bench.mux->ops->stop(bench.mux);
    testing_run(&bench.t);
    testing_answer(exchange, 200, "abc", 3, true);
    testing_run(&bench.t);
    assert_string_equal(testing_heard(&bench.peer),
                        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
    testing_end(exchange);
    testing_run(&bench.t);
    assert_int_equal(bench.t.begun_count, 1); /* what was pipelined is not begun */
    assert_true(bench.peer.is_ended);
    assert_false(bench.peer.is_reset);
    bench_fini(&bench);

    bench_front(&bench, NULL);
    (void)bench_ask(&bench, BENCH_GET);
    bench_serve(&bench, 0);
    bench.mux->ops->stop(bench.mux);
    testing_run(&bench.t);
    assert_true(bench.peer.is_ended);
    assert_int_equal(bench.t.ended_count, 1);
    bench_fini(&bench);
}

static void a_client_that_leaves_is_noticed(void **state)
{
    struct bench bench;

    (void)state;
    /* Between requests; in a head; while it is answered; in a body. */
    bench_front(&bench, NULL);
    testing_run(&bench.t);
    testing_close(&bench.peer);
    testing_run(&bench.t);
    assert_int_equal(bench.t.ended_count, 1);
    bench_fini(&bench);

    bench_front(&bench, NULL);
    testing_say(&bench.peer, "GET /");
    testing_end_of_say(&bench.peer);
    testing_run(&bench.t);
    bench_expect(&bench, "HTTP/1.1 400 ");
    assert_int_equal(bench.t.ended_count, 1);
    bench_fini(&bench);

    bench_front(&bench, NULL);
    struct testing_exchange *exchange = bench_ask(&bench, BENCH_GET);
    testing_reset(&bench.peer);
    testing_run(&bench.t);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_RESET);
    assert_int_equal(bench.t.ended_count, 1);
    bench_fini(&bench);

    bench_front(&bench, NULL);
    exchange = bench_ask(&bench, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    testing_end_of_say(&bench.peer);
    testing_run(&bench.t);
    assert_true(exchange->is_broken);
    bench_expect(&bench, "HTTP/1.1 400 ");
    bench_fini(&bench);
}

/* RFC 9112 9.6: it may close its half and still wait for the answer. */
static void a_client_that_has_said_all_still_hears_the_answer(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    struct testing_exchange *exchange = bench_ask(&bench, BENCH_GET);
    testing_end_of_say(&bench.peer);
    testing_run(&bench.t);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
    bench_serve(&bench, 0);
    assert_string_equal(testing_heard(&bench.peer), BENCH_OK);
    assert_true(bench.peer.is_ended);
    assert_int_equal(bench.t.ended_count, 1);
    bench_fini(&bench);
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    bench.t.is_refusing = true;
    testing_say(&bench.peer, BENCH_GET);
    testing_run(&bench.t);
    bench_expect(&bench, "HTTP/1.1 503 ");
    assert_int_equal(pool_count(&bench.t.env.heads), 0);
    bench_fini(&bench);

    bench_front(&bench, NULL);
    bench.t.env.heads.count_max = 0;
    testing_say(&bench.peer, BENCH_GET);
    testing_run(&bench.t);
    bench_expect(&bench, "HTTP/1.1 503 ");
    bench_fini(&bench);

    /* Each thing that a new one takes. */
    bench_front(&bench, NULL);
    struct pool *pools[] = {&bench.t.env.muxes[MUX_H1_FRONT], &bench.t.rt->tasklet_pool,
                            &bench.t.rt->task_pool};
    for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
        struct testing_peer other;
        struct mux *mux;
        struct conn *conn = testing_connect(&bench.t, &other);
        unsigned count_max = pools[i]->count_max;
        pools[i]->count_max = pool_count(pools[i]);
        assert_int_equal(mux_h1_front_new(&bench.t.env, conn, NULL, NULL, &mux), -ERR_MEMORY);
        pools[i]->count_max = count_max;
        conn_free(conn);
        bench.t.peers_count--;
        testing_close(&other);
    }
    bench_fini(&bench);
}

/* Trailers may be dropped for want of memory (RFC 9110 6.5.1); the body may not. */
static void trailers_are_dropped_for_want_of_memory(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    struct testing_exchange *exchange = bench_ask(
        &bench, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    bench.t.env.heads.count_max = pool_count(&bench.t.env.heads);
    testing_say(&bench.peer, "0\r\nT: 1\r\n\r\n");
    testing_run(&bench.t);
    assert_true(exchange->is_ended);
    assert_null(exchange->trailers);
    bench_fini(&bench);
}

/* What was received before the mux was made is where its reading begins. */
static void what_came_first_is_read_first(void **state)
{
    struct bench bench;
    struct buf first = {0};
    struct buffer_wait wait = {0};

    (void)state;
    testing_init(&bench.t, &(struct testing_options){0});
    struct conn *conn = testing_connect(&bench.t, &bench.peer);
    assert_true(buffer_take(&bench.t.env.buffers, BUFFER_UP_IN, &first, &wait, NULL));
    assert_int_equal(buf_write(&first, "GET /first HTTP", 15), 15);
    assert_int_equal(mux_h1_front_new(&bench.t.env, conn, &first, NULL, &bench.mux), 0);
    assert_null(first.area);
    const struct testing_exchange *exchange = bench_ask(&bench, "/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(testing_text(exchange->heads[0], exchange->heads[0]->path), "/first");
    bench_fini(&bench);
}

static void a_killed_one_tells_its_exchange(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    struct testing_exchange *exchange = bench_ask(&bench, BENCH_GET);
    bench.mux->ops->destroy(bench.mux);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_RESET);
    assert_null(exchange->stream.mux);
    assert_int_equal(bench.t.ended_count, 1);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_be_read_in_two_ways_is_refused_and_the_connection_closed),
        cmocka_unit_test(bad_chunks_are_refused_and_the_exchange_is_told),
        cmocka_unit_test(heads_that_are_too_long_are_refused),
        cmocka_unit_test(an_answer_is_readable_though_the_client_goes_on_sending),
        cmocka_unit_test(the_first_request_is_awaited_and_then_asked_for),
        cmocka_unit_test(an_idle_client_is_left_without_a_word),
        cmocka_unit_test(a_stop_ends_the_idle_and_closes_after_those_in_flight),
        cmocka_unit_test(a_client_that_leaves_is_noticed),
        cmocka_unit_test(a_client_that_has_said_all_still_hears_the_answer),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
        cmocka_unit_test(trailers_are_dropped_for_want_of_memory),
        cmocka_unit_test(what_came_first_is_read_first),
        cmocka_unit_test(a_killed_one_tells_its_exchange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
