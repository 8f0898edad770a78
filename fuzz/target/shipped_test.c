/*
 * fuzz/target/shipped_test.c - what a scenario expects counts while it is as people wrote it, in
 * whatever schedule, and no more when anything else is changed.
 *
 *     shipped_test FILE.scn...
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/world/input.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"

enum { TEXT_BYTES = 1 << 16 };

static int file_count;
static char **files;

/* Whether an expectation that is not met would count, in the scenario with lines behind it. */
static bool counts_with(const char *text, const char *lines)
{
    const struct run_result result = {.finding = {.kind = FINDING_EXPECTATION}};
    struct scenario *scenario = NULL;
    struct diagnostics diag;
    struct buffer whole = {0};
    struct buffer bytes = {0};
    struct input input;

    buffer_append_text(&whole, text);
    buffer_append_text(&whole, lines);
    diagnostics_init(&diag);
    assert_true(scenario_parse(whole.data, whole.len, "test", &scenario, &diag));
    scenario_encode(scenario, &bytes);
    scenario_free(scenario);
    assert_true(input_open(&input, (const uint8_t *)bytes.data, bytes.len, NULL));
    const bool counts = input_counts(&input, &result);
    input_close(&input);
    buffer_fini(&whole);
    buffer_fini(&bytes);
    return counts;
}

static void schedules_change_nothing(void **state)
{
    static char text[TEXT_BYTES];

    (void)state;
    assert_true(file_count > 20);
    for (int i = 0; i < file_count; i++) {
        FILE *file = fopen(files[i], "rb");
        assert_non_null(file);
        const size_t len = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        text[len] = '\0';
        assert_true(counts_with(text, ""));
        assert_true(counts_with(text, "found seed=0x1 strategy=random\nsched p.w0@9 -> p.w1\n"));
        assert_false(counts_with(text, "found seed=0x1\npick p.w0.short-read@3 = 2\n"));
        assert_false(counts_with("client more 10.9.9.9\n", text));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(schedules_change_nothing)};

    files = argv + 1;
    file_count = argc - 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
