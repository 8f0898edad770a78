/*
 * sim/cc/assembly.c - see assembly.h.
 *
 * One pass over the tokens: strings, characters and comments are stepped over whole, and a string
 * inside the first part of an asm statement is its template.
 */
#include "sim/cc/assembly.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Instructions are matched without their suffix of width. cmpxchg and xadd are atomic to the other
 * threads of a processor without a prefix too. */
static const char *const locking[] = {"lock", "xchg", "cmpxchg8b", "cmpxchg16b", "cmpxchg", "xadd"};

enum { TEMPLATE_BYTES_MAX = 4096 };

struct scan {
    const char *text;
    size_t len;
    size_t at;
    const char *file;
    size_t file_len;
    long line;
    bool is_system; /* the line marker says: a system header */
    bool is_line_start;
};

static char peek(const struct scan *scan, size_t ahead)
{
    return scan->at + ahead < scan->len ? scan->text[scan->at + ahead] : '\0';
}

static void step(struct scan *scan)
{
    if (peek(scan, 0) == '\n') {
        scan->line++;
        scan->is_line_start = true;
    }
    scan->at++;
}

static void skip_to_line_end(struct scan *scan)
{
    while (scan->at < scan->len && peek(scan, 0) != '\n')
        scan->at++;
}

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* # 12 "file.c" 1 3 4, or #line 12 "file.c". Other directives (#pragma) are stepped over. */
static void read_marker(struct scan *scan)
{
    const size_t start = scan->at;
    skip_to_line_end(scan);
    const char *at = scan->text + start + 1;
    const char *end = scan->text + scan->at;

    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if ((size_t)(end - at) > 4 && memcmp(at, "line", 4) == 0)
        at += 4;
    char *number_end = NULL;
    const long line = strtol(at, &number_end, 10);
    if (number_end == at || number_end > end)
        return;
    scan->line = line - 1; /* of the line behind the marker */
    const char *quote = memchr(number_end, '"', (size_t)(end - number_end));
    if (quote == NULL)
        return;
    const char *close = end;
    while (close > quote && *close != '"')
        close--;
    if (close == quote)
        return;
    scan->file = quote + 1;
    scan->file_len = (size_t)(close - quote - 1);
    scan->is_system = memchr(close, '3', (size_t)(end - close)) != NULL;
}

/* At the quote; appends what is inside to `out`, escapes resolved as far as assembly needs it. */
static void read_string(struct scan *scan, char *out, size_t *used)
{
    const char quote = peek(scan, 0);

    step(scan);
    while (scan->at < scan->len && peek(scan, 0) != quote && peek(scan, 0) != '\n') {
        char c = peek(scan, 0);
        if (c == '\\') {
            step(scan);
            c = peek(scan, 0);
            c = c == 'n' || c == 'r' ? '\n' : c;
            c = c == 't' || c == 'v' || c == 'f' ? ' ' : c;
        }
        if (out != NULL && *used + 1 < TEMPLATE_BYTES_MAX)
            out[(*used)++] = c;
        step(scan);
    }
    if (peek(scan, 0) == quote)
        step(scan);
}

/* At R"x(...)x": its text may hold quotes and line ends. */
static void read_raw_string(struct scan *scan, char *out, size_t *used)
{
    const char *mark = scan->text + scan->at + 1;
    const size_t room = scan->len - scan->at - 1;
    const char *open = memchr(mark, '(', room < 17 ? room : 17);
    char close[20] = ")";
    size_t close_len = 1;

    if (open == NULL) {
        read_string(scan, out, used);
        return;
    }
    memcpy(close + 1, mark, (size_t)(open - mark));
    close_len += (size_t)(open - mark);
    close[close_len++] = '"';
    while (scan->text + scan->at <= open)
        step(scan);
    while (scan->at < scan->len) {
        if (scan->len - scan->at >= close_len &&
            memcmp(scan->text + scan->at, close, close_len) == 0) {
            scan->at += close_len;
            return;
        }
        if (out != NULL && *used + 1 < TEMPLATE_BYTES_MAX)
            out[(*used)++] = peek(scan, 0);
        step(scan);
    }
}

/* Steps over a comment, a character, a string, or one byte. */
static void skip_one(struct scan *scan)
{
    const char c = peek(scan, 0);
    size_t unused = 0;

    if (c == '/' && peek(scan, 1) == '*') {
        step(scan);
        step(scan);
        while (scan->at < scan->len && !(peek(scan, 0) == '*' && peek(scan, 1) == '/'))
            step(scan);
        step(scan);
        step(scan);
    } else if (c == '/' && peek(scan, 1) == '/') {
        skip_to_line_end(scan);
    } else if (c == '"' || c == '\'') {
        read_string(scan, NULL, &unused);
    } else {
        step(scan);
    }
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->len) {
        const char c = peek(scan, 0);
        if (c == '#' && scan->is_line_start) {
            read_marker(scan);
        } else if (isspace((unsigned char)c) ||
                   (c == '/' && (peek(scan, 1) == '*' || peek(scan, 1) == '/'))) {
            skip_one(scan);
        } else {
            return;
        }
    }
}

static size_t word_len(const struct scan *scan)
{
    size_t len = 0;

    while (is_word_byte(peek(scan, len)))
        len++;
    return len;
}

static bool is_word(const char *word, size_t len, const char *wanted)
{
    return strlen(wanted) == len && memcmp(word, wanted, len) == 0;
}

static bool is_asm(const char *word, size_t len)
{
    return is_word(word, len, "asm") || is_word(word, len, "__asm") ||
           is_word(word, len, "__asm__");
}

/* xchgl %eax, %ebx locks nothing: it has to have an operand that may be memory. */
static bool may_touch_memory(const char *operands, size_t len)
{
    size_t registers = 0;
    size_t count = 1;

    for (size_t i = 0; i < len; i++) {
        count += operands[i] == ',';
        registers += i + 2 < len && operands[i] == '%' && operands[i + 1] == '%';
    }
    return memchr(operands, '(', len) != NULL || registers < count;
}

/* One statement of the template. NULL: it locks nothing. */
static const char *locking_instruction(const char *statement, size_t len)
{
    for (;;) { /* labels first: "1:", "%l[retry]:" */
        while (len > 0 && isspace((unsigned char)*statement)) {
            statement++;
            len--;
        }
        const char *colon = memchr(statement, ':', len);
        const char *space = memchr(statement, ' ', len);
        if (colon == NULL || (space != NULL && space < colon))
            break;
        len -= (size_t)(colon + 1 - statement);
        statement = colon + 1;
    }
    size_t name_len = 0;
    while (name_len < len && is_word_byte(statement[name_len]))
        name_len++;
    for (size_t i = 0; i < sizeof(locking) / sizeof(locking[0]); i++) {
        const size_t wanted = strlen(locking[i]);
        const bool has_suffix =
            name_len == wanted + 1 && strchr("bwlqBWLQ", statement[wanted]) != NULL;
        if (name_len < wanted || strncasecmp(statement, locking[i], wanted) != 0 ||
            (name_len != wanted && !(has_suffix && i > 0)))
            continue;
        if (strcmp(locking[i], "xchg") == 0 &&
            !may_touch_memory(statement + name_len, len - name_len))
            return NULL;
        return locking[i];
    }
    return NULL;
}

static const char *locking_template(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && text[end] != '\n' && text[end] != ';')
            end++;
        const char *instruction = locking_instruction(text + at, end - at);
        if (instruction != NULL)
            return instruction;
        at = end + 1;
    }
    return NULL;
}

/* Behind the word asm. Reads the strings up to the first colon or the end. */
static const char *read_statement(struct scan *scan)
{
    char template[TEMPLATE_BYTES_MAX];
    size_t used = 0;

    skip_space(scan);
    while (is_word_byte(peek(scan, 0))) { /* volatile, inline, goto */
        scan->at += word_len(scan);
        skip_space(scan);
    }
    if (peek(scan, 0) != '(' && peek(scan, 0) != '{')
        return NULL;
    step(scan);
    for (;;) {
        skip_space(scan);
        const char c = peek(scan, 0);
        if (c == '"')
            read_string(scan, template, &used);
        else if (c == 'R' && peek(scan, 1) == '"' && ++scan->at)
            read_raw_string(scan, template, &used);
        else if (is_word_byte(c)) /* u8"..." */
            scan->at += word_len(scan);
        else
            return locking_template(template, used);
    }
}

void assembly_scan(const char *text, size_t len,
                   void (*found)(void *context, const struct assembly_place *place), void *context)
{
    struct scan scan = {.text = text, .len = len, .line = 1, .is_line_start = true};

    for (;;) {
        skip_space(&scan);
        if (scan.at >= len)
            return;
        scan.is_line_start = false;
        const char *word = text + scan.at;
        const size_t word_bytes = word_len(&scan);
        if (word_bytes == 0) {
            skip_one(&scan);
            continue;
        }
        const struct scan before = scan;
        scan.at += word_bytes;
        if (peek(&scan, 0) == '"' && word[word_bytes - 1] == 'R') {
            size_t unused = 0;
            read_raw_string(&scan, NULL, &unused);
        } else if (is_asm(word, word_bytes)) {
            const char *instruction = read_statement(&scan);
            const struct assembly_place place = {.file = before.file,
                                                 .file_len = before.file_len,
                                                 .line = before.line,
                                                 .instruction = instruction};
            if (instruction != NULL && !before.is_system)
                found(context, &place);
        }
    }
}

bool assembly_is_mentioned(const char *text, size_t len)
{
    for (const char *at = text; (at = memmem(at, len - (size_t)(at - text), "asm", 3)) != NULL;) {
        const char *start = at;
        while (start > text && is_word_byte(start[-1]))
            start--;
        size_t word_bytes = (size_t)(at - start) + 3;
        while (start + word_bytes < text + len && is_word_byte(start[word_bytes]))
            word_bytes++;
        if (is_asm(start, word_bytes))
            return true;
        at = start + word_bytes;
    }
    return false;
}
