/*
 * core/tls/standin.c - what takes the place of TLS in simulated builds: the same handshake,
 * records, alerts, tickets and ends, without cryptography, so that each run is as the one before.
 *
 * A record is its type, the length of the payload (2 bytes, big endian) and the payload:
 *
 *     1 hello     client  protocols offered, "h2,http/1.1" or nothing, NUL, server's name, NUL
 *     2 hello     server  the protocol chosen, or nothing
 *     3 finished  client  nothing; then either side may send data
 *     4 data
 *     5 end               close-notify
 *     6 alert             one byte; fatal
 *     7 ticket    server  at any time after the handshake; ignored, but makes the socket readable
 *
 * Files are named and not read; nobody is verified.
 *
 * Threads: as session.h says.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/err.h"
#include "core/tls/session.h"

enum record {
    RECORD_CLIENT_HELLO = 1,
    RECORD_SERVER_HELLO,
    RECORD_FINISHED,
    RECORD_DATA,
    RECORD_END,
    RECORD_ALERT,
    RECORD_TICKET,
};

enum {
    HEAD_BYTES = 3,
    PIECE_BYTES = 4096, /* of data in a record that we send */
    IN_BYTES = 2048,
    HELLO_BYTES = 512, /* at most */
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_NO_PROTOCOL = 120,
};

/* What the handshake does next. */
enum step { STEP_SAY_HELLO, STEP_HEAR_HELLO, STEP_FINISH, STEP_HEAR_FINISHED, STEP_READY };

struct standin {
    struct tls_session tls;
    enum step step;
    bool is_end_put;   /* our close-notify was, or is being, sent */
    bool is_end_heard; /* the peer's was received */
    uint8_t head[HEAD_BYTES];
    size_t head_len;   /* HEAD_BYTES: inside a record */
    size_t left_bytes; /* of its payload */
    char hello[HELLO_BYTES];
    size_t hello_len;
    char name[TLS_SERVER_NAME_BYTES];
    uint8_t in[IN_BYTES];
    size_t in_at;
    size_t in_len;
    uint8_t out[HEAD_BYTES + PIECE_BYTES];
    size_t out_at;
    size_t out_len;
};

static struct standin *standin_of(struct tls_session *session)
{
    return (struct standin *)session;
}

static enum tls_status fail(struct standin *self, int error)
{
    self->tls.error = error;
    return TLS_FAILED;
}

/*
 * Out
 */

static enum tls_status flush(struct tls_session *session)
{
    struct standin *self = standin_of(session);

    /* Once a piece is lost nothing may follow it. */
    while (self->out_at < self->out_len && !session->is_send_broken) {
        ssize_t sent =
            send(session->fd, self->out + self->out_at, self->out_len - self->out_at, MSG_NOSIGNAL);
        if (sent >= 0) {
            self->out_at += (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            return TLS_WANT_SEND;
        } else if (errno != EINTR) {
            session->is_send_broken = true;
        }
    }
    self->out_at = self->out_len = 0;
    return TLS_DONE;
}

/* The last one is out. */
static void put(struct standin *self, enum record type, const void *data, size_t len_bytes)
{
    BUG_ON(self->out_len != 0 || len_bytes > PIECE_BYTES);
    self->out[0] = (uint8_t)type;
    self->out[1] = (uint8_t)(len_bytes >> 8);
    self->out[2] = (uint8_t)len_bytes;
    if (len_bytes > 0)
        memcpy(self->out + HEAD_BYTES, data, len_bytes);
    self->out_len = HEAD_BYTES + len_bytes;
}

/* Tells the peer why, if that can be done at once. */
static enum tls_status refuse(struct standin *self, uint8_t alert)
{
    if (self->out_len == 0) {
        put(self, RECORD_ALERT, &alert, 1);
        (void)flush(&self->tls);
    }
    return fail(self, EPROTO);
}

static enum tls_status send_data(struct tls_session *session, const void *data, size_t len_bytes,
                                 size_t *taken_bytes)
{
    *taken_bytes = len_bytes < PIECE_BYTES ? len_bytes : PIECE_BYTES;
    put(standin_of(session), RECORD_DATA, data, *taken_bytes);
    return flush(session);
}

static enum tls_status send_end(struct tls_session *session)
{
    struct standin *self = standin_of(session);

    if (!self->is_end_put) {
        enum tls_status status = flush(session);

        if (status != TLS_DONE)
            return status;
        put(self, RECORD_END, NULL, 0);
        self->is_end_put = true;
    }
    return flush(session);
}

/*
 * In
 */

/* `in` is used up: asks the socket. */
static enum tls_status fill(struct standin *self)
{
    ssize_t got;

    do {
        got = recv(self->tls.fd, self->in, sizeof(self->in), 0);
    } while (got < 0 && errno == EINTR);
    if (got == 0)
        return TLS_CUT;
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? TLS_WANT_RECV : fail(self, errno);
    self->in_at = 0;
    self->in_len = (size_t)got;
    return TLS_DONE;
}

static size_t take_in(struct standin *self, void *out, size_t len_bytes)
{
    size_t len = self->in_len - self->in_at;

    if (len > len_bytes)
        len = len_bytes;
    memcpy(out, self->in + self->in_at, len);
    self->in_at += len;
    return len;
}

/* DONE: inside a record, whose payload may be empty. */
static enum tls_status read_head(struct standin *self)
{
    while (self->head_len < HEAD_BYTES) {
        enum tls_status status = self->in_at == self->in_len ? fill(self) : TLS_DONE;

        if (status != TLS_DONE)
            return status;
        self->head_len += take_in(self, self->head + self->head_len, HEAD_BYTES - self->head_len);
        if (self->head_len == HEAD_BYTES)
            self->left_bytes = (size_t)self->head[1] << 8 | self->head[2];
    }
    return self->left_bytes <= TLS_RECORD_BYTES ? TLS_DONE : refuse(self, ALERT_UNEXPECTED_MESSAGE);
}

/* Reads on in the payload; DONE: `*got_bytes` of it, 0 when it is complete. */
static enum tls_status read_payload(struct standin *self, void *data, size_t len_bytes,
                                    size_t *got_bytes)
{
    *got_bytes = 0;
    if (self->left_bytes == 0) {
        self->head_len = 0;
        return TLS_DONE;
    }
    enum tls_status status = self->in_at == self->in_len ? fill(self) : TLS_DONE;
    if (status != TLS_DONE)
        return status;
    *got_bytes = take_in(self, data, len_bytes < self->left_bytes ? len_bytes : self->left_bytes);
    self->left_bytes -= *got_bytes;
    if (self->left_bytes == 0)
        self->head_len = 0;
    return TLS_DONE;
}

static enum tls_status skip_payload(struct standin *self)
{
    uint8_t byte[64];
    size_t got;
    enum tls_status status;

    do {
        status = read_payload(self, byte, sizeof(byte), &got);
    } while (status == TLS_DONE && got > 0);
    return status;
}

/* A record that is not the one that was expected. */
static enum tls_status read_other(struct standin *self)
{
    enum tls_status status;

    switch ((enum record)self->head[0]) {
    case RECORD_TICKET:
        if (!self->tls.context->options.is_client || self->step != STEP_READY)
            break;
        return skip_payload(self);
    case RECORD_END:
        status = skip_payload(self);
        self->is_end_heard = status == TLS_DONE;
        return self->is_end_heard ? TLS_END : status;
    case RECORD_ALERT:
        return fail(self, ECONNABORTED);
    case RECORD_CLIENT_HELLO:
    case RECORD_SERVER_HELLO:
    case RECORD_FINISHED:
    case RECORD_DATA:
        break;
    }
    return refuse(self, ALERT_UNEXPECTED_MESSAGE);
}

static enum tls_status recv_data(struct tls_session *session, void *data, size_t len_bytes,
                                 size_t *got_bytes)
{
    struct standin *self = standin_of(session);

    *got_bytes = 0;
    if (self->is_end_heard)
        return TLS_END;
    for (;;) {
        enum tls_status status = read_head(self);

        if (status != TLS_DONE)
            return status;
        if (self->head[0] == RECORD_DATA)
            status = read_payload(self, data, len_bytes, got_bytes);
        else
            status = read_other(self);
        if (status != TLS_DONE || *got_bytes > 0)
            return status;
    }
}

/*
 * Handshake
 */

static void put_hello(struct standin *self)
{
    static const char *const offers[] = {"", "http/1.1", "h2", "h2,http/1.1"};
    const struct tls_options *options = &self->tls.context->options;
    const char *offer = offers[2 * options->has_h2 + options->has_h1];
    char hello[64 + TLS_SERVER_NAME_BYTES];
    size_t offer_len = strlen(offer) + 1, name_len = strlen(self->name) + 1;

    memcpy(hello, offer, offer_len);
    memcpy(hello + offer_len, self->name, name_len);
    put(self, RECORD_CLIENT_HELLO, hello, offer_len + name_len);
}

/* Collects a whole record of `type` into `hello`, ended by a NUL. */
static enum tls_status read_hello(struct standin *self, enum record type)
{
    enum tls_status status = read_head(self);
    size_t got;

    if (status != TLS_DONE)
        return status;
    if (self->head[0] != type) {
        status = read_other(self);
        return status == TLS_DONE ? refuse(self, ALERT_UNEXPECTED_MESSAGE) : status;
    }
    do {
        if (self->left_bytes >= HELLO_BYTES - self->hello_len)
            return refuse(self, ALERT_UNEXPECTED_MESSAGE);
        status = read_payload(self, self->hello + self->hello_len, HELLO_BYTES, &got);
        self->hello_len += got;
    } while (status == TLS_DONE && got > 0);
    self->hello[self->hello_len] = '\0';
    return status;
}

static bool is_offered(const char *offer, const char *protocol)
{
    size_t len = strlen(protocol);

    while (*offer != '\0') {
        size_t word = strcspn(offer, ",");
        if (word == len && memcmp(offer, protocol, len) == 0)
            return true;
        offer += word + (offer[word] == ',');
    }
    return false;
}

/* The server's answer to the hello. */
static enum tls_status choose(struct standin *self)
{
    const struct tls_options *options = &self->tls.context->options;
    const char *chosen = "";

    if (options->has_h2 && is_offered(self->hello, "h2")) {
        self->tls.protocol = TLS_PROTOCOL_H2;
        chosen = "h2";
    } else if (options->has_h1 && is_offered(self->hello, "http/1.1")) {
        self->tls.protocol = TLS_PROTOCOL_H1;
        chosen = "http/1.1";
    } else if (self->hello[0] != '\0' && (options->has_h1 || options->has_h2)) {
        return refuse(self, ALERT_NO_PROTOCOL);
    }
    put(self, RECORD_SERVER_HELLO, chosen, strlen(chosen));
    return TLS_DONE;
}

/* The client looks at what was chosen for it. */
static enum tls_status hear_choice(struct standin *self)
{
    const struct tls_options *options = &self->tls.context->options;

    if (options->has_h2 && strcmp(self->hello, "h2") == 0)
        self->tls.protocol = TLS_PROTOCOL_H2;
    else if (options->has_h1 && strcmp(self->hello, "http/1.1") == 0)
        self->tls.protocol = TLS_PROTOCOL_H1;
    else if (self->hello[0] != '\0')
        return refuse(self, ALERT_NO_PROTOCOL);
    put(self, RECORD_FINISHED, NULL, 0);
    return TLS_DONE;
}

/* One step; what it put out is flushed before the next. */
static enum tls_status take_step(struct standin *self)
{
    bool is_client = self->tls.context->options.is_client;
    enum tls_status status;

    switch (self->step) {
    case STEP_SAY_HELLO:
        put_hello(self);
        self->step = STEP_HEAR_HELLO;
        return TLS_DONE;
    case STEP_HEAR_HELLO:
        status = read_hello(self, is_client ? RECORD_SERVER_HELLO : RECORD_CLIENT_HELLO);
        if (status == TLS_DONE)
            status = is_client ? hear_choice(self) : choose(self);
        if (status == TLS_DONE)
            self->step = is_client ? STEP_FINISH : STEP_HEAR_FINISHED;
        return status;
    case STEP_HEAR_FINISHED:
        self->hello_len = 0;
        status = read_hello(self, RECORD_FINISHED);
        if (status == TLS_DONE) {
            put(self, RECORD_TICKET, NULL, 0); /* as servers of TLS 1.3 do */
            self->step = STEP_FINISH;
        }
        return status;
    case STEP_FINISH:
        self->step = STEP_READY;
        return TLS_DONE;
    case STEP_READY:
        break;
    }
    return TLS_DONE;
}

static enum tls_status shake(struct tls_session *session)
{
    struct standin *self = standin_of(session);

    while (self->step != STEP_READY) {
        enum tls_status status = flush(session);

        if (status == TLS_DONE)
            status = take_step(self);
        if (status == TLS_END)
            return fail(self, ECONNRESET);
        if (status != TLS_DONE)
            return status;
    }
    return TLS_DONE;
}

/*
 * Begin and end
 */

static int open_context(struct tls_context *context, char error[TLS_ERROR_BYTES])
{
    (void)context;
    error[0] = '\0';
    return 0;
}

static void close_context(struct tls_context *context)
{
    (void)context;
}

static int open_session(struct tls_session *session, const char *server_name)
{
    struct standin *self = standin_of(session);

    self->step = session->context->options.is_client ? STEP_SAY_HELLO : STEP_HEAR_HELLO;
    if (server_name != NULL) {
        size_t len = strnlen(server_name, sizeof(self->name) - 1);
        memcpy(self->name, server_name, len);
    }
    return 0;
}

static void close_session(struct tls_session *session)
{
    (void)session;
}

/* Within a record the head is something too. */
static bool has_pending(const struct tls_session *session)
{
    const struct standin *self = (const struct standin *)session;

    return self->in_at < self->in_len || self->head_len > 0;
}

const struct tls_library tls_standin = {
    .name = "standin",
    .session_bytes = sizeof(struct standin),
    .open_context = open_context,
    .close_context = close_context,
    .open = open_session,
    .close = close_session,
    .shake = shake,
    .recv = recv_data,
    .send = send_data,
    .flush = flush,
    .end = send_end,
    .has_pending = has_pending,
};
