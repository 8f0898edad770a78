/*
 * core/mux/h1_front_test.c - HTTP/1 towards clients: requests in, responses out, and the ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mux/h1_front.h"
#include "core/mux/protocols.h"
#include "core/mux/testing.h"
#include "core/net/conn.h"

#define REQ "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK3 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

struct bench {
    struct testing t;
    struct testing_peer client;
    struct mux *mux;
};

static void set_up(struct bench *bench, const struct testing_options *options)
{
    static const struct testing_options defaults;

    testing_init(&bench->t, options != NULL ? options : &defaults);
    struct conn *conn = testing_connect(&bench->t, &bench->client);
    assert_int_equal(mux_h1_front_new(&bench->t.env, conn, NULL, NULL, &bench->mux), 0);
}

static void tear_down(struct bench *bench)
{
    testing_fini(&bench->t);
}

/* Answers the `index`-th request and lets go of it. */
static void serve(struct bench *bench, unsigned index)
{
    struct testing_exchange *exchange = testing_begun(&bench->t, index);

    assert_non_null(exchange);
    testing_answer(exchange, 200, "abc", 3, true);
    testing_run(&bench->t);
    assert_true(exchange->stream.is_sent);
    testing_end(exchange);
    testing_run(&bench->t);
}

static void one_connection_serves_many_requests(void **state)
{
    struct bench bench;

    (void)state;
    set_up(&bench, NULL);
    for (unsigned i = 0; i < 5; i++) {
        testing_say(&bench.client, REQ);
        testing_run(&bench.t);
        serve(&bench, i);
        assert_string_equal(testing_heard(&bench.client), OK3);
        mux_check(bench.mux, true);
        assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
    }
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_serves_many_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
