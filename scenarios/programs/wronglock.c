/*
 * wronglock.c N - one counter, and two locks that both claim to protect it.
 *
 * One thread counts under `lock`, N others count under `other_lock`.
 *
 * Wrong: the one reads the counter, one of the others counts, the first one writes: a count is
 * lost.
 *
 * Right (-DFIXED): there is one lock.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

enum { OTHERS_MAX = 200 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#ifndef FIXED
static pthread_mutex_t other_lock = PTHREAD_MUTEX_INITIALIZER;
#endif
static int counter;

static void *count(void *arg)
{
    pthread_mutex_lock(&lock);
    counter++;
    pthread_mutex_unlock(&lock);
    return arg;
}

static void *count_too(void *arg)
{
#ifdef FIXED
    count(arg);
#else
    pthread_mutex_lock(&other_lock);
    counter++;
    pthread_mutex_unlock(&other_lock);
#endif
    return arg;
}

int main(int argc, char **argv)
{
    static pthread_t others[OTHERS_MAX];
    pthread_t thread;
    int number = argc > 1 ? atoi(argv[1]) : 3;

    if (number < 1 || number > OTHERS_MAX)
        return 2;
    pthread_create(&thread, NULL, count, NULL);
    for (int i = 0; i < number; i++)
        pthread_create(&others[i], NULL, count_too, NULL);
    pthread_join(thread, NULL);
    for (int i = 0; i < number; i++)
        pthread_join(others[i], NULL);
    assert(counter == 1 + number);
    return 0;
}
