#include "core/http/h1.h"

#include <string.h>

static const struct {
    const char *name;
    const char *text;
    unsigned status;
} errors[] = {
#define H1_ERROR_ROW(name, status, text) {#name, text, status},
    H1_ERRORS(H1_ERROR_ROW)
#undef H1_ERROR_ROW
};

const char *h1_error_name(enum h1_error error)
{
    return (unsigned)error < H1_ERROR_COUNT ? errors[error].name : "H1_?";
}

const char *h1_error_text(enum h1_error error)
{
    return (unsigned)error < H1_ERROR_COUNT ? errors[error].text : "unknown error";
}

unsigned h1_error_status(enum h1_error error)
{
    return (unsigned)error < H1_ERROR_COUNT ? errors[error].status : 400;
}

/* --- characters --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9110 5.6.2: tchar. */
static bool is_token_char(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

/* RFC 9110 5.5: VCHAR, SP, HTAB, obs-text. All other control bytes are dangerous. */
static bool is_value_char(char c)
{
    unsigned char u = (unsigned char)c;
    return u == '\t' || (u >= 0x20 && u != 0x7f);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool h1_is_same_word(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len != b_len)
        return false;
    for (size_t i = 0; i < a_len; i++) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

static bool is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_token_char(text[i]))
            return false;
    }
    return len > 0;
}

/* --- lists --- */

/* The next non-empty element of a comma-separated value from `*at`; false at its end. Quoted
 * strings do not occur in the fields that are read this way. */
static bool next_element(const char *text, size_t len, size_t *at, struct h1_slice *out)
{
    while (*at < len) {
        size_t begin = *at;
        size_t end = begin;
        while (end < len && text[end] != ',')
            end++;
        *at = end < len ? end + 1 : end;
        while (begin < end && is_space(text[begin]))
            begin++;
        while (end > begin && is_space(text[end - 1]))
            end--;
        if (end > begin) {
            *out = (struct h1_slice){(uint32_t)begin, (uint32_t)(end - begin)};
            return true;
        }
    }
    return false;
}

bool h1_has_connection_option(const struct h1_head *head, const char *text, const char *option,
                              size_t option_len)
{
    for (uint32_t i = 0; i < head->headers_count; i++) {
        const struct h1_header *h = &head->headers[i];
        if (h->field != H1_FIELD_CONNECTION)
            continue;
        const char *value = text + h->value.at;
        size_t at = 0;
        struct h1_slice word;
        while (next_element(value, h->value.len, &at, &word)) {
            if (h1_is_same_word(value + word.at, word.len, option, option_len))
                return true;
        }
    }
    return false;
}

/* --- start lines --- */

static enum h1_error parse_version(const char *text, size_t len, uint8_t *minor)
{
    /* RFC 9112 2.3: case-sensitive, one digit each. */
    if (len != 8 || memcmp(text, "HTTP/", 5) != 0 || !is_digit(text[5]) || text[6] != '.' ||
        !is_digit(text[7]))
        return H1_BAD_VERSION;
    if (text[5] != '1')
        return H1_VERSION_UNSUPPORTED;
    *minor = (uint8_t)(text[7] - '0');
    return H1_OK;
}

/* RFC 9110 7.2, RFC 3986 3.2.2: a host and perhaps a port, none of what could end them. */
bool h1_is_authority(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char u = (unsigned char)text[i];
        if (u <= 0x20 || u >= 0x7f || strchr("/?#@,\\\"<>{}|^`", u) != NULL)
            return false;
    }
    return true;
}

/* RFC 9112 3.2: origin-form, absolute-form, or "*" for OPTIONS. */
static enum h1_error parse_target(struct h1_head *head, const char *text)
{
    const char *target = text + head->target.at;
    size_t len = head->target.len;

    for (size_t i = 0; i < len; i++) {
        unsigned char u = (unsigned char)target[i];
        if (u <= 0x20 || u >= 0x7f || u == '#')
            return H1_BAD_TARGET;
    }
    head->path = head->target;
    if (target[0] == '/')
        return H1_OK;
    if (len == 1 && target[0] == '*')
        return head->method == H1_METHOD_OPTIONS ? H1_OK : H1_BAD_TARGET;

    size_t scheme = 0;
    if (len > 7 && h1_is_same_word(target, 7, "http://", 7))
        scheme = 7;
    else if (len > 8 && h1_is_same_word(target, 8, "https://", 8))
        scheme = 8;
    else
        return H1_BAD_TARGET;
    size_t end = scheme;
    while (end < len && target[end] != '/' && target[end] != '?')
        end++;
    head->authority =
        (struct h1_slice){head->target.at + (uint32_t)scheme, (uint32_t)(end - scheme)};
    head->path = (struct h1_slice){head->target.at + (uint32_t)end, (uint32_t)(len - end)};
    /* RFC 9110 4.2.1, 4.2.4: an empty host is invalid, user information is an error. */
    if (end == scheme || !h1_is_authority(target + scheme, end - scheme))
        return H1_BAD_TARGET;
    return H1_OK;
}

static enum h1_error parse_method(struct h1_head *head, const char *text)
{
    const char *method = text + head->method_text.at;
    size_t len = head->method_text.len;

    if (!is_token(method, len))
        return H1_BAD_METHOD;
    if (len > H1_METHOD_BYTES_MAX) /* RFC 9112 3 */
        return H1_METHOD_TOO_LONG;
    if (len == 3 && memcmp(method, "GET", 3) == 0)
        head->method = H1_METHOD_GET;
    else if (len == 4 && memcmp(method, "HEAD", 4) == 0)
        head->method = H1_METHOD_HEAD;
    else if (len == 7 && memcmp(method, "OPTIONS", 7) == 0)
        head->method = H1_METHOD_OPTIONS;
    else if (len == 7 && memcmp(method, "CONNECT", 7) == 0)
        return H1_METHOD_CONNECT; /* RFC 9110 9.3.6: tunnels are no part of this */
    return H1_OK;
}

/* RFC 9112 3: exactly one SP between exactly three parts. */
static enum h1_error parse_request_line(struct h1_head *head, const char *text, size_t at,
                                        size_t end)
{
    size_t first = at;
    while (first < end && text[first] != ' ')
        first++;
    size_t second = first + 1;
    while (second < end && text[second] != ' ')
        second++;

    head->method_text = (struct h1_slice){(uint32_t)at, (uint32_t)(first - at)};
    enum h1_error error = parse_method(head, text);
    if (error != H1_OK)
        return error;
    if (first >= end || second >= end || second == first + 1)
        return H1_BAD_REQUEST_LINE;
    head->target = (struct h1_slice){(uint32_t)first + 1, (uint32_t)(second - first - 1)};
    error = parse_version(text + second + 1, end - second - 1, &head->minor);
    if (error != H1_OK)
        return error;
    return parse_target(head, text);
}

/* RFC 9112 4. The SP before an empty reason is often forgotten, and nothing hangs on it. */
static enum h1_error parse_status_line(struct h1_head *head, const char *text, size_t at,
                                       size_t end)
{
    const char *line = text + at;
    size_t len = end - at;

    if (len < 12 || parse_version(line, 8, &head->minor) != H1_OK || line[8] != ' ')
        return H1_BAD_STATUS_LINE;
    for (size_t i = 9; i < 12; i++) {
        if (!is_digit(line[i]))
            return H1_BAD_STATUS_LINE;
    }
    head->status = (uint16_t)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    if (head->status < 100 || head->status > 599) /* RFC 9110 15 */
        return H1_BAD_STATUS_LINE;
    if (len > 12 && line[12] != ' ')
        return H1_BAD_STATUS_LINE;
    for (size_t i = 13; i < len; i++) {
        if (!is_value_char(line[i]))
            return H1_BAD_STATUS_LINE;
    }
    if (len > 13)
        head->reason = (struct h1_slice){(uint32_t)at + 13, (uint32_t)len - 13};
    return H1_OK;
}

/* --- header fields --- */

static enum h1_field find_field(const char *name, size_t len)
{
    static const struct {
        const char *text;
        enum h1_field field;
    } fields[] = {
#define H1_FIELD_ROW(name, text) {text, name},
        H1_FIELDS(H1_FIELD_ROW)
#undef H1_FIELD_ROW
    };

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (h1_is_same_word(name, len, fields[i].text, strlen(fields[i].text)))
            return fields[i].field;
    }
    return H1_FIELD_OTHER;
}

static enum h1_error add_length(struct h1_head *head, const char *value, size_t len)
{
    /* RFC 9112 6.3 (5), RFC 9110 8.6: a list of equal numbers may be taken as one number. */
    size_t at = 0;
    struct h1_slice word;
    bool has_any = false;
    while (next_element(value, len, &at, &word)) {
        uint64_t number = 0;
        for (uint32_t i = 0; i < word.len; i++) {
            char c = value[word.at + i];
            if (!is_digit(c) || number > (INT64_MAX - 9) / 10)
                return H1_BAD_LENGTH;
            number = number * 10 + (uint64_t)(c - '0');
        }
        if (head->has_length && head->length_bytes != number)
            return H1_LENGTH_CONFLICT;
        head->has_length = true;
        head->length_bytes = number;
        has_any = true;
    }
    return has_any ? H1_OK : H1_BAD_LENGTH;
}

/* RFC 9112 6.1: understood is "chunked", applied once and last. */
static enum h1_error add_coding(struct h1_head *head, const char *value, size_t len)
{
    size_t at = 0;
    struct h1_slice word;
    bool has_any = false;
    while (next_element(value, len, &at, &word)) {
        if (head->has_chunked) /* applied twice, or not last */
            return H1_BAD_CODING;
        if (!h1_is_same_word(value + word.at, word.len, "chunked", 7)) {
            /* RFC 9112 6.3 (4): without chunked at the end the length cannot be known. */
            const char *comma = memchr(value + word.at, ',', len - word.at);
            return comma != NULL ? H1_CODING_UNSUPPORTED : H1_BAD_CODING;
        }
        head->has_chunked = true;
        has_any = true;
    }
    return has_any ? H1_OK : H1_BAD_CODING;
}

static enum h1_error add_field(struct h1_head *head, const struct h1_header *h, const char *text)
{
    const char *value = text + h->value.at;

    switch (h->field) {
    case H1_FIELD_CONTENT_LENGTH:
        return add_length(head, value, h->value.len);
    case H1_FIELD_TRANSFER_ENCODING:
        return add_coding(head, value, h->value.len);
    case H1_FIELD_HOST:
        if (head->has_host && !head->is_response) /* RFC 9112 3.2 */
            return H1_HOST_TWICE;
        head->has_host = true;
        head->host = h->value;
        if (!head->is_response && !h1_is_authority(value, h->value.len))
            return H1_BAD_HOST;
        return H1_OK;
    case H1_FIELD_EXPECT:
        if (h1_is_same_word(value, h->value.len, "100-continue", 12))
            head->has_expect = true;
        return H1_OK;
    case H1_FIELD_OTHER:
    case H1_FIELD_CONNECTION:
    case H1_FIELD_KEEP_ALIVE:
    case H1_FIELD_PROXY_CONNECTION:
    case H1_FIELD_TE:
    case H1_FIELD_UPGRADE:
        return H1_OK;
    }
    return H1_OK;
}

/* RFC 9112 5: field-name ":" OWS field-value OWS. */
static enum h1_error parse_header(struct h1_head *head, const char *text, size_t at, size_t end)
{
    if (is_space(text[at])) /* RFC 9112 2.2 and 5.2: folded, or hidden from a laxer parser */
        return H1_FOLDED_HEADER;
    const char *colon = memchr(text + at, ':', end - at);
    if (colon == NULL)
        return H1_NO_COLON;
    size_t name_end = (size_t)(colon - text);
    if (name_end > at && is_space(text[name_end - 1])) /* RFC 9112 5.1 */
        return H1_SPACE_BEFORE_COLON;
    if (!is_token(text + at, name_end - at))
        return H1_BAD_HEADER_NAME;

    size_t begin = name_end + 1;
    while (begin < end && is_space(text[begin]))
        begin++;
    while (end > begin && is_space(text[end - 1]))
        end--;
    for (size_t i = begin; i < end; i++) {
        if (!is_value_char(text[i]))
            return H1_BAD_HEADER_VALUE;
    }
    if (head->headers_count == H1_HEADERS_MAX)
        return H1_TOO_MANY_HEADERS;
    struct h1_header *h = &head->headers[head->headers_count++];
    h->name = (struct h1_slice){(uint32_t)at, (uint32_t)(name_end - at)};
    h->value = (struct h1_slice){(uint32_t)begin, (uint32_t)(end - begin)};
    h->field = find_field(text + at, name_end - at);
    return add_field(head, h, text);
}

/* --- the end of the head --- */

/* RFC 9112 9.3. A gateway is the origin server to its clients, so 1.0 with keep-alive persists. */
static bool may_keepalive(const struct h1_head *head, const char *text)
{
    if (h1_has_connection_option(head, text, "close", 5))
        return false;
    return head->minor >= 1 || h1_has_connection_option(head, text, "keep-alive", 10);
}

static enum h1_error finish_request(struct h1_head *head, const char *text)
{
    /* RFC 9112 3.2: required since 1.1. */
    if (!head->has_host && head->minor >= 1)
        return H1_NO_HOST;
    /* RFC 9112 3.2.2 has us replace Host; a client that sends two different hosts lies to one. */
    if (head->authority.len > 0 && head->has_host &&
        !h1_is_same_word(text + head->authority.at, head->authority.len, text + head->host.at,
                         head->host.len))
        return H1_HOST_CONFLICT;
    if (head->minor == 0)
        head->has_expect = false; /* RFC 9110 10.1.1 */
    if (head->has_chunked)
        head->framing = H1_FRAMING_CHUNKED;
    else if (head->has_length && head->length_bytes > 0)
        head->framing = H1_FRAMING_LENGTH;
    else
        head->framing = H1_FRAMING_NONE; /* RFC 9112 6.3 (7) */
    return H1_OK;
}

static enum h1_error finish_response(struct h1_head *head)
{
    bool is_interim = head->status < 200;

    if (head->has_chunked && (is_interim || head->status == 204)) /* RFC 9112 6.1 */
        return H1_CODING_FORBIDDEN;
    if (is_interim || head->status == 204 || head->status == 304 || head->is_to_head)
        head->framing = H1_FRAMING_NONE; /* RFC 9112 6.3 (1) */
    else if (head->has_chunked)
        head->framing = H1_FRAMING_CHUNKED; /* (4) */
    else if (head->has_length)
        head->framing = head->length_bytes > 0 ? H1_FRAMING_LENGTH : H1_FRAMING_NONE; /* (6) */
    else
        head->framing = H1_FRAMING_CLOSE; /* (8) */
    return H1_OK;
}

static enum h1_error finish_head(struct h1_head *head, const char *text)
{
    if (head->has_chunked && head->has_length) /* RFC 9112 6.3 (3) */
        return H1_LENGTH_AND_CODING;
    if (head->has_chunked && head->minor == 0) /* RFC 9112 6.1 */
        return H1_CODING_IN_HTTP10;
    enum h1_error error = head->is_response ? finish_response(head) : finish_request(head, text);
    if (error != H1_OK)
        return error;
    head->is_keepalive = head->framing != H1_FRAMING_CLOSE && may_keepalive(head, text);
    return H1_OK;
}

/* --- driving --- */

static void init_head(struct h1_head *head)
{
    /* Not the header array: it is written before it is read. */
    memset(head, 0, offsetof(struct h1_head, headers));
    memset((char *)head + offsetof(struct h1_head, framing), 0,
           sizeof(*head) - offsetof(struct h1_head, framing));
}

void h1_head_init_request(struct h1_head *head)
{
    init_head(head);
}

void h1_head_init_response(struct h1_head *head, bool is_to_head)
{
    init_head(head);
    head->is_response = true;
    head->is_to_head = is_to_head;
}

/* One line without its CRLF. Done at the empty line. */
static enum h1_progress take_line(struct h1_head *head, const char *text, size_t at, size_t end)
{
    if (at == end && head->has_startline) {
        head->error = finish_head(head, text);
        return head->error == H1_OK ? H1_DONE : H1_FAILED;
    }
    if (head->has_startline)
        head->error = parse_header(head, text, at, end);
    else if (at == end && !head->is_response && !head->has_blank)
        head->has_blank = true; /* RFC 9112 2.2: at least one is to be ignored */
    else {
        head->has_startline = true;
        head->error = head->is_response ? parse_status_line(head, text, at, end)
                                        : parse_request_line(head, text, at, end);
    }
    return head->error == H1_OK ? H1_MORE : H1_FAILED;
}

/* RFC 9112 2.2: lines end in CRLF; neither byte occurs elsewhere. `lf` is the first LF. */
static enum h1_error check_line_end(const char *text, size_t at, size_t lf)
{
    const char *cr = memchr(text + at, '\r', lf - at);
    if (cr == NULL)
        return H1_BARE_LF;
    return cr + 1 == text + lf ? H1_OK : H1_BARE_CR;
}

static enum h1_progress fail(struct h1_head *head, enum h1_error error)
{
    head->error = error;
    return H1_FAILED;
}

enum h1_progress h1_head_parse(struct h1_head *head, const char *text, size_t len, size_t len_max)
{
    enum h1_error too_long = H1_HEAD_TOO_LONG;

    if (head->error != H1_OK)
        return H1_FAILED;
    if (len_max > UINT32_MAX / 2)
        len_max = UINT32_MAX / 2;
    for (;;) {
        size_t usable = len < len_max ? len : len_max;
        const char *lf = head->scan_at < usable
                             ? memchr(text + head->scan_at, '\n', usable - head->scan_at)
                             : NULL;
        if (!head->has_startline && !head->is_response)
            too_long = H1_TARGET_TOO_LONG;
        else
            too_long = H1_HEAD_TOO_LONG;
        if (lf == NULL) {
            head->scan_at = (uint32_t)usable;
            return len < len_max ? H1_MORE : fail(head, too_long);
        }
        size_t at = head->line_at;
        size_t end = (size_t)(lf - text);
        head->line_at = (uint32_t)end + 1;
        head->scan_at = (uint32_t)end + 1;
        enum h1_error error = check_line_end(text, at, end);
        if (error != H1_OK)
            return fail(head, error);
        enum h1_progress progress = take_line(head, text, at, end - 1);
        if (progress == H1_DONE)
            head->head_bytes = (uint32_t)end + 1;
        if (progress != H1_MORE)
            return progress;
    }
}

bool h1_head_is_empty(const struct h1_head *head, size_t len)
{
    return !head->has_startline && head->line_at == len;
}

bool h1_is_interim(const struct h1_head *head)
{
    return head->status >= 100 && head->status < 200 && head->status != 101;
}
