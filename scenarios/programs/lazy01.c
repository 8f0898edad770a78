/*
 * lazy01.c - one mutex, nothing races, and yet the order is not the one that was meant.
 *
 * A thread reports how much is left to do, before two others do it. That "before" is only a
 * habit.
 *
 * Wrong: both workers have been when the reporter gets the lock.
 *
 * Right (-DFIXED): the workers start when the report is out.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int done;

static void *report(void *arg)
{
    pthread_mutex_lock(&lock);
    assert(done < 3 && "there is something left to report");
    pthread_mutex_unlock(&lock);
    return arg;
}

static void *work(void *arg)
{
    pthread_mutex_lock(&lock);
    done += 1;
    pthread_mutex_unlock(&lock);
    return arg;
}

static void *work_double(void *arg)
{
    pthread_mutex_lock(&lock);
    done += 2;
    pthread_mutex_unlock(&lock);
    return arg;
}

int main(void)
{
    pthread_t reporter, worker, double_worker;

    pthread_create(&reporter, NULL, report, NULL);
#ifdef FIXED
    pthread_join(reporter, NULL);
#endif
    pthread_create(&worker, NULL, work, NULL);
    pthread_create(&double_worker, NULL, work_double, NULL);
#ifndef FIXED
    pthread_join(reporter, NULL);
#endif
    pthread_join(worker, NULL);
    pthread_join(double_worker, NULL);
    assert(done == 3);
    return 0;
}
