#include "core/http/h1_body.h"

#include <string.h>

const char *h1_body_state_name(enum h1_body_state state)
{
    static const char *const names[] = {
#define H1_BODY_NAME(name) #name,
        H1_BODY_STATES(H1_BODY_NAME)
#undef H1_BODY_NAME
    };
    return (unsigned)state < ARRAY_LEN(names) ? names[state] : "H1_BODY_?";
}

void h1_body_init(struct h1_body *body, const struct h1_head *head)
{
    *body = (struct h1_body){.state = H1_BODY_DONE};
    switch (head->framing) {
    case H1_FRAMING_NONE:
        break;
    case H1_FRAMING_LENGTH:
        body->state = H1_BODY_DATA;
        body->left_bytes = head->length_bytes;
        break;
    case H1_FRAMING_CHUNKED:
        body->state = H1_BODY_SIZE_FIRST;
        break;
    case H1_FRAMING_CLOSE:
        body->state = H1_BODY_UNTIL_CLOSE;
        break;
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_token_char(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_text_char(char c)
{
    unsigned char u = (unsigned char)c;
    return u == '\t' || (u >= 0x20 && u != 0x7f);
}

static void fail(struct h1_body *body, enum h1_error error)
{
    body->error = error;
}

/* RFC 9112 7.1: chunk-size is 1*HEXDIG. White space before the extension, which 7.1.1 calls bad,
 * is refused: parsers disagree about it. */
static void step_size(struct h1_body *body, char c)
{
    int digit = hex_value(c);

    if (digit >= 0) {
        if (++body->count > H1_CHUNK_DIGITS_MAX) {
            fail(body, H1_CHUNK_TOO_BIG);
            return;
        }
        body->left_bytes = body->left_bytes * 16 + (uint64_t)digit;
        body->state = H1_BODY_SIZE;
    } else if (body->state == H1_BODY_SIZE && c == ';') {
        body->state = H1_BODY_EXT;
        body->count = 0;
    } else if (body->state == H1_BODY_SIZE && c == '\r') {
        body->state = H1_BODY_SIZE_LF;
    } else {
        fail(body, H1_BAD_CHUNK_SIZE);
    }
}

/* RFC 9112 7.1.1: extensions are ignored, and bounded. */
static void step_ext(struct h1_body *body, char c)
{
    if (c == '\r')
        body->state = H1_BODY_SIZE_LF;
    else if (!is_text_char(c))
        fail(body, H1_BAD_CHUNK_EXT);
    else if (++body->count > H1_CHUNK_EXT_BYTES_MAX)
        fail(body, H1_CHUNK_EXT_TOO_LONG);
}

static void step_size_lf(struct h1_body *body, char c)
{
    if (c != '\n') {
        fail(body, H1_BAD_CHUNK_SIZE);
        return;
    }
    body->state = body->left_bytes > 0 ? H1_BODY_CHUNK : H1_BODY_TRAILER_START;
    body->count = 0;
}

/* RFC 9112 7.1.2: field lines as in a head, then the empty line. */
static void step_trailer(struct h1_body *body, char c)
{
    if (body->state != H1_BODY_TRAILER_START || c != '\r') {
        if (++body->count > H1_TRAILER_BYTES_MAX) {
            fail(body, H1_TRAILER_TOO_LONG);
            return;
        }
    }
    switch (body->state) {
    case H1_BODY_TRAILER_START:
        if (c == '\r')
            body->state = H1_BODY_END_LF;
        else if (is_token_char(c))
            body->state = H1_BODY_TRAILER_NAME;
        else
            fail(body, H1_BAD_TRAILER);
        break;
    case H1_BODY_TRAILER_NAME:
        if (c == ':')
            body->state = H1_BODY_TRAILER_VALUE;
        else if (!is_token_char(c))
            fail(body, H1_BAD_TRAILER);
        break;
    case H1_BODY_TRAILER_VALUE:
        if (c == '\r')
            body->state = H1_BODY_TRAILER_LF;
        else if (!is_text_char(c))
            fail(body, H1_BAD_TRAILER);
        break;
    case H1_BODY_TRAILER_LF:
        if (c == '\n')
            body->state = H1_BODY_TRAILER_START;
        else
            fail(body, H1_BAD_TRAILER);
        break;
    case H1_BODY_END_LF:
        if (c == '\n')
            body->state = H1_BODY_DONE;
        else
            fail(body, H1_BAD_TRAILER);
        break;
    case H1_BODY_DONE:
    case H1_BODY_DATA:
    case H1_BODY_UNTIL_CLOSE:
    case H1_BODY_SIZE_FIRST:
    case H1_BODY_SIZE:
    case H1_BODY_EXT:
    case H1_BODY_SIZE_LF:
    case H1_BODY_CHUNK:
    case H1_BODY_CHUNK_CR:
    case H1_BODY_CHUNK_LF:
        BUG_ON(true);
    }
}

static void step_chunk_end(struct h1_body *body, char c)
{
    if (body->state == H1_BODY_CHUNK_CR && c == '\r')
        body->state = H1_BODY_CHUNK_LF;
    else if (body->state == H1_BODY_CHUNK_LF && c == '\n') {
        body->state = H1_BODY_SIZE_FIRST;
        body->left_bytes = 0;
        body->count = 0;
    } else {
        fail(body, H1_BAD_CHUNK_END);
    }
}

static void step_framing(struct h1_body *body, char c)
{
    switch (body->state) {
    case H1_BODY_SIZE_FIRST:
    case H1_BODY_SIZE:
        step_size(body, c);
        break;
    case H1_BODY_EXT:
        step_ext(body, c);
        break;
    case H1_BODY_SIZE_LF:
        step_size_lf(body, c);
        break;
    case H1_BODY_CHUNK_CR:
    case H1_BODY_CHUNK_LF:
        step_chunk_end(body, c);
        break;
    case H1_BODY_TRAILER_START:
    case H1_BODY_TRAILER_NAME:
    case H1_BODY_TRAILER_VALUE:
    case H1_BODY_TRAILER_LF:
    case H1_BODY_END_LF:
        step_trailer(body, c);
        break;
    case H1_BODY_DONE:
    case H1_BODY_DATA:
    case H1_BODY_UNTIL_CLOSE:
    case H1_BODY_CHUNK:
        BUG_ON(true);
    }
}

static size_t step_payload(struct h1_body *body, size_t len)
{
    if (body->state == H1_BODY_UNTIL_CLOSE) {
        body->payload_bytes += len;
        return len;
    }
    size_t take = body->left_bytes < len ? (size_t)body->left_bytes : len;
    body->left_bytes -= take;
    body->payload_bytes += take;
    if (body->left_bytes == 0)
        body->state = body->state == H1_BODY_DATA ? H1_BODY_DONE : H1_BODY_CHUNK_CR;
    return take;
}

size_t h1_body_step(struct h1_body *body, const char *data, size_t len, bool *is_payload)
{
    *is_payload = h1_body_is_in_payload(body);
    if (body->error != H1_OK || body->state == H1_BODY_DONE)
        return 0;
    if (*is_payload)
        return step_payload(body, len);

    size_t taken = 0;
    while (taken < len && body->state != H1_BODY_DONE && !h1_body_is_in_payload(body)) {
        step_framing(body, data[taken]);
        if (body->error != H1_OK)
            break; /* the bad byte is not taken */
        taken++;
        if (body->state == H1_BODY_TRAILER_START && body->count == 0)
            break; /* what follows may be worth keeping */
    }
    return taken;
}

enum h1_error h1_body_close(struct h1_body *body)
{
    if (body->error != H1_OK)
        return body->error;
    if (body->state == H1_BODY_UNTIL_CLOSE)
        body->state = H1_BODY_DONE;
    if (body->state != H1_BODY_DONE) /* RFC 9112 8 */
        body->error = H1_TRUNCATED;
    return body->error;
}
