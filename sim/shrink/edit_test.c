/*
 * sim/shrink/edit_test.c - which smaller scenarios are tried, and which never are.
 */
#include "sim/shrink/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

#define NODE                                                                                       \
    "node p\n    workers 2\n    listen fe 10.0.0.1:80 h1\n    backend app 10.0.1.1:8080 h1\n"
#define CLIENT "client c 10.9.0.1\n"
#define SERVER "server s 10.0.1.1:8080 auto body=10\n"

enum { CANDIDATES_MAX = 1000 };

NORETURN void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}

static struct scenario *read_text(const char *text)
{
    struct scenario *scenario = NULL;
    struct diagnostics diag;

    diagnostics_init(&diag);
    if (!scenario_load(text, strlen(text), "test", &scenario, &diag))
        fail_msg("%s: %s", text, diag.entries[0].message);
    return scenario;
}

static char *print_text(const struct scenario *scenario)
{
    struct buffer text = {0};

    scenario_print(scenario, &text);
    char *copy = strdup(text.data);
    assert_non_null(copy);
    buffer_fini(&text);
    return copy;
}

/* How many candidates of `kind` the text has; `holding` of them have `needle` in them. */
static size_t count_candidates(const char *text, enum edit_kind kind, const char *needle,
                               size_t *holding)
{
    struct scenario *scenario = read_text(text);
    struct scenario *candidate;
    struct edit edit;
    size_t count = 0;

    *holding = 0;
    edit_begin(&edit, kind, scenario);
    while ((candidate = edit_next(&edit)) != NULL) {
        char *printed = print_text(candidate);
        *holding += strstr(printed, needle) != NULL;
        free(printed);
        scenario_free(candidate);
        assert_true(++count < CANDIDATES_MAX);
    }
    scenario_free(scenario);
    return count;
}

static void assert_tried(const char *text, enum edit_kind kind, const char *needle)
{
    size_t holding;

    (void)count_candidates(text, kind, needle, &holding);
    if (holding == 0)
        fail_msg("nothing with '%s' is tried on:\n%s", needle, text);
}

/* Every candidate still has `needle`, and there are candidates. */
static void assert_kept(const char *text, enum edit_kind kind, const char *needle)
{
    size_t holding;
    const size_t count = count_candidates(text, kind, needle, &holding);

    assert_true(count > 0);
    if (holding != count)
        fail_msg("'%s' is edited in %zu of %zu candidates", needle, count - holding, count);
}

static void test_lines_go_one_at_a_time_from_the_last(void **state)
{
    static const char text[] = NODE CLIENT "\n+1us c eof\n+2us p soft-stop\n";
    struct scenario *scenario = read_text(text);
    struct edit edit;

    (void)state;
    edit_begin(&edit, EDIT_LINES, scenario);
    struct scenario *first = edit_next(&edit);
    assert_non_null(first);
    char *printed = print_text(first);
    assert_null(strstr(printed, "soft-stop"));
    assert_non_null(strstr(printed, "eof"));
    free(printed);
    scenario_free(first);
    scenario_free(scenario);
}

static void test_who_goes_takes_along_what_was_said_of_them(void **state)
{
    struct scenario *scenario = read_text(NODE CLIENT "\n+1us c eof\n+2us p soft-stop\n");
    struct scenario *candidate;
    struct edit edit;
    size_t without = 0;

    (void)state;
    edit_begin(&edit, EDIT_LINES, scenario);
    while ((candidate = edit_next(&edit)) != NULL) {
        char *printed = print_text(candidate);
        if (strstr(printed, "client c") == NULL) {
            without++;
            assert_null(strstr(printed, " c eof"));
            assert_non_null(strstr(printed, "soft-stop"));
        }
        free(printed);
        scenario_free(candidate);
    }
    assert_int_equal(without, 1);
    scenario_free(scenario);
}

static void test_plants_and_points_stay(void **state)
{
    static const char text[] =
        "points memory\nplant K01\n" NODE CLIENT SERVER "\n+1us p soft-stop\n+2us c eof\n";

    (void)state;
    for (int kind = 0; kind < EDIT_KIND_COUNT; kind++) {
        assert_kept(text, (enum edit_kind)kind, "plant K01");
        assert_kept(text, (enum edit_kind)kind, "points memory");
    }
}

static void test_words_that_may_be_missing_are_left_out(void **state)
{
    (void)state;
    assert_tried(NODE CLIENT SERVER, EDIT_WORDS, "server s 10.0.1.1:8080 auto\n");
    /* An address may not. */
    assert_kept(NODE CLIENT SERVER, EDIT_WORDS, "10.0.1.1:8080");
}

static void test_numbers_get_smaller(void **state)
{
    static const char text[] = NODE CLIENT SERVER;

    (void)state;
    assert_tried(text, EDIT_NUMBERS, "body=0");
    assert_tried(text, EDIT_NUMBERS, "body=1\n");
    assert_tried(text, EDIT_NUMBERS, "body=5");
    assert_tried(text, EDIT_NUMBERS, "body=9");
    assert_tried(text, EDIT_NUMBERS, "workers 1");
    /* Addresses hold digits, and no numbers. */
    assert_kept(text, EDIT_NUMBERS, "10.0.1.1:8080 auto");
    assert_kept(text, EDIT_NUMBERS, "10.9.0.1");
}

static void test_ranges_become_their_ends(void **state)
{
    static const char text[] = NODE CLIENT "\n+0us..40us p soft-stop\n";

    (void)state;
    assert_tried(text, EDIT_NUMBERS, "+40us");
    assert_tried(text, EDIT_NUMBERS, "+10us");
    assert_tried(text, EDIT_NUMBERS, "+20us");
}

static void test_strings_are_no_numbers_and_one_word(void **state)
{
    (void)state;
    assert_kept(NODE CLIENT SERVER "\n+5us c send \"a 7 # \\\" 9\"\n", EDIT_NUMBERS,
                "\"a 7 # \\\" 9\"");
    assert_kept(NODE CLIENT SERVER "\n+5us c send \"a 7 # 9\"\n", EDIT_WORDS, "\"a 7 # 9\"");
}

static void test_bare_has_no_comments_and_its_strings(void **state)
{
    struct scenario *scenario =
        read_text("# above\n" NODE CLIENT "\n+5us c send \"say # 1 \\\" # 2\"  # and this\n"
                  "+6us p soft-stop  # behind\n");
    struct scenario *bare = edit_bare(scenario);
    char *printed = print_text(bare);

    (void)state;
    assert_non_null(strstr(printed, "\"say # 1 \\\" # 2\"\n"));
    assert_null(strstr(printed, "above"));
    assert_null(strstr(printed, "and this"));
    assert_null(strstr(printed, "behind"));
    free(printed);
    scenario_free(bare);
    scenario_free(scenario);
}

static void test_only_lines_that_happen_are_counted(void **state)
{
    struct scenario *scenario =
        read_text("# a comment\npoints memory\nplant K01\n\n" NODE CLIENT "\n+1us p soft-stop\n");

    (void)state;
    assert_int_equal(edit_line_count(scenario), 6);
    scenario_free(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_go_one_at_a_time_from_the_last),
        cmocka_unit_test(test_who_goes_takes_along_what_was_said_of_them),
        cmocka_unit_test(test_plants_and_points_stay),
        cmocka_unit_test(test_words_that_may_be_missing_are_left_out),
        cmocka_unit_test(test_numbers_get_smaller),
        cmocka_unit_test(test_ranges_become_their_ends),
        cmocka_unit_test(test_strings_are_no_numbers_and_one_word),
        cmocka_unit_test(test_bare_has_no_comments_and_its_strings),
        cmocka_unit_test(test_only_lines_that_happen_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
