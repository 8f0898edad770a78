/*
 * sim/posix/mutex_test.c - mutexes of every type, used well and badly.
 */
#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

#include "sim/posix/testing.h"

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static int shared;

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec at;

    clock_gettime(clock, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

/* ---- exclusion ---- */

static void *increment(void *arg)
{
    for (int i = 0; i < 5; i++) {
        pthread_mutex_lock(&first);
        int seen = shared;
        sched_yield();
        shared = seen + 1;
        pthread_mutex_unlock(&first);
    }
    return arg;
}

static int increment_on_three_threads(void *arg)
{
    pthread_t threads[3];

    (void)arg;
    shared = 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, increment, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return shared == 15 ? 0 : 1;
}

static void mutex_excludes_under_every_schedule(void **state)
{
    (void)state;
    expect_always_ok(increment_on_three_threads, 300);
    expect_deterministic(increment_on_three_threads, 30);
}

/* A waiter never runs while the lock is taken: contention costs no step but those of the calls. */
static void waiting_costs_no_steps(void **state)
{
    struct run_result result;
    uint64_t steps = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        run_seed(increment_on_three_threads, seed, &result);
        if (seed == 0)
            steps = result.steps;
        assert_true(result.steps == steps);
    }
}

/* ---- types ---- */

static int lock_recursively(void *arg)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t own;

    (void)arg;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&own, &attr);
    for (int i = 0; i < 3; i++) {
        if (pthread_mutex_lock(&own) != 0 || pthread_mutex_trylock(&recursive) != 0)
            return 1;
    }
    for (int i = 0; i < 3; i++) {
        if (pthread_mutex_unlock(&own) != 0 || pthread_mutex_unlock(&recursive) != 0)
            return 2;
    }
    return pthread_mutex_destroy(&own);
}

static void recursive_mutex_counts(void **state)
{
    (void)state;
    expect_always_ok(lock_recursively, 3);
}

static int lock_checking_badly(void *arg)
{
    (void)arg;
    if (pthread_mutex_unlock(&checking) != EPERM)
        return 1;
    pthread_mutex_lock(&checking);
    if (pthread_mutex_lock(&checking) != EDEADLK)
        return 2;
    if (pthread_mutex_trylock(&checking) != EBUSY)
        return 3;
    return pthread_mutex_unlock(&checking);
}

static void error_checking_mutex_answers(void **state)
{
    (void)state;
    expect_always_ok(lock_checking_badly, 3);
}

/* ---- time ---- */

static void *hold_for_a_while(void *arg)
{
    struct timespec span = {.tv_nsec = 5000000};

    pthread_mutex_lock(&first);
    nanosleep(&span, NULL);
    pthread_mutex_unlock(&first);
    return arg;
}

/* 1 when the lock came in time, 2 when time ran out. */
static int wait_about_as_long(void *arg)
{
    pthread_t holder;
    struct timespec until;

    (void)arg;
    pthread_create(&holder, NULL, hold_for_a_while, NULL);
    until = in_ms(CLOCK_MONOTONIC, 5);
    int err = pthread_mutex_clocklock(&first, CLOCK_MONOTONIC, &until);
    if (err == 0)
        pthread_mutex_unlock(&first);
    pthread_join(holder, NULL);
    return err == 0 ? 1 : err == ETIMEDOUT ? 2 : 3;
}

static void timed_lock_ends_both_ways(void **state)
{
    (void)state;
    expect_status_within(wait_about_as_long, 1, 200);
    expect_status_within(wait_about_as_long, 2, 200);
    expect_deterministic(wait_about_as_long, 50);
}

static int wait_for_itself(void *arg)
{
    struct timespec until = in_ms(CLOCK_REALTIME, 3);
    struct timespec nonsense = {.tv_nsec = -1};

    (void)arg;
    if (pthread_mutex_timedlock(&first, &nonsense) != 0) /* free: the time is not looked at */
        return 1;
    if (pthread_mutex_timedlock(&first, &until) != ETIMEDOUT)
        return 2;
    return pthread_mutex_unlock(&first);
}

static void timed_relock_times_out(void **state)
{
    (void)state;
    expect_always_ok(wait_for_itself, 3);
}

/* ---- spinning on trylock ---- */

static int spin_on_trylock(void *arg)
{
    pthread_t holder;

    (void)arg;
    pthread_create(&holder, NULL, hold_for_a_while, NULL);
    while (pthread_mutex_trylock(&first) != 0)
        ;
    pthread_mutex_unlock(&first);
    pthread_join(holder, NULL);
    return 0;
}

static void trylock_loop_waits_for_the_unlock(void **state)
{
    (void)state;
    expect_always_ok(spin_on_trylock, 200);
}

/* ---- misuse ---- */

static int unlock_unlocked(void *arg)
{
    (void)arg;
    return pthread_mutex_unlock(&first);
}

static void *unlock_for_another(void *arg)
{
    pthread_mutex_unlock(&first);
    return arg;
}

static int lock_and_let_another_unlock(void *arg)
{
    pthread_t thread;

    (void)arg;
    pthread_mutex_lock(&first);
    pthread_create(&thread, NULL, unlock_for_another, NULL);
    pthread_join(thread, NULL);
    return 0;
}

static int destroy_held(void *arg)
{
    pthread_mutex_t own;

    (void)arg;
    pthread_mutex_init(&own, NULL);
    pthread_mutex_lock(&own);
    return pthread_mutex_destroy(&own);
}

static int lock_destroyed(void *arg)
{
    pthread_mutex_t own;

    (void)arg;
    pthread_mutex_init(&own, NULL);
    pthread_mutex_destroy(&own);
    return pthread_mutex_lock(&own);
}

static int lock_uninitialised(void *arg)
{
    pthread_mutex_t own;

    (void)arg;
    memset(&own, 0xaa, sizeof(own));
    return pthread_mutex_lock(&own);
}

static int relock(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&first);
    return pthread_mutex_lock(&first);
}

static void *leave_locked(void *arg)
{
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&second);
    pthread_mutex_unlock(&first);
    return arg;
}

static int thread_ends_locked(void *arg)
{
    pthread_t thread;

    (void)arg;
    pthread_create(&thread, NULL, leave_locked, NULL);
    return pthread_join(thread, NULL);
}

static void misuse_is_named(void **state)
{
    (void)state;
    expect_finding(unlock_unlocked, FINDING_LOCK_MISUSE,
                   "lock-misuse: unlock of unlocked mutex#1 in unlock_unlocked");
    expect_finding(lock_and_let_another_unlock, FINDING_LOCK_MISUSE,
                   "lock-misuse: unlock by a non-owner of mutex#1 in unlock_for_another");
    expect_finding(destroy_held, FINDING_LOCK_MISUSE,
                   "lock-misuse: destroy while held of mutex#1 in destroy_held");
    expect_finding(lock_destroyed, FINDING_LOCK_MISUSE,
                   "lock-misuse: lock of destroyed mutex#1 in lock_destroyed");
    expect_finding(lock_uninitialised, FINDING_LOCK_MISUSE,
                   "lock-misuse: lock of uninitialised mutex#1 in lock_uninitialised");
    expect_finding(relock, FINDING_DEADLOCK, "deadlock: mutex#1(relock)");
    expect_finding(thread_ends_locked, FINDING_LOCK_MISUSE,
                   "lock-misuse: thread t1 ends holding mutex#2 in leave_locked");
}

/* A run that is cut short with a static mutex taken leaves nothing to the next one. */
static void next_run_starts_afresh(void **state)
{
    (void)state;
    expect_finding(relock, FINDING_DEADLOCK, "deadlock: mutex#1(relock)");
    expect_always_ok(increment_on_three_threads, 3);
}

/* ---- C11 ---- */

static mtx_t plain;

static int add_under_lock(void *arg)
{
    for (int i = 0; i < 3; i++) {
        if (mtx_lock(&plain) != thrd_success)
            return -1;
        int seen = shared;
        thrd_yield();
        shared = seen + 1;
        mtx_unlock(&plain);
    }
    return (int)(intptr_t)arg;
}

static int c11_threads(void *arg)
{
    thrd_t threads[2];
    int results[2] = {0};

    (void)arg;
    shared = 0;
    mtx_init(&plain, mtx_plain);
    for (intptr_t i = 0; i < 2; i++)
        thrd_create(&threads[i], add_under_lock, (void *)(i + 7));
    for (int i = 0; i < 2; i++)
        thrd_join(threads[i], &results[i]);
    if (mtx_trylock(&plain) != thrd_success || mtx_trylock(&plain) != thrd_busy)
        return 1;
    mtx_unlock(&plain);
    mtx_destroy(&plain);
    return shared == 6 && results[0] == 7 && results[1] == 8 ? 0 : 2;
}

static void c11_mutex_excludes(void **state)
{
    (void)state;
    expect_always_ok(c11_threads, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutex_excludes_under_every_schedule),
        cmocka_unit_test(waiting_costs_no_steps),
        cmocka_unit_test(recursive_mutex_counts),
        cmocka_unit_test(error_checking_mutex_answers),
        cmocka_unit_test(timed_lock_ends_both_ways),
        cmocka_unit_test(timed_relock_times_out),
        cmocka_unit_test(trylock_loop_waits_for_the_unlock),
        cmocka_unit_test(misuse_is_named),
        cmocka_unit_test(next_run_starts_afresh),
        cmocka_unit_test(c11_mutex_excludes),
    };
    return TESTS_RUN(tests);
}
