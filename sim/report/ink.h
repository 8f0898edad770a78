/*
 * sim/report/ink.h - lines of words for a terminal: wrapped, indented, coloured where that is
 * wanted.
 *
 * A line is built word by word; when a word does not fit the width it goes to a continuation line.
 * Width counts characters, not bytes: everything but ASCII here is UTF-8 and one column wide.
 *
 * Threads: one.
 */
#ifndef SIM_REPORT_INK_H
#define SIM_REPORT_INK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/report/story.h"

enum ink_tone {
    INK_PLAIN,
    INK_DIM,
    INK_STRONG,
    INK_BAD,
    INK_GOOD,
    INK_LANE_0, /* and one for each lane that follows */
    INK_LANE_LAST = INK_LANE_0 + 5,
};

struct ink {
    FILE *out;
    struct story_style style;
    /* private */
    unsigned column;
    unsigned indent; /* of continuation lines */
    bool is_fresh;   /* nothing but indentation on this line yet */
    /* Begins each continuation line instead of blanks when not NULL; returns the columns it used.
     */
    unsigned (*continued)(struct ink *ink, void *context);
    void *continued_context;
};

/* Starts a line at column `indent`; continuations start at `indent_next`. */
void ink_begin(struct ink *ink, unsigned indent, unsigned indent_next);
/* Adds text as it stands, without wrapping and without a space before it. */
void ink_raw(struct ink *ink, enum ink_tone tone, const char *text);
/* Adds the words of `text`, a space before each but the line's first. */
void ink_words(struct ink *ink, enum ink_tone tone, const char *text);
__attribute__((format(printf, 3, 4))) void ink_wordsf(struct ink *ink, enum ink_tone tone,
                                                      const char *fmt, ...);
/* Adds `text` as one word that is not part of the sentence: two spaces before it. */
void ink_aside(struct ink *ink, enum ink_tone tone, const char *text);
void ink_end(struct ink *ink);

/* A whole line, wrapped; continuations start two columns further right. */
void ink_line(struct ink *ink, unsigned indent, enum ink_tone tone, const char *text);

/* Spaces up to `column`. */
void ink_column(struct ink *ink, unsigned column);

/* Characters in UTF-8 text. */
unsigned ink_width(const char *text);

#endif
