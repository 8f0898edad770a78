#include "core/http/h1_put.h"

#include <string.h>

void h1_put(struct h1_out *out, const char *text, size_t len)
{
    if (out->is_overflow || len > out->size - out->len) {
        out->is_overflow = true;
        return;
    }
    memcpy(out->data + out->len, text, len);
    out->len += len;
}

void h1_put_text(struct h1_out *out, const char *text)
{
    h1_put(out, text, strlen(text));
}

void h1_put_number(struct h1_out *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    h1_put(out, digits + at, sizeof(digits) - at);
}

static void put_length(struct h1_out *out, uint64_t length_bytes)
{
    h1_put_text(out, "Content-Length: ");
    h1_put_number(out, length_bytes);
    h1_put_text(out, "\r\n");
}

static void put_connection(struct h1_out *out, unsigned client_minor, bool is_keepalive)
{
    if (!is_keepalive)
        h1_put_text(out, "Connection: close\r\n");
    else if (client_minor == 0)
        h1_put_text(out, "Connection: keep-alive\r\n"); /* RFC 9112 C.2.2 */
}

/* RFC 9110 15, RFC 6585, RFC 8297. */
const char *h1_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {103, "Early Hints"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {203, "Non-Authoritative Information"},
        {204, "No Content"},
        {205, "Reset Content"},
        {206, "Partial Content"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
        {511, "Network Authentication Required"},
    };

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return ""; /* RFC 9112 4: it may be empty, and nothing hangs on it */
}

void h1_put_error(struct h1_out *out, unsigned status, bool is_keepalive, bool is_to_head)
{
    const char *reason = h1_reason(status);

    h1_put_text(out, "HTTP/1.1 ");
    h1_put_number(out, status);
    h1_put_text(out, " ");
    h1_put_text(out, reason);
    h1_put_text(out, "\r\nContent-Type: text/plain\r\n");
    put_length(out, 3 + 1 + strlen(reason) + 1);
    put_connection(out, 1, is_keepalive);
    h1_put_text(out, "\r\n");
    if (is_to_head)
        return;
    h1_put_number(out, status);
    h1_put_text(out, " ");
    h1_put_text(out, reason);
    h1_put_text(out, "\n");
}

/* --- from heads that no protocol owns --- */

/* Nobody should have put these among the fields. If somebody did, they must not decide where the
 * message ends or where it goes. */
static bool is_ours_to_write(const char *name, size_t len)
{
    static const char *const ours[] = {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
    };

    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        if (h1_is_same_word(name, len, ours[i], strlen(ours[i])))
            return true;
    }
    return false;
}

static void put_field(struct h1_out *out, const struct http_head *head,
                      const struct http_field *field)
{
    h1_put(out, http_head_text(head, field->name), field->name.len);
    h1_put(out, ": ", 2);
    h1_put(out, http_head_text(head, field->value), field->value.len);
    h1_put(out, "\r\n", 2);
}

static void put_all_fields(struct h1_out *out, const struct http_head *head)
{
    for (uint32_t i = 0; i < head->fields_count; i++) {
        const struct http_field *field = &head->fields[i];
        if (!is_ours_to_write(http_head_text(head, field->name), field->name.len))
            put_field(out, head, field);
    }
}

void h1_put_request_head(struct h1_out *out, const struct http_head *head,
                         const struct h1_form *form)
{
    h1_put(out, http_head_text(head, head->method_text), head->method_text.len);
    h1_put(out, " ", 1);
    h1_put(out, http_head_text(head, head->path), head->path.len);
    h1_put_text(out, " HTTP/1.1\r\nHost: "); /* RFC 9112 3.2: also when it is empty */
    h1_put(out, http_head_text(head, head->authority), head->authority.len);
    h1_put_text(out, "\r\n");
    put_all_fields(out, head);
    h1_put_text(out, head->minor >= 1 ? "Via: 1.1 heddle\r\n" : "Via: 1.0 heddle\r\n");
    if (head->has_expect && !head->is_end)
        h1_put_text(out, "Expect: 100-continue\r\n");
    if (form->is_chunked)
        h1_put_text(out, "Transfer-Encoding: chunked\r\n");
    else if (head->has_length)
        put_length(out, head->is_end ? 0 : head->length_bytes);
    if (!form->is_keepalive)
        h1_put_text(out, "Connection: close\r\n");
    h1_put_text(out, "\r\n");
}

void h1_put_response_head(struct h1_out *out, const struct http_head *head,
                          const struct h1_form *form)
{
    h1_put_text(out, "HTTP/1.1 ");
    h1_put_number(out, head->status);
    h1_put_text(out, " ");
    h1_put_text(out, h1_reason(head->status));
    h1_put_text(out, "\r\n");
    put_all_fields(out, head);
    /* RFC 9112 6.1, RFC 9110 8.6: neither in 1xx nor 204. */
    if (!http_head_is_interim(head) && head->status != 204) {
        if (form->is_chunked)
            h1_put_text(out, "Transfer-Encoding: chunked\r\n");
        else if (head->has_length)
            put_length(out, head->length_bytes);
    }
    if (!http_head_is_interim(head))
        put_connection(out, form->minor, form->is_keepalive);
    h1_put_text(out, "\r\n");
}

void h1_put_trailers(struct h1_out *out, const struct http_head *trailers)
{
    h1_put_text(out, "0\r\n");
    put_all_fields(out, trailers);
    h1_put_text(out, "\r\n");
}
