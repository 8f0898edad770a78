/*
 * fuzz/campaign/campaign.h - a campaign as it runs: jobs, the processes that work on them, and the
 * numbers that are shown.
 *
 * Owner: campaign_run().  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_CAMPAIGN_H
#define FUZZ_CAMPAIGN_CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz/campaign/child.h"
#include "fuzz/campaign/plan.h"
#include "fuzz/campaign/store.h"
#include "sim/cli/shard.h"
#include "sim/sched/sched.h"

enum { CAMPAIGN_SLOTS_MAX = 64, CAMPAIGN_PROBLEM_BYTES = 320 };

/* A target x build x strategy. */
struct job {
    char *name;
    const char *target; /* the plan's */
    const char *build;
    const char *strategy;
    char tool[PATH_MAX];
    uint64_t cursor; /* trials below are done or being run */
    uint64_t trials; /* done by this shard */
    uint64_t time_ns;
    unsigned in_flight;
    bool is_broken; /* its problem is in the store */
};

enum task_kind { TASK_NONE, TASK_SLICE, TASK_STEP, TASK_CHECK };

/* A process at work. */
struct task {
    enum task_kind kind;
    struct child child;
    struct job *job; /* of a slice, which is [first, past) */
    uint64_t first, past;
    unsigned tries;
    /* of a step or a check */
    char title[FINDING_TITLE_BYTES];
    char name[STORE_NAME_BYTES];
    unsigned step;
    size_t plant; /* that is left out */
    char file[PATH_MAX];
    char output[PATH_MAX];
    char tool[PATH_MAX];
    char hash[32];
};

struct campaign {
    struct store store;
    struct campaign_plan plan;
    struct shard_choice shard;
    char shard_text[32];
    char build_id[32]; /* of this program: what findings were checked on */
    struct job *jobs;
    size_t job_count;
    struct task tasks[CAMPAIGN_SLOTS_MAX];
    unsigned slot_count;
    uint64_t time_ns_max;    /* 0: no bound */
    uint64_t elapsed_before; /* ns, in processes that were killed */
    uint64_t began_ns;
};

struct campaign_words;

/* heddle campaign run: the exit code. */
int campaign_run(const struct campaign_words *words, const char *plan);
int campaign_status(const char *folder);
int campaign_report(const char *folder);
int campaign_merge(const char *out, const char *const *folders, size_t count);

uint64_t campaign_elapsed_ns(const struct campaign *campaign);

/* slice.c: fills `task` with the next slice and starts it; false: there is none now. */
bool slice_start(struct campaign *campaign, struct task *task);
void slice_end(struct campaign *campaign, struct task *task);

/* triage.c: the same for a step of looking into a finding, or for a check of one that is open. */
bool triage_start(struct campaign *campaign, struct task *task);
void triage_end(struct campaign *campaign, struct task *task);

#endif
