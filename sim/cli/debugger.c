/*
 * sim/cli/debugger.c - see debugger.h. The commands are gdb/heddle.py.
 */
#include "sim/cli/debugger.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/cli.h"
#include "sim/foreign/foreign.h"
#include "sim/sched/sched.h"

#define ARMED_VARIABLE "HEDDLE_GDB"
#define STEP_VARIABLE "HEDDLE_GDB_STEP"
#define SCRIPT_VARIABLE "HEDDLE_GDB_SCRIPT"

enum { WORDS_MAX = 300 };

extern const char gdb_script[]; /* made from gdb/heddle.py */

bool debugger_is_armed;

/* Read and written by the debugger: by name, in whatever binary. */
volatile uint64_t heddle_debug_stop_step;
void heddle_debug_stop(void);

/* Where the debugger has its breakpoint. */
__attribute__((noinline)) void heddle_debug_stop(void)
{
    __asm__ volatile("" ::: "memory");
}

static bool write_script(char *path, size_t path_bytes)
{
    const char *folder = getenv("TMPDIR");

    snprintf(path, path_bytes, "%s/heddle-XXXXXX.py", folder == NULL ? "/tmp" : folder);
    const int fd = mkstemps(path, 3);
    if (fd < 0)
        return false;
    const ssize_t len = (ssize_t)strlen(gdb_script);
    const bool is_good = write(fd, gdb_script, (size_t)len) == len;
    return (close(fd) == 0) & is_good;
}

int debugger_start(const char *command, int argc, char *const *argv)
{
    static char script[PATH_MAX];
    static char self[PATH_MAX];
    const char *words[WORDS_MAX] = {"gdb", "-q", "-nx", "-x", script, "--args", self, command};
    size_t count = 8;

    const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len < 0 || argc + 10 > WORDS_MAX || !write_script(script, sizeof(script))) {
        cli_say("--gdb: cannot write gdb's commands: %s", strerror(errno));
        return CLI_CANNOT;
    }
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--gdb") != 0)
            words[count++] = argv[i];
    if (setenv(ARMED_VARIABLE, "1", 1) != 0 || setenv(SCRIPT_VARIABLE, script, 1) != 0 ||
        (foreign_is_here() && setenv(FOREIGN_VARIABLE, "1", 1) != 0))
        abort();
    (void)execvp("gdb", (char *const *)(uintptr_t)words);
    cli_say("--gdb: cannot start gdb: %s", strerror(errno));
    unlink(script);
    return CLI_CANNOT;
}

bool debugger_arm(void)
{
    const char *step = getenv(STEP_VARIABLE);

    debugger_is_armed = getenv(ARMED_VARIABLE) != NULL;
    if (step != NULL)
        heddle_debug_stop_step = strtoull(step, NULL, 10);
    if (debugger_is_armed)
        finding_noted = heddle_debug_stop;
    return debugger_is_armed;
}

void debugger_step(uint64_t step)
{
    if (step == heddle_debug_stop_step)
        heddle_debug_stop();
}
