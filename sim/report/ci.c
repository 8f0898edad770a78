/*
 * sim/report/ci.c - see ci.h.
 */
#include "sim/report/ci.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/report/words.h"

/* The weakness that a kind of finding is an instance of: cwe.mitre.org. 0: none fits. */
static const int weaknesses[FINDING_KIND_COUNT] = {
    [FINDING_CRASH] = 119,       [FINDING_ASSERT] = 617,      [FINDING_HEAP_USE_AFTER_FREE] = 416,
    [FINDING_HEAP_MISUSE] = 415, [FINDING_DATA_RACE] = 362,   [FINDING_DEADLOCK] = 833,
    [FINDING_LIVELOCK] = 835,    [FINDING_LOST_WAKEUP] = 820, [FINDING_LIVENESS] = 400,
    [FINDING_LEAK] = 772,        [FINDING_INVARIANT] = 664,   [FINDING_DATA] = 354,
    [FINDING_LOCK_MISUSE] = 667, [FINDING_FD_MISUSE] = 675,
};

/* ---- JUnit ---- */

/* XML 1.0 section 2.2 forbids most control characters altogether. */
static void put_xml(struct buffer *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '&')
            buffer_append_text(out, "&amp;");
        else if (*at == '<')
            buffer_append_text(out, "&lt;");
        else if (*at == '>')
            buffer_append_text(out, "&gt;");
        else if (*at == '"')
            buffer_append_text(out, "&quot;");
        else if (*at == '\n')
            buffer_append_text(out, "&#10;");
        else if (*at < ' ' && *at != '\t')
            buffer_append_byte(out, '?');
        else
            buffer_append_byte(out, *at);
    }
}

static void put_attribute(struct buffer *out, const char *name, const char *text)
{
    buffer_printf(out, " %s=\"", name);
    put_xml(out, text);
    buffer_append_byte(out, '"');
}

static void put_seconds(struct buffer *out, uint64_t time_ns)
{
    buffer_printf(out, " time=\"%" PRIu64 ".%03" PRIu64 "\"", time_ns / 1000000000,
                  time_ns / 1000000 % 1000);
}

static void put_failure(struct buffer *out, const struct ci_finding *finding)
{
    buffer_append_text(out, "      <failure");
    put_attribute(out, "type", finding_kind_word(finding->kind));
    put_attribute(out, "message", finding->title);
    buffer_append_byte(out, '>');
    put_xml(out, finding_kind_property(finding->kind));
    buffer_append_text(out, "&#10;");
    put_xml(out, finding->detail);
    if (finding->reproducer[0] != '\0') {
        buffer_append_text(out, "&#10;replay: heddle replay ");
        put_xml(out, finding->reproducer);
    }
    buffer_append_text(out, "</failure>\n");
}

static void put_case(struct buffer *out, const struct ci_case *one)
{
    buffer_append_text(out, "    <testcase");
    put_attribute(out, "name", one->target);
    put_attribute(out, "classname", "heddle");
    put_seconds(out, one->elapsed_ns);
    buffer_append_text(out, ">\n");
    if (one->problem[0] != '\0') {
        buffer_append_text(out, "      <error type=\"cannot-judge\"");
        put_attribute(out, "message", one->problem);
        buffer_append_text(out, "/>\n");
    }
    for (size_t i = 0; i < one->finding_count; i++)
        put_failure(out, &one->findings[i]);
    buffer_printf(out, "      <system-out>%" PRIu64 " schedules</system-out>\n", one->schedules);
    buffer_append_text(out, "    </testcase>\n");
}

void ci_print_junit(const struct ci_case *cases, size_t count, struct buffer *out)
{
    uint64_t elapsed_ns = 0;
    size_t failures = 0;
    size_t errors = 0;

    for (size_t i = 0; i < count; i++) {
        elapsed_ns += cases[i].elapsed_ns;
        failures += cases[i].finding_count != 0;
        errors += cases[i].problem[0] != '\0';
    }
    buffer_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    buffer_printf(out,
                  "  <testsuite name=\"heddle\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
                  "skipped=\"0\"",
                  count, failures, errors);
    put_seconds(out, elapsed_ns);
    buffer_append_text(out, ">\n");
    for (size_t i = 0; i < count; i++)
        put_case(out, &cases[i]);
    buffer_append_text(out, "  </testsuite>\n</testsuites>\n");
}

/* ---- SARIF ---- */

static struct json_object *text_object(const char *text)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "text", json_object_new_string(text));
    return object;
}

static struct json_object *rule_of(enum finding_kind kind)
{
    struct json_object *rule = json_object_new_object();
    char text[64];

    json_object_object_add(rule, "id", json_object_new_string(finding_kind_word(kind)));
    json_object_object_add(rule, "shortDescription", text_object(finding_kind_property(kind)));
    if (weaknesses[kind] != 0) {
        struct json_object *properties = json_object_new_object();
        struct json_object *tags = json_object_new_array();
        snprintf(text, sizeof(text), "external/cwe/cwe-%d", weaknesses[kind]);
        json_object_array_add(tags, json_object_new_string(text));
        json_object_object_add(properties, "tags", tags);
        json_object_object_add(rule, "properties", properties);
        snprintf(text, sizeof(text), "https://cwe.mitre.org/data/definitions/%d.html",
                 weaknesses[kind]);
        json_object_object_add(rule, "helpUri", json_object_new_string(text));
    }
    return rule;
}

static struct json_object *location_of(const struct ci_case *one, const struct ci_finding *finding)
{
    struct json_object *location = json_object_new_object();
    struct json_object *physical = json_object_new_object();
    struct json_object *artifact = json_object_new_object();
    const bool has_line = finding->file[0] != '\0' && finding->line != 0;

    json_object_object_add(
        artifact, "uri",
        json_object_new_string(finding->file[0] != '\0' ? finding->file : one->target));
    json_object_object_add(physical, "artifactLocation", artifact);
    if (has_line) {
        struct json_object *region = json_object_new_object();
        json_object_object_add(region, "startLine", json_object_new_int64(finding->line));
        json_object_object_add(physical, "region", region);
    }
    json_object_object_add(location, "physicalLocation", physical);
    if (finding->function[0] != '\0') {
        struct json_object *logical = json_object_new_object();
        struct json_object *all = json_object_new_array();
        json_object_object_add(logical, "name", json_object_new_string(finding->function));
        json_object_object_add(logical, "kind", json_object_new_string("function"));
        json_object_array_add(all, logical);
        json_object_object_add(location, "logicalLocations", all);
    }
    return location;
}

static struct json_object *result_of(const struct ci_case *one, const struct ci_finding *finding)
{
    struct json_object *result = json_object_new_object();
    struct json_object *locations = json_object_new_array();
    struct json_object *prints = json_object_new_object();
    struct json_object *properties = json_object_new_object();
    struct buffer text = {0};
    char slug[CI_NAME_BYTES];

    buffer_append_text(&text, finding->title);
    if (finding->detail[0] != '\0')
        buffer_printf(&text, "\n%s", finding->detail);
    json_object_object_add(result, "ruleId",
                           json_object_new_string(finding_kind_word(finding->kind)));
    json_object_object_add(result, "ruleIndex", json_object_new_int((int)finding->kind - 1));
    json_object_object_add(result, "level", json_object_new_string("error"));
    json_object_object_add(result, "message", text_object(text.data));
    json_object_array_add(locations, location_of(one, finding));
    json_object_object_add(result, "locations", locations);
    /* Findings are one when their titles are. */
    words_slug(finding->title, slug, sizeof(slug));
    json_object_object_add(prints, "heddleTitle/v1", json_object_new_string(slug));
    json_object_object_add(result, "partialFingerprints", prints);
    json_object_object_add(properties, "target", json_object_new_string(one->target));
    if (finding->reproducer[0] != '\0')
        json_object_object_add(properties, "reproducer",
                               json_object_new_string(finding->reproducer));
    json_object_object_add(result, "properties", properties);
    buffer_fini(&text);
    return result;
}

static struct json_object *tool(void)
{
    struct json_object *tool = json_object_new_object();
    struct json_object *driver = json_object_new_object();
    struct json_object *rules = json_object_new_array();

    json_object_object_add(driver, "name", json_object_new_string("Heddle"));
    for (int kind = FINDING_NONE + 1; kind < FINDING_KIND_COUNT; kind++)
        json_object_array_add(rules, rule_of((enum finding_kind)kind));
    json_object_object_add(driver, "rules", rules);
    json_object_object_add(tool, "driver", driver);
    return tool;
}

void ci_print_sarif(const struct ci_case *cases, size_t count, struct buffer *out)
{
    struct json_object *log = json_object_new_object();
    struct json_object *runs = json_object_new_array();
    struct json_object *run = json_object_new_object();
    struct json_object *results = json_object_new_array();

    json_object_object_add(log, "$schema",
                           json_object_new_string("https://json.schemastore.org/sarif-2.1.0.json"));
    json_object_object_add(log, "version", json_object_new_string("2.1.0"));
    json_object_object_add(run, "tool", tool());
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < cases[i].finding_count; j++)
            json_object_array_add(results, result_of(&cases[i], &cases[i].findings[j]));
    json_object_object_add(run, "results", results);
    json_object_array_add(runs, run);
    json_object_object_add(log, "runs", runs);
    buffer_append_text(out, json_object_to_json_string_ext(
                                log, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    buffer_append_byte(out, '\n');
    json_object_put(log);
}

/* ---- GitHub ---- */

/* What ends a value or a line is written as %XX. */
static void put_escaped(FILE *out, const char *text, bool is_property)
{
    for (; *text != '\0'; text++) {
        const bool is_special = *text == '%' || *text == '\r' || *text == '\n' ||
                                (is_property && (*text == ':' || *text == ','));
        if (is_special)
            fprintf(out, "%%%02X", (unsigned char)*text);
        else
            fputc(*text, out);
    }
}

void ci_print_github(const struct ci_case *cases, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < cases[i].finding_count; j++) {
            const struct ci_finding *finding = &cases[i].findings[j];
            fputs("::error file=", out);
            put_escaped(out, finding->file[0] != '\0' ? finding->file : cases[i].target, true);
            if (finding->line != 0)
                fprintf(out, ",line=%" PRIu32, finding->line);
            fputs(",title=", out);
            put_escaped(out, finding->title, true);
            fputs("::", out);
            put_escaped(out, finding->detail[0] != '\0' ? finding->detail : finding->title, false);
            if (finding->reproducer[0] != '\0') {
                fputs("%0Areplay: heddle replay ", out);
                put_escaped(out, finding->reproducer, false);
            }
            fputc('\n', out);
        }
    }
}
