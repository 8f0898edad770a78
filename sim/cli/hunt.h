/*
 * sim/cli/hunt.h - a search spread over processes, whose answer does not depend on how many.
 *
 * Each worker process takes every Jth trial. Its result lives in memory shared with this process,
 * which watches, stops workers that can no longer find anything earlier, and merges: the lowest
 * trial wins. With a budget of schedules the answer is the same for any number of jobs.
 *
 * Owner: the caller.  Threads: one; workers are made before this process runs anything itself.
 */
#ifndef SIM_CLI_HUNT_H
#define SIM_CLI_HUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/search/search.h"

enum { HUNT_JOBS_MAX = 256 };

struct hunt {
    const struct target *target;
    uint64_t seed;
    uint64_t schedules_max; /* trials below this number */
    uint64_t time_ns_max;
    const struct strategy_spec *strategy; /* NULL: the portfolio */
    unsigned jobs;
    uint32_t shard_index, shard_count; /* of the trials, this hunt's own; 0, 0 or 1 for all */
    uint64_t first;                    /* trials below are not run */
    bool keep_going;
    bool has_sketch;
    bool is_apart;     /* a process of its own even for a single job */
    uint32_t kinds;    /* bit set over enum finding_kind of what counts; 0: everything */
    bool has_progress; /* a line on stderr, when that is a terminal */
};

/* Findings are in order of their trials, titles symbolised, one of each title. False after a
 * message when a worker died: nothing can be said then. */
bool hunt_run(const struct hunt *hunt, struct search_result *result);

#endif
