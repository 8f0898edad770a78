/*
 * core/mux/mux.h - a connection that speaks a protocol, and the streams over it.
 *
 *     socket <-> conn <-> mux <-> streams <-> channels <-> exchange (core/proxy)
 *
 * A front mux serves a client: it parses requests and calls host->begin() for each. A back mux
 * talks to a server: the proxy makes it and attaches one stream for each request. h1, h2 and fcgi
 * differ in their `mux_ops`; what threads may do to each other is the same for all and is in mux.c.
 *
 * A mux belongs to one worker: tasklet (input and output), task (time-outs), fd, streams. Only an
 * idle back mux changes its worker, by mux_takeover(), under the idle lock of the worker it leaves.
 * The heart of it (TASK_F_USR1 on the tasklet and the task: "my connection may be stolen"):
 *
 *   - it is set before the mux can be found in an idle list, and cleared when a stream is attached;
 *   - process() without it in its state touches the mux without any lock: it cannot have been
 *     stolen;
 *   - process() with it takes the own worker's idle lock, and finds its ctx NULL if it was: then it
 *     frees itself, on its own worker. Else it takes the mux out of its list, works, and puts it
 *     back. The task does the same; and the handler of the fd, which nobody can steal while it is
 *     inside, but which may find the mux in its list.
 *
 * A mux that a protocol destroys is thus in no idle list: it was taken out before run(), or never
 * was in one.
 *
 * After mux_idle() the former user reads nothing of it any more.
 *
 * Threads: the mux's worker, unless said otherwise.
 */
#ifndef CORE_MUX_MUX_H
#define CORE_MUX_MUX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/base/pool.h"
#include "core/mux/buffers.h"
#include "core/mux/channel.h"
#include "core/server/idle.h"

struct conn;
struct mux;
struct rt;
struct server;
struct task;
struct tasklet;

/* What became of a stream: X(name, text). */
#define STREAM_ERRORS(X)                                                                           \
    X(NONE, "no error")                                                                            \
    X(RESET, "the peer broke it off")                                                              \
    X(REFUSED, "the peer has done nothing with it: it may be sent elsewhere")                      \
    X(CONNECT, "no connection could be made")                                                      \
    X(PROTOCOL, "the peer broke the protocol")                                                     \
    X(TOO_LONG, "a head is longer than there is room for")                                         \
    X(TIMEOUT, "the peer takes nothing")                                                           \
    X(MEMORY, "no memory")

enum stream_error {
#define STREAM_ERROR_ENUM(name, text) STREAM_ERROR_##name,
    STREAM_ERRORS(STREAM_ERROR_ENUM)
#undef STREAM_ERROR_ENUM
};

const char *stream_error_text(enum stream_error error);

/*
 * One exchange's end in a mux; the exchange embeds it. The mux writes `recv` and reads `send`.
 * While attached, mux and impl are set.
 */
struct stream {
    struct mux *mux;      /* NULL: not attached */
    struct channel *recv; /* from the wire; its writer is this stream */
    struct channel *send; /* to the wire; its reader is this stream */
    struct tasklet *user; /* the exchange's, woken when `error` or `is_sent` is set */
    enum stream_error error;
    bool is_sent;      /* all of `send`, up to its end, has gone to the kernel (or transport) */
    struct list ready; /* h2, fcgi: in the mux's list of streams with something to do */
    void *impl;        /* the mux's own */
};

struct mux_timeouts {
    uint64_t client_ns;     /* a client that takes nothing of what waits for it */
    uint64_t server_ns;     /* likewise a server */
    uint64_t connect_ns;    /* until a connection (and its TLS) is made */
    uint64_t request_ns;    /* from a request's first byte to the end of its head */
    uint64_t keep_alive_ns; /* between two requests of a client */
    uint64_t idle_ns;       /* an idle connection to a server */
    uint64_t linger_ns;     /* a client that was told everything has to close */
};

/* What the proxy does for front muxes. */
struct mux_host {
    /*
     * A request: `head` becomes the host's if it returns a stream, whose channels are set and which
     * the mux completes (mux, impl). NULL: it could not (no memory): the mux answers 503, or
     * refuses the stream.
     */
    struct stream *(*begin)(struct mux *front, struct http_head *head);
    /* The front mux is over: no stream is attached, its tasklet and task are gone or going. The
     * conn and what mux->user means are the host's to end. The last thing the mux does. */
    void (*end)(struct mux *front);
};

/* What all muxes of a proxy share. */
struct mux_env {
    struct rt *rt;
    struct buffers buffers;
    struct pool heads;        /* struct http_head */
    uint32_t head_text_bytes; /* of each: longer heads are refused */
    struct pool muxes[4];     /* by enum mux_kind */
    struct pool streams;      /* what muxes keep for each stream: MUX_STREAM_BYTES_MAX */
    struct pool *conns;       /* where connections to servers come from */
    uint32_t streams_max;     /* h2, fcgi: at once on a connection, either side */
    struct mux_timeouts timeouts;
    struct mux_host host;
    void *host_ctx;
    /* Statistics, relaxed. */
    _Atomic uint64_t takeovers;
    _Atomic uint64_t reuses;
    _Atomic uint64_t connects;
};

enum { MUX_STREAM_BYTES_MAX = 256 };

enum mux_kind { MUX_H1_FRONT, MUX_H1_BACK, MUX_H2, MUX_FCGI };

/* What a protocol does. All on the mux's worker, the mux being in no idle list. */
struct mux_ops {
    const char *name; /* "h1", "h2", "fcgi" */
    /*
     * A turn: sends, receives, moves what can move, asks the conn for what could let it go on and
     * arms the task. Returns false when the mux has been destroyed meanwhile (MUST then touch
     * nothing). Woken by the conn, by ready(), by buffers and by mux_late().
     */
    bool (*run)(struct mux *mux);
    /* The date of mux->task has come (already verified against task_expire). As run(). */
    bool (*late)(struct mux *mux);
    /* Back: begins a request; stream->send holds, or will hold, its head. The stream is the mux's
     * until detach(). -ERR_FULL: no room for another stream; -ERR_MEMORY. */
    int (*attach)(struct mux *mux, struct stream *stream);
    /* The other side of one of the stream's channels moved, or a flag changed. Must be cheap:
     * mostly it notes the stream and wakes mux->tasklet. Never runs anything. */
    void (*ready)(struct stream *stream);
    /*
     * The exchange is through with the stream, complete or not (then the peer is told: reset, or
     * the connection is closed). Afterwards the mux does not know the stream. Back: the connection
     * is kept for others if it can be: it may be idle, stolen or destroyed on return. Never calls
     * the exchange or the other mux.
     */
    void (*detach)(struct stream *stream);
    /* Streams that could be attached now; 0 when it is closing. */
    unsigned (*room)(const struct mux *mux);
    /* May it be stolen or kept idle: no byte, buffer or half message in it? */
    bool (*is_clean)(const struct mux *mux);
    /* Ends it now with all its streams (error RESET): closes, frees everything. For a front mux
     * host->end() comes last. Also called by who is alone. */
    void (*destroy)(struct mux *mux);
    /* Front: the instance stops softly: finish what was begun, promise nothing more. */
    void (*stop)(struct mux *mux);
    void (*check)(const struct mux *mux, bool is_quiet);
};

/* First in each protocol's own struct. */
struct mux {
    const struct mux_ops *ops;
    struct mux_env *env;
    enum mux_kind kind; /* the pool it goes back to */
    bool is_front;
    bool is_stopping; /* stop() was called */
    struct conn *conn;
    struct tasklet *tasklet; /* its own; bound to the same worker */
    struct task *task;       /* likewise */
    void *user;              /* front: the host's client session */
    struct idle_conn idle;   /* back: its place among its server's connections */
};

/* core/mux/h1_front.h etc. make muxes; they use these: */

/*
 * Fills the common part: tasklet and task on the calling worker, conn attached to the tasklet if it
 * is not yet. -ERR_MEMORY, -ERR_FULL: nothing is left behind and conn is still the caller's.
 */
MUST_CHECK int mux_init(struct mux *mux, const struct mux_ops *ops, struct mux_env *env,
                        enum mux_kind kind, struct conn *conn, bool is_front);

/*
 * Frees tasklet and task, whoever runs now (also when one of them is the caller); for a back mux
 * also closes the conn, takes it out of what it may still be in (avail, a to-remove queue, its
 * session's list; the caller must not hold the idle lock), and gives back what its server counted.
 * The memory is left to the caller's pool_give(). Its worker, or who is alone.
 */
void mux_fini(struct mux *mux);

/* The same for a back mux, which `server` counts from now on (server_conn_begin()). -ERR_CLOSED
 * too: the server takes no more connections. */
MUST_CHECK int mux_init_back(struct mux *mux, const struct mux_ops *ops, struct mux_env *env,
                             enum mux_kind kind, struct conn *conn, struct server *server);

/*
 * Back: the last stream is gone and ops->is_clean(). Sets F_USR1, asks the conn to be told of input
 * (an idle server that says something is closing, or wrong), then puts it into its server's idle
 * list. From here on it may be another worker's: the caller touches nothing. Destroys it if the
 * server does not want it: then false. `is_safe`: a request over it has succeeded before, so that
 * the next one's failure is not taken for a stale connection.
 */
bool mux_idle(struct mux *mux, bool is_safe);

/* Back: attaches `stream` and marks the mux as one that cannot be stolen. As ops->attach; if that
 * fails, one that idle_get() or idle_get_session() took out of an idle list is put back or
 * destroyed: the caller touches only a mux that it has made. */
MUST_CHECK int mux_attach(struct mux *mux, struct stream *stream);

/* Back, in use: what ops->room() says has changed (a stream has gone, the peer said so): others may
 * find it to attach their streams, or no more. mux_attach() does it by itself. */
void mux_offer(struct mux *mux);

/* What idle_get() and idle_get_session() return. */
static inline struct mux *mux_of_idle(struct idle_conn *conn)
{
    return CONTAINER_OF(conn, struct mux, idle);
}

/*
 * Makes the calling worker the owner. The caller holds `from`'s idle lock and the mux is in one of
 * its idle lists; on success the caller takes it out. Allocates first; then fd, transport, task,
 * tasklet. The old ones end by themselves on their own worker. -ERR_BUSY, -ERR_MEMORY: nothing
 * changed. Spec 3.5.
 */
MUST_CHECK int mux_takeover(struct mux *mux, int from);

/* Arms mux->task `delay_ns` from now (0: never). Cheap when the date only moves later. */
void mux_arm(struct mux *mux, uint64_t delay_ns);

/* What streams' sides call: see channel.c. */
static inline void stream_ready(struct stream *stream)
{
    if (stream != NULL && stream->mux != NULL)
        stream->mux->ops->ready(stream);
}

/* Fails the stream towards its exchange: sets error once and wakes the exchange. After REFUSED and
 * CONNECT the channels stay as they are: it may send the request elsewhere. Otherwise breaks recv
 * (unless it has ended; or has no head yet: then the exchange may answer by itself) and closes
 * send. */
void stream_fail(struct stream *stream, enum stream_error error);

/* The mux is through with it: neither side knows the other any more. */
void stream_let_go(struct stream *stream);

/* All of send has gone out: tells the exchange. */
void stream_sent(struct stream *stream);

/* From outside any worker, between steps. */
void mux_check(const struct mux *mux, bool is_quiet);

#endif
