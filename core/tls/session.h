/*
 * core/tls/session.h - one connection's TLS, and what a library must do for it.
 *
 * A session reads and writes its socket itself and never blocks. It knows neither tasklets nor the
 * fd table: core/net/conn_tls.c drives it, and is the only one to include this apart from the
 * libraries.
 *
 *     tls_gnutls    the real one: native builds
 *     tls_standin   records without cryptography, the same on each run: simulated builds
 *
 * Threads: the one that owns the connection now.
 */
#ifndef CORE_TLS_SESSION_H
#define CORE_TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/pool.h"
#include "core/tls/context.h"

struct tasklet;
struct tls_library;

/* X(name). */
#define TLS_STATUSES(X)                                                                            \
    X(DONE)                                                                                        \
    X(WANT_RECV) /* the socket has nothing now */                                                  \
    X(WANT_SEND) /* the socket takes nothing now */                                                \
    X(END)       /* the peer said that it will send no more */                                     \
    X(CUT)       /* the socket ended without that: something may be missing */                     \
    X(FAILED)    /* `error` says how */

enum tls_status {
#define TLS_STATUS_ENUM(name) TLS_##name,
    TLS_STATUSES(TLS_STATUS_ENUM)
#undef TLS_STATUS_ENUM
};

/* The application protocol agreed upon (RFC 7301). */
enum tls_protocol { TLS_PROTOCOL_NONE, TLS_PROTOCOL_H1, TLS_PROTOCOL_H2 };

enum {
    TLS_RECORD_BYTES = 16384,    /* of data in one record at most: RFC 8446, 5.1 */
    TLS_SERVER_NAME_BYTES = 256, /* with its NUL */
    TLS_SESSIONS_MAX = 1 << 20,  /* of a context at once */
};

/* First in each library's own. */
struct tls_session {
    struct tls_context *context;
    int fd;
    int error; /* errno, after FAILED */
    enum tls_protocol protocol;
    /* The socket refuses what we send; what the peer sent before can still be read. */
    bool is_send_broken;

    /* Of core/net/conn_tls.c. */
    struct tasklet *tasklet; /* bound to the connection's worker */
    bool is_connecting;      /* the socket's connect() is under way */
    bool is_handshaking;
    bool is_held;         /* a record is taken but not all out, nor its last byte reported */
    bool is_ending;       /* close-notify is not out yet */
    bool is_ended;        /* the peer's end, or a failure, was seen */
    bool is_lent;         /* conn_lend() */
    bool is_dry;          /* all that is inside was looked at, and makes no data without more */
    bool recv_wants_send; /* reading goes on when the socket can be written */
    bool send_wants_recv;
    bool has_peeked; /* `peeked` is the first byte of what is to be read */
    uint8_t peeked;
};

struct tls_library {
    const char *name;
    size_t session_bytes;
    /* Fills context->of_library. -ERR_MEMORY; -ERR_ARGUMENT and `error`. */
    int (*open_context)(struct tls_context *context, char error[TLS_ERROR_BYTES]);
    void (*close_context)(struct tls_context *context);
    /* The session is zero but for context and fd. -ERR_MEMORY: nothing to close. */
    int (*open)(struct tls_session *session, const char *server_name);
    void (*close)(struct tls_session *session);
    /* DONE: `protocol` is set and data may be sent. Never END. */
    enum tls_status (*shake)(struct tls_session *session);
    /* DONE: `*got_bytes` > 0. */
    enum tls_status (*recv)(struct tls_session *session, void *data, size_t len_bytes,
                            size_t *got_bytes);
    /*
     * DONE: a record with the first `*taken_bytes` (> 0) went out. A WANT with `*taken_bytes` > 0:
     * it is taken, and flush() must say DONE before the next one; with 0: nothing was taken.
     */
    enum tls_status (*send)(struct tls_session *session, const void *data, size_t len_bytes,
                            size_t *taken_bytes);
    enum tls_status (*flush)(struct tls_session *session);
    /* Tells the peer that we will send no more; again after a WANT. */
    enum tls_status (*end)(struct tls_session *session);
    /* Something of the peer's is inside, whether it makes a whole record or not. */
    bool (*has_pending)(const struct tls_session *session);
};

extern const struct tls_library tls_gnutls;
extern const struct tls_library tls_standin;

struct tls_context {
    const struct tls_library *library;
    struct tls_options options; /* the files' names are the caller's, and not kept */
    struct pool sessions;
    void *of_library;
};

/* tls_context_new() with the library that this build has by itself. */
MUST_CHECK int tls_context_new_with(const struct tls_library *library,
                                    const struct tls_options *options, struct tls_context **out,
                                    char error[TLS_ERROR_BYTES]);

/* NULL: no memory. `server_name` is copied. */
MUST_CHECK struct tls_session *tls_session_new(struct tls_context *context, int fd,
                                               const char *server_name);

/* Says nothing to the peer. */
void tls_session_free(struct tls_session *session);

const char *tls_status_name(enum tls_status status);

#endif
