/*
 * sim/runtime/entry.c - where the simulator takes over a program that was linked with it.
 *
 * The linker sends the C start-up code here instead of to the program's main(). Started by itself
 * the program just runs.
 *
 * Owner: the process.  Threads: the first, before any other.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/cli.h"
#include "sim/foreign/foreign.h"
#include "sim/foreign/note.h"
#include "sim/posix/wrap_threads.h"

int __real_main(int argc, char **argv, char **envp);
int __wrap_main(int argc, char **argv, char **envp);

/* Kept by every linker and by strip: it is loaded with the program. */
__attribute__((section(".note.heddle"), used)) static const struct note note = {
    .name_bytes = sizeof(NOTE_NAME),
    .content_bytes = sizeof(note.version),
    .type = NOTE_TYPE,
    .name = NOTE_NAME,
    .version = NOTE_VERSION,
};

static bool is_taken_over;

/* Before every constructor, those of libc and of shared libraries included: environ is not there
 * yet. */
static void boot(int argc, char **argv, char **envp)
{
    static const char assignment[] = FOREIGN_VARIABLE "=";

    (void)argc, (void)argv;
    for (char **entry = envp; *entry != NULL; entry++)
        is_taken_over |= strncmp(*entry, assignment, sizeof(assignment) - 1) == 0;
    if (is_taken_over)
        foreign_boot();
}

/* Not const: the linker wants the section writable. */
__attribute__((section(".preinit_array"), used)) static void (*boot_entry)(int argc, char **argv,
                                                                           char **envp) = boot;

int __wrap_main(int argc, char **argv, char **envp)
{
    static bool is_under_way; /* main() may call main() in C */

    if (!is_taken_over || is_under_way)
        return __real_main(argc, argv, envp);
    is_under_way = true;
    unsetenv(FOREIGN_VARIABLE);
    unsetenv(FOREIGN_BIND_VARIABLE);
    foreign_adopt(__real_main);
    const int exit_code = cli_main(argc, argv);
    /* Not by exit(): the program's destructors are not ours to run. */
    (void)fflush(NULL);
    __real__exit(exit_code);
}
