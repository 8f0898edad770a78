/*
 * sim/cli/rerun.h - one run again, recorded, with its texts symbolised.
 *
 * Owner: the command; one at a time in a process.  Threads: one.
 */
#ifndef SIM_CLI_RERUN_H
#define SIM_CLI_RERUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/cli/subject.h"
#include "sim/report/trace.h"
#include "sim/search/trial.h"

struct rerun {
    struct trace trace;
    struct run_result result;
    struct choice_deviation *deviations; /* made by the run; heap */
    size_t deviation_count;
    /* A recording's choices that nothing asked for, and the first of them. */
    size_t unused_count;
    struct choice_deviation unused_first;
};

/* What to run: a trial; or, when `trial` is NULL, a recording: `deviations`, or the schedule of the
 * subject's scenario when that is NULL too. */
struct rerun_plan {
    const struct subject *subject;
    const struct trial *trial;
    const struct choice_deviation *deviations;
    size_t deviation_count;
};

/* Runs and records. */
void rerun_init(struct rerun *rerun, const struct rerun_plan *plan);
void rerun_fini(struct rerun *rerun);

/* Only runs; nothing is recorded, texts are symbolised. */
void rerun_bare(const struct rerun_plan *plan, struct run_result *result);

/* Replaces addresses in the texts of a finding. */
void rerun_expand(struct finding *finding);

/* Records the run and writes a line for each of its steps. */
void rerun_write_steps(const struct rerun_plan *plan, FILE *out);

/* Records the run twice more and says on stderr where the two part, or that these two agree. */
void rerun_explain_difference(const struct rerun_plan *plan);

#endif
