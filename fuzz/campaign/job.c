/*
 * fuzz/campaign/job.c - a plan's jobs: scenarios x builds x strategies, by explore, and fuzz
 * targets x builds x engines. What the store knows of each is taken over.
 *
 * Threads: one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/corpus.h"

/* ---- one ---- */

static void note_problem(struct campaign *campaign, struct job *job)
{
    char problem[CAMPAIGN_PROBLEM_BYTES];

    if (job->corpus == NULL)
        snprintf(problem, sizeof(problem),
                 "the %s build is not there: ./heddle check --build %s makes it", job->build,
                 job->build);
    else
        snprintf(problem, sizeof(problem),
                 "the fuzzer is not there: ./heddle fuzz %s --engine %s --build %s makes it",
                 job->target, job->engine, job->build);
    job_break(campaign, job, problem);
}

static void open_job(struct campaign *campaign, struct job *job)
{
    const int64_t shards = campaign->shard.count;
    const int64_t shard = campaign->shard.index;
    struct buffer target = {0};

    buffer_printf(&target, "%s%s", job->corpus == NULL ? "" : "fuzz:", job->target);
    store_do(&campaign->store,
             "INSERT INTO job(name, target, build, strategy, engine) VALUES(?, ?, ?, ?, ?) "
             "ON CONFLICT(name) DO UPDATE SET problem = NULL",
             "sssss", job->name, target.data, job->build, job->strategy, job->engine);
    buffer_fini(&target);
    job->cursor = (uint64_t)store_number(
        &campaign->store, 0,
        "SELECT max(past) FROM slice WHERE job = ? AND shards = ? AND shard = ?", "sii", job->name,
        shards, shard);
    sqlite3_stmt *rows = store_query(
        &campaign->store,
        "SELECT total(trials), total(ns) FROM slice WHERE job = ? AND shards = ? AND shard = ?",
        "sii", job->name, shards, shard);
    while (store_next(&campaign->store, rows)) {
        job->trials = (uint64_t)sqlite3_column_int64(rows, 0);
        job->time_ns = (uint64_t)sqlite3_column_int64(rows, 1);
    }
    job->has_found =
        store_number(&campaign->store, 0, "SELECT count(*) FROM sighting WHERE job = ?", "s",
                     job->name) > 0;
    const bool is_there = job->corpus == NULL
                              ? child_find_tool(job->build, job->tool)
                              : child_find_fuzzer(job->target, job->engine, job->build, job->tool);
    if (!is_there)
        note_problem(campaign, job);
}

static void add_job(struct campaign *campaign, const struct job *made)
{
    struct job *job = &campaign->jobs[campaign->job_count++];
    struct buffer name = {0};

    *job = *made;
    buffer_printf(&name, "%s%s %s %s", job->corpus == NULL ? "" : "fuzz:", job->target, job->build,
                  job->strategy);
    job->name = strdup(name.data);
    if (job->name == NULL)
        abort();
    buffer_fini(&name);
    open_job(campaign, job);
}

/* ---- all ---- */

static void add_explore_jobs(struct campaign *campaign, const char *target)
{
    const struct campaign_plan *plan = &campaign->plan;

    for (size_t b = 0; b < plan->builds.count; b++)
        for (size_t s = 0; s < plan->strategies.count; s++)
            add_job(campaign, &(struct job){.target = target,
                                            .build = plan->builds.items[b],
                                            .engine = "explore",
                                            .strategy = plan->strategies.items[s]});
}

static void add_fuzz_jobs(struct campaign *campaign, struct corpus *corpus)
{
    const struct campaign_plan *plan = &campaign->plan;

    for (size_t b = 0; b < plan->builds.count; b++) {
        for (size_t e = 0; e < plan->engines.count; e++) {
            if (strcmp(plan->engines.items[e], "explore") == 0)
                continue;
            add_job(campaign, &(struct job){.target = corpus->target,
                                            .build = plan->builds.items[b],
                                            .engine = plan->engines.items[e],
                                            .strategy = plan->engines.items[e],
                                            .corpus = corpus});
        }
    }
}

static void join_plants(struct campaign *campaign)
{
    struct buffer text = {0};

    buffer_append_text(&text, "");
    for (size_t i = 0; i < campaign->plan.plants.count; i++)
        buffer_printf(&text, "%s%s", i == 0 ? "" : ",", campaign->plan.plants.items[i]);
    campaign->plants = strdup(text.data);
    if (campaign->plants == NULL)
        abort();
    buffer_fini(&text);
}

void jobs_open(struct campaign *campaign)
{
    const struct campaign_plan *plan = &campaign->plan;
    const size_t most = plan->targets.count * plan->builds.count * plan->strategies.count +
                        plan->fuzz.count * plan->builds.count * plan->engines.count;

    campaign->jobs = calloc(most + 1, sizeof(*campaign->jobs));
    campaign->corpora = calloc(plan->fuzz.count + 1, sizeof(*campaign->corpora));
    if (campaign->jobs == NULL || campaign->corpora == NULL)
        abort();
    join_plants(campaign);
    store_begin(&campaign->store);
    /* What failed on a build gets another try on the next. */
    store_do(&campaign->store, "UPDATE slice SET tries = 0 WHERE state = 0", "");
    for (size_t i = 0; i < plan->targets.count; i++)
        add_explore_jobs(campaign, plan->targets.items[i]);
    for (size_t i = 0; i < plan->fuzz.count; i++) {
        struct corpus *corpus = &campaign->corpora[campaign->corpus_count++];
        corpus->target = plan->fuzz.items[i];
        corpus_open(&campaign->store, corpus);
        add_fuzz_jobs(campaign, corpus);
    }
    store_commit(&campaign->store);
}

void jobs_close(struct campaign *campaign)
{
    for (size_t i = 0; i < campaign->job_count; i++)
        free(campaign->jobs[i].name);
    free(campaign->jobs);
    free(campaign->corpora);
    free(campaign->plants);
}

struct job *job_find(struct campaign *campaign, const char *name)
{
    for (size_t i = 0; i < campaign->job_count; i++)
        if (strcmp(campaign->jobs[i].name, name) == 0)
            return &campaign->jobs[i];
    return NULL;
}

bool job_has_more(const struct campaign *campaign, const struct job *job)
{
    const uint64_t most = campaign->plan.trials;

    if (job->is_broken || most == 0)
        return !job->is_broken;
    return job->corpus == NULL ? job->cursor < most : job->trials < most;
}

void job_break(struct campaign *campaign, struct job *job, const char *problem)
{
    job->is_broken = true;
    store_do(&campaign->store, "UPDATE job SET problem = ? WHERE name = ?", "ss", problem,
             job->name);
}
