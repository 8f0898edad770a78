/*
 * queue.c - a flag says that the queue may be drained, before all that belongs to it is
 * written.
 *
 * The filler queues values and notes each in a ledger; the drainer takes them off again and
 * compares. All of it under one lock, but queueing and noting are two critical sections.
 *
 * Wrong: the drainer comes between them and finds a value that the ledger does not have.
 *
 * Right (-DFIXED): a value is queued and noted in one critical section.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { VALUES = 4 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int queue[VALUES];
static int head;
static int tail;
static int ledger[VALUES];
static bool may_drain;

static void *fill(void *arg)
{
    for (int i = 0; i < VALUES; i++) {
        pthread_mutex_lock(&lock);
        queue[tail++] = i + 1;
        may_drain = true;
#ifndef FIXED
        pthread_mutex_unlock(&lock);
        pthread_mutex_lock(&lock);
#endif
        ledger[i] = i + 1;
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static void *drain(void *arg)
{
    for (int i = 0; i < VALUES; i++) {
        pthread_mutex_lock(&lock);
        if (may_drain) {
            assert(queue[head] == ledger[head]);
            may_drain = ++head < tail;
        }
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

int main(void)
{
    pthread_t filler, drainer;

    pthread_create(&filler, NULL, fill, NULL);
    pthread_create(&drainer, NULL, drain, NULL);
    pthread_join(filler, NULL);
    pthread_join(drainer, NULL);
    return 0;
}
