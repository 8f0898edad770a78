#include "core/net/conn_tls_testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/rt/run.h"

#define TESTDATA "core/tls/testdata/"

static const struct tls_options OPTIONS[2] = {
    {.is_client = true, .has_h1 = true, .has_h2 = true},
    {.certificate_file = TESTDATA "server.pem",
     .key_file = TESTDATA "server.key",
     .has_h1 = true,
     .has_h2 = true},
};

struct tasklet *end_on_wake(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct end *end = ctx;

    (void)state;
    assert_ptr_equal(tasklet, end->waiter);
    end->wakes++;
    return tasklet;
}

void world_as(struct world *world, int worker)
{
    worker_adopt(worker_at(world->rt, worker));
}

/* One turn of one worker. */
void world_turn(struct world *world, int worker)
{
    world_as(world, worker);
    worker_self()->turn++;
    poller_poll(worker_self(), 0);
    run_tasks(worker_self());
    rt_check(world->rt, false);
    for (int i = 0; i < 2; i++) {
        if (world->ends[i].conn != NULL)
            conn_check(world->ends[i].conn);
    }
    world_as(world, 0);
}

void world_turns(struct world *world, int worker)
{
    for (int i = 0; i < 10; i++)
        world_turn(world, worker);
}

void world_init(struct world *world, const struct tls_library *library, unsigned tasklets_max)
{
    const struct rt_config config = {
        .workers = WORKERS, .fd_max = FD_MAX, .tasklets_max = tasklets_max};
    const struct addr nowhere = {0};
    char error[TLS_ERROR_BYTES];
    int fds[2];

    memset(world, 0, sizeof(*world));
    assert_int_equal(rt_new(&config, &world->rt), 0);
    rt_enter(world->rt);
    atom_store(&world->rt->isolate.enabled, (1 << WORKERS) - 1);
    pool_init(&world->conns, "conn", sizeof(struct conn), 4);
    for (int i = 0; i < WORKERS; i++)
        lock_init(&world->idle_locks[i], "idle.lock");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        struct end *end = &world->ends[i];

        if (tls_context_new_with(library, &OPTIONS[i], &world->contexts[i], error) != 0)
            fail_msg("%s", error);
        buf_init(&end->in, end->area, sizeof(end->area));
        end->waiter = tasklet_new_on(world->rt, 0, end_on_wake, end);
        assert_non_null(end->waiter);
        end->conn = conn_new(world->rt, &world->conns, fds[i], NULL, &nowhere);
        assert_non_null(end->conn);
        assert_int_equal(conn_attach(end->conn, end->waiter), 0);
    }
}

void end_fini(struct end *end)
{
    conn_free(end->conn);
    end->conn = NULL;
    if (end->waiter != NULL)
        tasklet_free(end->waiter);
    end->waiter = NULL;
}

void world_fini(struct world *world)
{
    for (int i = 0; i < 2; i++) {
        struct end *end = &world->ends[i];

        if (end->waiter != NULL)
            world_as(world, tasklet_owner(end->waiter));
        end_fini(end);
    }
    world_as(world, 0);
    world_turn(world, 1);
    world_turn(world, 0);
    assert_int_equal(world->rt->fds.count, 0);
    assert_int_equal(pool_count(&world->rt->tasklet_pool), 0);
    for (int i = 0; i < 2; i++)
        tls_context_free(world->contexts[i]);
    for (int i = 0; i < WORKERS; i++)
        lock_fini(&world->idle_locks[i]);
    pool_fini(&world->conns);
    rt_leave(world->rt);
    rt_free(world->rt);
}

void world_start(struct world *world)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(conn_start_tls(world->ends[i].conn, world->contexts[i], "heddle.test"), 0);
        assert_true(conn_has(world->ends[i].conn, CONN_CONNECTING));
        conn_wait_send(world->ends[i].conn);
    }
}

void world_shake(struct world *world)
{
    world_start(world);
    world_turns(world, 0);
    for (int i = 0; i < 2; i++) {
        struct end *end = &world->ends[i];

        assert_false(conn_has(end->conn, CONN_CONNECTING | CONN_FAILED | CONN_WAIT_SEND));
        assert_int_equal(end->wakes, 1);
        end->wakes = 0;
    }
}

size_t end_send(struct end *end, const char *text)
{
    struct buf_span span = {(uint8_t *)text, strlen(text)};

    return conn_send(end->conn, &span, 1);
}

void end_assert_holds(struct end *end, const char *text)
{
    char bytes[64];
    size_t len = buf_read(&end->in, bytes, sizeof(bytes));

    assert_int_equal(len, strlen(text));
    assert_memory_equal(bytes, text, len);
}
