/*
 * ends.c - every way for a run to end before main() returns, in some schedules only. What the run
 * leaves half done must not be there in the next one: then the program ends with status 9.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int flag;
static int run_count;

static void *raise_flag(void *arg)
{
    atomic_store(&flag, 1);
    atomic_store(&flag, 0);
    return arg;
}

static void *call_free(void *arg)
{
    free(arg);
    return NULL;
}

static void end(const char *how, char *block)
{
    char *volatile nowhere = (char *)0x1234;
    void *volatile lost;

    if (strcmp(how, "printf") == 0)
        printf("a text, then %s\n", (char *)nowhere);
    else if (strcmp(how, "free") == 0)
        call_free(block), call_free(block);
    else if (strcmp(how, "wild") == 0)
        *nowhere = 1;
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "exit") == 0)
        exit(3);
    else if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    else if (strcmp(how, "leak") == 0)
        lost = malloc(24), lost = malloc(24), lost = NULL;
    else if (strcmp(how, "lock") == 0)
        flockfile(stdout), _exit(4);
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (run_count++ != 0)
        exit(9);
    pthread_create(&thread, NULL, raise_flag, NULL);
    char *volatile block = malloc(30); /* the compiler would do without it */
    flockfile(stdout);
    printf("begins\n");
    funlockfile(stdout);
    if (atomic_load(&flag) != 0)
        end(argc > 1 ? argv[1] : "", block);
    free(block);
    pthread_join(thread, NULL);
    printf("ends\n");
    return 0;
}
