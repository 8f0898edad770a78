/*
 * core/mux/work/work_test.c - the workload of idle connections on four real threads.
 *
 * A lost wake-up hangs the test; what two workers do to one connection at once shows under the
 * thread sanitizer, or as an answer to another question; what is left behind fails at the end.
 */
#include "core/mux/work/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/rt/rt.h"

#ifndef WORK_ROUNDS
#define WORK_ROUNDS 20000
#endif

enum { WORKERS = 4, FD_MAX = 4096, SCARCE_TASKS = 40 };

struct world {
    struct rt *rt;
    struct work *work;
    int rounds_max; /* of each worker */
    int rounds[WORKERS];
    _Atomic int parts;
};

static uint32_t draw(void *ctx, uint32_t n)
{
    (void)ctx;
    return worker_random_below(worker_self(), n);
}

static void fail_work(void *ctx, const char *what)
{
    (void)ctx;
    fail_msg("%s", what);
}

static void begin_part(void *ctx)
{
    struct world *world = ctx;

    rt_job_begin(world->rt);
    atom_fetch_add(&world->parts, 1, memory_order_relaxed);
}

/* Not before: an instance that stops keeps no idle connections. */
static void end_part(void *ctx)
{
    struct world *world = ctx;

    if (atom_fetch_sub(&world->parts, 1, memory_order_acq_rel) == 1)
        rt_stop_soft(world->rt);
    rt_job_end(world->rt);
}

static struct task *drive(struct task *task, void *ctx, uint32_t bits)
{
    struct world *world = ctx;
    int worker = worker_id();

    (void)bits;
    task_set_expire(task, TIME_NEVER);
    if (world->rounds[worker]++ == world->rounds_max) {
        end_part(world);
        return task;
    }
    work_step(world->work, worker);
    /* Now and then a rest, in which connections grow old. */
    if (draw(NULL, 64) == 0)
        task_set_expire(task, worker_now_ns() + 200000);
    else
        task_wakeup(task, TASK_WOKEN_OTHER);
    return task;
}

static void run_work(struct work_options options, unsigned tasks_max)
{
    /* Handshakes take their time. */
    struct world world = {.rounds_max = options.has_tls ? WORK_ROUNDS / 2 : WORK_ROUNDS};
    const struct rt_config config = {
        .workers = WORKERS, .fd_max = FD_MAX, .tasks_max = tasks_max, .tasklets_max = tasks_max};
    const struct work_host host = {.ctx = &world,
                                   .draw = draw,
                                   .fail = fail_work,
                                   .begin_part = begin_part,
                                   .end_part = end_part};
    struct task *tasks[WORKERS];

    assert_int_equal(rt_new(&config, &world.rt), 0);
    rt_enter(world.rt);
    world.work = work_new(&options, &host, world.rt, WORKERS);
    assert_non_null(world.work);
    for (int i = 0; i < WORKERS; i++) {
        tasks[i] = task_new_on(world.rt, i, drive, &world);
        assert_non_null(tasks[i]);
        begin_part(&world);
        task_wakeup(tasks[i], TASK_WOKEN_INIT);
    }
    rt_leave(world.rt);
    assert_int_equal(rt_run(world.rt), 0);
    rt_enter(world.rt);
    for (int i = 0; i < WORKERS; i++)
        task_destroy(tasks[i]);
    /* It was no idle run. */
    assert_true(atom_load(&world.work->answered) > (uint32_t)world.rounds_max / 10);
    assert_true(atom_load(&world.work->env.takeovers) > 0);
    work_free(world.work);
    rt_leave(world.rt);
    rt_free(world.rt);
}

static void stolen_connections_answer(void **state)
{
    (void)state;
    /* Who loses one steals the next. */
    run_work(
        (struct work_options){
            .ask = 24, .close = 1, .check = 1, .asks_max = 2, .idle_max = UINT32_MAX},
        0);
}

static void closed_connections_are_left(void **state)
{
    (void)state;
    run_work((struct work_options){.ask = 8,
                                   .leave = 1,
                                   .close = 1,
                                   .asks_max = 3,
                                   .close_share = 2,
                                   .idle_ns = 100000,
                                   .idle_max = UINT32_MAX},
             0);
}

static void evicted_connections_end_on_their_workers(void **state)
{
    (void)state;
    run_work((struct work_options){.ask = 8,
                                   .evict = 1,
                                   .evict_some = 1,
                                   .close = 1,
                                   .asks_max = 3,
                                   .close_share = 1,
                                   .purge_ns = 300000,
                                   .idle_max = UINT32_MAX},
             0);
}

static void sessions_keep_their_own(void **state)
{
    (void)state;
    run_work((struct work_options){.ask = 12,
                                   .end_session = 1,
                                   .evict = 1,
                                   .evict_some = 1,
                                   .check = 1,
                                   .asks_max = 3,
                                   .private_share = 4,
                                   .close_share = 1,
                                   .idle_max = 4},
             0);
}

static void tasks_run_out(void **state)
{
    (void)state;
    run_work((struct work_options){.ask = 8,
                                   .leave = 1,
                                   .evict_some = 1,
                                   .asks_max = 6,
                                   .private_share = 1,
                                   .idle_max = UINT32_MAX},
             SCARCE_TASKS);
}

/* The transport has a tasklet of its own, and tickets come while a connection is idle. */
static void stolen_tls_connections_answer(void **state)
{
    (void)state;
    run_work((struct work_options){.ask = 24,
                                   .leave = 1,
                                   .close = 1,
                                   .evict_some = 1,
                                   .check = 1,
                                   .asks_max = 2,
                                   .idle_max = UINT32_MAX,
                                   .has_tls = true,
                                   .certificate_file = "core/tls/testdata/server.pem",
                                   .key_file = "core/tls/testdata/server.key"},
             0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stolen_tls_connections_answer),
        cmocka_unit_test(stolen_connections_answer),
        cmocka_unit_test(closed_connections_are_left),
        cmocka_unit_test(evicted_connections_end_on_their_workers),
        cmocka_unit_test(sessions_keep_their_own),
        cmocka_unit_test(tasks_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
