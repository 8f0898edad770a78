/*
 * sim/report/ci.h - findings in the formats that CI systems read: JUnit, SARIF 2.1.0, GitHub's
 * annotations.
 *
 * The records have no pointers: a worker process fills them in shared memory.
 *
 * Threads: one; between runs.
 */
#ifndef SIM_REPORT_CI_H
#define SIM_REPORT_CI_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/sched/sched.h"

struct buffer;

enum { CI_FINDINGS_MAX = 16, CI_PATH_BYTES = 512, CI_NAME_BYTES = 128 };

struct ci_finding {
    enum finding_kind kind;
    char title[FINDING_TITLE_BYTES]; /* symbolised, as the detail */
    char detail[FINDING_DETAIL_BYTES];
    char function[CI_NAME_BYTES]; /* where it showed; empty: not known */
    char file[CI_PATH_BYTES];
    uint32_t line;
    char reproducer[CI_PATH_BYTES]; /* empty: none was written */
    uint64_t schedule;
};

/* A target that was explored: a test case. */
struct ci_case {
    char target[CI_PATH_BYTES];
    char problem[CI_PATH_BYTES]; /* why it could not be judged; empty: it was */
    uint64_t schedules;
    uint64_t elapsed_ns;
    size_t finding_count;
    struct ci_finding findings[CI_FINDINGS_MAX];
};

/* JUnit's XML: a test case a target, a failure a finding, an error when it could not be judged. */
void ci_print_junit(const struct ci_case *cases, size_t count, struct buffer *out);

/* SARIF 2.1.0 (OASIS, 2020): a rule for each kind of finding with its CWE, a result a finding. */
void ci_print_sarif(const struct ci_case *cases, size_t count, struct buffer *out);

/* ::error lines, which GitHub's workflows show beside the code. */
void ci_print_github(const struct ci_case *cases, size_t count, FILE *out);

#endif
