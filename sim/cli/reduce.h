/*
 * sim/cli/reduce.h - a finding of a subject shrunk, and written as a reproducer.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_REDUCE_H
#define SIM_CLI_REDUCE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/cli/rerun.h"
#include "sim/cli/subject.h"
#include "sim/shrink/shrink.h"

struct buffer;

struct reduce {
    struct subject *subject;          /* aimed at the shrunk scenario afterwards */
    const struct rerun_plan *failing; /* the run to shrink */
    uint64_t time_ns_max;
    bool has_progress; /* a line on stderr, when that is a terminal */
    /* Filled: */
    char title[FINDING_TITLE_BYTES]; /* what was shrunk; empty when the run ends in nothing */
    struct shrink_result result;     /* reduce_fini() */
};

/* False when the run ends in nothing, or its recording does not end in the same. */
bool reduce_run(struct reduce *reduce);
void reduce_fini(struct reduce *reduce);

/* What became of a trial that was shrunk in a process of its own. */
struct reduced {
    bool is_good; /* it was shrunk, and its reproducer ends in the same title */
    bool is_minimal;
    size_t lines;
    uint32_t preemptions;
    uint64_t run_count;
    uint64_t elapsed_ns;
    char title[FINDING_TITLE_BYTES];
};

/* Shrinks `trial` of `subject`, which has not run in this process, and writes the reproducer to
 * `path` (NULL: nowhere). False after a message when the process died. */
bool reduce_apart(struct subject *subject, const struct trial *trial, uint64_t time_ns_max,
                  const char *path, struct reduced *out);

/* Appends the reproducer's text; `rerun` (caller's, rerun_init was not called) becomes the shrunk
 * run. False after a message. */
bool reduce_print(struct reduce *reduce, struct rerun *rerun, struct buffer *out);

#endif
