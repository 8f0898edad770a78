/*
 * core/rt/rt_stress_test.c - four workers that wake, kill and rob each other as fast as they can.
 *
 * A lost wake-up or a fd that nobody polls hangs the test; work done twice at once shows in a plain
 * counter (and under the thread sanitizer); what is left behind fails rt_free().
 */
#include "core/rt/rt.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/base/lock.h"

#ifndef STRESS_ROUNDS
#define STRESS_ROUNDS 20000
#endif

enum { WORKERS = 4, OBJECTS = 3 };

struct world {
    struct rt *rt;
    struct task *tasks[WORKERS];
    struct tasklet *tasklets[WORKERS];
    _Atomic int inbox[WORKERS];
    _Atomic int hops;
    struct task *shared[OBJECTS];
    int shared_runs[OBJECTS]; /* guarded by the task's RUNNING */
    int rounds[WORKERS];
};

static int index_of(struct task **tasks, int count, struct task *task)
{
    for (int i = 0; i < count; i++) {
        if (tasks[i] == task)
            return i;
    }
    return -1;
}

static void world_init(struct world *world, unsigned workers, struct rt_callbacks callbacks)
{
    const struct rt_config config = {.workers = workers, .fd_max = 256, .callbacks = callbacks};

    memset(world, 0, sizeof(*world));
    assert_int_equal(rt_new(&config, &world->rt), 0);
    rt_enter(world->rt);
}

static void world_run(struct world *world)
{
    rt_leave(world->rt);
    rt_stop_soft(world->rt);
    assert_int_equal(rt_run(world->rt), 0);
    rt_enter(world->rt);
}

static void world_fini(struct world *world)
{
    rt_leave(world->rt);
    rt_free(world->rt);
}

/*
 * Tokens go round: each run passes on what it finds, by task to the next worker, by tasklet to the
 * one after that.
 */

static void pass_on(struct world *world, int from)
{
    int tokens = atom_exchange(&world->inbox[from], 0, memory_order_acquire);

    for (; tokens > 0; tokens--) {
        int hop = atom_fetch_add(&world->hops, 1, memory_order_relaxed);
        int to = (from + 1 + hop % 2) % WORKERS;

        if (hop >= STRESS_ROUNDS) {
            rt_job_end(world->rt); /* this token is done */
            continue;
        }
        atom_fetch_add(&world->inbox[to], 1, memory_order_release);
        if (hop % 3 == 0)
            tasklet_wakeup(world->tasklets[to]);
        else
            task_wakeup(world->tasks[to], TASK_WOKEN_MSG);
    }
}

static struct task *pass_by_task(struct task *task, void *ctx, uint32_t bits)
{
    (void)bits;
    pass_on(ctx, worker_id());
    return task;
}

static struct tasklet *pass_by_tasklet(struct tasklet *tasklet, void *ctx, uint32_t bits)
{
    (void)bits;
    pass_on(ctx, worker_id());
    return tasklet;
}

static void no_wake_up_is_lost(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, WORKERS, (struct rt_callbacks){0});
    for (int i = 0; i < WORKERS; i++) {
        world.tasks[i] = task_new_on(world.rt, i, pass_by_task, &world);
        world.tasklets[i] = tasklet_new_on(world.rt, i, pass_by_tasklet, &world);
        assert_non_null(world.tasks[i]);
        assert_non_null(world.tasklets[i]);
    }
    for (int i = 0; i < WORKERS - 1; i++) {
        rt_job_begin(world.rt);
        atom_fetch_add(&world.inbox[i], 1, memory_order_relaxed);
        task_wakeup(world.tasks[i], TASK_WOKEN_INIT);
    }
    world_run(&world);
    for (int i = 0; i < WORKERS; i++) {
        task_destroy(world.tasks[i]);
        tasklet_free(world.tasklets[i]);
    }
    world_fini(&world);
}

/*
 * Free tasks are woken and scheduled by everybody.
 */

static struct task *count_run(struct task *task, void *ctx, uint32_t bits)
{
    struct world *world = ctx;

    (void)bits;
    world->shared_runs[index_of(world->shared, OBJECTS, task)]++;
    task_set_expire(task, TIME_NEVER);
    return task;
}

static struct task *drive_shared(struct task *task, void *ctx, uint32_t bits)
{
    struct world *world = ctx;
    struct task *target = world->shared[worker_random_below(worker_self(), OBJECTS)];

    (void)bits;
    switch (worker_random_below(worker_self(), 3)) {
    case 0:
        task_wakeup(target, TASK_WOKEN_MSG);
        break;
    case 1:
        task_schedule(target, worker_now_ns());
        break;
    default:
        task_schedule(target, worker_now_ns() + 20000);
        break;
    }
    if (++world->rounds[worker_id()] >= STRESS_ROUNDS / 4) {
        rt_job_end(world->rt);
        task_destroy(task);
        return NULL;
    }
    task_wakeup(task, TASK_WOKEN_OTHER);
    return task;
}

static void free_tasks_run_on_one_worker_at_a_time(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, WORKERS, (struct rt_callbacks){0});
    for (int i = 0; i < OBJECTS; i++) {
        world.shared[i] = task_new_on(world.rt, TASK_ANY, count_run, &world);
        assert_non_null(world.shared[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        struct task *task = task_new_on(world.rt, i, drive_shared, &world);

        assert_non_null(task);
        rt_job_begin(world.rt);
        task_wakeup(task, TASK_WOKEN_INIT);
    }
    world_run(&world);
    for (int i = 0; i < OBJECTS; i++) {
        assert_true(world.shared_runs[i] > 0);
        task_kill(world.shared[i]);
    }
    world_fini(&world);
}

/*
 * Objects of other workers are made, woken and killed.
 */

static struct task *do_nothing_task(struct task *task, void *ctx, uint32_t bits)
{
    (void)ctx;
    (void)bits;
    return task;
}

static struct tasklet *do_nothing_tasklet(struct tasklet *tasklet, void *ctx, uint32_t bits)
{
    (void)ctx;
    (void)bits;
    return tasklet;
}

static struct task *drive_kill(struct task *task, void *ctx, uint32_t bits)
{
    struct world *world = ctx;
    int victim = (int)worker_random_below(worker_self(), WORKERS + 1) - 1;
    struct task *doomed = task_new_on(world->rt, victim, do_nothing_task, world);
    struct tasklet *doomed_too = tasklet_new_on(world->rt, victim, do_nothing_tasklet, world);

    (void)bits;
    assert_non_null(doomed);
    assert_non_null(doomed_too);
    if (worker_random_below(worker_self(), 2)) {
        task_wakeup(doomed, TASK_WOKEN_MSG);
        tasklet_wakeup(doomed_too);
    }
    if (worker_random_below(worker_self(), 2))
        task_wakeup(doomed, TASK_WOKEN_RES);
    if (worker_random_below(worker_self(), 2) && victim == worker_id())
        task_schedule(doomed, worker_now_ns() + 1000);
    task_set_ctx(doomed, NULL);
    task_kill(doomed);
    tasklet_kill(doomed_too);
    if (++world->rounds[worker_id()] >= STRESS_ROUNDS / 4) {
        rt_job_end(world->rt);
        task_destroy(task);
        return NULL;
    }
    task_wakeup(task, TASK_WOKEN_OTHER);
    return task;
}

static void killed_objects_are_freed_once(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, WORKERS, (struct rt_callbacks){0});
    for (int i = 0; i < WORKERS; i++) {
        struct task *task = task_new_on(world.rt, i, drive_kill, &world);

        assert_non_null(task);
        rt_job_begin(world.rt);
        task_wakeup(task, TASK_WOKEN_INIT);
    }
    world_run(&world);
    world_fini(&world);
}

/*
 * Connections lie idle with one worker and are stolen by others, while their peer writes. Like idle
 * connections to servers: one lock a worker guards its list, and who finds one in the list may take
 * it.
 */

enum { CONNS = 6 };

struct thieves;

struct conn {
    struct thieves *thieves;
    struct list idle; /* in the list of its owner; guard: that owner's lock */
    int fd;
    int far;
    int owner; /* changes under the old owner's lock */
    int heard;
};

struct thieves {
    struct world world;
    struct lock locks[WORKERS];
    struct list idle[WORKERS];
    struct conn conns[CONNS];
    int steals[WORKERS];
};

static void make_idle(struct conn *conn)
{
    struct thieves *thieves = conn->thieves;
    int self = worker_id();

    fd_want_recv(thieves->world.rt, conn->fd);
    /* From here on it may be stolen: nothing of it is touched any more. */
    lock_take(&thieves->locks[self]);
    conn->owner = self;
    list_push_tail(&thieves->idle[self], &conn->idle);
    lock_give(&thieves->locks[self]);
}

static void hear(struct rt *rt, int fd, void *owner)
{
    struct conn *conn = owner;
    struct thieves *thieves = conn->thieves;
    int self = worker_id();
    char byte;

    lock_take(&thieves->locks[self]);
    assert_int_equal(conn->owner, self);
    list_unlink(&conn->idle);
    lock_give(&thieves->locks[self]);
    if (read(fd, &byte, 1) == 1) {
        conn->heard++;
        if (conn->heard >= STRESS_ROUNDS / 20) {
            fd_delete(rt, fd);
            rt_job_end(rt);
            return;
        }
        assert_int_equal(write(conn->far, &byte, 1), 1);
    } else {
        fd_cant_recv(rt, fd);
    }
    make_idle(conn);
}

static bool steal_from(struct thieves *thieves, int victim)
{
    struct conn *conn = NULL;

    /* Never waits: two thieves may rob each other. */
    if (!lock_try_take(&thieves->locks[victim]))
        return false;
    if (!list_is_empty(&thieves->idle[victim])) {
        conn = LIST_ENTRY(thieves->idle[victim].next, struct conn, idle);
        if (fd_takeover(thieves->world.rt, conn->fd, conn) == 0)
            list_unlink(&conn->idle);
        else
            conn = NULL;
    }
    lock_give(&thieves->locks[victim]);
    if (conn == NULL)
        return false;
    thieves->steals[worker_id()]++;
    make_idle(conn);
    return true;
}

static struct task *steal(struct task *task, void *ctx, uint32_t bits)
{
    struct thieves *thieves = ctx;
    int victim = (int)worker_random_below(worker_self(), WORKERS);

    (void)bits;
    if (victim != worker_id())
        steal_from(thieves, victim);
    task_set_expire(task, worker_now_ns() + 30000);
    return task;
}

static void stolen_connections_are_heard(void **state)
{
    struct thieves *thieves = calloc(1, sizeof(*thieves));
    struct world *world = &thieves->world;
    struct task *tasks[WORKERS];

    (void)state;
    world_init(world, WORKERS, (struct rt_callbacks){0});
    for (int i = 0; i < WORKERS; i++) {
        lock_init(&thieves->locks[i], "test.idle_lock");
        list_init(&thieves->idle[i]);
        tasks[i] = task_new_on(world->rt, i, steal, thieves);
        assert_non_null(tasks[i]);
        task_wakeup(tasks[i], TASK_WOKEN_INIT);
    }
    for (int i = 0; i < CONNS; i++) {
        struct conn *conn = &thieves->conns[i];
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        *conn = (struct conn){.thieves = thieves, .fd = fds[0], .far = fds[1]};
        list_init(&conn->idle);
        /* What it hears it writes back into `far`, which comes out at `fd` again. */
        assert_int_equal(write(conn->far, "x", 1), 1);
        assert_int_equal(fd_insert(world->rt, conn->fd, conn, hear, 1), 0);
        rt_job_begin(world->rt);
        make_idle(conn);
    }
    world_run(world);
    for (int i = 0; i < WORKERS; i++) {
        task_destroy(tasks[i]);
        lock_fini(&thieves->locks[i]);
    }
    for (int i = 0; i < CONNS; i++)
        close(thieves->conns[i].far);
    world_fini(world);
    free(thieves);
}

/*
 * A fd of all workers: whoever is told reads, and everybody switches it off and on.
 */

struct crowd {
    struct world world;
    int fd;
    int far;
    _Atomic int heard;
    _Atomic bool is_done;
};

static void hear_in_crowd(struct rt *rt, int fd, void *owner)
{
    struct crowd *crowd = owner;
    char byte;

    if (read(fd, &byte, 1) != 1) {
        fd_cant_recv(rt, fd);
        return;
    }
    if (atom_fetch_add(&crowd->heard, 1, memory_order_relaxed) == STRESS_ROUNDS / 10) {
        fd_delete(rt, fd);
        rt_job_end(rt);
        return;
    }
    fd_stop_recv(rt, fd);
    fd_want_recv(rt, fd);
    assert_int_equal(write(crowd->far, &byte, 1), 1);
}

static void a_shared_fd_is_heard_by_somebody(void **state)
{
    struct crowd *crowd = calloc(1, sizeof(*crowd));
    struct world *world = &crowd->world;
    int fds[2];

    (void)state;
    world_init(world, WORKERS, (struct rt_callbacks){0});
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    crowd->fd = fds[0];
    crowd->far = fds[1];
    assert_int_equal(write(crowd->far, "x", 1), 1);
    assert_int_equal(fd_insert(world->rt, crowd->fd, crowd, hear_in_crowd, (1 << WORKERS) - 1), 0);
    fd_want_recv(world->rt, crowd->fd);
    rt_job_begin(world->rt);
    world_run(world);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    close(crowd->far);
    world_fini(world);
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wake_up_is_lost),
        cmocka_unit_test(free_tasks_run_on_one_worker_at_a_time),
        cmocka_unit_test(killed_objects_are_freed_once),
        cmocka_unit_test(stolen_connections_are_heard),
        cmocka_unit_test(a_shared_fd_is_heard_by_somebody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
