/*
 * sim/search/trial.h - what run number N of a campaign is: its strategy and its seed.
 *
 * Both derive from the campaign seed, the number, and what the campaign's first runs showed, which
 * every shard and every replay finds out for itself (search.h). So any run replays by itself and
 * any shard of the numbers is meaningful.
 *
 * A campaign with the portfolio opens with runs that draw nothing: one where everybody is in the
 * middle of something (`skewed`), one where the first comes last (`late`), the dull base run, which
 * is noted for the strategies that aim, and the most promising plans made from it (`period`), in
 * turn with draws of `surw` and `rff`. Then
 * each arm of the portfolio runs a few times, and after that by shares: a floor for each, so that
 * nothing is lost that one of them alone finds, and the rest by what they showed. All the while one
 * run in eight takes the next plan, until there is none.
 *
 * With one fixed strategy number 0 is the dull base run and every other uses that strategy.
 *
 * A seed of the portfolio names its strategy too: the number of the run in the opening (dull is 0),
 * of the plan, or in the lowest byte that of the arm.
 *
 * Threads: any; pure.
 */
#ifndef SIM_SEARCH_TRIAL_H
#define SIM_SEARCH_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/choice/choice.h"
#include "sim/sched/strategy.h"

enum {
    TRIAL_ARMS = 11,
    TRIAL_BASE = 2, /* number of the dull run of a portfolio */
    TRIAL_PLANS = 6,
    TRIAL_LEARN_FIRST = TRIAL_BASE + 1 + 2 * TRIAL_PLANS,
    TRIAL_LEARN_ROUNDS = 3,
    TRIAL_LEARN_END = TRIAL_LEARN_FIRST + TRIAL_ARMS * TRIAL_LEARN_ROUNDS,
    TRIAL_SHARES = 1000,
    TRIAL_FLOOR = 30, /* of TRIAL_SHARES, for each arm */
};

struct trial {
    uint64_t campaign_seed;
    uint64_t number;
    uint64_t seed; /* of this run's choices */
    struct strategy_spec strategy;
    bool is_settled; /* false: what the first runs showed may still change the strategy */
};

/* What a campaign's first runs showed. */
struct trial_lessons {
    uint32_t plan_count;         /* of the base run; 0 when not known or none */
    uint32_t shares[TRIAL_ARMS]; /* sum TRIAL_SHARES */
};

/* Nothing is known: the shares that suit most programs, any number of plans. */
void trial_lessons_init(struct trial_lessons *lessons);

/* The shares from what each arm brought for its cost; all 0 leaves them as they are. */
void trial_lessons_learn(struct trial_lessons *lessons, const uint64_t scores[TRIAL_ARMS]);

/* `fixed` NULL: the portfolio. `lessons` NULL: not known yet, and is_settled tells whether it
 * matters. */
void trial_derive(uint64_t campaign_seed, uint64_t number, const struct strategy_spec *fixed,
                  struct trial *out);
void trial_derive_learned(uint64_t campaign_seed, uint64_t number,
                          const struct strategy_spec *fixed, const struct trial_lessons *lessons,
                          struct trial *out);

/* The arm that a trial to learn from runs, below TRIAL_ARMS. */
uint32_t trial_learn_arm(uint64_t number);

/* Whether the trial is the noted dull run, from which the others' plans are made. */
bool trial_is_base(const struct trial *trial);

/* Whether the run draws nothing: every choice is dull but that of threads. */
bool trial_is_drawless(const struct trial *trial);

/* The run that has this seed, whichever campaign it belongs to; seed 0 is the dull run. Its number
 * is not known: TRIAL_UNNUMBERED. */
#define TRIAL_UNNUMBERED UINT64_MAX
void trial_of_seed(uint64_t seed, const struct strategy_spec *fixed, struct trial *out);

#endif
