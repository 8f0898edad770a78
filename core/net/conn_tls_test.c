/*
 * core/net/conn_tls_test.c - connections over TLS, with both libraries: what wakes whom, how they
 * end, how they are stolen.
 */
#include "core/net/conn_tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/net/conn_tls_testing.h"
#include "core/rt/run.h"

enum { TURNS_MAX = 20000 };

/*
 * Handshake, and who is woken
 */

static void a_handshake_is_part_of_connecting(void **state)
{
    struct world world;

    world_init(&world, *state, 0);
    world_start(&world);
    assert_int_equal(end_send(&world.ends[CLIENT], "too early"), 0);
    assert_int_equal(conn_recv(world.ends[CLIENT].conn, &world.ends[CLIENT].in), 0);
    assert_int_equal(conn_alpn(world.ends[CLIENT].conn), CONN_ALPN_NONE);
    world_turns(&world, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(world.ends[i].wakes, 1);
        assert_false(conn_has(world.ends[i].conn, CONN_CONNECTING | CONN_FAILED));
        assert_int_equal(conn_alpn(world.ends[i].conn), CONN_ALPN_H2);
    }
    world_fini(&world);
}

static void a_reader_is_woken_for_data_once(void **state)
{
    struct world world;
    struct end *server = &world.ends[SERVER];

    world_init(&world, *state, 0);
    world_shake(&world);
    conn_wait_recv(server->conn);
    world_turns(&world, 0);
    assert_int_equal(server->wakes, 0);
    assert_int_equal(end_send(&world.ends[CLIENT], "hello"), 5);
    world_turns(&world, 0);
    assert_int_equal(server->wakes, 1);
    assert_false(conn_has(server->conn, CONN_WAIT_RECV));
    assert_false(conn_is_clean(server->conn));
    assert_int_equal(conn_recv(server->conn, &server->in), 5);
    end_assert_holds(server, "hello");
    assert_true(conn_is_clean(server->conn));
    world_fini(&world);
}

/* Two records are read from the socket at once, and there is room for a part of them only. */
static void what_is_inside_wakes_the_reader(void **state)
{
    struct world world;
    struct end *server = &world.ends[SERVER];
    uint8_t area[4];
    struct buf small;

    world_init(&world, *state, 0);
    world_shake(&world);
    buf_init(&small, area, sizeof(area));
    assert_int_equal(end_send(&world.ends[CLIENT], "abcdef"), 6);
    assert_int_equal(end_send(&world.ends[CLIENT], "ghi"), 3);
    assert_int_equal(conn_recv(server->conn, &small), 4);
    assert_false(conn_is_clean(server->conn));
    conn_wait_recv(server->conn);
    run_tasks(worker_self()); /* no look at the poller */
    worker_self()->turn++;
    run_tasks(worker_self());
    assert_int_equal(server->wakes, 1);
    assert_int_equal(conn_recv(server->conn, &server->in), 5);
    end_assert_holds(server, "efghi");
    world_fini(&world);
}

/* A server of TLS 1.3 sends tickets right after the handshake; the stand-in's is made by hand. */
static void a_ticket_wakes_nobody(void **state)
{
    static const uint8_t ticket[] = {7, 0, 3, 'x', 'y', 'z'};
    struct world world;
    struct end *client = &world.ends[CLIENT];

    world_init(&world, *state, 0);
    world_shake(&world);
    conn_wait_recv(client->conn);
    if (*state == &tls_standin)
        assert_int_equal(write(world.ends[SERVER].conn->fd, ticket, sizeof(ticket)),
                         sizeof(ticket));
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 0);
    assert_true(conn_has(client->conn, CONN_WAIT_RECV));
    assert_true(conn_is_clean(client->conn));
    assert_int_equal(end_send(&world.ends[SERVER], "data"), 4);
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 1);
    world_fini(&world);
}

static uint8_t byte_at(size_t offset)
{
    return (uint8_t)(offset * 31 + offset / 251);
}

/* The writer fills what there is of room, the reader is slower; a held record's last byte is
 * reported only when it is out. */
static void carries_much(void **state)
{
    enum { MUCH_BYTES = 300000 };
    uint8_t *much = malloc(MUCH_BYTES);
    size_t sent = 0, got = 0;
    bool was_short = false;
    struct world world;
    const int small = 1;

    world_init(&world, *state, 0);
    assert_int_equal(
        setsockopt(world.ends[CLIENT].conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    world_shake(&world);
    for (size_t i = 0; i < MUCH_BYTES; i++)
        much[i] = byte_at(i);
    for (int i = 0; got < MUCH_BYTES; i++) {
        struct end *server = &world.ends[SERVER];
        size_t half = (MUCH_BYTES - sent) / 2;
        struct buf_span spans[3] = {{much + sent, half < 100 ? half : 100}, {NULL, 0}};
        size_t taken;

        assert_true(i < TURNS_MAX);
        spans[2].data = much + sent + spans[0].len_bytes;
        spans[2].len_bytes = MUCH_BYTES - sent - spans[0].len_bytes;
        taken = conn_send(world.ends[CLIENT].conn, spans, 3);
        was_short |= sent + taken < MUCH_BYTES;
        sent += taken;
        if (sent == MUCH_BYTES)
            assert_false(world.ends[CLIENT].conn->tls->is_held);
        else
            conn_wait_send(world.ends[CLIENT].conn);
        conn_wait_recv(server->conn);
        world_turn(&world, 0);
        (void)conn_recv(server->conn, &server->in);
        while (!buf_is_empty(&server->in)) {
            uint8_t byte;

            assert_int_equal(buf_read(&server->in, &byte, 1), 1);
            assert_int_equal(byte, byte_at(got));
            got++;
        }
    }
    assert_int_equal(sent, MUCH_BYTES);
    assert_true(was_short);
    free(much);
    world_fini(&world);
}

/*
 * Ends
 */

static void an_end_is_said_and_heard(void **state)
{
    struct world world;
    struct end *server = &world.ends[SERVER];

    world_init(&world, *state, 0);
    world_shake(&world);
    conn_wait_recv(server->conn);
    conn_shutdown(world.ends[CLIENT].conn);
    assert_int_equal(end_send(&world.ends[CLIENT], "more"), 0);
    world_turns(&world, 0);
    assert_int_equal(server->wakes, 1);
    assert_true(conn_has(server->conn, CONN_READ_END));
    assert_false(conn_has(server->conn, CONN_CUT | CONN_FAILED));
    assert_int_equal(end_send(server, "answer"), 6);
    conn_wait_recv(world.ends[CLIENT].conn);
    world_turns(&world, 0);
    assert_int_equal(conn_recv(world.ends[CLIENT].conn, &world.ends[CLIENT].in), 6);
    world_fini(&world);
}

static void a_cut_is_marked(void **state)
{
    struct world world;
    struct end *server = &world.ends[SERVER];

    world_init(&world, *state, 0);
    world_shake(&world);
    conn_wait_recv(server->conn);
    conn_wait_recv(world.ends[CLIENT].conn);
    world_turns(&world, 0); /* the tickets: unread, they would make the close a reset */
    end_fini(&world.ends[CLIENT]);
    world_turns(&world, 0);
    assert_int_equal(server->wakes, 1);
    assert_true(conn_has(server->conn, CONN_READ_END));
    assert_true(conn_has(server->conn, CONN_CUT));
    world_fini(&world);
}

static void a_peer_without_tls_fails_the_handshake(void **state)
{
    struct world world;
    struct end *server = &world.ends[SERVER];

    world_init(&world, *state, 0);
    assert_int_equal(end_send(&world.ends[CLIENT], "GET / HTTP/1.1\r\n\r\n"), 18);
    assert_int_equal(conn_start_tls(server->conn, world.contexts[SERVER], NULL), 0);
    conn_wait_recv(server->conn);
    world_turns(&world, 0);
    assert_int_equal(server->wakes, 1);
    assert_true(conn_has(server->conn, CONN_FAILED));
    assert_int_equal(server->conn->error, EPROTO);
    world_fini(&world);
}

static void a_peer_that_leaves_fails_the_handshake(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];

    world_init(&world, *state, 0);
    assert_int_equal(conn_start_tls(client->conn, world.contexts[CLIENT], NULL), 0);
    conn_wait_send(client->conn);
    world_turns(&world, 0);
    end_fini(&world.ends[SERVER]);
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 1);
    assert_true(conn_has(client->conn, CONN_FAILED));
    assert_int_equal(client->conn->error, ECONNRESET);
    world_fini(&world);
}

static void a_refused_connect_fails_it(void **state)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    struct world world;
    struct addr to;
    int error;

    world_init(&world, *state, 0);
    end_fini(&world.ends[CLIENT]);
    /* Bound and not listening: nobody else gets the port. */
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
    assert_true(addr_from_socket(&to, &bound));

    struct end *client = &world.ends[CLIENT];
    client->waiter = tasklet_new_on(world.rt, 0, end_on_wake, client);
    client->conn = conn_connect(world.rt, &world.conns, &to, client->waiter, &error);
    if (client->conn == NULL) {
        assert_int_equal(error, ECONNREFUSED); /* the kernel knew at once */
    } else {
        assert_int_equal(conn_start_tls(client->conn, world.contexts[CLIENT], NULL), 0);
        conn_wait_send(client->conn);
        world_turns(&world, 0);
        assert_int_equal(client->wakes, 1);
        assert_true(conn_has(client->conn, CONN_FAILED));
        assert_int_equal(client->conn->error, ECONNREFUSED);
    }
    close(fd);
    world_fini(&world);
}

/*
 * Stealing
 */

/* The client's end goes to worker 1, as an idle list's lock would let it. */
static int steal(struct world *world, struct tasklet *waiter)
{
    int result;

    world_as(world, 1);
    lock_take(&world->idle_locks[0]);
    result = conn_takeover(world->ends[CLIENT].conn, waiter, 0);
    lock_give(&world->idle_locks[0]);
    world_as(world, 0);
    return result;
}

static struct tasklet *waiter_on(struct world *world, int worker)
{
    struct tasklet *waiter = tasklet_new_on(world->rt, worker, end_on_wake, &world->ends[CLIENT]);

    assert_non_null(waiter);
    return waiter;
}

static void lend(struct world *world)
{
    conn_lend(world->ends[CLIENT].conn, &world->idle_locks[0]);
    conn_wait_recv(world->ends[CLIENT].conn);
}

static void take_all(struct world *world)
{
    struct end *client = &world->ends[CLIENT];
    struct tasklet *old = client->waiter, *waiter = waiter_on(world, 1);

    assert_int_equal(steal(world, waiter), 0);
    client->waiter = waiter;
    tasklet_free(old);
    assert_ptr_equal(client->conn->waiter, waiter);
    assert_false(conn_has(client->conn, CONN_WAIT_RECV | CONN_WAIT_SEND));
    assert_int_equal(tasklet_owner(client->conn->tls->tasklet), 1);
}

static void the_thief_serves_it(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];

    world_init(&world, *state, 0);
    world_shake(&world);
    lend(&world);
    world_turns(&world, 0); /* the tickets */
    take_all(&world);
    world_turns(&world, 0);
    assert_int_equal(pool_count(&world.rt->tasklet_pool), 4); /* the old ones are gone */
    world_as(&world, 1);
    conn_keep(client->conn);
    assert_int_equal(end_send(client, "by the thief"), 12);
    conn_wait_recv(client->conn);
    world_as(&world, 0);
    assert_int_equal(conn_recv(world.ends[SERVER].conn, &world.ends[SERVER].in), 12);
    assert_int_equal(end_send(&world.ends[SERVER], "yes"), 3);
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 0);
    world_turns(&world, 1);
    assert_int_equal(client->wakes, 1);
    assert_int_equal(conn_recv(client->conn, &client->in), 3);
    end_assert_holds(client, "yes");
    world_fini(&world);
}

/* Data has come and was reported; before TLS looks at it the connection is stolen. */
static void what_was_queued_by_the_victim_is_the_thiefs(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];

    world_init(&world, *state, 0);
    world_shake(&world);
    lend(&world);
    world_turns(&world, 0);
    assert_int_equal(end_send(&world.ends[SERVER], "stale"), 5);
    poller_poll(worker_self(), 0);
    assert_true(tasklet_has_flags(client->conn->tls->tasklet, TASK_QUEUED));
    take_all(&world);
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 0);
    assert_int_equal(pool_count(&world.rt->tasklet_pool), 4);
    world_as(&world, 1);
    conn_wait_recv(client->conn);
    world_turns(&world, 1);
    assert_int_equal(client->wakes, 1);
    assert_int_equal(conn_recv(client->conn, &client->in), 5);
    world_fini(&world);
}

static void one_with_something_inside_is_not_stolen(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];

    world_init(&world, *state, 0);
    world_shake(&world);
    lend(&world);
    assert_int_equal(end_send(&world.ends[SERVER], "unasked"), 7);
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 1);
    struct tasklet *waiter = waiter_on(&world, 1);
    assert_int_equal(steal(&world, waiter), -ERR_BUSY);
    world_as(&world, 1);
    tasklet_free(waiter);
    world_as(&world, 0);
    assert_ptr_equal(client->conn->waiter, client->waiter);
    assert_int_equal(conn_recv(client->conn, &client->in), 7);
    /* Now it could be. */
    take_all(&world);
    world_fini(&world);
}

static void without_memory_nothing_changes(void **state)
{
    struct world world;
    struct end *client = &world.ends[CLIENT];

    /* Two waiters and the thief's; one of TLS's own. */
    world_init(&world, *state, 4);
    assert_int_equal(conn_start_tls(client->conn, world.contexts[CLIENT], NULL), 0);
    struct tasklet *waiter = waiter_on(&world, 1);
    assert_int_equal(conn_start_tls(world.ends[SERVER].conn, world.contexts[SERVER], NULL),
                     -ERR_MEMORY);
    assert_false(conn_has(world.ends[SERVER].conn, CONN_TLS | CONN_CONNECTING));
    world_as(&world, 1);
    tasklet_free(waiter);
    world_as(&world, 0);
    assert_int_equal(conn_start_tls(world.ends[SERVER].conn, world.contexts[SERVER], NULL), 0);
    world_turns(&world, 0);
    assert_false(conn_has(client->conn, CONN_CONNECTING | CONN_FAILED));
    lend(&world);
    world_turns(&world, 0);

    /* All four are taken: none is left for the thief. */
    assert_int_equal(steal(&world, client->waiter), -ERR_MEMORY);
    assert_int_equal(tasklet_owner(client->conn->tls->tasklet), 0);
    assert_true(conn_has(client->conn, CONN_WAIT_RECV));
    assert_int_equal(end_send(&world.ends[SERVER], "still here"), 10);
    world_turns(&world, 0);
    assert_int_equal(client->wakes, 1);
    assert_int_equal(conn_recv(client->conn, &client->in), 10);
    world_fini(&world);
}

#define WITH_BOTH(test)                                                                            \
    {#test ", gnutls", test, NULL, NULL, (void *)&tls_gnutls},                                     \
    {                                                                                              \
        #test ", standin", test, NULL, NULL, (void *)&tls_standin                                  \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BOTH(a_handshake_is_part_of_connecting),
        WITH_BOTH(a_reader_is_woken_for_data_once),
        WITH_BOTH(what_is_inside_wakes_the_reader),
        WITH_BOTH(a_ticket_wakes_nobody),
        WITH_BOTH(carries_much),
        WITH_BOTH(an_end_is_said_and_heard),
        WITH_BOTH(a_cut_is_marked),
        WITH_BOTH(a_peer_without_tls_fails_the_handshake),
        WITH_BOTH(a_peer_that_leaves_fails_the_handshake),
        WITH_BOTH(a_refused_connect_fails_it),
        WITH_BOTH(the_thief_serves_it),
        WITH_BOTH(what_was_queued_by_the_victim_is_the_thiefs),
        WITH_BOTH(one_with_something_inside_is_not_stolen),
        WITH_BOTH(without_memory_nothing_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
