/*
 * fuzz/mutate/edit.h - a scenario's lines, loose, while they are being changed.
 *
 * Lines are changed one by one and put together again by the rules of sim/input/draft.h: what may
 * not stand where it stands is left out.
 *
 * Owner: the caller's storage.  Threads: any, one at a time.
 */
#ifndef FUZZ_MUTATE_EDIT_H
#define FUZZ_MUTATE_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/random.h"
#include "sim/input/forms.h"
#include "sim/input/scenario.h"

struct buffer;
struct bump;
struct hints;
struct mutate_engine;

enum { EDIT_LINES_MAX = 4096, EDIT_ENDPOINTS_MAX = 16, EDIT_DECLARATIONS_MAX = 64 };

struct edit_line {
    struct scenario_line line;
    uint16_t declaration; /* of the original; SCENARIO_ALL: none, or a new one */
};

struct edit {
    struct scenario *from;
    struct bump *memory;
    struct edit_line *lines;
    size_t count;
    size_t capacity;
    uint64_t random;
    const struct mutate_engine *engine;
    const struct hints *hints; /* NULL: nothing is known */
    /* Of the original: the kinds and names of its declarations. */
    uint8_t kinds[EDIT_DECLARATIONS_MAX];
    struct bytes names[EDIT_DECLARATIONS_MAX];
    size_t declaration_count;
};

void edit_begin(struct edit *edit, const uint8_t *data, size_t len, uint64_t seed);
/* Appends the canonical bytes. */
void edit_write(const struct edit *edit, struct buffer *out);
void edit_end(struct edit *edit);

/* ---- chance ---- */

/* 0..n-1; 0 for n of 0. */
size_t edit_below(struct edit *edit, size_t n);
bool edit_one_in(struct edit *edit, size_t n);

/* ---- lines ---- */

/* Any line that `fits`; edit->count when there is none. */
size_t edit_find(struct edit *edit, bool (*fits)(const struct edit_line *line));
bool edit_is_event(const struct edit_line *line);
bool edit_is_recorded(const struct edit_line *line);
enum form_place edit_place(const struct edit_line *line);

/* The line's arguments, to be changed. */
struct scenario_value *edit_args(struct edit *edit, size_t index);

/* Makes room for a line before `index`; its arguments are all absent. NULL when there is no room.
 */
struct edit_line *edit_insert(struct edit *edit, size_t index, enum scenario_form form);
void edit_copy(struct edit *edit, size_t from, size_t to);
void edit_remove(struct edit *edit, size_t index);

/* Where an event may be put: behind the declarations, before the end and the recorded part. */
size_t edit_event_place(struct edit *edit);
/* Where the recorded part ends: at the end. */
size_t edit_recorded_place(const struct edit *edit);

/* A declaration of one of `kinds` (bit per kind); false when there is none. */
bool edit_pick_actor(struct edit *edit, uint32_t kinds, struct scenario_ref *ref);

/* Memory until edit_end(). */
struct bytes edit_bytes(struct edit *edit, const void *data, size_t len);
struct bytes edit_text(struct edit *edit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
