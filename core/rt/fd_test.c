/*
 * core/rt/fd_test.c - who handles a file descriptor and who closes it, by hand and with real
 * threads.
 *
 * By hand: one thread plays the workers by changing identity, also in the middle of a handler; so
 * each interleaving is written down, not waited for.
 */
#include "core/rt/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/base/lock.h"
#include "core/rt/rt.h"

enum { FD_MAX = 64, WORKERS = 2, ALL = (1 << WORKERS) - 1 };

struct world {
    struct rt *rt;
    void (*handle)(struct world *world, int fd);
    int calls;
    int last_fd;
    int near; /* the end that is in the table, or -1 */
    int far;
};

static void on_event(struct rt *rt, int fd, void *owner)
{
    struct world *world = owner;

    assert_ptr_equal(rt, world->rt);
    world->calls++;
    world->last_fd = fd;
    if (world->handle != NULL)
        world->handle(world, fd);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void world_init(struct world *world, uint64_t mask)
{
    const struct rt_config config = {.workers = WORKERS, .fd_max = FD_MAX};
    int fds[2];

    memset(world, 0, sizeof(*world));
    assert_int_equal(rt_new(&config, &world->rt), 0);
    rt_enter(world->rt);
    atom_store(&world->rt->isolate.enabled, ALL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    world->near = fds[0];
    world->far = fds[1];
    assert_int_equal(fd_insert(world->rt, world->near, world, on_event, mask), 0);
}

static void as(struct world *world, int worker)
{
    worker_adopt(worker_at(world->rt, worker));
}

static void world_fini(struct world *world)
{
    close(world->far);
    if (world->near >= 0)
        fd_delete(world->rt, world->near);
    rt_check(world->rt, true);
    assert_int_equal(world->rt->fds.count, 0);
    as(world, 0);
    rt_leave(world->rt);
    rt_free(world->rt);
}

/* One look of worker `worker` at its poller; returns how many handlers ran. */
static int poll_as(struct world *world, int worker)
{
    struct worker *before = worker_self();
    int calls = world->calls;

    as(world, worker);
    poller_poll(worker_self(), 0);
    worker_adopt(before);
    rt_check(world->rt, false);
    return world->calls - calls;
}

static void say(struct world *world)
{
    assert_int_equal(write(world->far, "x", 1), 1);
}

static bool is_polled(struct world *world, int worker)
{
    return (world->rt->fds.polled[world->near].recv_mask >> worker & 1) != 0;
}

static void hear(struct world *world, int fd)
{
    char byte;

    if (read(fd, &byte, 1) != 1)
        fd_cant_recv(world->rt, fd);
}

static void reports_what_is_wanted(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1);
    say(&world);
    assert_int_equal(poll_as(&world, 0), 0);
    fd_want_recv(world.rt, world.near);
    fd_want_recv(world.rt, world.near);
    assert_int_equal(worker_self()->poller.update_count, 1);
    assert_int_equal(poll_as(&world, 0), 1);
    assert_true(fd_is_recv_ready(world.rt, world.near));
    assert_int_equal(poll_as(&world, 0), 1); /* level triggered: it was not read */
    fd_want_send(world.rt, world.near);
    poll_as(&world, 0);
    assert_int_equal(fd_state(world.rt, world.near) & FD_POLL_ANY, FD_POLL_IN | FD_POLL_OUT);
    world_fini(&world);
}

static void stopping_is_lazy(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1);
    fd_want_recv(world.rt, world.near);
    poll_as(&world, 0);
    fd_stop_recv(world.rt, world.near);
    assert_int_equal(worker_self()->poller.update_count, 0);
    assert_true(is_polled(&world, 0));
    say(&world);
    assert_int_equal(poll_as(&world, 0), 0); /* told, does not call, unregisters */
    assert_int_equal(poll_as(&world, 0), 0);
    assert_false(is_polled(&world, 0));
    world_fini(&world);
}

static void errors_stick(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1);
    world.handle = hear;
    fd_want_recv(world.rt, world.near);
    close(world.far);
    assert_int_equal(poll_as(&world, 0), 1);
    assert_int_equal(fd_state(world.rt, world.near) & (FD_POLL_HUP | FD_SHUT_R),
                     FD_POLL_HUP | FD_SHUT_R);
    world.far = open("/dev/null", O_WRONLY);
    world_fini(&world);
}

static void delete_self(struct world *world, int fd)
{
    fd_delete(world->rt, fd);
    world->near = -1;
    assert_false(is_open(fd));
}

static void a_handler_may_delete_its_fd(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1);
    world.handle = delete_self;
    fd_want_recv(world.rt, world.near);
    say(&world);
    assert_int_equal(poll_as(&world, 0), 1);
    world_fini(&world);
}

/* The number is closed, opened and entered again in the handler: the rest of the report is not for
 * it. */
static void reopen_self(struct world *world, int fd)
{
    fd_delete(world->rt, fd);
    assert_int_equal(open("/dev/null", O_RDONLY), fd); /* the lowest free number */
    assert_int_equal(fd_insert(world->rt, fd, world, on_event, 2), 0);
}

static void a_handler_may_see_its_number_live_again(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1);
    world.handle = reopen_self;
    fd_want_recv(world.rt, world.near);
    say(&world);
    assert_int_equal(poll_as(&world, 0), 1);
    assert_int_equal(worker_self()->poller.update_count, 0);
    assert_int_equal(world.rt->fds.entries[world.near].generation, 1);
    as(&world, 1);
    world_fini(&world);
}

/* An event of a life that is over is dropped, whatever the number is now. */
static void events_of_another_life_are_dropped(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1);
    fd_want_recv(world.rt, world.near);
    assert_int_equal(fd_update_events(worker_self(), world.near, 7, FD_POLL_IN), FD_UPDATE_CLOSED);
    assert_int_equal(world.calls, 0);
    assert_int_equal(fd_update_events(worker_self(), world.near, 0, FD_POLL_IN), FD_UPDATE_DONE);
    assert_int_equal(world.calls, 1);
    assert_int_equal(fd_update_events(worker_self(), FD_MAX - 1, 0, FD_POLL_IN), FD_UPDATE_CLOSED);
    world_fini(&world);
}

/* K01, K02a: the deleter does not wait for who is inside; who leaves last closes, once. */
static void delete_as_other(struct world *world, int fd)
{
    struct worker *self = worker_self();

    as(world, 1 - self->id);
    fd_delete(world->rt, fd);
    world->near = -1;
    assert_true(is_open(fd));
    worker_adopt(self);
}

static void the_last_one_inside_closes(void **state)
{
    (void)state;
    for (int worker = 0; worker < WORKERS; worker++) {
        struct world world;
        int fd;

        world_init(&world, ALL);
        fd = world.near;
        world.handle = delete_as_other;
        as(&world, worker);
        fd_want_recv(world.rt, fd);
        say(&world);
        assert_int_equal(poll_as(&world, worker), 1);
        assert_false(is_open(fd));
        as(&world, 0);
        poll_as(&world, 0);
        poll_as(&world, 1);
        world_fini(&world);
    }
}

static void takeover_moves_the_fd(void **state)
{
    struct world world, other;

    (void)state;
    world_init(&world, 1);
    fd_want_recv(world.rt, world.near);
    poll_as(&world, 0);
    as(&world, 1);
    assert_int_equal(fd_takeover(world.rt, world.near, &other), -ERR_BUSY);
    assert_int_equal(fd_takeover(world.rt, world.near, &world), 0);
    assert_false(fd_is_recv_active(world.rt, world.near));
    say(&world);
    /* The old owner's poller still has it: a report it may not act upon. */
    assert_int_equal(poll_as(&world, 0), 0);
    poll_as(&world, 0);
    assert_false(is_polled(&world, 0));
    fd_want_recv(world.rt, world.near);
    assert_int_equal(poll_as(&world, 1), 1);
    assert_int_equal(poll_as(&world, 0), 0);
    world_fini(&world);
}

static void try_takeover_as_other(struct world *world, int fd)
{
    struct worker *self = worker_self();

    as(world, 1 - self->id);
    assert_int_equal(fd_takeover(world->rt, fd, world), -ERR_BUSY);
    worker_adopt(self);
    assert_int_equal(world->rt->fds.entries[fd].thread_mask, self->bit);
}

static void nobody_takes_over_who_is_inside(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1);
    world.handle = try_takeover_as_other;
    fd_want_recv(world.rt, world.near);
    say(&world);
    assert_int_equal(poll_as(&world, 0), 1);
    assert_true(fd_is_recv_active(world.rt, world.near));
    world_fini(&world);
}

static void migrate_self(struct world *world, int fd)
{
    fd_migrate_on(world->rt, fd, 1);
}

static void a_handler_may_migrate_its_fd(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1);
    world.handle = migrate_self;
    fd_want_recv(world.rt, world.near);
    say(&world);
    assert_int_equal(poll_as(&world, 0), 1);
    assert_int_equal(poll_as(&world, 0), 0);
    assert_false(is_polled(&world, 0));
    world.handle = hear;
    as(&world, 1);
    fd_want_recv(world.rt, world.near);
    assert_int_equal(poll_as(&world, 1), 1);
    world_fini(&world);
}

static void shared_updates_reach_each_worker(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, ALL);
    fd_want_recv(world.rt, world.near);
    assert_true(fd_list_has(world.rt, world.near));
    fd_list_check(world.rt);
    poll_as(&world, 1);
    assert_true(is_polled(&world, 1));
    assert_false(is_polled(&world, 0));
    assert_true(fd_list_has(world.rt, world.near));
    poll_as(&world, 0);
    assert_true(is_polled(&world, 0));
    assert_false(fd_list_has(world.rt, world.near));
    world_fini(&world);
}

static void closing_leaves_the_shared_list(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, ALL);
    fd_want_recv(world.rt, world.near);
    fd_delete(world.rt, world.near);
    world.near = -1;
    assert_int_equal(world.rt->fds.updates.count, 0);
    fd_list_check(world.rt);
    world_fini(&world);
}

/* A foreign owner is told by way of the shared list, and woken if it sleeps. */
static void a_foreign_owner_is_told(void **state)
{
    struct world world;
    uint64_t count = 0;

    (void)state;
    world_init(&world, 2);
    atom_store(&worker_at(world.rt, 1)->flags, WORKER_SLEEPING);
    fd_want_recv(world.rt, world.near);
    assert_int_equal(read(worker_at(world.rt, 1)->wake_fd, &count, sizeof(count)), sizeof(count));
    assert_int_equal(count, 1);
    say(&world);
    assert_int_equal(poll_as(&world, 0), 0);
    assert_int_equal(poll_as(&world, 1), 1);
    world_fini(&world);
}

static void a_number_beyond_the_table_is_refused(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, 1);
    assert_int_equal(fd_insert(world.rt, FD_MAX, &world, on_event, 1), -ERR_FULL);
    world_fini(&world);
}

static void disowned_fds_stay_open(void **state)
{
    struct world world;
    int fd;

    (void)state;
    world_init(&world, 1);
    fd = world.near;
    fd_want_recv(world.rt, fd);
    poll_as(&world, 0);
    fd_set_flags(world.rt, fd, FD_DISOWN);
    fd_delete(world.rt, fd);
    world.near = -1;
    assert_true(is_open(fd));
    say(&world);
    assert_int_equal(poll_as(&world, 0), 0);
    close(fd);
    world_fini(&world);
}

/*
 * Real threads: soft stop while handlers of the same listener run (seed 004). The deleter holds the
 * lock that the handlers want.
 */

enum { ROUNDS = 200 };

struct busy {
    struct rt *rt;
    struct lock lock;
    bool is_open;
    int fd;
    int far;
    _Atomic int handled;
};

static void handle_busy(struct rt *rt, int fd, void *owner)
{
    struct busy *busy = owner;

    atom_fetch_add(&busy->handled, 1, memory_order_relaxed);
    lock_take(&busy->lock);
    if (busy->is_open && atom_load(&busy->handled) >= ROUNDS) {
        busy->is_open = false;
        fd_delete(rt, fd);
        rt_job_end(rt);
    }
    lock_give(&busy->lock);
}

static void start_busy(void *ctx, struct worker *worker)
{
    struct busy *busy = ctx;

    if (worker->id == 0) {
        lock_take(&busy->lock);
        if (busy->is_open)
            fd_want_recv(busy->rt, busy->fd);
        lock_give(&busy->lock);
    }
}

static void the_deleter_may_hold_the_handlers_lock(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        struct busy busy = {.is_open = true};
        struct rt_config config = {
            .workers = 4, .fd_max = 128, .callbacks = {.ctx = &busy, .worker_start = start_busy}};
        int fds[2];

        lock_init(&busy.lock, "test.lock");
        assert_int_equal(rt_new(&config, &busy.rt), 0);
        assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
        busy.fd = fds[0];
        busy.far = fds[1];
        assert_int_equal(write(busy.far, "x", 1), 1); /* always readable */
        rt_enter(busy.rt);
        assert_int_equal(fd_insert(busy.rt, busy.fd, &busy, handle_busy, 0xf), 0);
        rt_job_begin(busy.rt);
        rt_leave(busy.rt);
        rt_stop_soft(busy.rt);
        assert_int_equal(rt_run(busy.rt), 0);
        assert_false(is_open(fds[0]));
        close(fds[1]);
        rt_free(busy.rt);
        lock_fini(&busy.lock);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_what_is_wanted),
        cmocka_unit_test(stopping_is_lazy),
        cmocka_unit_test(errors_stick),
        cmocka_unit_test(a_handler_may_delete_its_fd),
        cmocka_unit_test(a_handler_may_see_its_number_live_again),
        cmocka_unit_test(events_of_another_life_are_dropped),
        cmocka_unit_test(the_last_one_inside_closes),
        cmocka_unit_test(takeover_moves_the_fd),
        cmocka_unit_test(nobody_takes_over_who_is_inside),
        cmocka_unit_test(a_handler_may_migrate_its_fd),
        cmocka_unit_test(shared_updates_reach_each_worker),
        cmocka_unit_test(closing_leaves_the_shared_list),
        cmocka_unit_test(a_foreign_owner_is_told),
        cmocka_unit_test(a_number_beyond_the_table_is_refused),
        cmocka_unit_test(disowned_fds_stay_open),
        cmocka_unit_test(the_deleter_may_hold_the_handlers_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
