/*
 * timer_close.c - a connection is closed while its timer fires.
 *
 * A timer thread marks the connection as idle when its time is up; the owner disarms the timer,
 * then closes and frees the connection. The request takes about as long as the time-out.
 *
 * Wrong: the timer sees that it is armed, lets go of the lock, and is held up. The owner
 * disarms it, too late, and frees the connection; the timer then writes to it.
 *
 * Right (-DFIXED): the timer keeps the lock while it touches the connection. Who has disarmed
 * it under the same lock knows that it is not inside.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

struct connection {
    bool is_idle;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection *armed;

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void *time_out(void *arg)
{
    sleep_ms(1);
    pthread_mutex_lock(&lock);
    struct connection *connection = armed;
#ifndef FIXED
    pthread_mutex_unlock(&lock);
#endif
    if (connection != NULL)
        connection->is_idle = true;
#ifdef FIXED
    pthread_mutex_unlock(&lock);
#endif
    return arg;
}

static void *serve(void *arg)
{
    struct connection *connection = arg;

    sleep_ms(1);
    pthread_mutex_lock(&lock);
    armed = NULL;
    pthread_mutex_unlock(&lock);
    free(connection);
    return NULL;
}

int main(void)
{
    pthread_t timer, server;

    armed = calloc(1, sizeof(*armed));
    if (armed == NULL)
        return 2;
    struct connection *connection = armed;
    pthread_create(&timer, NULL, time_out, NULL);
    pthread_create(&server, NULL, serve, connection);
    pthread_join(timer, NULL);
    pthread_join(server, NULL);
    return 0;
}
