#include "core/http/cgi.h"

#include <string.h>
#include <strings.h>

const char *cgi_error_text(enum cgi_error error)
{
    static const char *const texts[] = {
#define CGI_ERROR_TEXT(name, text) text,
        CGI_ERRORS(CGI_ERROR_TEXT)
#undef CGI_ERROR_TEXT
    };

    return (unsigned)error < ARRAY_LEN(texts) ? texts[error] : "?";
}

enum cgi_progress cgi_text_add(struct cgi_text *text, const uint8_t *data, size_t len, size_t *used)
{
    for (size_t i = 0; i < len; i++) {
        char c = (char)data[i];
        *used = i;
        if (text->len == text->size)
            return CGI_FULL;
        text->data[text->len++] = c;
        *used = i + 1;
        if (c == '\n') {
            if (!text->has_line)
                return CGI_DONE;
            text->has_line = false;
        } else if (c != '\r') {
            text->has_line = true;
        }
    }
    *used = len;
    return CGI_MORE;
}

/* A line of the head, and what it is split into. */
struct line {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

/* RFC 9110 5.6.2 */
static bool is_token(const char *text, size_t len)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return len > 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9110 5.5: no control byte but HT. */
static bool is_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static enum cgi_error split_line(struct line *line, const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);

    if (len >= 5 && strncasecmp(text, "HTTP/", 5) == 0)
        return CGI_NPH;
    if (colon == NULL || !is_token(text, (size_t)(colon - text)))
        return CGI_BAD_LINE;
    line->name = text;
    line->name_len = (size_t)(colon - text);
    const char *begin = colon + 1;
    const char *end = text + len;
    while (begin < end && is_blank(*begin))
        begin++;
    while (end > begin && is_blank(end[-1]))
        end--;
    line->value = begin;
    line->value_len = (size_t)(end - begin);
    return is_value(begin, line->value_len) ? CGI_OK : CGI_BAD_VALUE;
}

static bool is_named(const struct line *line, const char *name)
{
    return line->name_len == strlen(name) && strncasecmp(line->name, name, line->name_len) == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 3875 6.3.3: three digits, then perhaps a reason. Interim ones are not a script's to send. */
static enum cgi_error take_status(struct http_head *to, const struct line *line)
{
    const char *text = line->value;

    if (to->status != 0 || line->value_len < 3 || (line->value_len > 3 && text[3] != ' '))
        return CGI_BAD_STATUS;
    if (!is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2]))
        return CGI_BAD_STATUS;
    to->status = (uint16_t)((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
    return to->status >= 200 && to->status <= 599 ? CGI_OK : CGI_BAD_STATUS;
}

static enum cgi_error take_length(struct http_head *to, const struct line *line)
{
    uint64_t sum = 0;

    if (line->value_len == 0 || line->value_len > 18)
        return CGI_BAD_LENGTH;
    for (size_t i = 0; i < line->value_len; i++) {
        if (!is_digit(line->value[i]))
            return CGI_BAD_LENGTH;
        sum = sum * 10 + (uint64_t)(line->value[i] - '0');
    }
    if (to->has_length && to->length_bytes != sum)
        return CGI_BAD_LENGTH;
    to->has_length = true;
    to->length_bytes = sum;
    return CGI_OK;
}

/* RFC 9110 7.6.1 */
static bool is_of_one_hop(const struct line *line)
{
    static const char *const names[] = {
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (is_named(line, names[i]))
            return true;
    }
    return false;
}

static enum cgi_error take_line(struct http_head *to, const char *text, size_t len)
{
    struct line line;
    enum cgi_error error = split_line(&line, text, len);

    if (error != CGI_OK)
        return error;
    if (is_named(&line, "status"))
        return take_status(to, &line);
    if (is_named(&line, "content-length"))
        return take_length(to, &line);
    if (is_named(&line, "transfer-encoding"))
        return CGI_CODING;
    if (is_of_one_hop(&line))
        return CGI_OK;
    return http_head_add(to, line.name, line.name_len, line.value, line.value_len) ? CGI_OK
                                                                                   : CGI_TOO_LONG;
}

static bool has_no_body(const struct http_head *head, bool is_to_head)
{
    return is_to_head || head->status == 204 || head->status == 304;
}

enum cgi_error cgi_parse(struct http_head *to, const struct cgi_text *text, bool is_to_head)
{
    unsigned lines = 0;

    for (uint32_t at = 0; at < text->len;) {
        const char *begin = text->data + at;
        const char *lf = memchr(begin, '\n', text->len - at);
        if (lf == NULL)
            return CGI_BAD_LINE;
        size_t len = (size_t)(lf - begin);
        at += (uint32_t)len + 1;
        if (len > 0 && begin[len - 1] == '\r')
            len--;
        if (len == 0)
            break;
        enum cgi_error error = take_line(to, begin, len);
        if (error != CGI_OK)
            return error;
        lines++;
    }
    if (lines == 0)
        return CGI_EMPTY;
    if (to->status == 0)
        to->status = http_head_find(to, "location") != NULL ? 302 : 200;
    /* RFC 9110 8.6: none with 204. */
    if (to->status == 204)
        to->has_length = false;
    to->is_end = has_no_body(to, is_to_head);
    return CGI_OK;
}
