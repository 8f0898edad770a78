/*
 * core/mux/h1_front_test.c - HTTP/1 towards clients: requests in, responses out.
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

static void one_connection_serves_many_requests(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    for (unsigned i = 0; i < 5; i++) {
        testing_say(&bench.peer, BENCH_GET);
        testing_run(&bench.t);
        bench_serve(&bench, i);
        assert_string_equal(testing_heard(&bench.peer), BENCH_OK);
        mux_check(bench.mux, true);
        assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
    }
    bench_fini(&bench);
}

/* --- heads --- */

static void hop_by_hop_fields_and_upgrade_end_here(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    testing_say(
        &bench.peer,
        "GET http://H:1?q HTTP/1.1\r\nHost: h:1\r\nConnection: x-mine, keep-alive, upgrade\r\n"
        "X-Mine: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nAccept: */*\r\n"
        "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    testing_run(&bench.t);
    const struct testing_exchange *exchange = testing_begun(&bench.t, 0);
    assert_non_null(exchange);
    const struct http_head *head = exchange->heads[0];
    assert_int_equal(head->fields_count, 1);
    assert_string_equal(testing_field(head, "accept"), "*/*");
    assert_string_equal(testing_text(head, head->authority), "H:1");
    assert_string_equal(testing_text(head, head->path), "/?q");
    assert_string_equal(testing_text(head, head->scheme), "http");
    assert_string_equal(testing_text(head, head->method_text), "GET");
    assert_int_equal(head->method, HTTP_METHOD_GET);
    assert_true(head->has_expect);
    assert_true(head->has_length);
    assert_int_equal(head->length_bytes, 2);
    assert_false(head->is_end);
    assert_false(exchange->is_ended);
    bench_fini(&bench);
}

/* Puts an interim head (RFC 9110 15.2). */
static void put_interim(struct bench *bench, struct testing_exchange *exchange, unsigned status)
{
    struct http_head *head = testing_head(&bench->t, true);

    head->status = (uint16_t)status;
    testing_add(head, "Link", "x");
    testing_put_head(exchange, head);
    testing_run(&bench->t);
}

static void interim_responses_pass_but_not_to_old_clients(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    struct testing_exchange *exchange = bench_ask(
        &bench, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    put_interim(&bench, exchange, 100);
    assert_string_equal(testing_heard(&bench.peer), "HTTP/1.1 100 Continue\r\nLink: x\r\n\r\n");
    put_interim(&bench, exchange, 103);
    assert_string_equal(testing_heard(&bench.peer), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    testing_say(&bench.peer, "z");
    testing_run(&bench.t);
    testing_answer(exchange, 200, "abc", 3, true);
    testing_run(&bench.t);
    assert_string_equal(testing_heard(&bench.peer), BENCH_OK);
    assert_string_equal(exchange->body, "z");
    bench_fini(&bench);

    bench_front(&bench, NULL);
    exchange = bench_ask(&bench, "GET / HTTP/1.0\r\n\r\n");
    put_interim(&bench, exchange, 103);
    assert_string_equal(testing_heard(&bench.peer), "");
    testing_answer(exchange, 200, "abc", 3, true);
    testing_run(&bench.t);
    assert_string_equal(testing_heard(&bench.peer),
                        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
    bench_fini(&bench);
}

struct framing_case {
    const char *request;
    unsigned status;
    bool has_length;
    const char *body; /* NULL: is_end */
    const char *want;
    bool is_kept;
};

static const struct framing_case framings[] = {
    {BENCH_GET, 200, true, "abc", BENCH_OK, true},
    {BENCH_GET, 200, false, "abc",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true},
    {BENCH_GET, 200, false, NULL, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
    {BENCH_GET, 204, false, NULL, "HTTP/1.1 204 No Content\r\n\r\n", true},
    {BENCH_GET, 304, true, NULL, "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n", true},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, true, "abc",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", false},
    {"GET / HTTP/1.0\r\n\r\n", 200, false, "abc", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc",
     false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, false, "abc",
     "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, true, "abc",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc", true},
    /* RFC 9110 9.3.2: whatever the length is, nothing follows. */
    {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, true, "abc",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true},
    {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, false, "abc", "HTTP/1.1 200 OK\r\n\r\n", true},
    /* An unread body: RFC 9112 9.6. */
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", 200, true, "abc",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", false},
};

static void responses_are_framed_for_whom_they_go_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(framings); i++) {
        const struct framing_case *c = &framings[i];
        struct bench bench;
        bench_front(&bench, NULL);
        struct testing_exchange *exchange = bench_ask(&bench, c->request);
        if (c->body != NULL) {
            testing_answer(exchange, c->status, c->body, strlen(c->body), c->has_length);
        } else {
            struct http_head *head = testing_head(&bench.t, true);
            head->status = (uint16_t)c->status;
            head->has_length = c->has_length;
            head->is_end = true;
            testing_put_head(exchange, head);
        }
        testing_run(&bench.t);
        assert_string_equal(testing_heard(&bench.peer), c->want);
        assert_true(exchange->stream.is_sent);
        testing_end(exchange);
        testing_run(&bench.t);
        assert_int_equal(bench.peer.is_ended, !c->is_kept);
        assert_false(bench.peer.is_reset);
        if (c->is_kept) {
            (void)bench_ask(&bench, BENCH_GET);
            assert_int_equal(bench.t.begun_count, 2);
        }
        bench_fini(&bench);
    }
}

static void trailers_pass_between_chunked_ends_only(void **state)
{
    struct bench bench;

    (void)state;
    bench_front(&bench, NULL);
    struct testing_exchange *exchange =
        bench_ask(&bench, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "3;x=y\r\nabc\r\n00\r\nSum: 7\r\nContent-Length: 4\r\n\r\n");
    assert_string_equal(exchange->body, "abc");
    assert_true(exchange->is_ended);
    assert_non_null(exchange->trailers);
    assert_int_equal(exchange->trailers->fields_count, 1);
    assert_string_equal(testing_field(exchange->trailers, "sum"), "7");

    struct http_head *head = testing_head(&bench.t, true);
    head->status = 200;
    testing_put_head(exchange, head);
    testing_put(exchange, "abc", 3);
    struct http_head *trailers = testing_head(&bench.t, true);
    testing_add(trailers, "Sum", "8");
    testing_put_end(exchange, trailers);
    testing_run(&bench.t);
    assert_string_equal(testing_heard(&bench.peer),
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n0\r\nSum: 8\r\n\r\n");
    assert_true(exchange->stream.is_sent);
    bench_fini(&bench);

    bench_front(&bench, NULL);
    exchange = bench_ask(&bench, BENCH_GET);
    head = testing_head(&bench.t, true);
    head->status = 200;
    head->has_length = true;
    head->length_bytes = 3;
    testing_put_head(exchange, head);
    testing_put(exchange, "abc", 3);
    trailers = testing_head(&bench.t, true);
    testing_add(trailers, "Sum", "8");
    testing_put_end(exchange, trailers);
    testing_run(&bench.t);
    assert_string_equal(testing_heard(&bench.peer), BENCH_OK);
    assert_true(exchange->stream.is_sent);
    bench_fini(&bench);
}

/* More or less than was announced would be taken for, or swallow, the next response. */
static void a_response_that_breaks_its_word_is_cut_off(void **state)
{
    static const char *const bodies[] = {"abcd", "ab"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct bench bench;
        bench_front(&bench, NULL);
        struct testing_exchange *exchange = bench_ask(&bench, BENCH_GET);
        struct http_head *head = testing_head(&bench.t, true);
        head->status = 200;
        head->has_length = true;
        head->length_bytes = 3;
        testing_put_head(exchange, head);
        testing_put(exchange, bodies[i], strlen(bodies[i]));
        testing_put_end(exchange, NULL);
        testing_run(&bench.t);
        assert_true(bench.peer.is_reset);
        assert_int_equal(exchange->stream.error, STREAM_ERROR_RESET);
        assert_int_equal(bench.t.ended_count, 1);
        bench_fini(&bench);
    }
}

static void an_exchange_that_gives_up_half_way_is_seen_by_the_client(void **state)
{
    struct bench bench;

    (void)state;
    for (int is_break = 0; is_break < 2; is_break++) {
        bench_front(&bench, NULL);
        struct testing_exchange *exchange = bench_ask(&bench, "GET / HTTP/1.0\r\n\r\n");
        struct http_head *head = testing_head(&bench.t, true);
        head->status = 200;
        testing_put_head(exchange, head);
        testing_put(exchange, "abc", 3);
        testing_run(&bench.t);
        if (is_break)
            channel_break(&exchange->send);
        else
            testing_end(exchange);
        testing_run(&bench.t);
        assert_true(bench.peer.is_reset);
        assert_int_equal(bench.t.ended_count, 1);
        bench_fini(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_serves_many_requests),
        cmocka_unit_test(hop_by_hop_fields_and_upgrade_end_here),
        cmocka_unit_test(interim_responses_pass_but_not_to_old_clients),
        cmocka_unit_test(responses_are_framed_for_whom_they_go_to),
        cmocka_unit_test(trailers_pass_between_chunked_ends_only),
        cmocka_unit_test(a_response_that_breaks_its_word_is_cut_off),
        cmocka_unit_test(an_exchange_that_gives_up_half_way_is_seen_by_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
