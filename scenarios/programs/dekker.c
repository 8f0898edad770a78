/*
 * dekker.c - Dekker's mutual exclusion, with orders that are too weak.
 *
 * Two threads count, each between lock() and unlock() made of three atomic variables.
 *
 * Wrong: the variables are relaxed. On a machine that keeps the order nothing happens, so no
 * assertion ever fails here; but neither the compiler nor the next machine has to keep it, and
 * nothing orders one thread's count before the other's. That is a data race, and is found as
 * one.
 *
 * Right (-DFIXED): sequentially consistent.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#ifdef FIXED
#define ORDER memory_order_seq_cst
#else
#define ORDER memory_order_relaxed
#endif

static _Atomic uintptr_t wants[2];
static _Atomic uintptr_t turn;
static int counter;

static void lock(uintptr_t me)
{
    atomic_store_explicit(&wants[me], 1, ORDER);
    while (atomic_load_explicit(&wants[1 - me], ORDER)) {
        if (atomic_load_explicit(&turn, ORDER) == me)
            continue;
        atomic_store_explicit(&wants[me], 0, ORDER);
        while (atomic_load_explicit(&turn, ORDER) != me)
            ;
        atomic_store_explicit(&wants[me], 1, ORDER);
    }
}

static void unlock(uintptr_t me)
{
    atomic_store_explicit(&turn, 1 - me, ORDER);
    atomic_store_explicit(&wants[me], 0, ORDER);
}

static void *count(void *arg)
{
    uintptr_t me = (uintptr_t)arg;

    lock(me);
    counter++;
    unlock(me);
    return NULL;
}

int main(void)
{
    pthread_t one, other;

    pthread_create(&one, NULL, count, (void *)0);
    pthread_create(&other, NULL, count, (void *)1);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(counter == 2);
    return 0;
}
