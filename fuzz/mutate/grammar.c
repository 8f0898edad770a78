/*
 * fuzz/mutate/grammar.c - messages of H1, H2 and FastCGI: legal ones, and then perhaps one lie, in
 * a length, a type, a number or a field. See invent.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/mutate/invent.h"

enum {
    MESSAGE_BYTES = 1024,
    LIE_ONE_IN = 3,
    RARE_LIE_ONE_IN = 6,
    FRAMES_MAX = 4,
    FRAME_HEAD = 9,
    RECORD_HEAD = 8
};

struct message {
    uint8_t bytes[MESSAGE_BYTES];
    size_t len;
};

static void put(struct message *message, const void *data, size_t len)
{
    if (len > sizeof(message->bytes) - message->len)
        len = sizeof(message->bytes) - message->len;
    memcpy(message->bytes + message->len, data, len);
    message->len += len;
}

static void put_byte(struct message *message, uint64_t byte)
{
    const uint8_t one = (uint8_t)byte;

    put(message, &one, 1);
}

static void put_number(struct message *message, uint64_t number, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;)
        put_byte(message, number >> (8 * i));
}

static void put_text(struct message *message, const char *text)
{
    put(message, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void put_format(struct message *message,
                                                             const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put_text(message, text);
}

#define ANY(edit, list) ((list)[edit_below((edit), sizeof(list) / sizeof((list)[0]))])

/* ---- H1 ---- */

static void put_h1_body(struct edit *edit, struct message *message, size_t lie)
{
    const size_t len = edit_below(edit, 20);

    switch (edit_below(edit, 3)) {
    case 0:
        put_format(message, "Content-Length: %zu\r\n\r\n", len + (lie == 1));
        break;
    case 1:
        put_format(message, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len + (lie == 1));
        break;
    default:
        put_text(message, "\r\n");
        return;
    }
    for (size_t i = 0; i < len; i++)
        put_byte(message, 'a');
    if (lie != 2)
        put_text(message, "\r\n0\r\n\r\n");
}

static void put_h1(struct edit *edit, struct message *message, bool is_client)
{
    static const char *const methods[] = {"GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE"};
    static const char *const paths[] = {"/", "/a", "/a?b", "http://h/a", "*", "/%00"};
    static const char *const lines[] = {"Connection: close\r\n",
                                        "Connection: keep-alive\r\n",
                                        "Expect: 100-continue\r\n",
                                        "Upgrade: h2c\r\n",
                                        "X: y\r\n",
                                        "TE: trailers\r\n"};
    static const char *const lies[] = {"Content-Length: 5\r\nContent-Length: 6\r\n",
                                       "Transfer-Encoding: chunked, identity\r\n",
                                       "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                                       " folded: 1\r\n",
                                       "X : y\r\n",
                                       "Content-Length: +5\r\n",
                                       "Content-Length: 18446744073709551616\r\n",
                                       "X: \r\r\n",
                                       ":\r\n"};
    const size_t lie = edit_one_in(edit, LIE_ONE_IN) ? 1 + edit_below(edit, 4) : 0;

    if (is_client)
        put_format(message, "%s %s HTTP/1.%zu\r\nHost: a\r\n", ANY(edit, methods), ANY(edit, paths),
                   edit_below(edit, 8) == 0 ? (size_t)0 : (size_t)1);
    else
        put_format(message, "HTTP/1.1 %zu OK\r\n",
                   edit_one_in(edit, 4) ? 100 + edit_below(edit, 500) : (size_t)200);
    for (size_t i = edit_below(edit, 3); i > 0; i--)
        put_text(message, ANY(edit, lines));
    if (lie > 2)
        put_text(message, ANY(edit, lies));
    put_h1_body(edit, message, lie);
}

/* ---- H2 ---- */

enum {
    H2_DATA,
    H2_HEADERS,
    H2_PRIORITY,
    H2_RST_STREAM,
    H2_SETTINGS,
    H2_PUSH_PROMISE,
    H2_PING,
    H2_GOAWAY,
    H2_WINDOW_UPDATE,
    H2_CONTINUATION,
    H2_TYPES
};

static void put_fields(struct edit *edit, struct message *message)
{
    /* :method GET, :scheme http, :path /, :authority "a" without Huffman; a field by name. */
    static const uint8_t request[] = {0x82, 0x86, 0x84, 0x41, 0x01, 'a'};
    static const uint8_t field[] = {0x40, 0x01, 'x', 0x01, 'y'};
    static const uint8_t lies[][4] = {{0x80, 0, 0, 0},          {0xff, 0xff, 0xff, 0xff},
                                      {0x41, 0x7f, 0xff, 0xff}, {0x3f, 0xff, 0xff, 0xff},
                                      {0x40, 0x01, 'X', 0x00},  {0x84, 0x84, 0x84, 0x84}};

    put(message, request, sizeof(request));
    for (size_t i = edit_below(edit, 4); i > 0; i--)
        put(message, field, sizeof(field));
    if (edit_one_in(edit, LIE_ONE_IN))
        put(message, ANY(edit, lies), 4);
}

static void put_frame_body(struct edit *edit, struct message *message, unsigned type)
{
    switch (type) {
    case H2_HEADERS:
    case H2_CONTINUATION:
        put_fields(edit, message);
        break;
    case H2_PRIORITY:
        put_number(message, edit_below(edit, 8), 4);
        put_byte(message, edit_below(edit, 256));
        break;
    case H2_RST_STREAM:
        put_number(message, edit_below(edit, 16), 4);
        break;
    case H2_SETTINGS:
        for (size_t i = edit_below(edit, 4); i > 0; i--) {
            put_number(message, 1 + edit_below(edit, 7), 2);
            put_number(message, UINT64_C(1) << edit_below(edit, 32), 4);
        }
        break;
    case H2_PUSH_PROMISE:
        put_number(message, 2 * edit_below(edit, 4), 4);
        put_fields(edit, message);
        break;
    case H2_PING:
        put_number(message, random_next(&edit->random), 8);
        break;
    case H2_GOAWAY:
        put_number(message, edit_below(edit, 8), 4);
        put_number(message, edit_below(edit, 14), 4);
        break;
    case H2_WINDOW_UPDATE:
        put_number(message, UINT64_C(1) << edit_below(edit, 32), 4);
        break;
    default:
        for (size_t i = edit_below(edit, 32); i > 0; i--)
            put_byte(message, edit_below(edit, 256));
        break;
    }
    if (edit_one_in(edit, RARE_LIE_ONE_IN))
        put_byte(message, 0); /* one byte too many */
}

struct bytes invent_frame(struct edit *edit, unsigned type)
{
    struct message message = {.len = 0};

    put_frame_body(edit, &message, type);
    return edit_bytes(edit, message.bytes, message.len);
}

static void put_h2(struct edit *edit, struct message *message, bool is_client)
{
    static const uint8_t empty_settings[] = {0, 0, 0, H2_SETTINGS, 0, 0, 0, 0, 0};

    if (is_client && !edit_one_in(edit, 4)) {
        put_text(message, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        put(message, empty_settings, sizeof(empty_settings));
    }
    for (size_t i = 1 + edit_below(edit, FRAMES_MAX); i > 0; i--) {
        const unsigned type = (unsigned)edit_below(edit, H2_TYPES);
        struct message body = {.len = 0};
        put_frame_body(edit, &body, type);
        const bool has_stream = type <= H2_RST_STREAM || type == H2_CONTINUATION;
        const size_t lie = edit_one_in(edit, LIE_ONE_IN) ? 1 + edit_below(edit, 3) : 0;
        put_number(message, body.len + (lie == 1), 3);
        put_byte(message, type + (lie == 2 ? H2_TYPES : 0));
        put_byte(message, type == H2_HEADERS ? 4 + edit_below(edit, 2) : edit_below(edit, 2));
        put_number(message, has_stream != (lie == 3) ? 1 + 2 * edit_below(edit, 3) : 0, 4);
        put(message, body.bytes, body.len);
    }
}

/* ---- FastCGI ---- */

enum { FCGI_BEGIN = 1, FCGI_END = 3, FCGI_PARAMS = 4, FCGI_STDOUT = 6 };

static void put_record_body(struct edit *edit, struct message *message, unsigned type)
{
    switch (type) {
    case FCGI_BEGIN:
        put_number(message, UINT64_C(1) << 48 | edit_below(edit, 2) << 40, 8);
        break;
    case FCGI_END:
        put_number(message, edit_below(edit, 3), 4);
        put_number(message, edit_below(edit, 4) << 24, 4);
        break;
    case FCGI_PARAMS:
        put_byte(message, edit_one_in(edit, LIE_ONE_IN) ? 200 : 1);
        put_byte(message, 1);
        put_text(message, "ab");
        break;
    default:
        put_text(message, edit_one_in(edit, 2) ? "Status: 200\r\n\r\n" : "X: y\r\n\r\nbody");
        break;
    }
}

struct bytes invent_record(struct edit *edit, unsigned type)
{
    struct message message = {.len = 0};

    put_record_body(edit, &message, type);
    return edit_bytes(edit, message.bytes, message.len);
}

static void put_fcgi(struct edit *edit, struct message *message, bool is_client)
{
    for (size_t i = 1 + edit_below(edit, FRAMES_MAX); i > 0; i--) {
        const unsigned type = is_client ? 1 + (unsigned)edit_below(edit, 5)
                                        : (unsigned)(edit_one_in(edit, 3) ? FCGI_END : FCGI_STDOUT);
        const size_t lie = edit_one_in(edit, LIE_ONE_IN) ? 1 + edit_below(edit, 4) : 0;
        struct message body = {.len = 0};
        put_record_body(edit, &body, type);
        put_byte(message, 1 + (lie == 1));
        put_byte(message, type + (lie == 2 ? 20 : 0));
        put_number(message, lie == 3 ? 7 : 1, 2);
        put_number(message, body.len + (lie == 4), 2);
        put_number(message, 0, 2);
        put(message, body.bytes, body.len);
    }
}

struct bytes invent_message(struct edit *edit, enum scenario_protocol protocol, bool is_client)
{
    struct message message = {.len = 0};
    /* A raw end may speak anything. */
    const size_t which = protocol == PROTOCOL_RAW  ? edit_below(edit, 3)
                         : protocol == PROTOCOL_H1 ? 0
                         : protocol == PROTOCOL_H2 ? 1
                                                   : 2;

    if (which == 0)
        put_h1(edit, &message, is_client);
    else if (which == 1)
        put_h2(edit, &message, is_client);
    else
        put_fcgi(edit, &message, is_client);
    return edit_bytes(edit, message.bytes, message.len);
}
