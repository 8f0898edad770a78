/*
 * condvar_if.c - who waited for a condition believes that it holds.
 *
 * A producer makes two items, two consumers take one each.
 *
 * Wrong: a consumer waits; an item comes, and it is signalled; before it has the lock again the
 * other consumer takes the item. The first one returns from the wait and takes what is not
 * there.
 *
 * Right (-DFIXED): it looks again, in a loop.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_item = PTHREAD_COND_INITIALIZER;
static int items;

static void *produce(void *arg)
{
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&lock);
        items++;
        pthread_cond_signal(&has_item);
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static void *consume(void *arg)
{
    pthread_mutex_lock(&lock);
#ifdef FIXED
    while (items == 0)
#else
    if (items == 0)
#endif
        pthread_cond_wait(&has_item, &lock);
    assert(items > 0);
    items--;
    pthread_mutex_unlock(&lock);
    return arg;
}

int main(void)
{
    pthread_t producer, one, other;

    pthread_create(&one, NULL, consume, NULL);
    pthread_create(&other, NULL, consume, NULL);
    pthread_create(&producer, NULL, produce, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    pthread_join(producer, NULL);
    return 0;
}
