/*
 * sim/race/agreement.c - the litmus programs on threads of their own, for clang's TSan to judge:
 * see agreement.sh.
 *
 *     agreement list          NAME<tab>TITLE, or NAME<tab> for a correct program
 *     agreement run NUMBER    the program with that place in the list, once
 *
 * Threads: those of the programs; this is a native process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/race/litmus_posix.h"

static size_t count(void)
{
    return litmus_posix_count + litmus_memory_count;
}

static const struct litmus_posix *at(size_t index)
{
    return index < litmus_posix_count ? &litmus_posix_table[index]
                                      : &litmus_memory_table[index - litmus_posix_count];
}

static int list(void)
{
    for (size_t i = 0; i < count(); i++)
        printf("%s\t%s\n", at(i)->name, at(i)->title == NULL ? "" : at(i)->title);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list();
    size_t index = argc == 3 ? strtoull(argv[2], NULL, 10) : count();
    if (index >= count()) {
        fprintf(stderr, "usage: agreement list | run NUMBER\n");
        return 2;
    }
    return at(index)->main(NULL);
}
