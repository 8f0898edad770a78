/*
 * peterson.c - Peterson's mutual exclusion, with two stores in the wrong order.
 *
 * A thread says that it wants to enter, gives the other one precedence, and waits.
 *
 * Wrong: precedence first, then the wish. A thread gives precedence and is held up; the other
 * one gives it back, sees no wish, and enters; the first one wishes, has precedence, and enters
 * too.
 *
 * Right (-DFIXED): first the wish, then precedence.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

static _Atomic uintptr_t wants[2];
static _Atomic uintptr_t turn;
static atomic_int inside;
static int counter;

static void lock(uintptr_t me)
{
#ifdef FIXED
    atomic_store(&wants[me], 1);
    atomic_store(&turn, 1 - me);
#else
    atomic_store(&turn, 1 - me);
    atomic_store(&wants[me], 1);
#endif
    while (atomic_load(&wants[1 - me]) && atomic_load(&turn) != me)
        ;
}

static void unlock(uintptr_t me)
{
    atomic_store(&wants[me], 0);
}

static void *count(void *arg)
{
    uintptr_t me = (uintptr_t)arg;

    lock(me);
    assert(atomic_fetch_add(&inside, 1) == 0 && "nobody else is inside");
    counter++;
    atomic_fetch_sub(&inside, 1);
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
