/*
 * sim/actor/tls_test.c - the TLS stand-in of the actors: a client's end with a server's, in one
 * piece and byte by byte, and records that break the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/actor/tls.h"

enum { BYTES_MAX = 2 * TLS_END_HELLO_MAX };

/* Gives `bytes` to `tls` in pieces. Returns how much it replies. */
static size_t give(struct tls_end *tls, const uint8_t *bytes, size_t len, size_t piece_max,
                   uint8_t *plain, size_t *plain_len, uint8_t *reply)
{
    size_t replied = 0;
    size_t got;

    *plain_len = 0;
    for (size_t at = 0; at < len; at += piece_max) {
        size_t piece = len - at < piece_max ? len - at : piece_max;
        replied += tls_end_take(tls, bytes + at, piece, plain + *plain_len, &got, reply + replied);
        *plain_len += got;
    }
    return replied;
}

static void shake_hands(const char *client_wants, const char *server_wants, size_t piece_max)
{
    struct tls_end client;
    struct tls_end server;
    uint8_t wire[BYTES_MAX];
    uint8_t reply[BYTES_MAX];
    uint8_t plain[BYTES_MAX];
    size_t plain_len;
    bool is_agreed = client_wants[0] != '\0' && strcmp(client_wants, server_wants) == 0;

    tls_end_init(&client, false, client_wants);
    tls_end_init(&server, true, server_wants);
    size_t len = tls_end_put_hello(&client, "example", wire);
    len = give(&server, wire, len, piece_max, plain, &plain_len, reply);
    assert_int_equal(len, TLS_END_HEAD_BYTES + (is_agreed ? strlen(server_wants) : 0));
    assert_string_equal(server.server_name, "example");
    assert_false(server.is_open);
    len = give(&client, reply, len, piece_max, plain, &plain_len, wire);
    assert_true(client.is_open);
    assert_int_equal(client.is_agreed, is_agreed);
    assert_int_equal(len, TLS_END_HEAD_BYTES);

    /* Finished and data together. */
    tls_end_put_head(wire + len, TLS_END_DATA, 5);
    for (size_t i = 0; i < 5; i++)
        wire[len + TLS_END_HEAD_BYTES + i] = (uint8_t)"bytes"[i];
    len = give(&server, wire, len + TLS_END_HEAD_BYTES + 5, piece_max, plain, &plain_len, reply);
    assert_int_equal(len, 0);
    assert_true(server.is_open);
    assert_int_equal(server.is_agreed, is_agreed);
    assert_int_equal(plain_len, 5);
    assert_memory_equal(plain, "bytes", 5);

    /* A ticket is no data; behind the end there is none. */
    static const uint8_t ends[] = {TLS_END_TICKET, 0, 1, 'x', TLS_END_CLOSE, 0, 0};
    (void)give(&client, ends, sizeof(ends), piece_max, plain, &plain_len, reply);
    assert_int_equal(plain_len, 0);
    assert_int_equal(client.tickets, 1);
    assert_true(client.is_peer_done);
    assert_null(client.error);
    assert_null(server.error);
    (void)give(&client, ends + 4, 3, piece_max, plain, &plain_len, reply);
    assert_non_null(client.error);
}

static void both_ends_agree(void **state)
{
    static const char *const protocols[] = {"h2", "http/1.1", ""};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            shake_hands(protocols[i], protocols[j], BYTES_MAX);
            shake_hands(protocols[i], protocols[j], 1);
        }
    }
}

/* To a server that has seen nothing, but for `after_hello`. */
static const struct {
    const char *bytes;
    size_t len;
    bool after_hello;
    const char *error; /* holds it */
} wrong[] = {
    {"\x00\x00\x00", 3, false, "unknown type"},
    {"\x08\x00\x00", 3, false, "unknown type"},
    {"\x01\x00\x01x", 4, false, "hello that is none"},
    {"\x01\x00\x02x\0", 5, false, "hello that is none"},
    {"\x01\x00\x03x\0y", 6, false, "hello that is none"},
    {"\x01\x40\x00", 3, false, "too long"},
    {"\x02\x00\x00", 3, false, "hello in the wrong place"},
    {"\x03\x00\x00", 3, false, "finished in the wrong place"},
    {"\x04\x00\x00", 3, false, "data before"},
    {"\x01\x00\x02\0\0", 5, true, "hello in the wrong place"},
    {"\x03\x00\x01", 3, true, "finished in the wrong place"},
    {"\x04\x00\x01x", 4, true, "data before"},
    {"\x04\x40\x01", 3, true, "longer than 16384"},
    {"\x05\x00\x01x", 4, true, "close-notify with"},
    {"\x06\x00\x00", 3, true, "alert that is no byte"},
    {"\x07\x00\x00", 3, true, "ticket in the wrong place"},
};

static void what_breaks_the_rules_is_said(void **state)
{
    uint8_t plain[BYTES_MAX];
    uint8_t reply[BYTES_MAX];
    size_t plain_len;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct tls_end server;
        tls_end_init(&server, true, "h2");
        if (wrong[i].after_hello)
            (void)tls_end_take(&server, (const uint8_t *)"\x01\x00\x02\0\0", 5, plain, &plain_len,
                               reply);
        (void)tls_end_take(&server, (const uint8_t *)wrong[i].bytes, wrong[i].len, plain,
                           &plain_len, reply);
        if (server.error == NULL || strstr(server.error, wrong[i].error) == NULL)
            fail_msg("row %zu says %s, not %s", i, server.error == NULL ? "nothing" : server.error,
                     wrong[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_agree),
        cmocka_unit_test(what_breaks_the_rules_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
