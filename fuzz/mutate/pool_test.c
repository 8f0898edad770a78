/*
 * fuzz/mutate/pool_test.c - who gets how many runs, and what the engine's corpus is spared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/mutate/mutate.h"
#include "fuzz/mutate/pool.h"
#include "sim/base/random.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

enum { INPUT_MAX = 4096, SCENES = 3, RUNS = 3000, OF_ENGINE = SCENES };

/* Costs are far apart. */
static const uint64_t steps[SCENES + 1] = {500, 5000, 5000, 1000};

static struct buffer inputs[SCENES];

static int make_inputs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SCENES; i++) {
        struct scenario *scenario = NULL;
        struct diagnostics diag;
        char text[128];
        const int len = snprintf(text, sizeof(text),
                                 "# scene%u\nnode p\n    workers 2\n    exercise kill\n", i);
        diagnostics_init(&diag);
        assert_true(scenario_parse(text, (size_t)len, "text", &scenario, &diag));
        scenario_encode(scenario, &inputs[i]);
        scenario_free(scenario);
    }
    return 0;
}

static int free_inputs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SCENES; i++)
        buffer_fini(&inputs[i]);
    return 0;
}

/* Which of the scenes it was made from; those that only the schedule was changed of are as they
 * were in front. */
static unsigned scene_of(const uint8_t *data, size_t len)
{
    for (unsigned i = 0; i < SCENES; i++)
        if (len > inputs[i].len && memcmp(data, inputs[i].data, inputs[i].len) == 0)
            return i;
    return OF_ENGINE;
}

static void load_all(void)
{
    pool_reset();
    for (unsigned i = 0; i < SCENES; i++) {
        const struct pool_run run = {.scene = i, .steps = steps[i], .has_new_code = true};
        assert_true(pool_ran((const uint8_t *)inputs[i].data, inputs[i].len, &run));
    }
}

/* The engine always picks the first input. Returns a hash of all that was made. */
static uint64_t run_all(uint64_t seed, size_t counts[SCENES + 1])
{
    static uint8_t data[INPUT_MAX];
    uint64_t hash = 0;

    memset(counts, 0, sizeof(size_t[SCENES + 1]));
    load_all();
    for (unsigned i = 0; i < RUNS; i++) {
        memcpy(data, inputs[0].data, inputs[0].len);
        const size_t len =
            pool_next(data, inputs[0].len, sizeof(data), NULL, 0, random_mix(seed + i), NULL);
        const unsigned scene = scene_of(data, len);
        const struct pool_run run = {.scene = scene, .steps = steps[scene]};
        counts[scene]++;
        for (size_t at = 0; at < len; at++)
            hash = random_mix(hash ^ data[at]);
        assert_false(pool_ran(data, len, &run));
    }
    return hash;
}

static void steps_are_shared_out_evenly(void **state)
{
    size_t counts[SCENES + 1];

    (void)state;
    (void)run_all(7, counts);
    for (unsigned i = 0; i < SCENES; i++)
        assert_true(counts[i] > 50);
    assert_true(counts[0] > 2 * counts[1]);
    assert_in_range(counts[1], counts[2] * 9 / 10, counts[2] * 11 / 10);
}

/* Scenes alike but for how often threads meet in them. */
static void meetings_are_worth_more(void **state)
{
    static uint16_t features[500];
    uint8_t data[INPUT_MAX];
    size_t counts[SCENES + 1] = {0};

    (void)state;
    for (uint16_t i = 0; i < 500; i++)
        features[i] = i;
    load_all();
    for (unsigned i = 0; i < RUNS; i++) {
        memcpy(data, inputs[0].data, inputs[0].len);
        const size_t len =
            pool_next(data, inputs[0].len, sizeof(data), NULL, 0, random_mix(i), NULL);
        const unsigned scene = scene_of(data, len);
        const struct pool_run run = {.scene = scene,
                                     .steps = steps[scene],
                                     .features = features,
                                     .feature_count = scene == 1 ? 500 : 0};
        counts[scene]++;
        (void)pool_ran(data, len, &run);
    }
    assert_true(counts[1] > 2 * counts[2]);
    assert_true(counts[2] > 20);
}

static void same_seed_makes_the_same(void **state)
{
    size_t counts[SCENES + 1];

    (void)state;
    const uint64_t once = run_all(7, counts);
    assert_true(run_all(7, counts) == once);
    assert_true(run_all(8, counts) != once);
}

static void schedules_do_not_flood_the_corpus(void **state)
{
    uint8_t data[INPUT_MAX];
    unsigned joined = 0;

    (void)state;
    load_all();
    for (uint16_t feature = 0; feature < 300; feature++) {
        memcpy(data, inputs[0].data, inputs[0].len);
        const size_t len =
            pool_next(data, inputs[0].len, sizeof(data), NULL, 0, random_mix(feature), NULL);
        struct pool_run run = {.scene = 1, .steps = 1000, .features = &feature, .feature_count = 1};
        joined += pool_ran(data, len, &run);
    }
    assert_in_range(joined, 1, 10);
    /* New code always comes in. */
    const struct pool_run run = {.scene = 1, .steps = 1000, .has_new_code = true};
    assert_true(pool_ran((const uint8_t *)inputs[0].data, inputs[0].len, &run));
}

static void modes_to_compare_with_learn_nothing(void **state)
{
    static const char word[] = "random";
    uint8_t data[INPUT_MAX];
    size_t counts[SCENES + 1] = {0};

    (void)state;
    assert_int_equal(pool_mode_of("rubbish"), POOL_MODE_COUNT);
    assert_int_equal(pool_mode_of(""), POOL_ON);
    load_all();
    pool_set_mode(pool_mode_of("random"));
    for (uint16_t i = 0; i < 300; i++) {
        memcpy(data, inputs[0].data, inputs[0].len);
        const size_t len =
            pool_next(data, inputs[0].len, sizeof(data), NULL, 0, random_mix(i), NULL);
        const unsigned scene = scene_of(data, len);
        const struct pool_run run = {.scene = scene,
                                     .steps = steps[scene],
                                     .features = &i,
                                     .feature_count = 1,
                                     .has_new_code = true};
        counts[scene]++;
        assert_non_null(memmem(data, len, word, sizeof(word) - 1));
        assert_false(pool_ran(data, len, &run));
    }
    for (unsigned i = 0; i < SCENES; i++)
        assert_in_range(counts[i], 70, 130);
    pool_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_shared_out_evenly),
        cmocka_unit_test(meetings_are_worth_more),
        cmocka_unit_test(same_seed_makes_the_same),
        cmocka_unit_test(schedules_do_not_flood_the_corpus),
        cmocka_unit_test(modes_to_compare_with_learn_nothing),
    };

    return cmocka_run_group_tests(tests, make_inputs, free_inputs);
}
