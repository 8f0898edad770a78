/*
 * sim/input/forms.h - events.def and words.def as data.
 *
 * Threads: any; constants.
 */
#ifndef SIM_INPUT_FORMS_H
#define SIM_INPUT_FORMS_H

#include "sim/input/scenario.h"

enum form_place {
    PLACE_TOP,
    PLACE_NODE,
    PLACE_ACTOR,
    PLACE_WORLD,
    PLACE_END,
    PLACE_SCHEDULE,
    PLACE_TRIVIA
};

enum param_type {
    TYPE_NUMBER,    /* 3, 1..5 */
    TYPE_DURATION,  /* 5ms, 1ms..5ms, 0..5ms */
    TYPE_RATE,      /* 1%, 0.5%..2% */
    TYPE_COPIES,    /* x3, x2..4 */
    TYPE_HEX,       /* 0x1f */
    TYPE_SHIFT,     /* +2s, -5ms */
    TYPE_ADDRESS,   /* 10.0.0.1, fd00::1 */
    TYPE_ENDPOINT,  /* 10.0.0.1:80, [fd00::1]:80 */
    TYPE_BYTES,     /* "text\r\n", x"00ff" */
    TYPE_WORD,      /* a bare word */
    TYPE_SPEC,      /* a bare word behind a key, which may hold '=': pct,d=3 */
    TYPE_PATH,      /* a bare word that begins with a slash */
    TYPE_NAME,      /* the name of an actor that is declared here */
    TYPE_ACTOR,     /* the name of an actor declared above */
    TYPE_PAIR,      /* a-b, a>b, a-* */
    TYPE_SITE,      /* p.accept */
    TYPE_THREAD,    /* p.w2 */
    TYPE_THREAD_AT, /* w2@17 */
    TYPE_DRAW_AT,   /* w1.short-read@3 */
    TYPE_WORDS,     /* the rest of the line, in words */
    TYPE_RAW,       /* the rest of the line, as it is */
    TYPE_FLAG,
    TYPE_SIGN,
    /* sets of words.def */
    TYPE_PROTOCOL,
    TYPE_SWITCH,
    TYPE_HTTP,
    TYPE_SIGNAL,
    TYPE_ERRNO,
    TYPE_POINTS,
    TYPE_H2_FRAME,
    TYPE_H2_ERROR,
};

enum param_style { STYLE_NEED, STYLE_MAY, STYLE_KEY, STYLE_MUST, STYLE_FLAG, STYLE_SIGN };

struct param_info {
    enum param_type type;
    enum param_style style;
    const char *word;
    uint64_t least;
    uint64_t most;
};

enum { FORM_PARAMS_MAX = 24 };

struct form_info {
    uint8_t code;
    enum form_place place;
    uint32_t subjects; /* bit per enum scenario_actor_kind */
    const char *keyword;
    const char *does;
    const struct param_info *params; /* form_param_count() of them */
};

const struct form_info *form_info(enum scenario_form form);
size_t form_param_count(enum scenario_form form); /* at most FORM_PARAMS_MAX */

/* FORM_COUNT when no form has that code. */
enum scenario_form form_by_code(uint8_t code);

/* The form of that keyword in any of `places` (bit per enum form_place) which a subject of one of
 * `subjects` has (0: no matter). Where two differ by their first argument, `is_quoted` says whether
 * that is a string. FORM_COUNT when there is none. */
enum scenario_form form_find(uint32_t places, uint32_t subjects, const char *keyword, size_t len,
                             bool is_quoted);

/* Is it a word that no actor can be called? */
bool form_is_reserved(const char *word, size_t len);

/* Does it wait for something, so that `..d` makes sense? */
bool form_is_expectation(enum scenario_form form);

bool param_is_optional(const struct param_info *param); /* has a presence bit */

/* ---- words ---- */

size_t word_count(enum param_type set);
const char *word_text(enum param_type set, size_t index);
int word_value(enum param_type set, size_t index);
/* word_count(set) when there is none. */
size_t word_find(enum param_type set, const char *text, size_t len);
size_t word_find_value(enum param_type set, int value);

/* The ids of core/plant/plants.def, the words of FINDING_KINDS and CHOICE_CLASSES. -1: no such. */
int word_plant(const char *text, size_t len);
int word_verdict(const char *text, size_t len);
int word_class(const char *text, size_t len);

/* ---- did you mean ---- */

struct suggestion {
    const char *text;
    size_t len;
    const char *best; /* NULL: nothing is close */
    unsigned distance;
};
void suggestion_init(struct suggestion *suggestion, const char *text, size_t len);
void suggestion_offer(struct suggestion *suggestion, const char *candidate);
void suggestion_offer_verdicts(struct suggestion *suggestion);
void suggestion_offer_forms(struct suggestion *suggestion, uint32_t places, uint32_t subjects);

#endif
