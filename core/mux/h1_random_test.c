/*
 * core/mux/h1_random_test.c - HTTP/1 on both sides: random messages in random pieces through random
 * buffers come out as they went in.
 *
 * The same in each run: the numbers come from a generator of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/h1_body.h"
#include "core/mux/h1_bench.h"

enum { ROUNDS = 400, MESSAGES_MAX = 6, BODY_BYTES_MAX = 5000, TEXT_BYTES = 1 << 17 };

static uint64_t rng;

static uint32_t below(uint32_t bound)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)((rng >> 32) * bound >> 32);
}

struct message {
    char body[BODY_BYTES_MAX + 1];
    size_t len;
    bool is_chunked;
    bool has_trailers;
};

static char text[TEXT_BYTES];
static size_t text_len;

static void write_text(const char *data, size_t len)
{
    assert_true(text_len + len < sizeof(text));
    memcpy(text + text_len, data, len);
    text_len += len;
}

static void write_line(const char *format, size_t number)
{
    char line[128];
    int len = snprintf(line, sizeof(line), format, number);

    write_text(line, (size_t)len);
}

/* A body, and its text with its framing, behind `head`. */
static void make(struct message *message, const char *head)
{
    message->len = below(2) == 0 ? below(20) : below(BODY_BYTES_MAX);
    message->is_chunked = below(2) == 0;
    message->has_trailers = message->is_chunked && below(3) == 0;
    for (size_t i = 0; i < message->len; i++)
        message->body[i] = (char)('a' + below(26));
    message->body[message->len] = '\0';
    write_text(head, strlen(head));
    if (!message->is_chunked) {
        write_line("Content-Length: %zu\r\n\r\n", message->len);
        write_text(message->body, message->len);
        return;
    }
    write_line("Transfer-Encoding: chunked\r\n\r\n", 0);
    for (size_t at = 0; at < message->len;) {
        size_t len = 1 + below(below(2) == 0 ? 10 : 3000);
        if (len > message->len - at)
            len = message->len - at;
        write_line(below(4) == 0 ? "%zX;name=value\r\n" : "%zx\r\n", len);
        write_text(message->body + at, len);
        write_line("\r\n", 0);
        at += len;
    }
    write_line(message->has_trailers ? "0\r\nTrail: er\r\n\r\n" : "0\r\n\r\n", 0);
}

static void choose(struct testing_options *options)
{
    *options = (struct testing_options){.buffer_bytes = 100 + below(below(2) == 0 ? 200 : 4000),
                                        .buffers = 1 + below(3)};
}

/* Says more of the text, as much as comes to mind. */
static size_t say_piece(struct bench *bench, size_t at)
{
    size_t len = 1 + below(below(3) == 0 ? 4 : 3000);

    if (len > text_len - at)
        len = text_len - at;
    return testing_try_say(&bench->peer, text + at, len);
}

static void check_message(const struct testing_exchange *exchange, const struct message *message)
{
    assert_true(exchange->is_ended);
    assert_int_equal(exchange->body_len, message->len);
    if (message->len > 0)
        assert_memory_equal(exchange->body, message->body, message->len);
    assert_int_equal(exchange->trailers != NULL, message->has_trailers);
}

/* --- requests, and answers that are their bodies --- */

/* The next response in what the client heard; returns where it ends. */
static size_t check_response(const char *heard, size_t len, const struct message *message)
{
    static char body_text[BODY_BYTES_MAX + 1];
    struct h1_head head;
    struct h1_body body;
    size_t body_len = 0;
    bool is_payload;

    h1_head_init_response(&head, false);
    assert_int_equal(h1_head_parse(&head, heard, len, len + 1), H1_DONE);
    h1_body_init(&body, &head);
    size_t at = head.head_bytes;
    while (!h1_body_is_done(&body)) {
        assert_true(at < len);
        size_t took = h1_body_step(&body, heard + at, len - at, &is_payload);
        assert_int_equal(body.error, H1_OK);
        if (is_payload) {
            assert_true(body_len + took <= message->len);
            memcpy(body_text + body_len, heard + at, took);
            body_len += took;
        }
        at += took;
    }
    assert_int_equal(body_len, message->len);
    if (body_len > 0)
        assert_memory_equal(body_text, message->body, body_len);
    return at;
}

static void run_front(uint64_t seed)
{
    static struct message messages[MESSAGES_MAX];
    unsigned count = 1 + below(MESSAGES_MAX);
    struct testing_options options;
    struct bench bench;
    unsigned answered = 0;
    size_t at = 0;

    rng = seed;
    choose(&options);
    text_len = 0;
    for (unsigned i = 0; i < count; i++)
        make(&messages[i], "POST / HTTP/1.1\r\nHost: a\r\n");
    bench_front(&bench, &options);
    for (int idle = 0; answered < count; idle++) {
        assert_true(idle < 100000);
        if (at < text_len && below(3) > 0)
            at += say_piece(&bench, at);
        if (below(2) == 0)
            testing_run(&bench.t);
        struct testing_exchange *exchange = testing_begun(&bench.t, answered);
        if (exchange == NULL)
            continue;
        exchange->is_holding = below(4) == 0;
        if (exchange->stream.is_sent) {
            testing_end(exchange);
            answered++;
        } else if (exchange->is_ended && exchange->send.flags == 0) {
            check_message(exchange, &messages[answered]);
            testing_answer(exchange, 200, messages[answered].body, messages[answered].len,
                           below(2) == 0);
        }
    }
    testing_run(&bench.t);
    assert_int_equal(bench.t.begun_count, count);
    size_t len = bench.peer.len;
    const char *heard = testing_heard(&bench.peer);
    size_t end = 0;
    for (unsigned i = 0; i < count; i++)
        end += check_response(heard + end, len - end, &messages[i]);
    assert_int_equal(end, len);
    mux_check(bench.mux, true);
    assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
    bench_fini(&bench);
}

static void requests_and_responses_keep_their_bodies(void **state)
{
    (void)state;
    rng = 1;
    for (uint64_t i = 1; i <= ROUNDS; i++)
        run_front(i * UINT64_C(0x9e3779b97f4a7c15));
}

/* --- responses --- */

static void run_back(uint64_t seed)
{
    static struct message messages[MESSAGES_MAX];
    unsigned count = 1 + below(MESSAGES_MAX);
    struct testing_options options;
    struct bench bench;

    rng = seed;
    choose(&options);
    bench_back(&bench, &options);
    for (unsigned i = 0; i < count; i++) {
        struct testing_exchange *exchange = bench_get(&bench, "GET", NULL);
        text_len = 0;
        for (uint32_t interim = below(3); interim > 0; interim--)
            write_line("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", 0);
        make(&messages[i], "HTTP/1.1 200 OK\r\n");
        for (size_t at = 0; at < text_len || !exchange->is_ended;) {
            if (at < text_len)
                at += say_piece(&bench, at);
            exchange->is_holding = below(4) == 0;
            testing_run(&bench.t);
            assert_int_equal(exchange->stream.error, STREAM_ERROR_NONE);
        }
        assert_int_equal(exchange->heads[exchange->heads_count - 1]->status, 200);
        check_message(exchange, &messages[i]);
        testing_end(exchange);
        assert_int_equal(pool_count(&bench.t.env.buffers.pool), 0);
        assert_true(bench_reuse(&bench));
    }
    bench_end_mux(&bench);
    bench_fini(&bench);
}

static void responses_keep_their_bodies(void **state)
{
    (void)state;
    rng = 1;
    for (uint64_t i = 1; i <= ROUNDS; i++)
        run_back(i * UINT64_C(0x9e3779b97f4a7c15));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_responses_keep_their_bodies),
        cmocka_unit_test(responses_keep_their_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
