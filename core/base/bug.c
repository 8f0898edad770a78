/*
 * core/base/bug.c - what a broken invariant does to the native server: it says where, and aborts.
 *
 * A simulated build gets core_bug() from the simulator.
 *
 * Threads: any.
 */
#include "core/base/attr.h"

#ifndef CORE_SIMULATED

#include <stdio.h>
#include <stdlib.h>

void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: broken invariant: %s\n", file, line, func, expr);
    abort();
}

#endif
