/*
 * core/mux/work/echo.h - a mux of a protocol made for tests: four bytes go out, the same four come
 * back.
 *
 * What threads may do to a mux is core/mux/mux.c's and the same for all protocols; this one is
 * small enough to be run a hundred thousand times an hour. It can stand for each kind: one stream
 * at a time or several, in any case with the pool and the plants of that kind. It uses a buffer of
 * the worker's share to receive, as the real ones do, so it may have to wait for one.
 *
 * Threads: the mux's worker.
 */
#ifndef CORE_MUX_WORK_ECHO_H
#define CORE_MUX_WORK_ECHO_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/mux/mux.h"

enum { ECHO_BYTES = 4, ECHO_STREAMS_MAX = 4 };

/* One question; its owner embeds it. `stream.user` is woken when it is answered or has failed. */
struct echo_request {
    struct stream stream; /* its channels are not used */
    uint32_t id;          /* unique among all there are */
    bool is_answered;
};

/* Of env->host_ctx. */
struct echo_host {
    /* An answer that nobody waits for, or to another question. */
    void (*fail)(struct echo_host *host, const char *what);
};

struct echo_mux {
    struct mux mux;
    struct list streams; /* struct stream by ready, oldest first */
    unsigned streams_count;
    unsigned streams_max;
    unsigned abandoned; /* questions under way whose askers left */
    unsigned carried;   /* questions so far */
    struct buf in;
    struct buffer_wait in_wait;
    struct buf out;
    uint8_t out_area[ECHO_BYTES * ECHO_STREAMS_MAX * 2];
};

/* A back mux over `conn`. -ERR_MEMORY, -ERR_FULL, -ERR_CLOSED: conn is still the caller's. */
MUST_CHECK int echo_new(struct mux_env *env, enum mux_kind kind, unsigned streams_max,
                        struct conn *conn, struct server *server, struct mux **out);

static inline bool echo_is_over(const struct echo_request *request)
{
    return request->is_answered || request->stream.error != STREAM_ERROR_NONE;
}

#endif
