#include "core/proxy/config_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The part of the line around the column, printable, and where in it the caret goes. */
static void copy_source(struct config_error *err, const char *source, size_t len, size_t offset)
{
    size_t room = sizeof(err->source) - 1;
    size_t begin = offset > room - 20 ? offset - (room - 20) : 0;
    if (begin > len)
        begin = len;
    size_t count = len - begin < room ? len - begin : room;

    for (size_t i = 0; i < count; i++) {
        unsigned char u = (unsigned char)source[begin + i];
        err->source[i] = (char)(u == '\t' || u >= 0x20 ? u : '?');
    }
    err->source[count] = '\0';
    err->caret = (unsigned)(offset - begin);
}

static void vfail(struct config_error *err, const char *file, unsigned line, unsigned col,
                  const char *format, va_list args)
{
    memset(err, 0, sizeof(*err));
    (void)snprintf(err->file, sizeof(err->file), "%s", file);
    err->line = line;
    err->col = col;
    (void)vsnprintf(err->message, sizeof(err->message), format, args);
}

bool config_fail(struct config_error *err, const char *file, unsigned line, unsigned col,
                 const char *source, size_t source_len, unsigned col_first, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfail(err, file, line, col, format, args);
    va_end(args);
    if (source != NULL && col >= col_first)
        copy_source(err, source, source_len, col - col_first);
    return false;
}

bool config_line_fail(struct config_line *line, const struct config_word *word, const char *format,
                      ...)
{
    unsigned col = line->col_first;
    va_list args;

    if (word != NULL) {
        col = word->col;
    } else if (line->words_count > 0) {
        const struct config_word *last = &line->words[line->words_count - 1];
        col = last->col + (unsigned)last->len;
    }
    va_start(args, format);
    vfail(line->err, line->file, line->number, col, format, args);
    va_end(args);
    copy_source(line->err, line->text, line->len, col - line->col_first);
    return false;
}

/* Length of the UTF-8 sequence at `text` (RFC 3629: shortest form, no surrogates), 0 if it is none.
 */
static size_t utf8_len(const char *text, size_t len)
{
    const unsigned char *u = (const unsigned char *)text;
    size_t want = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;

    if (want == 0 || want > len || u[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < want; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
        return 0;
    return want;
}

static bool check_text(struct config_line *line)
{
    size_t at = 0;

    while (at < line->len) {
        unsigned char u = (unsigned char)line->text[at];
        struct config_word here = {line->text + at, 1, line->col_first + (unsigned)at};
        if ((u < 0x20 && u != '\t') || u == 0x7f)
            return config_line_fail(line, &here,
                                    u == '\r' ? "carriage return: lines end in LF alone"
                                              : "control byte 0x%02x in the text",
                                    u);
        size_t step = utf8_len(line->text + at, line->len - at);
        if (step == 0)
            return config_line_fail(line, &here, "byte 0x%02x is not UTF-8", u);
        at += step;
    }
    return true;
}

bool config_line_cut(struct config_line *line)
{
    size_t at = 0;

    line->words_count = 0;
    line->next = 0;
    if (line->len > CONFIG_LINE_BYTES_MAX)
        return config_line_fail(line, NULL, "line is longer than %d bytes", CONFIG_LINE_BYTES_MAX);
    if (!check_text(line))
        return false;
    for (;;) {
        while (at < line->len && (line->text[at] == ' ' || line->text[at] == '\t'))
            at++;
        if (at == line->len || line->text[at] == '#')
            return true;
        size_t begin = at;
        while (at < line->len && line->text[at] != ' ' && line->text[at] != '\t')
            at++;
        struct config_word word = {line->text + begin, at - begin,
                                   line->col_first + (unsigned)begin};
        if (line->words_count == CONFIG_WORDS_MAX)
            return config_line_fail(line, &word, "more than %d words in a line", CONFIG_WORDS_MAX);
        line->words[line->words_count++] = word;
    }
}

const struct config_word *config_line_peek(const struct config_line *line)
{
    return line->next < line->words_count ? &line->words[line->next] : NULL;
}

const struct config_word *config_line_take(struct config_line *line)
{
    return line->next < line->words_count ? &line->words[line->next++] : NULL;
}

bool config_line_need(struct config_line *line, const char *what, const struct config_word **out)
{
    *out = config_line_take(line);
    if (*out == NULL)
        return config_line_fail(line, NULL, "missing %s", what);
    return true;
}

bool config_word_is(const struct config_word *word, const char *text)
{
    return word->len == strlen(text) && memcmp(word->text, text, word->len) == 0;
}

static bool read_number(const char *text, size_t len, uint64_t *out)
{
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || number > (UINT64_MAX - 9) / 10)
            return false;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    *out = number;
    return len > 0;
}

bool config_line_number(struct config_line *line, const char *what, uint32_t least, uint32_t most,
                        uint32_t *out)
{
    const struct config_word *word;
    uint64_t number;

    if (!config_line_need(line, what, &word))
        return false;
    if (!read_number(word->text, word->len, &number))
        return config_line_fail(line, word, "%s is not a number: '%.*s'", what,
                                (int)(word->len < 32 ? word->len : 32), word->text);
    if (number < least || number > most)
        return config_line_fail(line, word, "%s must be between %u and %u", what, least, most);
    *out = (uint32_t)number;
    return true;
}

static const struct {
    const char *unit;
    uint64_t ns;
} units[] = {
    {"h", 3600000000000}, {"m", 60000000000}, {"s", 1000000000},
    {"ms", 1000000},      {"us", 1000},       {"ns", 1},
};

bool config_duration_parse(const char *text, size_t len, uint64_t *ns)
{
    size_t digits = 0;
    uint64_t number;

    while (digits < len && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    if (!read_number(text, digits, &number))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (len - digits == strlen(units[i].unit) &&
            memcmp(text + digits, units[i].unit, len - digits) == 0) {
            *ns = number * units[i].ns;
            return number <= CONFIG_DURATION_MAX / units[i].ns;
        }
    }
    return false;
}

size_t config_duration_print(uint64_t ns, char out[24])
{
    size_t i = 0;

    while (i + 1 < ARRAY_LEN(units) && (ns == 0 || ns % units[i].ns != 0))
        i++;
    if (ns == 0)
        return (size_t)snprintf(out, 24, "0s");
    return (size_t)snprintf(out, 24, "%llu%s", (unsigned long long)(ns / units[i].ns),
                            units[i].unit);
}

bool config_line_duration(struct config_line *line, const char *what, uint64_t *out)
{
    const struct config_word *word;
    uint64_t number;

    if (!config_line_need(line, what, &word))
        return false;
    if (read_number(word->text, word->len, &number))
        return config_line_fail(line, word, "%s has no unit (ns us ms s m h)", what);
    if (!config_duration_parse(word->text, word->len, out))
        return config_line_fail(line, word, "%s is not a duration up to a year: '%.*s'", what,
                                (int)(word->len < 32 ? word->len : 32), word->text);
    if (*out == 0)
        return config_line_fail(line, word, "%s must be longer than nothing", what);
    return true;
}

bool config_line_addr(struct config_line *line, struct addr *out)
{
    const struct config_word *word;

    if (!config_line_need(line, "address", &word))
        return false;
    if (!addr_parse(out, word->text, word->len))
        return config_line_fail(line, word,
                                "not an address with a port, as 10.0.0.1:80 or [::1]:80: '%.*s'",
                                (int)(word->len < 48 ? word->len : 48), word->text);
    return true;
}

bool config_line_name(struct config_line *line, const char *what, char out[CONFIG_NAME_BYTES])
{
    const struct config_word *word;

    if (!config_line_need(line, what, &word))
        return false;
    if (word->len >= CONFIG_NAME_BYTES)
        return config_line_fail(line, word, "%s is longer than %d bytes", what,
                                CONFIG_NAME_BYTES - 1);
    for (size_t i = 0; i < word->len; i++) {
        char c = word->text[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.')))
            return config_line_fail(
                line, word, "%s must be a letter, then letters, digits, '_', '-', '.'", what);
    }
    memset(out, 0, CONFIG_NAME_BYTES);
    memcpy(out, word->text, word->len);
    return true;
}

bool config_line_end(struct config_line *line)
{
    const struct config_word *word = config_line_peek(line);

    if (word == NULL)
        return true;
    return config_line_fail(line, word, "unexpected '%.*s'", (int)(word->len < 32 ? word->len : 32),
                            word->text);
}

void config_put(struct config_out *out, const char *format, ...)
{
    va_list args;
    size_t at = out->len < out->size ? out->len : out->size;

    va_start(args, format);
    int len = vsnprintf(out->size > 0 ? out->data + at : NULL, out->size - at, format, args);
    va_end(args);
    BUG_ON(len < 0);
    out->len += (size_t)len;
}

size_t config_error_print(const struct config_error *err, char *out, size_t size)
{
    struct config_out text = {out, size, 0, ""};

    if (size == 0)
        return 0;
    out[0] = '\0';
    if (err->line == 0)
        config_put(&text, "%s: %s\n", err->file, err->message);
    else
        config_put(&text, "%s:%u:%u: %s\n", err->file, err->line, err->col, err->message);
    if (err->source[0] != '\0') {
        config_put(&text, "    %s\n    ", err->source);
        for (unsigned i = 0; i < err->caret; i++) {
            /* One cell for each character before the caret; tabs stay tabs. */
            if (((unsigned char)err->source[i] & 0xc0) != 0x80)
                config_put(&text, "%c", err->source[i] == '\t' ? '\t' : ' ');
        }
        config_put(&text, "^\n");
    }
    return text.len < size ? text.len : size - 1;
}
