/*
 * sim/cli/many.h - several targets one after another, each in a process of its own, and what came
 * of them in the formats that CI systems read.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_MANY_H
#define SIM_CLI_MANY_H

#include <stdbool.h>

#include "sim/cli/cli.h"
#include "sim/report/ci.h"

/* Where the reports go; NULL or false: not wanted. */
struct many_reports {
    const char *junit;
    const char *sarif;
    bool has_github;
};

/* Calls `explore` for each of `targets`, in a process of its own when there are several; it fills
 * `record` and returns the exit code. Returns the worst, after the reports are written. */
int many_run(const char *const *targets, size_t count, const struct many_reports *reports,
             int (*explore)(void *context, const char *target, struct ci_case *record),
             void *context);

/* What a finding is in a report; `finding` is symbolised. */
void many_note(struct ci_case *record, const struct finding *finding, uint64_t schedule,
               const char *reproducer);

#endif
