/*
 * sim/actor/h2_end.c - the frames that an H2 end receives; see h2_end.h.
 */
#include "sim/actor/h2_end.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SETTING_BYTES = 6,
    PRIORITY_BYTES = 5,
    PING_BYTES = 8,
    GOAWAY_BYTES = 8,
    ID_MASK = 0x7fffffff,
    SEEN_MAX = 4096,
    MESSAGE_BYTES = 160,
    BLOCK_BYTES_MAX = 1 << 16,
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/* One frame, all of it there. */
struct frame {
    uint32_t len;
    uint8_t type;
    uint8_t flags;
    uint32_t id;
    const uint8_t *payload; /* until something is sent: then the peer may move what it holds */
};

void h2_end_fail(const struct h2_end *h2, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list args;

    if (h2->is_wild)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s got, in H2, %s", h2->who, text);
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* ---- streams ---- */

struct h2_stream *h2_end_stream(const struct h2_end *h2, uint32_t id)
{
    struct h2_stream *stream = h2->streams;

    while (stream != NULL && stream->id != id)
        stream = stream->next;
    return stream;
}

bool h2_stream_is_complete(const struct h2_stream *stream)
{
    return stream->has_head && stream->is_remote_done;
}

bool h2_stream_is_over(const struct h2_stream *stream)
{
    return stream->is_reset_sent || stream->is_reset_got ||
           (stream->is_local_done && stream->is_remote_done);
}

struct h2_stream *h2_end_open(struct h2_end *h2, uint32_t id)
{
    struct h2_stream *stream = arena_take(sched_arena(), sizeof(*stream));

    stream->id = id;
    stream->send_window = h2->remote[H2_END_SET_WINDOW];
    stream->recv_window = h2->own[H2_END_SET_WINDOW];
    if (h2->stream_tail != NULL)
        h2->stream_tail->next = stream;
    else
        h2->streams = stream;
    h2->stream_tail = stream;
    if (id > h2->id_max)
        h2->id_max = id;
    return stream;
}

static uint32_t count_open(const struct h2_end *h2)
{
    uint32_t count = 0;

    for (const struct h2_stream *stream = h2->streams; stream != NULL; stream = stream->next)
        count += !h2_stream_is_over(stream);
    return count;
}

/* The stream of a frame that needs one. NULL: it is idle (that is a finding), or unknown. */
static struct h2_stream *known_stream(const struct h2_end *h2, const struct frame *frame)
{
    struct h2_stream *stream = h2_end_stream(h2, frame->id);

    if (stream == NULL)
        h2_end_fail(h2, "frame %u of stream %u, which nobody opened", frame->type, frame->id);
    return stream;
}

/* ---- what was seen, for scripts ---- */

static void note_seen(struct h2_end *h2, const struct frame *frame)
{
    struct h2_seen *seen;

    if (h2->seen_count == SEEN_MAX)
        return;
    if (h2->seen_count == h2->seen_capacity) {
        size_t capacity = h2->seen_capacity == 0 ? 32 : h2->seen_capacity * 2;
        seen = arena_take(sched_arena(), capacity * sizeof(*seen));
        if (h2->seen_count != 0)
            memcpy(seen, h2->seen, h2->seen_count * sizeof(*seen));
        h2->seen = seen;
        h2->seen_capacity = capacity;
    }
    seen = &h2->seen[h2->seen_count++];
    *seen = (struct h2_seen){.type = frame->type, .stream = frame->id};
    if (frame->type == H2_END_RST_STREAM && frame->len >= 4)
        seen->code = get_u32(frame->payload);
    if (frame->type == H2_END_GOAWAY && frame->len >= GOAWAY_BYTES)
        seen->code = get_u32(frame->payload + 4);
}

bool h2_end_find(struct h2_end *h2, uint8_t type, int64_t stream, int64_t code)
{
    for (size_t i = h2->seen_next; i < h2->seen_count; i++) {
        const struct h2_seen *seen = &h2->seen[i];
        if (seen->type != type || (stream >= 0 && seen->stream != stream) ||
            (code >= 0 && seen->code != code))
            continue;
        h2->seen_next = i + 1;
        return true;
    }
    return false;
}

/* ---- messages ---- */

void h2_end_take_end(struct h2_end *h2, struct h2_stream *stream)
{
    stream->is_remote_done = true;
    if (!stream->has_head) {
        h2_end_fail(h2, "an end without a head");
        return;
    }
    bool is_bodiless = stream->is_bodiless || stream->status == 204 || stream->status == 304;
    if (!is_bodiless) {
        body_check_end(&stream->body);
        if (stream->has_length && stream->length_bytes != stream->body.bytes)
            h2_end_fail(h2, "%llu bytes of body, and a content-length of %llu",
                        (unsigned long long)stream->body.bytes,
                        (unsigned long long)stream->length_bytes);
    } else if (stream->body.bytes != 0) {
        h2_end_fail(h2, "a body where there is none");
    }
    if (stream->body.is_wrong)
        finding_fail(FINDING_DATA, NULL, "data: %s got a message whose body differs", h2->who);
}

/* Takes padding off. False: there is more of it than there is frame. */
static bool trim_padding(const struct h2_end *h2, struct frame *frame)
{
    if ((frame->flags & H2_END_FLAG_PADDED) == 0)
        return true;
    if (frame->len == 0 || frame->payload[0] >= frame->len) {
        h2_end_fail(h2, "more padding than frame");
        return false;
    }
    frame->len -= 1u + frame->payload[0];
    frame->payload++;
    return true;
}

/* Room for what was received, once half of the window is used up. */
static void return_room(struct h2_end *h2, struct h2_stream *stream)
{
    uint32_t window = h2->own[H2_END_SET_WINDOW];

    if (h2->unreturned_bytes >= H2_END_WINDOW / 2) {
        uint32_t bytes = (uint32_t)h2->unreturned_bytes;
        h2->unreturned_bytes = 0;
        h2_end_update(h2, 0, bytes);
    }
    if (stream != NULL && !stream->is_remote_done && !stream->is_reset_sent && window != 0 &&
        stream->unreturned_bytes != 0 && stream->unreturned_bytes >= window / 2) {
        uint32_t bytes = (uint32_t)stream->unreturned_bytes;
        stream->unreturned_bytes = 0;
        h2_end_update(h2, stream->id, bytes);
    }
}

/* Sections 5.2 and 6.9: the padding counts, too. */
static void take_data(struct h2_end *h2, struct frame *frame)
{
    struct h2_stream *stream = known_stream(h2, frame);
    uint32_t len = frame->len;

    h2->recv_window -= len;
    h2->unreturned_bytes += len;
    if (h2->recv_window < 0)
        h2_end_fail(h2, "more data than the connection's window allows");
    if (stream == NULL || !trim_padding(h2, frame))
        return;
    stream->recv_window -= len;
    stream->unreturned_bytes += len;
    if (!stream->is_reset_sent) {
        if (stream->recv_window < 0)
            h2_end_fail(h2, "more data than the window of stream %u allows", stream->id);
        if (stream->is_remote_done || stream->is_reset_got || !stream->has_head)
            h2_end_fail(h2, "data where stream %u has none", stream->id);
        body_check_take(&stream->body, frame->payload, frame->len);
        if (stream->body.is_wrong)
            finding_fail(FINDING_DATA, NULL, "data: %s got a message whose body differs", h2->who);
        if ((frame->flags & H2_END_FLAG_END_STREAM) != 0)
            h2_end_take_end(h2, stream);
    }
    return_room(h2, stream); /* last: it sends */
}

/* A server learns of a stream by its first head (section 5.1.1). NULL: there is none. */
static struct h2_stream *stream_of_head(struct h2_end *h2, uint32_t id)
{
    struct h2_stream *stream = h2_end_stream(h2, id);

    if (stream != NULL || !h2->is_server) {
        if (stream == NULL)
            h2_end_fail(h2, "a head of stream %u, which nobody opened", id);
        return stream;
    }
    if ((id & 1) == 0 || id <= h2->id_max) {
        h2_end_fail(h2, "a new stream with the number %u, after %u", id, h2->id_max);
        return NULL;
    }
    uint32_t open = count_open(h2);
    stream = h2_end_open(h2, id);
    if (open >= h2->own[H2_END_SET_STREAMS])
        h2_end_fail(h2, "more than %u requests at once", h2->own[H2_END_SET_STREAMS]);
    return stream;
}

/* What was promised and is not known to be heard yet is no finding, but refused (section 5.1.2). */
static bool is_refused(const struct h2_end *h2)
{
    uint32_t least = h2->own[H2_END_SET_STREAMS];

    for (uint32_t i = 0; i < h2->pending_count; i++) {
        if (h2->pending[i].has[H2_END_SET_STREAMS] &&
            h2->pending[i].value[H2_END_SET_STREAMS] < least)
            least = h2->pending[i].value[H2_END_SET_STREAMS];
    }
    return h2->is_server && count_open(h2) > least;
}

static void end_block(struct h2_end *h2)
{
    uint32_t id = h2->block_stream;
    bool is_new = h2->is_server && id > h2->id_max;
    struct h2_stream *stream = stream_of_head(h2, id);

    h2->block_stream = 0;
    if (stream != NULL && stream->is_reset_sent)
        stream = NULL;
    if (stream != NULL && (stream->is_remote_done || stream->is_reset_got))
        h2_end_fail(h2, "a head behind the end of stream %u", id);
    h2_end_take_block(h2, stream, h2->is_block_end);
    if (is_new && stream != NULL && is_refused(h2)) {
        h2->refused++;
        h2_end_rst(h2, id, H2_END_REFUSED_STREAM);
    }
}

static void add_to_block(struct h2_end *h2, const struct frame *frame)
{
    size_t want = h2->block_len + frame->len;

    if (want > BLOCK_BYTES_MAX) {
        h2_end_fail(h2, "a header block without an end");
        return;
    }
    if (want > h2->block_capacity) {
        uint8_t *block = arena_take(sched_arena(), want * 2);
        if (h2->block_len != 0)
            memcpy(block, h2->block, h2->block_len);
        h2->block = block;
        h2->block_capacity = want * 2;
    }
    memcpy(h2->block + h2->block_len, frame->payload, frame->len);
    h2->block_len = want;
    if ((frame->flags & H2_END_FLAG_END_HEADERS) != 0)
        end_block(h2);
}

static void take_headers(struct h2_end *h2, struct frame *frame)
{
    if (!trim_padding(h2, frame))
        return;
    if ((frame->flags & H2_END_FLAG_PRIORITY) != 0) {
        if (frame->len < PRIORITY_BYTES) {
            h2_end_fail(h2, "a head too short for its priority");
            return;
        }
        frame->payload += PRIORITY_BYTES;
        frame->len -= PRIORITY_BYTES;
    }
    h2->block_stream = frame->id;
    h2->is_block_end = (frame->flags & H2_END_FLAG_END_STREAM) != 0;
    h2->block_len = 0;
    add_to_block(h2, frame);
}

/* ---- the connection ---- */

/* Section 6.5.2. */
static void apply_setting(struct h2_end *h2, uint16_t id, uint32_t value)
{
    if ((id == H2_END_SET_PUSH && value > (h2->is_server ? 1 : 0)) ||
        (id == H2_END_SET_WINDOW && value > INT32_MAX) ||
        (id == H2_END_SET_FRAME && (value < H2_END_FRAME_MAX || value > 0xffffff)))
        h2_end_fail(h2, "a setting %u of %u", id, value);
    if (id == 0 || id >= H2_END_SETTINGS_COUNT)
        return;
    if (id == H2_END_SET_WINDOW) {
        for (struct h2_stream *stream = h2->streams; stream != NULL; stream = stream->next)
            stream->send_window += (int64_t)value - h2->remote[id];
    }
    if (id == H2_END_SET_HEADER_TABLE)
        (void)nghttp2_hd_deflate_change_table_size(h2->hpack.deflater, value);
    h2->remote[id] = value;
}

/* Section 6.5.3: from now on the other end keeps to them. */
static void take_settings_ack(struct h2_end *h2)
{
    const struct h2_settings *settings = &h2->pending[0];

    if (h2->pending_count == 0) {
        h2_end_fail(h2, "an acknowledgement of settings that nobody sent");
        return;
    }
    for (uint32_t id = 1; id < H2_END_SETTINGS_COUNT; id++) {
        if (!settings->has[id])
            continue;
        if (id == H2_END_SET_WINDOW) {
            for (struct h2_stream *stream = h2->streams; stream != NULL; stream = stream->next)
                stream->recv_window += (int64_t)settings->value[id] - h2->own[id];
        }
        if (id == H2_END_SET_HEADER_TABLE)
            (void)nghttp2_hd_inflate_change_table_size(h2->hpack.inflater, settings->value[id]);
        h2->own[id] = settings->value[id];
    }
    h2->pending_count--;
    memmove(h2->pending, h2->pending + 1, h2->pending_count * sizeof(h2->pending[0]));
    /* What came under the old window can be more than half of the new one. */
    for (struct h2_stream *stream = h2->streams; stream != NULL; stream = stream->next)
        return_room(h2, stream);
}

static void take_settings(struct h2_end *h2, const struct frame *frame)
{
    if ((frame->flags & H2_END_FLAG_ACK) != 0) {
        if (frame->len != 0)
            h2_end_fail(h2, "an acknowledgement with settings");
        take_settings_ack(h2);
        return;
    }
    if (frame->len % SETTING_BYTES != 0)
        h2_end_fail(h2, "settings of %u bytes", frame->len);
    for (uint32_t at = 0; at + SETTING_BYTES <= frame->len; at += SETTING_BYTES) {
        const uint8_t *setting = frame->payload + at;
        apply_setting(h2, (uint16_t)(setting[0] << 8 | setting[1]), get_u32(setting + 2));
    }
    h2_end_put(h2, H2_END_SETTINGS, H2_END_FLAG_ACK, 0, NULL, 0);
}

static void take_ping(struct h2_end *h2, const struct frame *frame)
{
    uint8_t echo[PING_BYTES];

    if (frame->len != PING_BYTES) {
        h2_end_fail(h2, "a ping of %u bytes", frame->len);
        return;
    }
    if ((frame->flags & H2_END_FLAG_ACK) != 0)
        return;
    memcpy(echo, frame->payload, sizeof(echo));
    h2_end_put(h2, H2_END_PING, H2_END_FLAG_ACK, 0, echo, sizeof(echo));
}

static void take_goaway(struct h2_end *h2, const struct frame *frame)
{
    if (frame->len < GOAWAY_BYTES) {
        h2_end_fail(h2, "a goaway of %u bytes", frame->len);
        return;
    }
    uint32_t last = get_u32(frame->payload) & ID_MASK;
    if (h2->is_goaway_got && last > h2->goaway_last)
        h2_end_fail(h2, "a goaway that takes back the one before");
    h2->is_goaway_got = true;
    h2->goaway_last = last;
}

static void take_rst(struct h2_end *h2, const struct frame *frame)
{
    struct h2_stream *stream = known_stream(h2, frame);

    if (frame->len != 4)
        h2_end_fail(h2, "an rst-stream of %u bytes", frame->len);
    if (stream == NULL || frame->len != 4)
        return;
    stream->is_reset_got = true;
    stream->is_local_done = true;
    stream->reset_code = get_u32(frame->payload);
}

static void take_window_update(struct h2_end *h2, const struct frame *frame)
{
    struct h2_stream *stream = frame->id == 0 ? NULL : known_stream(h2, frame);
    uint32_t bytes = frame->len == 4 ? get_u32(frame->payload) & ID_MASK : 0;

    if (bytes == 0)
        h2_end_fail(h2, "a window update of nothing");
    if (frame->id != 0 && stream == NULL)
        return;
    int64_t *window = stream == NULL ? &h2->send_window : &stream->send_window;
    *window += bytes;
    if (*window > INT32_MAX)
        h2_end_fail(h2, "a window larger than there can be");
}

/* Sections 4.1, 6: which frames belong to a stream, and which to the connection. */
static void check_place(struct h2_end *h2, const struct frame *frame)
{
    bool is_of_stream = frame->type <= H2_END_RST_STREAM || frame->type == H2_END_PUSH_PROMISE ||
                        frame->type == H2_END_CONTINUATION;
    bool is_of_connection = frame->type == H2_END_SETTINGS || frame->type == H2_END_PING ||
                            frame->type == H2_END_GOAWAY;

    if (!h2->has_settings &&
        (frame->type != H2_END_SETTINGS || (frame->flags & H2_END_FLAG_ACK) != 0))
        h2_end_fail(h2, "frame %u before any settings", frame->type);
    h2->has_settings = true;
    if ((is_of_stream && frame->id == 0) || (is_of_connection && frame->id != 0))
        h2_end_fail(h2, "frame %u of stream %u", frame->type, frame->id);
    bool is_continued = h2->block_stream != 0;
    if (is_continued != (frame->type == H2_END_CONTINUATION) ||
        (is_continued && frame->id != h2->block_stream))
        h2_end_fail(h2, "frame %u where a header block is%s open", frame->type,
                    is_continued ? "" : " not");
    if (frame->type == H2_END_PUSH_PROMISE)
        h2_end_fail(h2, "a push");
}

static void take_frame(struct h2_end *h2, struct frame *frame)
{
    check_place(h2, frame);
    note_seen(h2, frame);
    if (frame->type == H2_END_DATA)
        take_data(h2, frame);
    else if (frame->type == H2_END_HEADERS)
        take_headers(h2, frame);
    else if (frame->type == H2_END_CONTINUATION && h2->block_stream != 0)
        add_to_block(h2, frame);
    else if (frame->type == H2_END_RST_STREAM)
        take_rst(h2, frame);
    else if (frame->type == H2_END_SETTINGS)
        take_settings(h2, frame);
    else if (frame->type == H2_END_PING)
        take_ping(h2, frame);
    else if (frame->type == H2_END_GOAWAY)
        take_goaway(h2, frame);
    else if (frame->type == H2_END_WINDOW_UPDATE)
        take_window_update(h2, frame);
}

/* False: more of it must come. */
static bool take_preface(struct h2_end *h2)
{
    size_t len;
    const uint8_t *bytes = peer_bytes(h2->peer, &len);

    if (len > h2->preface_left)
        len = h2->preface_left;
    if (memcmp(bytes, preface + sizeof(preface) - 1 - h2->preface_left, len) != 0)
        h2_end_fail(h2, "no preface");
    peer_consume(h2->peer, len);
    h2->preface_left -= len;
    return h2->preface_left == 0;
}

/* What was said and is not heard yet counts, too. */
static uint32_t frame_max(const struct h2_end *h2)
{
    uint32_t most = h2->own[H2_END_SET_FRAME];

    for (uint32_t i = 0; i < h2->pending_count; i++) {
        if (h2->pending[i].has[H2_END_SET_FRAME] && h2->pending[i].value[H2_END_SET_FRAME] > most)
            most = h2->pending[i].value[H2_END_SET_FRAME];
    }
    return most;
}

void h2_end_receive(struct h2_end *h2)
{
    if (h2->preface_left != 0 && !take_preface(h2))
        return;
    for (;;) {
        size_t len;
        const uint8_t *bytes = peer_bytes(h2->peer, &len);
        if (len < H2_END_HEAD_BYTES)
            return;
        struct frame frame = {
            .len = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2],
            .type = bytes[3],
            .flags = bytes[4],
            .id = get_u32(bytes + 5) & ID_MASK,
            .payload = bytes + H2_END_HEAD_BYTES,
        };
        if (frame.len > frame_max(h2))
            h2_end_fail(h2, "a frame of %u bytes", frame.len);
        if (len < H2_END_HEAD_BYTES + frame.len)
            return;
        peer_consume(h2->peer, H2_END_HEAD_BYTES + frame.len);
        take_frame(h2, &frame);
    }
}

void h2_end_init(struct h2_end *h2, struct peer *peer, const char *who, bool is_server,
                 uint32_t window, uint32_t streams)
{
    struct h2_settings settings = {.has = {false}};

    *h2 = (struct h2_end){
        .peer = peer,
        .who = who,
        .is_server = is_server,
        .is_secure = peer->tls != NULL,
        .send_window = H2_END_WINDOW,
        .recv_window = H2_END_WINDOW,
        .preface_left = is_server ? sizeof(preface) - 1 : 0,
    };
    uint32_t defaults[H2_END_SETTINGS_COUNT] = {
        0, 4096, 1, UINT32_MAX, H2_END_WINDOW, H2_END_FRAME_MAX, UINT32_MAX};
    memcpy(h2->own, defaults, sizeof(defaults));
    memcpy(h2->remote, defaults, sizeof(defaults));
    hpack_init(&h2->hpack);
    if (!is_server) {
        settings.has[H2_END_SET_PUSH] = true; /* 0: no pushes */
        peer_send(peer, preface, sizeof(preface) - 1);
    }
    settings.has[H2_END_SET_WINDOW] = window != UINT32_MAX;
    settings.value[H2_END_SET_WINDOW] = window;
    settings.has[H2_END_SET_STREAMS] = streams != UINT32_MAX;
    settings.value[H2_END_SET_STREAMS] = streams;
    h2_end_set(h2, &settings);
}
