/*
 * rwlock_starvation.c - a writer waits for ever while readers come and go.
 *
 * A lock for readers and writers made of a mutex and a condition. The writer is patient: it
 * lets every reader pass once more after it came.
 *
 * Wrong: readers enter without regard for a writer that waits. As long as one comes before the
 * last one has left, the count never drops to zero, and the writer starves.
 *
 * Right (-DFIXED): readers that come later wait for the writer.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { READERS = 2, ROUNDS = 3 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int readers;
static int overtakers;
static bool is_writer_waiting;

static void begin_reading(void)
{
    pthread_mutex_lock(&lock);
#ifdef FIXED
    while (is_writer_waiting)
        pthread_cond_wait(&changed, &lock);
#endif
    overtakers += is_writer_waiting;
    readers++;
    pthread_mutex_unlock(&lock);
}

static void end_reading(void)
{
    pthread_mutex_lock(&lock);
    if (--readers == 0)
        pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void *read_often(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        begin_reading();
        end_reading();
    }
    return arg;
}

static void *write_once(void *arg)
{
    pthread_mutex_lock(&lock);
    is_writer_waiting = true;
    while (readers > 0)
        pthread_cond_wait(&changed, &lock);
    assert(overtakers <= READERS && "the writer starves");
    is_writer_waiting = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return arg;
}

int main(void)
{
    pthread_t writer, reader[READERS];

    for (int i = 0; i < READERS; i++)
        pthread_create(&reader[i], NULL, read_often, NULL);
    pthread_create(&writer, NULL, write_once, NULL);
    for (int i = 0; i < READERS; i++)
        pthread_join(reader[i], NULL);
    pthread_join(writer, NULL);
    return 0;
}
