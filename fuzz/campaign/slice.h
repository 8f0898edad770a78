/*
 * fuzz/campaign/slice.h - a slice as the kinds of jobs see it: what is to be run, and what came of
 * it.
 *
 * Owner: slice.c.  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_SLICE_H
#define FUZZ_CAMPAIGN_SLICE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "fuzz/campaign/campaign.h"
#include "sim/search/sketch.h"

enum { SLICE_FINDINGS_MAX = 256, SLICE_LATE_TIMES = 30 };

/* A slice that takes so much longer than it was to take hangs. */
#define SLICE_LATE_NS UINT64_C(120000000000)

/* Texts are valid as long as the summary is. */
struct slice_finding {
    const char *title;
    char kind[32];
    const char *build; /* of the tool that runs the reproducer */
    const char *file;  /* "": the search itself could not repeat it */
    bool is_input;     /* the file is a fuzz target's input, no scenario */
    int64_t trial;
    int64_t count;
    char seed[32];
};

struct slice_result {
    int64_t trials;
    int64_t points;
    int64_t edges;
    int64_t inputs; /* of the corpus */
    int64_t taken;  /* of them new */
    struct sketch sketch;
    struct slice_finding findings[SLICE_FINDINGS_MAX];
    size_t count;
};

/* Makes task->child what is to be run. False after a message. */
bool slice_explore_prepare(struct campaign *campaign, struct task *task);
bool slice_fuzz_prepare(struct campaign *campaign, struct task *task);

/* What the program summed up; `result` was zeroed. */
void slice_explore_read(const struct task *task, struct json_object *summary,
                        struct slice_result *result);
/* Takes the session's new inputs over too. */
void slice_fuzz_read(struct campaign *campaign, struct task *task, struct json_object *summary,
                     struct slice_result *result);

#endif
