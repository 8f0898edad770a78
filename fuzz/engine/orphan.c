/*
 * fuzz/engine/orphan.c - what AFL++'s fork server runs ends with it. It waits for its next input
 * stopped, and would stay so for ever when AFL++ was killed.
 *
 * Threads: main.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

static void end_with_parent(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

__attribute__((constructor)) static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, end_with_parent) != 0)
        abort();
}
