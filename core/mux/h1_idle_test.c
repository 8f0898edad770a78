/*
 * core/mux/h1_idle_test.c - HTTP/1.1 towards servers that are asked again: idle, stale, stolen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mux/h1_bench.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"

#define HEAD_X "GET /x HTTP/1.1\r\nHost: a\r\nVia: 1.1 heddle\r\n\r\n"

static void what_an_idle_server_says_ends_it(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct bench bench;
        bench_back(&bench, NULL);
        bench_make_idle(&bench);
        if (how == 0)
            testing_say(&bench.peer, "HTTP/1.1 408 Too Late\r\n\r\n");
        else if (how == 1)
            testing_close(&bench.peer);
        else
            testing_reset(&bench.peer);
        testing_run(&bench.t);
        assert_int_equal(pool_count(&bench.t.env.muxes[MUX_H1_BACK]), 0);
        assert_false(bench_reuse(&bench));
        bench_fini(&bench);
    }
}

static void what_came_before_we_asked_is_no_answer(void **state)
{
    struct bench bench;

    (void)state;
    bench_back(&bench, NULL);
    bench_make_idle(&bench);
    /* It is there, and reported, when the request comes; but the mux has not looked yet. */
    assert_true(bench_reuse(&bench));
    testing_say(&bench.peer, "HTTP/1.1 408 Too Late\r\n\r\n");
    testing_run(&bench.t);
    assert_int_equal(pool_count(&bench.t.env.muxes[MUX_H1_BACK]), 0);
    bench_fini(&bench);

    bench_back(&bench, NULL);
    testing_say(&bench.peer, "hello");
    const struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_PROTOCOL);
    assert_string_equal(testing_heard(&bench.peer), "");
    bench_fini(&bench);
}

/* RFC 9112 9.3.1: it may have closed before it saw the request; once it has said a byte it has not.
 */
static void a_stale_connection_refuses_and_a_broken_one_resets(void **state)
{
    (void)state;
    for (int has_byte = 0; has_byte < 2; has_byte++) {
        struct bench bench;
        bench_back(&bench, NULL);
        bench_make_idle(&bench);
        assert_true(bench_reuse(&bench));
        const struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
        assert_string_equal(testing_heard(&bench.peer), HEAD_X);
        if (has_byte)
            testing_say(&bench.peer, "H");
        testing_close(&bench.peer);
        testing_run(&bench.t);
        assert_int_equal(exchange->stream.error,
                         has_byte ? STREAM_ERROR_RESET : STREAM_ERROR_REFUSED);
        assert_false(exchange->is_broken);
        bench_fini(&bench);
    }
}

/* RFC 9110 9.2.2: whether the server has begun it is unknown; only some bear being done twice. */
static void what_is_not_idempotent_is_not_asked_again(void **state)
{
    static const struct {
        const char *method;
        enum stream_error error;
    } cases[] = {
        {"GET", STREAM_ERROR_REFUSED},     {"HEAD", STREAM_ERROR_REFUSED},
        {"OPTIONS", STREAM_ERROR_REFUSED}, {"TRACE", STREAM_ERROR_REFUSED},
        {"PUT", STREAM_ERROR_REFUSED},     {"DELETE", STREAM_ERROR_REFUSED},
        {"POST", STREAM_ERROR_RESET},      {"PATCH", STREAM_ERROR_RESET},
        {"get", STREAM_ERROR_RESET},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench bench;
        bench_back(&bench, NULL);
        bench_make_idle(&bench);
        assert_true(bench_reuse(&bench));
        const struct testing_exchange *exchange = bench_get(&bench, cases[i].method, NULL);
        testing_close(&bench.peer);
        testing_run(&bench.t);
        assert_int_equal(exchange->stream.error, cases[i].error);
        bench_fini(&bench);
    }
}

/* It was gone before a byte of the request went: nothing can have been done. */
static void what_was_not_sent_may_be_asked_of_another(void **state)
{
    struct bench bench;

    (void)state;
    bench_back(&bench, NULL);
    bench_make_idle(&bench);
    assert_true(bench_reuse(&bench));
    testing_reset(&bench.peer); /* not yet reported: only sending says so */
    const struct testing_exchange *exchange = bench_get(&bench, "POST", NULL);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_REFUSED);
    bench_fini(&bench);
}

/* The body goes on being sent; the system says that nobody is there. */
static void what_a_stale_connection_did_not_take_stays_for_another(void **state)
{
    struct testing_options options = {.kernel_bytes = 4096};
    struct bench bench;

    (void)state;
    bench_back(&bench, &options);
    bench_make_idle(&bench);
    assert_true(bench_reuse(&bench));
    struct testing_exchange *exchange = testing_ask(&bench.t, "PUT", "/x", NULL);
    assert_int_equal(mux_attach(bench.mux, &exchange->stream), 0);
    bench.peer.is_deaf = true;
    testing_ask_body(exchange, NULL, 1 << 20, true);
    testing_run(&bench.t);
    assert_true(exchange->data_left > 0);
    testing_reset(&bench.peer);
    testing_run(&bench.t);
    assert_int_equal(exchange->stream.error, STREAM_ERROR_REFUSED);
    assert_false(channel_has(&exchange->send, CHANNEL_CLOSED));
    assert_false(channel_has(&exchange->recv, CHANNEL_BROKEN));
    bench_fini(&bench);
}

static void an_idle_connection_grows_old(void **state)
{
    struct bench bench;

    (void)state;
    bench_back(&bench, NULL);
    bench_make_idle(&bench);
    testing_pass(&bench.t, bench.t.env.timeouts.idle_ns - 1);
    assert_int_equal(pool_count(&bench.t.env.muxes[MUX_H1_BACK]), 1);
    testing_pass(&bench.t, 1);
    assert_int_equal(pool_count(&bench.t.env.muxes[MUX_H1_BACK]), 0);
    bench_fini(&bench);
}

/* --- two workers --- */

static void a_stolen_one_serves_its_thief(void **state)
{
    struct testing_options options = {.workers = 2};
    struct bench bench;

    (void)state;
    bench_back(&bench, &options);
    for (int i = 0; i < 6; i++) {
        testing_on(&bench.t, i % 2);
        if (i > 0)
            assert_true(bench_reuse(&bench));
        assert_int_equal(bench.mux->idle.worker, i % 2);
        bench_make_idle(&bench);
    }
    assert_int_equal(bench.t.env.takeovers, 5);
    assert_true(bench_reuse(&bench));
    bench_end_mux(&bench);
    testing_on(&bench.t, 0);
    bench_fini(&bench);
}

/* Whatever cannot be allocated, it stays where it was. */
static void a_theft_without_memory_changes_nothing(void **state)
{
    struct testing_options options = {.workers = 2};
    struct bench bench;

    (void)state;
    bench_back(&bench, &options);
    bench_make_idle(&bench);
    struct pool *pools[] = {&bench.t.rt->tasklet_pool, &bench.t.rt->task_pool};
    for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
        unsigned count_max = pools[i]->count_max;
        testing_on(&bench.t, 1);
        pools[i]->count_max = pool_count(pools[i]);
        assert_false(bench_reuse(&bench));
        pools[i]->count_max = count_max;
        testing_run(&bench.t);
        testing_on(&bench.t, 0);
        assert_true(bench_reuse(&bench));
        bench_make_idle(&bench);
    }
    assert_true(bench_reuse(&bench));
    bench_end_mux(&bench);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_idle_server_says_ends_it),
        cmocka_unit_test(what_came_before_we_asked_is_no_answer),
        cmocka_unit_test(a_stale_connection_refuses_and_a_broken_one_resets),
        cmocka_unit_test(what_is_not_idempotent_is_not_asked_again),
        cmocka_unit_test(what_was_not_sent_may_be_asked_of_another),
        cmocka_unit_test(what_a_stale_connection_did_not_take_stays_for_another),
        cmocka_unit_test(an_idle_connection_grows_old),
        cmocka_unit_test(a_stolen_one_serves_its_thief),
        cmocka_unit_test(a_theft_without_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
