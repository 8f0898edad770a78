/*
 * sim/posix/thread_test.c - threads from create to join, keys, once, and the end of a process.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "sim/posix/testing.h"

static int shared;

/* ---- identity and join ---- */

static void *return_own_handle(void *arg)
{
    (void)arg;
    if (!pthread_equal(pthread_self(), pthread_self()))
        return NULL;
    sched_yield();
    return (void *)(uintptr_t)pthread_self();
}

static int handles_are_own(void *arg)
{
    pthread_t threads[3];
    void *result;

    (void)arg;
    for (int round = 0; round < 2; round++) { /* the second round borrows the same identities */
        for (int i = 0; i < 3; i++) {
            if (pthread_create(&threads[i], NULL, return_own_handle, NULL) != 0)
                return 1;
        }
        for (int i = 0; i < 3; i++) {
            if (pthread_join(threads[i], &result) != 0)
                return 2;
            if ((pthread_t)(uintptr_t)result != threads[i] || threads[i] == pthread_self())
                return 3;
        }
    }
    return 0;
}

static void pthread_self_is_what_create_returned(void **state)
{
    (void)state;
    expect_always_ok(handles_are_own, 100);
    expect_deterministic(handles_are_own, 20);
}

/* The handle of a thread that ended, unjoined, stays its own whoever borrows what it borrowed. */
static int join_in_any_order(void *arg)
{
    pthread_t early;
    pthread_t late;
    void *result;

    (void)arg;
    pthread_create(&early, NULL, return_own_handle, NULL);
    while (pthread_tryjoin_np(early, NULL) == EBUSY)
        ;
    pthread_create(&early, NULL, return_own_handle, NULL);
    for (int i = 0; i < 20; i++)
        sched_yield();
    pthread_create(&late, NULL, return_own_handle, NULL);
    pthread_join(late, &result);
    if ((pthread_t)(uintptr_t)result != late)
        return 1;
    pthread_join(early, &result);
    return (pthread_t)(uintptr_t)result == early ? 0 : 2;
}

static void ended_threads_keep_their_handles(void **state)
{
    (void)state;
    expect_always_ok(join_in_any_order, 100);
}

static void *sleep_5_ms(void *arg)
{
    usleep(5000);
    return arg;
}

static int join_with_deadline(void *arg)
{
    pthread_t thread;
    struct timespec until;

    (void)arg;
    pthread_create(&thread, NULL, sleep_5_ms, NULL);
    clock_gettime(CLOCK_REALTIME, &until);
    if (pthread_timedjoin_np(thread, NULL, &until) != ETIMEDOUT)
        return 1;
    until.tv_sec++;
    if (pthread_timedjoin_np(thread, NULL, &until) != 0)
        return 2;
    return pthread_join(pthread_self(), NULL) == EDEADLK ? 0 : 3;
}

static int join_twice(void *arg)
{
    pthread_t thread;

    (void)arg;
    pthread_create(&thread, NULL, sleep_5_ms, NULL);
    pthread_join(thread, NULL);
    return pthread_join(thread, NULL);
}

static int join_detached(void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;

    (void)arg;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_create(&thread, &attr, sleep_5_ms, NULL);
    if (pthread_join(thread, NULL) != EINVAL)
        return 1;
    pthread_create(&thread, NULL, sleep_5_ms, NULL);
    if (pthread_detach(thread) != 0 || pthread_detach(thread) != EINVAL)
        return 2;
    usleep(20000);
    return 0;
}

static void join_answers(void **state)
{
    (void)state;
    expect_always_ok(join_with_deadline, 20);
    expect_always_ok(join_detached, 20);
    expect_finding(join_twice, FINDING_LOCK_MISUSE, "lock-misuse: join of thread t1 in join_twice");
}

static int name_threads(void *arg)
{
    char name[16];

    (void)arg;
    if (pthread_getname_np(pthread_self(), name, sizeof(name)) != 0 || strcmp(name, "main") != 0)
        return 1;
    if (pthread_setname_np(pthread_self(), "a-name-far-too-long") != ERANGE)
        return 2;
    pthread_setname_np(pthread_self(), "renamed");
    pthread_getname_np(pthread_self(), name, sizeof(name));
    return strcmp(name, "renamed");
}

static void threads_have_names(void **state)
{
    (void)state;
    expect_always_ok(name_threads, 1);
}

/* ---- pthread_exit ---- */

static void on_cleanup(void *arg)
{
    shared = shared * 10 + (int)(intptr_t)arg;
}

static __attribute__((noinline)) void leave_deep_inside(int depth)
{
    volatile char room[256];

    room[0] = (char)depth;
    if (depth > 0)
        leave_deep_inside(depth - 1);
    pthread_exit((void *)(intptr_t)(42 + room[0] * 0));
}

static void *leave_with_cleanup(void *arg)
{
    pthread_cleanup_push(on_cleanup, (void *)1);
    pthread_cleanup_push(on_cleanup, (void *)2);
    pthread_cleanup_push(on_cleanup, (void *)3);
    pthread_cleanup_pop(1);
    leave_deep_inside(20);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return arg;
}

static int exit_from_within(void *arg)
{
    pthread_t thread;
    void *result = NULL;

    (void)arg;
    shared = 0;
    pthread_create(&thread, NULL, leave_with_cleanup, NULL);
    pthread_join(thread, &result);
    return shared == 321 && (intptr_t)result == 42 ? 0 : 1;
}

static void pthread_exit_runs_cleanup_in_order(void **state)
{
    (void)state;
    expect_always_ok(exit_from_within, 20);
}

/* ---- keys ---- */

static pthread_key_t keys[2];

static void destroy_first(void *value)
{
    shared = shared * 10 + (int)(intptr_t)value;
    /* A destructor may set values: they are destroyed in another round. */
    if ((intptr_t)value == 1)
        pthread_setspecific(keys[0], (void *)3);
}

static void destroy_second(void *value)
{
    shared = shared * 10 + (int)(intptr_t)value;
}

static void *use_keys(void *arg)
{
    if (pthread_getspecific(keys[0]) != NULL)
        return (void *)1;
    pthread_setspecific(keys[1], (void *)2);
    pthread_setspecific(keys[0], (void *)1);
    sched_yield();
    return pthread_getspecific(keys[0]) == (void *)1 ? arg : (void *)2;
}

static int destroy_values(void *arg)
{
    pthread_t threads[2];
    void *results[2];

    (void)arg;
    shared = 0;
    pthread_key_create(&keys[0], destroy_first);
    pthread_key_create(&keys[1], destroy_second);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, use_keys, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &results[i]);
    pthread_key_delete(keys[0]);
    if (pthread_setspecific(keys[0], (void *)1) != EINVAL)
        return 2;
    return results[0] == NULL && results[1] == NULL && shared == 123123 ? 0 : 1;
}

static void key_destructors_run_in_rounds(void **state)
{
    (void)state;
    expect_always_ok(destroy_values, 100);
}

/* ---- once ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT;

static void initialise_slowly(void)
{
    int seen = shared;
    usleep(10);
    shared = seen + 1;
}

static void *initialise(void *arg)
{
    pthread_once(&once, initialise_slowly);
    if (shared == 0)
        return (void *)1;
    call_once(&flag, initialise_slowly);
    return shared < 2 ? (void *)1 : arg;
}

static int initialise_together(void *arg)
{
    pthread_t threads[3];
    void *result;
    int bad = 0;

    (void)arg;
    shared = 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, initialise, NULL);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &result);
        bad += result != NULL;
    }
    return bad == 0 && shared == 2 ? 0 : 1;
}

static void once_is_once_and_waited_for(void **state)
{
    (void)state;
    expect_always_ok(initialise_together, 300);
}

/* ---- the end of a process ---- */

static void at_exit_1(void)
{
    shared = shared * 10 + 1;
}

static void at_exit_2(void)
{
    shared = shared * 10 + 2;
}

static void *run_for_ever(void *arg)
{
    for (;;)
        usleep(1000);
    return arg;
}

static void *exit_the_process(void *arg)
{
    exit(7);
    return arg;
}

static int exit_on_another_thread(void *arg)
{
    pthread_t thread;

    (void)arg;
    shared = 0;
    atexit(at_exit_1);
    atexit(at_exit_2);
    pthread_create(&thread, NULL, run_for_ever, NULL);
    pthread_create(&thread, NULL, exit_the_process, NULL);
    for (;;)
        pause();
}

static int leave_main_early(void *arg)
{
    pthread_t thread;

    (void)arg;
    shared = 0;
    atexit(at_exit_1);
    pthread_create(&thread, NULL, sleep_5_ms, NULL);
    pthread_exit(NULL);
}

static int exit_at_once(void *arg)
{
    (void)arg;
    shared = 5;
    atexit(at_exit_1);
    _exit(3);
}

static void process_ends_as_told(void **state)
{
    (void)state;
    expect_status_within(exit_on_another_thread, 7, 1);
    assert_int_equal(shared, 21);
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct run_result result;
        run_seed(exit_on_another_thread, seed, &result);
        assert_int_equal(result.finding.kind, FINDING_NONE);
        assert_int_equal(program_exit_status(), 7);
    }
    expect_status_within(leave_main_early, 0, 1);
    assert_int_equal(shared, 1);
    expect_status_within(exit_at_once, 3, 1);
    assert_int_equal(shared, 5);
}

static int fail_assertion(void *arg)
{
    (void)arg;
    __assert_fail("1 + 1 == 3", "file.c", 12, "fail_assertion");
}

static int call_abort(void *arg)
{
    (void)arg;
    abort();
}

static int cancel(void *arg)
{
    (void)arg;
    return pthread_cancel(pthread_self());
}

static void failures_are_findings(void **state)
{
    (void)state;
    expect_finding(fail_assertion, FINDING_ASSERT, "assert: 1 + 1 == 3 in fail_assertion");
    expect_finding(call_abort, FINDING_ASSERT, "assert: abort() in call_abort");
    expect_finding(cancel, FINDING_UNSUPPORTED, "unsupported: pthread_cancel in cancel");
}

/* ---- rand ---- */

static int draw_numbers(void *arg)
{
    (void)arg;
    shared = rand();
    srand(5);
    int a = rand();
    srand(5);
    return rand() == a && random() >= 0 ? 0 : 1;
}

static void numbers_are_the_same_in_every_run(void **state)
{
    int first;

    (void)state;
    expect_always_ok(draw_numbers, 1);
    first = shared;
    expect_always_ok(draw_numbers, 3);
    assert_int_equal(shared, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pthread_self_is_what_create_returned),
        cmocka_unit_test(ended_threads_keep_their_handles),
        cmocka_unit_test(join_answers),
        cmocka_unit_test(threads_have_names),
        cmocka_unit_test(pthread_exit_runs_cleanup_in_order),
        cmocka_unit_test(key_destructors_run_in_rounds),
        cmocka_unit_test(once_is_once_and_waited_for),
        cmocka_unit_test(process_ends_as_told),
        cmocka_unit_test(failures_are_findings),
        cmocka_unit_test(numbers_are_the_same_in_every_run),
    };
    return TESTS_RUN(tests);
}
