/*
 * sim/cc/process.c - see process.h.
 */
#include "sim/cc/process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* `out`: its stdout, -1: ours. */
static pid_t start(const struct words *command, int out)
{
    const pid_t child = fork();

    if (child != 0)
        return child;
    if (out >= 0) {
        const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
            dup2(nothing, STDERR_FILENO) < 0)
            _exit(127);
    }
    (void)execv(command->items[0], (char *const *)(const void *)command->items);
    _exit(127);
}

static int end(pid_t child)
{
    int status = 0;

    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int process_run(const struct words *command)
{
    return end(start(command, -1));
}

char *process_read(const struct words *command, size_t *len)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    const pid_t child = start(command, ends[1]);
    (void)close(ends[1]);
    char *text = child < 0 ? NULL : words_read_file(words_format("/dev/fd/%d", ends[0]), len);
    (void)close(ends[0]);
    (void)end(child);
    return text;
}
