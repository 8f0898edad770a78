/*
 * sim/posix/hook_test.c - the simulator's end of the core's seam: plants, marks, names, pools.
 */
#include <pthread.h>

#include "core/base/attr.h"
#include "core/base/hook.h"
#include "core/base/lock.h"
#include "sim/posix/hook.h"
#include "sim/posix/names.h"
#include "sim/posix/testing.h"
#include "sim/posix/thread.h"

static struct {
    struct lock lock;
    char body[64];
} object;

/* ---- plants and marks ---- */

static int count_plants(void *arg)
{
    int count = 0;

    (void)arg;
    for (unsigned plant = 0; plant < 100; plant++)
        count += core_hook_plant(plant);
    return count * 10 + core_hook_plant(70);
}

static void plants_are_on_as_set(void **state)
{
    const uint64_t mask[2] = {UINT64_C(1) << 3, UINT64_C(1) << 6 | UINT64_C(1) << 30};

    (void)state;
    expect_status_within(count_plants, 0, 1);
    hook_plants_set(mask, 80); /* 94 is beyond the end */
    expect_status_within(count_plants, 21, 1);
    hook_plants_set(NULL, 0);
    expect_status_within(count_plants, 0, 1);
}

static int pass_marks(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        MARK("test.mark");
    return 0;
}

static void marks_are_counted_over_runs(void **state)
{
    (void)state;
    marks_reset();
    expect_always_ok(pass_marks, 2);
    assert_int_equal(marks_count("test.mark"), 6);
    assert_int_equal(marks_count("test.other"), 0);
}

/* ---- names ---- */

static int compare_names(void *arg)
{
    char name[OBJECT_NAME_BYTES];
    pthread_mutex_t unnamed = PTHREAD_MUTEX_INITIALIZER;

    (void)arg;
    HOOK_NAME(&object, "task", "accept");
    lock_init(&object.lock, "listener.lock");
    if (!object_name(&object.lock.mutex, name, sizeof(name)) || strcmp(name, "listener.lock") != 0)
        return 1;
    if (!object_name(&object.body[8], name, sizeof(name)) || strcmp(name, "task accept+0x30") != 0)
        return 2;
    pthread_mutex_lock(&unnamed);
    pthread_mutex_unlock(&unnamed);
    if (!object_name(&unnamed, name, sizeof(name)) || strcmp(name, "mutex#2") != 0)
        return 3;
    HOOK_NAME(&object.lock.mutex, "lock", "renamed.lock");
    if (!object_name(&object.lock.mutex, name, sizeof(name)) || strcmp(name, "renamed.lock") != 0)
        return 4;
    return object_name(&marks_reset, name, sizeof(name)) ? 5 : 0;
}

static void objects_have_names(void **state)
{
    (void)state;
    expect_always_ok(compare_names, 2);
}

/* ---- assertions and pools ---- */

static int break_invariant(void *arg)
{
    volatile int one = 1;

    (void)arg;
    BUG_ON(one + 1 == 2);
    return 0;
}

static void bug_on_is_a_finding(void **state)
{
    (void)state;
    expect_finding(break_invariant, FINDING_ASSERT, "assert: one + 1 == 2 in break_invariant");
}

static int refuse_second(void *arg)
{
    (void)arg;
    hook_alloc_fail_nth(NULL, 2);
    return core_hook_alloc_fails("pool") * 100 + core_hook_alloc_fails("pool") * 10 +
           core_hook_alloc_fails("pool");
}

static void planned_pool_allocation_fails(void **state)
{
    (void)state;
    expect_status_within(refuse_second, 10, 1);
}

/* ---- held locks ---- */

static void count_held(void *context, const struct held_lock *held)
{
    int *count = context;

    *count = *count * 10 + (held->object == &object.lock.mutex ? 1 : 2);
}

static int hold_some(void *arg)
{
    pthread_mutex_t others[6];
    int count = 0;

    (void)arg;
    lock_init(&object.lock, "listener.lock");
    for (int i = 0; i < 6; i++) {
        pthread_mutex_init(&others[i], NULL);
        pthread_mutex_lock(&others[i]);
        if (i == 1)
            lock_take(&object.lock);
    }
    for (int i = 0; i < 5; i++) /* not in the order of taking */
        pthread_mutex_unlock(&others[i]);
    posix_held_locks(sched_self(), count_held, &count);
    pthread_mutex_unlock(&others[5]);
    lock_give(&object.lock);
    return count;
}

static void held_locks_are_known(void **state)
{
    (void)state;
    expect_status_within(hold_some, 12, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plants_are_on_as_set),
        cmocka_unit_test(marks_are_counted_over_runs),
        cmocka_unit_test(objects_have_names),
        cmocka_unit_test(bug_on_is_a_finding),
        cmocka_unit_test(planned_pool_allocation_fails),
        cmocka_unit_test(held_locks_are_known),
    };
    return TESTS_RUN(tests);
}
