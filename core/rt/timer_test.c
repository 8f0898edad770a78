/*
 * core/rt/timer_test.c - dates: filing order, lazy moves, and long random programs against an
 * array.
 *
 * One thread plays the worker: it sets the clock and runs the turns by hand.
 */
#include "core/rt/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rt/rt.h"
#include "core/rt/run.h"

enum { TASKS = 6 };

struct world {
    struct rt *rt;
    struct worker *worker;
    struct task *tasks[TASKS];
    int ran[64];
    int ran_count;
};

static struct task *record(struct task *task, void *ctx, uint32_t bits)
{
    struct world *world = ctx;

    assert_true(bits & TASK_WOKEN_TIMER);
    for (int i = 0; i < TASKS; i++) {
        if (world->tasks[i] == task)
            world->ran[world->ran_count++] = i;
    }
    task_set_expire(task, TIME_NEVER);
    return task;
}

static void world_init(struct world *world, int owner)
{
    const struct rt_config config = {.workers = 1, .fd_max = 32};

    memset(world, 0, sizeof(*world));
    assert_int_equal(rt_new(&config, &world->rt), 0);
    rt_enter(world->rt);
    world->worker = worker_self();
    world->worker->now_ns = 0;
    for (int i = 0; i < TASKS; i++) {
        world->tasks[i] = task_new_on(world->rt, owner, record, world);
        assert_non_null(world->tasks[i]);
    }
}

static void world_fini(struct world *world)
{
    for (int i = 0; i < TASKS; i++)
        task_kill(world->tasks[i]);
    rt_leave(world->rt);
    rt_free(world->rt);
}

static void turn(struct world *world, uint64_t now_ns)
{
    world->ran_count = 0;
    world->worker->now_ns = now_ns;
    world->worker->turn++;
    timers_wake_expired(world->worker);
    run_tasks(world->worker);
    timers_check(world->worker);
}

/* Every order of filing four dates of which two are equal: they fire by (date, filing). */
static void fires_by_date_then_by_filing(void **state)
{
    const uint64_t dates[4] = {10, 20, 20, 30};

    (void)state;
    for (int code = 0; code < 4 * 4 * 4 * 4; code++) {
        int order[4] = {code % 4, code / 4 % 4, code / 16 % 4, code / 64};
        int want[4], count = 0;
        bool is_permutation = true;
        struct world world;

        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < i; j++)
                is_permutation = is_permutation && order[i] != order[j];
        }
        if (!is_permutation)
            continue;
        world_init(&world, 0);
        for (int i = 0; i < 4; i++) {
            task_set_expire(world.tasks[order[i]], dates[order[i]]);
            task_queue(world.tasks[order[i]]);
        }
        for (uint64_t date = 10; date <= 30; date += 10) {
            for (int i = 0; i < 4; i++) {
                if (dates[order[i]] == date)
                    want[count++] = order[i];
            }
        }
        assert_int_equal(timers_next_ns(&world.worker->timers), 10);
        turn(&world, 9);
        assert_int_equal(world.ran_count, 0);
        turn(&world, 30);
        assert_int_equal(world.ran_count, 4);
        assert_memory_equal(world.ran, want, sizeof(want));
        assert_int_equal(timers_next_ns(&world.worker->timers), TIME_NEVER);
        world_fini(&world);
    }
}

static void a_later_date_is_noticed_when_the_old_one_comes(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 0);
    task_set_expire(world.tasks[0], 10);
    task_queue(world.tasks[0]);
    task_set_expire(world.tasks[0], 100);
    task_queue(world.tasks[0]);
    assert_int_equal(timers_next_ns(&world.worker->timers), 10);
    turn(&world, 10);
    assert_int_equal(world.ran_count, 0);
    assert_int_equal(timers_next_ns(&world.worker->timers), 100);
    task_schedule(world.tasks[0], 200); /* never back */
    assert_int_equal(task_expire(world.tasks[0]), 100);
    task_schedule(world.tasks[0], 50);
    assert_int_equal(timers_next_ns(&world.worker->timers), 50);
    turn(&world, 50);
    assert_int_equal(world.ran_count, 1);
    world_fini(&world);
}

static void no_date_is_no_timer(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 0);
    task_queue(world.tasks[0]);
    task_schedule(world.tasks[0], TIME_NEVER);
    assert_int_equal(world.worker->timers.count, 0);
    /* Given up after it was filed: it just goes. */
    task_set_expire(world.tasks[0], 10);
    task_queue(world.tasks[0]);
    task_set_expire(world.tasks[0], TIME_NEVER);
    turn(&world, 10);
    assert_int_equal(world.ran_count, 0);
    assert_int_equal(world.worker->timers.count, 0);
    world_fini(&world);
}

/* A free task belongs to the worker that filed it, and to nobody when it is filed no more. */
static void free_tasks_are_owned_while_filed(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, TASK_ANY);
    assert_int_equal(task_owner(world.tasks[0]), TASK_ANY);
    task_schedule(world.tasks[0], 10);
    assert_int_equal(task_owner(world.tasks[0]), -2);
    turn(&world, 10);
    assert_int_equal(world.ran_count, 1);
    assert_int_equal(task_owner(world.tasks[0]), TASK_ANY);
    task_schedule(world.tasks[0], 20);
    task_set_expire(world.tasks[0], TIME_NEVER);
    turn(&world, 20);
    assert_int_equal(world.ran_count, 1 - 1);
    assert_int_equal(task_owner(world.tasks[0]), TASK_ANY);
    world_fini(&world);
}

static void random_programs_agree_with_an_array(void **state)
{
    uint64_t x = 88172645463325252U, now_ns = 0, want[TASKS];
    struct world world;

    (void)state;
    world_init(&world, 0);
    for (int i = 0; i < TASKS; i++)
        want[i] = TIME_NEVER;
    for (int round = 0; round < 50000; round++) {
        uint64_t earliest = TIME_NEVER, when;
        int which, due = 0;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        which = (int)((x >> 32) % TASKS);
        when = now_ns + 1 + (x >> 40) % 20;
        switch (x >> 60 & 3) {
        case 0: /* earlier or later */
            want[which] = when;
            task_set_expire(world.tasks[which], when);
            task_queue(world.tasks[which]);
            break;
        case 1: /* earlier only */
            if (when < want[which])
                want[which] = when;
            task_schedule(world.tasks[which], when);
            break;
        case 2:
            want[which] = TIME_NEVER;
            task_set_expire(world.tasks[which], TIME_NEVER);
            timers_remove(&world.worker->timers, world.tasks[which]);
            break;
        default:
            now_ns += (x >> 50) % 10;
            turn(&world, now_ns);
            for (int i = 0; i < world.ran_count; i++) {
                assert_true(want[world.ran[i]] <= now_ns);
                want[world.ran[i]] = TIME_NEVER;
            }
            break;
        }
        for (int i = 0; i < TASKS; i++) {
            assert_int_equal(task_expire(world.tasks[i]), want[i]);
            earliest = want[i] < earliest ? want[i] : earliest;
            due += (x >> 60 & 3) == 3 && want[i] <= now_ns;
        }
        assert_int_equal(due, 0);
        assert_true(timers_next_ns(&world.worker->timers) <= earliest);
        timers_check(world.worker);
    }
    world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_by_date_then_by_filing),
        cmocka_unit_test(a_later_date_is_noticed_when_the_old_one_comes),
        cmocka_unit_test(no_date_is_no_timer),
        cmocka_unit_test(free_tasks_are_owned_while_filed),
        cmocka_unit_test(random_programs_agree_with_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
