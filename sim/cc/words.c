/*
 * sim/cc/words.c - see words.h.
 */
#include "sim/cc/words.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 16, FILE_BYTES_MAX = 256 << 20 };

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("heddle cc: no memory\n", stderr);
        exit(1);
    }
    return memory;
}

void words_add(struct words *words, const char *word)
{
    if (words->count + 1 >= words->room) {
        words->room = words->room == 0 ? 64 : 2 * words->room;
        words->items = must(realloc(words->items, words->room * sizeof(*words->items)));
    }
    words->items[words->count++] = word;
    words->items[words->count] = NULL;
}

void words_add_all(struct words *words, const struct words *more)
{
    for (size_t i = 0; i < more->count; i++)
        words_add(words, more->items[i]);
}

__attribute__((format(printf, 1, 0))) static char *format_list(const char *format, va_list args)
{
    char *text = NULL;

    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    return must(text);
}

char *words_format(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = format_list(format, args);
    va_end(args);
    return text;
}

void words_add_format(struct words *words, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    words_add(words, format_list(format, args));
    va_end(args);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/* The position behind the word at `at`; in `word` (may be NULL) it is copied without its quotes. */
static size_t take_word(const char *text, size_t len, size_t at, char *word)
{
    char quote = '\0';
    size_t used = 0;

    for (; at < len && (quote != '\0' || !is_space(text[at])); at++) {
        if (text[at] == '\\' && at + 1 < len) {
            at++;
        } else if (quote == '\0' && (text[at] == '\'' || text[at] == '"')) {
            quote = text[at];
            continue;
        } else if (quote != '\0' && text[at] == quote) {
            quote = '\0';
            continue;
        }
        if (word != NULL)
            word[used++] = text[at];
    }
    if (word != NULL)
        word[used] = '\0';
    return at;
}

void words_add_split(struct words *words, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        if (is_space(text[at])) {
            at++;
            continue;
        }
        const size_t end = take_word(text, len, at, NULL);
        char *word = must(strndup(text + at, end - at));
        (void)take_word(text, end, at, word);
        words_add(words, word);
        at = end;
    }
}

char *words_read_file(const char *path, size_t *len)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = NULL;
    size_t used = 0;
    size_t room = 0;
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0 && used < FILE_BYTES_MAX) {
        if (used + 1 >= room) {
            room = room == 0 ? 16384 : 2 * room;
            text = must(realloc(text, room));
        }
        got = read(fd, text + used, room - used - 1);
        used += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        (void)close(fd);
    if (got < 0) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    *len = used;
    return text;
}

static void expand(struct words *out, const char *const *items, size_t count, int depth)
{
    for (size_t i = 0; i < count; i++) {
        struct words inner = {0};
        size_t len = 0;
        char *text = NULL;

        if (items[i][0] == '@' && items[i][1] != '\0' && depth < DEPTH_MAX)
            text = words_read_file(items[i] + 1, &len);
        if (text == NULL) {
            words_add(out, items[i]);
            continue;
        }
        words_add_split(&inner, text, len);
        free(text);
        expand(out, inner.items, inner.count, depth + 1);
        free(inner.items);
    }
}

void words_expand(struct words *out, const char *const *items, size_t count)
{
    expand(out, items, count, 0);
}

bool words_has_prefix(const char *word, const char *prefix)
{
    return strncmp(word, prefix, strlen(prefix)) == 0;
}
