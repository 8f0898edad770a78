/*
 * bluetooth_driver.c - a driver is stopped while a request enters it.
 *
 * `pending` counts the requests inside, plus one for the driver itself. The stopper sets
 * `is_stopping` and drops the driver's own count; when the last one is dropped, all is torn
 * down.
 *
 * Wrong: a request sees that nobody is stopping, the stopper runs from end to end, and only
 * then does the request count itself: it works in a driver that is gone.
 *
 * Right (-DFIXED): a request first counts itself, then looks; the stopper cannot miss it.
 */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_int pending = 1;
static atomic_bool is_stopping;
static atomic_bool is_stopped;
static sem_t nobody_inside;

static void leave(void)
{
    if (atomic_fetch_sub(&pending, 1) == 1)
        sem_post(&nobody_inside);
}

/* False when the driver takes no more requests. */
static bool enter(void)
{
#ifdef FIXED
    atomic_fetch_add(&pending, 1);
    if (atomic_load(&is_stopping)) {
        leave();
        return false;
    }
#else
    if (atomic_load(&is_stopping))
        return false;
    atomic_fetch_add(&pending, 1);
#endif
    return true;
}

static void *request(void *arg)
{
    if (enter()) {
        assert(!atomic_load(&is_stopped));
        leave();
    }
    return arg;
}

static void *stop(void *arg)
{
    atomic_store(&is_stopping, true);
    leave();
    sem_wait(&nobody_inside);
    atomic_store(&is_stopped, true);
    return arg;
}

int main(void)
{
    pthread_t requester, stopper;

    sem_init(&nobody_inside, 0, 0);
    pthread_create(&requester, NULL, request, NULL);
    pthread_create(&stopper, NULL, stop, NULL);
    pthread_join(requester, NULL);
    pthread_join(stopper, NULL);
    sem_destroy(&nobody_inside);
    return 0;
}
