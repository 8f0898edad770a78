/*
 * core/server/server_test.c - the states of a server, what moves it, and how it leaves.
 *
 * The test is worker 0 of an instance that does not run: nothing happens but what it does, and it
 * sets the clock. Connections are bare: what idle.h knows of them.
 */
#include "core/server/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/rt/rt.h"
#include "core/server/backend.h"

enum { FALL = 3 };

#define DOWN_NS UINT64_C(5000)

struct world {
    struct rt *rt;
    struct idle_set set;
    struct backend backend;
    struct server *server; /* the first of two */
    struct server *other;
};

static void world_init(struct world *world, uint32_t fall)
{
    const struct rt_config config = {.workers = 1, .fd_max = 64};
    const struct backend_options options = {.name = "app", .queue_max = 2};
    const struct server_options server = {.name = "s",
                                          .limit = 1,
                                          .idle_max = UINT32_MAX,
                                          .fall = fall,
                                          .down_ns = DOWN_NS,
                                          .reuse = SERVER_REUSE_ALWAYS};

    memset(world, 0, sizeof(*world));
    assert_int_equal(rt_new(&config, &world->rt), 0);
    rt_enter(world->rt);
    assert_int_equal(idle_set_init(&world->set, world->rt, 1), 0);
    assert_int_equal(backend_init(&world->backend, &world->set, &options), 0);
    assert_int_equal(backend_add_server(&world->backend, &server), 0);
    assert_int_equal(backend_add_server(&world->backend, &server), 0);
    world->server = &world->backend.servers[0];
    world->other = &world->backend.servers[1];
}

static void world_fini(struct world *world)
{
    backend_check(&world->backend, true);
    backend_fini(&world->backend);
    idle_set_fini(&world->set);
    rt_leave(world->rt);
    rt_free(world->rt);
}

static void pass(struct world *world, uint64_t delay_ns)
{
    worker_at(world->rt, 0)->now_ns += delay_ns;
}

static enum server_state state_of(const struct server *server)
{
    return (enum server_state)atom_load(&server->state);
}

static void fail_times(struct server *server, int count)
{
    for (int i = 0; i < count; i++)
        server_observe(server, false);
}

/* --- health --- */

static void failures_in_a_row_take_it_down(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, FALL);
    fail_times(world.server, FALL - 1);
    server_observe(world.server, true);
    fail_times(world.server, FALL - 1);
    assert_int_equal(state_of(world.server), SERVER_UP);
    assert_true(server_is_usable(world.server));
    server_observe(world.server, false);
    assert_int_equal(state_of(world.server), SERVER_DOWN);
    assert_false(server_is_usable(world.server));
    assert_int_equal(atom_load(&world.server->down_total), 1);
    assert_int_equal(atom_load(&world.server->failed_total), 2 * FALL - 1);
    assert_int_equal(state_of(world.other), SERVER_UP);
    world_fini(&world);
}

static void it_never_falls_without_a_bound(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 0);
    fail_times(world.server, 100);
    assert_int_equal(state_of(world.server), SERVER_UP);
    world_fini(&world);
}

static void what_requests_see_while_it_is_down_changes_nothing(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, FALL);
    fail_times(world.server, FALL);
    uint64_t until_ns = atom_load(&world.server->down_until_ns);
    pass(&world, DOWN_NS / 2);
    server_observe(world.server, true);
    fail_times(world.server, FALL);
    assert_int_equal(state_of(world.server), SERVER_DOWN);
    assert_int_equal(atom_load(&world.server->down_until_ns), until_ns);
    world_fini(&world);
}

static void one_success_after_the_rest_is_enough(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, FALL);
    fail_times(world.server, FALL);
    pass(&world, DOWN_NS - 1);
    assert_false(server_is_usable(world.server));
    pass(&world, 1);
    assert_true(server_is_usable(world.server));
    assert_int_equal(state_of(world.server), SERVER_DOWN); /* looking changes nothing */
    assert_true(server_take_slot(world.server));
    assert_int_equal(state_of(world.server), SERVER_PROBE);
    server_observe(world.server, true);
    assert_int_equal(state_of(world.server), SERVER_UP);
    server_give_slot(world.server);
    /* The old failures are forgotten. */
    fail_times(world.server, FALL - 1);
    assert_int_equal(state_of(world.server), SERVER_UP);
    world_fini(&world);
}

static void one_failure_after_the_rest_is_enough(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, FALL);
    fail_times(world.server, FALL);
    pass(&world, DOWN_NS);
    assert_true(server_take_slot(world.server));
    pass(&world, DOWN_NS / 2);
    server_observe(world.server, false);
    server_give_slot(world.server);
    assert_int_equal(state_of(world.server), SERVER_DOWN);
    assert_int_equal(atom_load(&world.server->down_until_ns), worker_now_ns() + DOWN_NS);
    assert_int_equal(atom_load(&world.server->down_total), 2);
    world_fini(&world);
}

static void probe_is_one_request(void **state)
{
    struct world world;
    uint32_t served;

    (void)state;
    world_init(&world, FALL);
    fail_times(world.server, FALL);
    pass(&world, DOWN_NS);
    assert_true(server_has_slot(world.server, &served));
    assert_true(server_take_slot(world.server));
    assert_false(server_has_slot(world.server, &served));
    assert_false(server_take_slot(world.server));
    assert_false(server_is_usable(world.server));
    /* It leaves without a word: the next one tries. */
    server_give_slot(world.server);
    assert_true(server_is_usable(world.server));
    assert_int_equal(state_of(world.server), SERVER_PROBE);
    world_fini(&world);
}

/* Requests from before it failed may last; they do not keep others from trying, but one at a time.
 */
static void old_requests_do_not_hold_up_the_probe(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, FALL);
    world.server->options.limit = 4;
    assert_true(server_take_slot(world.server));
    assert_true(server_take_slot(world.server));
    fail_times(world.server, FALL);
    assert_false(server_take_slot(world.server));
    pass(&world, DOWN_NS);
    assert_true(server_take_slot(world.server));
    assert_false(server_take_slot(world.server));
    /* Silence for as long again. */
    pass(&world, DOWN_NS);
    assert_true(server_take_slot(world.server));
    assert_false(server_take_slot(world.server));
    /* The limit holds. */
    pass(&world, DOWN_NS);
    assert_false(server_take_slot(world.server));
    for (int i = 0; i < 4; i++)
        server_give_slot(world.server);
    world_fini(&world);
}

/* --- maintenance and removal --- */

static struct idle_conn *conn_new(struct world *world, struct idle_conn *conn)
{
    static const struct idle_ops ops = {0};

    memset(conn, 0, sizeof(*conn));
    return server_conn_begin(world->server, conn, &ops) ? conn : NULL;
}

static void maintenance_takes_no_requests_and_no_connections(void **state)
{
    struct world world;
    struct idle_conn conn;

    (void)state;
    world_init(&world, FALL);
    assert_true(server_take_slot(world.server));
    assert_true(server_set_maintenance(world.server));
    assert_true(server_set_maintenance(world.server));
    assert_int_equal(state_of(world.server), SERVER_MAINT);
    assert_false(server_is_usable(world.server));
    assert_null(conn_new(&world, &conn));
    /* What is in flight finishes, well or not. */
    server_observe(world.server, true);
    fail_times(world.server, FALL);
    assert_int_equal(state_of(world.server), SERVER_MAINT);
    server_give_slot(world.server);
    assert_false(server_take_slot(world.server));
    assert_true(server_set_ready(world.server));
    assert_int_equal(state_of(world.server), SERVER_UP);
    assert_non_null(conn_new(&world, &conn));
    idle_forget(&conn);
    world_fini(&world);
}

static void ready_ends_the_rest_of_one_that_is_down(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, FALL);
    fail_times(world.server, FALL);
    assert_true(server_set_ready(world.server));
    assert_int_equal(state_of(world.server), SERVER_UP);
    fail_times(world.server, FALL - 1);
    assert_int_equal(state_of(world.server), SERVER_UP);
    world_fini(&world);
}

static void connections_in_use_are_not_kept_in_maintenance(void **state)
{
    struct world world;
    struct idle_conn conn;

    (void)state;
    world_init(&world, FALL);
    assert_non_null(conn_new(&world, &conn));
    assert_int_equal(atom_load(&world.server->conns_used), 1);
    assert_true(server_set_maintenance(world.server));
    assert_false(idle_put(&conn, true));
    idle_forget(&conn);
    assert_int_equal(atom_load(&world.server->conns_used), 0);
    world_fini(&world);
}

static void only_an_unused_server_in_maintenance_is_removed(void **state)
{
    struct world world;
    struct idle_conn conn;

    (void)state;
    world_init(&world, FALL);
    assert_int_equal(server_remove(world.server), -ERR_BUSY); /* UP */
    assert_true(server_take_slot(world.server));
    assert_non_null(conn_new(&world, &conn));
    assert_true(server_set_maintenance(world.server));
    assert_int_equal(server_remove(world.server), -ERR_BUSY);
    server_give_slot(world.server);
    assert_int_equal(server_remove(world.server), -ERR_BUSY); /* its connection */
    idle_forget(&conn);
    assert_int_equal(server_remove(world.server), 0);
    assert_int_equal(state_of(world.server), SERVER_GONE);
    /* For ever. */
    assert_int_equal(server_remove(world.server), -ERR_NOT_FOUND);
    assert_false(server_set_ready(world.server));
    assert_false(server_set_maintenance(world.server));
    assert_false(server_is_usable(world.server));
    assert_null(conn_new(&world, &conn));
    world_fini(&world);
}

static void the_last_server_stays_while_somebody_waits(void **state)
{
    struct world world;
    struct backend_ticket tickets[3];

    (void)state;
    memset(tickets, 0, sizeof(tickets));
    world_init(&world, FALL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(backend_want(&world.backend, &tickets[i], NULL), BACKEND_GOT);
    assert_int_equal(backend_want(&world.backend, &tickets[2], NULL), BACKEND_QUEUED);
    assert_true(server_set_maintenance(world.server));
    assert_true(server_set_maintenance(world.other));
    backend_done(&tickets[0]);
    backend_done(&tickets[1]);
    assert_int_equal(server_remove(world.server), 0);
    assert_int_equal(server_remove(world.other), -ERR_BUSY);
    backend_done(&tickets[2]);
    assert_int_equal(server_remove(world.other), 0);
    assert_int_equal(backend_want(&world.backend, &tickets[0], NULL), BACKEND_NONE);
    world_fini(&world);
}

/* The hint to where a slot was last given back does not outlive the server. */
static void removed_server_is_not_found(void **state)
{
    struct world world;
    struct backend_ticket tickets[3];

    (void)state;
    memset(tickets, 0, sizeof(tickets));
    world_init(&world, FALL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(backend_want(&world.backend, &tickets[i], NULL), BACKEND_GOT);
    assert_int_equal(backend_want(&world.backend, &tickets[2], NULL), BACKEND_QUEUED);
    assert_true(server_set_maintenance(world.server));
    backend_done(&tickets[0]);
    assert_ptr_equal(atom_load(&world.backend.ready), world.server);
    assert_int_equal(server_remove(world.server), 0);
    assert_null(atom_load(&world.backend.ready));
    backend_done(&tickets[2]);
    backend_done(&tickets[1]);
    world_fini(&world);
}

static void states_have_names(void **state)
{
    (void)state;
    assert_string_equal(server_state_name(SERVER_UP), "up");
    assert_string_equal(server_state_name(SERVER_MAINT), "maintenance");
    assert_string_equal(server_state_name(SERVER_GONE), "gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_in_a_row_take_it_down),
        cmocka_unit_test(it_never_falls_without_a_bound),
        cmocka_unit_test(what_requests_see_while_it_is_down_changes_nothing),
        cmocka_unit_test(one_success_after_the_rest_is_enough),
        cmocka_unit_test(one_failure_after_the_rest_is_enough),
        cmocka_unit_test(probe_is_one_request),
        cmocka_unit_test(old_requests_do_not_hold_up_the_probe),
        cmocka_unit_test(maintenance_takes_no_requests_and_no_connections),
        cmocka_unit_test(ready_ends_the_rest_of_one_that_is_down),
        cmocka_unit_test(connections_in_use_are_not_kept_in_maintenance),
        cmocka_unit_test(only_an_unused_server_in_maintenance_is_removed),
        cmocka_unit_test(the_last_server_stays_while_somebody_waits),
        cmocka_unit_test(removed_server_is_not_found),
        cmocka_unit_test(states_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
