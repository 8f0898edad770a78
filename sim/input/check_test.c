/*
 * sim/input/check_test.c - what the core refuses is reported at the word of the scenario's line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

NORETURN void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}

#define LISTEN "    listen fe 10.0.0.1:80 h1\n"
#define BACKEND "    backend app 10.0.1.1:8080 h1\n"

struct example {
    const char *text;
    const char *error; /* begins with; "" for none */
};

static const struct example examples[] = {
    {"node p\n" LISTEN BACKEND, ""},
    {"node p\n    workers 1..4\n    timeout client 1us..1h\n" LISTEN BACKEND, ""},
    {"node p\n    workers   2..65\n" LISTEN BACKEND, "2:15: "},
    {"node p\n    workers 0..2\n" LISTEN BACKEND, "2:13: "},
    {"node p\n    wokers 2\n" LISTEN BACKEND, "2:5: unknown directive"},
    {"node p\n    listen  fe  10.0.0.1 h1\n" BACKEND, "2:17: "},
    {"node p\n" LISTEN LISTEN BACKEND, "3:12: "},
    {"node p\n" LISTEN BACKEND "    route fe /a ap\n", "4:17: "},
    {"client c 10.0.0.1\nnode p\n    workers 2\n", "2:"},
    {"node p\n" LISTEN BACKEND "node q\n    wokers 2\n", "5:5: "},
    {"node p\n    exercise wake rounds=2..6 objects=1 locked\n", ""},
    {"node p\n    exercise sleep\n", "2:14: an exercise is wanted"},
    {"node p\n    exercise wake rounds=0\n", "2:19: "},
    {"node p\n    exercise\n", "2:5: an exercise is wanted"},
    {"node p\n" LISTEN BACKEND "fault p.accept4 nth=2 errno=EMFILE\n", ""},
    {"node p\n" LISTEN BACKEND "fault p.alloc nth=2\n", ""},
    {"node p\n" LISTEN BACKEND "fault p.acept nth=2 errno=EMFILE\n", "4:7: no call 'acept'"},
};

static void what_the_core_refuses_is_reported(void **state)
{
    struct diagnostics diag;
    struct buffer error = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const struct example *example = &examples[i];
        struct scenario *scenario = NULL;
        diagnostics_init(&diag);
        bool is_good = scenario_load(example->text, strlen(example->text), "f", &scenario, &diag);
        buffer_clear(&error);
        buffer_append_text(&error, "");
        if (diag.count > 0)
            buffer_printf(&error, "%u:%u: %s", diag.entries[0].line, diag.entries[0].column,
                          diag.entries[0].message);
        assert_int_equal(is_good, example->error[0] == '\0');
        assert_int_equal(is_good, scenario != NULL);
        if (is_good ? error.len > 0
                    : strncmp(error.data, example->error, strlen(example->error)) != 0)
            fail_msg("%s\nsays     %s\nand not  %s", example->text, error.data, example->error);
        scenario_free(scenario);
    }
    buffer_fini(&error);
}

/* Bytes are checked as text is, without a place in a file. */
static void bytes_are_checked_too(void **state)
{
    static const char text[] = "node p\n    wokers 2\n";
    struct scenario *scenario = NULL;
    struct diagnostics diag;
    struct buffer bytes = {0};

    (void)state;
    diagnostics_init(&diag);
    assert_true(scenario_parse(text, strlen(text), "f", &scenario, &diag));
    scenario_encode(scenario, &bytes);
    scenario_free(scenario);
    assert_false(scenario_load(bytes.data, bytes.len, "f", &scenario, &diag));
    assert_null(scenario);
    assert_int_equal(diag.entries[0].line, 0);
    buffer_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_core_refuses_is_reported),
        cmocka_unit_test(bytes_are_checked_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
