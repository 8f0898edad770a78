/*
 * fuzz/target/h1_convert.c - a message's head on its way through the proxy: read, made a head that
 * no protocol owns, written, and read again. What is written can always be read, says the same, and
 * nothing in it became a field or a line of its own. A request goes through CGI's parameters too.
 *
 * Threads: main.
 */
#include <stdlib.h>
#include <string.h>

#include "core/http/cgi.h"
#include "core/http/h1.h"
#include "core/http/h1_convert.h"
#include "core/http/h1_put.h"
#include "fuzz/engine/finding.h"
#include "fuzz/target/message.h"

enum {
    HEAD_BYTES_MAX = 8192,
    TEXT_BYTES = 16384,
    OWN_FIELDS = 6,
    CGI_BYTES = 1 << 16,
    PAIR_BYTES_MAX = HEAD_BYTES_MAX + 1024 /* of such a head */
};

struct way {
    struct h1_head parsed;
    struct http_head *head;
    char text[TEXT_BYTES];
    size_t len;
};

/* False: refused, or too much for it. */
static bool read_head(struct way *way, const char *text, size_t len, bool is_response)
{
    if (is_response)
        h1_head_init_response(&way->parsed, false);
    else
        h1_head_init_request(&way->parsed);
    if (h1_head_parse(&way->parsed, text, len, TEXT_BYTES) != H1_DONE)
        return false;
    http_head_init(way->head, TEXT_BYTES, is_response);
    return h1_convert_head(way->head, &way->parsed, text, "http") == H1_OK;
}

static void write_head(struct way *way)
{
    struct h1_out out = {way->text, sizeof(way->text), 0, false};
    struct h1_form form = {
        .is_chunked = way->parsed.framing == H1_FRAMING_CHUNKED,
        .is_keepalive = way->parsed.is_keepalive,
        .minor = 1,
    };

    if (way->head->is_response)
        h1_put_response_head(&out, way->head, &form);
    else
        h1_put_request_head(&out, way->head, &form);
    way->len = out.is_overflow ? 0 : out.len;
}

/* A pair of parameters is whole, and what scripts could be tricked with is not among them. */
static void check_parameters(const uint8_t *data, size_t len)
{
    while (len > 0) {
        struct fcgi_pair pair;
        size_t taken = fcgi_get_pair(&pair, data, len);

        FINDING_UNLESS(taken > 0 && taken <= len, "cgi: parameters are whole pairs");
        FINDING_UNLESS(pair.name_len != 10 || memcmp(pair.name, "HTTP_PROXY", 10) != 0,
                       "cgi: no field becomes HTTP_PROXY");
        for (uint32_t i = 0; i < pair.name_len; i++) {
            uint8_t c = pair.name[i];
            FINDING_UNLESS((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_',
                           "cgi: names of parameters are letters, digits and _");
        }
        data += taken;
        len -= taken;
    }
}

static void check_cgi(const struct http_head *head)
{
    static uint8_t whole[CGI_BYTES], small[CGI_BYTES];
    const struct cgi_options options = {.root = "/srv", .index = "index.php"};
    struct cgi_request request;
    struct fcgi_out out = {.data = whole, .size = sizeof(whole)};
    size_t len = 0;

    if (!cgi_request_init(&request, head, &options, true, 0))
        return;
    FINDING_UNLESS(cgi_request_put(&request, &out), "cgi: parameters of a head have a bound");
    check_parameters(whole, out.len);
    if (!cgi_request_init(&request, head, &options, true, 0))
        finding_abort("cgi: a path is taken or refused each time");
    /* As many as fit into a small buffer each time: the same in the end. */
    for (bool is_done = false; !is_done;) {
        struct fcgi_out part = {.data = small + len, .size = PAIR_BYTES_MAX};

        FINDING_UNLESS(len <= sizeof(small) - PAIR_BYTES_MAX, "cgi: parameters are the same");
        is_done = cgi_request_put(&request, &part);
        FINDING_UNLESS(is_done || part.len > 0, "cgi: parameters get on");
        len += part.len;
    }
    FINDING_UNLESS(len == out.len && memcmp(whole, small, len) == 0,
                   "cgi: parameters are the same however much room there is");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct way first, second;
    bool is_response = len >= 5 && memcmp(data, "HTTP/", 5) == 0;

    if (first.head == NULL) {
        first.head = malloc(http_head_size(TEXT_BYTES));
        second.head = malloc(http_head_size(TEXT_BYTES));
    }
    if (first.head == NULL || second.head == NULL)
        abort();
    if (len > HEAD_BYTES_MAX || !read_head(&first, (const char *)data, len, is_response))
        return 0;
    if (!is_response)
        check_cgi(first.head);
    write_head(&first);
    /* The proxy has a few of its own: a head that was almost too much may be too much then. */
    if (first.len == 0 || first.head->fields_count > H1_HEADERS_MAX - OWN_FIELDS)
        return 0;
    FINDING_UNLESS(read_head(&second, first.text, first.len, is_response),
                   "h1: what is written can be read");
    FINDING_UNLESS(second.parsed.head_bytes == first.len, "h1: what is written is one head");
    message_compare(first.head, second.head, "h1: what is written says the same");
    FINDING_UNLESS(first.head->is_end == second.head->is_end,
                   "h1: what is written has a body if it had");
    return 0;
}
