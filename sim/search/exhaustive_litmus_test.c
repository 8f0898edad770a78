/*
 * sim/search/exhaustive_litmus_test.c - small programs whose traces can be counted by hand.
 *
 * Goal: an exhaustive search visits each trace exactly once, says that it is done, and finds what
 * only one trace shows. Method: for each program the count is derived in a comment; the runs are as
 * many, all of them different, none cut short.
 */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "sim/posix/program.h"
#include "sim/search/exhaustive.h"

enum { BODIES_MAX = 4, CLASSES_MAX = 4096 };

static struct {
    _Atomic int x;
    _Atomic int y;
    _Atomic int z;
    _Atomic int own[BODIES_MAX];
    int seen[BODIES_MAX];
    pthread_mutex_t a;
    pthread_mutex_t b;
    pthread_rwlock_t rwlock;
    pthread_cond_t cond;
    sem_t semaphore;
    unsigned rounds;
} shared;

struct litmus {
    const char *name;
    void *(*bodies[BODIES_MAX])(void *arg);
    unsigned rounds;
    uint64_t traces;
};

static void set(_Atomic int *to)
{
    atom_store(to, 1);
}

static int get(_Atomic int *from)
{
    return atom_load(from);
}

/* ---- bodies: W writes, R reads, in that order ---- */

static void *wx(void *arg)
{
    set(&shared.x);
    return arg;
}

static void *wy(void *arg)
{
    set(&shared.y);
    return arg;
}

static void *rx(void *arg)
{
    (void)get(&shared.x);
    return arg;
}

static void *wx_wy(void *arg)
{
    set(&shared.x);
    set(&shared.y);
    return arg;
}

static void *wy_wx(void *arg)
{
    set(&shared.y);
    set(&shared.x);
    return arg;
}

static void *wx_ry(void *arg)
{
    set(&shared.x);
    shared.seen[0] = get(&shared.y);
    return arg;
}

static void *wy_rx(void *arg)
{
    set(&shared.y);
    shared.seen[1] = get(&shared.x);
    return arg;
}

static void *wy_rz(void *arg)
{
    set(&shared.y);
    (void)get(&shared.z);
    return arg;
}

static void *wz_rx(void *arg)
{
    set(&shared.z);
    (void)get(&shared.x);
    return arg;
}

static void *rx_wy(void *arg)
{
    (void)get(&shared.x);
    set(&shared.y);
    return arg;
}

static void *ry_wx(void *arg)
{
    (void)get(&shared.y);
    set(&shared.x);
    return arg;
}

static void *rx_ry(void *arg)
{
    (void)get(&shared.x);
    (void)get(&shared.y);
    return arg;
}

static void *ry_rx(void *arg)
{
    (void)get(&shared.y);
    (void)get(&shared.x);
    return arg;
}

static void *rx_rx(void *arg)
{
    (void)get(&shared.x);
    (void)get(&shared.x);
    return arg;
}

static void *add_x(void *arg)
{
    for (unsigned i = 0; i < shared.rounds; i++)
        (void)atom_fetch_add(&shared.x, 1, memory_order_relaxed);
    return arg;
}

static void *own_only(void *arg)
{
    _Atomic int *own = &shared.own[(uintptr_t)arg];

    set(own);
    (void)get(own);
    set(own);
    return arg;
}

static void *lock_a(void *arg)
{
    for (unsigned i = 0; i < shared.rounds; i++) {
        pthread_mutex_lock(&shared.a);
        pthread_mutex_unlock(&shared.a);
    }
    return arg;
}

static void *lock_a_b(void *arg)
{
    pthread_mutex_lock(&shared.a);
    pthread_mutex_lock(&shared.b);
    pthread_mutex_unlock(&shared.b);
    pthread_mutex_unlock(&shared.a);
    return arg;
}

static void *lock_b_a(void *arg)
{
    pthread_mutex_lock(&shared.b);
    pthread_mutex_lock(&shared.a);
    pthread_mutex_unlock(&shared.a);
    pthread_mutex_unlock(&shared.b);
    return arg;
}

static void *try_a(void *arg)
{
    if (pthread_mutex_trylock(&shared.a) == 0)
        pthread_mutex_unlock(&shared.a);
    return arg;
}

static void *write_locked(void *arg)
{
    pthread_rwlock_wrlock(&shared.rwlock);
    pthread_rwlock_unlock(&shared.rwlock);
    return arg;
}

static void *read_locked(void *arg)
{
    pthread_rwlock_rdlock(&shared.rwlock);
    pthread_rwlock_unlock(&shared.rwlock);
    return arg;
}

static void *post_twice(void *arg)
{
    sem_post(&shared.semaphore);
    sem_post(&shared.semaphore);
    return arg;
}

static void *post(void *arg)
{
    sem_post(&shared.semaphore);
    return arg;
}

static void *wait_once(void *arg)
{
    sem_wait(&shared.semaphore);
    return arg;
}

static void *await_flag(void *arg)
{
    pthread_mutex_lock(&shared.a);
    while (shared.seen[0] == 0)
        pthread_cond_wait(&shared.cond, &shared.a);
    pthread_mutex_unlock(&shared.a);
    return arg;
}

static void *raise_flag(void *arg)
{
    pthread_mutex_lock(&shared.a);
    shared.seen[0] = 1;
    pthread_mutex_unlock(&shared.a);
    pthread_cond_signal(&shared.cond);
    return arg;
}

static void *spin_on_x(void *arg)
{
    while (get(&shared.x) == 0)
        ;
    return arg;
}

/* ---- running ---- */

static const struct litmus *current;
static uint64_t classes[CLASSES_MAX];
static size_t class_count;
static unsigned deadlocks;
static bool has_seen_neither; /* store buffering: both read 0 */

static int run_bodies(void *arg)
{
    pthread_t threads[BODIES_MAX];
    unsigned count = 0;

    (void)arg;
    memset(&shared, 0, sizeof(shared));
    shared.rounds = current->rounds;
    sem_init(&shared.semaphore, 0, 0);
    for (; count < BODIES_MAX && current->bodies[count] != NULL; count++)
        pthread_create(&threads[count], NULL, current->bodies[count], (void *)(uintptr_t)count);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static void prepare(void *context, struct run_spec *spec)
{
    program_prepare(run_bodies, context, spec);
    spec->step_cost_ns = 100;
}

static void note(void *context, const struct exhaustive_run *run)
{
    (void)context;
    if (run->is_blocked)
        return;
    deadlocks += run->result->finding.kind == FINDING_DEADLOCK;
    has_seen_neither |= shared.seen[0] == 0 && shared.seen[1] == 0;
    assert_true(class_count < CLASSES_MAX);
    for (size_t i = 0; i < class_count; i++)
        assert_true(classes[i] != run->class_hash);
    classes[class_count++] = run->class_hash;
}

static void explore(const struct litmus *litmus, uint64_t schedules_max,
                    struct search_result *result)
{
    const struct target target = {.name = litmus->name, .prepare = prepare};
    const struct search_spec search = {.target = &target,
                                       .keep_going = true,
                                       .check_determinism = true,
                                       .schedules_max = schedules_max};
    const struct exhaustive_spec spec = {.search = &search, .each = note};

    current = litmus;
    class_count = 0;
    deadlocks = 0;
    has_seen_neither = false;
    exhaustive_run(&spec, result);
}

/* ---- the counts ---- */

static const struct litmus table[] = {
    {.name = "nothing shared", .bodies = {own_only, own_only, own_only, own_only}, .traces = 1},
    /* n writes of one place come in any order: n! */
    {.name = "2 writers", .bodies = {wx, wx}, .traces = 2},
    {.name = "3 writers", .bodies = {wx, wx, wx}, .traces = 6},
    {.name = "4 writers", .bodies = {wx, wx, wx, wx}, .traces = 24},
    /* Each reader before or after the write, and readers do not mind each other: 2^n. */
    {.name = "a writer, 1 reader", .bodies = {wx, rx}, .traces = 2},
    {.name = "a writer, 2 readers", .bodies = {wx, rx, rx}, .traces = 4},
    {.name = "a writer, 3 readers", .bodies = {wx, rx, rx, rx}, .traces = 8},
    /* The write before, between or after two reads. */
    {.name = "coherence of reads", .bodies = {wx, rx_rx}, .traces = 3},
    /* Two pairs that conflict, 2 x 2 orders, one of them a circle. */
    {.name = "store buffering", .bodies = {wx_ry, wy_rx}, .traces = 3},
    {.name = "message passing", .bodies = {wx_wy, ry_rx}, .traces = 3},
    {.name = "load buffering", .bodies = {rx_wy, ry_wx}, .traces = 3},
    {.name = "2+2 writes", .bodies = {wx_wy, wy_wx}, .traces = 3},
    /* Three pairs round a ring of three threads: 2^3 less the one circle. */
    {.name = "store buffering of 3", .bodies = {wx_ry, wy_rz, wz_rx}, .traces = 7},
    {.name = "write to read causality", .bodies = {wx, rx_wy, ry_rx}, .traces = 7},
    /* Four pairs, 16 orders; only the readers that see the writes in opposite orders are a circle.
     */
    {.name = "IRIW", .bodies = {wx, wy, rx_ry, ry_rx}, .traces = 15},
    /* k steps each of two threads on one place: C(2k, k). */
    {.name = "2 x 1 additions", .bodies = {add_x, add_x}, .rounds = 1, .traces = 2},
    {.name = "2 x 2 additions", .bodies = {add_x, add_x}, .rounds = 2, .traces = 6},
    {.name = "2 x 3 additions", .bodies = {add_x, add_x}, .rounds = 3, .traces = 20},
    {.name = "2 x 5 additions", .bodies = {add_x, add_x}, .rounds = 5, .traces = 252},
    /* 9! / (3! 3! 3!) */
    {.name = "3 x 3 additions", .bodies = {add_x, add_x, add_x}, .rounds = 3, .traces = 1680},
    /* Critical sections are like single steps: C(2k, k), n!. */
    {.name = "2 x 1 sections", .bodies = {lock_a, lock_a}, .rounds = 1, .traces = 2},
    {.name = "2 x 2 sections", .bodies = {lock_a, lock_a}, .rounds = 2, .traces = 6},
    {.name = "2 x 4 sections", .bodies = {lock_a, lock_a}, .rounds = 4, .traces = 70},
    {.name = "3 x 1 sections", .bodies = {lock_a, lock_a, lock_a}, .rounds = 1, .traces = 6},
    {.name = "3 x 2 sections", .bodies = {lock_a, lock_a, lock_a}, .rounds = 2, .traces = 90},
    /* Each first, or neither: the deadlock. */
    {.name = "AB and BA", .bodies = {lock_a_b, lock_b_a}, .traces = 3},
    {.name = "AB and AB", .bodies = {lock_a_b, lock_a_b}, .traces = 2},
    /* Trying before the section, within it (in vain), or after; or the section while it is tried
     * with success comes after, which is the first again. */
    {.name = "a section and a try", .bodies = {lock_a, try_a}, .rounds = 1, .traces = 3},
    {.name = "a writer's section, 1 reader's", .bodies = {write_locked, read_locked}, .traces = 2},
    {.name = "a writer's section, 3 readers'",
     .bodies = {write_locked, read_locked, read_locked, read_locked},
     .traces = 8},
    {.name = "2 writers' sections, 1 reader's",
     .bodies = {write_locked, write_locked, read_locked},
     .traces = 6},
    /* Who comes first, and whether before or after the second post: 2 x 2. */
    {.name = "2 posts, 2 waits", .bodies = {post_twice, wait_once, wait_once}, .traces = 4},
    /* Two posts by two threads: the wait after either alone, or after both. */
    {.name = "1 and 1 posts, 1 wait", .bodies = {post, post, wait_once}, .traces = 3},
    /* The flag first: it never waits. Or it waits, is signalled, goes on. Signal and unlock do not
     * touch the same; a waiter that took the lock after the flag comes before or after the signal,
     * which finds nobody, in one trace. */
    {.name = "a condition", .bodies = {await_flag, raise_flag}, .traces = 2},
    /* Design D7: it reads 0, 1, 2 or 3 times in vain, or a fourth time and is parked. */
    {.name = "a spinner", .bodies = {spin_on_x, wx}, .traces = 5},
};

static void each_trace_exactly_once(void **state)
{
    static struct search_result result;

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct litmus *litmus = &table[i];
        explore(litmus, 0, &result);
        printf("%-32s %lu traces\n", litmus->name, (unsigned long)result.extent.traces);
        if (!result.extent.is_complete || result.extent.traces != litmus->traces ||
            class_count != litmus->traces || result.extent.blocked != 0)
            fail_msg("%s: %lu traces expected, %lu explored, %lu blocked%s%s", litmus->name,
                     (unsigned long)litmus->traces, (unsigned long)result.extent.traces,
                     (unsigned long)result.extent.blocked,
                     result.extent.is_complete ? "" : ", not complete: ",
                     result.extent.obstacle == NULL ? "" : result.extent.obstacle);
        assert_int_equal(result.extent.estimate, litmus->traces);
        assert_int_equal(result.schedules, litmus->traces);
    }
}

static const struct litmus *find(const char *name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    fail_msg("no litmus program %s", name);
    return NULL;
}

/* Sequential consistency: nobody sees what no order explains. */
static void store_buffering_is_never_seen(void **state)
{
    static struct search_result result;

    (void)state;
    explore(find("store buffering"), 0, &result);
    assert_false(has_seen_neither);
}

/* What one trace in three shows is found, and its recording leads there again. */
static void the_one_deadlock_is_found_and_recorded(void **state)
{
    static struct search_result result;
    struct run_result again;
    const struct target target = {.name = "AB and BA", .prepare = prepare};

    (void)state;
    explore(find("AB and BA"), 0, &result);
    assert_int_equal(deadlocks, 1);
    assert_int_equal(result.finding_count, 1);
    assert_int_equal(result.findings[0].finding.kind, FINDING_DEADLOCK);
    search_replay_recorded(&target, result.findings[0].deviations,
                           result.findings[0].deviation_count, NULL, NULL, &again);
    assert_int_equal(again.finding.kind, FINDING_DEADLOCK);
    assert_true(again.trace_hash == result.findings[0].trace_hash);
    free(result.findings[0].deviations);
}

/* A budget that ends the search early leaves an estimate, and no claim. */
static void an_unfinished_search_says_so(void **state)
{
    static struct search_result result;

    (void)state;
    explore(find("3 x 3 additions"), 200, &result);
    assert_false(result.extent.is_complete);
    assert_int_equal(result.extent.traces, 200);
    printf("1680 traces estimated after 200: %lu\n", (unsigned long)result.extent.estimate);
    assert_in_range(result.extent.estimate, 200, 168000);
    explore(find("3 x 3 additions"), 1680, &result);
    assert_true(result.extent.is_complete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trace_exactly_once),
        cmocka_unit_test(store_buffering_is_never_seen),
        cmocka_unit_test(the_one_deadlock_is_found_and_recorded),
        cmocka_unit_test(an_unfinished_search_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
