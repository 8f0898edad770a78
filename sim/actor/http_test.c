/*
 * sim/actor/http_test.c - the actors' reader: each message in one piece and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/actor/body.h"
#include "sim/actor/http.h"

struct example {
    const char *text;
    bool is_response;
    const char *request_method;
    enum http_state state;
    uint32_t status;
    uint64_t body_bytes;
    size_t left_bytes; /* not taken */
};

static const struct example examples[] = {
    {"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET", false, NULL, HTTP_COMPLETE, 0, 0, 3},
    {"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", false, NULL, HTTP_COMPLETE, 0, 3, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false, NULL,
     HTTP_COMPLETE, 0, 3, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP", true, "GET", HTTP_COMPLETE, 200, 0, 4},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, "HEAD", HTTP_COMPLETE, 200, 0, 0},
    {"HTTP/1.1 204 No Content\r\n\r\n", true, "GET", HTTP_COMPLETE, 204, 0, 0},
    {"HTTP/1.1 200 OK\r\n\r\nto the end", true, "GET", HTTP_BODY_TO_END, 200, 10, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", true, "GET",
     HTTP_ERROR, 200, 0, 0},
    {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", true, "GET", HTTP_ERROR, 0, 0, SIZE_MAX},
    {"HTTP/2 200 OK\r\n\r\n", true, "GET", HTTP_ERROR, 0, 0, SIZE_MAX},
    {"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n", true, "GET", HTTP_ERROR, 200, 0, SIZE_MAX},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", true, "GET", HTTP_ERROR, 200, 0,
     SIZE_MAX},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", true, "GET",
     HTTP_BODY_CHUNK_END, 200, 1, 0},
};

static void check(const struct example *example, size_t piece_bytes)
{
    struct http_reader reader;
    size_t len = strlen(example->text);
    size_t at = 0;

    http_reader_begin(&reader, example->is_response, example->request_method);
    while (at < len) {
        size_t piece = len - at < piece_bytes ? len - at : piece_bytes;
        size_t taken = http_reader_take(&reader, (const uint8_t *)example->text + at, piece);
        at += taken;
        if (taken < piece)
            break;
    }
    assert_int_equal(reader.state, example->state);
    assert_int_equal(reader.status, example->status);
    assert_int_equal(reader.body_bytes, example->body_bytes);
    if (example->left_bytes != SIZE_MAX)
        assert_int_equal(len - at, example->left_bytes);
}

static void messages_are_read_whole_and_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        for (size_t piece = 1; piece <= strlen(examples[i].text); piece++)
            check(&examples[i], piece);
    }
}

/* A body that x-body announces is compared byte for byte, and its length too. */
static void announced_bodies_are_compared(void **state)
{
    (void)state;
    for (size_t wrong = 0; wrong <= 64; wrong++) {
        struct http_reader reader;
        char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 64\r\nX-Body: 7-64\r\n\r\n";
        uint8_t body[64];

        body_fill(7, 0, body, sizeof(body));
        if (wrong < 64)
            body[wrong] ^= 1;
        http_reader_begin(&reader, true, "GET");
        (void)http_reader_take(&reader, (uint8_t *)head, strlen(head));
        (void)http_reader_take(&reader, body, sizeof(body));
        assert_int_equal(reader.state, HTTP_COMPLETE);
        assert_int_equal(reader.is_body_wrong, wrong < 64);
        if (wrong < 64)
            assert_int_equal(reader.body_wrong_at, wrong);
    }
}

static void shorter_body_than_announced_is_wrong(void **state)
{
    struct http_reader reader;
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Body: 7-1\r\n\r\n";

    (void)state;
    http_reader_begin(&reader, true, "GET");
    (void)http_reader_take(&reader, (const uint8_t *)text, strlen(text));
    assert_int_equal(reader.state, HTTP_COMPLETE);
    assert_true(reader.is_body_wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_read_whole_and_in_pieces),
        cmocka_unit_test(announced_bodies_are_compared),
        cmocka_unit_test(shorter_body_than_announced_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
