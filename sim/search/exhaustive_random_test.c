/*
 * sim/search/exhaustive_random_test.c - the explorer against all interleavings, by the thousand.
 *
 * Goal: an exhaustive search visits every trace of a program, and none twice. Method: small
 * programs are made at random (loads, stores, read-modify-writes, locks, try-locks, semaphores of
 * two or three threads). One side enumerates every interleaving in a model of a few lines and
 * collects the partial orders; the other runs the program under the explorer, where the program
 * itself logs what it does. The two sets are equal, and no order comes twice.
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
#include "sim/base/random.h"
#include "sim/posix/program.h"
#include "sim/search/exhaustive.h"

enum { THREADS_MAX = 3, OPS_MAX = 8, OBJECTS = 3, LOG_MAX = THREADS_MAX * OPS_MAX };
enum { SET_MAX = 1 << 16 };

enum what {
    LOAD,
    STORE,
    ADD,
    LOCK,
    UNLOCK,
    TRY,
    UP,
    DOWN,
    READ_LOCK,
    READ_UNLOCK,
    WRITE_LOCK,
    WRITE_UNLOCK,
    WHAT_COUNT
};

struct act {
    enum what what;
    unsigned object;
};

struct plan {
    unsigned threads;
    unsigned counts[THREADS_MAX];
    struct act acts[THREADS_MAX][OPS_MAX];
};

struct entry {
    uint8_t thread;
    uint8_t number;
};

/* ---- sets of partial orders ---- */

struct set {
    uint64_t names[SET_MAX];
    size_t count;
};

static int compare_names(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static bool is_reader(enum what what)
{
    return what == READ_LOCK || what == READ_UNLOCK;
}

static bool is_dependent(const struct act *a, const struct act *b)
{
    if (a->object != b->object)
        return false;
    if (a->what <= ADD || b->what <= ADD)
        return a->what <= ADD && b->what <= ADD && !(a->what == LOAD && b->what == LOAD);
    if (a->what == UP || a->what == DOWN || b->what == UP || b->what == DOWN)
        return (a->what == UP || a->what == DOWN) && (b->what == UP || b->what == DOWN) &&
               !(a->what == UP && b->what == UP);
    return !(is_reader(a->what) && is_reader(b->what));
}

/* The order of a log: each entry with the set of those that come before it. */
static uint64_t name_of(const struct plan *plan, const struct entry *log, size_t count)
{
    uint32_t before[LOG_MAX];
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        const struct act *act = &plan->acts[log[i].thread][log[i].number];
        uint64_t past = 0;
        before[i] = 0;
        for (size_t j = 0; j < i; j++)
            if (log[j].thread == log[i].thread ||
                is_dependent(act, &plan->acts[log[j].thread][log[j].number]))
                before[i] |= before[j] | UINT32_C(1) << j;
        for (size_t j = 0; j < i; j++)
            if ((before[i] >> j & 1) != 0)
                past += random_mix((uint64_t)log[j].thread * OPS_MAX + log[j].number + 1);
        sum += random_mix(past ^ random_mix((uint64_t)log[i].thread * OPS_MAX + log[i].number +
                                            UINT64_C(0x10000)));
    }
    return random_mix(sum + count);
}

/* ---- the model ---- */

struct state {
    unsigned at[THREADS_MAX];
    int owner[OBJECTS];             /* of locks: thread + 1; minus the number of readers */
    int value[OBJECTS];             /* of semaphores */
    bool has[THREADS_MAX][OBJECTS]; /* what TRY got */
};

static bool may_go(const struct state *state, const struct act *act)
{
    if (act->what == LOCK || act->what == WRITE_LOCK)
        return state->owner[act->object] == 0;
    if (act->what == READ_LOCK)
        return state->owner[act->object] <= 0;
    return act->what != DOWN || state->value[act->object] > 0;
}

static void go(struct state *state, const struct act *act, unsigned thread)
{
    int *owner = &state->owner[act->object];
    bool *has = &state->has[thread][act->object];

    state->at[thread]++;
    if (act->what == UNLOCK || act->what == WRITE_UNLOCK) {
        *owner = 0;
        *has = false;
    } else if (act->what == LOCK || act->what == TRY || act->what == WRITE_LOCK) {
        *has = *owner == 0;
        if (*has)
            *owner = (int)thread + 1;
    }
    *owner -= act->what == READ_LOCK;
    *owner += act->what == READ_UNLOCK;
    state->value[act->object] += act->what == UP;
    state->value[act->object] -= act->what == DOWN;
}

/* What the thread does next: it does not unlock what it tried in vain to lock. NULL at its end. */
static const struct act *next_act(const struct plan *plan, struct state *state, unsigned thread)
{
    while (state->at[thread] < plan->counts[thread]) {
        const struct act *act = &plan->acts[thread][state->at[thread]];
        if (act->what != UNLOCK || state->has[thread][act->object])
            return act;
        state->at[thread]++;
    }
    return NULL;
}

static void add(struct set *set, uint64_t name)
{
    assert_true(set->count < SET_MAX);
    set->names[set->count++] = name;
}

static void sort(struct set *set)
{
    qsort(set->names, set->count, sizeof(set->names[0]), compare_names);
}

static void unique(struct set *set)
{
    size_t kept = 0;

    sort(set);
    for (size_t i = 0; i < set->count; i++)
        if (i == 0 || set->names[i] != set->names[i - 1])
            set->names[kept++] = set->names[i];
    set->count = kept;
}

/* False when there are more interleavings than it is worth. */
static bool enumerate(const struct plan *plan, struct state *state, struct entry *log, size_t count,
                      struct set *set)
{
    bool is_end = true;

    for (unsigned t = 0; t < plan->threads; t++) {
        const struct act *act = next_act(plan, state, t);
        if (act == NULL || !may_go(state, act))
            continue;
        struct state next = *state;
        is_end = false;
        log[count] = (struct entry){.thread = (uint8_t)t, .number = (uint8_t)state->at[t]};
        go(&next, act, t);
        if (!enumerate(plan, &next, log, count + 1, set))
            return false;
    }
    if (!is_end)
        return true;
    if (set->count == SET_MAX)
        return false;
    add(set, name_of(plan, log, count));
    return true;
}

/* ---- the program ---- */

static struct {
    const struct plan *plan;
    _Atomic int values[OBJECTS];
    pthread_mutex_t mutexes[OBJECTS];
    pthread_rwlock_t rwlocks[OBJECTS];
    sem_t semaphores[OBJECTS];
    struct entry log[LOG_MAX];
    size_t log_count;
} program;

static void act_out(const struct act *act, bool *has)
{
    switch (act->what) {
    case LOAD:
        (void)atom_load(&program.values[act->object]);
        break;
    case STORE:
        atom_store(&program.values[act->object], (int)program.log_count + 1);
        break;
    case ADD:
        (void)atom_fetch_add(&program.values[act->object], 100, memory_order_relaxed);
        break;
    case LOCK:
        (void)pthread_mutex_lock(&program.mutexes[act->object]);
        *has = true;
        break;
    case TRY:
        *has = pthread_mutex_trylock(&program.mutexes[act->object]) == 0;
        break;
    case UNLOCK:
        (void)pthread_mutex_unlock(&program.mutexes[act->object]);
        *has = false;
        break;
    case READ_LOCK:
        (void)pthread_rwlock_rdlock(&program.rwlocks[act->object]);
        break;
    case WRITE_LOCK:
        (void)pthread_rwlock_wrlock(&program.rwlocks[act->object]);
        break;
    case READ_UNLOCK:
    case WRITE_UNLOCK:
        (void)pthread_rwlock_unlock(&program.rwlocks[act->object]);
        break;
    case UP:
        (void)sem_post(&program.semaphores[act->object]);
        break;
    case DOWN:
        (void)sem_wait(&program.semaphores[act->object]);
        break;
    case WHAT_COUNT:
        break;
    }
}

static void *run_thread(void *arg)
{
    unsigned thread = (unsigned)(uintptr_t)arg;
    bool has[OBJECTS] = {false};

    for (unsigned i = 0; i < program.plan->counts[thread]; i++) {
        const struct act *act = &program.plan->acts[thread][i];
        if (act->what == UNLOCK && !has[act->object])
            continue;
        act_out(act, &has[act->object]);
        program.log[program.log_count++] =
            (struct entry){.thread = (uint8_t)thread, .number = (uint8_t)i};
    }
    return NULL;
}

static int run_plan(void *arg)
{
    pthread_t threads[THREADS_MAX];

    (void)arg;
    program.log_count = 0;
    for (unsigned i = 0; i < OBJECTS; i++) {
        pthread_mutex_init(&program.mutexes[i], NULL);
        pthread_rwlock_init(&program.rwlocks[i], NULL);
        sem_init(&program.semaphores[i], 0, 0);
    }
    for (unsigned i = 0; i < program.plan->threads; i++)
        (void)pthread_create(&threads[i], NULL, run_thread, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < program.plan->threads; i++)
        (void)pthread_join(threads[i], NULL);
    return 0;
}

static void prepare(void *context, struct run_spec *spec)
{
    program_prepare(run_plan, context, spec);
    spec->steps_max = 10000;
}

static struct set visited;
static struct set expected;

static void note(void *context, const struct exhaustive_run *run)
{
    if (run->is_blocked)
        return;
    if (run->result->finding.kind != FINDING_NONE &&
        run->result->finding.kind != FINDING_DEADLOCK &&
        run->result->finding.kind != FINDING_LOST_WAKEUP)
        fail_msg("%s", run->result->finding.title);
    add(&visited, name_of(context, program.log, program.log_count));
}

static void explore(const struct plan *plan, struct search_result *result)
{
    const struct target target = {.name = "random", .prepare = prepare};
    const struct search_spec search = {
        .target = &target, .keep_going = true, .schedules_max = 200000};
    const struct exhaustive_spec spec = {
        .search = &search, .each = note, .context = (void *)(uintptr_t)plan};

    program.plan = plan;
    visited.count = 0;
    exhaustive_run(&spec, result);
}

/* ---- plans ---- */

/* A thread unlocks what it locked, in any order; a READ_LOCK's object is no mutex of the plan. */
static void make_thread(uint64_t *state, struct plan *plan, unsigned thread, unsigned length,
                        uint32_t kinds)
{
    bool is_held[OBJECTS] = {false};
    unsigned count = 0;

    while (count < length) {
        struct act act = {.object = random_below(state, OBJECTS)};
        do {
            act.what = (enum what)random_below(state, WHAT_COUNT);
        } while ((kinds >> act.what & 1) == 0);
        if (act.what == LOCK || act.what == TRY || act.what == UNLOCK) {
            if (is_held[act.object])
                act.what = UNLOCK;
            else if (act.what == UNLOCK)
                continue;
            is_held[act.object] = act.what != UNLOCK;
        }
        plan->acts[thread][count++] = act;
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        if (is_held[i])
            plan->acts[thread][count++] = (struct act){.what = UNLOCK, .object = i};
    plan->counts[thread] = count;
}

static void print_plan(const struct plan *plan)
{
    static const char *const words[] = {"load", "store", "add", "lock", "unlock", "try",
                                        "up",   "down",  "rd",  "unrd", "wr",     "unwr"};

    for (unsigned t = 0; t < plan->threads; t++) {
        printf("  thread %u:", t);
        for (unsigned i = 0; i < plan->counts[t]; i++)
            printf(" %s(%u)", words[plan->acts[t][i].what], plan->acts[t][i].object);
        printf("\n");
    }
}

struct tally {
    unsigned plans;
    uint64_t traces;
    uint64_t blocked;
    uint64_t interleavings;
};

static void check(uint64_t seed, const struct plan *plan, struct tally *tally)
{
    static struct search_result result;
    struct entry log[LOG_MAX];
    struct state start = {0};

    expected.count = 0;
    if (!enumerate(plan, &start, log, 0, &expected))
        return;
    tally->interleavings += expected.count;
    unique(&expected);
    explore(plan, &result);
    size_t runs = visited.count;
    unique(&visited);
    tally->plans++;
    tally->traces += runs;
    tally->blocked += result.extent.blocked;
    bool is_good =
        result.extent.is_complete && runs == visited.count && visited.count == expected.count &&
        result.extent.traces == runs &&
        memcmp(visited.names, expected.names, visited.count * sizeof(visited.names[0])) == 0;
    if (is_good)
        return;
    print_plan(plan);
    fail_msg("seed %lu: %zu traces expected, %zu runs with %zu different ones, %lu blocked%s%s",
             (unsigned long)seed, expected.count, runs, visited.count,
             (unsigned long)result.extent.blocked,
             result.extent.is_complete ? "" : ", not complete: ",
             result.extent.obstacle == NULL ? "" : result.extent.obstacle);
}

static void print_tally(const char *name, const struct tally *tally)
{
    printf("%-20s %u programs, %lu interleavings, %lu traces, %lu blocked runs\n", name,
           tally->plans, (unsigned long)tally->interleavings, (unsigned long)tally->traces,
           (unsigned long)tally->blocked);
}

static void check_many(const char *name, uint32_t kinds, unsigned plans)
{
    struct tally tally = {0};

    for (uint64_t seed = 1; seed <= plans; seed++) {
        uint64_t state = seed * 7919 + kinds;
        struct plan plan = {.threads = 2 + random_below(&state, THREADS_MAX - 1)};
        unsigned total = plan.threads == 2 ? 10 : 9;
        for (unsigned t = 0; t < plan.threads; t++) {
            unsigned length = 1 + random_below(&state, total / plan.threads);
            make_thread(&state, &plan, t, length, kinds);
        }
        check(seed, &plan, &tally);
    }
    print_tally(name, &tally);
    assert_true(tally.plans >= plans * 9 / 10);
}

#define KIND(what) (UINT32_C(1) << (what))

/* Optimal here: not one run in vain. */
static void memory_alone(void **state)
{
    (void)state;
    check_many("memory", KIND(LOAD) | KIND(STORE) | KIND(ADD), 1500);
}

static void locks_alone(void **state)
{
    (void)state;
    check_many("locks", KIND(LOCK) | KIND(UNLOCK), 1500);
}

static void locks_and_memory(void **state)
{
    (void)state;
    check_many("locks and memory", KIND(LOCK) | KIND(UNLOCK) | KIND(LOAD) | KIND(STORE), 1500);
}

static void try_locks(void **state)
{
    (void)state;
    check_many("try-locks", KIND(LOCK) | KIND(UNLOCK) | KIND(TRY) | KIND(STORE), 1000);
}

/* A thread that reads under a lock of readers, and one that writes; no thread takes one twice. */
static void make_readers(uint64_t *state, struct plan *plan, unsigned thread, unsigned length)
{
    unsigned count = 0;

    for (unsigned i = 0; i < length / 2; i++) {
        unsigned object = random_below(state, 2);
        bool is_reader = random_below(state, 2) == 0;
        plan->acts[thread][count++] =
            (struct act){.what = is_reader ? READ_LOCK : WRITE_LOCK, .object = object};
        if (random_below(state, 3) == 0)
            plan->acts[thread][count++] =
                (struct act){.what = random_below(state, 2) == 0 ? LOAD : STORE, .object = 0};
        plan->acts[thread][count++] =
            (struct act){.what = is_reader ? READ_UNLOCK : WRITE_UNLOCK, .object = object};
    }
    plan->counts[thread] = count;
}

static void readers_and_writers(void **state)
{
    struct tally tally = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        uint64_t random = seed * 104729;
        struct plan plan = {.threads = 2 + random_below(&random, THREADS_MAX - 1)};
        for (unsigned t = 0; t < plan.threads; t++)
            make_readers(&random, &plan, t, plan.threads == 2 ? 4 : 2);
        check(seed, &plan, &tally);
    }
    print_tally("readers and writers", &tally);
}

static void semaphores(void **state)
{
    (void)state;
    check_many("semaphores", KIND(UP) | KIND(DOWN) | KIND(STORE) | KIND(LOAD), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_alone),        cmocka_unit_test(locks_alone),
        cmocka_unit_test(locks_and_memory),    cmocka_unit_test(try_locks),
        cmocka_unit_test(readers_and_writers), cmocka_unit_test(semaphores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
