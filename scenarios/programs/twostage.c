/*
 * twostage.c N - N threads publish a value in two stages, under two locks; one thread reads
 * both.
 *
 * First the value under the first lock, then what follows from it under the second. Every
 * access holds the right lock: no data race.
 *
 * Wrong: a publisher stops between the stages, no other one has got through, and the reader
 * looks. The larger N is, the less likely is that none of them has got through: the reader is
 * created last.
 *
 * Right (-DFIXED): the first lock is kept until the second stage is done, by the reader too.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

enum { PUBLISHERS_MAX = 200 };

static pthread_mutex_t first_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second_lock = PTHREAD_MUTEX_INITIALIZER;
static int first;
static int second;

/* The first lock is let go here, or only at the end. */
static void unlock_first(int is_end)
{
#ifdef FIXED
    if (is_end)
        pthread_mutex_unlock(&first_lock);
#else
    if (!is_end)
        pthread_mutex_unlock(&first_lock);
#endif
}

static void *publish(void *arg)
{
    int value = 1;

    pthread_mutex_lock(&first_lock);
    first = value;
    unlock_first(0);
    pthread_mutex_lock(&second_lock);
    second = value + 1;
    pthread_mutex_unlock(&second_lock);
    unlock_first(1);
    return arg;
}

static void *check(void *arg)
{
    pthread_mutex_lock(&first_lock);
    int seen_first = first;
    unlock_first(0);
    if (seen_first != 0) {
        pthread_mutex_lock(&second_lock);
        int seen_second = second;
        pthread_mutex_unlock(&second_lock);
        assert(seen_second == seen_first + 1);
    }
    unlock_first(1);
    return arg;
}

int main(int argc, char **argv)
{
    static pthread_t publishers[PUBLISHERS_MAX];
    pthread_t checker;
    int count = argc > 1 ? atoi(argv[1]) : 2;

    if (count < 1 || count > PUBLISHERS_MAX)
        return 2;
    for (int i = 0; i < count; i++)
        pthread_create(&publishers[i], NULL, publish, NULL);
    pthread_create(&checker, NULL, check, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(publishers[i], NULL);
    pthread_join(checker, NULL);
    return 0;
}
