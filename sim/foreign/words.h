/*
 * sim/foreign/words.h - the words of a `program` line: what a scenario cannot hold in a word
 * (spaces, quotes, "..") stands as %XX, as in a URL.
 *
 * Threads: any; pure.
 */
#ifndef SIM_FOREIGN_WORDS_H
#define SIM_FOREIGN_WORDS_H

#include <stddef.h>

/* Writes `text` as a word; `out` has room for three bytes for each of `text` and the NUL, four for
 * the empty text. */
void word_encode(const char *text, char *out);

/* The text that a word of `len` bytes means, NUL-terminated, into `out` (room for len + 1). Never
 * fails: a stray % is itself. */
void word_decode(const char *word, size_t len, char *out);

#endif
