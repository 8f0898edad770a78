#include "sim/input/forms.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "sim/choice/choice.h"
#include "sim/sched/sched.h"

static const struct param_info params[] = {
#define PARAM(form, name, type, style, word, least, most)                                          \
    {TYPE_##type, STYLE_##style, word, least, most},
#include "sim/input/events.def"
};

static const uint16_t param_bases[FORM_COUNT + 1] = {
#define FORM(code, name, place, subject, keyword, does) PARAM_BASE_##name,
#include "sim/input/events.def"
    PARAM_COUNT};

static const struct form_info forms[FORM_COUNT] = {
#define FORM(code, name, place, subject, keyword, does)                                            \
    {code, PLACE_##place, subject, keyword, does, params + PARAM_BASE_##name},
#include "sim/input/events.def"
};

#define FORM(code, name, place, subject, keyword, does)                                            \
    _Static_assert(code < 120, "codes from 120 on are the format's own");
#include "sim/input/events.def"

const struct form_info *form_info(enum scenario_form form)
{
    BUG_ON(form >= FORM_COUNT);
    return &forms[form];
}

size_t form_param_count(enum scenario_form form)
{
    size_t count = (size_t)(param_bases[form + 1] - param_bases[form]);

    BUG_ON(count > FORM_PARAMS_MAX);
    return count;
}

enum scenario_form form_by_code(uint8_t code)
{
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (forms[i].code == code)
            return (enum scenario_form)i;
    }
    return FORM_COUNT;
}

static bool is_word(const char *word, const char *text, size_t len)
{
    return strlen(word) == len && memcmp(word, text, len) == 0;
}

enum scenario_form form_find(uint32_t places, uint32_t subjects, const char *keyword, size_t len,
                             bool is_quoted)
{
    enum scenario_form found = FORM_COUNT;

    for (size_t i = 0; i < FORM_COUNT; i++) {
        bool fits = (places >> forms[i].place & 1) != 0 &&
                    (subjects == 0 || (forms[i].subjects & subjects) != 0);
        if (len == 0 || !fits || !is_word(forms[i].keyword, keyword, len))
            continue;
        enum scenario_form form = (enum scenario_form)i;
        bool wants_quoted = form_param_count(form) > 0 && forms[i].params[0].type == TYPE_BYTES;
        if (found == FORM_COUNT || wants_quoted == is_quoted)
            found = form;
    }
    return found;
}

bool form_is_reserved(const char *word, size_t len)
{
    uint32_t places = 1u << PLACE_TOP | 1u << PLACE_WORLD | 1u << PLACE_SCHEDULE;

    return is_word("end", word, len) || form_find(places, 0, word, len, false) != FORM_COUNT;
}

bool form_is_expectation(enum scenario_form form)
{
    return form == FORM_ANSWER || form == FORM_ASKED || form == FORM_RECV ||
           form == FORM_RECV_COUNT || form == FORM_FIN || form == FORM_RST || form == FORM_GOT;
}

bool param_is_optional(const struct param_info *param)
{
    return param->style != STYLE_NEED && param->style != STYLE_MUST && param->style != STYLE_SIGN;
}

/* ---- words ---- */

/* One array of all, sorted by set as the file is; a set is a run of it. */
static const struct {
    enum param_type set;
    int value;
    const char *word;
} words[] = {
#define WORD(set, value, word) {TYPE_##set, value, word},
#include "sim/input/words.def"
};

static size_t word_first(enum param_type set)
{
    size_t i = 0;

    while (i < ARRAY_LEN(words) && words[i].set != set)
        i++;
    return i;
}

size_t word_count(enum param_type set)
{
    size_t first = word_first(set);
    size_t i = first;

    while (i < ARRAY_LEN(words) && words[i].set == set)
        i++;
    return i - first;
}

const char *word_text(enum param_type set, size_t index)
{
    return words[word_first(set) + index].word;
}

int word_value(enum param_type set, size_t index)
{
    return words[word_first(set) + index].value;
}

size_t word_find(enum param_type set, const char *text, size_t len)
{
    size_t count = word_count(set);
    size_t i = 0;

    while (i < count && !is_word(word_text(set, i), text, len))
        i++;
    return i;
}

size_t word_find_value(enum param_type set, int value)
{
    size_t count = word_count(set);
    size_t i = 0;

    while (i < count && word_value(set, i) != value)
        i++;
    return i;
}

static int find_in(const char *const *list, size_t count, const char *text, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (is_word(list[i], text, len))
            return (int)i;
    }
    return -1;
}

int word_plant(const char *text, size_t len)
{
    static const char *const ids[] = {
#define PLANT_DEF(name, id, slug, story, scenario) id,
#include "core/plant/plants.def"
#undef PLANT_DEF
    };

    return find_in(ids, ARRAY_LEN(ids), text, len);
}

static const char *const verdicts[] = {
#define X(name, word, property) word,
    FINDING_KINDS(X)
#undef X
};

int word_verdict(const char *text, size_t len)
{
    return find_in(verdicts, ARRAY_LEN(verdicts), text, len);
}

int word_class(const char *text, size_t len)
{
    static const char *const classes[] = {
#define X(name, word, rate) word,
        CHOICE_CLASSES(X)
#undef X
    };

    return find_in(classes, ARRAY_LEN(classes), text, len);
}

/* ---- did you mean ---- */

enum { SUGGEST_BYTES_MAX = 32 };

void suggestion_init(struct suggestion *suggestion, const char *text, size_t len)
{
    *suggestion = (struct suggestion){.text = text, .len = len};
    /* More than a third wrong is another word. */
    suggestion->distance = len > SUGGEST_BYTES_MAX ? 0 : 2 + (unsigned)len / 3;
}

/* Optimal string alignment: insert, delete, replace, swap neighbours. */
static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][SUGGEST_BYTES_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_len; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (is_swap && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        unsigned *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b_len];
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
    size_t len = strlen(candidate);

    if (len == 0 || len > SUGGEST_BYTES_MAX || suggestion->len > SUGGEST_BYTES_MAX)
        return;
    unsigned distance = edit_distance(suggestion->text, suggestion->len, candidate, len);
    /* Nothing in common is no likeness, however short both are. */
    if (distance >= suggestion->distance || distance >= suggestion->len || distance >= len)
        return;
    suggestion->distance = distance;
    suggestion->best = candidate;
}

void suggestion_offer_verdicts(struct suggestion *suggestion)
{
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        suggestion_offer(suggestion, verdicts[i]);
}

void suggestion_offer_forms(struct suggestion *suggestion, uint32_t places, uint32_t subjects)
{
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if ((places >> forms[i].place & 1) != 0 &&
            (subjects == 0 || (forms[i].subjects & subjects) != 0))
            suggestion_offer(suggestion, forms[i].keyword);
    }
}
