/*
 * core/mux/h1_bench.h - for the tests of HTTP/1: one mux and its peer on the bench of testing.h.
 *
 * Only for tests.  Threads: one.
 */
#ifndef CORE_MUX_H1_BENCH_H
#define CORE_MUX_H1_BENCH_H

#include <stdbool.h>

#include "core/mux/testing.h"

#define BENCH_GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define BENCH_OK "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

struct bench {
    struct testing t;
    struct testing_peer peer; /* the client of a front mux, the server of a back mux */
    struct mux *mux;
};

/* `options` may be NULL. */
void bench_front(struct bench *bench, const struct testing_options *options);
void bench_back(struct bench *bench, const struct testing_options *options);
void bench_fini(struct bench *bench);

/* Front. The client says `text`; the newest exchange. */
struct testing_exchange *bench_ask(struct bench *bench, const char *text);
/* Answers the `index`-th request by BENCH_OK and lets go of it. */
void bench_serve(struct bench *bench, unsigned index);

/* Back. An exchange without a body, attached. */
struct testing_exchange *bench_get(struct bench *bench, const char *method, const char *fields);

/* A whole round: then it is idle. */
void bench_make_idle(struct bench *bench);
/* The idle connection, taken for another request; false: there is none. */
bool bench_reuse(struct bench *bench);
/* The mux is in use, or was just made. */
void bench_end_mux(struct bench *bench);

/* What the peer heard begins so. */
void bench_expect(struct bench *bench, const char *text);

#endif
