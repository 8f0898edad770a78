#include "config.h"

#include <pthread.h>
#include <stdio.h>

#include "meter.h"

static void *tick(void *arg)
{
    meter_tick();
    return arg;
}

int main(void)
{
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, tick, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf(PACKAGE_NAME " shows %d\n", meter_value());
    return meter_value() == 2 ? 0 : 7;
}
