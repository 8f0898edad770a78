/*
 * core/rt/run_test.c - what runs when, and who frees it: by hand on one thread.
 *
 * The thread plays a worker and runs turns one at a time; to see a wake-up by "another" worker it
 * changes identity with worker_adopt().
 */
#include "core/rt/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/rt/rt.h"
#include "core/rt/task.h"

enum { LOG_MAX = 512 };

struct world {
    struct rt *rt;
    char log[LOG_MAX];
    size_t log_len;
};

/* What a test object does when it runs: its letter goes to the log. */
struct actor {
    struct world *world;
    char letter;
    bool wakes_itself;
    bool kills_itself;
    bool destroys_itself;
    struct task *task;
    struct tasklet *tasklet;
    struct tasklet *wakes;
    uint32_t bits; /* seen by the last run */
};

static void log_letter(struct world *world, char letter)
{
    assert_true(world->log_len + 1 < LOG_MAX);
    world->log[world->log_len++] = letter;
    world->log[world->log_len] = '\0';
}

static struct task *act_task(struct task *task, void *ctx, uint32_t bits)
{
    struct actor *actor = ctx;

    actor->bits = bits;
    log_letter(actor->world, actor->letter);
    if (actor->wakes_itself) {
        actor->wakes_itself = false;
        task_wakeup(task, TASK_WOKEN_MSG);
    }
    if (actor->wakes != NULL)
        tasklet_wakeup(actor->wakes);
    if (actor->kills_itself)
        task_kill(task);
    if (actor->destroys_itself) {
        task_destroy(task);
        return NULL;
    }
    return task;
}

static struct tasklet *act_tasklet(struct tasklet *tasklet, void *ctx, uint32_t bits)
{
    struct actor *actor = ctx;

    actor->bits = bits;
    log_letter(actor->world, actor->letter);
    if (actor->wakes_itself)
        tasklet_wakeup(tasklet);
    if (actor->wakes != NULL)
        tasklet_wakeup(actor->wakes);
    if (actor->kills_itself)
        tasklet_kill(tasklet);
    if (actor->destroys_itself) {
        tasklet_free(tasklet);
        return NULL;
    }
    return tasklet;
}

static void world_init(struct world *world, unsigned depth)
{
    const struct rt_config config = {
        .workers = 2, .fd_max = 32, .runqueue_depth = depth, .tasks_max = 64, .tasklets_max = 64};

    memset(world, 0, sizeof(*world));
    assert_int_equal(rt_new(&config, &world->rt), 0);
    rt_enter(world->rt);
}

static void world_fini(struct world *world)
{
    rt_leave(world->rt);
    rt_free(world->rt);
}

static void turn(struct world *world)
{
    world->log_len = 0;
    world->log[0] = '\0';
    worker_self()->turn++;
    run_tasks(worker_self());
    rt_check(world->rt, false);
}

static void as(struct world *world, int worker)
{
    worker_adopt(worker_at(world->rt, worker));
}

static void task_actor(struct world *world, char letter, int owner, struct actor *actor)
{
    *actor = (struct actor){.world = world, .letter = letter};
    actor->task = task_new_on(world->rt, owner, act_task, actor);
    assert_non_null(actor->task);
}

static void tasklet_actor(struct world *world, char letter, int owner, struct actor *actor)
{
    *actor = (struct actor){.world = world, .letter = letter};
    actor->tasklet = tasklet_new_on(world->rt, owner, act_tasklet, actor);
    assert_non_null(actor->tasklet);
}

static void tasks_run_in_the_order_of_waking_and_nice(void **state)
{
    struct actor actors[4];
    struct world world;

    (void)state;
    world_init(&world, 0);
    for (int i = 0; i < 4; i++)
        task_actor(&world, (char)('a' + i), 0, &actors[i]);
    actors[0].task->nice = 2;
    actors[3].task->nice = -3;
    for (int i = 0; i < 4; i++)
        task_wakeup(actors[i].task, TASK_WOKEN_IO);
    task_wakeup(actors[1].task, TASK_WOKEN_MSG); /* once only */
    turn(&world);
    assert_string_equal(world.log, "dbac");
    assert_int_equal(actors[1].bits & TASK_WOKEN_ANY, TASK_WOKEN_IO | TASK_WOKEN_MSG);
    assert_false(run_has_work(worker_self()));
    for (int i = 0; i < 4; i++)
        task_destroy(actors[i].task);
    world_fini(&world);
}

static void classes_share_a_turn(void **state)
{
    struct actor bulk, heavy[2], urgent, task;
    struct world world;

    (void)state;
    world_init(&world, 0);
    tasklet_actor(&world, 'b', 0, &bulk);
    tasklet_actor(&world, 'h', 0, &heavy[0]);
    tasklet_actor(&world, 'H', 0, &heavy[1]);
    tasklet_actor(&world, 'u', 0, &urgent);
    task_actor(&world, 't', 0, &task);
    tasklet_set_flags(bulk.tasklet, TASK_SELF_WAKING);
    tasklet_set_flags(heavy[0].tasklet, TASK_HEAVY);
    tasklet_set_flags(heavy[1].tasklet, TASK_HEAVY);
    tasklet_wakeup(heavy[0].tasklet);
    tasklet_wakeup(heavy[1].tasklet);
    tasklet_wakeup(bulk.tasklet);
    task_wakeup(task.task, TASK_WOKEN_IO);
    tasklet_wakeup(urgent.tasklet);
    turn(&world);
    assert_string_equal(world.log, "utbh"); /* one heavy a turn */
    turn(&world);
    assert_string_equal(world.log, "H");
    tasklet_free(bulk.tasklet);
    tasklet_free(heavy[0].tasklet);
    tasklet_free(heavy[1].tasklet);
    tasklet_free(urgent.tasklet);
    task_destroy(task.task);
    world_fini(&world);
}

static void nothing_runs_twice_in_a_turn(void **state)
{
    struct actor self, task, a, b;
    struct world world;

    (void)state;
    world_init(&world, 0);
    tasklet_actor(&world, 's', 0, &self);
    tasklet_actor(&world, 'a', 0, &a);
    tasklet_actor(&world, 'b', 0, &b);
    task_actor(&world, 't', 0, &task);
    self.wakes_itself = true;
    task.wakes_itself = true;
    a.wakes = b.tasklet;
    b.wakes = a.tasklet;
    tasklet_wakeup(self.tasklet);
    tasklet_wakeup(a.tasklet);
    task_wakeup(task.task, TASK_WOKEN_IO);
    turn(&world);
    assert_string_equal(world.log, "satb");
    assert_true(run_has_work(worker_self()));
    turn(&world);
    assert_string_equal(world.log, "tabs");
    assert_int_equal(task.bits & TASK_WOKEN_ANY, TASK_WOKEN_MSG);
    self.wakes_itself = false;
    b.wakes = NULL;
    turn(&world);
    assert_string_equal(world.log, "abs");
    assert_false(run_has_work(worker_self()));
    tasklet_free(self.tasklet);
    tasklet_free(a.tasklet);
    tasklet_free(b.tasklet);
    task_destroy(task.task);
    world_fini(&world);
}

static void a_turn_has_a_budget(void **state)
{
    struct actor actors[20];
    struct world world;
    size_t ran = 0;
    int turns = 0;

    (void)state;
    world_init(&world, 8);
    for (int i = 0; i < 20; i++) {
        task_actor(&world, (char)('a' + i), 0, &actors[i]);
        task_wakeup(actors[i].task, TASK_WOKEN_IO);
    }
    while (run_has_work(worker_self())) {
        turn(&world);
        assert_true(world.log_len <= 8);
        ran += world.log_len;
        turns++;
    }
    assert_int_equal(ran, 20);
    assert_int_equal(turns, 3);
    for (int i = 0; i < 20; i++)
        task_destroy(actors[i].task);
    world_fini(&world);
}

/* Killed idle, queued (here or there) or running: freed, and not run any more. */
static void killed_tasks_are_freed_in_any_state(void **state)
{
    struct actor idle, queued, timed, remote, shared, running;
    struct world world;

    (void)state;
    world_init(&world, 0);
    task_actor(&world, 'i', 0, &idle);
    task_actor(&world, 'q', 0, &queued);
    task_actor(&world, 't', 0, &timed);
    task_actor(&world, 'r', 1, &remote);
    task_actor(&world, 's', TASK_ANY, &shared);
    task_actor(&world, 'x', 0, &running);
    running.kills_itself = true;
    task_wakeup(queued.task, TASK_WOKEN_IO);
    task_schedule(timed.task, worker_now_ns() + 1000000);
    task_wakeup(remote.task, TASK_WOKEN_IO);
    task_kill(idle.task);
    task_kill(queued.task);
    task_kill(timed.task);
    task_kill(remote.task);
    task_kill(shared.task);
    task_wakeup(running.task, TASK_WOKEN_IO);
    turn(&world);
    assert_string_equal(world.log, "x");
    assert_int_equal(worker_self()->timers.count, 0);
    assert_int_equal(pool_count(&world.rt->task_pool), 1);
    as(&world, 1);
    turn(&world);
    assert_string_equal(world.log, "");
    assert_int_equal(pool_count(&world.rt->task_pool), 0);
    as(&world, 0);
    world_fini(&world);
}

static void destroyed_tasks_are_freed_in_any_state(void **state)
{
    struct actor idle, queued, timed, running;
    struct world world;

    (void)state;
    world_init(&world, 0);
    task_actor(&world, 'i', 0, &idle);
    task_actor(&world, 'q', 0, &queued);
    task_actor(&world, 't', 0, &timed);
    task_actor(&world, 'x', 0, &running);
    running.destroys_itself = true;
    task_wakeup(queued.task, TASK_WOKEN_IO);
    task_schedule(timed.task, worker_now_ns() + 1000000);
    task_wakeup(running.task, TASK_WOKEN_IO);
    task_destroy(idle.task);
    task_destroy(queued.task);
    task_destroy(timed.task);
    assert_int_equal(pool_count(&world.rt->task_pool), 2);
    turn(&world);
    assert_string_equal(world.log, "x");
    assert_int_equal(pool_count(&world.rt->task_pool), 0);
    world_fini(&world);
}

static void tasklets_are_freed_in_any_state(void **state)
{
    struct actor freed[3], killed[4];
    struct world world;

    (void)state;
    world_init(&world, 0);
    for (int i = 0; i < 3; i++)
        tasklet_actor(&world, 'f', 0, &freed[i]);
    for (int i = 0; i < 4; i++)
        tasklet_actor(&world, 'k', i == 3 ? 1 : 0, &killed[i]);
    freed[2].destroys_itself = true;
    freed[2].wakes_itself = true; /* queued again when it frees itself */
    killed[2].kills_itself = true;
    tasklet_wakeup(freed[1].tasklet);
    tasklet_wakeup(freed[2].tasklet);
    tasklet_wakeup(killed[1].tasklet);
    tasklet_wakeup(killed[2].tasklet);
    tasklet_free(freed[0].tasklet);
    tasklet_free(freed[1].tasklet);
    tasklet_kill(killed[0].tasklet);
    tasklet_kill(killed[1].tasklet);
    tasklet_kill(killed[3].tasklet);
    turn(&world);
    assert_string_equal(world.log, "fk");
    turn(&world);
    assert_int_equal(pool_count(&world.rt->tasklet_pool), 1);
    world_fini(&world); /* the last one is freed from the queue of worker 1 */
}

static void free_objects_run_where_they_are_woken(void **state)
{
    struct actor task, tasklet;
    struct world world;

    (void)state;
    world_init(&world, 0);
    task_actor(&world, 't', TASK_ANY, &task);
    tasklet_actor(&world, 'l', TASK_ANY, &tasklet);
    task_wakeup(task.task, TASK_WOKEN_IO);
    assert_int_equal(task_owner(task.task), -2);
    as(&world, 1);
    tasklet_wakeup(tasklet.tasklet);
    task_wakeup(task.task, TASK_WOKEN_MSG); /* worker 0 has it already */
    turn(&world);
    assert_string_equal(world.log, "l");
    as(&world, 0);
    turn(&world);
    assert_string_equal(world.log, "t");
    assert_int_equal(task.bits & TASK_WOKEN_ANY, TASK_WOKEN_IO | TASK_WOKEN_MSG);
    assert_int_equal(task_owner(task.task), TASK_ANY);
    as(&world, 1);
    task_wakeup_now(task.task, TASK_WOKEN_RES);
    assert_int_equal(task_owner(task.task), -3);
    turn(&world);
    assert_string_equal(world.log, "t");
    tasklet_wakeup_on(tasklet.tasklet, 0);
    turn(&world);
    assert_string_equal(world.log, "");
    as(&world, 0);
    turn(&world);
    assert_string_equal(world.log, "l");
    task_kill(task.task);
    tasklet_free(tasklet.tasklet);
    world_fini(&world);
}

/* Filed by worker 0, brought forward by worker 1: only the owner files it, and it does not run for
 * that. */
static void a_foreign_date_is_filed_by_the_owner(void **state)
{
    struct actor task;
    struct world world;

    (void)state;
    world_init(&world, 0);
    task_actor(&world, 't', TASK_ANY, &task);
    task_schedule(task.task, 5000);
    as(&world, 1);
    task_schedule(task.task, 3000);
    assert_int_equal(worker_self()->timers.count, 0);
    as(&world, 0);
    assert_int_equal(timers_next_ns(&worker_self()->timers), 5000);
    turn(&world);
    assert_string_equal(world.log, "");
    assert_int_equal(timers_next_ns(&worker_self()->timers), 3000);
    assert_int_equal(task_owner(task.task), -2);
    task_kill(task.task);
    turn(&world);
    world_fini(&world);
}

static void creation_is_refused_beyond_the_bound(void **state)
{
    struct actor actors[64];
    struct world world;

    (void)state;
    world_init(&world, 0);
    for (int i = 0; i < 64; i++)
        task_actor(&world, 't', 0, &actors[i]);
    assert_null(task_new_on(world.rt, 0, act_task, NULL));
    for (int i = 0; i < 64; i++)
        task_destroy(actors[i].task);
    world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_in_the_order_of_waking_and_nice),
        cmocka_unit_test(classes_share_a_turn),
        cmocka_unit_test(nothing_runs_twice_in_a_turn),
        cmocka_unit_test(a_turn_has_a_budget),
        cmocka_unit_test(killed_tasks_are_freed_in_any_state),
        cmocka_unit_test(destroyed_tasks_are_freed_in_any_state),
        cmocka_unit_test(tasklets_are_freed_in_any_state),
        cmocka_unit_test(free_objects_run_where_they_are_woken),
        cmocka_unit_test(a_foreign_date_is_filed_by_the_owner),
        cmocka_unit_test(creation_is_refused_beyond_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
