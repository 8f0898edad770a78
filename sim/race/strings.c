/*
 * sim/race/strings.c - see strings.h.
 *
 * What a function reads is found out before it runs, from the same bytes: nobody else runs between.
 * An overflow ends the run before it happens.
 */
#include "sim/race/strings.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/race/internal.h"
#include "sim/race/tsan.h"

#define BYTE(text, i) ((unsigned char)(text)[i])

/* Code under test, and not the simulator on its behalf. */
static inline bool is_watched(void)
{
    return sched.self != NULL && sched.bypass == 0;
}

/* Others may come before a read or write that begins at `memory`. */
static inline void come_to(const void *memory, bool is_write, const void *pc)
{
    if (!race.has_points)
        return;
    if (is_write)
        __tsan_write1_pc((void *)(uintptr_t)memory, (void *)(uintptr_t)pc);
    else
        __tsan_read1_pc((void *)(uintptr_t)memory, (void *)(uintptr_t)pc);
}

static inline void reads(const void *memory, size_t size_bytes, const void *pc)
{
    if (size_bytes != 0)
        race_range(memory, size_bytes, false, pc);
}

static inline void writes(const void *memory, size_t size_bytes, const void *pc)
{
    if (size_bytes != 0)
        race_range(memory, size_bytes, true, pc);
}

/* A string with its end. */
static inline size_t reads_text(const char *text, const void *pc)
{
    size_t len = strlen(text);

    reads(text, len + 1, pc);
    return len;
}

/* The same, of at most `max` bytes. */
static inline size_t reads_bounded(const char *text, size_t max, const void *pc)
{
    size_t len = strnlen(text, max);

    reads(text, len < max ? len + 1 : max, pc);
    return len;
}

/* ---- looking ---- */

size_t __wrap_strlen(const char *text)
{
    if (!is_watched())
        return strlen(text);
    come_to(text, false, RACE_PC);
    return reads_text(text, RACE_PC);
}

size_t __wrap_strnlen(const char *text, size_t max)
{
    if (!is_watched() || max == 0)
        return strnlen(text, max);
    come_to(text, false, RACE_PC);
    return reads_bounded(text, max, RACE_PC);
}

/* Up to the first difference or the end, both strings. */
static int compare(const char *a, const char *b, size_t max, bool is_folded, const void *pc)
{
    size_t i = 0;
    int left = 0;
    int right = 0;

    if (max == 0)
        return 0;
    come_to(a, false, pc);
    come_to(b, false, pc);
    for (; i < max; i++) {
        left = BYTE(a, i);
        right = BYTE(b, i);
        if (is_folded) {
            left = tolower(left);
            right = tolower(right);
        }
        if (left != right || left == 0)
            break;
    }
    reads(a, i < max ? i + 1 : max, pc);
    reads(b, i < max ? i + 1 : max, pc);
    return left - right;
}

int __wrap_strcmp(const char *a, const char *b)
{
    return is_watched() ? compare(a, b, SIZE_MAX, false, RACE_PC) : strcmp(a, b);
}

int __wrap_strncmp(const char *a, const char *b, size_t max)
{
    return is_watched() ? compare(a, b, max, false, RACE_PC) : strncmp(a, b, max);
}

int __wrap_strcasecmp(const char *a, const char *b)
{
    return is_watched() ? compare(a, b, SIZE_MAX, true, RACE_PC) : strcasecmp(a, b);
}

int __wrap_strncasecmp(const char *a, const char *b, size_t max)
{
    return is_watched() ? compare(a, b, max, true, RACE_PC) : strncasecmp(a, b, max);
}

static char *find(const char *text, int wanted, const void *pc)
{
    come_to(text, false, pc);
    char *found = strchrnul(text, wanted);
    reads(text, (size_t)(found - text) + 1, pc);
    return found;
}

char *__wrap_strchrnul(const char *text, int wanted)
{
    return is_watched() ? find(text, wanted, RACE_PC) : strchrnul(text, wanted);
}

char *__wrap_strchr(const char *text, int wanted)
{
    if (!is_watched())
        return strchr(text, wanted);
    char *found = find(text, wanted, RACE_PC);
    return *found == (char)wanted ? found : NULL;
}

char *__wrap_strrchr(const char *text, int wanted)
{
    if (is_watched()) {
        come_to(text, false, RACE_PC);
        (void)reads_text(text, RACE_PC);
    }
    return strrchr(text, wanted);
}

char *__wrap_strstr(const char *text, const char *wanted)
{
    if (!is_watched())
        return strstr(text, wanted);
    come_to(text, false, RACE_PC);
    come_to(wanted, false, RACE_PC);
    size_t len = reads_text(wanted, RACE_PC);
    char *found = strstr(text, wanted);
    if (found == NULL)
        (void)reads_text(text, RACE_PC);
    else
        reads(text, (size_t)(found - text) + len, RACE_PC);
    return found;
}

/* `len` bytes of the text and the one that ended it. */
static size_t scan(const char *text, const char *set, size_t (*span)(const char *, const char *),
                   const void *pc)
{
    come_to(text, false, pc);
    come_to(set, false, pc);
    (void)reads_text(set, pc);
    size_t len = span(text, set);
    reads(text, len + 1, pc);
    return len;
}

size_t __wrap_strspn(const char *text, const char *set)
{
    return is_watched() ? scan(text, set, strspn, RACE_PC) : strspn(text, set);
}

size_t __wrap_strcspn(const char *text, const char *set)
{
    return is_watched() ? scan(text, set, strcspn, RACE_PC) : strcspn(text, set);
}

char *__wrap_strpbrk(const char *text, const char *set)
{
    if (!is_watched())
        return strpbrk(text, set);
    const char *end = text + scan(text, set, strcspn, RACE_PC);
    return *end == '\0' ? NULL : (char *)(uintptr_t)end;
}

static void look_at_both(const void *a, const void *b, size_t size_bytes, const void *pc)
{
    if (!is_watched() || size_bytes == 0)
        return;
    come_to(a, false, pc);
    come_to(b, false, pc);
    reads(a, size_bytes, pc);
    reads(b, size_bytes, pc);
}

int __wrap_memcmp(const void *a, const void *b, size_t size_bytes)
{
    look_at_both(a, b, size_bytes, RACE_PC);
    return memcmp(a, b, size_bytes);
}

int __wrap_bcmp(const void *a, const void *b, size_t size_bytes)
{
    look_at_both(a, b, size_bytes, RACE_PC);
    return memcmp(a, b, size_bytes);
}

void *__wrap_memchr(const void *memory, int wanted, size_t size_bytes)
{
    if (!is_watched() || size_bytes == 0)
        return memchr(memory, wanted, size_bytes);
    come_to(memory, false, RACE_PC);
    const char *found = memchr(memory, wanted, size_bytes);
    reads(memory, found == NULL ? size_bytes : (size_t)(found - (const char *)memory) + 1, RACE_PC);
    return (void *)(uintptr_t)found;
}

void *__wrap_memrchr(const void *memory, int wanted, size_t size_bytes)
{
    if (is_watched() && size_bytes != 0) {
        come_to(memory, false, RACE_PC);
        reads(memory, size_bytes, RACE_PC);
    }
    return memrchr(memory, wanted, size_bytes);
}

/* ---- copying and filling ---- */

/* The string `from`, of at most `max` bytes, is read; where `to` takes `extra` bytes more than its
 * length, all of them are written. Returns the length. */
static size_t copies_text(const char *to, const char *from, size_t max, const void *pc)
{
    come_to(from, false, pc);
    come_to(to, true, pc);
    return max == SIZE_MAX ? reads_text(from, pc) : reads_bounded(from, max, pc);
}

char *__wrap_strcpy(char *to, const char *from)
{
    size_t len = is_watched() ? copies_text(to, from, SIZE_MAX, RACE_PC) : strlen(from);

    if (is_watched())
        writes(to, len + 1, RACE_PC);
    return memcpy(to, from, len + 1);
}

char *__wrap_stpcpy(char *to, const char *from)
{
    if (is_watched())
        writes(to, copies_text(to, from, SIZE_MAX, RACE_PC) + 1, RACE_PC);
    return stpcpy(to, from);
}

char *__wrap_strncpy(char *to, const char *from, size_t size_bytes)
{
    if (is_watched() && size_bytes != 0) {
        (void)copies_text(to, from, size_bytes, RACE_PC);
        writes(to, size_bytes, RACE_PC);
    }
    return strncpy(to, from, size_bytes);
}

char *__wrap_stpncpy(char *to, const char *from, size_t size_bytes)
{
    if (is_watched() && size_bytes != 0) {
        (void)copies_text(to, from, size_bytes, RACE_PC);
        writes(to, size_bytes, RACE_PC);
    }
    return stpncpy(to, from, size_bytes);
}

static void append(const char *to, const char *from, size_t max, const void *pc)
{
    size_t len = copies_text(to, from, max, pc);
    size_t begin = reads_text(to, pc);

    writes(to + begin, len + 1, pc);
}

char *__wrap_strcat(char *to, const char *from)
{
    if (is_watched())
        append(to, from, SIZE_MAX, RACE_PC);
    memcpy(to + strlen(to), from, strlen(from) + 1);
    return to;
}

char *__wrap_strncat(char *to, const char *from, size_t max)
{
    if (is_watched() && max != 0)
        append(to, from, max, RACE_PC);
    return strncat(to, from, max);
}

static void copies(const void *to, const void *from, size_t size_bytes, const void *pc)
{
    if (!is_watched() || size_bytes == 0)
        return;
    __tsan_read_range_pc((void *)(uintptr_t)from, size_bytes, (void *)(uintptr_t)pc);
    __tsan_write_range_pc((void *)(uintptr_t)to, size_bytes, (void *)(uintptr_t)pc);
}

void *__wrap_memcpy(void *to, const void *from, size_t size_bytes)
{
    copies(to, from, size_bytes, RACE_PC);
    return memcpy(to, from, size_bytes);
}

void *__wrap_mempcpy(void *to, const void *from, size_t size_bytes)
{
    copies(to, from, size_bytes, RACE_PC);
    return (char *)memcpy(to, from, size_bytes) + size_bytes;
}

void *__wrap_memmove(void *to, const void *from, size_t size_bytes)
{
    copies(to, from, size_bytes, RACE_PC);
    return memmove(to, from, size_bytes);
}

void *__wrap_memset(void *to, int value, size_t size_bytes)
{
    if (is_watched() && size_bytes != 0)
        __tsan_write_range_pc(to, size_bytes, RACE_PC);
    return memset(to, value, size_bytes);
}

void __wrap_bzero(void *to, size_t size_bytes)
{
    if (is_watched() && size_bytes != 0)
        __tsan_write_range_pc(to, size_bytes, RACE_PC);
    memset(to, 0, size_bytes);
}

/* ---- printing ---- */

/* Printed twice, the first time for the length: the second may be what overflows. */
static int print(char *to, size_t size_bytes, const char *format, va_list args, const void *pc)
{
    va_list again;

    if (is_watched() && size_bytes != 0) {
        come_to(to, true, pc);
        va_copy(again, args);
        int len = vsnprintf(NULL, 0, format, again);
        va_end(again);
        if (len >= 0)
            writes(to, (size_t)len < size_bytes ? (size_t)len + 1 : size_bytes, pc);
    }
    return vsnprintf(to, size_bytes, format, args);
}

int __wrap_vsnprintf(char *to, size_t size_bytes, const char *format, va_list args)
{
    return print(to, size_bytes, format, args, RACE_PC);
}

/* A size that the library takes for none. */
int __wrap_vsprintf(char *to, const char *format, va_list args)
{
    return print(to, INT32_MAX, format, args, RACE_PC);
}

int __wrap_snprintf(char *to, size_t size_bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = print(to, size_bytes, format, args, RACE_PC);
    va_end(args);
    return len;
}

int __wrap_sprintf(char *to, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = print(to, INT32_MAX, format, args, RACE_PC);
    va_end(args);
    return len;
}
