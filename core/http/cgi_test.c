/*
 * core/http/cgi_test.c - requests as CGI parameters, and response heads of scripts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/cgi.h"

enum { TEXT_BYTES = 4096 };

static const struct cgi_options options = {.root = "/srv", .index = "index.php"};

/* --- requests --- */

static struct http_head *new_head(bool is_response)
{
    struct http_head *head = malloc(http_head_size(TEXT_BYTES));

    assert_non_null(head);
    http_head_init(head, TEXT_BYTES, is_response);
    return head;
}

static struct http_head *new_request(const char *path, const char *scheme, const char *authority)
{
    struct http_head *head = new_head(false);

    assert_true(http_head_set_method(head, "POST", 4));
    assert_true(http_head_set(head, &head->path, path, strlen(path)));
    assert_true(http_head_set(head, &head->scheme, scheme, strlen(scheme)));
    assert_true(http_head_set(head, &head->authority, authority, strlen(authority)));
    return head;
}

static void add(struct http_head *head, const char *name, const char *value)
{
    assert_true(http_head_add(head, name, strlen(name), value, strlen(value)));
}

/* All parameters as "NAME=value\n", written `size` bytes at a time at most; false: one did not fit.
 */
static bool params_of(char *text, size_t text_size, struct cgi_request *request, size_t size)
{
    uint8_t data[2048];
    bool is_last = false;
    size_t len = 0;

    while (!is_last) {
        struct fcgi_out out = {data, size, 0, false};
        is_last = cgi_request_put(request, &out);
        assert_false(out.is_overflow);
        if (!is_last && out.len == 0)
            return false;
        struct fcgi_pair pair;
        for (size_t at = 0, used = 0; at < out.len; at += used) {
            used = fcgi_get_pair(&pair, data + at, out.len - at);
            assert_true(used > 0);
            len += (size_t)snprintf(text + len, text_size - len, "%.*s=%.*s\n", (int)pair.name_len,
                                    (const char *)pair.name, (int)pair.value_len,
                                    (const char *)pair.value);
            assert_true(len < text_size);
        }
    }
    return true;
}

static void assert_has(const char *text, const char *line)
{
    const char *at = strstr(text, line);

    if (at == NULL || (at != text && at[-1] != '\n'))
        fail_msg("no '%s' in:\n%s", line, text);
}

static void parameters_are_those_of_cgi(void **state)
{
    struct http_head *head = new_request("/a%20b/x.php/info/%41?q=1&r", "https", "h.example:8443");
    struct cgi_request request;
    char text[4096];

    (void)state;
    add(head, "Content-Type", "text/plain");
    add(head, "X-One", "1");
    add(head, "Proxy", "evil");
    add(head, "X_Two", "evil");
    add(head, "x-one", "2");
    add(head, "cookie", "a=1");
    add(head, "Cookie", "b=2");
    add(head, "Content-Length", "evil");
    assert_true(http_head_set(head, &head->client, "[fd00::9]:4711", 14));
    assert_true(cgi_request_init(&request, head, &options, true, 12345));
    assert_true(params_of(text, sizeof(text), &request, 2048));
    assert_string_equal(text, "GATEWAY_INTERFACE=CGI/1.1\n"
                              "SERVER_SOFTWARE=heddle\n"
                              "SERVER_PROTOCOL=HTTP/1.1\n"
                              "SERVER_NAME=h.example\n"
                              "SERVER_PORT=8443\n"
                              "REQUEST_METHOD=POST\n"
                              "REQUEST_SCHEME=https\n"
                              "REQUEST_URI=/a%20b/x.php/info/%41?q=1&r\n"
                              "QUERY_STRING=q=1&r\n"
                              "DOCUMENT_ROOT=/srv\n"
                              "DOCUMENT_URI=/a b/x.php/info/A\n"
                              "SCRIPT_NAME=/a b/x.php\n"
                              "SCRIPT_FILENAME=/srv/a b/x.php\n"
                              "REDIRECT_STATUS=200\n"
                              "PATH_INFO=/info/A\n"
                              "REMOTE_ADDR=fd00::9\n"
                              "REMOTE_PORT=4711\n"
                              "HTTPS=on\n"
                              "HTTP_HOST=h.example:8443\n"
                              "CONTENT_LENGTH=12345\n"
                              "CONTENT_TYPE=text/plain\n"
                              "HTTP_X_ONE=1, 2\n"
                              "HTTP_COOKIE=a=1; b=2\n");
    free(head);
}

static void little_room_changes_nothing(void **state)
{
    struct http_head *head = new_request("/x.php?q", "http", "[::1]");
    char want[4096];
    char text[4096];
    struct cgi_request request;
    unsigned fit_count = 0;

    (void)state;
    add(head, "Accept", "text/html");
    assert_true(cgi_request_init(&request, head, &options, false, 0));
    assert_true(params_of(want, sizeof(want), &request, 2048));
    assert_has(want, "SERVER_NAME=[::1]\nSERVER_PORT=80\n");
    for (size_t size = 0; size < 400; size++) {
        assert_true(cgi_request_init(&request, head, &options, false, 0));
        if (!params_of(text, sizeof(text), &request, size))
            continue;
        assert_string_equal(text, want);
        fit_count++;
    }
    assert_true(fit_count > 350);
    free(head);
}

struct path_case {
    const char *path;
    const char *script; /* NULL: refused */
    const char *info;   /* NULL: none */
};

static const struct path_case paths[] = {
    {"/", "/index.php", NULL},
    {"/a/", "/a/index.php", NULL},
    {"/a/?x=/../", "/a/index.php", NULL},
    {"/a", "/a", NULL},
    {"/a.php", "/a.php", NULL},
    {"/a.php/", "/a.php", "/"},
    {"/a.php/b.php/c", "/a.php", "/b.php/c"},
    {"/a.phpx/b.php", "/a.phpx/b.php", NULL},
    {"/a%2ephp/i", "/a.php", "/i"},
    {"/a..b/...", "/a..b/...", NULL},
    {"/..a/.b", "/..a/.b", NULL},
    {"/a/../b", NULL, NULL},
    {"/a/%2e%2e/b", NULL, NULL},
    {"/a/..%2fb", NULL, NULL},
    {"/a/..", NULL, NULL},
    {"/..", NULL, NULL},
    {"/./a", NULL, NULL},
    {"/a/.", NULL, NULL},
    {"/a%00.php", NULL, NULL},
    {"/a%0a.php", NULL, NULL},
    {"/a%zz", NULL, NULL},
    {"/a%4", NULL, NULL},
    {"/a%", NULL, NULL},
    {"*", NULL, NULL},
    {"a", NULL, NULL},
    {"", NULL, NULL},
};

static void paths_name_scripts(void **state)
{
    char text[4096];
    char line[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct http_head *head = new_request(paths[i].path, "http", "h");
        struct cgi_request request;
        bool is_good = cgi_request_init(&request, head, &options, false, 0);
        if (is_good != (paths[i].script != NULL))
            fail_msg("'%s' was %s", paths[i].path, is_good ? "taken" : "refused");
        if (is_good) {
            assert_true(params_of(text, sizeof(text), &request, 2048));
            snprintf(line, sizeof(line), "SCRIPT_FILENAME=/srv%s\n", paths[i].script);
            assert_has(text, line);
            snprintf(line, sizeof(line), "PATH_INFO=%s\n",
                     paths[i].info != NULL ? paths[i].info : "");
            assert_int_equal(strstr(text, line) != NULL, paths[i].info != NULL);
        }
        free(head);
    }
}

/* --- responses --- */

struct response_case {
    const char *text;
    enum cgi_error error;
    unsigned status;
    const char *want; /* what was made of it */
};

static const struct response_case responses[] = {
    {"Content-type: text/html\r\n\r\n", CGI_OK, 200, "Content-type: text/html\n"},
    {"Content-type:text/html\n\n", CGI_OK, 200, "Content-type: text/html\n"},
    {"Status: 404 Not Found\r\nX: \t y \r\n\r\n", CGI_OK, 404, "X: y\n"},
    {"status:503\r\n\r\n", CGI_OK, 503, ""},
    {"Location: http://a/\r\n\r\n", CGI_OK, 302, "Location: http://a/\n"},
    {"Location: /b\nStatus: 307 x\n\n", CGI_OK, 307, "Location: /b\n"},
    {"Content-Length: 12\r\nX: y\r\n\r\n", CGI_OK, 200, "X: y\n=12\n"},
    {"Content-Length: 12\nContent-Length: 12\n\n", CGI_OK, 200, "=12\n"},
    {"Connection: close\nKeep-Alive: 1\nUpgrade: h2c\nX: y\n\n", CGI_OK, 200, "X: y\n"},
    {"Status: 204 No\nX: y\n\n", CGI_OK, 204, "X: y\n!\n"},
    {"Status: 304 No\nContent-Length: 3\n\n", CGI_OK, 304, "=3\n!\n"},
    {"Set-Cookie: a\nSet-Cookie: b\n\n", CGI_OK, 200, "Set-Cookie: a\nSet-Cookie: b\n"},
    {"\r\n", CGI_EMPTY, 0, NULL},
    {"\n", CGI_EMPTY, 0, NULL},
    {"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", CGI_NPH, 0, NULL},
    {"no colon\r\n\r\n", CGI_BAD_LINE, 0, NULL},
    {"X: y\r\n folded: z\r\n\r\n", CGI_BAD_LINE, 0, NULL},
    {"X : y\r\n\r\n", CGI_BAD_LINE, 0, NULL},
    {": y\r\n\r\n", CGI_BAD_LINE, 0, NULL},
    {"X: y\r\n\r\r\n", CGI_BAD_LINE, 0, NULL},
    {"X: a\rb\r\n\r\n", CGI_BAD_VALUE, 0, NULL},
    {"X: a\x01\r\n\r\n", CGI_BAD_VALUE, 0, NULL},
    {"Status: 99\r\n\r\n", CGI_BAD_STATUS, 0, NULL},
    {"Status: 100 Continue\r\n\r\n", CGI_BAD_STATUS, 0, NULL},
    {"Status: 2000\r\n\r\n", CGI_BAD_STATUS, 0, NULL},
    {"Status: 600 x\r\n\r\n", CGI_BAD_STATUS, 0, NULL},
    {"Status: x\r\n\r\n", CGI_BAD_STATUS, 0, NULL},
    {"Status: 200 OK\nStatus: 200 OK\n\n", CGI_BAD_STATUS, 0, NULL},
    {"Content-Length: -1\n\n", CGI_BAD_LENGTH, 0, NULL},
    {"Content-Length: 1, 1\n\n", CGI_BAD_LENGTH, 0, NULL},
    {"Content-Length:\n\n", CGI_BAD_LENGTH, 0, NULL},
    {"Content-Length: 1\nContent-Length: 2\n\n", CGI_BAD_LENGTH, 0, NULL},
    {"Content-Length: 99999999999999999999\n\n", CGI_BAD_LENGTH, 0, NULL},
    {"Transfer-Encoding: chunked\n\n", CGI_CODING, 0, NULL},
};

static void describe(char *text, size_t size, const struct http_head *head)
{
    size_t len = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < head->fields_count; i++) {
        const struct http_field *field = &head->fields[i];
        len += (size_t)snprintf(text + len, size - len, "%.*s: %.*s\n", (int)field->name.len,
                                http_head_text(head, field->name), (int)field->value.len,
                                http_head_text(head, field->value));
    }
    if (head->has_length)
        len += (size_t)snprintf(text + len, size - len, "=%u\n", (unsigned)head->length_bytes);
    if (head->is_end)
        snprintf(text + len, size - len, "!\n");
}

/* Collects `head` cut at `cut`; body follows, and must be left. */
static enum cgi_progress collect(struct cgi_text *text, const char *head, size_t cut)
{
    size_t len = strlen(head);
    size_t used = 0;
    enum cgi_progress progress = cgi_text_add(text, (const uint8_t *)head, cut, &used);

    if (progress != CGI_MORE) {
        assert_int_equal(used, cut);
        return progress;
    }
    assert_int_equal(used, cut);
    char rest[512];
    snprintf(rest, sizeof(rest), "%s\n\nbody", head + cut);
    progress = cgi_text_add(text, (const uint8_t *)rest, strlen(rest), &used);
    if (progress == CGI_DONE)
        assert_int_equal(used, len - cut);
    return progress;
}

static void heads_are_parsed_however_they_are_cut(void **state)
{
    char data[1024];
    char got[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
        const struct response_case *c = &responses[i];
        for (size_t cut = 0; cut <= strlen(c->text); cut++) {
            struct cgi_text text = {.data = data, .size = sizeof(data)};
            struct http_head *head = new_head(true);
            assert_int_equal(collect(&text, c->text, cut), CGI_DONE);
            assert_int_equal(text.len, strlen(c->text));
            enum cgi_error error = cgi_parse(head, &text, false);
            if (error != c->error)
                fail_msg("'%s': %s", c->text, cgi_error_text(error));
            if (error == CGI_OK) {
                assert_int_equal(head->status, c->status);
                describe(got, sizeof(got), head);
                assert_string_equal(got, c->want);
            }
            free(head);
        }
    }
}

static void a_head_without_end_is_refused(void **state)
{
    char data[64];
    char line[128];
    struct cgi_text text = {.data = data, .size = sizeof(data)};
    size_t used = 0;

    (void)state;
    memset(line, 'x', sizeof(line));
    assert_int_equal(cgi_text_add(&text, (const uint8_t *)line, sizeof(line), &used), CGI_FULL);
    assert_int_equal(used, sizeof(data));
}

static void an_answer_to_head_has_no_body(void **state)
{
    char data[] = "Content-Length: 7\n\n";
    struct cgi_text text = {.data = data, .size = sizeof(data), .len = sizeof(data) - 1};
    struct http_head *head = new_head(true);

    (void)state;
    assert_int_equal(cgi_parse(head, &text, true), CGI_OK);
    assert_true(head->is_end);
    assert_true(head->has_length);
    assert_int_equal(head->length_bytes, 7);
    free(head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_those_of_cgi),
        cmocka_unit_test(little_room_changes_nothing),
        cmocka_unit_test(paths_name_scripts),
        cmocka_unit_test(heads_are_parsed_however_they_are_cut),
        cmocka_unit_test(a_head_without_end_is_refused),
        cmocka_unit_test(an_answer_to_head_has_no_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
