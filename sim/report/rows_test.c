/*
 * sim/report/rows_test.c - each row is one line of JSON with the promised keys and types.
 */
#include "sim/report/rows.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text;
static size_t text_len;
static FILE *out;

static int open_text(void **state)
{
    (void)state;
    out = open_memstream(&text, &text_len);
    return out == NULL;
}

static int close_text(void **state)
{
    (void)state;
    free(text);
    return 0;
}

/* The row just written; exactly one line. */
static struct json_object *read_row(void)
{
    fclose(out);
    char *end = strchr(text, '\n');
    assert_non_null(end);
    assert_ptr_equal(end, text + text_len - 1);
    struct json_object *row = json_tokener_parse(text);
    assert_non_null(row);
    return row;
}

static struct json_object *get(struct json_object *row, const char *key)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(row, key, &value))
        fail_msg("no key %s", key);
    return value;
}

static void assert_text(struct json_object *row, const char *key, const char *want)
{
    struct json_object *value = get(row, key);

    assert_int_equal(json_object_get_type(value), json_type_string);
    assert_string_equal(json_object_get_string(value), want);
}

static void assert_number(struct json_object *row, const char *key, uint64_t want)
{
    struct json_object *value = get(row, key);

    assert_int_equal(json_object_get_type(value), json_type_int);
    assert_int_equal(json_object_get_uint64(value), want);
}

static const struct row_finding finding = {.kind = FINDING_DATA_RACE,
                                           .title = "data-race in a / \"b\"\n",
                                           .schedule = 412,
                                           .seed = UINT64_C(0xfedcba9876543210),
                                           .reproducer = "out/x.scn",
                                           .count = 3};

static void summary_has_its_findings(void **state)
{
    (void)state;
    rows_summary(out, &(struct row_summary){.target = "a.scn",
                                            .strategy = "pct,d=3",
                                            .seed = 0x5eed,
                                            .schedules = 20000,
                                            .points = UINT64_C(5000000000),
                                            .elapsed_ns = UINT64_C(12034567890),
                                            .findings = &finding,
                                            .finding_count = 1});
    struct json_object *row = read_row();
    assert_text(row, "event", "summary");
    assert_text(row, "target", "a.scn");
    assert_text(row, "strategy", "pct,d=3");
    assert_text(row, "seed", "0x5eed");
    assert_number(row, "schedules", 20000);
    assert_number(row, "points", UINT64_C(5000000000));
    assert_non_null(strstr(text, "\"seconds\":12.034567,"));
    struct json_object *findings = get(row, "findings");
    assert_int_equal(json_object_array_length(findings), 1);
    struct json_object *item = json_object_array_get_idx(findings, 0);
    assert_text(item, "kind", "data-race");
    assert_text(item, "title", "data-race in a / \"b\"\n");
    assert_number(item, "schedule", 412);
    assert_text(item, "seed", "0xfedcba9876543210");
    assert_text(item, "reproducer", "out/x.scn");
    json_object_put(row);
}

static void summary_without_findings_has_an_empty_list(void **state)
{
    (void)state;
    rows_summary(out, &(struct row_summary){.target = "a", .strategy = "portfolio"});
    struct json_object *row = read_row();
    assert_int_equal(json_object_array_length(get(row, "findings")), 0);
    assert_non_null(strstr(text, "\"seconds\":0.000000,"));
    json_object_put(row);
}

static void finding_without_a_file_says_null(void **state)
{
    (void)state;
    struct row_finding bare = finding;
    bare.reproducer = NULL;
    rows_finding(out, &bare);
    struct json_object *row = read_row();
    assert_text(row, "event", "finding");
    assert_null(get(row, "reproducer"));
    json_object_put(row);
}

static void run_has_its_verdict_and_hash(void **state)
{
    (void)state;
    struct run_result result = {.steps = 17, .trace_hash = 0xabc};
    result.finding.kind = FINDING_DEADLOCK;
    snprintf(result.finding.title, sizeof(result.finding.title), "deadlock: a(f) -> b(g)");
    rows_run(out, "a.scn", &result);
    struct json_object *row = read_row();
    assert_text(row, "event", "run");
    assert_text(row, "verdict", "deadlock");
    assert_text(row, "title", "deadlock: a(f) -> b(g)");
    assert_number(row, "steps", 17);
    assert_text(row, "trace_hash", "0000000000000abc");
    json_object_put(row);
}

static void silent_run_has_no_title(void **state)
{
    (void)state;
    rows_run(out, "a.scn", &(struct run_result){.steps = 1});
    struct json_object *row = read_row();
    assert_text(row, "verdict", "none");
    assert_null(get(row, "title"));
    json_object_put(row);
}

static void plant_says_whether_it_was_found(void **state)
{
    (void)state;
    rows_plant(out, &(struct row_plant){.id = "K01",
                                        .slug = "fd-delete-waits",
                                        .is_found = true,
                                        .schedules = 412,
                                        .elapsed_ns = 1500000000,
                                        .kind = FINDING_DEADLOCK,
                                        .title = "deadlock: x"});
    struct json_object *row = read_row();
    assert_text(row, "event", "plant");
    assert_text(row, "id", "K01");
    assert_true(json_object_get_boolean(get(row, "found")));
    assert_number(row, "schedules", 412);
    assert_non_null(strstr(text, "\"seconds\":1.500000,"));
    assert_text(row, "title", "deadlock: x");
    json_object_put(row);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_text, close_text)
    const struct CMUnitTest tests[] = {
        CASE(summary_has_its_findings),         CASE(summary_without_findings_has_an_empty_list),
        CASE(finding_without_a_file_says_null), CASE(run_has_its_verdict_and_hash),
        CASE(silent_run_has_no_title),          CASE(plant_says_whether_it_was_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
