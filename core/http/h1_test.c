/*
 * core/http/h1_test.c - message heads: what is taken, what is refused and why, wherever it is cut.
 */
#include "core/http/h1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/h1_put.h"

#define REQ "GET / HTTP/1.1\r\nHost: a\r\n"

struct request_case {
    const char *text;
    enum h1_error error;
    enum h1_framing framing;
    bool is_keepalive;
};

static const struct request_case requests[] = {
    {REQ "\r\n", H1_OK, H1_FRAMING_NONE, true},
    {"\r\n" REQ "\r\n", H1_OK, H1_FRAMING_NONE, true},
    {"\r\n\r\n" REQ "\r\n", H1_BAD_METHOD, 0, false},
    {"GET / HTTP/1.0\r\n\r\n", H1_OK, H1_FRAMING_NONE, false},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", H1_OK, H1_FRAMING_NONE, true},
    {REQ "Connection: close\r\n\r\n", H1_OK, H1_FRAMING_NONE, false},
    {REQ "Connection: foo, CLOSE ,bar\r\n\r\n", H1_OK, H1_FRAMING_NONE, false},
    {REQ "Connection: closed\r\n\r\n", H1_OK, H1_FRAMING_NONE, true},
    {"GET / HTTP/1.7\r\nHost: a\r\n\r\n", H1_OK, H1_FRAMING_NONE, true},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", H1_OK, H1_FRAMING_NONE, true},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", H1_OK, H1_FRAMING_NONE, true},
    {"GET http://a/x?y HTTP/1.1\r\nHost: A\r\n\r\n", H1_OK, H1_FRAMING_NONE, true},
    {"BREW /pot HTTP/1.1\r\nHost: a:80\r\n\r\n", H1_OK, H1_FRAMING_NONE, true},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", H1_OK, H1_FRAMING_LENGTH, true},
    {REQ "Content-Length: 0\r\n\r\n", H1_OK, H1_FRAMING_NONE, true},
    {REQ "Content-Length: 5, 5\r\ncontent-length: 005\r\n\r\n", H1_OK, H1_FRAMING_LENGTH, true},
    {REQ "Transfer-Encoding: Chunked\r\n\r\n", H1_OK, H1_FRAMING_CHUNKED, true},
    /* Start line. */
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", H1_VERSION_UNSUPPORTED, 0, false},
    {"GET / http/1.1\r\nHost: a\r\n\r\n", H1_BAD_VERSION, 0, false},
    {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", H1_BAD_VERSION, 0, false},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_REQUEST_LINE, 0, false},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", H1_BAD_VERSION, 0, false},
    {"GET /\r\n\r\n", H1_BAD_REQUEST_LINE, 0, false},
    {"GET\r\n\r\n", H1_BAD_REQUEST_LINE, 0, false},
    {"GET\t/ HTTP/1.1\r\n\r\n", H1_BAD_METHOD, 0, false},
    {" GET / HTTP/1.1\r\n\r\n", H1_BAD_METHOD, 0, false},
    {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET, 0, false},
    {"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET, 0, false},
    {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET, 0, false},
    {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET, 0, false},
    {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET, 0, false},
    {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET, 0, false},
    {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", H1_METHOD_CONNECT, 0, false},
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n\r\n", H1_METHOD_TOO_LONG, 0, false},
    /* Lines. */
    {"GET / HTTP/1.1\nHost: a\n\n", H1_BARE_LF, 0, false},
    {REQ "A: b\n\r\n", H1_BARE_LF, 0, false},
    {REQ "A: b\rc\r\n\r\n", H1_BARE_CR, 0, false},
    {REQ "A: b\r\r\n\r\n", H1_BARE_CR, 0, false},
    {REQ "A: b\r\n c\r\n\r\n", H1_FOLDED_HEADER, 0, false},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", H1_FOLDED_HEADER, 0, false},
    {REQ "A\r\n\r\n", H1_NO_COLON, 0, false},
    {REQ ": b\r\n\r\n", H1_BAD_HEADER_NAME, 0, false},
    {REQ "A b: c\r\n\r\n", H1_BAD_HEADER_NAME, 0, false},
    {REQ "A : b\r\n\r\n", H1_SPACE_BEFORE_COLON, 0, false},
    {REQ "Transfer-Encoding\t: chunked\r\n\r\n", H1_SPACE_BEFORE_COLON, 0, false},
    {REQ "A: b\x01\r\n\r\n", H1_BAD_HEADER_VALUE, 0, false},
    /* Framing, and the shapes of smuggling. */
    {REQ "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", H1_LENGTH_CONFLICT, 0, false},
    {REQ "Content-Length: 5,6\r\n\r\n", H1_LENGTH_CONFLICT, 0, false},
    {REQ "Content-Length: +5\r\n\r\n", H1_BAD_LENGTH, 0, false},
    {REQ "Content-Length: -1\r\n\r\n", H1_BAD_LENGTH, 0, false},
    {REQ "Content-Length: 0x5\r\n\r\n", H1_BAD_LENGTH, 0, false},
    {REQ "Content-Length: 5 5\r\n\r\n", H1_BAD_LENGTH, 0, false},
    {REQ "Content-Length:\r\n\r\n", H1_BAD_LENGTH, 0, false},
    {REQ "Content-Length: 9223372036854775808\r\n\r\n", H1_BAD_LENGTH, 0, false},
    {REQ "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", H1_LENGTH_AND_CODING, 0, false},
    {REQ "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", H1_LENGTH_AND_CODING, 0, false},
    {REQ "Transfer-Encoding: gzip, chunked\r\n\r\n", H1_CODING_UNSUPPORTED, 0, false},
    {REQ "Transfer-Encoding: chunked, gzip\r\n\r\n", H1_BAD_CODING, 0, false},
    {REQ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", H1_BAD_CODING, 0,
     false},
    {REQ "Transfer-Encoding: identity\r\n\r\n", H1_BAD_CODING, 0, false},
    {REQ "Transfer-Encoding: xchunked\r\n\r\n", H1_BAD_CODING, 0, false},
    {REQ "Transfer-Encoding:\r\n\r\n", H1_BAD_CODING, 0, false},
    {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", H1_CODING_IN_HTTP10, 0, false},
    {"GET / HTTP/1.1\r\n\r\n", H1_NO_HOST, 0, false},
    {REQ "Host: a\r\n\r\n", H1_HOST_TWICE, 0, false},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", H1_BAD_HOST, 0, false},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", H1_BAD_HOST, 0, false},
    {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_HOST_CONFLICT, 0, false},
};

static enum h1_progress parse_cut(struct h1_head *head, const char *text, size_t len, size_t cut,
                                  size_t len_max)
{
    enum h1_progress progress = h1_head_parse(head, text, cut, len_max);
    return progress == H1_MORE ? h1_head_parse(head, text, len, len_max) : progress;
}

static void check_same(const struct h1_head *a, const struct h1_head *b)
{
    assert_int_equal(a->error, b->error);
    if (a->error != H1_OK)
        return;
    assert_int_equal(a->head_bytes, b->head_bytes);
    assert_int_equal(a->headers_count, b->headers_count);
    assert_int_equal(a->framing, b->framing);
    assert_int_equal(a->length_bytes, b->length_bytes);
    assert_int_equal(a->is_keepalive, b->is_keepalive);
    assert_int_equal(a->status, b->status);
    assert_memory_equal(a->headers, b->headers, a->headers_count * sizeof(a->headers[0]));
}

static void requests_are_judged_the_same_wherever_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        const struct request_case *c = &requests[i];
        size_t len = strlen(c->text);
        struct h1_head whole;
        h1_head_init_request(&whole);
        enum h1_progress progress = h1_head_parse(&whole, c->text, len, 4096);
        if (whole.error != c->error)
            print_message("case %zu: %s, not %s\n", i, h1_error_name(whole.error),
                          h1_error_name(c->error));
        assert_int_equal(whole.error, c->error);
        assert_int_equal(progress, c->error == H1_OK ? H1_DONE : H1_FAILED);
        if (c->error == H1_OK) {
            assert_int_equal(whole.framing, c->framing);
            assert_int_equal(whole.is_keepalive, c->is_keepalive);
            assert_int_equal(whole.head_bytes, len);
        }
        for (size_t cut = 0; cut <= len; cut++) {
            struct h1_head head;
            h1_head_init_request(&head);
            (void)parse_cut(&head, c->text, len, cut, 4096);
            check_same(&whole, &head);
        }
        struct h1_head bytewise;
        h1_head_init_request(&bytewise);
        progress = H1_MORE;
        for (size_t at = 0; at <= len && progress == H1_MORE; at++)
            progress = h1_head_parse(&bytewise, c->text, at, 4096);
        check_same(&whole, &bytewise);
    }
}

static void each_bound_has_its_own_error_at_every_cut(void **state)
{
    (void)state;
    static const char text[] =
        "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t len = sizeof(text) - 1;

    for (size_t len_max = 0; len_max <= len; len_max++) {
        for (size_t cut = 0; cut <= len; cut++) {
            struct h1_head head;
            h1_head_init_request(&head);
            enum h1_progress progress = parse_cut(&head, text, len, cut, len_max);
            enum h1_error want = len_max < 50    ? H1_TARGET_TOO_LONG
                                 : len_max < len ? H1_HEAD_TOO_LONG
                                                 : H1_OK;
            assert_int_equal(progress, want == H1_OK ? H1_DONE : H1_FAILED);
            assert_int_equal(head.error, want);
        }
    }
    char many[4096] = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < H1_HEADERS_MAX; i++)
        strcat(many, "a: b\r\n");
    struct h1_head head;
    h1_head_init_request(&head);
    assert_int_equal(h1_head_parse(&head, many, strlen(many), 4096), H1_FAILED);
    assert_int_equal(head.error, H1_TOO_MANY_HEADERS);
}

struct response_case {
    const char *text;
    bool is_to_head;
    enum h1_error error;
    enum h1_framing framing;
    bool is_keepalive;
};

static const struct response_case responses[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false, H1_OK, H1_FRAMING_LENGTH, true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, H1_OK, H1_FRAMING_NONE, true},
    {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", false, H1_OK, H1_FRAMING_NONE, true},
    {"HTTP/1.1 200\r\n\r\n", false, H1_OK, H1_FRAMING_CLOSE, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", false, H1_OK, H1_FRAMING_LENGTH, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, H1_OK, H1_FRAMING_CHUNKED,
     true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", false, H1_OK, H1_FRAMING_NONE, true},
    {"HTTP/1.1 204 None\r\n\r\n", false, H1_OK, H1_FRAMING_NONE, true},
    {"HTTP/1.1 100 Continue\r\n\r\n", false, H1_OK, H1_FRAMING_NONE, true},
    {"HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n", false, H1_CODING_FORBIDDEN, 0,
     false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", false,
     H1_LENGTH_AND_CODING, 0, false},
    {"HTTP/1.1 99 OK\r\n\r\n", false, H1_BAD_STATUS_LINE, 0, false},
    {"HTTP/1.1 600 OK\r\n\r\n", false, H1_BAD_STATUS_LINE, 0, false},
    {"HTTP/1.1 2000 OK\r\n\r\n", false, H1_BAD_STATUS_LINE, 0, false},
    {"HTTP/2.0 200 OK\r\n\r\n", false, H1_BAD_STATUS_LINE, 0, false},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", false, H1_BAD_STATUS_LINE, 0, false},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", false, H1_BAD_STATUS_LINE, 0, false},
};

static void responses_are_judged_the_same_wherever_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
        const struct response_case *c = &responses[i];
        size_t len = strlen(c->text);
        for (size_t cut = 0; cut <= len; cut++) {
            struct h1_head head;
            h1_head_init_response(&head, c->is_to_head);
            (void)parse_cut(&head, c->text, len, cut, 4096);
            assert_string_equal(h1_error_name(head.error), h1_error_name(c->error));
            if (c->error == H1_OK) {
                assert_int_equal(head.framing, c->framing);
                assert_int_equal(head.is_keepalive, c->is_keepalive);
            }
        }
    }
}

/* What we write by ourselves a strict reader takes. */
static void error_answers_read_back(void **state)
{
    (void)state;
    for (unsigned status = 200; status < 600; status++) {
        char data[512];
        struct h1_out out = {data, sizeof(data), 0, false};
        struct h1_head head;
        h1_put_error(&out, status, false, true);
        h1_head_init_response(&head, true);
        assert_int_equal(h1_head_parse(&head, data, out.len, 4096), H1_DONE);
        assert_int_equal(head.status, status);
        assert_false(head.is_keepalive);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_judged_the_same_wherever_they_are_cut),
        cmocka_unit_test(each_bound_has_its_own_error_at_every_cut),
        cmocka_unit_test(responses_are_judged_the_same_wherever_they_are_cut),
        cmocka_unit_test(error_answers_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
