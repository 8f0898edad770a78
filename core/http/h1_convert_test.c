/*
 * core/http/h1_convert_test.c - from HTTP/1 text to heads that no protocol owns, and back.
 */
#include "core/http/h1_convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/h1_put.h"

enum { TEXT_BYTES = 1024 };

static struct http_head *new_head(uint32_t text_size, bool is_response)
{
    struct http_head *head = malloc(http_head_size(text_size));

    assert_non_null(head);
    http_head_init(head, text_size, is_response);
    return head;
}

/* Parses `text` and converts it into `to`. */
static enum h1_error convert(struct http_head *to, const char *text)
{
    struct h1_head head;

    if (to->is_response)
        h1_head_init_response(&head, false);
    else
        h1_head_init_request(&head);
    assert_int_equal(h1_head_parse(&head, text, strlen(text), 4096), H1_DONE);
    return h1_convert_head(to, &head, text, "https");
}

static const char *put(const struct http_head *head, bool is_chunked, bool is_keepalive,
                       uint8_t minor)
{
    static char data[2048];
    struct h1_out out = {data, sizeof(data) - 1, 0, false};
    struct h1_form form = {is_chunked, is_keepalive, minor};

    if (head->is_response)
        h1_put_response_head(&out, head, &form);
    else
        h1_put_request_head(&out, head, &form);
    assert_false(out.is_overflow);
    data[out.len] = '\0';
    return data;
}

struct way_case {
    const char *text;
    const char *want;
    bool is_response;
    bool is_chunked;
    bool is_keepalive;
};

static const struct way_case ways[] = {
    /* RFC 9110 7.6.1: what belongs to one hop, and what Connection names. */
    {"GET /x HTTP/1.1\r\nHost: h:1\r\nConnection: x-mine, host, content-length\r\n"
     "X-Mine: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nAccept: */*\r\n"
     "Proxy-Connection: close\r\nContent-Length: 0\r\n\r\n",
     "GET /x HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\nVia: 1.1 heddle\r\nContent-Length: 0\r\n"
     "Connection: close\r\n\r\n",
     false, false, false},
    /* RFC 9112 3.2.2, 3.2.1; RFC 9110 10.1.1. */
    {"GET http://h?q HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
     "GET /?q HTTP/1.1\r\nHost: h\r\nVia: 1.0 heddle\r\n\r\n", false, false, true},
    {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: \r\nVia: 1.0 heddle\r\n\r\n", false, false,
     true},
    /* RFC 9112 3.2.4. */
    {"OPTIONS http://h HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
     "OPTIONS * HTTP/1.1\r\nHost: h\r\nVia: 1.1 heddle\r\nTransfer-Encoding: chunked\r\n\r\n",
     false, true, true},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n",
     "POST / HTTP/1.1\r\nHost: h\r\nVia: 1.1 heddle\r\nExpect: 100-continue\r\n"
     "Content-Length: 3\r\n\r\n",
     false, false, true},
    /* Not ours to answer. */
    {"POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n",
     "POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nVia: 1.1 heddle\r\n\r\n", false, false, true},
    {"HTTP/1.1 200 Whatever\r\nServer: s\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
     "Connection: close\r\nContent-Length: 3\r\n\r\n",
     "HTTP/1.1 200 OK\r\nServer: s\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 3\r\n\r\n",
     true, false, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", true, true,
     false},
    /* RFC 9110 8.6, 15.2: an interim response and a 204 have no length, and no Connection. */
    {"HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", true,
     false, false},
    {"HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", true,
     false, true},
    /* RFC 9112 4: a status that we do not know. */
    {"HTTP/1.1 299 Mine\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n",
     true, false, true},
};

static void heads_go_through_without_what_belongs_to_one_hop(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        const struct way_case *c = &ways[i];
        struct http_head *head = new_head(TEXT_BYTES, c->is_response);
        assert_int_equal(convert(head, c->text), H1_OK);
        const char *again = put(head, c->is_chunked, c->is_keepalive, 1);
        assert_string_equal(again, c->want);
        /* What was written reads back, and says the same. */
        struct h1_head parsed;
        if (c->is_response)
            h1_head_init_response(&parsed, false);
        else
            h1_head_init_request(&parsed);
        assert_int_equal(h1_head_parse(&parsed, again, strlen(again), 4096), H1_DONE);
        assert_int_equal(parsed.is_keepalive, c->is_keepalive || head->status == 100);
        free(head);
    }
}

static void every_field_of_a_head_is_filled(void **state)
{
    struct http_head *head = new_head(TEXT_BYTES, false);

    (void)state;
    assert_int_equal(convert(head, "PUT /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n"
                                   "Expect: 100-continue\r\nA: b\r\n\r\n"),
                     H1_OK);
    assert_false(head->is_end);
    assert_true(head->has_length);
    assert_int_equal(head->length_bytes, 7);
    assert_true(head->has_expect);
    assert_int_equal(head->minor, 1);
    assert_int_equal(head->method, HTTP_METHOD_PUT);
    assert_int_equal(head->method_text.len, 3);
    assert_memory_equal(http_head_text(head, head->scheme), "https", 5);
    assert_memory_equal(http_head_text(head, head->authority), "h", 1);
    assert_memory_equal(http_head_text(head, head->path), "/a?b", 4);
    assert_int_equal(head->fields_count, 1);
    free(head);

    head = new_head(TEXT_BYTES, true);
    assert_int_equal(convert(head, "HTTP/1.1 404 X\r\n\r\n"), H1_OK);
    assert_int_equal(head->status, 404);
    assert_false(head->is_end);
    assert_false(head->has_length);
    free(head);
}

static void too_little_room_is_noticed_at_every_size(void **state)
{
    static const char text[] = "GET http://h?q HTTP/1.1\r\nHost: h\r\nA: b\r\nCc: dd\r\n\r\n";
    struct http_head *whole = new_head(TEXT_BYTES, false);
    char data[256];

    (void)state;
    assert_int_equal(convert(whole, text), H1_OK);
    for (uint32_t size = 0; size < whole->text_len; size++) {
        struct http_head *head = new_head(size, false);
        assert_int_equal(convert(head, text), H1_HEAD_TOO_LONG);
        assert_true(head->text_len <= size);
        free(head);
    }
    size_t len = strlen(put(whole, false, true, 1));
    struct h1_form form = {.is_keepalive = true, .minor = 1};
    for (size_t size = 0; size < len; size++) {
        struct h1_out out = {data, size, 0, false};
        h1_put_request_head(&out, whole, &form);
        assert_true(out.is_overflow);
        assert_true(out.len <= size);
    }
    free(whole);
}

/* A mux of another protocol, or the proxy, should not have let these through; if it did they do not
 * decide where the message ends. */
static void fields_that_frame_are_never_written_twice(void **state)
{
    struct http_head *head = new_head(TEXT_BYTES, false);

    (void)state;
    assert_int_equal(convert(head, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), H1_OK);
    assert_true(http_head_add(head, "transfer-encoding", 17, "chunked", 7));
    assert_true(http_head_add(head, "Content-Length", 14, "5", 1));
    assert_true(http_head_add(head, "host", 4, "evil", 4));
    assert_true(http_head_add(head, "connection", 10, "close", 5));
    assert_string_equal(put(head, false, true, 1),
                        "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 heddle\r\n\r\n");
    free(head);
}

static void old_clients_are_told_that_the_connection_lives(void **state)
{
    struct http_head *head = new_head(TEXT_BYTES, true);

    (void)state;
    assert_int_equal(convert(head, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), H1_OK);
    assert_string_equal(put(head, false, true, 0),
                        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n");
    free(head);
}

static void trailers_keep_what_may_be_in_them(void **state)
{
    static const char text[] =
        "A: b\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
        "C:\t d e \r\nF:\r\n\r\n";
    struct http_head *head = new_head(TEXT_BYTES, false);
    char data[256];
    struct h1_out out = {data, sizeof(data) - 1, 0, false};

    (void)state;
    assert_int_equal(h1_convert_trailers(head, text, strlen(text)), H1_OK);
    assert_int_equal(head->fields_count, 3);
    h1_put_trailers(&out, head);
    data[out.len] = '\0';
    assert_string_equal(data, "0\r\nA: b\r\nC: d e\r\nF: \r\n\r\n");
    free(head);

    head = new_head(3, false);
    assert_int_equal(h1_convert_trailers(head, text, strlen(text)), H1_TRAILER_TOO_LONG);
    free(head);
    head = new_head(TEXT_BYTES, false);
    assert_int_equal(h1_convert_trailers(head, "\r\n", 2), H1_OK);
    assert_int_equal(head->fields_count, 0);
    free(head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_go_through_without_what_belongs_to_one_hop),
        cmocka_unit_test(every_field_of_a_head_is_filled),
        cmocka_unit_test(too_little_room_is_noticed_at_every_size),
        cmocka_unit_test(fields_that_frame_are_never_written_twice),
        cmocka_unit_test(old_clients_are_told_that_the_connection_lives),
        cmocka_unit_test(trailers_keep_what_may_be_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
