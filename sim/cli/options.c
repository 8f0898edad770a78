/*
 * sim/cli/options.c - see options.h.
 */
#include "sim/cli/options.h"

#include <ctype.h>
#include <string.h>

enum { WORD_BYTES_MAX = 32, HELP_COLUMN = 26 };

bool options_parse_number(const char *text, uint64_t *out)
{
    const bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const uint64_t base = is_hex ? 16 : 10;
    uint64_t value = 0;

    if (is_hex)
        text += 2;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        uint64_t digit;
        if (isdigit((unsigned char)*text))
            digit = (uint64_t)(*text - '0');
        else if (is_hex && isxdigit((unsigned char)*text))
            digit = 10 + (uint64_t)tolower((unsigned char)*text) - (uint64_t)'a';
        else
            return false;
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool options_parse_duration(const char *text, uint64_t *out_ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1},
                 {"us", 1000},
                 {"ms", 1000000},
                 {"s", UINT64_C(1000000000)},
                 {"m", UINT64_C(60000000000)},
                 {"h", UINT64_C(3600000000000)}};
    const size_t len = strspn(text, "0123456789");
    char digits[24];
    uint64_t value;

    if (len == 0 || len >= sizeof(digits))
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (!options_parse_number(digits, &value))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(text + len, units[i].name) == 0)
            return !__builtin_mul_overflow(value, units[i].ns, out_ns);
    return false;
}

/* Levenshtein's distance; words that are too long are far from everything. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_BYTES_MAX + 1];
    const size_t b_len = strlen(b);

    if (strlen(a) > WORD_BYTES_MAX || b_len > WORD_BYTES_MAX)
        return WORD_BYTES_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            size_t best = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (diagonal + 1 < best)
                best = diagonal + 1;
            row[j + 1] = best;
        }
    }
    return row[b_len];
}

const char *options_nearest(const char *word, const void *names, size_t count, size_t stride)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2; /* further away it is a guess */

    for (size_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)(const void *)((const char *)names + i * stride);
        size_t far = distance(word, name);
        if (far < best) {
            best = far;
            nearest = name;
        }
    }
    return nearest;
}

struct parsing {
    const struct option_def *defs;
    size_t def_count;
    int argc;
    char *const *argv;
    int at; /* the word looked at */
    char *values;
    struct operands *operands;
    char *error;
};

static const struct option_def *find_def(const struct parsing *parsing, const char *name,
                                         size_t len)
{
    for (size_t i = 0; i < parsing->def_count; i++) {
        const struct option_def *def = &parsing->defs[i];
        if (strlen(def->name) == len && memcmp(def->name, name, len) == 0)
            return def;
    }
    return NULL;
}

static bool store(const struct parsing *parsing, const struct option_def *def, const char *text)
{
    void *value = parsing->values + def->offset;
    struct option_number *number = value;
    struct option_list *list = value;

    switch (def->kind) {
    case OPTION_FLAG:
        *(bool *)value = true;
        return true;
    case OPTION_TEXT:
        *(const char **)value = text;
        return true;
    case OPTION_NUMBER:
        number->is_given = true;
        if (options_parse_number(text, &number->value))
            return true;
        snprintf(parsing->error, OPTION_ERROR_BYTES, "--%s: '%s' is not a number", def->name, text);
        return false;
    case OPTION_DURATION:
        number->is_given = true;
        if (options_parse_duration(text, &number->value))
            return true;
        snprintf(parsing->error, OPTION_ERROR_BYTES,
                 "--%s: '%s' is not a duration (500ms, 60s, 5m, 1h)", def->name, text);
        return false;
    case OPTION_LIST:
        if (list->count == OPTION_LIST_MAX) {
            snprintf(parsing->error, OPTION_ERROR_BYTES, "--%s is given too often", def->name);
            return false;
        }
        list->items[list->count++] = text;
        return true;
    }
    return false;
}

static bool fail_unknown(const struct parsing *parsing, const char *word, size_t name_len)
{
    char name[WORD_BYTES_MAX + 1];
    const char *nearest = NULL;

    if (name_len <= WORD_BYTES_MAX) {
        memcpy(name, word + 2, name_len);
        name[name_len] = '\0';
        nearest = options_nearest(name, &parsing->defs[0].name, parsing->def_count,
                                  sizeof(parsing->defs[0]));
    }
    if (nearest != NULL)
        snprintf(parsing->error, OPTION_ERROR_BYTES, "no option '%s'; did you mean --%s?", word,
                 nearest);
    else
        snprintf(parsing->error, OPTION_ERROR_BYTES, "no option '%s'", word);
    return false;
}

/* The value is behind '=', or the next word. */
static bool parse_value(struct parsing *parsing, const struct option_def *def, const char *inlined)
{
    const char *text = inlined;

    if (def->kind == OPTION_FLAG) {
        if (inlined == NULL)
            return store(parsing, def, NULL);
        snprintf(parsing->error, OPTION_ERROR_BYTES, "--%s takes no value", def->name);
        return false;
    }
    if (text == NULL && parsing->at + 1 < parsing->argc)
        text = parsing->argv[++parsing->at];
    if (text == NULL) {
        snprintf(parsing->error, OPTION_ERROR_BYTES, "--%s needs a value: --%s %s", def->name,
                 def->name, def->argument);
        return false;
    }
    return store(parsing, def, text);
}

static bool parse_long(struct parsing *parsing, const char *word)
{
    const size_t name_len = strcspn(word + 2, "=");
    const struct option_def *def = find_def(parsing, word + 2, name_len);

    if (def == NULL)
        return fail_unknown(parsing, word, name_len);
    return parse_value(parsing, def, word[2 + name_len] == '=' ? word + 2 + name_len + 1 : NULL);
}

static bool parse_letter(struct parsing *parsing, const char *word)
{
    for (size_t i = 0; i < parsing->def_count; i++) {
        const struct option_def *def = &parsing->defs[i];
        if (def->letter != '\0' && def->letter == word[1])
            return parse_value(parsing, def, word[2] == '\0' ? NULL : word + 2);
    }
    snprintf(parsing->error, OPTION_ERROR_BYTES, "no option '%s'", word);
    return false;
}

static bool add_operand(const struct parsing *parsing, const char *word)
{
    if (parsing->operands->count == OPERANDS_MAX) {
        snprintf(parsing->error, OPTION_ERROR_BYTES, "more than %d operands", OPERANDS_MAX);
        return false;
    }
    parsing->operands->items[parsing->operands->count++] = word;
    return true;
}

bool options_parse(const struct option_def *defs, size_t def_count, int argc, char *const *argv,
                   void *values, struct operands *operands, char *error)
{
    struct parsing parsing = {.defs = defs,
                              .def_count = def_count,
                              .argc = argc,
                              .argv = argv,
                              .values = values,
                              .operands = operands,
                              .error = error};
    bool is_past_end = false;

    operands->count = 0;
    for (; parsing.at < argc; parsing.at++) {
        const char *word = argv[parsing.at];
        bool is_good;
        if (is_past_end || word[0] != '-' || word[1] == '\0') {
            is_good = add_operand(&parsing, word);
        } else if (strcmp(word, "--") == 0) {
            is_past_end = true;
            is_good = true;
        } else {
            is_good = word[1] == '-' ? parse_long(&parsing, word) : parse_letter(&parsing, word);
        }
        if (!is_good)
            return false;
    }
    return true;
}

void options_print(const struct option_def *defs, size_t def_count, FILE *out)
{
    for (size_t i = 0; i < def_count; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s--%s%s%s",
                 defs[i].letter == '\0' ? "" : (const char[]){'-', defs[i].letter, ' ', '\0'},
                 defs[i].name, defs[i].argument == NULL ? "" : " ",
                 defs[i].argument == NULL ? "" : defs[i].argument);
        fprintf(out, "  %-*s %s\n", HELP_COLUMN, left, defs[i].help);
    }
}
