/*
 * fuzz/target/cgi.c - the head of what a script says: collected the same however it is cut; what is
 * taken can be written as HTTP/1.1 and read again, and says the same there.
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
#include "fuzz/target/cut.h"
#include "fuzz/target/message.h"

enum { TEXT_BYTES = 4096, OUT_BYTES = 16384, OWN_FIELDS = 6 };

static enum cgi_progress collect(struct cgi_text *text, const uint8_t *data, size_t len,
                                 struct cut *cut, size_t *taken)
{
    enum cgi_progress progress = CGI_MORE;

    *taken = 0;
    while (progress == CGI_MORE && *taken < len) {
        size_t piece = cut == NULL ? len - *taken : cut_next(cut, len - *taken), used = 0;

        progress = cgi_text_add(text, data + *taken, piece, &used);
        FINDING_UNLESS(used <= piece, "cgi: a head takes what there is");
        FINDING_UNLESS(progress != CGI_MORE || used == piece, "cgi: more is wanted of all taken");
        *taken += used;
    }
    return progress;
}

/* As the front mux would write it to a client. */
static void check_written(const struct http_head *head)
{
    static struct h1_head parsed;
    static char data[OUT_BYTES];
    static struct http_head *again;
    struct h1_out out = {data, sizeof(data), 0, false};
    const struct h1_form form = {.is_chunked = !head->has_length, .is_keepalive = true, .minor = 1};

    if (again == NULL)
        again = malloc(http_head_size(OUT_BYTES));
    if (again == NULL)
        abort();
    if (head->fields_count > H1_HEADERS_MAX - OWN_FIELDS)
        return;
    h1_put_response_head(&out, head, &form);
    FINDING_UNLESS(!out.is_overflow, "cgi: what a script says has a bound");
    h1_head_init_response(&parsed, false);
    FINDING_UNLESS(h1_head_parse(&parsed, data, out.len, OUT_BYTES) == H1_DONE &&
                       parsed.head_bytes == out.len,
                   "cgi: what a script says is one head for the client");
    http_head_init(again, OUT_BYTES, true);
    FINDING_UNLESS(h1_convert_head(again, &parsed, data, "http") == H1_OK,
                   "cgi: what a script says can be converted");
    message_compare(head, again, "cgi: the client reads what the script said");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char first[TEXT_BYTES], second[TEXT_BYTES];
    static struct http_head *head;
    struct cgi_text whole = {.data = first, .size = sizeof(first)};
    struct cgi_text pieces = {.data = second, .size = sizeof(second)};
    struct cut cut = cut_begin(data, len);
    size_t whole_taken, pieces_taken;

    if (head == NULL)
        head = malloc(http_head_size(TEXT_BYTES));
    if (head == NULL)
        abort();
    enum cgi_progress progress = collect(&whole, data, len, NULL, &whole_taken);
    FINDING_UNLESS(collect(&pieces, data, len, &cut, &pieces_taken) == progress,
                   "cgi: a head ends however it is cut");
    if (progress != CGI_DONE)
        return 0;
    FINDING_UNLESS(whole_taken == pieces_taken && whole.len == pieces.len &&
                       memcmp(first, second, whole.len) == 0,
                   "cgi: a head is the same however it is cut");
    http_head_init(head, TEXT_BYTES, true);
    if (cgi_parse(head, &whole, false) == CGI_OK)
        check_written(head);
    return 0;
}
