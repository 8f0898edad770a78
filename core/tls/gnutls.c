/*
 * core/tls/gnutls.c - TLS 1.2 and 1.3 by GnuTLS.
 *
 * GnuTLS asks for the head of a record and then for the rest. So that this is not two system calls,
 * what the socket has beyond the head is read into a buffer that is there only while it holds
 * something (`ahead`): a connection at rest has none.
 *
 * Threads: as session.h says.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/base/err.h"
#include "core/tls/gnutls_context.h"
#include "core/tls/session.h"

struct session {
    struct tls_session tls;
    gnutls_session_t gnutls;
    bool is_ready;   /* the handshake is done */
    bool is_dry;     /* the socket had nothing when it was last asked */
    int error_io;    /* errno of the last system call that failed for good */
    uint8_t *ahead;  /* of the pool, or NULL */
    size_t ahead_at; /* first byte not yet asked for */
    size_t ahead_len;
    char name[TLS_SERVER_NAME_BYTES];
};

static struct session *session_of(struct tls_session *tls)
{
    return (struct session *)tls;
}

static struct gnutls_context *context_of(const struct session *self)
{
    return self->tls.context->of_library;
}

/*
 * The socket
 */

static void drop_ahead(struct session *self)
{
    pool_give(&context_of(self)->aheads, self->ahead);
    self->ahead = NULL;
    self->ahead_at = self->ahead_len = 0;
}

static ssize_t pull_ahead(struct session *self, void *data, size_t len_bytes)
{
    size_t len = self->ahead_len - self->ahead_at;

    if (len > len_bytes)
        len = len_bytes;
    memcpy(data, self->ahead + self->ahead_at, len);
    self->ahead_at += len;
    if (self->ahead_at == self->ahead_len)
        drop_ahead(self);
    return (ssize_t)len;
}

/* GnuTLS reads errno. */
static ssize_t pull(gnutls_transport_ptr_t ctx, void *data, size_t len_bytes)
{
    struct session *self = ctx;
    struct iovec rooms[2] = {{data, len_bytes}};
    struct msghdr message = {.msg_iov = rooms, .msg_iovlen = 1};
    ssize_t got;

    if (self->ahead != NULL)
        return pull_ahead(self, data, len_bytes);
    self->ahead = pool_take(&context_of(self)->aheads);
    if (self->ahead != NULL) {
        /* Refused: slower, no more. */
        rooms[1] = (struct iovec){self->ahead, GNUTLS_AHEAD_BYTES};
        message.msg_iovlen = 2;
    }
    do {
        got = recvmsg(self->tls.fd, &message, 0);
    } while (got < 0 && errno == EINTR);
    int error = errno;
    if (got > (ssize_t)len_bytes) {
        self->ahead_len = (size_t)got - len_bytes;
        return (ssize_t)len_bytes;
    }
    drop_ahead(self);
    self->is_dry = got < 0 && (error == EAGAIN || error == EWOULDBLOCK);
    if (got < 0 && !self->is_dry)
        self->error_io = error;
    errno = error;
    return got;
}

static ssize_t push(gnutls_transport_ptr_t ctx, const giovec_t *pieces, int pieces_count)
{
    struct session *self = ctx;
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)pieces_count};
    ssize_t sent = -1, sum = 0;

    /* Once a piece is lost nothing may follow it. */
    errno = EPIPE;
    while (!self->tls.is_send_broken) {
        sent = sendmsg(self->tls.fd, &message, MSG_NOSIGNAL);
        if (sent >= 0)
            return sent;
        if (errno != EINTR)
            break;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
        errno = EAGAIN;
        return -1;
    }
    /* An error would end the session, and what the peer sent before could not be read. */
    self->tls.is_send_broken = true;
    for (int i = 0; i < pieces_count; i++)
        sum += (ssize_t)pieces[i].iov_len;
    return sum;
}

/*
 * Answers of GnuTLS
 */

static enum tls_status fail(struct session *self, int result)
{
    switch (result) {
    case GNUTLS_E_PULL_ERROR:
    case GNUTLS_E_PUSH_ERROR:
        self->tls.error = self->error_io != 0 ? self->error_io : ECONNRESET;
        return TLS_FAILED;
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        self->tls.error = ECONNABORTED;
        return TLS_FAILED;
    case GNUTLS_E_MEMORY_ERROR:
        self->tls.error = ENOMEM;
        break;
    case GNUTLS_E_CERTIFICATE_ERROR:
    case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
        self->tls.error = EKEYREJECTED;
        break;
    default:
        self->tls.error = EPROTO;
        break;
    }
    /* If it can be said at once. */
    (void)gnutls_alert_send_appropriate(self->gnutls, result);
    return TLS_FAILED;
}

/* What a negative `result` means; INTERRUPTED and warnings are the caller's to repeat. */
static enum tls_status status_of(struct session *self, int result)
{
    if (result == GNUTLS_E_AGAIN)
        return gnutls_record_get_direction(self->gnutls) == 0 ? TLS_WANT_RECV : TLS_WANT_SEND;
    if (result == GNUTLS_E_PREMATURE_TERMINATION)
        return TLS_CUT;
    return fail(self, result);
}

static bool is_worth_repeating(const struct session *self, int result)
{
    /* It says so too after a session ticket, whatever follows. */
    if (result == GNUTLS_E_AGAIN && gnutls_record_get_direction(self->gnutls) == 0)
        return !self->is_dry;
    if (result == GNUTLS_E_INTERRUPTED || result == GNUTLS_E_WARNING_ALERT_RECEIVED)
        return true;
    /* RFC 5246, 7.4.1.1: a client may pass over the wish to renegotiate. */
    return result == GNUTLS_E_REHANDSHAKE && self->tls.context->options.is_client;
}

/*
 * The session
 */

static enum tls_protocol find_protocol(const struct session *self)
{
    gnutls_datum_t chosen;

    if (gnutls_alpn_get_selected_protocol(self->gnutls, &chosen) < 0)
        return TLS_PROTOCOL_NONE;
    if (chosen.size == 2 && memcmp(chosen.data, "h2", 2) == 0)
        return TLS_PROTOCOL_H2;
    if (chosen.size == 8 && memcmp(chosen.data, "http/1.1", 8) == 0)
        return TLS_PROTOCOL_H1;
    return TLS_PROTOCOL_NONE;
}

static enum tls_status shake(struct tls_session *tls)
{
    struct session *self = session_of(tls);
    int result;

    do {
        self->is_dry = false;
        result = gnutls_handshake(self->gnutls);
    } while (result < 0 && is_worth_repeating(self, result));
    if (result < 0)
        return status_of(self, result);
    tls->protocol = find_protocol(self);
    self->is_ready = true;
    return TLS_DONE;
}

static enum tls_status recv_data(struct tls_session *tls, void *data, size_t len_bytes,
                                 size_t *got_bytes)
{
    struct session *self = session_of(tls);
    ssize_t result;

    *got_bytes = 0;
    do {
        self->is_dry = false;
        result = gnutls_record_recv(self->gnutls, data, len_bytes);
    } while (result < 0 && is_worth_repeating(self, (int)result));
    if (result < 0)
        return status_of(self, (int)result);
    if (result == 0)
        return TLS_END;
    *got_bytes = (size_t)result;
    return TLS_DONE;
}

static enum tls_status flush(struct tls_session *tls)
{
    struct session *self = session_of(tls);
    ssize_t result;

    do {
        result = gnutls_record_send(self->gnutls, NULL, 0);
    } while (result == GNUTLS_E_INTERRUPTED);
    return result < 0 ? status_of(self, (int)result) : TLS_DONE;
}

static enum tls_status send_data(struct tls_session *tls, const void *data, size_t len_bytes,
                                 size_t *taken_bytes)
{
    struct session *self = session_of(tls);
    ssize_t result;

    len_bytes = len_bytes < TLS_RECORD_BYTES ? len_bytes : TLS_RECORD_BYTES;
    do {
        result = gnutls_record_send(self->gnutls, data, len_bytes);
    } while (result == GNUTLS_E_INTERRUPTED);
    if (result < 0) {
        enum tls_status status = status_of(self, (int)result);

        *taken_bytes = status == TLS_WANT_SEND ? len_bytes : 0;
        return status;
    }
    *taken_bytes = (size_t)result;
    return TLS_DONE;
}

static enum tls_status send_end(struct tls_session *tls)
{
    struct session *self = session_of(tls);
    int result;

    do {
        result = gnutls_bye(self->gnutls, GNUTLS_SHUT_WR);
    } while (result == GNUTLS_E_INTERRUPTED);
    return result < 0 ? status_of(self, result) : TLS_DONE;
}

static bool has_pending(const struct tls_session *tls)
{
    const struct session *self = (const struct session *)tls;

    return self->ahead != NULL || gnutls_record_check_pending(self->gnutls) > 0;
}

/*
 * Begin and end
 */

static int set_protocols(struct session *self)
{
    const struct tls_options *options = &self->tls.context->options;
    /* One that the client offers in vain is refused with an alert: RFC 7301, 3.2. */
    unsigned flags = options->is_client ? 0 : GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE;
    gnutls_datum_t protocols[2];
    unsigned count = 0;

    if (options->has_h2)
        protocols[count++] = (gnutls_datum_t){(unsigned char *)"h2", 2};
    if (options->has_h1)
        protocols[count++] = (gnutls_datum_t){(unsigned char *)"http/1.1", 8};
    return count > 0 ? gnutls_alpn_set_protocols(self->gnutls, protocols, count, flags) : 0;
}

static int set_up_client(struct session *self)
{
    struct gnutls_context *context = context_of(self);
    const char *name = self->name[0] != '\0' ? self->name : NULL;

    if (name != NULL &&
        gnutls_server_name_set(self->gnutls, GNUTLS_NAME_DNS, name, strlen(name)) < 0)
        return -ERR_MEMORY;
    if (context->is_verifying)
        gnutls_session_set_verify_cert(self->gnutls, name, 0);
    gnutls_context_resume(context, self->gnutls, self->name);
    return 0;
}

static int set_up(struct session *self)
{
    struct gnutls_context *context = context_of(self);

    if (gnutls_priority_set(self->gnutls, context->priority) < 0 ||
        gnutls_credentials_set(self->gnutls, GNUTLS_CRD_CERTIFICATE, context->credentials) < 0 ||
        set_protocols(self) < 0)
        return -ERR_MEMORY;
    gnutls_transport_set_ptr(self->gnutls, self);
    gnutls_transport_set_pull_function(self->gnutls, pull);
    gnutls_transport_set_vec_push_function(self->gnutls, push);
    if (self->tls.context->options.is_client)
        return set_up_client(self);
    return gnutls_session_ticket_enable_server(self->gnutls, &context->ticket_key) < 0 ? -ERR_MEMORY
                                                                                       : 0;
}

static int open_session(struct tls_session *tls, const char *server_name)
{
    struct session *self = session_of(tls);
    unsigned flags = tls->context->options.is_client ? GNUTLS_CLIENT : GNUTLS_SERVER;

    if (server_name != NULL)
        memcpy(self->name, server_name, strnlen(server_name, sizeof(self->name) - 1));
    if (gnutls_init(&self->gnutls, flags | GNUTLS_NONBLOCK) < 0)
        return -ERR_MEMORY;
    int result = set_up(self);
    if (result != 0)
        gnutls_deinit(self->gnutls);
    return result;
}

static void close_session(struct tls_session *tls)
{
    struct session *self = session_of(tls);

    if (self->is_ready && tls->context->options.is_client)
        gnutls_context_keep(context_of(self), self->gnutls, self->name);
    if (self->ahead != NULL)
        drop_ahead(self);
    gnutls_deinit(self->gnutls);
}

const struct tls_library tls_gnutls = {
    .name = "gnutls",
    .session_bytes = sizeof(struct session),
    .open_context = gnutls_context_open,
    .close_context = gnutls_context_close,
    .open = open_session,
    .close = close_session,
    .shake = shake,
    .recv = recv_data,
    .send = send_data,
    .flush = flush,
    .end = send_end,
    .has_pending = has_pending,
};
