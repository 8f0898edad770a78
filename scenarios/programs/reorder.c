/*
 * reorder.c N - N threads set a pair of values, one thread reads the pair.
 *
 * Every setter writes `first`, then `second`; the checker believes that who sees the first one
 * set also sees the second.
 *
 * Wrong: a setter stops between its two writes, no other setter has ended, and the checker
 * looks. The larger N is, the less likely is that none of them has ended: the checker is
 * created last.
 *
 * Right (-DFIXED): a lock around both writes, and around both reads.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

enum { SETTERS_MAX = 200 };

static int first;
static int second;
#ifdef FIXED
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#endif

static void *set(void *arg)
{
#ifdef FIXED
    pthread_mutex_lock(&lock);
#endif
    first = 1;
    second = -1;
#ifdef FIXED
    pthread_mutex_unlock(&lock);
#endif
    return arg;
}

static void *check(void *arg)
{
#ifdef FIXED
    pthread_mutex_lock(&lock);
#endif
    assert(first == 0 || second == -1);
#ifdef FIXED
    pthread_mutex_unlock(&lock);
#endif
    return arg;
}

int main(int argc, char **argv)
{
    static pthread_t setters[SETTERS_MAX];
    pthread_t checker;
    int count = argc > 1 ? atoi(argv[1]) : 3;

    if (count < 1 || count > SETTERS_MAX)
        return 2;
    for (int i = 0; i < count; i++)
        pthread_create(&setters[i], NULL, set, NULL);
    pthread_create(&checker, NULL, check, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(setters[i], NULL);
    pthread_join(checker, NULL);
    return 0;
}
