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

/* Of a fuzz target: shared by its jobs. */
struct corpus {
    const char *target; /* the plan's, without "fuzz:" */
    char folder[PATH_MAX];
    char tool[PATH_MAX]; /* that makes it least; "": there is none */
    size_t inputs;
    size_t merged; /* as many were left when it was last made least */
    bool is_merging;
};

/* A scenario x build x strategy, or a fuzz target x build x engine. */
struct job {
    char *name;
    const char *target; /* the plan's; of a fuzz job without "fuzz:" */
    const char *build;
    const char *engine;
    const char *strategy;  /* of a fuzz job its engine */
    struct corpus *corpus; /* NULL: not a fuzz job */
    char tool[PATH_MAX];
    uint64_t cursor; /* trials below are done or being run; of a fuzz job slices */
    uint64_t trials; /* done by this shard */
    uint64_t time_ns;
    unsigned in_flight;
    bool is_broken; /* its problem is in the store */
    bool has_found;
};

enum task_kind { TASK_NONE, TASK_SLICE, TASK_STEP, TASK_CHECK, TASK_MERGE };

/* A process at work. */
struct task {
    enum task_kind kind;
    struct child child;
    struct job *job; /* of a slice, which is [first, past) */
    uint64_t first, past;
    unsigned tries;
    struct corpus *corpus;   /* of a merge */
    char session[PATH_MAX];  /* the folder of an engine's session, or of a merge */
    char also[PATH_MAX + 8]; /* in it: what was in the corpus */
    char merged[PATH_MAX + 8];
    char known[PATH_MAX + 8]; /* a file of titles */
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
    struct corpus *corpora;
    size_t corpus_count;
    char *plants; /* "K01,K18" */
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
/* Its time is: nothing new is begun. */
bool campaign_is_over(const struct campaign *campaign);

/* job.c: the plan's, with what the store knows of them. */
void jobs_open(struct campaign *campaign);
void jobs_close(struct campaign *campaign);
struct job *job_find(struct campaign *campaign, const char *name);
bool job_has_more(const struct campaign *campaign, const struct job *job);
/* It is not tried again before the next run. */
void job_break(struct campaign *campaign, struct job *job, const char *problem);

/* slice.c: fills `task` with the next slice and starts it; false: there is none now. */
bool slice_start(struct campaign *campaign, struct task *task);
void slice_end(struct campaign *campaign, struct task *task);

/* corpus_task.c: the same for a corpus that has grown enough to be made least again. */
bool corpus_task_start(struct campaign *campaign, struct task *task);
void corpus_task_end(struct campaign *campaign, struct task *task);

/* Names task->session and what is in it, makes the folders, and links the corpus there. */
bool corpus_task_stage(struct task *task, const struct corpus *corpus);

/* triage.c: the same for a step of looking into a finding, or for a check of one that is open. */
bool triage_start(struct campaign *campaign, struct task *task);
void triage_end(struct campaign *campaign, struct task *task);

#endif
