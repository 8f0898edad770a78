/*
 * sim/actor/tls.h - the actors' end of the TLS stand-in: same flights as TLS 1.3, nothing secret.
 *
 * Simulated nodes speak it in place of TLS (core/tls); this is on purpose not their code. A record
 * is type(1) length(2, big endian) payload(at most 16384):
 *
 *     1 client hello: protocols offered, "h2,http/1.1", NUL, server name, NUL
 *     2 server hello: the protocol chosen, or nothing     3 finished, of the client: empty
 *     4 data     5 close-notify     6 alert: one byte, fatal
 *     7 ticket: of the server, at any time after the handshake
 *
 * Pure: bytes in, bytes out. Bytes that break these rules set `error`.
 *
 * Owner: a peer.  Threads: none; on the actor's lane.
 */
#ifndef SIM_ACTOR_TLS_H
#define SIM_ACTOR_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TLS_END_RECORD_MAX = 16384,
    TLS_END_HEAD_BYTES = 3,
    TLS_END_NAME_BYTES = 256,
    TLS_END_HELLO_MAX = 512,
};

enum tls_end_record {
    TLS_END_CLIENT_HELLO = 1,
    TLS_END_SERVER_HELLO,
    TLS_END_FINISHED,
    TLS_END_DATA,
    TLS_END_CLOSE,
    TLS_END_ALERT,
    TLS_END_TICKET,
};

struct tls_end {
    bool is_server;
    bool is_open;      /* the handshake is over: data may be sent */
    bool is_peer_done; /* close-notify or an alert came: no data follows */
    bool has_alert;
    uint8_t alert;
    uint32_t tickets;   /* received */
    const char *error;  /* static words; NULL: the other end has kept to the rules */
    const char *wanted; /* the protocol that this end speaks: "h2", "http/1.1" or "" */
    bool is_agreed;     /* both ends named `wanted` */
    char server_name[TLS_END_NAME_BYTES]; /* a server's: as the client said */

    /* private */
    uint8_t head[TLS_END_HEAD_BYTES];
    uint32_t head_bytes;
    uint32_t left_bytes; /* of the record's payload */
    uint8_t hello[TLS_END_HELLO_MAX];
    uint32_t hello_bytes;
};

/* `wanted` as above, static. */
void tls_end_init(struct tls_end *tls, bool is_server, const char *wanted);

/* Appends a record's head to `out` (TLS_END_HEAD_BYTES). */
void tls_end_put_head(uint8_t *out, enum tls_end_record type, size_t len_bytes);

/* A client's first flight; returns its length, at most TLS_END_HELLO_MAX. */
size_t tls_end_put_hello(const struct tls_end *tls, const char *server_name, uint8_t *out);

/* Takes all of `bytes`. Data goes to `plain`, which has room for as much, its length to
 * `*plain_len`; what must be sent in return to `reply` (TLS_END_HELLO_MAX), returned is its length.
 */
size_t tls_end_take(struct tls_end *tls, const uint8_t *bytes, size_t len_bytes, uint8_t *plain,
                    size_t *plain_len, uint8_t *reply);

#endif
