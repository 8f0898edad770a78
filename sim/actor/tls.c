/*
 * sim/actor/tls.c - see tls.h.
 */
#include "sim/actor/tls.h"

#include <string.h>

void tls_end_init(struct tls_end *tls, bool is_server, const char *wanted)
{
    *tls = (struct tls_end){.is_server = is_server, .wanted = wanted};
}

void tls_end_put_head(uint8_t *out, enum tls_end_record type, size_t len_bytes)
{
    out[0] = (uint8_t)type;
    out[1] = (uint8_t)(len_bytes >> 8);
    out[2] = (uint8_t)len_bytes;
}

size_t tls_end_put_hello(const struct tls_end *tls, const char *server_name, uint8_t *out)
{
    size_t offer = strlen(tls->wanted) + 1;
    size_t name = strlen(server_name) + 1;

    tls_end_put_head(out, TLS_END_CLIENT_HELLO, offer + name);
    memcpy(out + TLS_END_HEAD_BYTES, tls->wanted, offer);
    memcpy(out + TLS_END_HEAD_BYTES + offer, server_name, name);
    return TLS_END_HEAD_BYTES + offer + name;
}

static void fail(struct tls_end *tls, const char *error)
{
    if (tls->error == NULL)
        tls->error = error;
}

/* Is `wanted` in the comma-separated offer? */
static bool is_offered(const char *offer, const char *wanted)
{
    size_t len = strlen(wanted);

    while (len != 0 && *offer != '\0') {
        size_t item = strcspn(offer, ",");
        if (item == len && memcmp(offer, wanted, len) == 0)
            return true;
        offer += item + (offer[item] == ',');
    }
    return false;
}

static size_t answer_client_hello(struct tls_end *tls, uint8_t *reply)
{
    const char *offer = (const char *)tls->hello;
    const uint8_t *end = memchr(tls->hello, '\0', tls->hello_bytes);
    size_t offer_len = end == NULL ? 0 : (size_t)(end - tls->hello);
    size_t name_len = end == NULL ? 0 : tls->hello_bytes - offer_len - 1;

    if (end == NULL || name_len == 0 || name_len > sizeof(tls->server_name) ||
        memchr(end + 1, '\0', name_len) != end + name_len) {
        fail(tls, "a client hello that is none");
        return 0;
    }
    memcpy(tls->server_name, end + 1, name_len);
    tls->is_agreed = is_offered(offer, tls->wanted);
    size_t len = tls->is_agreed ? strlen(tls->wanted) : 0;
    tls_end_put_head(reply, TLS_END_SERVER_HELLO, len);
    memcpy(reply + TLS_END_HEAD_BYTES, tls->wanted, len);
    return TLS_END_HEAD_BYTES + len;
}

static size_t answer_server_hello(struct tls_end *tls, uint8_t *reply)
{
    size_t len = strlen(tls->wanted);

    tls->is_agreed =
        len != 0 && tls->hello_bytes == len && memcmp(tls->hello, tls->wanted, len) == 0;
    if (!tls->is_agreed && tls->hello_bytes != 0)
        fail(tls, "a server hello with a protocol that was not offered");
    tls->is_open = true;
    tls_end_put_head(reply, TLS_END_FINISHED, 0);
    return TLS_END_HEAD_BYTES;
}

/* May a record of this type and length come now? */
static void check_head(struct tls_end *tls, uint8_t type, uint32_t len)
{
    bool is_hello = type == (tls->is_server ? TLS_END_CLIENT_HELLO : TLS_END_SERVER_HELLO);
    bool has_hello = tls->hello_bytes != 0 || tls->is_open;

    if (type < TLS_END_CLIENT_HELLO || type > TLS_END_TICKET)
        fail(tls, "a record of an unknown type");
    else if (len > TLS_END_RECORD_MAX)
        fail(tls, "a record longer than 16384 bytes");
    else if (tls->is_peer_done)
        fail(tls, "a record behind the last one");
    else if (type <= TLS_END_SERVER_HELLO && (!is_hello || has_hello))
        fail(tls, "a hello in the wrong place");
    else if (is_hello && len > TLS_END_HELLO_MAX)
        fail(tls, "a hello that is too long");
    else if (type == TLS_END_FINISHED &&
             (!tls->is_server || tls->is_open || !has_hello || len != 0))
        fail(tls, "a finished in the wrong place");
    else if (type == TLS_END_DATA && !tls->is_open)
        fail(tls, "data before the handshake is over");
    else if (type == TLS_END_TICKET && (tls->is_server || !tls->is_open))
        fail(tls, "a ticket in the wrong place");
    else if (type == TLS_END_ALERT && len != 1)
        fail(tls, "an alert that is no byte");
    else if (type == TLS_END_CLOSE && len != 0)
        fail(tls, "a close-notify with something in it");
}

/* The record is complete. Returns the length of the reply. */
static size_t end_record(struct tls_end *tls, uint8_t *reply)
{
    uint8_t type = tls->head[0];

    tls->head_bytes = 0;
    if (type == TLS_END_CLIENT_HELLO)
        return answer_client_hello(tls, reply);
    if (type == TLS_END_SERVER_HELLO)
        return answer_server_hello(tls, reply);
    if (type == TLS_END_FINISHED)
        tls->is_open = true;
    else if (type == TLS_END_CLOSE)
        tls->is_peer_done = true;
    else if (type == TLS_END_TICKET)
        tls->tickets++;
    return 0;
}

/* Takes what of the payload there is; returns how many bytes. */
static size_t take_payload(struct tls_end *tls, const uint8_t *bytes, size_t len_bytes,
                           uint8_t *plain, size_t *plain_len)
{
    size_t len = len_bytes < tls->left_bytes ? len_bytes : tls->left_bytes;

    if (tls->head[0] == TLS_END_DATA) {
        memcpy(plain + *plain_len, bytes, len);
        *plain_len += len;
    } else if (tls->head[0] <= TLS_END_SERVER_HELLO) {
        memcpy(tls->hello + tls->hello_bytes, bytes, len);
        tls->hello_bytes += (uint32_t)len;
    } else if (tls->head[0] == TLS_END_ALERT && len == 1) {
        tls->has_alert = true;
        tls->is_peer_done = true;
        tls->alert = bytes[0];
    }
    tls->left_bytes -= (uint32_t)len;
    return len;
}

size_t tls_end_take(struct tls_end *tls, const uint8_t *bytes, size_t len_bytes, uint8_t *plain,
                    size_t *plain_len, uint8_t *reply)
{
    size_t at = 0;
    size_t reply_len = 0;

    *plain_len = 0;
    while (at < len_bytes && tls->error == NULL) {
        if (tls->head_bytes < TLS_END_HEAD_BYTES) {
            tls->head[tls->head_bytes++] = bytes[at++];
            if (tls->head_bytes < TLS_END_HEAD_BYTES)
                continue;
            tls->left_bytes = (uint32_t)tls->head[1] << 8 | tls->head[2];
            check_head(tls, tls->head[0], tls->left_bytes);
        } else {
            at += take_payload(tls, bytes + at, len_bytes - at, plain, plain_len);
        }
        /* There is one hello, so one reply. */
        if (tls->error == NULL && tls->head_bytes == TLS_END_HEAD_BYTES && tls->left_bytes == 0)
            reply_len += end_record(tls, reply + reply_len);
    }
    return reply_len;
}
