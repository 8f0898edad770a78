/*
 * sim/foreign/words.c - see words.h.
 */
#include "sim/foreign/words.h"

#include <string.h>

static const char digits[] = "0123456789ABCDEF";

/* The empty text needs a word too: this one means no byte at all. */
static const char empty_word[] = "%00";

void word_encode(const char *text, char *out)
{
    static const char special[] = "%\"#";

    if (text[0] == '\0') {
        memcpy(out, empty_word, sizeof(empty_word));
        return;
    }
    for (const char *at = text; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        const int is_range = byte == '.' && at[1] == '.';
        if (byte > ' ' && byte < 0x7f && strchr(special, byte) == NULL && !is_range) {
            *out++ = *at;
            continue;
        }
        *out++ = '%';
        *out++ = digits[byte >> 4];
        *out++ = digits[byte & 15];
    }
    *out = '\0';
}

static int digit_of(char byte)
{
    const char *found = byte == '\0' ? NULL : strchr(digits, byte >= 'a' ? byte - 'a' + 'A' : byte);

    return found == NULL ? -1 : (int)(found - digits);
}

void word_decode(const char *word, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        const int high = word[i] == '%' && i + 2 < len ? digit_of(word[i + 1]) : -1;
        const int low = high < 0 ? -1 : digit_of(word[i + 2]);
        if (low < 0) {
            *out++ = word[i];
            continue;
        }
        if (high + low != 0)
            *out++ = (char)(high << 4 | low);
        i += 2;
    }
    *out = '\0';
}
