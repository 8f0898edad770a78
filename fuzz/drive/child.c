#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/drive/drive.h"

enum { POLL_NS = 20000000, EXEC_FAILED = 127 };

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
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    /* What is killed cannot end the session in an orderly way. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self)
        _exit(EXEC_FAILED);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int out = io->out < 0 ? null : io->out;
    if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
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

bool child_is_over(pid_t pid, int *status)
{
    pid_t got;

    do {
        got = waitpid(pid, status, WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got == 0 && watched != 0 && getppid() != watched) {
        kill_all(pid);
        _exit(EXIT_CANNOT);
    }
    return got != 0;
}

int child_wait(pid_t pid, uint64_t limit_ns)
{
    uint64_t begun_ns = drive_now_ns();
    const struct timespec pause = {.tv_nsec = POLL_NS};
    int status = -1;

    while (!child_is_over(pid, &status)) {
        if (drive_now_ns() - begun_ns > limit_ns) {
            kill_all(pid);
            (void)waitpid(pid, &status, 0);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return status;
}
