#include "sim/input/diagnostics.h"

#include <stdarg.h>
#include <string.h>

void diagnostics_init(struct diagnostics *diag)
{
    diag->file[0] = '\0';
    diag->text = NULL;
    diag->len = 0;
    diag->error_count = 0;
    diag->warning_count = 0;
    diag->count = 0;
}

void diagnostics_begin(struct diagnostics *diag, const char *file, const char *text, size_t len)
{
    (void)snprintf(diag->file, sizeof(diag->file), "%s", file);
    diag->text = text;
    diag->len = len;
}

void diagnostics_end(struct diagnostics *diag)
{
    diag->text = NULL;
    diag->len = 0;
}

/* The text of line `number`, without its line feed. */
static const char *find_line(const struct diagnostics *diag, uint32_t number, size_t *len)
{
    const char *at = diag->text;
    const char *end = diag->text + diag->len;

    for (uint32_t i = 1; i < number; i++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        if (feed == NULL)
            return NULL;
        at = feed + 1;
    }
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    *len = (size_t)((feed == NULL ? end : feed) - at);
    return at;
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Copies what fits of the line around the column; what is no text becomes '?', a tab a space. */
static void copy_source(const struct diagnostics *diag, struct diagnostic *entry)
{
    size_t len = 0;
    const char *line =
        diag->text == NULL || entry->line == 0 ? NULL : find_line(diag, entry->line, &len);

    if (line == NULL)
        return;
    size_t room = sizeof(entry->source) - 1;
    size_t column = entry->column == 0 ? 0 : entry->column - 1;
    size_t first = column > room * 3 / 4 ? column - room / 2 : 0;
    while (first > 0 && first < len && is_continuation(line[first]))
        first--;
    size_t out = 0;
    for (size_t i = first; i < len && out < room; i++) {
        unsigned char byte = (unsigned char)line[i];
        bool is_cut = byte >= 0xc0 && out + 4 > room;
        if (is_cut || (byte == '\r' && i + 1 == len))
            break;
        if (i < column && !is_continuation(line[i]))
            entry->caret++;
        entry->source[out++] = byte == '\t' ? ' ' : byte < 0x20 || byte == 0x7f ? '?' : line[i];
    }
    entry->source[out] = '\0';
}

static void add(struct diagnostics *diag, bool is_warning, uint32_t line, uint32_t column,
                const char *format, va_list args)
{
    if (is_warning)
        diag->warning_count++;
    else
        diag->error_count++;
    if (diag->count == DIAGNOSTICS_MAX)
        return;
    struct diagnostic *entry = &diag->entries[diag->count++];
    entry->is_warning = is_warning;
    entry->line = line;
    entry->column = column;
    entry->source[0] = '\0';
    entry->caret = 0;
    (void)vsnprintf(entry->message, sizeof(entry->message), format, args);
    copy_source(diag, entry);
}

void diagnostics_error(struct diagnostics *diag, uint32_t line, uint32_t column, const char *format,
                       ...)
{
    va_list args;

    va_start(args, format);
    add(diag, false, line, column, format, args);
    va_end(args);
}

void diagnostics_warning(struct diagnostics *diag, uint32_t line, uint32_t column,
                         const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diag, true, line, column, format, args);
    va_end(args);
}

static void print_entry(const struct diagnostics *diag, const struct diagnostic *entry, FILE *out)
{
    fprintf(out, "%s:", diag->file);
    if (entry->line > 0)
        fprintf(out, "%u:", entry->line);
    if (entry->line > 0 && entry->column > 0)
        fprintf(out, "%u:", entry->column);
    fprintf(out, " %s%s\n", entry->is_warning ? "warning: " : "", entry->message);
    if (entry->source[0] == '\0')
        return;
    fprintf(out, "    %s\n", entry->source);
    if (entry->column > 0)
        fprintf(out, "    %*s^\n", (int)entry->caret, "");
}

void diagnostics_print(const struct diagnostics *diag, FILE *out)
{
    size_t all = diag->error_count + diag->warning_count;
    uint32_t line = 0;
    size_t printed = 0;

    /* In order of lines: the next smallest each time, at most DIAGNOSTICS_MAX rounds. */
    while (printed < diag->count) {
        uint32_t next = UINT32_MAX;
        for (size_t i = 0; i < diag->count; i++) {
            const struct diagnostic *entry = &diag->entries[i];
            if (entry->line == line) {
                print_entry(diag, entry, out);
                printed++;
            } else if (entry->line > line && entry->line < next) {
                next = entry->line;
            }
        }
        line = next;
    }
    if (all > diag->count)
        fprintf(out, "%s: %zu more\n", diag->file, all - diag->count);
}
