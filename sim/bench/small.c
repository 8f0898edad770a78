/*
 * sim/bench/small.c - see small.h.
 */
#include "sim/bench/small.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/atomic.h"

enum { FLAGS = 3, CROWD_THREADS = 100, THREADS_MAX = CROWD_THREADS };

static struct {
    pthread_mutex_t mutex;
    _Atomic int flags[FLAGS];
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

int small_mutex(void *arg)
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
        for (uintptr_t i = 0; i < FLAGS; i++)
            is_alone &= i == me || atom_load_seq_cst(&shared.flags[i]) == 0;
        if (is_alone)
            shared.value++;
        atom_store_seq_cst(&shared.flags[me], 0);
    }
    return arg;
}

int small_dekker(void *arg)
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

int small_reference(void *arg)
{
    (void)arg;
    atomic_store(&shared.references, 3);
    run_threads(drop, 3);
    return 0;
}

static void *mixed(void *arg)
{
    pthread_mutex_lock(&shared.mutex);
    int seen = atom_load(&shared.references);
    atom_store(&shared.references, seen + 1);
    atom_fetch_add(&shared.flags[0], 1, memory_order_relaxed);
    shared.value++;
    pthread_mutex_unlock(&shared.mutex);
    return arg;
}

int small_mixed(void *arg)
{
    (void)arg;
    atomic_store(&shared.references, 0);
    pthread_mutex_init(&shared.mutex, NULL);
    run_threads(mixed, 3);
    return 0;
}

int small_crowd(void *arg)
{
    (void)arg;
    atomic_store(&shared.references, CROWD_THREADS);
    run_threads(drop, CROWD_THREADS);
    return 0;
}

int small_empty(void *arg)
{
    (void)arg;
    return 0;
}
