#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/drive/drive.h"

enum { POLL_NS = 20000000, EXEC_FAILED = 127, CHILDREN_BYTES = 4096 };

/* Behind an interrupt. */
#define HURRY_NS_MAX NS_PER_S

static pid_t watched; /* 0: nobody */

void child_watch_parent(void)
{
    watched = getppid();
}

uint64_t drive_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void drive_setenv(const char *name, const char *value)
{
    if (setenv(name, value, 0) != 0)
        abort();
}

void drive_set_sanitizers(void)
{
    drive_setenv("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1");
    drive_setenv("TSAN_OPTIONS", "halt_on_error=1:exitcode=77");
    drive_setenv("ASAN_OPTIONS", "exitcode=77:dedup_token_length=3");
}

pid_t child_start(const char *const *args, const struct child_io *io)
{
    const pid_t self = getpid();

    /* Whom it leaves behind becomes a child of ours. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    /* What is killed cannot end the session in an orderly way. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self)
        _exit(EXEC_FAILED);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int out = io->out < 0 ? null : io->out;
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(out, STDERR_FILENO) < 0)
        _exit(EXEC_FAILED);
    if (io->is_new)
        setpgid(0, 0);
    execvp(args[0], (char *const *)args);
    _exit(EXEC_FAILED);
}

/* Workers of an engine are in its group. */
static void kill_all(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
}

/* The first child; 0: none. */
static pid_t first_child(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[CHILDREN_BYTES];
    bool is_there = file != NULL && fgets(line, sizeof(line), file) != NULL;

    if (file != NULL)
        fclose(file);
    return is_there ? (pid_t)strtol(line, NULL, 10) : 0;
}

/* AFL++'s fork server is of a session of its own, and what it runs may be stopped: when AFL++ is
 * killed nobody else would end them. Ending one brings those that it has started. */
void child_end_orphans(void)
{
    char path[64];
    pid_t pid;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    while ((pid = first_child(path)) > 0) {
        (void)kill(pid, SIGKILL);
        if (waitpid(pid, NULL, 0) < 0)
            return;
    }
}

bool child_is_over(pid_t pid, int *status)
{
    pid_t got;

    do {
        got = waitpid(pid, status, WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got == 0 && watched != 0 && (getppid() != watched || drive_is_interrupted())) {
        kill_all(pid);
        (void)waitpid(pid, status, 0);
        child_end_orphans();
        _exit(EXIT_CANNOT);
    }
    return got != 0;
}

int child_wait(pid_t pid, uint64_t limit_ns)
{
    uint64_t begun_ns = drive_now_ns();
    const struct timespec pause = {.tv_nsec = POLL_NS};
    bool is_hurried = false;
    int status = -1;

    while (!child_is_over(pid, &status)) {
        if (drive_is_interrupted() && !is_hurried) {
            is_hurried = true;
            begun_ns = drive_now_ns();
            limit_ns = limit_ns < HURRY_NS_MAX ? limit_ns : HURRY_NS_MAX;
        }
        if (drive_now_ns() - begun_ns > limit_ns) {
            kill_all(pid);
            (void)waitpid(pid, &status, 0);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return status;
}
