/*
 * token_ring.c - three stations hand on a value around a ring, a fourth thread watches.
 *
 * Each station reads its neighbour and writes its own value, once, under the lock. The watcher
 * states that the three values are never all the same.
 *
 * Wrong: the stations act in the order of the ring before the watcher looks; nothing forbids
 * it.
 *
 * Right (-DFIXED): the watcher takes its look before the token is let go.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { STATIONS = 3 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int value[STATIONS] = {1, 2, 1};

static void *hand_on(void *arg)
{
    uintptr_t me = (uintptr_t)arg;

    pthread_mutex_lock(&lock);
    /* The first station counts the laps. */
    value[me] = me == 0 ? value[STATIONS - 1] + 1 : value[me - 1];
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void *watch(void *arg)
{
    pthread_mutex_lock(&lock);
    assert(value[0] != value[1] || value[1] != value[2]);
    pthread_mutex_unlock(&lock);
    return arg;
}

int main(void)
{
    pthread_t watcher, stations[STATIONS];

    pthread_create(&watcher, NULL, watch, NULL);
#ifdef FIXED
    pthread_join(watcher, NULL);
#endif
    for (uintptr_t i = 0; i < STATIONS; i++)
        pthread_create(&stations[i], NULL, hand_on, (void *)i);
    for (int i = 0; i < STATIONS; i++)
        pthread_join(stations[i], NULL);
#ifndef FIXED
    pthread_join(watcher, NULL);
#endif
    return 0;
}
