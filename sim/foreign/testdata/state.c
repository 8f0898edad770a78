/*
 * state.c - everything that a program can leave behind: a second run that finds any of it aborts.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE_BYTES = 4 << 20, STRIDE_BYTES = 40000 };

static int run_count;
static char large[LARGE_BYTES]; /* more than is written back whole */
static char *early;             /* from a constructor */
static _Thread_local int thread_count = 5;
static char here_before[4096];

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "left over: %s\n", #condition);                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

__attribute__((constructor)) static void construct(void)
{
    early = malloc(100);
    strcpy(early, "fresh");
    printf("constructed\n");
}

__attribute__((destructor)) static void destruct(void)
{
    printf("destructed\n");
}

static void at_exit(void)
{
    printf("at exit\n");
    free(early);
}

static void *work(void *arg)
{
    EXPECT(thread_count == 5 && errno == 0);
    thread_count++;
    errno = EPERM;
    return arg;
}

static void change_memory(void)
{
    EXPECT(run_count == 0);
    run_count++;
    EXPECT(strcmp(early, "fresh") == 0);
    early[0] = 'F';
    for (size_t i = 0; i < LARGE_BYTES; i += STRIDE_BYTES) {
        EXPECT(large[i] == 0);
        large[i] = 1;
    }
    EXPECT(thread_count == 5);
    thread_count = 6;
    errno = EPERM;
}

static void change_process(int argc, char **argv)
{
    char here[4096];

    EXPECT(getenv("HEDDLE_TEST_STATE") == NULL);
    setenv("HEDDLE_TEST_STATE", "1", 1);
    unsetenv("PATH");
    EXPECT(getcwd(here, sizeof(here)) != NULL && strcmp(here, "/") != 0);
    EXPECT(here_before[0] == '\0');
    strcpy(here_before, here);
    EXPECT(chdir("/") == 0);
    EXPECT(umask(077) != 077);
    EXPECT(strcmp(setlocale(LC_ALL, NULL), "C") == 0);
    (void)setlocale(LC_ALL, "C.UTF-8");
    EXPECT(optind == 1);
    while (getopt(argc, argv, "ab:") != -1)
        continue;
    static char words[] = "left right";
    EXPECT(strcmp(strtok(words, " "), "left") == 0);
    for (int i = rand() % 8; i > 0; i--)
        sched_yield(); /* another number would be another path */
}

int main(int argc, char **argv)
{
    pthread_t thread;

    atexit(at_exit);
    change_memory();
    change_process(argc, argv);
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    fprintf(stderr, "to stderr\n");
    if (write(STDOUT_FILENO, "by write\n", 9) != 9)
        return 1;
    dprintf(STDOUT_FILENO, "by %s\n", "dprintf");
    EXPECT(getchar() == EOF);
    printf("without an end");
    return 0;
}
