/*
 * stack.c - push against pop, with one look that holds no lock.
 *
 * Two threads take what a third one pushes. Each first looks whether there is anything at all,
 * so as not to take the lock for nothing, and then believes what it saw.
 *
 * Wrong: both see the last element; one takes it; the other pops from an empty stack.
 *
 * Right (-DFIXED): under the lock it looks again.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { VALUES = 3 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int stack[VALUES];
static atomic_int height;

static void *push(void *arg)
{
    for (int i = 0; i < VALUES; i++) {
        pthread_mutex_lock(&lock);
        stack[height++] = i;
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static void *pop(void *arg)
{
    for (int i = 0; i < VALUES; i++) {
        if (height == 0)
            continue;
        pthread_mutex_lock(&lock);
#ifdef FIXED
        if (height > 0)
#endif
        {
            assert(height > 0 && "pop from an empty stack");
            stack[--height] = -1;
        }
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

int main(void)
{
    pthread_t pusher, first, second;

    pthread_create(&pusher, NULL, push, NULL);
    pthread_create(&first, NULL, pop, NULL);
    pthread_create(&second, NULL, pop, NULL);
    pthread_join(pusher, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    return 0;
}
