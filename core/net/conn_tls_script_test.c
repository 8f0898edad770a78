/*
 * core/net/conn_tls_script_test.c - what TLS libraries do seldom: reading that needs writing and
 * the other way round, what does not fit; told by a library that answers from a script.
 */
#include "core/net/conn_tls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/net/conn_tls_testing.h"

enum { SCRIPT_MAX = 8 };

/* What the scripted library answers next, to whatever it is asked. */
struct script {
    enum tls_status statuses[SCRIPT_MAX];
    int next;
};

static int scripted_open_context(struct tls_context *context, char error[TLS_ERROR_BYTES])
{
    error[0] = '\0';
    context->of_library = calloc(1, sizeof(struct script));
    return context->of_library != NULL ? 0 : -ERR_MEMORY;
}

static void scripted_close_context(struct tls_context *context)
{
    free(context->of_library);
}

static int scripted_open(struct tls_session *session, const char *server_name)
{
    (void)session;
    return server_name != NULL && strcmp(server_name, "no memory") == 0 ? -ERR_MEMORY : 0;
}

static void scripted_close(struct tls_session *session)
{
    (void)session;
}

static enum tls_status scripted_answer(struct tls_session *session)
{
    struct script *script = session->context->of_library;

    assert_true(script->next < SCRIPT_MAX);
    session->error = EPROTO;
    return script->statuses[script->next++];
}

static enum tls_status scripted_recv(struct tls_session *session, void *data, size_t len_bytes,
                                     size_t *got_bytes)
{
    enum tls_status status = scripted_answer(session);

    memset(data, 'r', len_bytes);
    *got_bytes = status == TLS_DONE ? 1 : 0;
    return status;
}

static enum tls_status scripted_send(struct tls_session *session, const void *data,
                                     size_t len_bytes, size_t *taken_bytes)
{
    enum tls_status status = scripted_answer(session);

    (void)data;
    *taken_bytes = status == TLS_DONE || status == TLS_WANT_SEND ? len_bytes : 0;
    return status;
}

static bool scripted_has_pending(const struct tls_session *session)
{
    (void)session;
    return false;
}

static const struct tls_library tls_scripted = {
    .name = "scripted",
    .session_bytes = sizeof(struct tls_session),
    .open_context = scripted_open_context,
    .close_context = scripted_close_context,
    .open = scripted_open,
    .close = scripted_close,
    .shake = scripted_answer,
    .recv = scripted_recv,
    .send = scripted_send,
    .flush = scripted_answer,
    .end = scripted_answer,
    .has_pending = scripted_has_pending,
};

static void scripted(struct world *world, struct script script)
{
    *(struct script *)world->contexts[CLIENT]->of_library = script;
}

static int asked(struct world *world)
{
    return ((struct script *)world->contexts[CLIENT]->of_library)->next;
}

static void scripted_init(struct world *world)
{
    world_init(world, &tls_scripted, 0);
    scripted(world, (struct script){{TLS_WANT_SEND, TLS_DONE}, 0});
    assert_int_equal(conn_start_tls(world->ends[CLIENT].conn, world->contexts[CLIENT], "no memory"),
                     -ERR_MEMORY);
    assert_int_equal(conn_start_tls(world->ends[CLIENT].conn, world->contexts[CLIENT], NULL), 0);
    world_turns(world, 0);
    assert_int_equal(asked(world), 2);
    assert_false(conn_has(world->ends[CLIENT].conn, CONN_CONNECTING));
}

static void reading_may_need_writing(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];

    (void)state;
    scripted_init(&world);
    scripted(&world, (struct script){{TLS_WANT_SEND, TLS_DONE}, 0});
    assert_int_equal(conn_recv(client->conn, &client->in), 0);
    assert_false(conn_is_clean(client->conn));
    conn_wait_recv(client->conn);
    /* Nothing comes from the peer: that the socket can be written is enough. */
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 1);
    assert_int_equal(asked(&world), 2);
    assert_int_equal(conn_recv(client->conn, &client->in), 1);
    world_fini(&world);
}

static void writing_may_need_reading(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];

    (void)state;
    scripted_init(&world);
    fd_cant_recv(world.rt, client->conn->fd);
    scripted(&world, (struct script){{TLS_WANT_RECV, TLS_DONE}, 0});
    assert_int_equal(end_send(client, "abc"), 0);
    conn_wait_send(client->conn);
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 0); /* although there is room */
    assert_int_equal(end_send(&world.ends[SERVER], "x"), 1);
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 1);
    assert_int_equal(end_send(client, "abc"), 3);
    world_fini(&world);
}

static void the_last_byte_is_reported_when_it_is_out(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];

    (void)state;
    scripted_init(&world);
    scripted(&world, (struct script){{TLS_WANT_SEND, TLS_WANT_SEND, TLS_DONE, TLS_DONE}, 0});
    assert_int_equal(end_send(client, "abc"), 2);
    assert_false(conn_is_clean(client->conn));
    assert_int_equal(end_send(client, "cde"), 0);
    assert_int_equal(end_send(client, "cde"), 3);
    assert_int_equal(asked(&world), 4);
    assert_true(conn_is_clean(client->conn));
    world_fini(&world);
}

static void an_end_that_does_not_fit_is_sent_later(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];
    char byte;

    (void)state;
    scripted_init(&world);
    scripted(&world, (struct script){{TLS_WANT_SEND, TLS_DONE}, 0});
    conn_shutdown(client->conn);
    assert_true(conn_has(client->conn, CONN_WRITE_END));
    assert_int_equal(recv(world.ends[SERVER].conn->fd, &byte, 1, 0), -1);
    conn_wait_nothing(client->conn);
    world_turns(&world, 0);
    assert_int_equal(asked(&world), 2);
    assert_int_equal(recv(world.ends[SERVER].conn->fd, &byte, 1, 0), 0);
    world_fini(&world);
}

static void a_failure_wakes_and_says_why(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];

    (void)state;
    scripted_init(&world);
    scripted(&world, (struct script){{TLS_FAILED}, 0});
    conn_wait_recv(client->conn);
    assert_int_equal(end_send(&world.ends[SERVER], "x"), 1);
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 1);
    assert_true(conn_has(client->conn, CONN_FAILED));
    assert_int_equal(client->conn->error, EPROTO);
    assert_int_equal(conn_recv(client->conn, &client->in), 0);
    assert_int_equal(end_send(client, "y"), 0);
    world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_may_need_writing),
        cmocka_unit_test(writing_may_need_reading),
        cmocka_unit_test(the_last_byte_is_reported_when_it_is_out),
        cmocka_unit_test(an_end_that_does_not_fit_is_sent_later),
        cmocka_unit_test(a_failure_wakes_and_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
