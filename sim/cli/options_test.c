/*
 * sim/cli/options_test.c - words that are understood, and the errors for those that are not.
 */
#include "sim/cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct values {
    bool is_loud;
    struct option_number count;
    struct option_number time_ns;
    const char *name;
    struct option_list items;
};

static const struct option_def defs[] = {
    {"loud", 'l', OPTION_FLAG, NULL, "say more", offsetof(struct values, is_loud)},
    {"count", 'c', OPTION_NUMBER, "N", "how many", offsetof(struct values, count)},
    {"time", 0, OPTION_DURATION, "60s", "how long", offsetof(struct values, time_ns)},
    {"name", 0, OPTION_TEXT, "NAME", "which", offsetof(struct values, name)},
    {"item", 0, OPTION_LIST, "ID", "again for more", offsetof(struct values, items)},
};
enum { DEF_COUNT = sizeof(defs) / sizeof(defs[0]), WORDS_MAX = 16 };

static struct values values;
static struct operands operands;
static char error[OPTION_ERROR_BYTES];

/* Parses the words of `line`, which are separated by single spaces. */
static bool parse(const char *line)
{
    static char copy[256];
    char *argv[WORDS_MAX];
    int argc = 0;

    memset(&values, 0, sizeof(values));
    error[0] = '\0';
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    return options_parse(defs, DEF_COUNT, argc, argv, &values, &operands, error);
}

static void values_may_be_the_next_word_or_behind_an_equals_sign(void **state)
{
    (void)state;
    assert_true(parse("--count 12 --name=x=y --time=5m -l"));
    assert_int_equal(values.count.value, 12);
    assert_string_equal(values.name, "x=y");
    assert_int_equal(values.time_ns.value, UINT64_C(300000000000));
    assert_true(values.is_loud);
    assert_true(parse("-c0xff"));
    assert_int_equal(values.count.value, 255);
    assert_true(parse("-c 7"));
    assert_int_equal(values.count.value, 7);
    assert_false(values.time_ns.is_given);
}

static void operands_and_options_mix(void **state)
{
    (void)state;
    assert_true(parse("a --loud b -- --count -l"));
    assert_int_equal(operands.count, 4);
    assert_string_equal(operands.items[0], "a");
    assert_string_equal(operands.items[1], "b");
    assert_string_equal(operands.items[2], "--count");
    assert_string_equal(operands.items[3], "-l");
    assert_true(parse("-"));
    assert_string_equal(operands.items[0], "-");
}

static void lists_grow(void **state)
{
    (void)state;
    assert_true(parse("--item a --item=b"));
    assert_int_equal(values.items.count, 2);
    assert_string_equal(values.items.items[1], "b");
}

static void errors_name_the_word_and_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *error;
    } cases[] = {
        {"--cuont 3", "no option '--cuont'; did you mean --count?"},
        {"--lou", "no option '--lou'; did you mean --loud?"},
        {"--something-else", "no option '--something-else'"},
        {"-x", "no option '-x'"},
        {"--count", "--count needs a value: --count N"},
        {"--count x", "--count: 'x' is not a number"},
        {"--count -1", "--count: '-1' is not a number"},
        {"--count 99999999999999999999", "--count: '99999999999999999999' is not a number"},
        {"--count 0x", "--count: '0x' is not a number"},
        {"--time 60", "--time: '60' is not a duration (500ms, 60s, 5m, 1h)"},
        {"--time 1.5s", "--time: '1.5s' is not a duration (500ms, 60s, 5m, 1h)"},
        {"--loud=yes", "--loud takes no value"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(parse(cases[i].line));
        assert_string_equal(error, cases[i].error);
    }
}

static void numbers_and_durations_are_exact(void **state)
{
    (void)state;
    uint64_t value = 0;
    assert_true(options_parse_number("18446744073709551615", &value));
    assert_int_equal(value, UINT64_MAX);
    assert_true(options_parse_number("0xFFffFFffFFffFFff", &value));
    assert_int_equal(value, UINT64_MAX);
    assert_false(options_parse_number("18446744073709551616", &value));
    assert_false(options_parse_number("", &value));
    assert_true(options_parse_duration("500ms", &value));
    assert_int_equal(value, 500000000);
    assert_true(options_parse_duration("2h", &value));
    assert_int_equal(value, UINT64_C(7200000000000));
    assert_false(options_parse_duration("99999999999999h", &value));
    assert_false(options_parse_duration("s", &value));
}

static void nearest_word_is_near(void **state)
{
    (void)state;
    static const char *const words[] = {"explore", "replay", "plants"};
    assert_string_equal(options_nearest("exlpore", words, 3, sizeof(words[0])), "explore");
    assert_string_equal(options_nearest("plant", words, 3, sizeof(words[0])), "plants");
    assert_null(options_nearest("zzz", words, 3, sizeof(words[0])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_may_be_the_next_word_or_behind_an_equals_sign),
        cmocka_unit_test(operands_and_options_mix),
        cmocka_unit_test(lists_grow),
        cmocka_unit_test(errors_name_the_word_and_what_was_meant),
        cmocka_unit_test(numbers_and_durations_are_exact),
        cmocka_unit_test(nearest_word_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
