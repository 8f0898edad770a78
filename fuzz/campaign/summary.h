/*
 * fuzz/campaign/summary.h - a campaign in numbers, as every report tells it.
 *
 * Owner: the caller's storage.  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_SUMMARY_H
#define FUZZ_CAMPAIGN_SUMMARY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "fuzz/campaign/store.h"
#include "sim/sched/sched.h"

enum { SUMMARY_TEXT_BYTES = 1024 };

struct summary {
    uint64_t jobs, jobs_begun, jobs_broken;
    uint64_t slices;
    uint64_t trials;
    uint64_t points;
    uint64_t time_ns;          /* of all processes together */
    int64_t first_ms, last_ms; /* of the day's clock; 0: nothing was done */
    uint64_t titles, closed, unstable;
    uint64_t entries; /* titles of one bug are one */
    /* Features of behaviour (sim/search/sketch.h), each job's by themselves, and the runs that were
     * watched for them. */
    uint64_t distinct, seen_once, seen_twice, watched;
    uint64_t total; /* Chao: how many there are at least */
    /* Good and Turing: new features in the next run that is watched, at most 1, and with that the
     * chance that it shows one; the chance that the next trial ends in a new title. */
    uint64_t new_ppm, new_title_ppm;
};

struct summary_finding {
    char title[FINDING_TITLE_BYTES];
    char entry[FINDING_TITLE_BYTES]; /* the title of the bug; its own for the first */
    char kind[64];
    char state[16];
    char name[STORE_NAME_BYTES];
    char file[PATH_MAX]; /* the smallest reproducer */
    char command[2 * PATH_MAX];
    char job[SUMMARY_TEXT_BYTES];
    char target[SUMMARY_TEXT_BYTES];
    char explained[SUMMARY_TEXT_BYTES];
    char note[SUMMARY_TEXT_BYTES];
    char causes[SUMMARY_TEXT_BYTES]; /* planted bugs that it takes */
    uint64_t trial;                  /* the first one */
    uint64_t count;                  /* trials that ended so */
    uint64_t lines, preemptions;
    int64_t found_ms;
};

/* A job, with its sketch. */
struct summary_job {
    char name[SUMMARY_TEXT_BYTES];
    char problem[SUMMARY_TEXT_BYTES];
    uint64_t trials;
    uint64_t time_ns;
    uint64_t watched, distinct, seen_once, seen_twice, total, new_ppm; /* as in struct summary */
    uint64_t findings;                                                 /* distinct titles */
};

void summary_fill(struct store *store, struct summary *summary);
uint64_t summary_rate(const struct summary *summary);

/* Findings in order of state and title; NULL-free texts. */
sqlite3_stmt *summary_findings(struct store *store);
bool summary_next_finding(struct store *store, sqlite3_stmt *rows, struct summary_finding *out);

/* Jobs by name. */
sqlite3_stmt *summary_jobs(struct store *store);
bool summary_next_job(struct store *store, sqlite3_stmt *rows, struct summary_job *out);

#endif
