/*
 * fuzz/engine/finding.h - how a target says that its property does not hold.
 *
 * Threads: any.
 */
#ifndef FUZZ_ENGINE_FINDING_H
#define FUZZ_ENGINE_FINDING_H

#include "core/base/attr.h"

/* Prints "finding: TITLE" and aborts, which every engine keeps as a crash. The title names the
 * property, not the input: equal titles are one finding. */
NORETURN void finding_abort(const char *title);

/* The property that a target checks, named by what it wants: FINDING_UNLESS(a == b, "h1: a = b").
 */
#define FINDING_UNLESS(condition, title)                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            finding_abort(title);                                                                  \
    } while (0)

#endif
