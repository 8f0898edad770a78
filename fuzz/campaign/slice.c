/*
 * fuzz/campaign/slice.c - trials of a job, some seconds' worth at a time, each time in a process of
 * its own: which is next, and what is kept of it. What it is to run is in slice_explore.c and
 * slice_fuzz.c.
 *
 * Nothing of a slice is kept before it has ended: then its numbers, what it saw and where it
 * stopped are written in one transaction.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/census.h"
#include "fuzz/campaign/row.h"
#include "fuzz/campaign/slice.h"
#include "sim/base/real.h"
#include "sim/cli/cli.h"

enum { WIDTH_FIRST = 500, WIDTH_MIN = 100, WIDTH_MAX = 10000000, TRIES_MAX = 2 };

/* ---- which ---- */

/* Trials for about a slice's time, in numbers of the whole campaign; sessions have a clock. */
static uint64_t width_of(const struct campaign *campaign, const struct job *job)
{
    uint64_t width = WIDTH_FIRST;

    if (job->corpus != NULL)
        return 1;
    if (job->time_ns > 0) {
        width = (uint64_t)((unsigned __int128)campaign->plan.slice_ns * job->trials / job->time_ns);
        /* What few trials say of the rate may be wrong by far. */
        if (width > 16 * job->trials)
            width = 16 * job->trials;
    }
    width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
    return width * campaign->shard.count;
}

static bool is_running(const struct campaign *campaign, const struct job *job, uint64_t first)
{
    for (unsigned i = 0; i < campaign->slot_count; i++) {
        const struct task *task = &campaign->tasks[i];
        if (task->kind == TASK_SLICE && task->job == job && task->first == first)
            return true;
    }
    return false;
}

/* A slice that was begun by a process that is no more, or that failed. */
static bool pick_again(struct campaign *campaign, struct task *task)
{
    sqlite3_stmt *rows = store_query(
        &campaign->store,
        "SELECT job, first, past, tries FROM slice WHERE state = 0 AND shards = ? AND shard = ?",
        "ii", (int64_t)campaign->shard.count, (int64_t)campaign->shard.index);
    bool is_picked = false;

    while (store_next(&campaign->store, rows)) {
        struct job *job = job_find(campaign, store_text(rows, 0));
        const uint64_t first = (uint64_t)sqlite3_column_int64(rows, 1);
        if (is_picked || job == NULL || job->is_broken || is_running(campaign, job, first))
            continue;
        task->job = job;
        task->first = first;
        task->past = (uint64_t)sqlite3_column_int64(rows, 2);
        task->tries = (unsigned)sqlite3_column_int(rows, 3);
        is_picked = true;
    }
    return is_picked;
}

/* The job that had the least time so far, among those on which the fewest work. */
static bool pick_new(struct campaign *campaign, struct task *task)
{
    struct job *best = NULL;

    for (size_t i = 0; i < campaign->job_count; i++) {
        struct job *job = &campaign->jobs[i];
        const bool is_better = best == NULL || job->in_flight < best->in_flight ||
                               (job->in_flight == best->in_flight && job->time_ns < best->time_ns);
        if (job_has_more(campaign, job) && is_better)
            best = job;
    }
    if (best == NULL)
        return false;
    task->job = best;
    task->first = best->cursor;
    task->past = best->cursor + width_of(campaign, best);
    if (best->corpus == NULL && campaign->plan.trials != 0 && task->past > campaign->plan.trials)
        task->past = campaign->plan.trials;
    task->tries = 0;
    store_do(&campaign->store,
             "INSERT INTO slice(job, shards, shard, first, past, state, tries) "
             "VALUES(?, ?, ?, ?, ?, 0, 0)",
             "siiii", best->name, (int64_t)campaign->shard.count, (int64_t)campaign->shard.index,
             (int64_t)task->first, (int64_t)task->past);
    best->cursor = task->past;
    return true;
}

/* ---- starting ---- */

bool slice_start(struct campaign *campaign, struct task *task)
{
    if (campaign_is_over(campaign))
        return false;
    if (!pick_again(campaign, task) && !pick_new(campaign, task))
        return false;
    const bool is_ready = task->job->corpus == NULL ? slice_explore_prepare(campaign, task)
                                                    : slice_fuzz_prepare(campaign, task);
    if (!is_ready || !child_start(&task->child)) {
        job_break(campaign, task->job, "no process could be started");
        return false;
    }
    task->kind = TASK_SLICE;
    task->job->in_flight++;
    return true;
}

/* ---- ending ---- */

/* The file goes where it stays before anything speaks of it. */
static bool keep_file(struct campaign *campaign, const struct slice_finding *finding,
                      const char *name)
{
    char path[PATH_MAX];

    store_path(&campaign->store, name, "", path);
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        cli_say("%s: %s", path, strerror(errno));
        return false;
    }
    store_path(&campaign->store, name, finding->is_input ? "found.input" : "found.scn", path);
    if (rename(finding->file, path) == 0)
        return true;
    cli_say("%s: %s", path, strerror(errno));
    return false;
}

/* Whether the title is new, or was thought to be mended. */
static bool is_news(struct campaign *campaign, const char *title)
{
    return store_number(&campaign->store, 1, "SELECT state = 'closed' FROM finding WHERE title = ?",
                        "s", title) != 0;
}

static void note_finding(struct campaign *campaign, const struct task *task,
                         const struct slice_finding *finding, bool is_new, bool is_kept)
{
    const struct job *job = task->job;
    char name[STORE_NAME_BYTES];

    store_do(&campaign->store, "INSERT INTO sighting VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
             "siiissisii", job->name, (int64_t)campaign->shard.count,
             (int64_t)campaign->shard.index, (int64_t)task->first, finding->title, finding->kind,
             finding->trial, finding->seed, finding->count, store_now_ms());
    if (!is_new)
        return;
    store_name(finding->title, name);
    store_do(&campaign->store,
             "INSERT OR REPLACE INTO finding(title, entry, kind, build, name, state, step, note, "
             "checked, found_ms, engine, target) VALUES(?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
             "ssssssssiss", finding->title, finding->title, finding->kind, finding->build, name,
             is_kept ? "new" : "unstable", is_kept ? NULL : "the search itself could not repeat it",
             campaign->build_id, store_now_ms(), finding->is_input ? job->engine : NULL,
             finding->is_input ? job->target : NULL);
}

/* One more of a title that the slice has: two engines' names may be one of ours. */
static bool is_twice(const struct slice_result *result, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(result->findings[i].title, result->findings[at].title) == 0)
            return true;
    return false;
}

static void note_findings(struct campaign *campaign, const struct task *task,
                          const struct slice_result *result)
{
    bool is_new[SLICE_FINDINGS_MAX] = {false};
    bool is_kept[SLICE_FINDINGS_MAX] = {false};

    for (size_t i = 0; i < result->count; i++) {
        const struct slice_finding *finding = &result->findings[i];
        char name[STORE_NAME_BYTES];
        is_new[i] = is_news(campaign, finding->title);
        store_name(finding->title, name);
        is_kept[i] = is_new[i] && *finding->file != '\0' && keep_file(campaign, finding, name);
    }
    store_begin(&campaign->store);
    for (size_t i = 0; i < result->count; i++)
        if (!is_twice(result, i))
            note_finding(campaign, task, &result->findings[i], is_new[i], is_kept[i]);
}

/* What a campaign is from here on; the transaction was begun. */
static void note_slice(struct campaign *campaign, struct task *task,
                       const struct slice_result *result)
{
    static uint8_t packed[CENSUS_BYTES_MAX];
    const uint64_t time_ns = real_now_ns() - task->child.began_ns;
    char elapsed[32];

    store_do(&campaign->store,
             "UPDATE slice SET state = 1, ended_ms = ?, trials = ?, points = ?, ns = ?, "
             "sketch = ?, edges = ?, inputs = ?, taken = ? "
             "WHERE job = ? AND shards = ? AND shard = ? AND first = ?",
             "iiiibiiisiii", store_now_ms(), result->trials, result->points, (int64_t)time_ns,
             packed, census_pack(&result->sketch, campaign->build_id, packed), result->edges,
             result->inputs, result->taken, task->job->name, (int64_t)campaign->shard.count,
             (int64_t)campaign->shard.index, (int64_t)task->first);
    snprintf(elapsed, sizeof(elapsed), "%" PRIu64, campaign_elapsed_ns(campaign) / 1000000);
    store_set_meta(&campaign->store, "elapsed_ms", elapsed);
    store_commit(&campaign->store);
    task->job->trials += (uint64_t)result->trials;
    task->job->time_ns += time_ns;
    task->job->has_found = task->job->has_found || result->count > 0;
}

static void note_failure(struct campaign *campaign, struct task *task)
{
    char problem[CAMPAIGN_PROBLEM_BYTES];

    child_complaint(&task->child, problem, sizeof(problem));
    store_do(&campaign->store,
             "UPDATE slice SET tries = ? WHERE job = ? AND shards = ? AND shard = ? AND first = ?",
             "isiii", (int64_t)task->tries + 1, task->job->name, (int64_t)campaign->shard.count,
             (int64_t)campaign->shard.index, (int64_t)task->first);
    if (task->tries + 1 >= TRIES_MAX)
        job_break(campaign, task->job, problem);
}

void slice_end(struct campaign *campaign, struct task *task)
{
    static struct slice_result result;
    struct buffer line = {0};

    task->job->in_flight--;
    child_last_line(&task->child, &line);
    struct json_object *summary = json_tokener_parse(line.data);
    memset(&result, 0, sizeof(result));
    if (summary != NULL && strcmp(row_text(summary, "event"), "summary") == 0) {
        if (task->job->corpus == NULL)
            slice_explore_read(task, summary, &result);
        else
            slice_fuzz_read(campaign, task, summary, &result);
        note_findings(campaign, task, &result);
        census_keep_marks(&campaign->store, summary);
        note_slice(campaign, task, &result);
    } else {
        note_failure(campaign, task);
    }
    json_object_put(summary);
    buffer_fini(&line);
}
