/*
 * core/mux/h2_alloc_test.c - HTTP/2 while memory is short: each allocation of a whole exchange is
 * refused in turn. Whatever becomes of the exchange, nothing may be left behind, nobody may wait
 * for ever, and a second connection is served as if nothing had been.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mux/h2_testing.h"
#include "core/mux/protocols.h"
#include "core/mux/testing_hooks.h"
#include "core/net/conn.h"

enum { STREAMS = 3, BODY_BYTES = 9000, RUNS_MIN = 30, RUNS_MAX = 5000 };

struct bench {
    struct testing t;
    struct h2_peer peers[2];
    struct mux *mux;
};

static void run(struct bench *bench, unsigned index)
{
    testing_refusal()->is_on = true;
    h2_peer_run(&bench->peers[index]);
    testing_refusal()->is_on = false;
}

/* False: the connection is refused. */
static bool begin(struct bench *bench, unsigned index, bool is_back)
{
    struct conn *conn = h2_peer_connect(&bench->t, &bench->peers[index], is_back);
    int result;

    testing_refusal()->is_on = true;
    testing_refusal()->has_all = true;
    if (is_back)
        result = mux_h2_back_new(&bench->t.env, conn, bench->t.server, &bench->mux);
    else
        result = mux_h2_front_new(&bench->t.env, conn, NULL, NULL, &bench->mux);
    testing_refusal()->is_on = false;
    testing_refusal()->has_all = false;
    if (result != 0)
        conn_free(conn);
    return result == 0;
}

static void answer(struct bench *bench, struct testing_exchange *exchange)
{
    if (exchange->stream.error != STREAM_ERROR_NONE)
        return;
    struct http_head *head = testing_head(&bench->t, true);
    head->status = 200;
    testing_put_head(exchange, head);
    testing_put(exchange, NULL, BODY_BYTES);
    struct http_head *trailers = testing_head(&bench->t, true);
    testing_add(trailers, "x-trailer", "t");
    testing_put_end(exchange, trailers);
}

/* Returns how many streams were served. */
static unsigned serve_front(struct bench *bench, unsigned index)
{
    struct h2_peer *client = &bench->peers[index];
    unsigned served = 0;

    bench->t.begun_count = 0;
    if (begin(bench, index, false)) {
        for (unsigned i = 0; i < STREAMS; i++)
            h2_peer_ask(client, "POST", "/", "cookie: a\ncookie: b\n", BODY_BYTES)->has_trailers =
                true;
        run(bench, index);
        for (unsigned i = 0; i < bench->t.begun_count; i++)
            answer(bench, testing_begun(&bench->t, i));
        run(bench, index);
        for (unsigned i = 0; i < bench->t.begun_count; i++) {
            struct testing_exchange *exchange = testing_begun(&bench->t, i);
            /* It ended, or was told of an error: nobody waits for what does not come. */
            assert_true(exchange->stream.is_sent || exchange->stream.error != STREAM_ERROR_NONE);
            served += exchange->stream.error == STREAM_ERROR_NONE &&
                      exchange->body_bytes == BODY_BYTES && exchange->trailers != NULL;
            testing_end(exchange);
        }
        run(bench, index);
    }
    testing_close(&client->peer);
    run(bench, index);
    return served;
}

static unsigned serve_back(struct bench *bench, unsigned index)
{
    struct h2_peer *server = &bench->peers[index];
    struct testing_exchange *exchanges[STREAMS] = {NULL};
    unsigned served = 0;

    if (begin(bench, index, true)) {
        for (unsigned i = 0; i < STREAMS; i++) {
            exchanges[i] = testing_ask(&bench->t, "POST", "/", "Cookie: a\n");
            testing_ask_body(exchanges[i], NULL, BODY_BYTES, true);
            testing_put_end(exchanges[i], NULL);
            testing_refusal()->is_on = true;
            int result = mux_attach(bench->mux, &exchanges[i]->stream);
            testing_refusal()->is_on = false;
            if (result != 0) {
                if (i == 0)
                    bench->mux->ops->destroy(bench->mux);
                testing_end(exchanges[i]);
                exchanges[i] = NULL;
                if (i == 0)
                    break;
            }
        }
        run(bench, index);
        for (unsigned i = 0; i < server->begun; i++) {
            h2_peer_seen(server, i)->has_trailers = true;
            h2_peer_answer(server, h2_peer_seen(server, i), 200, NULL, BODY_BYTES);
        }
        run(bench, index);
        for (unsigned i = 0; i < STREAMS; i++) {
            if (exchanges[i] == NULL)
                continue;
            assert_true(exchanges[i]->is_ended || exchanges[i]->stream.error != STREAM_ERROR_NONE);
            served += exchanges[i]->stream.error == STREAM_ERROR_NONE &&
                      exchanges[i]->body_bytes == BODY_BYTES && exchanges[i]->trailers != NULL;
            testing_end(exchanges[i]);
        }
        run(bench, index);
    }
    testing_close(&server->peer);
    run(bench, index);
    return served;
}

static void refuse_each(unsigned (*serve)(struct bench *bench, unsigned index))
{
    unsigned n = 1;

    for (; n < RUNS_MAX; n++) {
        struct bench *bench = calloc(1, sizeof(*bench));
        assert_non_null(bench);
        testing_init(&bench->t, &(struct testing_options){0});
        *testing_refusal() = (struct testing_refusal){0};
        testing_refusal()->left = n;
        (void)serve(bench, 0);
        bool has_failed = testing_refusal()->has_failed;
        testing_refusal()->left = 0;
        assert_int_equal(serve(bench, 1), STREAMS);
        testing_fini(&bench->t);
        h2_peer_free(&bench->peers[0]);
        h2_peer_free(&bench->peers[1]);
        free(bench);
        if (!has_failed)
            break;
    }
    assert_in_range(n, RUNS_MIN, RUNS_MAX - 1);
}

static void front_without_memory(void **state)
{
    (void)state;
    refuse_each(serve_front);
}

static void back_without_memory(void **state)
{
    (void)state;
    refuse_each(serve_back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(front_without_memory),
        cmocka_unit_test(back_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
