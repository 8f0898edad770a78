/*
 * sim/shrink/attempt.h - one candidate run of a shrinking: does it end in the same title?
 *
 * Owner: the shrinker; one at a time in a process.  Threads: one; between runs.
 */
#ifndef SIM_SHRINK_ATTEMPT_H
#define SIM_SHRINK_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/search/search.h"

/* The choices of a run that were not dull. */
struct recording {
    struct choice_deviation *deviations; /* heap */
    size_t count;
    uint32_t
        preemptions; /* steps of others while the thread of the step before could have gone on */
};

struct attempt {
    const struct target *target;
    const char *title; /* wanted, symbolised */
    /* Replaces addresses in a finding's texts. */
    void (*expand)(struct finding *finding);
    uint64_t base_steps; /* length of the dull run */
    uint64_t run_count;  /* so far */
};

/* The target is another one now: measures its dull run. */
void attempt_aim(struct attempt *attempt, const struct target *target);

/* Runs a recording. True when it ends in the title; then `out` (may be `in`, may be NULL) is what
 * the run in fact did: recorded choices that nothing asked for are gone. */
bool attempt_recorded(struct attempt *attempt, const struct recording *in, struct recording *out);

/* Runs a seed under a strategy; likewise. */
bool attempt_seeded(struct attempt *attempt, const struct strategy_spec *strategy, uint64_t seed,
                    struct recording *out);

void recording_copy(const struct recording *from, struct recording *to);
void recording_fini(struct recording *recording);

#endif
