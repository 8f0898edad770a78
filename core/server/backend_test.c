/*
 * core/server/backend_test.c - which server gets a request, and who waits for one.
 *
 * The test is worker 0 of an instance that does not run: nothing happens but what it does, and it
 * sets the clock.
 */
#include "core/server/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/rt/rt.h"

enum { SERVERS = 3, TICKETS = 8 };

#define DOWN_NS UINT64_C(5000)

struct world {
    struct rt *rt;
    struct idle_set set;
    struct backend backend;
    struct backend_ticket tickets[TICKETS];
    struct tasklet *tasklets[TICKETS]; /* of each */
};

static struct tasklet *do_nothing(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    (void)ctx;
    (void)state;
    return tasklet;
}

static void world_init(struct world *world, enum backend_balance balance, uint32_t servers,
                       uint32_t limit, uint32_t queue_max)
{
    const struct rt_config config = {.workers = 1, .fd_max = 64};
    const struct backend_options options = {
        .name = "app", .balance = balance, .queue_max = queue_max};
    const struct server_options server = {
        .name = "s", .limit = limit, .idle_max = UINT32_MAX, .fall = 1, .down_ns = DOWN_NS};

    memset(world, 0, sizeof(*world));
    assert_int_equal(rt_new(&config, &world->rt), 0);
    rt_enter(world->rt);
    for (int i = 0; i < TICKETS; i++) {
        world->tasklets[i] = tasklet_new_on(world->rt, 0, do_nothing, NULL);
        assert_non_null(world->tasklets[i]);
    }
    assert_int_equal(idle_set_init(&world->set, world->rt, 1), 0);
    assert_int_equal(backend_init(&world->backend, &world->set, &options), 0);
    for (uint32_t i = 0; i < servers; i++)
        assert_int_equal(backend_add_server(&world->backend, &server), 0);
}

/* Everything given back: all counts are 0, or backend_fini() aborts. */
static void world_fini(struct world *world)
{
    for (int i = 0; i < TICKETS; i++)
        backend_done(&world->tickets[i]);
    backend_check(&world->backend, true);
    backend_fini(&world->backend);
    idle_set_fini(&world->set);
    for (int i = 0; i < TICKETS; i++)
        tasklet_free(world->tasklets[i]);
    rt_leave(world->rt);
    rt_free(world->rt);
}

static enum backend_result want(struct world *world, int i)
{
    enum backend_result result =
        backend_want(&world->backend, &world->tickets[i], world->tasklets[i]);

    backend_check(&world->backend, true);
    return result;
}

/* The index of the server whose slot ticket `i` has, or -1. */
static int server_of(struct world *world, int i)
{
    struct server *server = atom_load(&world->tickets[i].server);

    return server != NULL ? (int)server->index : -1;
}

static void done(struct world *world, int i)
{
    backend_done(&world->tickets[i]);
    assert_int_equal(server_of(world, i), -1);
    backend_check(&world->backend, true);
}

static void pass(struct world *world, uint64_t delay_ns)
{
    worker_at(world->rt, 0)->now_ns += delay_ns;
}

/* Was the owner of ticket `i` ever woken? */
static bool is_woken(const struct world *world, int i)
{
    return (atom_load(&world->tasklets[i]->word) & TASK_QUEUED) != 0;
}

/* --- the balance --- */

static void round_robin_goes_round(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, SERVERS, 0, 0);
    for (int i = 0; i < 2 * SERVERS; i++) {
        assert_int_equal(want(&world, 0), BACKEND_GOT);
        assert_int_equal(server_of(&world, 0), i % SERVERS);
        done(&world, 0);
    }
    world_fini(&world);
}

/* The share of one that is away goes to all the others, not to its neighbour. */
static void round_robin_is_even_without_one(void **state)
{
    struct world world;
    int counts[SERVERS] = {0};

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, SERVERS, 0, 0);
    assert_true(server_set_maintenance(&world.backend.servers[1]));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(want(&world, 0), BACKEND_GOT);
        counts[server_of(&world, 0)]++;
        done(&world, 0);
    }
    assert_int_equal(counts[0], 10);
    assert_int_equal(counts[1], 0);
    assert_int_equal(counts[2], 10);
    world_fini(&world);
}

static void least_connections_fills_evenly(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_LEASTCONN, SERVERS, 0, 0);
    for (int i = 0; i < 2 * SERVERS; i++)
        assert_int_equal(want(&world, i), BACKEND_GOT);
    for (int i = 0; i < SERVERS; i++)
        assert_int_equal(atom_load(&world.backend.servers[i].served), 2);
    int emptied = server_of(&world, 4);
    done(&world, 4);
    assert_int_equal(want(&world, 6), BACKEND_GOT);
    assert_int_equal(server_of(&world, 6), emptied);
    world_fini(&world);
}

/* Equal ones take turns, so that one request at a time does not always meet the same server. */
static void least_connections_takes_turns_among_equals(void **state)
{
    struct world world;
    unsigned seen = 0;

    (void)state;
    world_init(&world, BACKEND_LEASTCONN, SERVERS, 0, 0);
    for (int i = 0; i < SERVERS; i++) {
        assert_int_equal(want(&world, 0), BACKEND_GOT);
        seen |= 1U << server_of(&world, 0);
        done(&world, 0);
    }
    assert_int_equal(seen, (1U << SERVERS) - 1);
    world_fini(&world);
}

static void failed_server_is_the_last_choice(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 2, 1, 0);
    world.tickets[0].tried = 1U << 0;
    world.tickets[1].tried = 1U << 1;
    world.tickets[2].tried = 1U << 0;
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    assert_int_equal(server_of(&world, 0), 1);
    done(&world, 0);
    assert_int_equal(want(&world, 1), BACKEND_GOT);
    assert_int_equal(server_of(&world, 1), 0);
    assert_int_equal(want(&world, 2), BACKEND_GOT);
    assert_int_equal(server_of(&world, 2), 1);
    done(&world, 1);
    /* Only the one that failed it has a slot: better than none. */
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    assert_int_equal(server_of(&world, 0), 0);
    world_fini(&world);
}

static void no_more_servers_than_there_is_room_for(void **state)
{
    const struct server_options options = {.name = "s"};
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, BACKEND_SERVERS_MAX, 0, 0);
    assert_int_equal(backend_add_server(&world.backend, &options), -ERR_FULL);
    world_fini(&world);
}

/* --- limits and the queue --- */

static void full_servers_make_requests_wait_oldest_first(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 1, 2, 3);
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    assert_int_equal(want(&world, 1), BACKEND_GOT);
    for (int i = 2; i < 5; i++)
        assert_int_equal(want(&world, i), BACKEND_QUEUED);
    assert_int_equal(want(&world, 5), BACKEND_FULL);
    assert_int_equal(atom_load(&world.backend.refused_total), 1);
    for (int i = 0; i < 3; i++) {
        assert_false(is_woken(&world, i + 2));
        done(&world, i);
        assert_int_equal(server_of(&world, i + 2), 0);
        assert_int_equal(server_of(&world, i + 3), -1);
        assert_true(is_woken(&world, i + 2));
    }
    assert_int_equal(atom_load(&world.backend.queued_total), 3);
    assert_int_equal(atom_load(&world.backend.queue_count), 0);
    world_fini(&world);
}

static void queue_of_none_refuses_at_once(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 1, 1, 0);
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    assert_int_equal(want(&world, 1), BACKEND_FULL);
    done(&world, 1); /* has nothing, gives nothing back */
    assert_int_equal(atom_load(&world.backend.servers[0].served), 1);
    world_fini(&world);
}

static void withdrawn_request_is_passed_over(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 1, 1, 3);
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    for (int i = 1; i < 4; i++)
        assert_int_equal(want(&world, i), BACKEND_QUEUED);
    done(&world, 1);
    assert_int_equal(atom_load(&world.backend.queue_count), 2);
    assert_int_equal(atom_load(&world.backend.withdrawn_total), 1);
    done(&world, 0);
    assert_int_equal(server_of(&world, 1), -1);
    assert_int_equal(server_of(&world, 2), 0);
    /* A ticket can be used again, at the end of the queue. */
    assert_int_equal(want(&world, 1), BACKEND_QUEUED);
    done(&world, 2);
    assert_int_equal(server_of(&world, 3), 0);
    done(&world, 3);
    assert_int_equal(server_of(&world, 1), 0);
    world_fini(&world);
}

/* Its slot came, but it left before it knew. */
static void slot_of_one_that_left_goes_on(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 1, 1, 2);
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    assert_int_equal(want(&world, 1), BACKEND_QUEUED);
    assert_int_equal(want(&world, 2), BACKEND_QUEUED);
    done(&world, 0);
    assert_int_equal(server_of(&world, 1), 0);
    done(&world, 1);
    assert_int_equal(server_of(&world, 2), 0);
    world_fini(&world);
}

static void one_server_can_be_asked_for(void **state)
{
    struct world world;
    struct server *server;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 2, 1, 1);
    server = &world.backend.servers[1];
    assert_true(backend_want_server(server, &world.tickets[0]));
    assert_int_equal(server_of(&world, 0), 1);
    assert_false(backend_want_server(server, &world.tickets[1]));
    assert_int_equal(server_of(&world, 1), -1);
    done(&world, 0);
    assert_true(server_set_maintenance(server));
    assert_false(backend_want_server(server, &world.tickets[0]));
    world_fini(&world);
}

/* --- servers that come and go while requests wait --- */

static void request_waits_for_a_server_in_maintenance(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 1, 1, 2);
    struct server *server = &world.backend.servers[0];
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    assert_int_equal(want(&world, 1), BACKEND_QUEUED);
    assert_true(server_set_maintenance(server));
    done(&world, 0);
    assert_int_equal(server_of(&world, 1), -1);
    assert_int_equal(want(&world, 2), BACKEND_NONE);
    assert_int_equal(atom_load(&world.backend.none_total), 1);
    assert_true(server_set_ready(server));
    assert_int_equal(server_of(&world, 1), 0);
    assert_true(is_woken(&world, 1));
    world_fini(&world);
}

static void waiting_requests_go_to_the_server_that_is_left(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 2, 1, 2);
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    assert_int_equal(want(&world, 1), BACKEND_GOT);
    assert_int_equal(want(&world, 2), BACKEND_QUEUED);
    int leaving = server_of(&world, 0);
    assert_true(server_set_maintenance(&world.backend.servers[leaving]));
    done(&world, 0);
    assert_int_equal(server_of(&world, 2), -1);
    done(&world, 1);
    assert_int_equal(server_of(&world, 2), 1 - leaving);
    world_fini(&world);
}

/* After a failure the backend's own task has the date; one request then tries, and its success lets
 * the others follow. */
static void server_that_was_down_is_tried_by_one(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 1, 2, 4);
    struct server *server = &world.backend.servers[0];
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    assert_int_equal(want(&world, 1), BACKEND_GOT);
    for (int i = 2; i < 5; i++)
        assert_int_equal(want(&world, i), BACKEND_QUEUED);
    server_observe(server, false);
    assert_int_equal(task_expire(world.backend.probe_task), worker_now_ns() + DOWN_NS);
    done(&world, 0);
    done(&world, 1);
    assert_int_equal(server_of(&world, 2), -1);
    assert_int_equal(want(&world, 5), BACKEND_NONE);
    pass(&world, DOWN_NS);
    assert_int_equal(want(&world, 5), BACKEND_QUEUED);
    assert_int_equal(atom_load(&server->state), SERVER_PROBE);
    assert_int_equal(server_of(&world, 2), 0);
    assert_int_equal(server_of(&world, 3), -1);
    server_observe(server, true);
    assert_int_equal(atom_load(&server->state), SERVER_UP);
    assert_int_equal(server_of(&world, 3), 0);
    assert_int_equal(server_of(&world, 4), -1);
    done(&world, 2);
    assert_int_equal(server_of(&world, 4), 0);
    assert_int_equal(server_of(&world, 5), -1);
    world_fini(&world);
}

/* Who tried it left without a word: the next one tries. */
static void probe_without_an_answer_is_repeated(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, BACKEND_ROUNDROBIN, 1, 2, 4);
    struct server *server = &world.backend.servers[0];
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    server_observe(server, false);
    done(&world, 0);
    pass(&world, DOWN_NS);
    assert_int_equal(want(&world, 0), BACKEND_GOT);
    assert_int_equal(want(&world, 1), BACKEND_NONE);
    done(&world, 0);
    assert_int_equal(want(&world, 1), BACKEND_GOT);
    assert_int_equal(atom_load(&server->state), SERVER_PROBE);
    world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_robin_goes_round),
        cmocka_unit_test(round_robin_is_even_without_one),
        cmocka_unit_test(least_connections_fills_evenly),
        cmocka_unit_test(least_connections_takes_turns_among_equals),
        cmocka_unit_test(failed_server_is_the_last_choice),
        cmocka_unit_test(no_more_servers_than_there_is_room_for),
        cmocka_unit_test(full_servers_make_requests_wait_oldest_first),
        cmocka_unit_test(queue_of_none_refuses_at_once),
        cmocka_unit_test(withdrawn_request_is_passed_over),
        cmocka_unit_test(slot_of_one_that_left_goes_on),
        cmocka_unit_test(one_server_can_be_asked_for),
        cmocka_unit_test(request_waits_for_a_server_in_maintenance),
        cmocka_unit_test(waiting_requests_go_to_the_server_that_is_left),
        cmocka_unit_test(server_that_was_down_is_tried_by_one),
        cmocka_unit_test(probe_without_an_answer_is_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
