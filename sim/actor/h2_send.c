/*
 * sim/actor/h2_send.c - what an H2 end sends; see h2_end.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sim/actor/h2_end.h"

enum { DATA_BYTES_MAX = 4096, NUMBER_BYTES = 32, HEADER_BYTES_MAX = 1100, CODE_BYTES = 4 };

static void put_u32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

static void put_head(uint8_t *out, size_t len, uint8_t type, uint8_t flags, uint32_t id)
{
    out[0] = (uint8_t)(len >> 16);
    out[1] = (uint8_t)(len >> 8);
    out[2] = (uint8_t)len;
    out[3] = type;
    out[4] = flags;
    put_u32(out + 5, id);
}

void h2_end_put(struct h2_end *h2, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
                size_t len_bytes)
{
    uint8_t frame[H2_END_HEAD_BYTES + H2_END_FRAME_MAX];

    if (h2->peer->is_shutdown || h2->peer->is_shutdown_wanted)
        return; /* said goodbye: what comes is read, and not answered */
    put_head(frame, len_bytes, type, flags, id);
    if (len_bytes != 0)
        memcpy(frame + H2_END_HEAD_BYTES, payload, len_bytes);
    peer_send(h2->peer, frame, H2_END_HEAD_BYTES + len_bytes);
}

void h2_end_frame(struct h2_end *h2, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
                  size_t len_bytes)
{
    h2->is_wild = true;
    h2_end_put(h2, type, flags, id, payload, len_bytes);
}

/* ---- heads ---- */

/* A header block in as many frames as it takes. */
static void send_block(struct h2_end *h2, const struct h2_stream *stream,
                       const struct hpack_list *list, bool is_end)
{
    size_t len;
    size_t at = 0;
    const uint8_t *block = hpack_deflate(&h2->hpack, list, &len);
    uint8_t type = H2_END_HEADERS;

    do {
        size_t piece = len - at < H2_END_FRAME_MAX ? len - at : H2_END_FRAME_MAX;
        unsigned flags = at + piece == len ? H2_END_FLAG_END_HEADERS : 0;
        if (type == H2_END_HEADERS && is_end)
            flags |= H2_END_FLAG_END_STREAM;
        h2_end_put(h2, type, (uint8_t)flags, stream->id, block + at, piece);
        at += piece;
        type = H2_END_CONTINUATION;
    } while (at < len);
}

static void add(struct hpack_list *list, const char *name, const char *value)
{
    hpack_add(list, name, strlen(name), value, strlen(value));
}

/* Field lines with CRLF between, names in lower case. `copy` holds them until they are sent. */
static void add_lines(struct hpack_list *list, const char *lines, char copy[HEADER_BYTES_MAX])
{
    char *at = copy;

    (void)snprintf(copy, HEADER_BYTES_MAX, "%s", lines);
    while (*at != '\0') {
        size_t len = strcspn(at, "\r\n");
        char *colon =
            memchr(at + 1, ':', len > 1 ? len - 1 : 0); /* a pseudo-field begins with one */
        if (colon != NULL) {
            char *value = colon + 1;
            while (*value == ' ')
                value++;
            for (char *letter = at; letter < colon; letter++)
                *letter = (char)tolower((unsigned char)*letter);
            hpack_add(list, at, (size_t)(colon - at), value, (size_t)(at + len - value));
        }
        at += len;
        at += strspn(at, "\r\n");
    }
}

/* What requests and responses have in common; sends the head and queues the body. */
static void send_message(struct h2_end *h2, struct h2_stream *stream, struct hpack_list *list,
                         const struct message *message, bool is_open)
{
    char length[NUMBER_BYTES];
    char key[NUMBER_BYTES];
    char lines[HEADER_BYTES_MAX];
    bool has_bytes = message->has_body && message->body_bytes != 0 && !message->is_head_response;

    if (message->has_body && !message->is_chunked) {
        (void)snprintf(length, sizeof(length), "%llu", (unsigned long long)message->body_bytes);
        add(list, "content-length", length);
    }
    if (message->has_body) {
        (void)snprintf(key, sizeof(key), "%x-%llu", message->body_key,
                       (unsigned long long)message->body_bytes);
        add(list, "x-body", key);
    }
    if (message->header != NULL)
        add_lines(list, message->header, lines);
    bool is_interim = message->method == NULL && message->status < 200;
    bool is_end = !is_open && !has_bytes && !is_interim && !stream->is_cut_wanted;
    send_block(h2, stream, list, is_end);
    if (is_end)
        stream->is_local_done = true;
    if (is_end || is_interim)
        return;
    stream->body_key = message->body_key;
    stream->body_at = 0;
    stream->body_left = has_bytes ? message->body_bytes : 0;
    stream->is_end_wanted = !is_open && !stream->is_cut_wanted;
    h2_end_flush(h2);
}

struct h2_stream *h2_end_request(struct h2_end *h2, const struct message *message, bool is_open)
{
    struct h2_stream *stream = h2_end_open(h2, h2->id_max == 0 ? 1 : h2->id_max + 2);
    struct hpack_list list = {.count = 0};

    stream->is_bodiless = strcmp(message->method, "HEAD") == 0;
    add(&list, ":method", message->method);
    add(&list, ":scheme", h2->is_secure ? "https" : "http");
    add(&list, ":authority", message->host == NULL ? "heddle" : message->host);
    add(&list, ":path", message->target);
    send_message(h2, stream, &list, message, is_open);
    return stream;
}

void h2_end_respond(struct h2_end *h2, struct h2_stream *stream, const struct message *message,
                    bool is_open)
{
    struct hpack_list list = {.count = 0};
    char status[NUMBER_BYTES];

    if (stream->is_local_done)
        return;
    (void)snprintf(status, sizeof(status), "%u", message->status);
    add(&list, ":status", status);
    send_message(h2, stream, &list, message, is_open);
}

/* ---- bodies ---- */

/* Has it something to send that flow control allows? */
static bool is_ready(const struct h2_end *h2, const struct h2_stream *stream)
{
    if (stream->is_local_done)
        return false;
    if (stream->body_left != 0)
        return stream->send_window > 0 && h2->send_window > 0;
    return stream->is_end_wanted || stream->is_cut_wanted;
}

/* The next in turn, so that streams share the connection. */
static struct h2_stream *next_ready(const struct h2_end *h2)
{
    struct h2_stream *first = NULL;

    for (struct h2_stream *stream = h2->streams; stream != NULL; stream = stream->next) {
        if (!is_ready(h2, stream))
            continue;
        if (stream->id > h2->turn)
            return stream;
        if (first == NULL)
            first = stream;
    }
    return first;
}

static void send_data(struct h2_end *h2, struct h2_stream *stream)
{
    uint8_t head[H2_END_HEAD_BYTES];
    uint64_t len = stream->body_left < DATA_BYTES_MAX ? stream->body_left : DATA_BYTES_MAX;

    if (len == 0 && stream->is_cut_wanted) {
        h2_end_rst(h2, stream->id, stream->cut_code);
        return;
    }
    if (len > (uint64_t)stream->send_window)
        len = (uint64_t)(stream->send_window < 0 ? 0 : stream->send_window);
    if (len > (uint64_t)h2->send_window)
        len = (uint64_t)(h2->send_window < 0 ? 0 : h2->send_window);
    uint64_t at = stream->body_at;
    stream->body_at += len;
    stream->body_left -= len;
    stream->send_window -= (int64_t)len;
    h2->send_window -= (int64_t)len;
    stream->is_local_done = stream->body_left == 0 && stream->is_end_wanted;
    put_head(head, len, H2_END_DATA, stream->is_local_done ? H2_END_FLAG_END_STREAM : 0,
             stream->id);
    peer_send(h2->peer, head, sizeof(head));
    peer_send_stretch(h2->peer, stream->body_key, at, len);
}

void h2_end_flush(struct h2_end *h2)
{
    struct h2_stream *stream;

    while (peer_is_open(h2->peer) && !peer_has_unsent(h2->peer) &&
           (stream = next_ready(h2)) != NULL) {
        h2->turn = stream->id;
        send_data(h2, stream);
    }
}

/* ---- the other frames ---- */

void h2_end_rst(struct h2_end *h2, uint32_t id, uint32_t code)
{
    uint8_t payload[CODE_BYTES];
    struct h2_stream *stream = h2_end_stream(h2, id);

    put_u32(payload, code);
    if (stream == NULL) {
        h2_end_frame(h2, H2_END_RST_STREAM, 0, id, payload, sizeof(payload));
        return;
    }
    h2_end_put(h2, H2_END_RST_STREAM, 0, id, payload, sizeof(payload));
    stream->is_reset_sent = true;
    stream->is_local_done = true;
    stream->is_taken = true;
}

void h2_end_goaway(struct h2_end *h2, uint32_t last, uint32_t code)
{
    uint8_t payload[2 * CODE_BYTES];

    put_u32(payload, last);
    put_u32(payload + CODE_BYTES, code);
    h2_end_put(h2, H2_END_GOAWAY, 0, 0, payload, sizeof(payload));
    h2->is_goaway_sent = true;
}

void h2_end_ping(struct h2_end *h2)
{
    h2_end_put(h2, H2_END_PING, 0, 0, "heddle-p", 8);
}

void h2_end_set(struct h2_end *h2, const struct h2_settings *settings)
{
    enum { SETTING_BYTES = 6 };
    uint8_t payload[H2_END_SETTINGS_COUNT * SETTING_BYTES];
    size_t len = 0;

    for (uint32_t id = 1; id < H2_END_SETTINGS_COUNT; id++) {
        if (!settings->has[id])
            continue;
        payload[len] = 0;
        payload[len + 1] = (uint8_t)id;
        put_u32(payload + len + 2, settings->value[id]);
        len += SETTING_BYTES;
    }
    h2_end_put(h2, H2_END_SETTINGS, 0, 0, payload, len);
    if (h2->pending_count == H2_END_PENDING_MAX)
        h2->is_wild = true; /* so many at once are no way to behave */
    else
        h2->pending[h2->pending_count++] = *settings;
}

void h2_end_update(struct h2_end *h2, uint32_t id, uint32_t bytes)
{
    uint8_t payload[CODE_BYTES];
    struct h2_stream *stream = h2_end_stream(h2, id);

    put_u32(payload, bytes);
    if (bytes == 0 || bytes > INT32_MAX || (id != 0 && stream == NULL))
        h2->is_wild = true;
    if (id == 0)
        h2->recv_window += bytes;
    else if (stream != NULL)
        stream->recv_window += bytes;
    h2_end_put(h2, H2_END_WINDOW_UPDATE, 0, id, payload, sizeof(payload));
}
