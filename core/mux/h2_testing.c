#include "core/mux/h2_testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"

enum { PAIRS_MAX = 256, QUIET_ROUNDS = 2, OUT_BYTES = 1 << 16 };

static struct h2_peer_stream *at(struct h2_peer *peer, int32_t id)
{
    BUG_ON(id <= 0 || (id - 1) / 2 >= H2_PEER_STREAMS_MAX);
    struct h2_peer_stream *stream = &peer->streams[(id - 1) / 2];
    stream->id = id;
    return stream;
}

static void copy(char out[H2_PEER_TEXT_BYTES], const uint8_t *value, size_t len)
{
    size_t kept = len < H2_PEER_TEXT_BYTES - 1 ? len : H2_PEER_TEXT_BYTES - 1;

    memcpy(out, value, kept);
    out[kept] = '\0';
}

/* --- heard --- */

static bool is_name(const uint8_t *name, size_t len, const char *other)
{
    return len == strlen(other) && memcmp(name, other, len) == 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct h2_peer_stream *stream = at(user, frame->hd.stream_id);

    (void)session;
    (void)flags;
    if (is_name(name, name_len, ":status"))
        stream->status = (unsigned)atoi((const char *)value);
    else if (is_name(name, name_len, ":path"))
        copy(stream->path, value, value_len);
    else if (is_name(name, name_len, "x-test"))
        copy(stream->field, value, value_len);
    else if (is_name(name, name_len, "x-trailer"))
        copy(stream->trailer, value, value_len);
    else if (is_name(name, name_len, "content-length"))
        copy(stream->length, value, value_len);
    return 0;
}

static void end_head(struct h2_peer *peer, const nghttp2_frame *frame)
{
    struct h2_peer_stream *stream = at(peer, frame->hd.stream_id);

    if (stream->heads++ == 0 && peer->is_server) {
        BUG_ON(peer->begun == H2_PEER_STREAMS_MAX);
        peer->order[peer->begun++] = stream->id;
    }
    if (stream->status >= 100 && stream->status < 200)
        stream->interims++;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_peer *peer = user;

    (void)session;
    if (frame->hd.type == NGHTTP2_HEADERS)
        end_head(peer, frame);
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        at(peer, frame->hd.stream_id)->is_ended = true;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        peer->goaways++;
        peer->goaway_error = frame->goaway.error_code;
        peer->goaway_last = frame->goaway.last_stream_id;
    }
    if (frame->hd.type == NGHTTP2_SETTINGS) {
        peer->settings_acked += (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
        for (size_t i = 0; i < frame->settings.niv; i++) {
            if (frame->settings.iv[i].settings_id == NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
                peer->streams_max = frame->settings.iv[i].value;
            if (frame->settings.iv[i].settings_id == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE)
                peer->window_bytes = frame->settings.iv[i].value;
        }
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *user)
{
    struct h2_peer_stream *stream = at(user, id);

    (void)flags;
    (void)data;
    stream->body_bytes += len;
    BUG_ON(nghttp2_session_consume_connection(session, len) != 0);
    if (stream->is_holding)
        stream->held_bytes += len;
    else
        BUG_ON(nghttp2_session_consume_stream(session, id, len) != 0);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    struct h2_peer_stream *stream = at(user, id);

    (void)session;
    stream->is_closed = true;
    stream->error = error;
    return 0;
}

/* --- said --- */

static size_t make_pairs(nghttp2_nv pairs[PAIRS_MAX], const char *fields)
{
    size_t count = 0;

    while (fields != NULL && *fields != '\0') {
        const char *colon = strchr(fields + 1, ':');
        const char *end = strchr(fields, '\n');
        BUG_ON(count == PAIRS_MAX || colon == NULL || end == NULL || end < colon + 2);
        pairs[count++] =
            (nghttp2_nv){(uint8_t *)(uintptr_t)fields, (uint8_t *)(uintptr_t)colon + 2,
                         (size_t)(colon - fields), (size_t)(end - colon - 2), NGHTTP2_NV_FLAG_NONE};
        fields = end + 1;
    }
    return count;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *data, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_peer *peer = user;
    struct h2_peer_stream *stream = at(peer, id);
    nghttp2_nv pairs[PAIRS_MAX];

    (void)source;
    size_t len = stream->left_bytes < size ? (size_t)stream->left_bytes : size;
    if (len == 0 && stream->is_open_ended)
        return NGHTTP2_ERR_DEFERRED;
    memset(data, 'x', len);
    stream->left_bytes -= len;
    peer->said_bytes += len;
    if (stream->left_bytes > 0 || stream->is_open_ended)
        return (ssize_t)len;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->has_trailers) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        size_t count = make_pairs(pairs, "x-trailer: last\n");
        BUG_ON(nghttp2_submit_trailer(session, id, pairs, count) != 0);
    }
    return (ssize_t)len;
}

struct h2_peer_stream *h2_peer_ask_raw(struct h2_peer *peer, const char *fields,
                                       uint64_t body_bytes)
{
    nghttp2_nv pairs[PAIRS_MAX];
    nghttp2_data_provider body = {.read_callback = read_body};

    size_t count = make_pairs(pairs, fields);
    int32_t id = nghttp2_submit_request(peer->session, NULL, pairs, count,
                                        body_bytes > 0 ? &body : NULL, NULL);
    BUG_ON(id <= 0);
    struct h2_peer_stream *stream = at(peer, id);
    stream->left_bytes = body_bytes;
    return stream;
}

struct h2_peer_stream *h2_peer_ask(struct h2_peer *peer, const char *method, const char *path,
                                   const char *fields, uint64_t body_bytes)
{
    static char text[1 << 20];

    (void)snprintf(text, sizeof(text), ":method: %s\n:scheme: http\n:authority: a\n:path: %s\n%s",
                   method, path, fields != NULL ? fields : "");
    return h2_peer_ask_raw(peer, text, body_bytes);
}

void h2_peer_answer(struct h2_peer *peer, struct h2_peer_stream *stream, unsigned status,
                    const char *fields, uint64_t body_bytes)
{
    nghttp2_nv pairs[PAIRS_MAX];
    nghttp2_data_provider body = {.read_callback = read_body};
    static char text[1 << 20];

    (void)snprintf(text, sizeof(text), ":status: %u\n%s", status, fields != NULL ? fields : "");
    size_t count = make_pairs(pairs, text);
    stream->left_bytes = body_bytes;
    bool has_body = body_bytes > 0 || stream->is_open_ended || stream->has_trailers;
    BUG_ON(nghttp2_submit_response(peer->session, stream->id, pairs, count,
                                   has_body ? &body : NULL) != 0);
}

void h2_peer_interim(struct h2_peer *peer, struct h2_peer_stream *stream, unsigned status)
{
    nghttp2_nv pairs[PAIRS_MAX];
    char text[32];

    (void)snprintf(text, sizeof(text), ":status: %u\n", status);
    size_t count = make_pairs(pairs, text);
    BUG_ON(nghttp2_submit_headers(peer->session, NGHTTP2_FLAG_NONE, stream->id, NULL, pairs, count,
                                  NULL) != 0);
}

void h2_peer_put(struct h2_peer *peer, struct h2_peer_stream *stream, uint64_t body_bytes,
                 bool is_end)
{
    stream->left_bytes += body_bytes;
    stream->is_open_ended = !is_end;
    (void)nghttp2_session_resume_data(peer->session, stream->id);
}

void h2_peer_release(struct h2_peer *peer, struct h2_peer_stream *stream)
{
    BUG_ON(nghttp2_session_consume_stream(peer->session, stream->id, stream->held_bytes) != 0);
    stream->held_bytes = 0;
    stream->is_holding = false;
}

void h2_peer_reset(struct h2_peer *peer, struct h2_peer_stream *stream, uint32_t error)
{
    BUG_ON(nghttp2_submit_rst_stream(peer->session, NGHTTP2_FLAG_NONE, stream->id, error) != 0);
}

struct h2_peer_stream *h2_peer_seen(struct h2_peer *peer, unsigned index)
{
    return index < peer->begun ? at(peer, peer->order[index]) : NULL;
}

void h2_peer_say_frame(struct h2_peer *peer, uint8_t type, uint8_t flags, int32_t id,
                       const void *payload, size_t len)
{
    uint8_t head[9] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

    testing_say_bytes(&peer->peer, head, sizeof(head));
    if (len > 0)
        testing_say_bytes(&peer->peer, payload, len);
}

/* --- running --- */

static bool hear(struct h2_peer *peer)
{
    struct testing_peer *wire = &peer->peer;
    size_t len = wire->len;

    if (len == 0 || peer->failed != 0)
        return false;
    ssize_t used = nghttp2_session_mem_recv(peer->session, (const uint8_t *)wire->text, len);
    if (used < 0)
        peer->failed = (int)used;
    wire->len = 0;
    return true;
}

static bool say(struct h2_peer *peer)
{
    bool has_moved = false;

    for (;;) {
        const uint8_t *data;
        if (peer->waiting_len > 0) {
            size_t sent = testing_try_say(&peer->peer, peer->waiting, peer->waiting_len);
            memmove(peer->waiting, peer->waiting + sent, peer->waiting_len - sent);
            peer->waiting_len -= sent;
            has_moved |= sent > 0;
            if (peer->waiting_len > 0)
                return has_moved;
        }
        ssize_t len = nghttp2_session_mem_send(peer->session, &data);
        if (len <= 0)
            return has_moved;
        BUG_ON(len > OUT_BYTES);
        memcpy(peer->waiting, data, (size_t)len);
        peer->waiting_len = (size_t)len;
    }
}

void h2_peer_run(struct h2_peer *peer)
{
    for (int quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
        if (peer->peer.fd >= 0 && say(peer))
            quiet = 0;
        testing_run(peer->testing);
        if (hear(peer))
            quiet = 0;
    }
}

/* --- life --- */

struct conn *h2_peer_connect(struct testing *testing, struct h2_peer *peer, bool is_server)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1 << 20};

    memset(peer, 0, sizeof(*peer));
    peer->testing = testing;
    peer->is_server = is_server;
    peer->waiting = malloc(OUT_BYTES);
    BUG_ON(peer->waiting == NULL);
    BUG_ON(nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option_set_no_auto_window_update(option, 1);
    /* It must be able to say what is wrong. */
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, 1 << 20);
    int result = is_server ? nghttp2_session_server_new2(&peer->session, callbacks, peer, option)
                           : nghttp2_session_client_new2(&peer->session, callbacks, peer, option);
    BUG_ON(result != 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    BUG_ON(nghttp2_submit_settings(peer->session, NGHTTP2_FLAG_NONE, &settings,
                                   is_server ? 1 : 0) != 0);
    return testing_connect(testing, &peer->peer);
}

void h2_peer_free(struct h2_peer *peer)
{
    nghttp2_session_del(peer->session);
    free(peer->waiting);
}
