/*
 * sim/report/timeline_test.c - the page's and Perfetto's data: JSON whatever the names hold, with
 * the number of steps that are no longer there.
 */
#include "sim/report/timeline.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/input/buffer.h"

#define NASTY "</script><b>\"\\&"

enum { STEPS = 6, KEPT = 4 };

_Noreturn void core_bug(const char *file, int line, const char *func, const char *expr);
_Noreturn void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}

static struct trace trace;
static struct run_result result = {
    .finding = {.kind = FINDING_LIVENESS, .title = "liveness: " NASTY, .step = STEPS}};

static void print_with(void (*print)(const struct timeline *, struct buffer *), struct buffer *out)
{
    static int object;
    const struct timeline timeline = {.trace = &trace, .result = &result, .target = NASTY};

    trace_init(&trace, KEPT, NULL);
    snprintf(trace.threads[0].name, sizeof(trace.threads[0].name), "w<0>");
    trace.threads[0].is_known = true;
    const uint32_t id = trace_intern(&trace, &object, NASTY);
    for (uint64_t i = 1; i <= STEPS; i++) {
        const struct trace_step step = {
            .step = i, .time_ns = i * 100, .object_id = id, .kind = OP_LOCK, .label = NASTY};
        trace_add(&trace, &step);
    }
    print(&timeline, out);
    trace_fini(&trace);
}

static void test_page_holds_no_markup_of_the_program(void **state)
{
    struct buffer out = {0};

    (void)state;
    print_with(timeline_print_page, &out);
    assert_null(strstr(out.data, "</script><b>"));
    assert_non_null(strstr(out.data, "\\u003c/script>"));
    assert_null(strstr(out.data, "w<0>"));
    assert_non_null(strstr(out.data, "w\\u003c0>"));
    assert_non_null(strstr(out.data, "\"first\":3,\"dropped\":2,"));
    buffer_fini(&out);
}

static void test_events_are_json(void **state)
{
    struct json_object *events = NULL;
    struct buffer out = {0};

    (void)state;
    print_with(timeline_print_events, &out);
    struct json_object *root = json_tokener_parse(out.data);
    assert_non_null(root);
    assert_true(json_object_object_get_ex(root, "traceEvents", &events));
    assert_true(json_object_array_length(events) >= KEPT);
    assert_non_null(
        strstr(json_object_to_json_string_ext(root, JSON_C_TO_STRING_NOSLASHESCAPE), "w<0>"));
    json_object_put(root);
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_holds_no_markup_of_the_program),
        cmocka_unit_test(test_events_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
