#include "core/mux/h1_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/mux/protocols.h"
#include "core/net/conn.h"

static const struct testing_options defaults;

void bench_front(struct bench *bench, const struct testing_options *options)
{
    testing_init(&bench->t, options != NULL ? options : &defaults);
    struct conn *conn = testing_connect(&bench->t, &bench->peer);
    assert_int_equal(mux_h1_front_new(&bench->t.env, conn, NULL, NULL, &bench->mux), 0);
}

void bench_back(struct bench *bench, const struct testing_options *options)
{
    testing_init(&bench->t, options != NULL ? options : &defaults);
    struct conn *conn = testing_connect(&bench->t, &bench->peer);
    assert_int_equal(mux_h1_back_new(&bench->t.env, conn, bench->t.server, &bench->mux), 0);
}

void bench_fini(struct bench *bench)
{
    testing_fini(&bench->t);
}

struct testing_exchange *bench_ask(struct bench *bench, const char *text)
{
    testing_say(&bench->peer, text);
    testing_run(&bench->t);
    struct testing_exchange *exchange = testing_begun(&bench->t, bench->t.begun_count - 1);
    assert_non_null(exchange);
    return exchange;
}

void bench_serve(struct bench *bench, unsigned index)
{
    struct testing_exchange *exchange = testing_begun(&bench->t, index);

    assert_non_null(exchange);
    testing_answer(exchange, 200, "abc", 3, true);
    testing_run(&bench->t);
    assert_true(exchange->stream.is_sent);
    testing_end(exchange);
    testing_run(&bench->t);
}

struct testing_exchange *bench_get(struct bench *bench, const char *method, const char *fields)
{
    struct testing_exchange *exchange = testing_ask(&bench->t, method, "/x", fields);

    testing_ask_end(exchange);
    assert_int_equal(mux_attach(bench->mux, &exchange->stream), 0);
    testing_run(&bench->t);
    return exchange;
}

void bench_make_idle(struct bench *bench)
{
    struct testing_exchange *exchange = bench_get(bench, "GET", NULL);

    testing_say(&bench->peer, BENCH_OK);
    testing_run(&bench->t);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    testing_run(&bench->t);
    (void)testing_heard(&bench->peer);
}

bool bench_reuse(struct bench *bench)
{
    struct idle_want want = {.key = 0, .may_idle = true};
    struct idle_conn *conn = idle_get(bench->t.server, &want);

    if (conn == NULL)
        return false;
    assert_ptr_equal(mux_of_idle(conn), bench->mux);
    return true;
}

void bench_end_mux(struct bench *bench)
{
    bench->mux->ops->destroy(bench->mux);
}

void bench_expect(struct bench *bench, const char *text)
{
    const char *heard = testing_heard(&bench->peer);

    if (strncmp(heard, text, strlen(text)) != 0)
        print_message("heard: %s\n", heard);
    assert_int_equal(strncmp(heard, text, strlen(text)), 0);
}
