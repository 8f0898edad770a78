/* A futex by itself: whoever wakes does not change the word first, so the call may come too early.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_int word;

static void *wake(void *arg)
{
#ifndef PLANT
    atomic_store(&word, 1);
#endif
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    return arg;
}

int main(void)
{
    const struct timespec soon = {.tv_nsec = 1000};
    pthread_t thread;

    if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &soon, NULL, 0) == 0)
        return 7; /* nobody is there to wake */
    pthread_create(&thread, NULL, wake, NULL);
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    pthread_join(thread, NULL);
    return 0;
}
