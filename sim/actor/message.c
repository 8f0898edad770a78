/*
 * sim/actor/message.c - see message.h.
 */
#include "sim/actor/message.h"

#include <stdarg.h>
#include <stdio.h>

#include "sim/base/random.h"

enum { HEAD_BYTES_MAX = 4096 };

struct head {
    char text[HEAD_BYTES_MAX];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct head *head, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(head->text + head->len, sizeof(head->text) - head->len, fmt, args);
    va_end(args);
    head->len += (size_t)len;
    if (head->len >= sizeof(head->text))
        head->len = sizeof(head->text) - 1;
}

static const char *reason(uint32_t status)
{
    switch (status) {
    case 100:
        return "Continue";
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 304:
        return "Not Modified";
    case 404:
        return "Not Found";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

static void add_start_line(struct head *head, const struct message *message)
{
    const char *version = message->version == NULL ? "HTTP/1.1" : message->version;

    if (message->method != NULL)
        add(head, "%s %s %s\r\nHost: %s\r\n", message->method, message->target, version,
            message->host == NULL ? "heddle" : message->host);
    else
        add(head, "%s %u %s\r\n", version, message->status, reason(message->status));
}

void message_send(struct peer *peer, const struct message *message)
{
    struct head head = {.len = 0};
    bool is_bodiless = message->method == NULL &&
                       (message->status < 200 || message->status == 204 || message->status == 304);

    add_start_line(&head, message);
    if (message->is_chunked)
        add(&head, "Transfer-Encoding: chunked\r\n");
    else if (message->has_body || (message->method == NULL && !is_bodiless))
        add(&head, "Content-Length: %llu\r\n", (unsigned long long)message->body_bytes);
    if (message->has_body)
        add(&head, "X-Body: %x-%llu\r\n", message->body_key,
            (unsigned long long)message->body_bytes);
    if (message->is_close)
        add(&head, "Connection: close\r\n");
    else if (message->is_keep_alive)
        add(&head, "Connection: keep-alive\r\n");
    if (message->header != NULL)
        add(&head, "%s\r\n", message->header);
    add(&head, "\r\n");
    peer_send(peer, head.text, head.len);
    if (message->has_body && !message->is_head_response)
        peer_send_body(peer, message->body_key, message->body_bytes, message->is_chunked);
}

uint32_t message_key(const char *who, uint64_t number)
{
    return (uint32_t)random_mix((uint64_t)choice_who(who) << 32 ^ number);
}
