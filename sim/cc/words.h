/*
 * sim/cc/words.h - a growing list of words, such as a command line.
 *
 * Owner: the caller. Nothing is freed: the process becomes the compiler a moment later.
 * Threads: one.
 */
#ifndef SIM_CC_WORDS_H
#define SIM_CC_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words {
    const char **items; /* ends with NULL once there is a word */
    size_t count;
    size_t room;
};

/* `word` is borrowed. Ends the process when there is no memory, as all of these do. */
void words_add(struct words *words, const char *word);
void words_add_all(struct words *words, const struct words *more);
/* The text of a format; the words own it. */
__attribute__((format(printf, 2, 3))) void words_add_format(struct words *words, const char *format,
                                                            ...);

/* Splits `text` at white space as the compilers do in a response file: '...', "..." and \x keep
 * what they hold together. */
void words_add_split(struct words *words, const char *text, size_t len);

/* A new string. */
__attribute__((format(printf, 1, 2))) char *words_format(const char *format, ...);

/* The bytes of a file behind a zero that `len` does not count; NULL if it cannot be read. */
char *words_read_file(const char *path, size_t *len);

/* Replaces each @FILE by the words in FILE, which may name further files. A file that cannot be
 * read stays as it is: the compilers take it for the name of an input too. */
void words_expand(struct words *out, const char *const *items, size_t count);

bool words_has_prefix(const char *word, const char *prefix);

#endif
