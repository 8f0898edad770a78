/*
 * sim/search/sketch_test.c - a sketch is exact while it is small, close when it is not, the same
 * however its parts were merged, and its estimates say about what there is.
 */
#include "sim/search/sketch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sim/base/random.h"

enum { MANY = 40000, PARTS = 7, SPECIES = 1500, CATCH = 6 };

static void note(struct sketch *sketch, uint64_t feature)
{
    sketch_note_run(sketch, &feature, 1);
}

static void test_small_sketch_is_exact(void **state)
{
    static struct sketch sketch;

    (void)state;
    for (uint64_t feature = 0; feature < 100; feature++)
        note(&sketch, feature);
    for (uint64_t feature = 0; feature < 40; feature++)
        note(&sketch, feature);
    for (uint64_t feature = 0; feature < 15; feature++)
        note(&sketch, feature);
    assert_int_equal(sketch.runs, 155);
    assert_int_equal(sketch_distinct(&sketch), 100);
    assert_int_equal(sketch_seen_in(&sketch, 1), 60);
    assert_int_equal(sketch_seen_in(&sketch, 2), 25);
    assert_int_equal(sketch_total(&sketch), 100 + 60 * 59 / (2 * 26) * 154 / 155);
}

static void test_what_is_always_seen_leaves_nothing(void **state)
{
    static struct sketch sketch;
    static const uint64_t features[] = {3, 1, 4};

    (void)state;
    for (int run = 0; run < 2 * SKETCH_SEEN_MAX; run++)
        sketch_note_run(&sketch, features, 3);
    assert_int_equal(sketch_distinct(&sketch), 3);
    assert_int_equal(sketch_seen_in(&sketch, 1), 0);
    assert_int_equal(sketch_seen_in(&sketch, SKETCH_SEEN_MAX), 3);
    assert_int_equal(sketch_total(&sketch), 3);
}

/* Two in five are seen twice. At least 2048 of a sample: a tenth off would be more than four sigma.
 */
static void test_large_sketch_is_close(void **state)
{
    static struct sketch sketch;

    (void)state;
    for (uint64_t feature = 0; feature < MANY; feature++) {
        note(&sketch, feature);
        if (feature % 5 < 2)
            note(&sketch, feature);
    }
    assert_true(sketch.level > 0);
    assert_in_range(sketch.count, SKETCH_KEYS_MAX / 2 - 200, SKETCH_KEYS_MAX);
    assert_in_range(sketch_distinct(&sketch), MANY * 9 / 10, MANY * 11 / 10);
    assert_in_range(sketch_seen_in(&sketch, 1), MANY * 3 / 5 * 9 / 10, MANY * 3 / 5 * 11 / 10);
}

static void test_parts_merge_to_the_whole_in_any_order(void **state)
{
    static struct sketch parts[PARTS];
    static struct sketch whole, forward, backward;

    (void)state;
    for (uint64_t run = 0; run < MANY; run++) {
        /* Some features are of one part only, others of all. */
        const uint64_t features[] = {run % 3 == 0 ? run % 500 : run, MANY + run % 1000};
        sketch_note_run(&whole, features, 2);
        sketch_note_run(&parts[run % PARTS], features, 2);
    }
    for (int i = 0; i < PARTS; i++) {
        sketch_merge(&forward, &parts[i]);
        sketch_merge(&backward, &parts[PARTS - 1 - i]);
    }
    assert_memory_equal(&forward, &whole, sizeof(whole));
    assert_memory_equal(&backward, &whole, sizeof(whole));
}

/* Common features and rare ones: one is drawn with the square of a uniform number. */
static void catch_some(uint64_t *random, uint64_t out[CATCH])
{
    for (int i = 0; i < CATCH;) {
        const uint64_t part = random_below(random, 1 << 16);
        bool is_known = false;
        out[i] = (part * part >> 16) * SPECIES >> 16;
        for (int j = 0; j < i; j++)
            is_known |= out[j] == out[i];
        i += !is_known;
    }
}

/* The chance of something new is what the next runs show, and what there is lies above what was
 * seen and not far off. */
static void test_estimates_say_what_comes(void **state)
{
    enum { RUNS = 500, MORE = 100 };
    static struct sketch sketch;
    uint64_t random = 4;
    uint64_t features[CATCH];

    (void)state;
    for (int run = 0; run < RUNS; run++) {
        catch_some(&random, features);
        sketch_note_run(&sketch, features, CATCH);
    }
    const uint64_t seen = sketch_distinct(&sketch);
    const uint64_t expected = sketch_seen_in(&sketch, 1) * MORE / RUNS;
    const uint64_t total = sketch_total(&sketch);
    assert_in_range(total, seen + 1, SPECIES * 11 / 10);
    assert_in_range(total, SPECIES * 8 / 10, SPECIES * 11 / 10);
    for (int run = 0; run < MORE; run++) {
        catch_some(&random, features);
        sketch_note_run(&sketch, features, CATCH);
    }
    const uint64_t came = sketch_distinct(&sketch) - seen;
    assert_in_range(came, expected * 7 / 10, expected * 12 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_sketch_is_exact),
        cmocka_unit_test(test_what_is_always_seen_leaves_nothing),
        cmocka_unit_test(test_large_sketch_is_close),
        cmocka_unit_test(test_parts_merge_to_the_whole_in_any_order),
        cmocka_unit_test(test_estimates_say_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
