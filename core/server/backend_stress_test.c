/*
 * core/server/backend_stress_test.c - four workers whose requests want more slots than there are,
 * while servers fail, rest, and go into maintenance.
 *
 * A request that waits beside a free slot hangs the test. More requests at a server than its limit
 * show in a count; touching what its owner has freed shows under the sanitizers; what is left over
 * at the end fails backend_fini().
 */
#include "core/server/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/rt/rt.h"

#ifndef STRESS_ROUNDS
#define STRESS_ROUNDS 20000
#endif

enum { WORKERS = 4, SERVERS = 2, LIMIT = 2, QUEUE_MAX = 8, WISHES = 6, DOWN_NS = 50000, FALL = 2 };

struct world;

/* A request; its worker's, made and freed each time. */
struct wish {
    struct world *world;
    struct wish **place;
    struct backend_ticket ticket;
    struct tasklet *tasklet;
    bool is_told; /* knows that it has a slot */
};

struct world {
    struct rt *rt;
    struct idle_set set;
    struct backend backend;
    _Atomic uint32_t held[SERVERS];
    _Atomic uint32_t served;
    struct wish *wishes[WORKERS][WISHES]; /* each row its worker's */
    int rounds[WORKERS];
};

static uint32_t draw(uint32_t bound)
{
    return worker_random_below(worker_self(), bound);
}

static void hold(struct wish *wish)
{
    struct server *server = atom_load(&wish->ticket.server);

    wish->is_told = true;
    BUG_ON(atom_fetch_add(&wish->world->held[server->index], 1, memory_order_relaxed) >= LIMIT);
    atom_fetch_add(&wish->world->served, 1, memory_order_relaxed);
}

static void end_wish(struct wish *wish)
{
    struct server *server = atom_load(&wish->ticket.server);
    struct rt *rt = wish->world->rt;

    if (wish->is_told) {
        server_observe(server, draw(4) != 0);
        atom_fetch_sub(&wish->world->held[server->index], 1, memory_order_relaxed);
    }
    backend_done(&wish->ticket);
    tasklet_free(wish->tasklet);
    *wish->place = NULL;
    free(wish);
    rt_job_end(rt);
}

static bool is_over(const struct world *world)
{
    return world->rounds[worker_id()] >= STRESS_ROUNDS;
}

static struct tasklet *process_wish(struct tasklet *tasklet, void *ctx, uint32_t bits)
{
    struct wish *wish = ctx;

    (void)bits;
    if (wish->is_told || atom_load_acquire(&wish->ticket.server) == NULL)
        return tasklet;
    hold(wish);
    if (!is_over(wish->world))
        return tasklet;
    end_wish(wish);
    return NULL;
}

static void make_wish(struct world *world, struct wish **place)
{
    struct wish *wish = calloc(1, sizeof(*wish));

    BUG_ON(wish == NULL);
    wish->world = world;
    wish->place = place;
    wish->tasklet = tasklet_new_on(world->rt, worker_id(), process_wish, wish);
    BUG_ON(wish->tasklet == NULL);
    wish->ticket.tried = draw(1 << SERVERS);
    *place = wish;
    rt_job_begin(world->rt);
    switch (backend_want(&world->backend, &wish->ticket, wish->tasklet)) {
    case BACKEND_GOT:
        hold(wish);
        break;
    case BACKEND_QUEUED:
        break;
    case BACKEND_FULL:
    case BACKEND_NONE:
        end_wish(wish);
        break;
    }
}

/* Those that wait for a slot still are answered: nobody withdraws them any more. */
static void finish(struct world *world)
{
    if (worker_id() == 0) {
        for (int i = 0; i < SERVERS; i++)
            (void)server_set_ready(&world->backend.servers[i]);
    }
    for (int i = 0; i < WISHES; i++) {
        struct wish *wish = world->wishes[worker_id()][i];
        if (wish != NULL && wish->is_told)
            end_wish(wish);
    }
}

static struct task *drive(struct task *task, void *ctx, uint32_t bits)
{
    struct world *world = ctx;
    struct wish **place = &world->wishes[worker_id()][draw(WISHES)];

    (void)bits;
    world->rounds[worker_id()]++;
    if (is_over(world)) {
        finish(world);
        rt_job_end(world->rt);
        task_destroy(task);
        return NULL;
    }
    if (worker_id() == 0 && draw(8) == 0) {
        struct server *server = &world->backend.servers[draw(SERVERS)];
        (void)(draw(2) == 0 ? server_set_maintenance(server) : server_set_ready(server));
        (void)(draw(16) == 0 && server_remove(server) == 0);
    } else if (*place == NULL) {
        make_wish(world, place);
    } else {
        end_wish(*place);
    }
    task_wakeup(task, TASK_WOKEN_OTHER);
    return task;
}

static void every_request_is_answered_or_withdrawn(void **state)
{
    static const struct rt_config config = {.workers = WORKERS, .fd_max = 64};
    static const struct backend_options options = {
        .name = "app", .balance = BACKEND_LEASTCONN, .queue_max = QUEUE_MAX};
    static const struct server_options server = {
        .name = "s", .limit = LIMIT, .fall = FALL, .down_ns = DOWN_NS};
    struct world *world = calloc(1, sizeof(*world));

    (void)state;
    assert_non_null(world);
    assert_int_equal(rt_new(&config, &world->rt), 0);
    rt_enter(world->rt);
    assert_int_equal(idle_set_init(&world->set, world->rt, WORKERS), 0);
    assert_int_equal(backend_init(&world->backend, &world->set, &options), 0);
    for (int i = 0; i < SERVERS; i++) {
        assert_int_equal(backend_add_server(&world->backend, &server), 0);
        /* A connection that stays keeps it from being removed, for good, while removing is tried.
         */
        atom_store(&world->backend.servers[i].conns_used, 1);
    }
    for (int i = 0; i < WORKERS; i++) {
        struct task *task = task_new_on(world->rt, i, drive, world);
        assert_non_null(task);
        rt_job_begin(world->rt);
        task_wakeup(task, TASK_WOKEN_INIT);
    }
    rt_leave(world->rt);
    rt_stop_soft(world->rt);
    assert_int_equal(rt_run(world->rt), 0);
    rt_enter(world->rt);
    backend_check(&world->backend, true);
    for (int i = 0; i < SERVERS; i++)
        atom_store(&world->backend.servers[i].conns_used, 0);
    /* It was about something. */
    assert_true(atom_load(&world->served) > WORKERS * 100);
    assert_true(atom_load(&world->backend.queued_total) > 100);
    assert_true(atom_load(&world->backend.withdrawn_total) > 0);
    assert_true(atom_load(&world->backend.servers[0].down_total) > 0);
    backend_fini(&world->backend);
    idle_set_fini(&world->set);
    rt_leave(world->rt);
    rt_free(world->rt);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_answered_or_withdrawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
