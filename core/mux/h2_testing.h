/*
 * core/mux/h2_testing.h - the other end of an HTTP/2 connection in tests: nghttp2 over a peer of
 * the bench (core/mux/testing.h), with a record of what came for each stream.
 *
 * Only for tests.  Threads: one.
 */
#ifndef CORE_MUX_H2_TESTING_H
#define CORE_MUX_H2_TESTING_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/mux/testing.h"

enum { H2_PEER_STREAMS_MAX = 2048, H2_PEER_TEXT_BYTES = 64 };

struct h2_peer_stream {
    int32_t id;
    /* Heard. */
    unsigned status; /* of the final head */
    unsigned interims;
    unsigned heads; /* complete header blocks, trailers too */
    uint64_t body_bytes;
    char path[H2_PEER_TEXT_BYTES];
    char field[H2_PEER_TEXT_BYTES];   /* value of x-test */
    char trailer[H2_PEER_TEXT_BYTES]; /* value of x-trailer */
    char length[H2_PEER_TEXT_BYTES];  /* of content-length */
    bool is_ended;
    bool is_closed;
    uint32_t error; /* with is_closed */
    /* To say. */
    uint64_t left_bytes;
    bool is_open_ended; /* no end after them */
    bool has_trailers;
    bool is_holding; /* gives no window back */
    uint64_t held_bytes;
};

struct h2_peer {
    struct testing *testing;
    struct testing_peer peer;
    nghttp2_session *session;
    bool is_server;
    unsigned begun;                                     /* server: requests seen */
    int32_t order[H2_PEER_STREAMS_MAX];                 /* their ids */
    struct h2_peer_stream streams[H2_PEER_STREAMS_MAX]; /* by (id - 1) / 2 */
    /* Heard. */
    unsigned goaways;
    uint32_t goaway_error;
    int32_t goaway_last;
    uint32_t streams_max; /* announced */
    uint32_t window_bytes;
    int failed; /* what nghttp2 says of what it heard */
    /* Sent, of the stream the test is interested in. */
    unsigned settings_acked;
    uint64_t said_bytes;
    uint64_t say_chunk; /* largest piece sent at once; 0: all */
    char *waiting;      /* what the kernel did not take yet */
    size_t waiting_len;
};

/* Connects; the returned conn is for the mux. `is_server`: the mux is a back one. */
struct conn *h2_peer_connect(struct testing *testing, struct h2_peer *peer, bool is_server);
void h2_peer_free(struct h2_peer *peer);

/* Peer and muxes in turns until nothing moves. */
void h2_peer_run(struct h2_peer *peer);

/* "name: value\n" each, after the pseudo fields. Returns the id. body_bytes 0 and not open-ended:
 * no body. */
struct h2_peer_stream *h2_peer_ask(struct h2_peer *peer, const char *method, const char *path,
                                   const char *fields, uint64_t body_bytes);

/* The same with all pseudo fields of the caller's. */
struct h2_peer_stream *h2_peer_ask_raw(struct h2_peer *peer, const char *fields,
                                       uint64_t body_bytes);

void h2_peer_answer(struct h2_peer *peer, struct h2_peer_stream *stream, unsigned status,
                    const char *fields, uint64_t body_bytes);
void h2_peer_interim(struct h2_peer *peer, struct h2_peer_stream *stream, unsigned status);

/* More payload of a stream that is open-ended; then its end. */
void h2_peer_put(struct h2_peer *peer, struct h2_peer_stream *stream, uint64_t body_bytes,
                 bool is_end);

/* Gives back what is_holding kept. */
void h2_peer_release(struct h2_peer *peer, struct h2_peer_stream *stream);

void h2_peer_reset(struct h2_peer *peer, struct h2_peer_stream *stream, uint32_t error);

/* Server: the request seen `index`-th. */
struct h2_peer_stream *h2_peer_seen(struct h2_peer *peer, unsigned index);

/* A frame as it is, past nghttp2. */
void h2_peer_say_frame(struct h2_peer *peer, uint8_t type, uint8_t flags, int32_t id,
                       const void *payload, size_t len);

#endif
