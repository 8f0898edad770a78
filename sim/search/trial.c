/*
 * sim/search/trial.c - see trial.h.
 *
 * The first shares follow what is known of the strategies: each alone leaves some program unsolved,
 * PCT wants several depths (deeper ones win more often than the usual 3), and few preemptions find
 * most.
 */
#include "sim/search/trial.h"

#include "sim/base/random.h"
#include "sim/sched/plan.h"

enum {
    ARM_BITS = 8,    /* of a seed */
    PLAN_ONE_IN = 8, /* after the opening */
    SEED_SKEWED = 1, /* seed 0 is dull */
    SEED_LATE = 2,
    SEED_PLANS = 16, /* seed of plan 0 */
    ARM_RFF = 1,
    ARM_SURW = 2,
};

/* Set in the seeds of arms, so that none is taken for that of a plan. */
#define SEED_DRAWN (UINT64_C(1) << 40)

#define ARM_MASK ((UINT64_C(1) << ARM_BITS) - 1)

struct arm {
    uint32_t share;
    struct strategy_spec strategy;
};

static const struct arm portfolio[TRIAL_ARMS] = {
    {200, {.ops = &strategy_pos}},
    {150, {.ops = &strategy_rff}},
    {150, {.ops = &strategy_surw}},
    {70, {.ops = &strategy_pct, .depth = 2}},
    {70, {.ops = &strategy_pct, .depth = 3}},
    {60, {.ops = &strategy_pct, .depth = 5}},
    {60, {.ops = &strategy_pct, .depth = 10}},
    {80, {.ops = &strategy_random}},
    {70, {.ops = &strategy_sticky, .switch_ppm = 200000}},
    {60, {.ops = &strategy_sticky, .switch_ppm = 50000}},
    {30, {.ops = &strategy_sticky, .switch_ppm = 10000}},
};

static const struct strategy_spec dull = {.ops = &strategy_dull};
static const struct strategy_spec skewed = {.ops = &strategy_skewed};
static const struct strategy_spec late = {.ops = &strategy_late};

void trial_lessons_init(struct trial_lessons *lessons)
{
    *lessons = (struct trial_lessons){.plan_count = UINT32_MAX};
    for (uint32_t i = 0; i < TRIAL_ARMS; i++)
        lessons->shares[i] = portfolio[i].share;
}

void trial_lessons_learn(struct trial_lessons *lessons, const uint64_t scores[TRIAL_ARMS])
{
    uint32_t rest = TRIAL_SHARES;
    uint64_t total = 0;
    uint32_t best = 0;

    for (uint32_t i = 0; i < TRIAL_ARMS; i++) {
        total += scores[i];
        if (scores[i] > scores[best])
            best = i;
    }
    if (total == 0)
        return;
    /* Half by what was known before, half by what was seen, above the floor. */
    for (uint32_t i = 0; i < TRIAL_ARMS; i++) {
        const uint32_t free = TRIAL_SHARES - TRIAL_FLOOR * TRIAL_ARMS;
        const uint32_t known = (uint32_t)((uint64_t)free * portfolio[i].share / TRIAL_SHARES);
        const uint32_t seen = (uint32_t)((__uint128_t)free * scores[i] / total);
        lessons->shares[i] = TRIAL_FLOOR + (known + seen) / 2;
        rest -= lessons->shares[i];
    }
    lessons->shares[best] += rest;
}

uint32_t trial_learn_arm(uint64_t number)
{
    return (uint32_t)((number - TRIAL_LEARN_FIRST) % TRIAL_ARMS);
}

static uint32_t draw_arm(uint64_t seed, const struct trial_lessons *lessons)
{
    uint32_t draw = (uint32_t)(random_mix(seed ^ UINT64_C(0x706f7274)) % TRIAL_SHARES);
    uint32_t i = 0;

    while (draw >= lessons->shares[i])
        draw -= lessons->shares[i++];
    return i;
}

static void choose_plan(uint32_t plan, struct trial *out)
{
    out->seed = SEED_PLANS + plan;
    out->strategy = (struct strategy_spec){.ops = &strategy_period, .plan = plan};
}

static void choose_arm(uint32_t arm, struct trial *out)
{
    out->seed = (out->seed & ~ARM_MASK) | SEED_DRAWN | arm;
    out->strategy = portfolio[arm].strategy;
}

/* The plan that a number would take, UINT32_MAX when it is not one for plans. */
static uint32_t plan_of(uint64_t number)
{
    uint64_t plan = UINT32_MAX;

    if (number < TRIAL_LEARN_FIRST && (number - TRIAL_BASE) % 2 == 1)
        plan = (number - TRIAL_BASE) / 2;
    else if (number >= TRIAL_LEARN_END && (number - TRIAL_LEARN_END) % PLAN_ONE_IN == 0)
        plan = TRIAL_PLANS + (number - TRIAL_LEARN_END) / PLAN_ONE_IN;
    return plan < PLANS_MAX ? (uint32_t)plan : UINT32_MAX;
}

static void choose(const struct trial_lessons *lessons, struct trial *out)
{
    const uint64_t number = out->number;

    if (number <= TRIAL_BASE) {
        out->seed = number == 0 ? SEED_SKEWED : number == 1 ? SEED_LATE : 0;
        out->strategy = number == 0 ? skewed : number == 1 ? late : dull;
        return;
    }
    const uint32_t plan = plan_of(number);
    if (plan < lessons->plan_count)
        choose_plan(plan, out);
    else if (number < TRIAL_LEARN_FIRST)
        choose_arm(number / 2 % 2 == 0 ? ARM_SURW : ARM_RFF, out);
    else if (number < TRIAL_LEARN_END)
        choose_arm(trial_learn_arm(number), out);
    else
        choose_arm(draw_arm(out->seed, lessons), out);
}

static void choose_fixed(const struct strategy_spec *fixed, struct trial *out)
{
    out->strategy = out->number == 0 ? dull : *fixed;
    if (out->strategy.ops == &strategy_period && out->strategy.plan == STRATEGY_PLAN_NEXT)
        out->strategy.plan = (uint32_t)((out->number - 1) % STRATEGY_PLAN_NEXT);
}

void trial_derive_learned(uint64_t campaign_seed, uint64_t number,
                          const struct strategy_spec *fixed, const struct trial_lessons *lessons,
                          struct trial *out)
{
    uint64_t state = random_mix(campaign_seed) ^ number;

    *out = (struct trial){.campaign_seed = campaign_seed, .number = number, .is_settled = true};
    out->seed = random_next(&state);
    if (fixed != NULL)
        choose_fixed(fixed, out);
    else
        choose(lessons, out);
}

void trial_derive(uint64_t campaign_seed, uint64_t number, const struct strategy_spec *fixed,
                  struct trial *out)
{
    struct trial_lessons nothing;

    trial_lessons_init(&nothing);
    trial_derive_learned(campaign_seed, number, fixed, &nothing, out);
    out->is_settled = fixed != NULL || number <= TRIAL_BASE;
}

bool trial_is_base(const struct trial *trial)
{
    return trial->strategy.ops == &strategy_dull;
}

bool trial_is_drawless(const struct trial *trial)
{
    const struct strategy_ops *ops = trial->strategy.ops;

    return ops == &strategy_dull || ops == &strategy_skewed || ops == &strategy_late ||
           (ops == &strategy_period && trial->strategy.plan < TRIAL_PLANS);
}

void trial_of_seed(uint64_t seed, const struct strategy_spec *fixed, struct trial *out)
{
    *out = (struct trial){.number = TRIAL_UNNUMBERED, .seed = seed, .is_settled = true};
    if (seed == 0)
        out->strategy = dull;
    else if (fixed != NULL)
        out->strategy = *fixed;
    else if (seed < SEED_PLANS)
        out->strategy = seed == SEED_SKEWED ? skewed : late;
    else if (seed - SEED_PLANS < PLANS_MAX)
        choose_plan((uint32_t)(seed - SEED_PLANS), out);
    else
        out->strategy = portfolio[(seed & ARM_MASK) % TRIAL_ARMS].strategy;
}
