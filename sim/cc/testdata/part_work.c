/* The same in two parts: this one has the counter. */
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int counter;

void *add_one(void *arg);
int count(void);

void *add_one(void *arg)
{
    pthread_mutex_lock(&lock);
    int seen = counter;
    pthread_mutex_unlock(&lock);
    pthread_mutex_lock(&lock);
    counter = seen + 1;
    pthread_mutex_unlock(&lock);
    return arg;
}

int count(void)
{
    return counter;
}
