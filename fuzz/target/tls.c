/*
 * fuzz/target/tls.c - the stand-in for TLS that simulated nodes speak: a server of it and the
 * actors' own reader, both given the same bytes, hear the same data, and refuse the same.
 *
 * Threads: main.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/tls/session.h"
#include "fuzz/engine/finding.h"
#include "fuzz/target/cut.h"
#include "sim/actor/tls.h"

enum { INPUT_BYTES_MAX = 32768, DRAIN_BYTES = 4096 };

struct heard {
    uint8_t plain[INPUT_BYTES_MAX];
    size_t len;
    bool is_open;
    bool is_failed;
    bool is_done;
};

static void drain(int fd)
{
    char data[DRAIN_BYTES];

    while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
        ;
}

/* As far as it gets with what is there. */
static void advance(const struct tls_library *library, struct tls_session *session,
                    struct heard *heard)
{
    enum tls_status status = TLS_DONE;

    if (!heard->is_open) {
        status = library->shake(session);
        heard->is_open = status == TLS_DONE;
    }
    while (heard->is_open && status == TLS_DONE && heard->len < sizeof(heard->plain)) {
        size_t got = 0;
        status = library->recv(session, heard->plain + heard->len,
                               sizeof(heard->plain) - heard->len, &got);
        FINDING_UNLESS(status != TLS_DONE || got > 0, "tls: reading gets on");
        heard->len += got;
    }
    heard->is_failed |= status == TLS_FAILED;
    heard->is_done |= status == TLS_END;
}

/* Without the pool and the socket table that core/net would bring. */
static struct tls_session *open_session(struct tls_context *context, int fd)
{
    struct tls_session *session = calloc(1, context->library->session_bytes);

    if (session == NULL)
        abort();
    session->context = context;
    session->fd = fd;
    if (context->library->open(session, NULL) != 0)
        abort();
    return session;
}

static void hear_standin(struct heard *heard, struct tls_context *context, const uint8_t *data,
                         size_t len)
{
    struct cut cut = cut_begin(data, len);
    int ends[2];

    memset(heard, 0, sizeof(*heard));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        abort();
    struct tls_session *session = open_session(context, ends[0]);
    for (size_t at = 0; at < len && !heard->is_failed && !heard->is_done;) {
        size_t piece = 16 * cut_next(&cut, (len - at + 15) / 16);
        if (piece > len - at)
            piece = len - at;
        if (send(ends[1], data + at, piece, MSG_NOSIGNAL) != (ssize_t)piece)
            abort();
        at += piece;
        advance(context->library, session, heard);
        drain(ends[1]);
    }
    context->library->close(session);
    free(session);
    close(ends[0]);
    close(ends[1]);
}

static void hear_actor(struct heard *heard, const uint8_t *data, size_t len)
{
    static struct tls_end end;
    uint8_t reply[TLS_END_HELLO_MAX];

    memset(heard, 0, sizeof(*heard));
    tls_end_init(&end, true, "h2");
    (void)tls_end_take(&end, data, len, heard->plain, &heard->len, reply);
    heard->is_open = end.is_open;
    heard->is_failed = end.error != NULL || end.has_alert;
    heard->is_done = end.is_peer_done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct tls_context context = {
        .library = &tls_standin,
        .options = {.certificate_file = "none", .key_file = "none", .has_h2 = true},
    };
    static struct heard ours, theirs;

    if (len > INPUT_BYTES_MAX)
        return 0;
    hear_standin(&ours, &context, data, len);
    hear_actor(&theirs, data, len);
    /* Strictness is each one's own; what both take is the same. */
    if (ours.is_failed || theirs.is_failed)
        return 0;
    FINDING_UNLESS(ours.is_open == theirs.is_open, "tls: a handshake is over for both ends");
    FINDING_UNLESS(ours.is_done == theirs.is_done, "tls: both hear the end");
    FINDING_UNLESS(ours.len == theirs.len && memcmp(ours.plain, theirs.plain, ours.len) == 0,
                   "tls: both hear the same data");
    return 0;
}
