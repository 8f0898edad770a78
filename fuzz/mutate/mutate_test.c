/*
 * fuzz/mutate/mutate_test.c - what comes out of the mutators: the same each time, canonical, of
 * bounded size, by every operation; and what of it runs, runs the same twice. Over every scenario
 * of the repository, given as arguments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/mutate/hints.h"
#include "fuzz/mutate/mutate.h"
#include "fuzz/world/input.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/laws.h"
#include "sim/input/scenario.h"

enum { INPUT_MAX = 1 << 15, ROUNDS = 24, FILES_MAX = 256 };

static struct buffer inputs[FILES_MAX];
static size_t input_count;

static bool hints_of(const uint8_t *data, size_t len, struct hints *hints)
{
    struct input input;

    if (!input_open(&input, data, len, NULL))
        return false;
    input_hints(&input, hints);
    input_close(&input);
    return true;
}

static const struct mutate_engine engine = {.hints = hints_of};

static void read_scenario(const char *path)
{
    struct buffer text = {0};
    struct scenario *scenario = NULL;
    struct diagnostics diag;
    char block[4096];
    size_t len;
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    while ((len = fread(block, 1, sizeof(block), file)) > 0)
        buffer_append(&text, block, len);
    assert_int_equal(fclose(file), 0);
    diagnostics_init(&diag);
    assert_true(scenario_parse(text.data, text.len, path, &scenario, &diag));
    scenario_encode(scenario, &inputs[input_count++]);
    scenario_free(scenario);
    buffer_fini(&text);
}

/* A chain of mutations, each of what the one before made. */
static size_t chain(const struct buffer *from, uint64_t seed, unsigned length, uint8_t *out,
                    size_t out_max)
{
    size_t len = from->len < out_max ? from->len : out_max;

    memcpy(out, from->data, len);
    for (unsigned i = 0; i < length; i++)
        len = mutate_scenario(out, len, out_max, seed + i, &engine);
    return len;
}

static void same_input_and_seed_make_the_same(void **state)
{
    static uint8_t a[INPUT_MAX];
    static uint8_t b[INPUT_MAX];
    size_t differing = 0;

    (void)state;
    for (size_t i = 0; i < input_count; i++) {
        const size_t a_len = chain(&inputs[i], i, 6, a, sizeof(a));
        /* Others in between: what is remembered of runs makes no difference. */
        (void)chain(&inputs[(i + 7) % input_count], 99, 3, b, sizeof(b));
        const size_t b_len = chain(&inputs[i], i, 6, b, sizeof(b));
        assert_int_equal(a_len, b_len);
        assert_memory_equal(a, b, a_len);
        differing += a_len != inputs[i].len || memcmp(a, inputs[i].data, a_len) != 0;
    }
    assert_true(differing > input_count * 9 / 10);
}

static void everything_made_is_canonical(void **state)
{
    static uint8_t made[INPUT_MAX];
    uint32_t reached = 0;

    (void)state;
    for (size_t i = 0; i < input_count; i++) {
        size_t len = inputs[i].len;
        memcpy(made, inputs[i].data, len);
        for (unsigned round = 0; round < ROUNDS; round++) {
            len = mutate_scenario(made, len, sizeof(made), i * ROUNDS + round, &engine);
            reached |= mutate_last_operations();
            assert_true(len <= sizeof(made));
            struct scenario *scenario = scenario_decode(made, len);
            struct buffer again = {0};
            scenario_encode(scenario, &again);
            if (again.len != len || memcmp(again.data, made, len) != 0)
                fail_msg("not canonical after %s", mutate_describe());
            const char *broken = laws_of_scenario(scenario);
            if (broken != NULL)
                fail_msg("%s after %s", broken, mutate_describe());
            scenario_free(scenario);
            buffer_fini(&again);
        }
    }
    for (unsigned i = 0; i < MUTATE_OPERATION_COUNT; i++)
        if ((reached >> i & 1) == 0)
            fail_msg("never: %s", mutate_operation_word((enum mutate_operation)i));
}

static void crossing_is_canonical_and_the_same(void **state)
{
    static uint8_t a[INPUT_MAX];
    static uint8_t b[INPUT_MAX];

    (void)state;
    for (size_t i = 0; i < input_count; i++) {
        const struct buffer *one = &inputs[i];
        const struct buffer *other = &inputs[(i * 31 + 7) % input_count];
        const size_t a_len =
            mutate_cross((const uint8_t *)one->data, one->len, (const uint8_t *)other->data,
                         other->len, a, sizeof(a), i);
        const size_t b_len =
            mutate_cross((const uint8_t *)one->data, one->len, (const uint8_t *)other->data,
                         other->len, b, sizeof(b), i);
        assert_int_equal(a_len, b_len);
        assert_memory_equal(a, b, a_len);
        assert_null(laws_of_bytes(a, a_len));
        struct scenario *scenario = scenario_decode(a, a_len);
        struct buffer again = {0};
        scenario_encode(scenario, &again);
        assert_int_equal(again.len, a_len);
        assert_memory_equal(again.data, a, a_len);
        scenario_free(scenario);
        buffer_fini(&again);
    }
}

static void nothing_outgrows_its_room(void **state)
{
    static uint8_t made[INPUT_MAX];
    const uint8_t canary = 0xa5;

    (void)state;
    for (size_t i = 0; i < input_count; i++) {
        const size_t most = inputs[i].len / 2 + 1;
        memset(made, canary, sizeof(made));
        const size_t len = chain(&inputs[i], i, 8, made, most);
        assert_true(len <= most);
        assert_int_equal(made[most], canary);
    }
}

/* Any bytes at all, and none. */
static void rubbish_is_an_input_too(void **state)
{
    uint8_t bytes[256];

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        for (size_t at = 0; at < sizeof(bytes); at++)
            bytes[at] = (uint8_t)(i * 7 + at * at * 13);
        const size_t len = mutate_scenario(bytes, i, sizeof(bytes), i, NULL);
        assert_true(len <= sizeof(bytes));
    }
}

static void trimming_takes_one_line(void **state)
{
    static uint8_t made[INPUT_MAX];
    size_t shorter = 0;

    (void)state;
    for (size_t i = 0; i < input_count; i++) {
        const uint8_t *data = (const uint8_t *)inputs[i].data;
        const size_t count = mutate_trim_count(data, inputs[i].len);
        assert_true(count > 0);
        const size_t len = mutate_trim(data, inputs[i].len, count - 1, made, sizeof(made));
        /* A blank line that is the last one now goes too. */
        assert_in_range(mutate_trim_count(made, len), count - 2, count - 1);
        shorter += len < inputs[i].len;
    }
    assert_int_equal(shorter, input_count);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_input_and_seed_make_the_same),
        cmocka_unit_test(everything_made_is_canonical),
        cmocka_unit_test(crossing_is_canonical_and_the_same),
        cmocka_unit_test(nothing_outgrows_its_room),
        cmocka_unit_test(rubbish_is_an_input_too),
        cmocka_unit_test(trimming_takes_one_line),
    };

    for (int i = 1; i < argc && input_count < FILES_MAX; i++) {
        const size_t len = strlen(argv[i]);
        if (len > 4 && strcmp(argv[i] + len - 4, ".scn") == 0)
            read_scenario(argv[i]);
    }
    if (input_count == 0)
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
