/*
 * sim/report/rows.c - see rows.h.
 */
#include "sim/report/rows.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "sim/search/search.h"

static void add_text(struct json_object *row, const char *key, const char *text)
{
    json_object_object_add(row, key, text == NULL ? NULL : json_object_new_string(text));
}

static void add_number(struct json_object *row, const char *key, uint64_t number)
{
    json_object_object_add(row, key, json_object_new_uint64(number));
}

static void add_hex(struct json_object *row, const char *key, const char *format, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), format, value);
    add_text(row, key, text);
}

/* Written digit by digit: there are no floats here. */
static void add_seconds(struct json_object *row, const char *key, uint64_t time_ns)
{
    struct json_object *number = json_object_new_uint64(time_ns);
    char text[48];

    snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, time_ns / 1000000000,
             time_ns / 1000 % 1000000);
    json_object_set_serializer(number, json_object_userdata_to_json_string, strdup(text),
                               json_object_free_userdata);
    json_object_object_add(row, key, number);
}

static struct json_object *new_row(const char *event)
{
    struct json_object *row = json_object_new_object();

    if (row == NULL) {
        perror("heddle: no memory for a line of JSON");
        abort();
    }
    add_text(row, "event", event);
    return row;
}

/* Written whole and at once, so that a reader of a pipe never sees half a line. */
static void put_row(FILE *out, struct json_object *row)
{
    fprintf(out, "%s\n",
            json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN |
                                                    JSON_C_TO_STRING_NOSLASHESCAPE));
    fflush(out);
    json_object_put(row);
}

static void fill_finding(struct json_object *row, const struct row_finding *finding)
{
    add_text(row, "kind", finding_kind_word(finding->kind));
    add_text(row, "title", finding->title);
    add_number(row, "schedule", finding->schedule);
    add_hex(row, "seed", "0x%" PRIx64, finding->seed);
    add_text(row, "reproducer", finding->reproducer);
    add_number(row, "count", finding->count);
}

void rows_finding(FILE *out, const struct row_finding *finding)
{
    struct json_object *row = new_row("finding");

    fill_finding(row, finding);
    put_row(out, row);
}

static void fill_extent(struct json_object *row, const struct search_extent *extent)
{
    add_number(row, "traces", extent->traces);
    json_object_object_add(row, "complete", json_object_new_boolean(extent->is_complete));
    add_number(row, "estimate", extent->estimate);
    add_number(row, "blocked", extent->blocked);
    if (extent->obstacle != NULL)
        add_text(row, "obstacle", extent->obstacle);
}

/* Keys, each with the number of runs that showed it. */
static void fill_sketch(struct json_object *row, const struct sketch *sketch)
{
    struct json_object *item = json_object_new_object();
    struct json_object *keys = json_object_new_array();

    add_number(item, "runs", sketch->runs);
    add_number(item, "level", sketch->level);
    for (uint32_t i = 0; i < sketch->count; i++) {
        json_object_array_add(keys, json_object_new_uint64(sketch->keys[i]));
        json_object_array_add(keys, json_object_new_uint64(sketch->seen[i]));
    }
    json_object_object_add(item, "seen", keys);
    json_object_object_add(row, "sketch", item);
}

static void fill_marks(struct json_object *row, const char *const *marks, size_t count)
{
    struct json_object *names = json_object_new_array();

    for (size_t i = 0; i < count; i++)
        json_object_array_add(names, json_object_new_string(marks[i]));
    json_object_object_add(row, "marks", names);
}

void rows_summary(FILE *out, const struct row_summary *summary)
{
    struct json_object *row = new_row("summary");
    struct json_object *findings = json_object_new_array();

    add_text(row, "target", summary->target);
    add_text(row, "strategy", summary->strategy);
    add_hex(row, "seed", "0x%" PRIx64, summary->seed);
    add_number(row, "schedules", summary->schedules);
    add_number(row, "points", summary->points);
    add_seconds(row, "seconds", summary->elapsed_ns);
    if (summary->extent != NULL && summary->extent->is_exhaustive)
        fill_extent(row, summary->extent);
    if (summary->sketch != NULL) {
        fill_sketch(row, summary->sketch);
        fill_marks(row, summary->marks, summary->mark_count);
    }
    for (size_t i = 0; i < summary->finding_count; i++) {
        struct json_object *item = json_object_new_object();
        fill_finding(item, &summary->findings[i]);
        json_object_array_add(findings, item);
    }
    json_object_object_add(row, "findings", findings);
    put_row(out, row);
}

void rows_run(FILE *out, const char *target, const struct run_result *result)
{
    const struct finding *finding = &result->finding;
    struct json_object *row = new_row("run");

    add_text(row, "target", target);
    add_text(row, "verdict", finding_kind_word(finding->kind));
    add_text(row, "title", finding->kind == FINDING_NONE ? NULL : finding->title);
    add_number(row, "steps", result->steps);
    add_number(row, "switches", result->switches);
    add_number(row, "virtual_ns", result->time_ns);
    add_hex(row, "trace_hash", "%016" PRIx64, result->trace_hash);
    put_row(out, row);
}

static void fill_shrunk(struct json_object *row, const struct row_shrunk *shrunk)
{
    add_text(row, "reproducer", shrunk->reproducer);
    add_number(row, "lines", shrunk->lines);
    add_number(row, "preemptions", shrunk->preemptions);
    add_number(row, "runs", shrunk->runs);
    add_seconds(row, "shrink_seconds", shrunk->elapsed_ns);
    json_object_object_add(row, "minimal", json_object_new_boolean(shrunk->is_minimal));
}

void rows_shrunk(FILE *out, const struct row_shrunk *shrunk)
{
    struct json_object *row = new_row("shrunk");

    add_text(row, "target", shrunk->target);
    add_text(row, "title", shrunk->title);
    fill_shrunk(row, shrunk);
    put_row(out, row);
}

void rows_explained(FILE *out, const struct row_explained *explained)
{
    struct json_object *row = new_row("explained");

    add_text(row, "title", explained->title);
    add_text(row, "kind", explained->kind);
    add_text(row, "first", explained->first);
    add_text(row, "second", explained->second);
    json_object_object_add(row, "same_object", json_object_new_boolean(explained->is_same_object));
    add_number(row, "runs", explained->runs);
    put_row(out, row);
}

void rows_plant(FILE *out, const struct row_plant *plant)
{
    struct json_object *row = new_row("plant");

    add_text(row, "id", plant->id);
    add_text(row, "slug", plant->slug);
    json_object_object_add(row, "found", json_object_new_boolean(plant->is_found));
    add_number(row, "schedules", plant->schedules);
    add_seconds(row, "seconds", plant->elapsed_ns);
    add_text(row, "kind", plant->is_found ? finding_kind_word(plant->kind) : NULL);
    add_text(row, "title", plant->title);
    if (plant->is_found)
        add_hex(row, "seed", "0x%" PRIx64, plant->seed);
    if (plant->shrunk != NULL)
        fill_shrunk(row, plant->shrunk);
    put_row(out, row);
}
