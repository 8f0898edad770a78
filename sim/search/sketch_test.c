/*
 * sim/search/sketch_test.c - a sketch is exact while it is small, close when it is not, and the
 * same however its parts were merged.
 */
#include "sim/search/sketch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 20000, PARTS = 7 };

static void test_small_sketch_is_exact(void **state)
{
    struct sketch sketch = {0};

    (void)state;
    for (uint64_t hash = 0; hash < 100; hash++)
        sketch_note(&sketch, hash);
    for (uint64_t hash = 0; hash < 40; hash++)
        sketch_note(&sketch, hash);
    assert_int_equal(sketch_distinct(&sketch), 100);
    assert_int_equal(sketch_seen_once(&sketch), 60);
}

/* Two in five are seen twice. 256 of a sample: a fifth off would be more than three sigma. */
static void test_large_sketch_is_close(void **state)
{
    struct sketch sketch = {0};

    (void)state;
    for (uint64_t hash = 0; hash < MANY; hash++) {
        sketch_note(&sketch, hash);
        if (hash % 5 < 2)
            sketch_note(&sketch, hash);
    }
    assert_in_range(sketch_distinct(&sketch), MANY * 4 / 5, MANY * 6 / 5);
    assert_in_range(sketch_seen_once(&sketch), MANY * 3 / 5 * 3 / 4, MANY * 3 / 5 * 5 / 4);
}

static void test_parts_merge_to_the_whole_in_any_order(void **state)
{
    static struct sketch parts[PARTS];
    struct sketch whole = {0};
    struct sketch forward = {0};
    struct sketch backward = {0};

    (void)state;
    for (uint64_t run = 0; run < MANY; run++) {
        /* Some behaviours are of one part only, others of all. */
        const uint64_t hash = run % 3 == 0 ? run % 500 : run;
        sketch_note(&whole, hash);
        sketch_note(&parts[run % PARTS], hash);
    }
    for (int i = 0; i < PARTS; i++) {
        sketch_merge(&forward, &parts[i]);
        sketch_merge(&backward, &parts[PARTS - 1 - i]);
    }
    assert_memory_equal(&forward, &whole, sizeof(whole));
    assert_memory_equal(&backward, &whole, sizeof(whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_sketch_is_exact),
        cmocka_unit_test(test_large_sketch_is_close),
        cmocka_unit_test(test_parts_merge_to_the_whole_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
