/*
 * sim/kernel/timerfd_test.c - timers that can be waited for.
 */
#include "sim/kernel/testing.h"

#include <sys/timerfd.h>

static int once;
static int periodic;
static int absolute;

static struct itimerspec after(uint64_t value_ns, uint64_t interval_ns)
{
    return (struct itimerspec){
        .it_value = {.tv_sec = (time_t)(value_ns / SECONDS), .tv_nsec = (long)(value_ns % SECONDS)},
        .it_interval = {.tv_sec = (time_t)(interval_ns / SECONDS),
                        .tv_nsec = (long)(interval_ns % SECONDS)},
    };
}

static void arm(void)
{
    struct itimerspec spec = after(25 * MS, 0);
    struct itimerspec bad = after(1, 0);
    struct itimerspec remaining;
    uint64_t now_ns = (uint64_t)process_clock_ns(testing.a, CLOCK_REALTIME);

    once = kernel_timerfd(testing.a, CLOCK_MONOTONIC, TFD_NONBLOCK);
    CHECK_EQ(kernel_timerfd_settime(testing.a, once, 0, &spec, NULL), 0);
    CHECK_EQ(kernel_timerfd_gettime(testing.a, once, &remaining), 0);
    CHECK_EQ(remaining.it_value.tv_nsec, 25 * MS);
    bad.it_value.tv_nsec = 1000000000;
    CHECK_EQ(kernel_timerfd_settime(testing.a, once, 0, &bad, NULL), -EINVAL);
    periodic = kernel_timerfd(testing.a, CLOCK_BOOTTIME, TFD_NONBLOCK);
    spec = after(10 * MS, 4 * MS);
    CHECK_EQ(kernel_timerfd_settime(testing.a, periodic, 0, &spec, NULL), 0);
    absolute = kernel_timerfd(testing.a, CLOCK_REALTIME, TFD_NONBLOCK);
    spec = after(now_ns + 15 * MS, 0);
    CHECK_EQ(kernel_timerfd_settime(testing.a, absolute, TFD_TIMER_ABSTIME, &spec, NULL), 0);
    CHECK_EQ(kernel_timerfd(testing.a, 77, 0), -EINVAL);
    CHECK_EQ(kernel_timerfd_settime(testing.a, kernel_eventfd(testing.a, 0, 0), 0, &spec, NULL),
             -EINVAL);
}

static int64_t ticks_of(int fd)
{
    uint64_t ticks = 0;
    int64_t result = kernel_read(testing.a, fd, &ticks, sizeof(ticks));
    return result == sizeof(ticks) ? (int64_t)ticks : result;
}

static void after_20_ms(void)
{
    CHECK_EQ(kernel_poll(testing.a, once), 0);
    CHECK_EQ(ticks_of(once), -EAGAIN);
    CHECK_EQ(kernel_poll(testing.a, periodic), EPOLLIN);
    CHECK_EQ(ticks_of(periodic), 3); /* at 10, 14 and 18 */
    CHECK_EQ(ticks_of(periodic), -EAGAIN);
    CHECK_EQ(ticks_of(absolute), 1);
}

static void after_40_ms(void)
{
    struct itimerspec none = after(0, 0);
    struct itimerspec old;

    CHECK_EQ(ticks_of(once), 1);
    CHECK_EQ(ticks_of(periodic), 5); /* 22, 26, 30, 34, 38 */
    CHECK_EQ(kernel_timerfd_settime(testing.a, periodic, 0, &none, &old), 0);
    CHECK_EQ(old.it_interval.tv_nsec, 4 * MS);
    CHECK_EQ(old.it_value.tv_nsec, 2 * MS);
}

static void after_60_ms(void)
{
    CHECK_EQ(kernel_poll(testing.a, periodic), 0);
}

static void timers(void **state)
{
    static void (*const steps[])(void) = {arm, after_20_ms, after_40_ms, after_60_ms, NULL};

    (void)state;
    run_steps(steps, 20 * MS, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(timers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
