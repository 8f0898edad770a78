/*
 * fuzz/campaign/plan_test.c - plans that are understood, and where the mistakes of others are.
 */
#include "fuzz/campaign/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SCENARIO "scenarios/fd/soft_stop_during_accept.scn"

static struct campaign_plan plan;

static bool parse(const char *text, struct buffer *error)
{
    buffer_append_text(error, "");
    return campaign_plan_parse(&plan, "x.plan", text, ".", error);
}

static void test_plan_says_everything_or_what_is_usual(void **state)
{
    struct buffer error = {0};

    (void)state;
    assert_true(parse("# a night\n"
                      "targets fd/soft_stop_during_accept   # once\n"
                      "targets " SCENARIO "\n"
                      "time 2m\nplants fd-delete-waits K18\n",
                      &error));
    assert_string_equal(error.data, "");
    assert_int_equal(plan.targets.count, 1);
    assert_string_equal(plan.targets.items[0], SCENARIO);
    assert_int_equal(plan.time_ns, UINT64_C(120000000000));
    assert_int_equal(plan.trials, 0);
    assert_false(plan.is_seed_given);
    assert_true(plan.has_explain);
    assert_int_equal(plan.plants.count, 2);
    assert_string_equal(plan.plants.items[0], "K01");
    assert_string_equal(plan.builds.items[0], "explore");
    assert_string_equal(plan.engines.items[0], "explore");
    assert_string_equal(plan.strategies.items[0], "portfolio");
    campaign_plan_fini(&plan);
    buffer_fini(&error);
}

static void test_fuzz_targets_are_those_that_are_built(void **state)
{
    struct buffer error = {0};

    (void)state;
    assert_true(
        parse("time 5m\ntargets fuzz:h* fuzz:world fuzz:h1\nengines afl libfuzzer\n", &error));
    assert_int_equal(plan.targets.count, 0);
    assert_true(plan.fuzz.count >= 3);
    assert_string_equal(plan.fuzz.items[plan.fuzz.count - 1], "world");
    for (size_t i = 0; i + 1 < plan.fuzz.count; i++)
        assert_int_equal(plan.fuzz.items[i][0], 'h');
    assert_true(campaign_plan_has_engine(&plan, "afl"));
    assert_false(campaign_plan_has_engine(&plan, "explore"));
    campaign_plan_fini(&plan);
    buffer_fini(&error);
}

static void test_globs_are_in_order_and_once(void **state)
{
    struct buffer error = {0};

    (void)state;
    assert_true(parse("trials 10\ntargets fd/*.scn fd/*\n", &error));
    assert_true(plan.targets.count >= 2);
    for (size_t i = 1; i < plan.targets.count; i++)
        assert_true(strcmp(plan.targets.items[i - 1], plan.targets.items[i]) < 0);
    campaign_plan_fini(&plan);
    buffer_fini(&error);
}

static void test_mistakes_are_shown_where_they_are(void **state)
{
    static const struct {
        const char *text;
        const char *place;
        const char *message;
    } cases[] = {
        {"target fd/*\n", "x.plan:1:1: ", "did you mean targets?"},
        {"targets nowhere/*\n", "x.plan:1:9: ", "no scenario 'nowhere/*'"},
        {"targets scenarios/fd\n", "x.plan:1:9: ", "no scenario 'scenarios/fd'"},
        {"targets fuzz:world\n", "x.plan:1:9: ", "needs an engine"},
        {"time 5m\ntargets fd/*.scn fuzz:h1\n", "x.plan:2:18: ", "needs an engine"},
        {"engines libfuzzer\ntargets fuzz:nothing\n", "x.plan:2:9: ", "no fuzz target 'nothing'"},
        {"time 5m\nengines explore afl\ntargets fd/*.scn\n", "x.plan:2:17: ", "nothing to do"},
        {"time 5m\nengines explore afl\ntargets fuzz:h1\n", "x.plan:2:9: ", "nothing to do"},
        {"time 5m\nengines afl\ntargets fd/*.scn fuzz:h1\n", "x.plan:2:9: ", "explore"},
        {"time 5m\nengines afl\ntargets fuzz:h1\nstrategies pos\n",
         "x.plan:4:12: ", "for scenarios"},
        {"\n  builds plain best\n", "x.plan:2:16: ", "none of plain"},
        {"engines libfuzzer\n", "x.plan:1:1: ", "no targets"},
        {"engines magic\n", "x.plan:1:9: ", "none of explore"},
        {"strategies pct,x=1\n", "x.plan:1:12: ", ""},
        {"plants K01 K999\n", "x.plan:1:12: ", "no planted bug 'K999'"},
        {"time 5 m\n", "x.plan:1:6: ", "no time"},
        {"time 5m 6m\n", "x.plan:1:9: ", "takes one value"},
        {"time 5m\ntime 6m\n", "x.plan:2:1: ", "was said before"},
        {"time   # soon\n", "x.plan:1:8: ", "needs a value"},
        {"seed x\n", "x.plan:1:6: ", "no number"},
        {"trials 0\n", "x.plan:1:8: ", "at least 1"},
        {"points some\n", "x.plan:1:8: ", "neither sync nor memory"},
        {"time 5m\n", "x.plan:1:1: ", "no targets"},
        {"targets fd/*.scn\n", "x.plan:1:1: ", "neither time nor trials"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer error = {0};
        const bool is_good = parse(cases[i].text, &error);
        if (is_good || strncmp(error.data, cases[i].place, strlen(cases[i].place)) != 0 ||
            strstr(error.data, cases[i].message) == NULL)
            fail_msg("%s gives: %s", cases[i].text, error.data);
        campaign_plan_fini(&plan);
        buffer_fini(&error);
    }
}

static void test_caret_stands_below_the_word(void **state)
{
    struct buffer error = {0};

    (void)state;
    assert_false(parse("\tplants K01 K999 K18\n", &error));
    assert_non_null(strstr(error.data, "\n    \tplants K01 K999 K18\n    \t           ^\n"));
    campaign_plan_fini(&plan);
    buffer_fini(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_says_everything_or_what_is_usual),
        cmocka_unit_test(test_fuzz_targets_are_those_that_are_built),
        cmocka_unit_test(test_globs_are_in_order_and_once),
        cmocka_unit_test(test_mistakes_are_shown_where_they_are),
        cmocka_unit_test(test_caret_stands_below_the_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
