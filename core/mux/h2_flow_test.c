/*
 * core/mux/h2_flow_test.c - HTTP/2: payload, windows and buffers, and many streams at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "core/mux/h2_testing.h"
#include "core/mux/protocols.h"
#include "core/net/conn.h"

enum { BUFFER_BYTES = 4096 };

struct bench {
    struct testing t;
    struct h2_peer client;
    struct mux *mux;
};

static struct bench *set_up(const struct testing_options *options)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    assert_non_null(bench);
    testing_init(&bench->t, options);
    struct conn *conn = h2_peer_connect(&bench->t, &bench->client, false);
    assert_int_equal(mux_h2_front_new(&bench->t.env, conn, NULL, NULL, &bench->mux), 0);
    return bench;
}

static void run(struct bench *bench)
{
    h2_peer_run(&bench->client);
    if (bench->t.ended_count == 0)
        mux_check(bench->mux, true);
}

static void tear_down(struct bench *bench)
{
    testing_fini(&bench->t);
    assert_int_equal(bench->t.ended_count, 1);
    h2_peer_free(&bench->client);
    free(bench);
}

static struct testing_exchange *begun(struct bench *bench, unsigned index)
{
    struct testing_exchange *exchange = testing_begun(&bench->t, index);

    assert_non_null(exchange);
    return exchange;
}

static void large_bodies_pass_through_small_buffers(void **state)
{
    static const uint64_t body_bytes = 10 << 20;
    struct bench *bench = set_up(&(struct testing_options){.buffers = 2});

    (void)state;
    struct h2_peer_stream *stream = h2_peer_ask(&bench->client, "POST", "/", NULL, body_bytes);
    run(bench);
    struct testing_exchange *exchange = begun(bench, 0);
    exchange->is_counting = true;
    run(bench);
    assert_true(exchange->is_ended);
    assert_int_equal(exchange->body_bytes, body_bytes);
    testing_answer(exchange, 200, NULL, body_bytes, true);
    run(bench);
    assert_true(stream->is_ended);
    assert_int_equal(stream->body_bytes, body_bytes);
    assert_true(exchange->stream.is_sent);
    tear_down(bench);
}

/* The window that was announced is that of a buffer. */
static void slow_reader_does_not_block_others(void **state)
{
    struct bench *bench = set_up(&(struct testing_options){.buffers = 8});

    (void)state;
    run(bench); /* settings are known */
    assert_int_equal(bench->client.window_bytes, BUFFER_BYTES);
    struct h2_peer_stream *slow = h2_peer_ask(&bench->client, "POST", "/slow", NULL, 1);
    slow->is_open_ended = true;
    run(bench);
    begun(bench, 0)->is_holding = true;
    h2_peer_put(&bench->client, slow, 100000, true);
    run(bench);
    /* One byte was taken before, and its window not given back yet. */
    assert_int_equal(slow->left_bytes, 100000 - BUFFER_BYTES + 1);
    for (unsigned i = 1; i <= 5; i++) {
        struct h2_peer_stream *stream = h2_peer_ask(&bench->client, "POST", "/", NULL, 100000);
        run(bench);
        struct testing_exchange *exchange = begun(bench, i);
        assert_true(exchange->is_ended);
        assert_int_equal(exchange->body_bytes, 100000);
        testing_answer(exchange, 200, NULL, 100000, true);
        run(bench);
        assert_int_equal(stream->body_bytes, 100000);
        testing_end(exchange);
    }
    begun(bench, 0)->is_holding = false;
    run(bench);
    assert_int_equal(begun(bench, 0)->body_bytes, 100001);
    assert_true(begun(bench, 0)->is_ended);
    tear_down(bench);
}

/* A client that does not wait for our settings may send more than a buffer holds. */
static void payload_sent_before_the_window_is_known_is_held(void **state)
{
    struct bench *bench = set_up(&(struct testing_options){.buffers = 4});

    (void)state;
    (void)h2_peer_ask(&bench->client, "POST", "/", NULL, 60000);
    h2_peer_run(&bench->client); /* all of it is taken at once */
    struct testing_exchange *exchange = begun(bench, 0);
    run(bench);
    assert_int_equal(exchange->body_bytes, 60000);
    assert_true(exchange->is_ended);
    tear_down(bench);
}

static void held_payload_ends_with_its_stream(void **state)
{
    struct bench *bench = set_up(&(struct testing_options){.buffers = 4});

    (void)state;
    /* Two streams beyond the window: the first holds up the connection until it is let go. */
    struct h2_peer_stream *first = h2_peer_ask(&bench->client, "POST", "/", NULL, 30000);
    bench->t.is_holding = true;
    h2_peer_run(&bench->client);
    bench->t.is_holding = false;
    struct h2_peer_stream *second = h2_peer_ask(&bench->client, "POST", "/", NULL, 100);
    h2_peer_run(&bench->client);
    assert_null(testing_begun(&bench->t, 1));
    assert_int_equal(channel_len(&begun(bench, 0)->recv), BUFFER_BYTES);
    testing_end(begun(bench, 0));
    run(bench);
    assert_true(first->is_closed);
    assert_int_equal(begun(bench, 1)->body_bytes, 100);
    assert_false(second->is_closed);
    tear_down(bench);
}

static void body_that_nobody_wants_is_swallowed(void **state)
{
    struct bench *bench = set_up(&(struct testing_options){.buffers = 4});

    (void)state;
    struct h2_peer_stream *stream = h2_peer_ask(&bench->client, "POST", "/", NULL, 1);
    stream->is_open_ended = true;
    run(bench);
    channel_close(&begun(bench, 0)->recv);
    h2_peer_put(&bench->client, stream, 1000000, true);
    run(bench);
    assert_int_equal(stream->left_bytes, 0);
    assert_int_equal(pool_count(&bench->t.env.buffers.pool), 0);
    tear_down(bench);
}

/* Two clients, one buffer of each kind: all is slow, nothing is lost. */
static void one_buffer_is_enough_for_many(void **state)
{
    enum { STREAMS = 20 };
    struct bench *bench = set_up(&(struct testing_options){.buffers = 1});

    (void)state;
    run(bench);
    for (unsigned i = 0; i < STREAMS; i++)
        (void)h2_peer_ask(&bench->client, "POST", "/", NULL, 20000);
    h2_peer_run(&bench->client);
    for (int i = 0; i < 50; i++)
        run(bench);
    for (unsigned i = 0; i < STREAMS; i++) {
        struct testing_exchange *exchange = begun(bench, i);
        assert_true(exchange->is_ended);
        assert_int_equal(exchange->body_bytes, 20000);
        testing_answer(exchange, 200, NULL, 30000, true);
    }
    for (int i = 0; i < 50; i++)
        run(bench);
    for (unsigned i = 0; i < STREAMS; i++) {
        assert_int_equal(bench->client.streams[i].body_bytes, 30000);
        assert_true(begun(bench, i)->stream.is_sent);
    }
    tear_down(bench);
}

static void a_thousand_streams_at_once(void **state)
{
    enum { STREAMS = 1000 };
    struct bench *bench =
        set_up(&(struct testing_options){.buffers = 2000, .streams_max = STREAMS});

    (void)state;
    run(bench);
    for (unsigned i = 0; i < STREAMS; i++)
        (void)h2_peer_ask(&bench->client, "POST", "/", "x-test: a\n", 5000);
    run(bench);
    assert_int_equal(bench->t.begun_count, STREAMS);
    for (unsigned i = 0; i < STREAMS; i++) {
        assert_int_equal(begun(bench, i)->body_bytes, 5000);
        assert_true(begun(bench, i)->is_ended);
    }
    for (unsigned i = 0; i < STREAMS; i++)
        testing_answer(begun(bench, i), 200, NULL, 7000, true);
    run(bench);
    for (unsigned i = 0; i < STREAMS; i++) {
        assert_int_equal(bench->client.streams[i].status, 200);
        assert_int_equal(bench->client.streams[i].body_bytes, 7000);
        assert_true(bench->client.streams[i].is_ended);
        testing_end(begun(bench, i));
    }
    run(bench);
    assert_int_equal(pool_count(&bench->t.env.streams), 0);
    assert_int_equal(pool_count(&bench->t.env.buffers.pool), 0);
    tear_down(bench);
}

static void streams_are_sent_in_turns(void **state)
{
    enum { STREAMS = 8, BODY_BYTES = 40000 };
    struct bench *bench = set_up(&(struct testing_options){.buffers = 64, .kernel_bytes = 4096});

    (void)state;
    for (unsigned i = 0; i < STREAMS; i++)
        (void)h2_peer_ask(&bench->client, "GET", "/", NULL, 0);
    run(bench);
    bench->client.peer.is_deaf = true;
    for (unsigned i = 0; i < STREAMS; i++)
        testing_answer(begun(bench, i), 200, NULL, BODY_BYTES, true);
    testing_run(&bench->t);
    /* What has gone out while the client reads little by little. */
    bool was_ahead = false;
    for (int i = 0; i < 40; i++) {
        char little[4000];
        (void)!recv(bench->client.peer.fd, little, sizeof(little), MSG_DONTWAIT);
        testing_run(&bench->t);
        uint64_t least = UINT64_MAX;
        uint64_t most = 0;
        for (unsigned k = 0; k < STREAMS; k++) {
            uint64_t bytes = begun(bench, k)->send.moved_bytes;
            least = bytes < least ? bytes : least;
            most = bytes > most ? bytes : most;
        }
        was_ahead |= most > least + 3 * BUFFER_BYTES;
    }
    assert_false(was_ahead);
    assert_true(begun(bench, 0)->send.moved_bytes > BUFFER_BYTES);
    tear_down(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_bodies_pass_through_small_buffers),
        cmocka_unit_test(slow_reader_does_not_block_others),
        cmocka_unit_test(payload_sent_before_the_window_is_known_is_held),
        cmocka_unit_test(held_payload_ends_with_its_stream),
        cmocka_unit_test(body_that_nobody_wants_is_swallowed),
        cmocka_unit_test(one_buffer_is_enough_for_many),
        cmocka_unit_test(a_thousand_streams_at_once),
        cmocka_unit_test(streams_are_sent_in_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
