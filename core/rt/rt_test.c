/*
 * core/rt/rt_test.c - the runtime with real threads: start, wake-ups, isolation, signals, stop.
 *
 * Each test states what must have happened when rt_run() returned; the instance's own invariants
 * are assertions that are always on, and rt_check() looks at what is left.
 */
#include "core/rt/rt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/base/err.h"

enum { WORKERS = 4, FD_MAX = 128 };

struct world {
    struct rt *rt;
    void (*start)(struct world *world, struct worker *worker);
    _Atomic int started;
    _Atomic int stopped;
    _Atomic int stopping;
    _Atomic int soft_stops;
    _Atomic int hard_stops;
    _Atomic int signals;
    _Atomic int runs;
    _Atomic int inside;
    int plain; /* guarded by isolation */
};

static void on_start(void *ctx, struct worker *worker)
{
    struct world *world = ctx;

    atom_fetch_add(&world->started, 1, memory_order_relaxed);
    if (world->start != NULL)
        world->start(world, worker);
}

static void on_stop(void *ctx, struct worker *worker)
{
    struct world *world = ctx;

    (void)worker;
    atom_fetch_add(&world->stopped, 1, memory_order_relaxed);
}

static void on_stopping(void *ctx, struct worker *worker)
{
    struct world *world = ctx;

    (void)worker;
    atom_fetch_add(&world->stopping, 1, memory_order_relaxed);
}

static void on_stop_soft(void *ctx, struct rt *rt)
{
    struct world *world = ctx;

    (void)rt;
    atom_fetch_add(&world->soft_stops, 1, memory_order_relaxed);
}

static void on_stop_hard(void *ctx, struct rt *rt)
{
    struct world *world = ctx;

    (void)rt;
    assert_true(isolate_is_mine());
    atom_fetch_add(&world->hard_stops, 1, memory_order_relaxed);
}

static void on_signal(void *ctx, struct rt *rt, int signo)
{
    struct world *world = ctx;

    atom_fetch_add(&world->signals, signo, memory_order_relaxed);
    rt_stop_soft(rt);
}

static void world_init(struct world *world, unsigned workers)
{
    struct rt_config config = {
        .workers = workers,
        .fd_max = FD_MAX,
        .callbacks = {.ctx = world,
                      .worker_start = on_start,
                      .worker_stop = on_stop,
                      .stop_soft = on_stop_soft,
                      .stop_hard = on_stop_hard,
                      .worker_stopping = on_stopping,
                      .signal = on_signal},
    };

    memset(world, 0, sizeof(*world));
    assert_int_equal(rt_new(&config, &world->rt), 0);
}

static void world_run(struct world *world)
{
    int workers = (int)world->rt->config.workers;

    assert_int_equal(rt_run(world->rt), 0);
    assert_int_equal(world->started, workers);
    assert_int_equal(world->stopped, workers);
    assert_int_equal(world->stopping, workers);
    rt_check(world->rt, true);
}

static void bad_configurations_are_refused(void **state)
{
    struct rt *rt;

    (void)state;
    assert_int_equal(rt_new(&(struct rt_config){.workers = 0, .fd_max = 8}, &rt), -ERR_ARGUMENT);
    assert_int_equal(rt_new(&(struct rt_config){.workers = 65, .fd_max = 8}, &rt), -ERR_ARGUMENT);
    assert_int_equal(rt_new(&(struct rt_config){.workers = 1, .fd_max = 1}, &rt), -ERR_FULL);
}

static void stops_when_asked_before_it_runs(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= WORKERS; workers++) {
        struct world world;

        world_init(&world, workers);
        rt_stop_soft(world.rt);
        rt_stop_soft(world.rt);
        world_run(&world);
        assert_int_equal(world.soft_stops, 1);
        assert_int_equal(world.hard_stops, 0);
        rt_free(world.rt);
    }
}

static void hard_stop_does_not_wait_for_jobs(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, WORKERS);
    rt_job_begin(world.rt);
    rt_stop_soft(world.rt);
    rt_stop_hard(world.rt);
    world_run(&world);
    assert_int_equal(world.hard_stops, 1);
    rt_free(world.rt);
}

static struct task *end_job_later(struct task *task, void *ctx, uint32_t bits)
{
    struct world *world = ctx;

    if (bits & TASK_WOKEN_INIT) {
        task_set_expire(task, worker_now_ns() + 3000000);
        return task;
    }
    assert_true(bits & TASK_WOKEN_TIMER);
    assert_true(worker_now_ns() >= task_expire(task));
    rt_job_end(world->rt);
    task_destroy(task);
    return NULL;
}

static void start_job(struct world *world, struct worker *worker)
{
    struct task *task = task_new_on(world->rt, worker->id, end_job_later, world);

    assert_non_null(task);
    rt_job_begin(world->rt);
    task_wakeup(task, TASK_WOKEN_INIT);
}

/* Nobody leaves before the last job has ended, on whichever worker that is. */
static void soft_stop_waits_for_jobs(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, WORKERS);
    world.start = start_job;
    rt_job_begin(world.rt); /* until all have started theirs */
    rt_job_end(world.rt);
    rt_stop_soft(world.rt);
    world_run(&world);
    rt_free(world.rt);
}

static void send_signal(struct world *world, struct worker *worker)
{
    if (worker->id != (int)world->rt->config.workers - 1)
        return;
    errno = EDOM;
    rt_signal(world->rt, 10);
    assert_int_equal(errno, EDOM);
}

static void signals_reach_worker_0(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct world world;

        world_init(&world, 1 + (unsigned)i % WORKERS);
        world.start = send_signal;
        world_run(&world);
        assert_int_equal(world.signals, 10);
        assert_int_equal(world.soft_stops, 1);
        rt_free(world.rt);
    }
}

/* Each worker isolates itself often, in both ways; a plain counter and a gauge show that it is
 * alone. */
static struct task *isolate_often(struct task *task, void *ctx, uint32_t bits)
{
    struct world *world = ctx;

    (void)bits;
    if (atom_fetch_add(&world->runs, 1, memory_order_relaxed) % 3 == 0)
        isolate_begin_full();
    else
        isolate_begin();
    assert_true(isolate_is_mine());
    assert_int_equal(atom_fetch_add(&world->inside, 1, memory_order_relaxed), 0);
    world->plain++;
    isolate_harmless_begin(); /* does not hang: the caller itself is alone */
    isolate_harmless_end();
    assert_int_equal(atom_fetch_sub(&world->inside, 1, memory_order_relaxed), 1);
    isolate_end();
    isolate_harmless_begin();
    isolate_harmless_end();
    if (++task->nice >= 200) { /* a count of our own, for once */
        rt_job_end(world->rt);
        task_destroy(task);
        return NULL;
    }
    task_wakeup(task, TASK_WOKEN_OTHER);
    return task;
}

static void start_isolating(struct world *world, struct worker *worker)
{
    struct task *task = task_new_on(world->rt, worker->id, isolate_often, world);

    assert_non_null(task);
    task_wakeup(task, TASK_WOKEN_INIT);
}

static void isolated_worker_is_alone(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, WORKERS);
    world.start = start_isolating;
    for (int i = 0; i < WORKERS; i++)
        rt_job_begin(world.rt);
    rt_stop_soft(world.rt);
    world_run(&world);
    assert_int_equal(world.plain, 200 * WORKERS);
    rt_free(world.rt);
}

static void two_instances_live_side_by_side(void **state)
{
    struct world a, b;

    (void)state;
    world_init(&a, 2);
    world_init(&b, 3);
    rt_stop_soft(a.rt);
    rt_stop_soft(b.rt);
    world_run(&b);
    world_run(&a);
    rt_free(a.rt);
    rt_free(b.rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(stops_when_asked_before_it_runs),
        cmocka_unit_test(hard_stop_does_not_wait_for_jobs),
        cmocka_unit_test(soft_stop_waits_for_jobs),
        cmocka_unit_test(signals_reach_worker_0),
        cmocka_unit_test(isolated_worker_is_alone),
        cmocka_unit_test(two_instances_live_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
