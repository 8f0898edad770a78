/*
 * core/tls/session_test.c - two sessions that talk, with both libraries; certificates with the real
 * one.
 *
 * A pump carries bytes between the two sockets, as many at a time as the test says, so each place
 * where a session must stop and go on is met. Nothing waits.
 */
#include "core/tls/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/err.h"

#define TESTDATA "core/tls/testdata/"

enum { CLIENT, SERVER, TURNS_MAX = 100000 };

struct pair {
    const struct tls_library *library;
    struct tls_context *contexts[2];
    struct tls_session *sessions[2];
    enum tls_status statuses[2]; /* of the handshake */
    int far[2];                  /* the pump's ends */
    size_t pump_bytes;           /* at a time */
    size_t pumped_bytes;
};

static const struct tls_options CLIENT_OPTIONS = {.is_client = true};
static const struct tls_options SERVER_OPTIONS = {
    .certificate_file = TESTDATA "server.pem",
    .key_file = TESTDATA "server.key",
};

static struct tls_context *context_new(const struct tls_library *library,
                                       const struct tls_options *options)
{
    char error[TLS_ERROR_BYTES];
    struct tls_context *context;

    if (tls_context_new_with(library, options, &context, error) != 0)
        fail_msg("%s", error);
    return context;
}

static void pair_connect(struct pair *pair, const char *server_name)
{
    const int small = 1;

    for (int i = 0; i < 2; i++) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
        pair->far[i] = fds[1];
        pair->sessions[i] =
            tls_session_new(pair->contexts[i], fds[0], i == CLIENT ? server_name : NULL);
        assert_non_null(pair->sessions[i]);
        pair->statuses[i] = TLS_WANT_RECV;
    }
    pair->pumped_bytes = 0;
}

static void pair_init(struct pair *pair, const struct tls_library *library,
                      const struct tls_options *client, const struct tls_options *server)
{
    *pair = (struct pair){.library = library, .pump_bytes = 4096};
    pair->contexts[CLIENT] = context_new(library, client);
    pair->contexts[SERVER] = context_new(library, server);
}

static void pair_disconnect(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        close(pair->sessions[i]->fd);
        if (pair->far[i] >= 0)
            close(pair->far[i]);
        tls_session_free(pair->sessions[i]);
    }
}

static void pair_fini(struct pair *pair)
{
    pair_disconnect(pair);
    tls_context_free(pair->contexts[CLIENT]);
    tls_context_free(pair->contexts[SERVER]);
}

static bool pump(struct pair *pair)
{
    uint8_t bytes[65536];
    bool has_moved = false;

    for (int i = 0; i < 2; i++) {
        ssize_t got = pair->far[i] < 0 ? -1 : recv(pair->far[i], bytes, pair->pump_bytes, MSG_PEEK);
        if (got > 0)
            got = send(pair->far[!i], bytes, (size_t)got, MSG_NOSIGNAL);
        if (got <= 0)
            continue;
        assert_int_equal(recv(pair->far[i], bytes, (size_t)got, 0), got);
        pair->pumped_bytes += (size_t)got;
        has_moved = true;
    }
    return has_moved;
}

static bool is_want(enum tls_status status)
{
    return status == TLS_WANT_RECV || status == TLS_WANT_SEND;
}

/* Until both are through with it, one way or another. */
static void shake(struct pair *pair)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        for (int i = 0; i < 2; i++) {
            if (is_want(pair->statuses[i]))
                pair->statuses[i] = pair->library->shake(pair->sessions[i]);
        }
        if (!pump(pair) && !is_want(pair->statuses[0]) && !is_want(pair->statuses[1]))
            return;
        /* Who has failed says no more; the other hears of it, or sees the end. */
        if (pair->statuses[0] == TLS_FAILED || pair->statuses[1] == TLS_FAILED) {
            while (pump(pair))
                ;
            for (int i = 0; i < 2; i++) {
                if (is_want(pair->statuses[i]))
                    pair->statuses[i] = pair->library->shake(pair->sessions[i]);
            }
            return;
        }
    }
    fail_msg("no handshake after %d turns", TURNS_MAX);
}

static void shake_well(struct pair *pair)
{
    shake(pair);
    assert_int_equal(pair->statuses[CLIENT], TLS_DONE);
    assert_int_equal(pair->statuses[SERVER], TLS_DONE);
}

static enum tls_status try_recv(struct pair *pair, int side, void *data, size_t len, size_t *got)
{
    return pair->library->recv(pair->sessions[side], data, len, got);
}

static void send_all(struct pair *pair, int side, const char *text)
{
    size_t taken;

    assert_int_equal(pair->library->send(pair->sessions[side], text, strlen(text), &taken),
                     TLS_DONE);
    assert_int_equal(taken, strlen(text));
}

static void pump_all(struct pair *pair)
{
    while (pump(pair))
        ;
}

static void assert_hears(struct pair *pair, int side, const char *text)
{
    enum tls_status status = TLS_WANT_RECV;
    size_t sum = 0, got;
    char bytes[64];

    for (int turn = 0; turn < TURNS_MAX && sum < strlen(text); turn++) {
        status = try_recv(pair, side, bytes + sum, sizeof(bytes) - sum, &got);
        sum += got;
        if (status != TLS_DONE && !pump(pair))
            break;
    }
    assert_int_equal(status, TLS_DONE);
    assert_int_equal(sum, strlen(text));
    assert_memory_equal(bytes, text, sum);
}

/*
 * Both libraries
 */

static void shakes_hands_byte_by_byte(void **state)
{
    struct pair pair;

    pair_init(&pair, *state, &CLIENT_OPTIONS, &SERVER_OPTIONS);
    pair.pump_bytes = 1;
    pair_connect(&pair, "heddle.test");
    shake_well(&pair);
    assert_int_equal(pair.sessions[CLIENT]->protocol, TLS_PROTOCOL_NONE);
    assert_int_equal(pair.sessions[SERVER]->protocol, TLS_PROTOCOL_NONE);
    send_all(&pair, CLIENT, "question");
    assert_hears(&pair, SERVER, "question");
    send_all(&pair, SERVER, "answer");
    assert_hears(&pair, CLIENT, "answer");
    pair_fini(&pair);
}

static void agrees_on_a_protocol(void **state)
{
    /* h1 and h2 of the client, of the server; what comes of it. */
    static const struct {
        bool has[2][2];
        enum tls_protocol protocol;
        bool is_refused;
    } cases[] = {
        {{{true, true}, {true, true}}, TLS_PROTOCOL_H2, false},
        {{{true, true}, {true, false}}, TLS_PROTOCOL_H1, false},
        {{{true, false}, {true, true}}, TLS_PROTOCOL_H1, false},
        {{{false, true}, {true, true}}, TLS_PROTOCOL_H2, false},
        {{{false, false}, {true, true}}, TLS_PROTOCOL_NONE, false},
        {{{true, true}, {false, false}}, TLS_PROTOCOL_NONE, false},
        {{{false, true}, {true, false}}, TLS_PROTOCOL_NONE, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_options options[2] = {CLIENT_OPTIONS, SERVER_OPTIONS};
        struct pair pair;

        for (int side = 0; side < 2; side++) {
            options[side].has_h1 = cases[i].has[side][0];
            options[side].has_h2 = cases[i].has[side][1];
        }
        pair_init(&pair, *state, &options[CLIENT], &options[SERVER]);
        pair_connect(&pair, NULL);
        shake(&pair);
        for (int side = 0; side < 2; side++) {
            assert_int_equal(pair.statuses[side], cases[i].is_refused ? TLS_FAILED : TLS_DONE);
            assert_int_equal(pair.sessions[side]->protocol, cases[i].protocol);
        }
        if (cases[i].is_refused) {
            assert_int_equal(pair.sessions[SERVER]->error, EPROTO);
            assert_int_equal(pair.sessions[CLIENT]->error, ECONNABORTED);
        }
        pair_fini(&pair);
    }
}

/* One side of the exchange of much data. */
struct stream {
    size_t sent;
    size_t got;
    bool is_held;
};

enum { MUCH_BYTES = 1 << 20 };

static uint8_t byte_at(int side, size_t offset)
{
    return (uint8_t)(offset * 31 + offset / 251 + (size_t)side);
}

static void send_much(struct pair *pair, int side, struct stream *stream)
{
    uint8_t bytes[20000];
    size_t len = sizeof(bytes), taken = 0;
    enum tls_status status;

    if (stream->is_held) {
        status = pair->library->flush(pair->sessions[side]);
        stream->is_held = status == TLS_WANT_SEND;
        assert_true(stream->is_held || status == TLS_DONE);
        return;
    }
    if (len > MUCH_BYTES - stream->sent)
        len = MUCH_BYTES - stream->sent;
    if (len == 0)
        return;
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(side, stream->sent + i);
    status = pair->library->send(pair->sessions[side], bytes, len, &taken);
    /* Whatever has been taken is the library's: it needs no second look at it. */
    memset(bytes, 0, sizeof(bytes));
    stream->sent += taken;
    stream->is_held = status == TLS_WANT_SEND && taken > 0;
    assert_true(taken > 0 && (stream->is_held || status == TLS_DONE));
}

static void recv_much(struct pair *pair, int side, struct stream *stream)
{
    uint8_t bytes[7000];
    size_t got = 0;
    enum tls_status status = try_recv(pair, side, bytes, sizeof(bytes), &got);

    assert_true(status == TLS_DONE || status == TLS_WANT_RECV);
    for (size_t i = 0; i < got; i++)
        assert_int_equal(bytes[i], byte_at(!side, stream->got + i));
    stream->got += got;
}

static void carries_much_both_ways(void **state)
{
    struct stream streams[2] = {{0, 0, false}, {0, 0, false}};
    bool was_held = false;
    struct pair pair;

    pair_init(&pair, *state, &CLIENT_OPTIONS, &SERVER_OPTIONS);
    pair_connect(&pair, NULL);
    shake_well(&pair);
    pair.pump_bytes = 1500;
    for (int turn = 0; streams[0].got < MUCH_BYTES || streams[1].got < MUCH_BYTES; turn++) {
        assert_true(turn < TURNS_MAX);
        for (int side = 0; side < 2; side++) {
            send_much(&pair, side, &streams[side]);
            was_held |= streams[side].is_held;
            recv_much(&pair, side, &streams[side]);
        }
        (void)pump(&pair);
    }
    assert_true(was_held); /* the sockets are small: it was not always out at once */
    assert_int_equal(streams[0].got, MUCH_BYTES);
    assert_int_equal(streams[1].got, MUCH_BYTES);
    pair_fini(&pair);
}

static void what_is_inside_is_said(void **state)
{
    struct pair pair;
    char bytes[8];
    size_t got;

    pair_init(&pair, *state, &CLIENT_OPTIONS, &SERVER_OPTIONS);
    pair_connect(&pair, NULL);
    shake_well(&pair);
    assert_false(pair.library->has_pending(pair.sessions[SERVER]));
    send_all(&pair, CLIENT, "ab");
    send_all(&pair, CLIENT, "cd");
    pump_all(&pair);
    assert_int_equal(try_recv(&pair, SERVER, bytes, 1, &got), TLS_DONE);
    assert_true(pair.library->has_pending(pair.sessions[SERVER]));
    assert_int_equal(try_recv(&pair, SERVER, bytes + 1, 1, &got), TLS_DONE);
    assert_int_equal(try_recv(&pair, SERVER, bytes + 2, 6, &got), TLS_DONE);
    assert_int_equal(got, 2);
    assert_memory_equal(bytes, "abcd", 4);
    assert_false(pair.library->has_pending(pair.sessions[SERVER]));
    assert_int_equal(try_recv(&pair, SERVER, bytes, 8, &got), TLS_WANT_RECV);
    pair_fini(&pair);
}

/* TLS 1.3 sends tickets by itself; the stand-in does when it is told to. */
static void a_ticket_is_no_data(void **state)
{
    static const uint8_t ticket[] = {7, 0, 3, 'x', 'y', 'z'};
    struct pair pair;
    char bytes[8];
    size_t got;

    pair_init(&pair, *state, &CLIENT_OPTIONS, &SERVER_OPTIONS);
    pair_connect(&pair, NULL);
    shake_well(&pair);
    pump_all(&pair);
    if (pair.library == &tls_standin)
        assert_int_equal(send(pair.far[CLIENT], ticket, sizeof(ticket), 0), sizeof(ticket));
    /* It is there, in the socket or read already. */
    assert_true(recv(pair.sessions[CLIENT]->fd, bytes, 1, MSG_PEEK) == 1 ||
                pair.library->has_pending(pair.sessions[CLIENT]));
    assert_int_equal(try_recv(&pair, CLIENT, bytes, 8, &got), TLS_WANT_RECV);
    assert_false(pair.library->has_pending(pair.sessions[CLIENT]));
    send_all(&pair, SERVER, "data");
    assert_hears(&pair, CLIENT, "data");
    pair_fini(&pair);
}

static void each_side_ends_for_itself(void **state)
{
    struct pair pair;
    char bytes[8];
    size_t got;

    pair_init(&pair, *state, &CLIENT_OPTIONS, &SERVER_OPTIONS);
    pair_connect(&pair, NULL);
    shake_well(&pair);
    send_all(&pair, CLIENT, "last");
    assert_int_equal(pair.library->end(pair.sessions[CLIENT]), TLS_DONE);
    assert_hears(&pair, SERVER, "last");
    assert_int_equal(try_recv(&pair, SERVER, bytes, 8, &got), TLS_END);
    send_all(&pair, SERVER, "answer");
    assert_hears(&pair, CLIENT, "answer");
    assert_int_equal(pair.library->end(pair.sessions[SERVER]), TLS_DONE);
    pump_all(&pair);
    assert_int_equal(try_recv(&pair, CLIENT, bytes, 8, &got), TLS_END);
    pair_fini(&pair);
}

static void an_end_without_a_word_is_a_cut(void **state)
{
    struct pair pair;
    char bytes[8];
    size_t got;

    pair_init(&pair, *state, &CLIENT_OPTIONS, &SERVER_OPTIONS);
    pair_connect(&pair, NULL);
    shake_well(&pair);
    send_all(&pair, CLIENT, "last");
    pump_all(&pair);
    close(pair.far[SERVER]);
    pair.far[SERVER] = -1;
    assert_hears(&pair, SERVER, "last");
    assert_int_equal(try_recv(&pair, SERVER, bytes, 8, &got), TLS_CUT);
    pair_fini(&pair);
}

static void a_cut_handshake_is_no_success(void **state)
{
    struct pair pair;

    pair_init(&pair, *state, &CLIENT_OPTIONS, &SERVER_OPTIONS);
    pair_connect(&pair, NULL);
    (void)pair.library->shake(pair.sessions[CLIENT]);
    (void)pump(&pair);
    close(pair.far[SERVER]);
    pair.far[SERVER] = -1;
    enum tls_status status = pair.library->shake(pair.sessions[SERVER]);
    assert_true(status == TLS_CUT || status == TLS_FAILED);
    pair_fini(&pair);
}

/* The peer answers and leaves without hearing all: its answer is still to be had. */
static void what_was_sent_before_can_be_read(void **state)
{
    struct pair pair;
    size_t taken;

    pair_init(&pair, *state, &CLIENT_OPTIONS, &SERVER_OPTIONS);
    pair_connect(&pair, NULL);
    shake_well(&pair);
    send_all(&pair, SERVER, "too long");
    pump_all(&pair);
    close(pair.far[CLIENT]);
    pair.far[CLIENT] = -1;
    assert_int_equal(pair.library->send(pair.sessions[CLIENT], "more", 4, &taken), TLS_DONE);
    assert_true(pair.sessions[CLIENT]->is_send_broken);
    assert_hears(&pair, CLIENT, "too long");
    pair_fini(&pair);
}

static void garbage_is_refused(void **state)
{
    static const char garbage[] = "GET / HTTP/1.1\r\nHost: heddle.test\r\n\r\n";
    struct pair pair;

    pair_init(&pair, *state, &CLIENT_OPTIONS, &SERVER_OPTIONS);
    pair_connect(&pair, NULL);
    assert_true(send(pair.far[SERVER], garbage, sizeof(garbage), 0) > 0);
    assert_int_equal(pair.library->shake(pair.sessions[SERVER]), TLS_FAILED);
    assert_int_equal(pair.sessions[SERVER]->error, EPROTO);
    pair_fini(&pair);
}

/*
 * Certificates: the real library
 */

static void verifies_who_signed_and_for_whom(void **state)
{
    static const struct {
        const char *trust_file;
        const char *name;
        int error;
    } cases[] = {
        {TESTDATA "ca.pem", "heddle.test", 0},
        {TESTDATA "ca.pem", NULL, 0},
        {TESTDATA "ca.pem", "other.test", EKEYREJECTED},
        {TESTDATA "stranger.pem", "heddle.test", EKEYREJECTED},
        {NULL, "other.test", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_options client = CLIENT_OPTIONS;
        struct pair pair;

        client.trust_file = cases[i].trust_file;
        pair_init(&pair, &tls_gnutls, &client, &SERVER_OPTIONS);
        pair_connect(&pair, cases[i].name);
        shake(&pair);
        assert_int_equal(pair.statuses[CLIENT], cases[i].error != 0 ? TLS_FAILED : TLS_DONE);
        assert_int_equal(pair.sessions[CLIENT]->error, cases[i].error);
        if (cases[i].error != 0)
            assert_int_not_equal(pair.statuses[SERVER], TLS_DONE); /* it was told */
        pair_fini(&pair);
    }
}

/* A second connection under the same name sends no certificate; under another it does. */
static void resumes_for_the_same_name_only(void **state)
{
    struct tls_options client = CLIENT_OPTIONS;
    size_t full_bytes, resumed_bytes, other_bytes, got;
    struct pair pair;
    char bytes[8];

    (void)state;
    client.trust_file = TESTDATA "ca.pem";
    pair_init(&pair, &tls_gnutls, &client, &SERVER_OPTIONS);
    pair_connect(&pair, "heddle.test");
    shake_well(&pair);
    full_bytes = pair.pumped_bytes;
    pump_all(&pair);
    assert_int_equal(try_recv(&pair, CLIENT, bytes, 8, &got), TLS_WANT_RECV);
    pair_disconnect(&pair);

    pair_connect(&pair, "other.test");
    shake(&pair);
    assert_int_equal(pair.sessions[CLIENT]->error, EKEYREJECTED);
    other_bytes = pair.pumped_bytes;
    pair_disconnect(&pair);

    pair_connect(&pair, "heddle.test");
    shake_well(&pair);
    resumed_bytes = pair.pumped_bytes;
    /* The certificate has 400 bytes; a resumed session's hello carries the ticket instead. */
    assert_true(resumed_bytes + 100 < full_bytes);
    assert_true(other_bytes > 0);
    pair_fini(&pair);
}

static void says_what_is_wrong_with_the_files(void **state)
{
    static const struct {
        struct tls_options options;
        const char *words[2];
    } cases[] = {
        {{.certificate_file = NULL}, {"needs a certificate", ""}},
        {{.certificate_file = TESTDATA "server.pem"}, {"key", ""}},
        {{.certificate_file = TESTDATA "none.pem", .key_file = TESTDATA "server.key"},
         {"none.pem", "No such file"}},
        {{.certificate_file = TESTDATA "server.pem", .key_file = TESTDATA "none.key"},
         {"none.key", "No such file"}},
        {{.certificate_file = TESTDATA "server.pem", .key_file = TESTDATA "other.key"},
         {"other.key: not the key", "server.pem"}},
        {{.certificate_file = TESTDATA "server.key", .key_file = TESTDATA "server.key"},
         {"server.key", ""}},
        {{.is_client = true, .trust_file = TESTDATA "none.pem"}, {"none.pem", "No such file"}},
        {{.is_client = true, .trust_file = TESTDATA "server.key"}, {"server.key", ""}},
        {{.is_client = true, .certificate_file = TESTDATA "server.pem"}, {"key", ""}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_context *context;
        char error[TLS_ERROR_BYTES] = "";

        assert_int_equal(tls_context_new(&cases[i].options, &context, error), -ERR_ARGUMENT);
        assert_null(context);
        for (int j = 0; j < 2; j++) {
            if (strstr(error, cases[i].words[j]) == NULL)
                fail_msg("case %zu: '%s' does not say '%s'", i, error, cases[i].words[j]);
        }
    }
}

#define WITH_BOTH(test)                                                                            \
    {#test ", gnutls", test, NULL, NULL, (void *)&tls_gnutls},                                     \
    {                                                                                              \
        #test ", standin", test, NULL, NULL, (void *)&tls_standin                                  \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BOTH(shakes_hands_byte_by_byte),
        WITH_BOTH(agrees_on_a_protocol),
        WITH_BOTH(carries_much_both_ways),
        WITH_BOTH(what_is_inside_is_said),
        WITH_BOTH(a_ticket_is_no_data),
        WITH_BOTH(each_side_ends_for_itself),
        WITH_BOTH(an_end_without_a_word_is_a_cut),
        WITH_BOTH(a_cut_handshake_is_no_success),
        WITH_BOTH(what_was_sent_before_can_be_read),
        WITH_BOTH(garbage_is_refused),
        cmocka_unit_test(verifies_who_signed_and_for_whom),
        cmocka_unit_test(resumes_for_the_same_name_only),
        cmocka_unit_test(says_what_is_wrong_with_the_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
