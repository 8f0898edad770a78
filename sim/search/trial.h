/*
 * sim/search/trial.h - what run number N of a campaign is: its strategy and its seed.
 *
 * Both derive from the campaign seed and the number alone, so any run replays by itself and any
 * shard of the numbers is meaningful. Number 0 is the dull base run, which also measures the length
 * that PCT draws its change points over.
 *
 * Threads: any; pure.
 */
#ifndef SIM_SEARCH_TRIAL_H
#define SIM_SEARCH_TRIAL_H

#include <stdint.h>

#include "sim/choice/choice.h"
#include "sim/sched/strategy.h"

struct trial {
    uint64_t campaign_seed;
    uint64_t number;
    uint64_t seed; /* of this run's choices */
    struct strategy_spec strategy;
};

/* `fixed` NULL: the portfolio; otherwise every trial but number 0 uses it. */
void trial_derive(uint64_t campaign_seed, uint64_t number, const struct strategy_spec *fixed,
                  struct trial *out);

/* The run that has this seed, whichever campaign it belongs to; seed 0 is the dull run. Its number
 * is not known: TRIAL_UNNUMBERED, or 0 for the dull one. */
#define TRIAL_UNNUMBERED UINT64_MAX
void trial_of_seed(uint64_t seed, const struct strategy_spec *fixed, struct trial *out);

#endif
