/*
 * sim/bench/programs.c - three small programs under a random walk, as other tools measure them.
 *
 * (a) two threads take and give one mutex ten times each; (b) Dekker's mutual exclusion for three
 * threads, two rounds, sequentially consistent; (c) three threads drop a reference. Plus a mix of
 * about 26 points that stands for a small foreign program.
 */
#include <pthread.h>
#include <stdio.h>

#include "core/base/atomic.h"
#include "sim/bench/bench.h"
#include "sim/posix/program.h"
#include "sim/sched/sched.h"
#include "sim/sched/strategy.h"

enum { THREADS_MAX = 3 };

static struct {
    pthread_mutex_t mutex;
    _Atomic int flags[THREADS_MAX];
    _Atomic int references;
    int value;
    bool is_freed;
} shared;

/* Runs `body` on `count` threads and joins them. */
static void run_threads(void *(*body)(void *), uintptr_t count)
{
    pthread_t threads[THREADS_MAX];

    for (uintptr_t i = 0; i < count; i++)
        (void)pthread_create(&threads[i], NULL, body, (void *)i);
    for (uintptr_t i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
}

static void *lock_ten_times(void *arg)
{
    for (int i = 0; i < 10; i++) {
        pthread_mutex_lock(&shared.mutex);
        shared.value++;
        pthread_mutex_unlock(&shared.mutex);
    }
    return arg;
}

static int program_mutex(void *arg)
{
    (void)arg;
    pthread_mutex_init(&shared.mutex, NULL);
    run_threads(lock_ten_times, 2);
    return 0;
}

static void *dekker(void *arg)
{
    uintptr_t me = (uintptr_t)arg;

    for (int round = 0; round < 2; round++) {
        bool is_alone = true;
        atom_store_seq_cst(&shared.flags[me], 1);
        for (uintptr_t i = 0; i < THREADS_MAX; i++)
            is_alone &= i == me || atom_load_seq_cst(&shared.flags[i]) == 0;
        if (is_alone)
            shared.value++;
        atom_store_seq_cst(&shared.flags[me], 0);
    }
    return arg;
}

static int program_dekker(void *arg)
{
    (void)arg;
    run_threads(dekker, 3);
    return 0;
}

static void *drop(void *arg)
{
    if (atom_fetch_sub(&shared.references, 1, memory_order_acq_rel) == 1)
        shared.is_freed = true;
    return arg;
}

static int program_reference(void *arg)
{
    (void)arg;
    atomic_store(&shared.references, 3);
    run_threads(drop, 3);
    return 0;
}

static void *mixed(void *arg)
{
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&shared.mutex);
        int seen = atom_load(&shared.references);
        atom_store(&shared.references, seen + 1);
        pthread_mutex_unlock(&shared.mutex);
    }
    return arg;
}

static int program_mixed(void *arg)
{
    (void)arg;
    pthread_mutex_init(&shared.mutex, NULL);
    run_threads(mixed, 2);
    return 0;
}

static void measure(const char *name, int (*program)(void *arg), double budget)
{
    struct strategy_spec strategy = {.ops = &strategy_random};
    struct run_spec spec = {.strategy = &strategy, .step_cost_ns = 100, .steps_max = 100000};
    struct run_result result;
    uint64_t runs = 0;
    uint64_t steps = 0;
    double begin = bench_now_s();
    double elapsed;

    do {
        for (int i = 0; i < 1000; i++) {
            spec.source = (struct choice_source){.kind = CHOICE_FROM_SEED, .seed = ++runs};
            program_run(program, NULL, &spec, &result);
            steps += result.steps;
        }
        elapsed = bench_now_s() - begin;
    } while (elapsed < bench_options.seconds);
    char detail[64];
    (void)snprintf(detail, sizeof(detail), "%.1f points a run", (double)steps / (double)runs);
    bench_row("programs", name, (double)runs / elapsed, "runs/s", budget, detail);
}

void bench_programs(void)
{
    measure("(a) 2 threads x 10 lock and unlock", program_mutex, 1000000);
    measure("(b) 3-thread Dekker, 2 rounds", program_dekker, 1300000);
    measure("(c) 3 threads drop a reference", program_reference, 6500000);
    measure("mixed: 2 threads, lock, load, store", program_mixed, 1000000);
}
