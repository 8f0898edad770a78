/*
 * fuzz/campaign/plan.h - a campaign's plan: what is to be searched, how, and for how long.
 *
 * A line is a word and what it is given; `#` begins a comment. README.md has the words. Parsing is
 * strict: an unknown word, a target that is not there, a plant nobody knows are errors, shown with
 * the line and a caret. Nothing is run with half a plan.
 *
 * Owner: the caller.  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_PLAN_H
#define FUZZ_CAMPAIGN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/input/buffer.h"

enum { PLAN_WORDS_MAX = 1024 };

#define PLAN_SLICE_NS UINT64_C(10000000000)
#define PLAN_SHRINK_NS UINT64_C(30000000000)

struct plan_list {
    char *items[PLAN_WORDS_MAX]; /* heap */
    size_t count;
};

struct campaign_plan {
    uint64_t seed;
    bool is_seed_given;       /* else the day on which it first runs, as YYYYMMDD */
    uint64_t time_ns;         /* of real time, for everything; 0: no bound */
    uint64_t trials;          /* of each job; 0: no bound. One of the two is there. */
    uint64_t slice_ns;        /* about how long a process searches before its result is kept */
    uint64_t shrink_ns;       /* at most, for a finding */
    bool has_explain;         /* each finding is explained too */
    bool has_memory;          /* threads are interrupted at plain accesses too */
    struct plan_list targets; /* scenario files, as heddle explore takes them */
    struct plan_list fuzz;    /* fuzz targets, without "fuzz:" */
    struct plan_list builds;
    struct plan_list engines;
    struct plan_list strategies;
    struct plan_list plants;
    struct buffer text; /* as it was read */
};

/* Parses `text`, which `name` is said to hold. Targets are looked for below `root`. False with the
 * message, lines ended, appended to `error`. campaign_plan_fini() in either case. */
bool campaign_plan_parse(struct campaign_plan *plan, const char *name, const char *text,
                         const char *root, struct buffer *error);
bool campaign_plan_has_engine(const struct campaign_plan *plan, const char *engine);
void campaign_plan_fini(struct campaign_plan *plan);

#endif
