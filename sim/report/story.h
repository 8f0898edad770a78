/*
 * sim/report/story.h - a finding told so that a stranger understands it in a minute.
 *
 * The title; the property that was broken; the steps that matter, each in its thread's lane; who
 * holds and waits for what at the end; details; and one command that shows it again.
 *
 * Threads: one; between runs.
 */
#ifndef SIM_REPORT_STORY_H
#define SIM_REPORT_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/report/symbols.h"
#include "sim/report/trace.h"

enum { STORY_WIDTH_MIN = 72, STORY_WIDTH_DEFAULT = 80, STORY_WIDTH_MAX = 160 };

struct story_style {
    unsigned width; /* columns */
    bool has_color;
};

/* What the file deserves: the terminal's width and colours, 80 columns and none elsewhere. NO_COLOR
 * and COLUMNS are honoured. */
struct story_style story_style_of(FILE *out);

struct story {
    const struct trace *trace;
    const struct run_result *result; /* its finding's texts are symbolised by the caller */
    const struct symbol *(*lookup)(const void *pc); /* symbols_lookup */
    const char *origin;  /* "pct,d=3, trial 412 of seed 0x5eed"; NULL: not said */
    const char *command; /* shows it again; NULL: not said */
    const char *file;    /* the reproducer that was written; NULL: none */
    struct story_style style;
};

/* A run without a finding is told by its end and its last steps. */
void story_print(FILE *out, const struct story *story);

#endif
