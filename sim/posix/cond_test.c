/*
 * sim/posix/cond_test.c - condition variables: queues, lost and spurious wake-ups, time-outs.
 */
#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

#include "sim/posix/testing.h"

static pthread_mutex_t lock;
static pthread_cond_t changed;
static int items;
static int taken;
static int returns;

static void set_up(void)
{
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&changed, NULL);
    items = 0;
    taken = 0;
    returns = 0;
}

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec at;

    clock_gettime(clock, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

/* ---- a queue ---- */

static void *consume(void *arg)
{
    for (int i = 0; i < 3; i++) {
        pthread_mutex_lock(&lock);
        while (items == 0)
            pthread_cond_wait(&changed, &lock);
        items--;
        taken++;
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static int produce_for_two(void *arg)
{
    pthread_t consumers[2];

    (void)arg;
    set_up();
    for (int i = 0; i < 2; i++)
        pthread_create(&consumers[i], NULL, consume, NULL);
    for (int i = 0; i < 6; i++) {
        pthread_mutex_lock(&lock);
        items++;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(consumers[i], NULL);
    pthread_cond_destroy(&changed);
    pthread_mutex_destroy(&lock);
    return taken == 6 ? 0 : 1;
}

static void queue_works_under_every_schedule(void **state)
{
    (void)state;
    expect_always_ok(produce_for_two, 500);
    expect_deterministic(produce_for_two, 50);
}

/* ---- broadcast ---- */

static void *wait_for_start(void *arg)
{
    pthread_mutex_lock(&lock);
    while (items == 0)
        pthread_cond_wait(&changed, &lock);
    taken++;
    pthread_mutex_unlock(&lock);
    return arg;
}

static int start_all(void *arg)
{
    pthread_t threads[4];

    (void)arg;
    set_up();
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, wait_for_start, NULL);
    pthread_mutex_lock(&lock);
    items = 1;
    pthread_mutex_unlock(&lock);
    pthread_cond_broadcast(&changed);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return taken == 4 ? 0 : 1;
}

static void broadcast_wakes_all(void **state)
{
    (void)state;
    expect_always_ok(start_all, 300);
}

/* ---- which waiter, and for nothing ---- */

static int order[2];

static void *wait_once(void *arg)
{
    pthread_mutex_lock(&lock);
    taken++;
    pthread_cond_wait(&changed, &lock);
    order[returns++] = (int)(intptr_t)arg;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* 1: the older waiter came back first; 2: the younger one; 3: one came back before any signal. */
static int signal_one_by_one(void *arg)
{
    pthread_t threads[2];
    int early;

    (void)arg;
    set_up();
    for (intptr_t i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, wait_once, (void *)(i + 1));
        for (;;) {
            pthread_mutex_lock(&lock);
            bool is_waiting = taken == i + 1;
            pthread_mutex_unlock(&lock);
            if (is_waiting)
                break;
            sched_yield();
        }
    }
    pthread_mutex_lock(&lock);
    early = returns;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    for (;;) {
        pthread_mutex_lock(&lock);
        int seen = returns;
        pthread_mutex_unlock(&lock);
        if (seen != 0)
            break;
        sched_yield();
    }
    pthread_cond_broadcast(&changed);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return early != 0 ? 3 : order[0];
}

static void any_waiter_may_be_woken_and_for_nothing(void **state)
{
    (void)state;
    expect_status_within(signal_one_by_one, 1, 1);
    expect_status_within(signal_one_by_one, 2, 500);
    expect_status_within(signal_one_by_one, 3, 2000);
}

/* ---- time ---- */

static void *signal_after_5_ms(void *arg)
{
    struct timespec span = {.tv_nsec = 5000000};

    nanosleep(&span, NULL);
    pthread_cond_signal(&changed);
    return arg;
}

static int wait_about_as_long(void *arg)
{
    pthread_t thread;
    pthread_condattr_t attr;
    struct timespec until;

    (void)arg;
    set_up();
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attr);
    pthread_create(&thread, NULL, signal_after_5_ms, NULL);
    pthread_mutex_lock(&lock);
    until = in_ms(CLOCK_MONOTONIC, 5);
    int err = pthread_cond_timedwait(&changed, &lock, &until);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    return err == 0 ? 1 : err == ETIMEDOUT ? 2 : 3;
}

static int wait_in_vain(void *arg)
{
    struct timespec until = in_ms(CLOCK_REALTIME, 20);
    struct timespec nonsense = {.tv_nsec = 1000000000};
    struct timespec now;

    (void)arg;
    set_up();
    pthread_mutex_lock(&lock);
    if (pthread_cond_timedwait(&changed, &lock, &nonsense) != EINVAL)
        return 1;
    while (pthread_cond_timedwait(&changed, &lock, &until) == 0)
        ; /* for nothing */
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec < until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec))
        return 2;
    if (pthread_cond_timedwait(&changed, &lock, &until) != ETIMEDOUT) /* in the past */
        return 3;
    return pthread_mutex_unlock(&lock);
}

static void timed_wait_ends_both_ways(void **state)
{
    (void)state;
    expect_status_within(wait_about_as_long, 1, 200);
    expect_status_within(wait_about_as_long, 2, 200);
    expect_deterministic(wait_about_as_long, 50);
    expect_status_within(wait_in_vain, 0, 1);
}

/* A signal that comes as the time runs out is not lost on the one whose time ran out: either he
 * takes it, or somebody else does. */
static void *wait_with_deadline(void *arg)
{
    struct timespec until;

    pthread_mutex_lock(&lock);
    until = in_ms(CLOCK_REALTIME, 5);
    returns += pthread_cond_timedwait(&changed, &lock, &until) == 0;
    pthread_mutex_unlock(&lock);
    return arg;
}

static void *wait_without_deadline(void *arg)
{
    pthread_mutex_lock(&lock);
    while (items == 0)
        pthread_cond_wait(&changed, &lock);
    items--;
    pthread_mutex_unlock(&lock);
    return arg;
}

static int signal_two_kinds(void *arg)
{
    pthread_t threads[2];
    struct timespec span = {.tv_nsec = 5000000};

    (void)arg;
    set_up();
    pthread_create(&threads[0], NULL, wait_without_deadline, NULL);
    pthread_create(&threads[1], NULL, wait_with_deadline, NULL);
    nanosleep(&span, NULL);
    pthread_mutex_lock(&lock);
    items = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(threads[1], NULL);
    if (returns != 0) /* he got it: the other one still waits for his */
        pthread_cond_signal(&changed);
    pthread_join(threads[0], NULL);
    return 0;
}

static void signal_is_never_swallowed_by_a_timeout(void **state)
{
    (void)state;
    expect_always_ok(signal_two_kinds, 1000);
}

/* ---- bugs ---- */

/* The flag is set without the lock, between the look and the wait. */
static void *set_flag_carelessly(void *arg)
{
    items = 1;
    pthread_cond_signal(&changed);
    return arg;
}

static void *wait_for_flag(void *arg)
{
    pthread_mutex_lock(&lock);
    if (items == 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return arg;
}

static int lose_a_wakeup(void *arg)
{
    pthread_t waiter;
    pthread_t setter;

    (void)arg;
    set_up();
    pthread_create(&waiter, NULL, wait_for_flag, NULL);
    pthread_create(&setter, NULL, set_flag_carelessly, NULL);
    pthread_join(waiter, NULL);
    pthread_join(setter, NULL);
    return 0;
}

static void lost_wakeup_is_found(void **state)
{
    (void)state;
    expect_finding_within(lose_a_wakeup, FINDING_LOST_WAKEUP, "lost-wakeup: cond#1(wait_for_flag)",
                          200, NULL);
}

static int wait_unlocked(void *arg)
{
    (void)arg;
    set_up();
    return pthread_cond_wait(&changed, &lock);
}

static int destroy_awaited(void *arg)
{
    pthread_t waiter;

    (void)arg;
    set_up();
    pthread_create(&waiter, NULL, wait_for_flag, NULL);
    sched_yield();
    return pthread_cond_destroy(&changed);
}

static int signal_destroyed(void *arg)
{
    (void)arg;
    set_up();
    pthread_cond_destroy(&changed);
    return pthread_cond_signal(&changed);
}

static void misuse_is_named(void **state)
{
    (void)state;
    expect_finding(wait_unlocked, FINDING_LOCK_MISUSE,
                   "lock-misuse: wait with unlocked mutex#1 in wait_unlocked");
    expect_finding(destroy_awaited, FINDING_LOCK_MISUSE,
                   "lock-misuse: destroy while threads wait on cond#1 in destroy_awaited");
    expect_finding(signal_destroyed, FINDING_LOCK_MISUSE,
                   "lock-misuse: signal of destroyed cond#1 in signal_destroyed");
}

/* ---- C11 ---- */

static mtx_t plain;
static cnd_t ready;

static int give(void *arg)
{
    (void)arg;
    mtx_lock(&plain);
    items = 1;
    cnd_signal(&ready);
    mtx_unlock(&plain);
    return 0;
}

static int take_c11(void *arg)
{
    thrd_t giver;

    (void)arg;
    items = 0;
    mtx_init(&plain, mtx_plain);
    cnd_init(&ready);
    thrd_create(&giver, give, NULL);
    mtx_lock(&plain);
    while (items == 0)
        cnd_wait(&ready, &plain);
    mtx_unlock(&plain);
    thrd_join(giver, NULL);
    cnd_destroy(&ready);
    return 0;
}

static void c11_condition_works(void **state)
{
    (void)state;
    expect_always_ok(take_c11, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_works_under_every_schedule),
        cmocka_unit_test(broadcast_wakes_all),
        cmocka_unit_test(any_waiter_may_be_woken_and_for_nothing),
        cmocka_unit_test(timed_wait_ends_both_ways),
        cmocka_unit_test(signal_is_never_swallowed_by_a_timeout),
        cmocka_unit_test(lost_wakeup_is_found),
        cmocka_unit_test(misuse_is_named),
        cmocka_unit_test(c11_condition_works),
    };
    return TESTS_RUN(tests);
}
