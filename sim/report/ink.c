/*
 * sim/report/ink.c - see ink.h.
 */
#include "sim/report/ink.h"

#include <stdarg.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 4096 };

static const char *const tone_codes[] = {
    [INK_PLAIN] = "",
    [INK_DIM] = "\033[2m",
    [INK_STRONG] = "\033[1m",
    [INK_BAD] = "\033[1;31m",
    [INK_GOOD] = "\033[32m",
    [INK_LANE_0] = "\033[36m",
    [INK_LANE_0 + 1] = "\033[33m",
    [INK_LANE_0 + 2] = "\033[35m",
    [INK_LANE_0 + 3] = "\033[32m",
    [INK_LANE_0 + 4] = "\033[34m",
    [INK_LANE_LAST] = "\033[37m",
};

unsigned ink_width(const char *text)
{
    unsigned width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void put(struct ink *ink, enum ink_tone tone, const char *text, size_t len)
{
    const bool is_toned = ink->style.has_color && tone_codes[tone][0] != '\0' && len > 0;

    fprintf(ink->out, "%s%.*s%s", is_toned ? tone_codes[tone] : "", (int)len, text,
            is_toned ? "\033[0m" : "");
    for (size_t i = 0; i < len; i++)
        ink->column += ((unsigned char)text[i] & 0xc0) != 0x80;
}

void ink_column(struct ink *ink, unsigned column)
{
    while (ink->column < column)
        put(ink, INK_PLAIN, " ", 1);
}

void ink_begin(struct ink *ink, unsigned indent, unsigned indent_next)
{
    ink->column = 0;
    ink->indent = indent_next;
    ink->is_fresh = true;
    ink_column(ink, indent);
}

void ink_raw(struct ink *ink, enum ink_tone tone, const char *text)
{
    put(ink, tone, text, strlen(text));
    ink->is_fresh = false;
}

static void continue_line(struct ink *ink)
{
    fputc('\n', ink->out);
    ink->column = 0;
    if (ink->continued != NULL)
        ink->column = ink->continued(ink, ink->continued_context);
    ink_column(ink, ink->indent);
    ink->is_fresh = true;
}

static void add_word(struct ink *ink, enum ink_tone tone, const char *word, size_t len,
                     unsigned spaces)
{
    unsigned width = spaces;

    for (size_t i = 0; i < len; i++)
        width += ((unsigned char)word[i] & 0xc0) != 0x80;
    if (!ink->is_fresh && ink->column + width > ink->style.width)
        continue_line(ink);
    if (!ink->is_fresh)
        ink_column(ink, ink->column + spaces);
    put(ink, tone, word, len);
    ink->is_fresh = false;
}

void ink_aside(struct ink *ink, enum ink_tone tone, const char *text)
{
    add_word(ink, tone, text, strlen(text), 2);
}

void ink_words(struct ink *ink, enum ink_tone tone, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, " ");
        if (len > 0)
            add_word(ink, tone, at, len, 1);
        at += len + (at[len] == ' ');
    }
}

void ink_wordsf(struct ink *ink, enum ink_tone tone, const char *fmt, ...)
{
    char text[TEXT_BYTES_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ink_words(ink, tone, text);
}

void ink_end(struct ink *ink)
{
    fputc('\n', ink->out);
    ink->column = 0;
}

void ink_line(struct ink *ink, unsigned indent, enum ink_tone tone, const char *text)
{
    const size_t lead = strspn(text, " ");

    ink_begin(ink, indent + (unsigned)lead, indent + (unsigned)lead + 2);
    ink_words(ink, tone, text);
    ink_end(ink);
}
