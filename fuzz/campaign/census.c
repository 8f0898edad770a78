/*
 * fuzz/campaign/census.c - see census.h.
 *
 * Stored are, each little-endian: the program (8 bytes), runs (8), level (4), and for each key 4
 * bytes and one for how often it was seen.
 */
#include "fuzz/campaign/census.h"

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
