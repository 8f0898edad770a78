/*
 * fuzz/campaign/census.c - see census.h.
 *
 * Stored are, each little-endian: the program (8 bytes), runs (8), level (4), and for each key 4
 * bytes and one for how often it was seen.
 */
#include "fuzz/campaign/census.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/row.h"

enum { HEAD_BYTES = 20, KEY_BYTES = 4, ENTRY_BYTES = KEY_BYTES + 1 };

static void put_number(uint8_t *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_number(const uint8_t *data, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

void census_read(struct json_object *summary, struct sketch *out)
{
    struct json_object *item = NULL;
    struct json_object *seen = NULL;

    memset(out, 0, sizeof(*out));
    if (!json_object_object_get_ex(summary, "sketch", &item) ||
        !json_object_object_get_ex(item, "seen", &seen))
        return;
    out->runs = (uint64_t)row_number(item, "runs");
    sketch_raise(out, (uint32_t)row_number(item, "level"));
    for (size_t i = 0; i + 1 < json_object_array_length(seen); i += 2)
        sketch_add(out, (uint32_t)json_object_get_int64(json_object_array_get_idx(seen, i)),
                   (uint32_t)json_object_get_int64(json_object_array_get_idx(seen, i + 1)));
}

size_t census_pack(const struct sketch *sketch, const char *program, uint8_t out[CENSUS_BYTES_MAX])
{
    uint8_t *at = out + HEAD_BYTES;

    put_number(out, strtoull(program, NULL, 16), 8);
    put_number(out + 8, sketch->runs, 8);
    put_number(out + 16, sketch->level, 4);
    for (uint32_t i = 0; i < sketch->count; i++, at += ENTRY_BYTES) {
        put_number(at, sketch->keys[i], KEY_BYTES);
        at[KEY_BYTES] = sketch->seen[i];
    }
    return (size_t)(at - out);
}

/* False: it is of another program than `program`, or of none. */
static bool add_packed(const uint8_t *data, size_t size, uint64_t program, struct sketch *out)
{
    if (size < HEAD_BYTES || get_number(data, 8) != program)
        return false;
    out->runs += get_number(data + 8, 8);
    sketch_raise(out, (uint32_t)get_number(data + 16, 4));
    for (size_t at = HEAD_BYTES; at + ENTRY_BYTES <= size; at += ENTRY_BYTES)
        sketch_add(out, (uint32_t)get_number(data + at, KEY_BYTES), data[at + KEY_BYTES]);
    return true;
}

void census_of_job(struct store *store, const char *job, struct sketch *out)
{
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT sketch FROM slice WHERE job = ? AND state = 1 AND length(sketch) >= 20 ORDER BY "
        "ended_ms DESC, sketch",
        "s", job);
    uint64_t program = 0;

    memset(out, 0, sizeof(*out));
    while (store_next(store, rows)) {
        const uint8_t *data = sqlite3_column_blob(rows, 0);
        const size_t size = (size_t)sqlite3_column_bytes(rows, 0);
        if (program == 0 && size >= HEAD_BYTES)
            program = get_number(data, 8);
        (void)add_packed(data, size, program, out);
    }
}

/* ---- over time ---- */

struct census_job {
    char *name;
    uint64_t distinct;
    uint64_t program;
    struct sketch sketch;
};

static struct census_job *find_job(struct census_job *jobs, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(jobs[i].name, name) == 0)
            return &jobs[i];
    jobs[*count].name = strdup(name);
    if (jobs[*count].name == NULL)
        abort();
    return &jobs[(*count)++];
}

void census_curve(struct store *store, void (*each)(void *context, int64_t ms, uint64_t distinct),
                  void *context)
{
    const size_t count_max =
        (size_t)store_number(store, 0, "SELECT count(DISTINCT job) FROM slice", "");
    struct census_job *jobs = calloc(count_max + 1, sizeof(*jobs));
    size_t count = 0;
    uint64_t sum = 0;

    if (jobs == NULL)
        abort();
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT job, ended_ms, sketch FROM slice WHERE state = 1 AND length(sketch) >= 20 "
        "ORDER BY ended_ms, job, shard, first",
        "");
    while (store_next(store, rows)) {
        struct census_job *job = find_job(jobs, &count, store_text(rows, 0));
        const uint8_t *data = sqlite3_column_blob(rows, 2);
        const size_t size = (size_t)sqlite3_column_bytes(rows, 2);
        if (get_number(data, 8) != job->program)
            memset(&job->sketch, 0, sizeof(job->sketch));
        job->program = get_number(data, 8);
        (void)add_packed(data, size, job->program, &job->sketch);
        sum += sketch_distinct(&job->sketch) - job->distinct;
        job->distinct = sketch_distinct(&job->sketch);
        each(context, sqlite3_column_int64(rows, 1), sum);
    }
    for (size_t i = 0; i < count; i++)
        free(jobs[i].name);
    free(jobs);
}

/* ---- marks ---- */

enum { MARK_KEY_BYTES = 160 };

void census_keep_marks(struct store *store, struct json_object *summary)
{
    struct json_object *marks = NULL;
    char key[MARK_KEY_BYTES];

    if (!json_object_object_get_ex(summary, "marks", &marks))
        return;
    for (size_t i = 0; i < json_object_array_length(marks); i++) {
        snprintf(key, sizeof(key), "mark:%s",
                 json_object_get_string(json_object_array_get_idx(marks, i)));
        store_do(store, "INSERT OR IGNORE INTO meta VALUES(?, 'passed')", "s", key);
    }
}

bool census_has_mark(struct store *store, const char *name)
{
    char key[MARK_KEY_BYTES];
    char value[16];

    snprintf(key, sizeof(key), "mark:%s", name);
    return store_meta(store, key, value, sizeof(value));
}
