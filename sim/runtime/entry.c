/*
 * sim/runtime/entry.c - where the simulator takes over a program that was linked with it.
 *
 * The linker sends the C start-up code here instead of to the program's main(). Started by itself
 * the program just runs.
 *
 * Owner: the process.  Threads: the first, before any other.
 */
#include <stdlib.h>

#include "sim/cli/cli.h"
#include "sim/foreign/foreign.h"

int __real_main(int argc, char **argv, char **envp);
int __wrap_main(int argc, char **argv, char **envp);

int __wrap_main(int argc, char **argv, char **envp)
{
    if (getenv(FOREIGN_VARIABLE) == NULL)
        return __real_main(argc, argv, envp);
    unsetenv(FOREIGN_VARIABLE);
    foreign_adopt(__real_main);
    return cli_main(argc, argv);
}
