/*
 * sim/search/trial.c - see trial.h.
 *
 * The shares follow what is known of the strategies: each alone leaves some program unsolved, PCT
 * wants several depths (deeper ones win more often than the usual 3), and few preemptions find
 * most.
 */
#include "sim/search/trial.h"

#include "sim/base/random.h"

struct arm {
    uint32_t share; /* of 100 */
    struct strategy_spec strategy;
};

static const struct arm portfolio[] = {
    {30, {.ops = &strategy_pos}},
    {8, {.ops = &strategy_pct, .depth = 2}},
    {8, {.ops = &strategy_pct, .depth = 3}},
    {7, {.ops = &strategy_pct, .depth = 5}},
    {7, {.ops = &strategy_pct, .depth = 10}},
    {15, {.ops = &strategy_random}},
    {10, {.ops = &strategy_sticky, .switch_ppm = 200000}},
    {10, {.ops = &strategy_sticky, .switch_ppm = 50000}},
    {5, {.ops = &strategy_sticky, .switch_ppm = 10000}},
};

static const struct strategy_spec *draw_arm(uint64_t seed)
{
    uint32_t draw = (uint32_t)(random_mix(seed ^ UINT64_C(0x706f7274)) % 100);
    size_t i = 0;

    while (draw >= portfolio[i].share) {
        draw -= portfolio[i].share;
        i++;
    }
    return &portfolio[i].strategy;
}

static const struct strategy_spec dull = {.ops = &strategy_dull};

static void choose_strategy(const struct strategy_spec *fixed, struct trial *out)
{
    if (out->number == 0)
        out->strategy = dull;
    else
        out->strategy = fixed != NULL ? *fixed : *draw_arm(out->seed);
}

void trial_derive(uint64_t campaign_seed, uint64_t number, const struct strategy_spec *fixed,
                  struct trial *out)
{
    uint64_t state = campaign_seed ^ number;

    *out = (struct trial){.campaign_seed = campaign_seed, .number = number};
    out->seed = random_next(&state);
    choose_strategy(fixed, out);
}

void trial_of_seed(uint64_t seed, const struct strategy_spec *fixed, struct trial *out)
{
    *out = (struct trial){.number = seed == 0 ? 0 : TRIAL_UNNUMBERED, .seed = seed};
    choose_strategy(fixed, out);
}
