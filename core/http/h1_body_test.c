/*
 * core/http/h1_body_test.c - bodies end where they should, whatever is read at a time.
 */
#include "core/http/h1_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct body_case {
    enum h1_framing framing;
    uint64_t length_bytes;
    const char *text;
    enum h1_error error; /* also after the sender closed */
    size_t taken;        /* bytes of `text` that belong to the body */
    const char *payload;
};

static const struct body_case cases[] = {
    {H1_FRAMING_NONE, 0, "GET", H1_OK, 0, ""},
    {H1_FRAMING_LENGTH, 3, "abcdef", H1_OK, 3, "abc"},
    {H1_FRAMING_LENGTH, 7, "abcdef", H1_TRUNCATED, 6, "abcdef"},
    {H1_FRAMING_CLOSE, 0, "abcdef", H1_OK, 6, "abcdef"},
    {H1_FRAMING_CHUNKED, 0, "0\r\n\r\nX", H1_OK, 5, ""},
    {H1_FRAMING_CHUNKED, 0, "3\r\nabc\r\n0\r\n\r\nX", H1_OK, 13, "abc"},
    {H1_FRAMING_CHUNKED, 0, "003\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n", H1_OK, 30,
     "abc0123456789"},
    {H1_FRAMING_CHUNKED, 0, "3;x=\"y\"\r\nabc\r\n0;z\r\n\r\n", H1_OK, 21, "abc"},
    {H1_FRAMING_CHUNKED, 0, "0\r\nA: b\r\nC:\r\n\r\nX", H1_OK, 15, ""},
    {H1_FRAMING_CHUNKED, 0, "3\r\nabc\r\n", H1_TRUNCATED, 8, "abc"},
    {H1_FRAMING_CHUNKED, 0, "\r\n", H1_BAD_CHUNK_SIZE, 0, ""},
    {H1_FRAMING_CHUNKED, 0, "g\r\n", H1_BAD_CHUNK_SIZE, 0, ""},
    {H1_FRAMING_CHUNKED, 0, "-1\r\n", H1_BAD_CHUNK_SIZE, 0, ""},
    {H1_FRAMING_CHUNKED, 0, "0x3\r\nabc", H1_BAD_CHUNK_SIZE, 1, ""},
    {H1_FRAMING_CHUNKED, 0, "3 \r\nabc", H1_BAD_CHUNK_SIZE, 1, ""},
    {H1_FRAMING_CHUNKED, 0, "3\nabc", H1_BAD_CHUNK_SIZE, 1, ""},
    {H1_FRAMING_CHUNKED, 0, "3\rabc", H1_BAD_CHUNK_SIZE, 2, ""},
    {H1_FRAMING_CHUNKED, 0, "3\r\nabcd\r\n", H1_BAD_CHUNK_END, 6, "abc"},
    {H1_FRAMING_CHUNKED, 0, "3\r\nabc\n0\r\n", H1_BAD_CHUNK_END, 6, "abc"},
    {H1_FRAMING_CHUNKED, 0, "1000000000000000\r\n", H1_CHUNK_TOO_BIG, 15, ""},
    {H1_FRAMING_CHUNKED, 0, "0000000000000000\r\n", H1_CHUNK_TOO_BIG, 15, ""},
    {H1_FRAMING_CHUNKED, 0, "3;\x01\r\n", H1_BAD_CHUNK_EXT, 2, ""},
    {H1_FRAMING_CHUNKED, 0, "3;\nabc", H1_BAD_CHUNK_EXT, 2, ""},
    {H1_FRAMING_CHUNKED, 0, "0\r\n A: b\r\n\r\n", H1_BAD_TRAILER, 3, ""},
    {H1_FRAMING_CHUNKED, 0, "0\r\nA b\r\n\r\n", H1_BAD_TRAILER, 4, ""},
    {H1_FRAMING_CHUNKED, 0, "0\r\nA:b\n\r\n", H1_BAD_TRAILER, 6, ""},
    {H1_FRAMING_CHUNKED, 0, "0\r\n\n", H1_BAD_TRAILER, 3, ""},
    {H1_FRAMING_CHUNKED, 0, "0\r\n\rX", H1_BAD_TRAILER, 4, ""},
};

/* Feeds at most `step` bytes at a time. */
static size_t feed(struct h1_body *body, const char *text, size_t step, char *payload)
{
    size_t len = strlen(text);
    size_t at = 0;
    size_t payload_len = 0;

    while (at < len) {
        bool is_payload;
        size_t give = len - at < step ? len - at : step;
        size_t took = h1_body_step(body, text + at, give, &is_payload);
        assert_true(took <= give);
        if (took == 0)
            break;
        if (is_payload) {
            memcpy(payload + payload_len, text + at, took);
            payload_len += took;
        }
        at += took;
        if (body->error != H1_OK)
            break;
    }
    payload[payload_len] = '\0';
    return at;
}

static void bodies_end_the_same_at_every_step_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct body_case *c = &cases[i];
        for (size_t step = 1; step <= strlen(c->text); step++) {
            struct h1_head head = {.framing = c->framing, .length_bytes = c->length_bytes};
            struct h1_body body;
            char payload[64];
            h1_body_init(&body, &head);
            size_t taken = feed(&body, c->text, step, payload);
            enum h1_error error = h1_body_close(&body);
            if (error != c->error)
                print_message("case %zu step %zu\n", i, step);
            assert_string_equal(h1_error_name(error), h1_error_name(c->error));
            assert_int_equal(taken, c->taken);
            assert_string_equal(payload, c->payload);
            assert_int_equal(body.payload_bytes, strlen(payload));
        }
    }
}

static void extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    static char text[H1_TRAILER_BYTES_MAX + 64];
    static char payload[sizeof(text)];
    struct h1_head head = {.framing = H1_FRAMING_CHUNKED};
    struct h1_body body;

    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "3;", 2);
    h1_body_init(&body, &head);
    (void)feed(&body, text, sizeof(text), payload);
    assert_int_equal(body.error, H1_CHUNK_EXT_TOO_LONG);

    memcpy(text, "0\r\na:", 5);
    h1_body_init(&body, &head);
    (void)feed(&body, text, sizeof(text), payload);
    assert_int_equal(body.error, H1_TRAILER_TOO_LONG);
}

/* Every string of up to five bytes over what matters: any result, but the same for any steps. */
static void short_bodies_exhaustively(void **state)
{
    (void)state;
    static const char alphabet[] = "01;\r\nA:";
    size_t base = sizeof(alphabet) - 1;
    size_t count = base * base * base * base * base;

    for (size_t n = 0; n < count; n++) {
        char text[6] = {0};
        char payload[2][8];
        size_t rest = n;
        for (size_t i = 0; i < 5; i++, rest /= base)
            text[i] = alphabet[rest % base];
        struct h1_head head = {.framing = H1_FRAMING_CHUNKED};
        struct h1_body whole;
        struct h1_body bytewise;
        h1_body_init(&whole, &head);
        h1_body_init(&bytewise, &head);
        assert_int_equal(feed(&whole, text, 5, payload[0]), feed(&bytewise, text, 1, payload[1]));
        assert_int_equal(whole.error, bytewise.error);
        assert_int_equal(whole.state, bytewise.state);
        assert_string_equal(payload[0], payload[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_end_the_same_at_every_step_size),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
        cmocka_unit_test(short_bodies_exhaustively),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
