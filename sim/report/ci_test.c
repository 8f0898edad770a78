/*
 * sim/report/ci_test.c - findings as JUnit, SARIF and GitHub's annotations: counts, fields, and
 * what has to be escaped.
 */
#include "sim/report/ci.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/input/buffer.h"

#define REAL_TITLE "data-race in a<b> & \"c\" / d"

_Noreturn void core_bug(const char *file, int line, const char *func, const char *expr);
_Noreturn void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}

/* One is clean, one has two findings, one could not be judged. */
static struct ci_case cases[3] = {
    {.target = "fd/clean", .schedules = 7, .elapsed_ns = 1500000000},
    {.target = "task/bad,one:x",
     .schedules = 20,
     .elapsed_ns = 2000000,
     .finding_count = 2,
     .findings = {{.kind = FINDING_DATA_RACE,
                   .title = REAL_TITLE,
                   .detail = "first: 100%\nthen: <x>\001",
                   .function = "accept_fd",
                   .file = "core/net/accept.c",
                   .line = 129,
                   .reproducer = "out/a & b.scn"},
                  {.kind = FINDING_LIVENESS, .title = "liveness: c waits"}}},
    {.target = "x", .problem = "no such file: <x>"},
};

static size_t count_of(const char *text, const char *needle)
{
    size_t count = 0;

    for (; (text = strstr(text, needle)) != NULL; text++)
        count++;
    return count;
}

static void assert_has(const char *text, const char *needle)
{
    if (strstr(text, needle) == NULL)
        fail_msg("no '%s' in:\n%s", needle, text);
}

static void test_junit_counts_and_escapes(void **state)
{
    struct buffer out = {0};

    (void)state;
    ci_print_junit(cases, 3, &out);
    assert_has(out.data, "tests=\"3\" failures=\"1\" errors=\"1\" skipped=\"0\" time=\"1.502\"");
    assert_int_equal(count_of(out.data, "<testcase "), 3);
    assert_int_equal(count_of(out.data, "<failure "), 2);
    assert_int_equal(count_of(out.data, "<error "), 1);
    assert_has(out.data, "message=\"data-race in a&lt;b&gt; &amp; &quot;c&quot; / d\"");
    assert_has(out.data, "first: 100%&#10;then: &lt;x&gt;?");
    assert_has(out.data, "replay: heddle replay out/a &amp; b.scn</failure>");
    assert_has(out.data, "message=\"no such file: &lt;x&gt;\"");
    assert_has(out.data, "<system-out>7 schedules</system-out>");
    buffer_fini(&out);
}

static struct json_object *at(struct json_object *object, const char *name)
{
    struct json_object *member = NULL;

    if (!json_object_object_get_ex(object, name, &member))
        fail_msg("no '%s' in %s", name, json_object_to_json_string(object));
    return member;
}

static struct json_object *nth(struct json_object *object, const char *name, size_t index)
{
    struct json_object *element = json_object_array_get_idx(at(object, name), index);

    assert_non_null(element);
    return element;
}

static void assert_text(struct json_object *object, const char *wanted)
{
    assert_string_equal(json_object_get_string(object), wanted);
}

static void test_sarif_has_rules_results_and_places(void **state)
{
    struct buffer out = {0};

    (void)state;
    ci_print_sarif(cases, 3, &out);
    struct json_object *log = json_tokener_parse(out.data);
    assert_non_null(log);
    assert_text(at(log, "version"), "2.1.0");
    struct json_object *run = nth(log, "runs", 0);
    struct json_object *driver = at(at(run, "tool"), "driver");
    assert_int_equal(json_object_array_length(at(driver, "rules")), FINDING_KIND_COUNT - 1);
    assert_int_equal(json_object_array_length(at(run, "results")), 2);

    struct json_object *race = nth(run, "results", 0);
    assert_text(at(race, "ruleId"), finding_kind_word(FINDING_DATA_RACE));
    const int index = json_object_get_int(at(race, "ruleIndex"));
    struct json_object *rule = nth(driver, "rules", (size_t)index);
    assert_text(at(rule, "id"), finding_kind_word(FINDING_DATA_RACE));
    assert_text(nth(at(rule, "properties"), "tags", 0), "external/cwe/cwe-362");
    assert_text(at(at(race, "message"), "text"), REAL_TITLE "\nfirst: 100%\nthen: <x>\001");
    struct json_object *place = nth(race, "locations", 0);
    struct json_object *physical = at(place, "physicalLocation");
    assert_text(at(at(physical, "artifactLocation"), "uri"), "core/net/accept.c");
    assert_int_equal(json_object_get_int(at(at(physical, "region"), "startLine")), 129);
    assert_text(at(nth(place, "logicalLocations", 0), "name"), "accept_fd");
    assert_text(at(at(race, "properties"), "reproducer"), "out/a & b.scn");

    /* Where nothing is known of the code it is the target that is to blame, and no line of it. */
    struct json_object *other = nth(run, "results", 1);
    physical = at(nth(other, "locations", 0), "physicalLocation");
    assert_text(at(at(physical, "artifactLocation"), "uri"), "task/bad,one:x");
    assert_false(json_object_object_get_ex(physical, "region", NULL));
    json_object_put(log);
    buffer_fini(&out);
}

static void test_github_escapes_what_ends_a_value(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    ci_print_github(cases, 3, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(count_of(text, "\n"), 2);
    assert_has(text, "::error file=core/net/accept.c,line=129,title=data-race in a<b> & \"c\" / d::"
                     "first: 100%25%0Athen: <x>\001%0Areplay: heddle replay out/a & b.scn\n");
    assert_has(text,
               "::error file=task/bad%2Cone%3Ax,title=liveness%3A c waits::liveness: c waits\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_junit_counts_and_escapes),
        cmocka_unit_test(test_sarif_has_rules_results_and_places),
        cmocka_unit_test(test_github_escapes_what_ends_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
