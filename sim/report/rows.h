/*
 * sim/report/rows.h - the JSON lines of --json: one object a line, the last one the summary.
 *
 * Seeds and hashes are strings of hexadecimal digits, because not every reader of JSON keeps 64
 * bits. Seconds are decimals with three places.
 *
 * Threads: one; between runs.
 */
#ifndef SIM_REPORT_ROWS_H
#define SIM_REPORT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/sched/sched.h"

/* A finding as a program wants it; texts symbolised. */
struct row_finding {
    enum finding_kind kind;
    const char *title;
    uint64_t schedule;      /* the trial's number */
    uint64_t seed;          /* of the run itself */
    const char *reproducer; /* NULL: none was written */
    uint64_t count;         /* how many schedules ended so */
};

struct search_extent;
struct sketch;

struct row_summary {
    const char *target;
    const char *strategy;
    uint64_t seed; /* of the campaign */
    uint64_t schedules;
    uint64_t points;
    uint64_t elapsed_ns;
    const struct search_extent *extent; /* of an exhaustive search; NULL: none */
    const struct sketch *sketch;        /* of the behaviours; NULL: not wanted */
    const char *const *marks;           /* that were passed; with the sketch */
    size_t mark_count;
    const struct row_finding *findings;
    size_t finding_count;
};

struct row_plant {
    const char *id;
    const char *slug;
    bool is_found;
    uint64_t schedules;
    uint64_t elapsed_ns;
    enum finding_kind kind; /* NONE when not found */
    const char *title;      /* NULL when not found */
    uint64_t seed;
    const struct row_shrunk *shrunk; /* NULL: it was not shrunk */
};

/* What shrinking came to. */
struct row_shrunk {
    const char *target;
    const char *title;
    const char *reproducer; /* the file written; NULL: none */
    size_t lines;           /* of the scenario, choices included */
    uint32_t preemptions;
    uint64_t runs;
    uint64_t elapsed_ns;
    bool is_minimal;
};

/* What decides a failing run. */
struct row_explained {
    const char *title;
    const char *kind;  /* "order", "choice", "always", "nothing" */
    const char *first; /* fails when this comes before `second`; NULL: no order */
    const char *second;
    bool is_same_object;
    uint64_t runs;
};

void rows_finding(FILE *out, const struct row_finding *finding);
void rows_summary(FILE *out, const struct row_summary *summary);
/* `result`'s finding is symbolised. */
void rows_run(FILE *out, const char *target, const struct run_result *result);
void rows_plant(FILE *out, const struct row_plant *plant);
void rows_explained(FILE *out, const struct row_explained *explained);
void rows_shrunk(FILE *out, const struct row_shrunk *shrunk);

#endif
