/*
 * sim/kernel/epoll_test.c - what epoll remembers of files that were closed or dup'ed, and whom it
 * wakes. Order and edges are the differential test's.
 */
#include "sim/kernel/testing.h"

#include <sys/eventfd.h>

#include "sim/kernel/epoll.h"

static int epoll_fd;

static int add(int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)fd};
    return kernel_epoll_ctl(testing.a, epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int collect(struct epoll_event *events, int events_max)
{
    return kernel_epoll_collect(testing.a, epoll_fd, events, events_max);
}

static void a_registration_outlives_its_fd_when_the_file_is_dup_ed(void)
{
    struct epoll_event events[4];
    int fd;
    int copy;

    epoll_fd = kernel_epoll_create(testing.a, 0);
    fd = kernel_eventfd(testing.a, 1, 0);
    copy = kernel_dup(testing.a, fd, 0, false);
    CHECK_EQ(add(fd, EPOLLIN), 0);
    CHECK_EQ(add(copy, EPOLLIN), 0);
    CHECK_EQ(add(copy, EPOLLIN), -EEXIST);
    CHECK_EQ(kernel_close(testing.a, fd), 0);
    CHECK_EQ(collect(events, 4), 2);
    CHECK_EQ(kernel_epoll_ctl(testing.a, epoll_fd, EPOLL_CTL_DEL, fd, NULL), -EBADF);
    /* The number names another file now, which was never registered. */
    CHECK_EQ(kernel_eventfd(testing.a, 0, 0), fd);
    CHECK_EQ(kernel_epoll_ctl(testing.a, epoll_fd, EPOLL_CTL_DEL, fd, NULL), -ENOENT);
    CHECK_EQ(add(fd, EPOLLIN), 0);
    CHECK_EQ(collect(events, 4), 2);
    CHECK_EQ(kernel_close(testing.a, copy), 0);
    CHECK_EQ(collect(events, 4), 0);
    process_close_all(testing.a);
}

static void few_events_at_a_time_rotate(void)
{
    struct epoll_event event;
    int first[3];

    epoll_fd = kernel_epoll_create(testing.a, 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(add(kernel_eventfd(testing.a, 1, 0), EPOLLIN), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(collect(&event, 1), 1);
        first[i] = (int)event.data.u64;
    }
    CHECK_EQ(first[0], 1);
    CHECK_EQ(first[1], 2);
    CHECK_EQ(first[2], 3);
    process_close_all(testing.a);
}

static void nesting_is_bounded_and_never_a_circle(void)
{
    int fds[6];

    for (int i = 0; i < 6; i++)
        fds[i] = kernel_epoll_create(testing.a, 0);
    for (int i = 0; i < 4; i++) {
        epoll_fd = fds[i];
        CHECK_EQ(add(fds[i + 1], EPOLLIN), 0);
    }
    epoll_fd = fds[4];
    CHECK_EQ(add(fds[5], EPOLLIN), -ELOOP);
    CHECK_EQ(add(fds[0], EPOLLIN), -ELOOP);
    CHECK_EQ(add(fds[4], EPOLLIN), -EINVAL);
    process_close_all(testing.a);
}

/* ---- waking ---- */

struct sleeper {
    struct watch watch;
    int wakes;
};

static bool wake_sleeper(struct watch *watch, uint32_t mask)
{
    struct sleeper *sleeper = watch->context;

    (void)mask;
    sleeper->wakes++;
    watch_remove(watch);
    return true;
}

static void sleep_in(struct sleeper *sleeper, int fd)
{
    struct epoll *epoll = epoll_of(process_file(testing.a, fd));

    sleeper->watch.notify = wake_sleeper;
    sleeper->watch.context = sleeper;
    watch_list_add(&epoll->waiters, &sleeper->watch, true);
}

static void exclusive_registrations_wake_one_sleeper(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    struct sleeper sleepers[2] = {{.wakes = 0}, {.wakes = 0}};
    uint64_t one = 1;
    int eventfd;
    int epolls[2];

    eventfd = kernel_eventfd(testing.a, 0, 0);
    for (int i = 0; i < 2; i++) {
        epolls[i] = kernel_epoll_create(testing.a, 0);
        CHECK_EQ(kernel_epoll_ctl(testing.a, epolls[i], EPOLL_CTL_ADD, eventfd, &event), 0);
        sleep_in(&sleepers[i], epolls[i]);
    }
    CHECK_EQ(kernel_write(testing.a, eventfd, &one, sizeof(one)), sizeof(one));
    CHECK_EQ(sleepers[0].wakes, 1);
    CHECK_EQ(sleepers[1].wakes, 0);
    /* The first does not sleep any more: the wake is the second's. */
    CHECK_EQ(kernel_write(testing.a, eventfd, &one, sizeof(one)), sizeof(one));
    CHECK_EQ(sleepers[0].wakes, 1);
    CHECK_EQ(sleepers[1].wakes, 1);
    process_close_all(testing.a);
}

static void plain_registrations_wake_all(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct sleeper sleepers[2] = {{.wakes = 0}, {.wakes = 0}};
    uint64_t one = 1;
    int eventfd = kernel_eventfd(testing.a, 0, 0);

    for (int i = 0; i < 2; i++) {
        int fd = kernel_epoll_create(testing.a, 0);
        CHECK_EQ(kernel_epoll_ctl(testing.a, fd, EPOLL_CTL_ADD, eventfd, &event), 0);
        sleep_in(&sleepers[i], fd);
    }
    CHECK_EQ(kernel_write(testing.a, eventfd, &one, sizeof(one)), sizeof(one));
    CHECK_EQ(sleepers[0].wakes, 1);
    CHECK_EQ(sleepers[1].wakes, 1);
    process_close_all(testing.a);
}

static void epolls(void **state)
{
    static void (*const steps[])(void) = {
        a_registration_outlives_its_fd_when_the_file_is_dup_ed,
        few_events_at_a_time_rotate,
        nesting_is_bounded_and_never_a_circle,
        exclusive_registrations_wake_one_sleeper,
        plain_registrations_wake_all,
        NULL,
    };

    (void)state;
    run_steps(steps, MS, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(epolls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
