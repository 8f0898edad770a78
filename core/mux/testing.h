/*
 * core/mux/testing.h - a bench for muxes: a runtime that is stepped by hand, peers that are scripts
 * of the test, and exchanges that record and say what the test wants.
 *
 * All in one thread: the test is the worker (testing_on() chooses which one) between the turns that
 * testing_run() makes, so it calls a mux directly, looks into it, and nothing happens behind its
 * back. Sockets are real (loopback TCP); the clock is the bench's own and moves by testing_pass().
 *
 *     struct testing t;
 *     testing_init(&t, &(struct testing_options){0});
 *     struct testing_peer client;
 *     struct conn *conn = testing_connect(&t, &client);
 *     struct mux *mux;
 *     assert_int_equal(mux_h1_front_new(&t.env, conn, NULL, &t, &mux), 0);
 *     testing_say(&client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
 *     testing_run(&t);                              // until nothing moves any more
 *     struct testing_exchange *exchange = testing_begun(&t, 0);   // the first request
 *     testing_answer(exchange, 200, "abc", 3, true);
 *     testing_run(&t);
 *     assert_string_equal(testing_heard(&client), "HTTP/1.1 200 OK\r\n...");
 *     testing_end(exchange);                        // detaches, as the proxy would
 *     testing_close(&client);
 *     testing_run(&t);
 *     testing_fini(&t);                             // every pool must be empty
 *
 * A back mux: testing_connect(), the protocol's *_back_new() with t.server, then testing_ask()
 * makes an exchange with a request head, testing_ask_end() puts it, and mux_attach(mux,
 * &exchange->stream) begins it. What the server answers is in exchange->heads and ->body.
 *
 * Only for tests.  Threads: one.
 */
#ifndef CORE_MUX_TESTING_H
#define CORE_MUX_TESTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/mux/mux.h"
#include "core/server/backend.h"

enum { TESTING_EXCHANGES_MAX = 2048, TESTING_HEADS_MAX = 8 };

/* Zero is the default of each. */
struct testing_options {
    unsigned workers;      /* 1 */
    size_t buffer_bytes;   /* 4096 */
    unsigned buffers;      /* 64 of each kind on each worker */
    uint32_t text_bytes;   /* of a head: 4096 */
    uint32_t streams_max;  /* 100 */
    unsigned kernel_bytes; /* of each socket buffer; the kernel's choice */
};

/* The other end of a connection. */
struct testing_peer {
    struct testing *testing;
    int fd;
    char *text; /* heard so far, NUL-terminated; it may hold NULs of its own */
    size_t len;
    size_t size;
    bool is_deaf;  /* reads nothing: back-pressure */
    bool is_ended; /* saw the end */
    bool is_reset; /* saw a reset */
    uint64_t heard_bytes;
    bool is_counting; /* only heard_bytes: `text` keeps nothing */
};

/* What stands in for an exchange of the proxy: one stream, its two channels, and both their ends.
 */
struct testing_exchange {
    struct testing *testing;
    struct list link; /* in testing->exchanges */
    int worker;
    struct stream stream;
    struct channel recv; /* the mux writes, we read */
    struct channel send; /* we write, the mux reads */
    struct tasklet *tasklet;
    unsigned runs;          /* of the tasklet */
    struct http_head *head; /* of testing_ask(), until it is put */

    /* Recorded. */
    struct http_head *heads[TESTING_HEADS_MAX]; /* interim ones, then the final one */
    unsigned heads_count;
    struct http_head *trailers;
    char *body; /* NUL-terminated */
    size_t body_len;
    size_t body_size;
    uint64_t body_bytes; /* also counts what was not kept */
    bool is_ended;       /* recv was complete */
    bool is_broken;

    /* How it behaves. */
    bool is_holding;  /* takes no payload: back-pressure */
    bool is_counting; /* counts payload, keeps none */

    /* To be said; see testing_answer() and friends. */
    const char *data; /* NULL with data_left: a pattern */
    uint64_t data_left;
    struct http_head *last; /* trailers */
    bool has_end;
};

struct testing {
    struct testing_options options;
    struct rt *rt;
    int worker; /* that we are */
    uint64_t now_ns;
    struct mux_env env;
    struct pool conns;
    struct idle_set set;
    struct backend backend;
    struct server *server; /* the one there is */
    int listen_fd;
    struct list exchanges; /* that live */
    struct testing_peer *peers[256];
    unsigned peers_count;
    /* Of the host: requests begun, and front muxes that ended. */
    struct testing_exchange *begun[TESTING_EXCHANGES_MAX];
    unsigned begun_count;
    unsigned ended_count;
    bool is_refusing; /* begin() has no memory */
    bool is_holding;  /* exchanges that begin hold */
};

void testing_init(struct testing *testing, const struct testing_options *options);

/* Ends exchanges and peers that are left, and runs; then everything must have been given back.
 * Muxes must be gone by then: front ones when their peers close, back ones by the test. */
void testing_fini(struct testing *testing);

/* Turns of all workers until nothing moves; peers that are not deaf read all along. */
void testing_run(struct testing *testing);

/* Lets time pass, and runs. */
void testing_pass(struct testing *testing, uint64_t delay_ns);

/* The test is worker `index` from now on: what it calls happens there. */
void testing_on(struct testing *testing, int index);

/* A connection made; `peer` is the other end. Not attached yet. */
struct conn *testing_connect(struct testing *testing, struct testing_peer *peer);

/* The peer's side. Sending must fit the kernel's buffers. */
void testing_say(struct testing_peer *peer, const char *text);
void testing_say_bytes(struct testing_peer *peer, const void *data, size_t len);
/* As much as the kernel takes now. */
size_t testing_try_say(struct testing_peer *peer, const void *data, size_t len);
void testing_end_of_say(struct testing_peer *peer); /* shutdown for writing */
void testing_close(struct testing_peer *peer);
void testing_reset(struct testing_peer *peer);
/* What was heard since it was last asked. */
const char *testing_heard(struct testing_peer *peer);

/* The host's exchange of request `index`, in the order they were begun; NULL: there is none. */
struct testing_exchange *testing_begun(struct testing *testing, unsigned index);

/*
 * An exchange towards a server: its request head is `head`, to be changed by the test and then put
 * by one of the other two: without a body, or with `len` bytes (and testing_put_end() after them).
 * `fields`: "Name: value\n" each, or NULL.
 */
struct testing_exchange *testing_ask(struct testing *testing, const char *method, const char *path,
                                     const char *fields);
void testing_ask_end(struct testing_exchange *exchange);
void testing_ask_body(struct testing_exchange *exchange, const char *data, uint64_t len,
                      bool has_length);

/* A head (from env.heads) that the test may change before testing_put_head(). */
struct http_head *testing_head(struct testing *testing, bool is_response);
void testing_add(struct http_head *head, const char *name, const char *value);
void testing_put_head(struct testing_exchange *exchange, struct http_head *head);

/* Says a response with a body of known length, or of unknown length. NULL data: a pattern. */
void testing_answer(struct testing_exchange *exchange, unsigned status, const char *data,
                    uint64_t len, bool has_length);

/* More payload, which must outlive its sending; the end of it. */
void testing_put(struct testing_exchange *exchange, const char *data, uint64_t len);
void testing_put_end(struct testing_exchange *exchange, struct http_head *trailers);

/* Text of the last head's field, or NULL; valid until the next call. */
const char *testing_field(const struct http_head *head, const char *name);
const char *testing_text(const struct http_head *head, struct http_slice slice);

/* Detaches (if the mux has not let go yet) and frees it. */
void testing_end(struct testing_exchange *exchange);

#endif
