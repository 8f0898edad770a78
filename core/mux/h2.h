/*
 * core/mux/h2.h - HTTP/2 (RFC 9113), both sides: what the files of this mux share.
 *
 * Framing and HPACK are nghttp2's, without I/O. Here are the way of the bytes and the limits:
 *
 *     conn -> in -> [nghttp2] -> channels of the streams          h2_recv.c
 *     channels of the streams -> [nghttp2] -> out -> conn         h2_send.c
 *     fields <-> http_head                                        h2_head.c
 *     a stream's life, between exchange and nghttp2               h2_stream.c
 *     turns, dates, stopping, ends                                h2.c
 *     what nghttp2 allocates                                      h2_session.c
 *
 * What is received always has a place: a stream's window is not larger than its channel, and is
 * opened again only as the channel is drained. Two things can still be in the way: no storage for a
 * channel is left, or the peer had not seen our window yet and uses the larger default. Then the
 * payload stays where it is, at the front of `in` ("held"), and nothing more is read until it has
 * found its place. The window of the connection limits nothing: it is opened at once.
 *
 * Threads: the mux's worker.
 */
#ifndef CORE_MUX_H2_H
#define CORE_MUX_H2_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/mux/mux.h"

/* X(name, bit) of h2.flags. */
#define H2_FLAGS(X)                                                                                \
    X(OVER, 0)      /* no more I/O: what is left is that the streams are detached */               \
    X(CLOSING, 1)   /* no new streams: a GOAWAY was sent or received */                            \
    X(NOTICED, 2)   /* front: the first GOAWAY of two was sent */                                  \
    X(LEAVING, 3)   /* front: the last one was sent */                                             \
    X(LINGER, 4)    /* front: all was said; waits for the client's end */                          \
    X(BLOCKED, 5)   /* nghttp2 has a DATA frame for which `out` has no room */                     \
    X(BROKEN, 6)    /* nghttp2 failed: only the end is left */                                     \
    X(SAFE, 7)      /* back: a request over it has succeeded */                                    \
    X(SEEN, 8)      /* there has been a stream */                                                  \
    X(CONNECTED, 9) /* the conn is made */                                                         \
    X(PONGED, 10)   /* front: the ping behind the first GOAWAY came back */                        \
    X(PAUSED, 11)   /* nghttp2 has to be asked again after what was held */                        \
    X(STUCK, 12)    /* the last turn could not send all; since sent_ns */

enum {
#define H2_FLAG_ENUM(name, bit) H2_##name = 1 << (bit),
    H2_FLAGS(H2_FLAG_ENUM)
#undef H2_FLAG_ENUM
};

struct h2_stream;

struct h2 {
    struct mux mux;
    nghttp2_session *session;
    nghttp2_mem mem;
    size_t mem_bytes; /* that nghttp2 holds now */
    size_t mem_bytes_max;
    uint32_t flags;

    struct buf in;
    struct buffer_wait in_wait;
    struct h2_stream *held; /* whose payload waits at the front of `in`; NULL: nobody's */
    const uint8_t *held_at; /* that payload */
    size_t held_len;
    uint64_t held_ns; /* since when */
    size_t held_tail; /* bytes behind it that nghttp2 has read too */

    struct buf out;
    struct buffer_wait out_wait;
    const uint8_t *pending; /* the rest of a frame, nghttp2's until it is asked again */
    size_t pending_len;
    uint64_t out_put_bytes;
    uint64_t out_sent_bytes;

    struct list streams; /* all */
    struct list ready;   /* stream.ready: those with something to do */
    struct list ending;  /* whose last byte is in `out`, oldest first */
    unsigned streams_count;

    uint32_t flood;       /* frames that cost us and bring nobody anything, see note_flood() */
    uint64_t flood_ns;    /* when it last leaked */
    uint64_t sent_ns;     /* with STUCK: when something last went out */
    uint64_t idle_ns;     /* since when there has been no stream */
    uint64_t farewell_ns; /* when NOTICED, LEAVING or LINGER began */
};

/* X(name, bit) of h2_stream.flags. */
#define H2_STREAM_FLAGS(X)                                                                         \
    X(IS_OPEN, 0)     /* nghttp2 knows it */                                                       \
    X(HEAD_WHOLE, 1)  /* `head` is complete and waits for its channel */                           \
    X(TOO_LONG, 2)    /* `head` had no room: the rest is ignored */                                \
    X(BAD_HEAD, 3)    /* likewise, because it makes no sense */                                    \
    X(RECV_FINAL, 4)  /* the head that is not interim has come */                                  \
    X(RECV_END, 5)    /* END_STREAM was received */                                                \
    X(RECV_DONE, 6)   /* and the channel was told */                                               \
    X(SENT_HEAD, 7)   /* the head that is not interim was given to nghttp2 */                      \
    X(SENT_START, 8)  /* something of it went out, or is about to */                               \
    X(SENT_END, 9)    /* END_STREAM is in `out` or beyond */                                       \
    X(DEFERRED, 10)   /* nghttp2 waits for us to resume its payload */                             \
    X(PEER_RESET, 11) /* RST_STREAM was received */                                                \
    X(FAILED, 12)     /* the exchange was told so: its channels are not used any more */           \
    X(IS_TO_HEAD, 13)

enum {
#define H2_STREAM_FLAG_ENUM(name, bit) H2_STREAM_##name = 1 << (bit),
    H2_STREAM_FLAGS(H2_STREAM_FLAG_ENUM)
#undef H2_STREAM_FLAG_ENUM
};

/* From env->streams: at most MUX_STREAM_BYTES_MAX. */
struct h2_stream {
    struct h2 *h2;
    struct stream *stream; /* NULL: no exchange yet, or none ever */
    struct list link;      /* h2.streams */
    struct list ending;    /* h2.ending */
    int32_t id;            /* 0: back: not submitted yet */
    uint32_t flags;
    struct http_head *head;     /* coming in, or HEAD_WHOLE; then trailers, likewise */
    struct http_head *trailers; /* complete: wait for `head` to go */
    uint64_t end_mark;          /* h2.out_put_bytes behind its END_STREAM */
    uint64_t unconsumed_bytes;  /* of payload, for which the peer has not got its window back */
};

static inline bool h2_has(const struct h2 *h2, uint32_t flags)
{
    return (h2->flags & flags) != 0;
}

static inline bool h2_stream_has(const struct h2_stream *s, uint32_t flags)
{
    return (s->flags & flags) != 0;
}

/*
 * h2_session.c
 */

/* The session, with our first SETTINGS queued. -ERR_MEMORY. */
MUST_CHECK int h2_session_open(struct h2 *h2);
void h2_session_close(struct h2 *h2);

/* nghttp2 said no: if for good, the connection is over after this turn. */
void h2_note_result(struct h2 *h2, int result);

/*
 * h2_recv.c
 */

/* Reads and parses as long as something comes and has a place; at most a few buffers. True: there
 * may be more. */
bool h2_recv(struct h2 *h2);

void h2_recv_set_callbacks(nghttp2_session_callbacks *callbacks);

/* When what is held has to make way, or TIME_NEVER. */
uint64_t h2_held_date(const struct h2 *h2);

/* Its payload is nobody's any more. */
void h2_recv_drop_held(struct h2 *h2, const struct h2_stream *s);

/* Something that a peer could do for ever at our cost. */
void h2_note_flood(struct h2 *h2);

/*
 * h2_send.c
 */

/* Sends what nghttp2 has, as long as it is taken; at most a few buffers. True: there is more, and
 * it could be taken. */
bool h2_send(struct h2 *h2);

void h2_send_set_callbacks(nghttp2_session_callbacks *callbacks);

/* Gives the head to nghttp2, with what says how payload follows. False: it was refused. */
MUST_CHECK bool h2_send_head(struct h2_stream *s, const struct http_head *head);

/* A head of our own that ends the response. */
void h2_send_answer(struct h2_stream *s, unsigned status);

/* nghttp2 has so much to say that more would only grow memory. */
bool h2_is_choked(const struct h2 *h2);

/* Nothing waits to be sent, here or in nghttp2. */
bool h2_is_flushed(const struct h2 *h2);

/*
 * h2_stream.c
 */

/* NULL: no memory. */
struct h2_stream *h2_stream_new(struct h2 *h2, struct stream *stream, int32_t id);

/* nghttp2 forgets our name for it first. */
void h2_stream_free(struct h2_stream *s);

/* Makes `stream` its exchange's end. */
void h2_stream_join(struct h2_stream *s, struct stream *stream);

/* Hands over what was received, opens the window, gives nghttp2 what is to be sent. */
void h2_stream_sync(struct h2_stream *s);

/* Of all that are ready. */
void h2_stream_sync_ready(struct h2 *h2);

/* Tells the exchange, once. */
void h2_stream_fail(struct h2_stream *s, enum stream_error error);

/* RST_STREAM, if there is something to reset. */
void h2_stream_reset(struct h2_stream *s, uint32_t code);

/* Payload taken by nobody: the peer gets its window back. */
void h2_stream_consume(struct h2_stream *s, size_t len_bytes);

int h2_attach(struct mux *mux, struct stream *stream);
void h2_ready(struct stream *stream);
void h2_detach(struct stream *stream);
unsigned h2_room(const struct mux *mux);

/*
 * h2.c
 */

/* No more I/O: fails every stream. Back: nobody finds it any more. */
void h2_end_io(struct h2 *h2, enum stream_error error);

/* Back: what room() says may have changed. */
void h2_offer(struct h2 *h2);

/* Back: the last stream is gone. It may be another worker's on return, or destroyed. */
void h2_last_gone(struct h2 *h2);

bool h2_is_clean(const struct mux *mux);

#endif
