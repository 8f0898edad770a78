/*
 * sim/posix/sync_test.c - reader-writer locks, barriers, spinlocks and semaphores.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "sim/posix/testing.h"

static pthread_rwlock_t guard;
static pthread_barrier_t gate;
static pthread_spinlock_t spin;
static sem_t tokens;
static int readers_inside;
static int readers_inside_max;
static int writers_inside;
static int shared;
static int first_in;

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec at;

    clock_gettime(clock, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static void run_two(void *(*a)(void *), void *(*b)(void *))
{
    pthread_t threads[2];

    pthread_create(&threads[0], NULL, a, NULL);
    pthread_create(&threads[1], NULL, b, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

/* ---- rwlock ---- */

static void *read_guarded(void *arg)
{
    pthread_rwlock_rdlock(&guard);
    if (++readers_inside > readers_inside_max)
        readers_inside_max = readers_inside;
    if (writers_inside != 0)
        shared = -100;
    if (first_in == 0)
        first_in = 'r';
    sched_yield();
    readers_inside--;
    pthread_rwlock_unlock(&guard);
    return arg;
}

static void *write_guarded(void *arg)
{
    pthread_rwlock_wrlock(&guard);
    if (++writers_inside != 1 || readers_inside != 0)
        shared = -100;
    if (first_in == 0)
        first_in = 'w';
    int seen = shared;
    sched_yield();
    shared = seen + 1;
    writers_inside--;
    pthread_rwlock_unlock(&guard);
    return arg;
}

static int read_and_write(void *arg)
{
    pthread_t threads[5];

    (void)arg;
    readers_inside = readers_inside_max = writers_inside = shared = 0;
    pthread_rwlock_init(&guard, NULL);
    for (int i = 0; i < 5; i++)
        pthread_create(&threads[i], NULL, i < 3 ? read_guarded : write_guarded, NULL);
    for (int i = 0; i < 5; i++)
        pthread_join(threads[i], NULL);
    pthread_rwlock_destroy(&guard);
    return shared == 2 ? 0 : 1;
}

static int count_readers_together(void *arg)
{
    int status = read_and_write(arg);

    return status == 0 ? readers_inside_max : -1;
}

static void rwlock_shares_and_excludes(void **state)
{
    (void)state;
    expect_always_ok(read_and_write, 500);
    expect_status_within(count_readers_together, 3, 200);
    expect_deterministic(read_and_write, 50);
}

/* While a reader is inside and a writer waits, does another reader get in before the writer? */
static int pass_a_waiting_writer(bool prefers_writers)
{
    pthread_t writer;
    pthread_t reader;
    pthread_rwlockattr_t attr;
    struct timespec span = {.tv_nsec = 1000000};

    pthread_rwlockattr_init(&attr);
    if (prefers_writers)
        pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&guard, &attr);
    readers_inside = writers_inside = shared = first_in = 0;
    pthread_rwlock_rdlock(&guard);
    pthread_create(&writer, NULL, write_guarded, NULL);
    nanosleep(&span, NULL);
    pthread_create(&reader, NULL, read_guarded, NULL);
    nanosleep(&span, NULL);
    pthread_rwlock_unlock(&guard);
    pthread_join(writer, NULL);
    pthread_join(reader, NULL);
    return first_in == 'r' ? 0 : 1;
}

static int readers_pass(void *arg)
{
    (void)arg;
    return pass_a_waiting_writer(false);
}

static int readers_wait(void *arg)
{
    (void)arg;
    return pass_a_waiting_writer(true) == 1 ? 0 : 1;
}

static void rwlock_prefers_as_told(void **state)
{
    (void)state;
    expect_always_ok(readers_pass, 50);
    expect_status_within(readers_wait, 0, 50);
}

static int answer_rwlock_misuse(void *arg)
{
    struct timespec until = in_ms(CLOCK_REALTIME, 2);

    (void)arg;
    pthread_rwlock_init(&guard, NULL);
    pthread_rwlock_wrlock(&guard);
    if (pthread_rwlock_rdlock(&guard) != EDEADLK || pthread_rwlock_tryrdlock(&guard) != EBUSY)
        return 1;
    pthread_rwlock_unlock(&guard);
    pthread_rwlock_rdlock(&guard);
    pthread_rwlock_rdlock(&guard); /* readers may recurse */
    if (pthread_rwlock_timedwrlock(&guard, &until) != ETIMEDOUT)
        return 2;
    pthread_rwlock_unlock(&guard);
    pthread_rwlock_unlock(&guard);
    if (pthread_rwlock_trywrlock(&guard) != 0)
        return 3;
    return pthread_rwlock_unlock(&guard);
}

static int upgrade(void *arg)
{
    (void)arg;
    pthread_rwlock_init(&guard, NULL);
    pthread_rwlock_rdlock(&guard);
    return pthread_rwlock_wrlock(&guard);
}

static void *unlock_guard(void *arg)
{
    pthread_rwlock_unlock(&guard);
    return arg;
}

static int unlock_guard_for_another(void *arg)
{
    pthread_t thread;

    (void)arg;
    pthread_rwlock_init(&guard, NULL);
    pthread_rwlock_rdlock(&guard);
    pthread_create(&thread, NULL, unlock_guard, NULL);
    return pthread_join(thread, NULL);
}

static int unlock_guard_unlocked(void *arg)
{
    (void)arg;
    pthread_rwlock_init(&guard, NULL);
    return pthread_rwlock_unlock(&guard);
}

static void rwlock_misuse_is_named(void **state)
{
    (void)state;
    expect_always_ok(answer_rwlock_misuse, 3);
    expect_finding(upgrade, FINDING_DEADLOCK, "deadlock: rwlock#1(upgrade)");
    expect_finding(unlock_guard_for_another, FINDING_LOCK_MISUSE,
                   "lock-misuse: unlock by a non-owner of rwlock#1 in unlock_guard");
    expect_finding(unlock_guard_unlocked, FINDING_LOCK_MISUSE,
                   "lock-misuse: unlock of unlocked rwlock#1 in unlock_guard_unlocked");
}

/* ---- barrier ---- */

static int serials;

static void *meet_twice(void *arg)
{
    for (int round = 0; round < 2; round++) {
        shared++;
        int result = pthread_barrier_wait(&gate);
        if (shared < 3 * (round + 1))
            serials = -100;
        serials += result == PTHREAD_BARRIER_SERIAL_THREAD;
        pthread_barrier_wait(&gate);
    }
    return arg;
}

static int three_meet(void *arg)
{
    pthread_t threads[3];

    (void)arg;
    shared = serials = 0;
    pthread_barrier_init(&gate, NULL, 3);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, meet_twice, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&gate);
    return serials == 2 ? 0 : 1;
}

static int meet_alone(void *arg)
{
    (void)arg;
    pthread_barrier_init(&gate, NULL, 2);
    return pthread_barrier_wait(&gate);
}

static void barrier_lets_all_go_at_once(void **state)
{
    (void)state;
    expect_always_ok(three_meet, 300);
    expect_finding(meet_alone, FINDING_LOST_WAKEUP, "lost-wakeup: barrier#1(meet_alone)");
}

/* ---- spinlock ---- */

static void *add_spinning(void *arg)
{
    for (int i = 0; i < 3; i++) {
        pthread_spin_lock(&spin);
        int seen = shared;
        sched_yield();
        shared = seen + 1;
        pthread_spin_unlock(&spin);
    }
    return arg;
}

static int spin_together(void *arg)
{
    (void)arg;
    shared = 0;
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    run_two(add_spinning, add_spinning);
    if (pthread_spin_trylock(&spin) != 0 || pthread_spin_trylock(&spin) != EBUSY)
        return 2;
    pthread_spin_unlock(&spin);
    pthread_spin_destroy(&spin);
    return shared == 6 ? 0 : 1;
}

static int spin_on_itself(void *arg)
{
    (void)arg;
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    pthread_spin_lock(&spin);
    return pthread_spin_lock(&spin);
}

static void spinlock_excludes(void **state)
{
    (void)state;
    expect_always_ok(spin_together, 300);
    expect_finding(spin_on_itself, FINDING_DEADLOCK, "deadlock: spinlock#1(spin_on_itself)");
}

/* ---- semaphore ---- */

static int inside;

static void *enter_with_token(void *arg)
{
    while (sem_wait(&tokens) != 0)
        ;
    if (++inside > 2)
        shared = -100;
    sched_yield();
    inside--;
    shared++;
    sem_post(&tokens);
    return arg;
}

static int two_at_a_time(void *arg)
{
    pthread_t threads[4];
    struct timespec until;
    int value;

    (void)arg;
    shared = inside = 0;
    sem_init(&tokens, 0, 2);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, enter_with_token, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    sem_getvalue(&tokens, &value);
    if (shared != 4 || value != 2)
        return 1;
    if (sem_trywait(&tokens) != 0 || sem_wait(&tokens) != 0)
        return 2;
    if (sem_trywait(&tokens) != -1 || errno != EAGAIN)
        return 3;
    until = in_ms(CLOCK_REALTIME, 1);
    if (sem_timedwait(&tokens, &until) != -1 || errno != ETIMEDOUT)
        return 4;
    return sem_destroy(&tokens);
}

static void *post_later(void *arg)
{
    struct timespec span = {.tv_nsec = 5000000};

    nanosleep(&span, NULL);
    sem_post(&tokens);
    return arg;
}

static int wait_about_as_long(void *arg)
{
    pthread_t thread;
    struct timespec until;

    (void)arg;
    sem_init(&tokens, 0, 0);
    pthread_create(&thread, NULL, post_later, NULL);
    until = in_ms(CLOCK_MONOTONIC, 5);
    int result = sem_clockwait(&tokens, CLOCK_MONOTONIC, &until);
    pthread_join(thread, NULL);
    return result == 0 ? 1 : 2;
}

static void semaphore_counts(void **state)
{
    (void)state;
    expect_always_ok(two_at_a_time, 300);
    expect_status_within(wait_about_as_long, 1, 200);
    expect_status_within(wait_about_as_long, 2, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rwlock_shares_and_excludes), cmocka_unit_test(rwlock_prefers_as_told),
        cmocka_unit_test(rwlock_misuse_is_named),     cmocka_unit_test(barrier_lets_all_go_at_once),
        cmocka_unit_test(spinlock_excludes),          cmocka_unit_test(semaphore_counts),
    };
    return TESTS_RUN(tests);
}
