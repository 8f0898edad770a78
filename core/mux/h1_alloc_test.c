/*
 * core/mux/h1_alloc_test.c - HTTP/1 while memory is short: each allocation of a whole exchange is
 * refused in turn. Whatever becomes of the exchange, nothing may be left behind, nobody may wait
 * for ever, and the next connection is served as if nothing had been.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mux/protocols.h"
#include "core/mux/testing.h"
#include "core/mux/testing_hooks.h"
#include "core/net/conn.h"

enum { BODY_BYTES = 9000, RUNS_MIN = 15, RUNS_MAX = 5000 };

static const char request_text[] =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n0\r\nT: 1\r\n\r\n";
static const char response_text[] = "HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n"
                                    "3\r\nabc\r\n0\r\nT: 1\r\n\r\n";

struct bench {
    struct testing t;
    struct testing_peer peers[2];
    struct mux *mux;
};

static void run(struct bench *bench)
{
    testing_refusal()->is_on = true;
    testing_run(&bench->t);
    testing_refusal()->is_on = false;
}

/* False: the connection is refused. */
static bool begin(struct bench *bench, unsigned index, bool is_back)
{
    struct testing_refusal *refusal = testing_refusal();
    struct conn *conn = testing_connect(&bench->t, &bench->peers[index]);
    int result;

    refusal->is_on = true;
    refusal->has_all = true;
    if (is_back)
        result = mux_h1_back_new(&bench->t.env, conn, bench->t.server, &bench->mux);
    else
        result = mux_h1_front_new(&bench->t.env, conn, NULL, NULL, &bench->mux);
    refusal->is_on = false;
    refusal->has_all = false;
    if (result != 0)
        conn_free(conn);
    return result == 0;
}

static void answer(struct bench *bench, struct testing_exchange *exchange)
{
    struct http_head *head = testing_head(&bench->t, true);
    struct http_head *trailers = testing_head(&bench->t, true);

    head->status = 200;
    testing_add(trailers, "T", "1");
    testing_put_head(exchange, head);
    testing_put(exchange, NULL, BODY_BYTES);
    testing_put_end(exchange, trailers);
}

/* True if the client got its whole answer. */
static bool serve_front(struct bench *bench, unsigned index)
{
    struct testing_peer *client = &bench->peers[index];

    bench->t.begun_count = 0;
    if (!begin(bench, index, false)) {
        testing_close(client);
        return false;
    }
    testing_say(client, request_text);
    run(bench);
    struct testing_exchange *exchange = testing_begun(&bench->t, 0);
    if (exchange != NULL) {
        assert_true(exchange->is_ended);
        assert_string_equal(exchange->body, "abc");
        answer(bench, exchange);
        run(bench);
        assert_true(exchange->stream.is_sent);
        testing_end(exchange);
        run(bench);
    }
    /* An answer of one kind or the other. */
    const char *heard = testing_heard(client);
    bool is_whole = strstr(heard, "0\r\nT: 1\r\n\r\n") != NULL;
    assert_true(is_whole || strstr(heard, "HTTP/1.1 503 ") != NULL);
    testing_close(client);
    testing_run(&bench->t);
    return is_whole;
}

/* True if the exchange got its whole answer. */
static bool serve_back(struct bench *bench, unsigned index)
{
    struct testing_peer *server = &bench->peers[index];

    if (!begin(bench, index, true)) {
        testing_close(server);
        return false;
    }
    struct testing_exchange *exchange = testing_ask(&bench->t, "POST", "/", NULL);
    assert_int_equal(mux_attach(bench->mux, &exchange->stream), 0);
    testing_ask_body(exchange, NULL, BODY_BYTES, false);
    testing_put_end(exchange, NULL);
    run(bench);
    testing_say(server, response_text);
    run(bench);
    bool is_whole = exchange->is_ended;
    if (is_whole)
        assert_string_equal(exchange->body, "abc");
    else
        assert_int_equal(exchange->stream.error, STREAM_ERROR_MEMORY);
    testing_end(exchange);
    testing_close(server);
    testing_run(&bench->t);
    return is_whole;
}

static void refuse_each(bool (*serve)(struct bench *bench, unsigned index))
{
    static const struct testing_options options = {.buffer_bytes = 1024, .buffers = 2};
    struct testing_refusal *refusal = testing_refusal();
    unsigned runs = 0;
    unsigned failed = 0;

    do {
        struct bench bench;
        assert_true(++runs < RUNS_MAX);
        refusal->left = 0;
        testing_init(&bench.t, &options);
        refusal->left = runs;
        refusal->has_failed = false;
        bool is_whole = serve(&bench, 0);
        failed += !is_whole;
        assert_true(is_whole || refusal->has_failed);
        refusal->left = 0;
        bool was_refused = refusal->has_failed;
        assert_true(serve(&bench, 1));
        refusal->has_failed = was_refused;
        testing_fini(&bench.t);
    } while (refusal->has_failed);
    assert_true(runs >= RUNS_MIN);
    assert_true(failed >= 3);
}

static void a_client_is_served_or_told_whatever_is_refused(void **state)
{
    (void)state;
    refuse_each(serve_front);
}

static void an_exchange_is_served_or_told_whatever_is_refused(void **state)
{
    (void)state;
    refuse_each(serve_back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_served_or_told_whatever_is_refused),
        cmocka_unit_test(an_exchange_is_served_or_told_whatever_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
