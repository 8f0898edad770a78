/*
 * sim/actor/h2_end.h - one end of an H2 connection (RFC 9113), a client's or a server's.
 *
 * On purpose not core's code, and strict: an other end that breaks the rules of frames, streams,
 * flow control or fields is a finding. It obeys flow control itself, and gives the other end room
 * as bodies are read. A script may say anything besides (h2_end_frame()); then this end cannot know
 * any more what is right, and no longer judges.
 *
 *     owner -> request, respond ----------> h2_send.c --+
 *     owner <- streams' messages, frames <- h2_end.c <--+-- peer (TLS or not) -- network
 *                                           h2_head.c
 *
 * The owner calls h2_end_receive() and h2_end_flush() whenever its peer changed, and looks at the
 * streams. Section numbers are of RFC 9113.
 *
 * Owner: an actor; lives in the run's arena.  Threads: none; on the actor's lane.
 */
#ifndef SIM_ACTOR_H2_END_H
#define SIM_ACTOR_H2_END_H

#include "sim/actor/body.h"
#include "sim/actor/hpack.h"
#include "sim/actor/http.h"
#include "sim/actor/message.h"
#include "sim/actor/peer.h"

enum h2_frame_type {
    H2_END_DATA,
    H2_END_HEADERS,
    H2_END_PRIORITY,
    H2_END_RST_STREAM,
    H2_END_SETTINGS,
    H2_END_PUSH_PROMISE,
    H2_END_PING,
    H2_END_GOAWAY,
    H2_END_WINDOW_UPDATE,
    H2_END_CONTINUATION,
};

enum {
    H2_END_FLAG_END_STREAM = 0x1,
    H2_END_FLAG_ACK = 0x1,
    H2_END_FLAG_END_HEADERS = 0x4,
    H2_END_FLAG_PADDED = 0x8,
    H2_END_FLAG_PRIORITY = 0x20,
};

enum h2_code {
    H2_END_NO_ERROR = 0,
    H2_END_INTERNAL_ERROR = 2,
    H2_END_REFUSED_STREAM = 7,
    H2_END_CANCEL = 8,
};

/* By their number on the wire, from 1; [0] is not used. */
enum h2_setting {
    H2_END_SET_HEADER_TABLE = 1,
    H2_END_SET_PUSH,
    H2_END_SET_STREAMS,
    H2_END_SET_WINDOW,
    H2_END_SET_FRAME,
    H2_END_SET_LIST,
    H2_END_SETTINGS_COUNT,
};

enum {
    H2_END_HEAD_BYTES = 9,
    H2_END_FRAME_MAX = 16384,
    H2_END_WINDOW = 65535,
    H2_END_PENDING_MAX = 16,
};

struct h2_settings {
    bool has[H2_END_SETTINGS_COUNT];
    uint32_t value[H2_END_SETTINGS_COUNT];
};

struct h2_stream {
    struct h2_stream *next;
    uint32_t id;
    bool is_local_done;  /* its end is sent, or it is reset from here */
    bool is_remote_done; /* its end came */
    bool is_reset_sent;
    bool is_reset_got;
    uint32_t reset_code;
    int64_t send_window;
    int64_t recv_window;
    uint64_t unreturned_bytes; /* received, and no room given for them yet */

    /* The message that comes. */
    bool has_head;    /* the one that is not interim */
    uint32_t interim; /* the last status below 200; 0: none came */
    uint32_t status;
    char method[HTTP_METHOD_BYTES];
    char target[HTTP_TARGET_BYTES];
    bool is_bodiless; /* the response to a HEAD */
    bool has_length;
    uint64_t length_bytes;
    struct body_check body;

    /* The body that goes. */
    uint32_t body_key;
    uint64_t body_at;
    uint64_t body_left;
    bool is_end_wanted; /* END_STREAM behind it */
    bool is_cut_wanted; /* RST_STREAM behind it */
    uint32_t cut_code;

    /* Its owner's. */
    bool is_taken; /* the message is done with */
    bool is_answering;
    struct timer timer;
    void *context;
};

/* A frame that came. */
struct h2_seen {
    uint8_t type;
    uint32_t stream;
    uint32_t code; /* of RST_STREAM and GOAWAY */
};

struct h2_end {
    struct peer *peer;
    const char *who;
    bool is_server;
    bool is_secure; /* :scheme */
    bool is_wild;   /* a script has said what it liked */
    struct hpack hpack;
    struct h2_stream *streams; /* all of them, oldest first */
    struct h2_stream *stream_tail;
    uint32_t id_max; /* of the streams so far, which the client opens */
    uint32_t turn;   /* the stream that sent last */

    int64_t send_window; /* of the connection */
    int64_t recv_window;
    uint64_t unreturned_bytes;

    uint32_t remote[H2_END_SETTINGS_COUNT];         /* the other end's */
    uint32_t own[H2_END_SETTINGS_COUNT];            /* acknowledged */
    struct h2_settings pending[H2_END_PENDING_MAX]; /* sent and not acknowledged, oldest first */
    uint32_t pending_count;

    bool is_goaway_sent;
    bool is_goaway_got;
    uint32_t goaway_last; /* of the last that came */
    uint32_t refused;     /* streams above a limit that the other end may not have heard of */

    /* private */
    size_t preface_left;   /* a server's: of the client's preface */
    bool has_settings;     /* the first frame */
    uint32_t block_stream; /* 0: no header block is open */
    bool is_block_end;     /* END_STREAM */
    uint8_t *block;
    size_t block_len;
    size_t block_capacity;
    struct h2_seen *seen;
    size_t seen_count;
    size_t seen_capacity;
    size_t seen_next; /* where the next expectation begins */
};

/* Queues the preface and the first settings; a `window` is that of streams, UINT32_MAX says none of
 * its own, likewise `streams`, the requests that a server takes at once. */
void h2_end_init(struct h2_end *h2, struct peer *peer, const char *who, bool is_server,
                 uint32_t window, uint32_t streams);

/* Takes in whole frames. */
void h2_end_receive(struct h2_end *h2);

/* Sends what flow control and the peer have room for. */
void h2_end_flush(struct h2_end *h2);

/* NULL: no such stream. */
struct h2_stream *h2_end_stream(const struct h2_end *h2, uint32_t id);

/* The message that came is whole. */
bool h2_stream_is_complete(const struct h2_stream *stream);

/* Neither end says anything on it any more. */
bool h2_stream_is_over(const struct h2_stream *stream);

/* A request on a new stream, which is returned. Left `is_open` it has no end yet. */
struct h2_stream *h2_end_request(struct h2_end *h2, const struct message *message, bool is_open);
void h2_end_respond(struct h2_end *h2, struct h2_stream *stream, const struct message *message,
                    bool is_open);

/* Frames, as said. `h2_end_frame` is for what the rules may forbid. */
void h2_end_rst(struct h2_end *h2, uint32_t id, uint32_t code);
void h2_end_goaway(struct h2_end *h2, uint32_t last, uint32_t code);
void h2_end_ping(struct h2_end *h2);
void h2_end_set(struct h2_end *h2, const struct h2_settings *settings);
void h2_end_update(struct h2_end *h2, uint32_t id, uint32_t bytes);
void h2_end_frame(struct h2_end *h2, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
                  size_t len_bytes);

/* Was a frame like this seen behind the last one that was found? `stream` and `code` of -1: any. */
bool h2_end_find(struct h2_end *h2, uint8_t type, int64_t stream, int64_t code);

/* For the parts of this module. */
__attribute__((format(printf, 2, 3))) void h2_end_fail(const struct h2_end *h2, const char *format,
                                                       ...);
void h2_end_put(struct h2_end *h2, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
                size_t len_bytes);
struct h2_stream *h2_end_open(struct h2_end *h2, uint32_t id);
/* A whole header block, of `stream` (NULL: of one that is gone, for the tables alone). */
void h2_end_take_block(struct h2_end *h2, struct h2_stream *stream, bool is_end);
/* END_STREAM came. */
void h2_end_take_end(struct h2_end *h2, struct h2_stream *stream);

#endif
