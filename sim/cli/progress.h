/*
 * sim/cli/progress.h - one line that is rewritten while a search runs; nothing when piped.
 *
 * Owner: the caller.  Threads: one.
 */
#ifndef SIM_CLI_PROGRESS_H
#define SIM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool is_on;
    bool is_shown;
    unsigned width;
    uint64_t schedules_max; /* 0: no bound */
    uint64_t time_ns_max;   /* 0: no bound */
};

struct progress_state {
    uint64_t schedules;
    uint64_t behaviours;
    uint64_t findings;
    uint64_t elapsed_ns;
    uint64_t traces;   /* of an exhaustive search, */
    uint64_t estimate; /* and how many there are, about; 0 for others */
};

void progress_begin(struct progress *progress, uint64_t schedules_max, uint64_t time_ns_max);
void progress_show(struct progress *progress, const struct progress_state *state);
/* Wipes the line. */
void progress_end(struct progress *progress);

#endif
