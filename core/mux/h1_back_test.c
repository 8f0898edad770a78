/*
 * core/mux/h1_back_test.c - HTTP/1.1 towards servers: requests out, responses in, idle, and the
 * ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mux/h1_back.h"
#include "core/mux/protocols.h"
#include "core/mux/testing.h"
#include "core/net/conn.h"

#define OK3 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

struct bench {
    struct testing t;
    struct testing_peer server;
    struct mux *mux;
};

static void set_up(struct bench *bench, const struct testing_options *options)
{
    static const struct testing_options defaults;

    testing_init(&bench->t, options != NULL ? options : &defaults);
    struct conn *conn = testing_connect(&bench->t, &bench->server);
    assert_int_equal(mux_h1_back_new(&bench->t.env, conn, bench->t.server, &bench->mux), 0);
}

static void tear_down(struct bench *bench)
{
    testing_fini(&bench->t);
}

static struct testing_exchange *get(struct bench *bench, const char *method, const char *fields)
{
    struct testing_exchange *exchange = testing_ask(&bench->t, method, "/x", fields);

    testing_ask_end(exchange);
    assert_int_equal(mux_attach(bench->mux, &exchange->stream), 0);
    testing_run(&bench->t);
    return exchange;
}

static void one_connection_asks_many_times(void **state)
{
    struct bench bench;

    (void)state;
    set_up(&bench, NULL);
    for (unsigned i = 0; i < 5; i++) {
        struct testing_exchange *exchange = get(&bench, "GET", "X: y\n");
        assert_string_equal(testing_heard(&bench.server),
                            "GET /x HTTP/1.1\r\nHost: a\r\nX: y\r\nVia: 1.1 heddle\r\n\r\n");
        testing_say(&bench.server, OK3);
        testing_run(&bench.t);
        assert_int_equal(exchange->heads_count, 1);
        assert_int_equal(exchange->heads[0]->status, 200);
        assert_string_equal(exchange->body, "abc");
        assert_true(exchange->is_ended);
        testing_end(exchange);
        testing_run(&bench.t);
        mux_check(bench.mux, true);
        assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
        struct idle_want want = {.key = 0, .may_idle = true};
        struct idle_conn *again = idle_get(bench.t.server, &want);
        assert_ptr_equal(again, &bench.mux->idle);
    }
    bench.mux->ops->destroy(bench.mux);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_asks_many_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
