/*
 * core/mux/fcgi_bench.h - for the tests of FastCGI: one mux and an application that says what the
 * test wants, on the bench of testing.h.
 *
 * Only for tests.  Threads: one.
 */
#ifndef CORE_MUX_FCGI_BENCH_H
#define CORE_MUX_FCGI_BENCH_H

#include <stdbool.h>

#include "core/http/fcgi.h"
#include "core/mux/testing.h"

#define FCGI_BENCH_OK "Content-Type: a/b\r\n\r\nabc"

struct fcgi_bench {
    struct testing t;
    struct testing_peer peer; /* the application */
    struct mux *mux;
    struct fcgi_reader reader;
    char seen[1 << 16]; /* of fcgi_bench_heard() */
    size_t seen_len;
};

/* `options` may be NULL. The root is /srv. */
void fcgi_bench_init(struct fcgi_bench *bench, const struct testing_options *options);
void fcgi_bench_fini(struct fcgi_bench *bench);
void fcgi_bench_end_mux(struct fcgi_bench *bench);

/* An exchange without a body, attached. */
struct testing_exchange *fcgi_bench_get(struct fcgi_bench *bench, const char *path);
/* With one; NULL data: a pattern. */
struct testing_exchange *fcgi_bench_post(struct fcgi_bench *bench, const char *data, uint64_t len,
                                         bool has_length);

/* The records that were heard since last asked, as "BEGIN_REQUEST 1 keep\nPARAMS 1\nSTDIN 1 abc\n":
 * empty records without a text. */
const char *fcgi_bench_heard(struct fcgi_bench *bench);

/* What the application says. */
void fcgi_bench_say(struct fcgi_bench *bench, enum fcgi_type type, uint16_t id, const char *text);
void fcgi_bench_say_end(struct fcgi_bench *bench, uint16_t id, enum fcgi_status status);
void fcgi_bench_say_values(struct fcgi_bench *bench, const struct fcgi_values *values);
/* FCGI_BENCH_OK and its end. */
void fcgi_bench_answer(struct fcgi_bench *bench, uint16_t id);

/* The idle connection, taken for another request; false: there is none. */
bool fcgi_bench_reuse(struct fcgi_bench *bench);
void fcgi_bench_make_idle(struct fcgi_bench *bench);
/* Learns that two requests at once are fine; then one is idle. */
void fcgi_bench_make_multiplexing(struct fcgi_bench *bench);

#endif
