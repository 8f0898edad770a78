/*
 * deadlock01.c - two locks, taken crosswise.
 *
 * Wrong: each thread has taken its first lock before either takes its second.
 *
 * Right (-DFIXED): both take them in the same order.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t left = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t right = PTHREAD_MUTEX_INITIALIZER;
static int moved;

static void move(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    pthread_mutex_lock(second);
    moved++;
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}

static void *move_right(void *arg)
{
    move(&left, &right);
    return arg;
}

static void *move_left(void *arg)
{
#ifdef FIXED
    move(&left, &right);
#else
    move(&right, &left);
#endif
    return arg;
}

int main(void)
{
    pthread_t first, second;

    pthread_create(&first, NULL, move_right, NULL);
    pthread_create(&second, NULL, move_left, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    assert(moved == 2);
    return 0;
}
