/*
 * sim/shrink/edit.h - scenarios a little smaller than a given one, one after another.
 *
 * Candidates are made on the canonical text and read back by the strict parser, so that whatever a
 * scenario can hold is shrunk by the same few rules: a line less, a word less, a smaller number,
 * the end of a range instead of the range. What does not parse is passed over.
 *
 * Threads: one.
 */
#ifndef SIM_SHRINK_EDIT_H
#define SIM_SHRINK_EDIT_H

#include <stdbool.h>
#include <stddef.h>

struct scenario;

/* X(enumerator, what it tries) in the order that pays. */
enum edit_kind { EDIT_LINES, EDIT_WORDS, EDIT_NUMBERS, EDIT_KIND_COUNT };

/* Walks over the candidates of one kind. */
struct edit {
    enum edit_kind kind;
    const struct scenario *scenario; /* without a schedule; borrowed */
    size_t line;                     /* from the last to the first */
    size_t token;
    size_t choice;
};

void edit_begin(struct edit *edit, enum edit_kind kind, const struct scenario *scenario);

/* The next candidate, to be freed by the caller; NULL when there is none left. */
struct scenario *edit_next(struct edit *edit);

/* The scenario without comments, blank lines and schedule. */
struct scenario *edit_bare(const struct scenario *scenario);

/* Lines that say something about what happens: comments, plants and settings of the run aside. */
size_t edit_line_count(const struct scenario *scenario);

#endif
