#include "sim/input/text.h"

#include <string.h>

#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

size_t text_char_len(const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t wanted = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (wanted == 0 || wanted > len || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < wanted; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    /* overlong, surrogates, beyond the last plane; C1 controls */
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f) ||
        (at[0] == 0xc2 && at[1] < 0xa0))
        return 0;
    return wanted;
}

static bool is_control(char byte)
{
    return ((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f;
}

bool text_is_line(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t char_len = text_char_len(text + i, len - i);
        if (char_len == 0 || is_control(text[i]))
            return false;
        i += char_len;
    }
    return true;
}

struct place {
    uint32_t line;
    size_t line_begin;
};

static bool fail_byte(struct diagnostics *diag, const struct place *place, size_t at,
                      unsigned char byte)
{
    uint32_t column = (uint32_t)(at - place->line_begin) + 1;

    if (byte == 0)
        diagnostics_error(diag, place->line, column, "not a text file: a NUL byte");
    else if (byte < 0x80)
        diagnostics_error(diag, place->line, column, "not a text file: control byte 0x%02x", byte);
    else
        diagnostics_error(diag, place->line, column, "not a text file: invalid UTF-8");
    return false;
}

bool text_check(const char *text, size_t len, struct diagnostics *diag)
{
    struct place place = {.line = 1};

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        diagnostics_error(diag, 1, 1, "begins with a byte order mark: take it away");
        return false;
    }
    if (len > SCENARIO_TEXT_BYTES_MAX) {
        diagnostics_error(diag, 0, 0, "a scenario has at most %d bytes", SCENARIO_TEXT_BYTES_MAX);
        return false;
    }
    for (size_t i = 0; i < len;) {
        if (text[i] == '\n') {
            place = (struct place){.line = place.line + 1, .line_begin = ++i};
            continue;
        }
        size_t char_len = text_char_len(text + i, len - i);
        bool is_return = text[i] == '\r' && i + 1 < len && text[i + 1] == '\n';
        if (char_len == 0 || (is_control(text[i]) && !is_return))
            return fail_byte(diag, &place, i, (unsigned char)text[i]);
        i += char_len;
        if (i - place.line_begin > SCENARIO_LINE_BYTES_MAX) {
            diagnostics_error(diag, place.line, 0, "a line has at most %d bytes",
                              SCENARIO_LINE_BYTES_MAX);
            return false;
        }
    }
    return true;
}
