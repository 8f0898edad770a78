/*
 * sim/input/scenario.h - a scenario as a value: topology, events, faults, and perhaps a schedule.
 *
 * It is read from text (strict) or from bytes (never fails), and then never changes: a million runs
 * use the same one. So everything that a run needs is resolved here: names are actor indices, verbs
 * are enumerators, addresses and byte strings are parsed. What a run draws for itself is left as
 * ranges.
 *
 * It is two views of the same thing. `lines` is the file, in order, for printing, encoding,
 * editing: each line is a form of events.def with its arguments. `actors`, scripts and settings are
 * what the world runs; they point into the lines.
 *
 * Owner: who parsed it; freed whole.  Threads: any, read-only.
 */
#ifndef SIM_INPUT_SCENARIO_H
#define SIM_INPUT_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/net/addr.h"

struct buffer;
struct diagnostics;

enum {
    SCENARIO_VERSION = 1,
    SCENARIO_TEXT_BYTES_MAX = 1 << 20,
    SCENARIO_LINE_BYTES_MAX = 16384,
    SCENARIO_LINES_MAX = 8192,
    SCENARIO_DEVIATIONS_MAX = 4096, /* of the lines */
    SCENARIO_ACTORS_MAX = 1024,     /* copies counted */
    SCENARIO_EVENTS_MAX = 16384,    /* copies counted */
};

/* ---- values ---- */

/* Inclusive. What is written as one number has min == max. */
struct range {
    uint64_t min;
    uint64_t max;
};

/* Ends with a NUL that is not counted. NULL with length 0 when there is none. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

/* A name that was used: the actors [actor_first, actor_first + actor_count). `c` of `client c x3`
 * is three actors, `c2` is one, `*` is all. */
struct scenario_ref {
    uint16_t declaration; /* in order of the file; SCENARIO_ALL for `*` */
    uint16_t copy;        /* 0: all of them; else the copy's number, from 1 */
    uint16_t actor_first;
    uint16_t actor_count;
};
enum { SCENARIO_ALL = 0xffff };

/* A word of a node's directive. `range` is to be drawn and printed behind `text` in its place. */
struct scenario_word {
    struct bytes text; /* the word, or what stands before its range */
    bool has_range;
    bool is_duration; /* the range is in ns, a plain number otherwise */
    uint32_t column;  /* from 1 */
    struct range range;
};

/* One argument. Which fields count is the parameter's type's, see the comments. */
struct scenario_value {
    bool is_present;       /* all types; FLAG has nothing else */
    bool is_negative;      /* SHIFT: range.min is to be subtracted */
    bool is_one_way;       /* PAIR: `a>b`, not `a-b` */
    uint32_t column;       /* from 1; 0 when it was not read from text */
    struct range range;    /* NUMBER; DURATION ns; RATE ppm; COPIES; HEX, SHIFT: min == max;
                              THREAD_AT, DRAW_AT: the count */
    int word;              /* words.def sets: the value of the word, e.g. EMFILE, PROTOCOL_H1 */
    struct bytes text;     /* BYTES, WORD, SPEC, PATH, NAME, THREAD, RAW; SITE: the call;
                              THREAD_AT: the thread; DRAW_AT: "thread.class" */
    struct addr addr;      /* ADDRESS (port 0), ENDPOINT */
    struct scenario_ref a; /* ACTOR, PAIR; SITE: the node */
    struct scenario_ref b; /* PAIR */
    const struct scenario_word *words; /* WORDS */
    size_t word_count;
};

enum scenario_protocol { PROTOCOL_H1, PROTOCOL_RAW, PROTOCOL_H2, PROTOCOL_FCGI };

/* ---- lines ---- */

enum scenario_actor_kind { ACTOR_NODE, ACTOR_CLIENT, ACTOR_SERVER, ACTOR_KIND_COUNT };

enum scenario_form {
#define FORM(code, name, place, subject, keyword, does) FORM_##name,
#include "sim/input/events.def"
    FORM_COUNT
};

/* PARAM_connect_to is the place of parameter `TO` within the arguments of form CONNECT. */
enum scenario_param {
#define FORM(code, name, place, subject, keyword, does)                                            \
    PARAM_BASE_##name, PARAM_BEFORE_##name = PARAM_BASE_##name - 1,
#define PARAM(form, name, type, style, word, least, most) PARAM_##form##_##name,
#include "sim/input/events.def"
    PARAM_COUNT
};

/* The argument NAME of a line, event or actor whose form is FORM, as in
 * SCENARIO_ARG(event, CONNECT, TO)->addr. Never NULL: look at is_present when it may be left out.
 */
#define SCENARIO_ARG(thing, FORM, NAME) (&(thing)->args[PARAM_##FORM##_##NAME - PARAM_BASE_##FORM])

enum scenario_when_kind {
    WHEN_NONE,   /* holds from the start, or not an event */
    WHEN_AFTER,  /* `+d`: d after the end of the previous line of the same actor (or the start) */
    WHEN_WITHIN, /* `..d`: an expectation, to be met within d after that */
    WHEN_AT, /* `@d`: d after the start of the run, or after the previous line if that is later */
};

struct scenario_when {
    enum scenario_when_kind kind;
    struct range ns; /* to be drawn; WITHIN: min == max */
};

struct scenario_line {
    enum scenario_form form;
    uint32_t number; /* line of the file, from 1; 0 when it came from bytes */
    uint32_t column; /* of its first word, from 1 */
    struct scenario_when when;
    struct scenario_ref subject; /* lines of actors: who */
    const struct scenario_value *args;
    struct bytes comment; /* without '#' and the space behind it; NULL: none */
};

/* ---- what the world runs ---- */

struct scenario_event {
    enum scenario_form form;
    uint16_t actor; /* index in actors; SCENARIO_ALL for events of the world (cut, fault, ...) */
    uint32_t order; /* among all events, as in the file: breaks ties */
    struct scenario_when when;
    const struct scenario_value *args;
    const struct scenario_line *line; /* for messages */
    /* SEND, RECV: the bytes. Others: none. */
    struct bytes wire;
};

struct scenario_script {
    const struct scenario_event *events;
    size_t count;
};

/* A node, a client or a server. Copies are actors of their own, next to each other. */
struct scenario_actor {
    enum scenario_actor_kind kind;
    const char *name; /* "c2" for the second copy */
    uint16_t declaration;
    uint16_t copy;       /* from 1; 0 when it is no copy */
    struct range copies; /* how many of them take part: drawn once for all; {1,1} when no copy */
    struct addr addr;    /* client: port 0; server: where it listens; node: family 0 */
    enum scenario_protocol protocol;
    /* Of its declaration: SCENARIO_ARG(actor, CLIENT, TO), (actor, SERVER, DELAY), ... */
    const struct scenario_value *args;
    const struct scenario_line *line;
    /* Client: `load`, issues requests by itself. Server: answers by itself: it has no `<` or `>`.
     */
    bool is_automatic;
    /* Node: its DIRECTIVE lines, &scenario->lines[directive_lines[i]]. */
    const uint32_t *directive_lines;
    size_t directive_count;
    struct scenario_script script;
};

/* From the recorded part. The names are what choice_who() hashes. */
struct scenario_deviation {
    const char *who;
    uint32_t class; /* enum choice_class; SCHED for `sched` lines */
    uint32_t count;
    uint32_t value;     /* PICK */
    const char *thread; /* SCHED: who ran; NULL otherwise */
    const struct scenario_line *line;
};

enum scenario_end { END_QUIET, END_ANY };

struct scenario {
    const struct scenario_line *lines;
    size_t line_count;

    const struct scenario_actor *actors; /* in order of declaration */
    size_t actor_count;
    struct scenario_script setup; /* links, cuts and faults that hold from the start */
    struct scenario_script world; /* the timed ones */
    size_t event_count;           /* of all scripts */

    struct range bound_ns; /* {0,0}: not said */
    struct range steps_max;
    bool has_memory_points;
    const uint16_t *plants; /* enum plant */
    size_t plant_count;
    int expect; /* enum finding_kind, -1: not said */
    struct bytes expect_title;
    enum scenario_end end;

    const struct scenario_line *found; /* SCENARIO_ARG(found, FOUND, SEED), NULL: no provenance */
    const struct scenario_deviation *deviations;
    size_t deviation_count;

    struct bump *memory; /* private */
};

/* ---- text ---- */

/* Reads `len` bytes. True with *out owned by the caller; false with at least one error in `diag`.
 * Warnings may be in `diag` either way. `file` is for messages and is copied. */
MUST_CHECK bool scenario_parse(const char *text, size_t len, const char *file,
                               struct scenario **out, struct diagnostics *diag);

/* Appends canonical text: scenario_parse() reads it to an equal scenario. */
void scenario_print(const struct scenario *scenario, struct buffer *out);

/* One line as scenario_print() has it, without the line feed: for stories and messages. */
void scenario_print_line(const struct scenario *scenario, const struct scenario_line *line,
                         struct buffer *out);

/* ---- bytes ---- */

/* Appends the canonical bytes; nothing is lost, comments included. */
void scenario_encode(const struct scenario *scenario, struct buffer *out);

/* Do they begin as what scenario_encode() makes? */
bool scenario_is_encoded(const void *data, size_t len);

/* Any bytes are a scenario: what is unknown is skipped, indices are taken modulo, numbers clamped.
 * Bytes without the magic become what one client sends to a small proxy. Never NULL. */
struct scenario *scenario_decode(const uint8_t *data, size_t len);

/* ---- the rest ---- */

void scenario_free(struct scenario *scenario); /* NULL: nothing */

/* A new scenario of those lines for which keep[i] is true; lines that then make no sense (events of
 * an actor that is gone) go too. For shrinking. The order of `lines` is kept. */
struct scenario *scenario_keep(const struct scenario *scenario, const bool *keep);

/* The same without its recorded part. */
struct scenario *scenario_without_schedule(const struct scenario *scenario);

/* Same lines, comments and order: they print the same. */
bool scenario_equal(const struct scenario *a, const struct scenario *b);

/* Reports node configurations that the core refuses, with the ranges at their least and at their
 * most. Neither scenario_parse() nor scenario_decode() has called it; a scenario may run once it
 * passed. False after an error. */
MUST_CHECK bool scenario_check_semantics(const struct scenario *scenario, struct diagnostics *diag);

/* A file that is to be run: text, or bytes that begin as encoded ones do; checked. As
 * scenario_parse(). */
MUST_CHECK bool scenario_load(const void *data, size_t len, const char *file, struct scenario **out,
                              struct diagnostics *diag);

/* NULL when there is none of that name. */
const struct scenario_actor *scenario_actor(const struct scenario *scenario, const char *name);

const char *scenario_form_keyword(enum scenario_form form); /* "soft-stop", ">", "fault" */
const char *scenario_actor_kind_word(enum scenario_actor_kind kind);

#endif
