/*
 * sim/oracle/deadlock_test.c - circles of waits of every kind, found and named the same each time.
 */
#include <pthread.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/base/lock.h"
#include "sim/oracle/deadlock.h"
#include "sim/posix/testing.h"

static struct lock a;
static struct lock b;
static struct lock c;
static struct rwlock table;
static pthread_cond_t changed;
static _Atomic unsigned running_mask;
static _Atomic int flags[2];

static void set_up(void)
{
    lock_init(&a, "alpha.lock");
    lock_init(&b, "beta.lock");
    lock_init(&c, "gamma.lock");
    rwlock_init(&table, "table.lock");
    pthread_cond_init(&changed, NULL);
    atomic_store(&running_mask, 0);
    atomic_store(&flags[0], 0);
    atomic_store(&flags[1], 0);
}

static int run_threads(void *(*const *bodies)(void *), int count)
{
    pthread_t threads[4];

    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, bodies[i], NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* ---- mutexes ---- */

static void *take_ab(void *arg)
{
    lock_take(&a);
    lock_take(&b);
    lock_give(&b);
    lock_give(&a);
    return arg;
}

static void *take_bc(void *arg)
{
    lock_take(&b);
    lock_take(&c);
    lock_give(&c);
    lock_give(&b);
    return arg;
}

static void *take_ca(void *arg)
{
    lock_take(&c);
    lock_take(&a);
    lock_give(&a);
    lock_give(&c);
    return arg;
}

static void *take_ba(void *arg)
{
    lock_take(&b);
    lock_take(&a);
    lock_give(&a);
    lock_give(&b);
    return arg;
}

static int cross_two(void *arg)
{
    static void *(*const bodies[])(void *) = {take_ab, take_ba};

    (void)arg;
    set_up();
    return run_threads(bodies, 2);
}

static int cross_three(void *arg)
{
    static void *(*const bodies[])(void *) = {take_ab, take_bc, take_ca};

    (void)arg;
    set_up();
    return run_threads(bodies, 3);
}

static void crossed_locks_have_one_title(void **state)
{
    struct run_result result;
    uint64_t found = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        run_seed(cross_two, seed, &result);
        if (result.finding.kind == FINDING_NONE)
            continue;
        found++;
        assert_int_equal(result.finding.kind, FINDING_DEADLOCK);
        assert_string_equal(result.finding.title,
                            "deadlock: alpha.lock(take_ba) -> beta.lock(take_ab)");
    }
    assert_in_range(found, 10, 299);
    expect_finding_within(
        cross_three, FINDING_DEADLOCK,
        "deadlock: alpha.lock(take_ca) -> beta.lock(take_ab) -> gamma.lock(take_bc)", 1000,
        &result);
    assert_non_null(strstr(result.finding.detail, " holds gamma.lock since take_ca, and waits for "
                                                  "alpha.lock in take_ca\n"));
    expect_deterministic(cross_two, 50);
}

static void *work_for_ever(void *arg)
{
    for (;;)
        usleep(100);
    return arg;
}

static int cross_while_others_work(void *arg)
{
    static void *(*const bodies[])(void *) = {work_for_ever, take_ab, take_ba};

    (void)arg;
    set_up();
    return run_threads(bodies, 3);
}

static void circle_is_found_while_others_run(void **state)
{
    (void)state;
    expect_finding_within(cross_while_others_work, FINDING_DEADLOCK,
                          "deadlock: alpha.lock(take_ba) -> beta.lock(take_ab)", 300, NULL);
}

/* ---- a lock and a join ---- */

static int join_holding(void *arg)
{
    pthread_t thread;

    (void)arg;
    set_up();
    lock_take(&a);
    pthread_create(&thread, NULL, take_ab, NULL);
    pthread_join(thread, NULL);
    lock_give(&a);
    return 0;
}

static void join_takes_part(void **state)
{
    (void)state;
    expect_finding(join_holding, FINDING_DEADLOCK,
                   "deadlock: alpha.lock(take_ab) -> thread t1(join_holding)");
}

/* ---- readers ---- */

static void *read_then_lock(void *arg)
{
    rwlock_take_read(&table);
    lock_take(&a);
    lock_give(&a);
    rwlock_give(&table);
    return arg;
}

static void *lock_then_write(void *arg)
{
    lock_take(&a);
    rwlock_take_write(&table);
    rwlock_give(&table);
    lock_give(&a);
    return arg;
}

static int cross_readers(void *arg)
{
    static void *(*const bodies[])(void *) = {read_then_lock, lock_then_write, read_then_lock};

    (void)arg;
    set_up();
    return run_threads(bodies, 3);
}

static void readers_take_part(void **state)
{
    (void)state;
    expect_finding_within(cross_readers, FINDING_DEADLOCK,
                          "deadlock: alpha.lock(read_then_lock) -> table.lock(lock_then_write)",
                          300, NULL);
}

/* ---- a lock and a spin: the deleter spins for the runner, who wants the deleter's lock ---- */

static void *run_handler(void *arg)
{
    atom_fetch_or(&running_mask, 1, memory_order_acquire);
    lock_take(&a);
    lock_give(&a);
    atom_fetch_and(&running_mask, ~1U, memory_order_release);
    return arg;
}

static void *delete_fd(void *arg)
{
    lock_take(&a);
    while (atom_load_acquire(&running_mask) != 0)
        cpu_relax();
    lock_give(&a);
    return arg;
}

static int delete_while_running(void *arg)
{
    static void *(*const bodies[])(void *) = {run_handler, delete_fd};

    (void)arg;
    set_up();
    return run_threads(bodies, 2);
}

static void spinning_takes_part(void **state)
{
    struct run_result result;

    (void)state;
    expect_finding_within(delete_while_running, FINDING_DEADLOCK,
                          "deadlock: alpha.lock(run_handler) -> running_mask(delete_fd)", 300,
                          &result);
}

static void *wait_for_first(void *arg)
{
    while (atom_load(&flags[0]) == 0)
        ;
    atom_store(&flags[1], 1);
    return arg;
}

static void *wait_for_second(void *arg)
{
    while (atom_load(&flags[1]) == 0)
        ;
    atom_store(&flags[0], 1);
    return arg;
}

static int spin_for_each_other(void *arg)
{
    static void *(*const bodies[])(void *) = {wait_for_first, wait_for_second};

    (void)arg;
    set_up();
    return run_threads(bodies, 2);
}

static int spin_alone(void *arg)
{
    (void)arg;
    set_up();
    (void)wait_for_first(NULL);
    return 0;
}

static void endless_spins_are_found(void **state)
{
    (void)state;
    expect_finding(spin_for_each_other, FINDING_DEADLOCK,
                   "deadlock: flags[0](wait_for_first) -> flags[1](wait_for_second)");
    expect_finding(spin_alone, FINDING_LIVELOCK, "livelock: flags[0](wait_for_first)");
}

/* ---- a lock and a condition ---- */

static void *wait_holding(void *arg)
{
    lock_take(&a);
    lock_take(&b);
    pthread_cond_wait(&changed, &b.mutex);
    lock_give(&b);
    lock_give(&a);
    return arg;
}

static void *signal_under_lock(void *arg)
{
    usleep(1000);
    lock_take(&a);
    pthread_cond_signal(&changed);
    lock_give(&a);
    return arg;
}

static int wait_with_another_lock(void *arg)
{
    static void *(*const bodies[])(void *) = {wait_holding, signal_under_lock};

    (void)arg;
    set_up();
    return run_threads(bodies, 2);
}

static void condition_takes_part(void **state)
{
    (void)state;
    expect_finding(wait_with_another_lock, FINDING_DEADLOCK,
                   "deadlock: alpha.lock(signal_under_lock) -> cond#1(wait_holding)");
}

/* ---- no deadlock ---- */

static int cross_with_trylock(void *arg)
{
    pthread_t thread;

    (void)arg;
    set_up();
    pthread_create(&thread, NULL, take_ab, NULL);
    for (;;) {
        lock_take(&b);
        bool has_both = lock_try_take(&a);
        if (has_both)
            lock_give(&a);
        lock_give(&b);
        if (has_both)
            break;
    }
    pthread_join(thread, NULL);
    return 0;
}

static void backing_off_is_no_deadlock(void **state)
{
    (void)state;
    expect_always_ok(cross_with_trylock, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crossed_locks_have_one_title),
        cmocka_unit_test(circle_is_found_while_others_run),
        cmocka_unit_test(join_takes_part),
        cmocka_unit_test(readers_take_part),
        cmocka_unit_test(spinning_takes_part),
        cmocka_unit_test(endless_spins_are_found),
        cmocka_unit_test(condition_takes_part),
        cmocka_unit_test(backing_off_is_no_deadlock),
    };
    return TESTS_RUN(tests);
}
