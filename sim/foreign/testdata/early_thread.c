/*
 * early_thread.c - a constructor starts a thread.
 */
#include <pthread.h>
#include <unistd.h>

static void *wait_for_ever(void *arg)
{
    for (;;)
        pause();
    return arg;
}

__attribute__((constructor)) static void construct(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, wait_for_ever, NULL);
}

int main(void)
{
    return 0;
}
