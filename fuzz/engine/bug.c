/*
 * fuzz/engine/bug.c - where core goes when it is wrong about itself: a finding. Only for targets
 * without a simulator, which has its own: hence weak.
 *
 * Threads: any.
 */
#include <stdio.h>

#include "core/base/attr.h"
#include "fuzz/engine/finding.h"

__attribute__((weak)) NORETURN void core_bug(const char *file, int line, const char *func,
                                             const char *expr)
{
    char title[512];

    fprintf(stderr, "%s:%d\n", file, line);
    snprintf(title, sizeof(title), "assert: %s in %s", expr, func);
    finding_abort(title);
}
