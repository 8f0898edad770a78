/*
 * fuzz/campaign/slice.c - trials of a job, some seconds' worth at a time, each time in a process of
 * its own.
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
#include "sim/base/real.h"
#include "sim/cli/cli.h"

enum { WIDTH_FIRST = 500, WIDTH_MIN = 100, WIDTH_MAX = 10000000, TRIES_MAX = 2, LATE_TIMES = 30 };

#define LATE_NS UINT64_C(120000000000)

/* ---- which ---- */

/* Trials for about a slice's time, in numbers of the whole campaign. */
static uint64_t width_of(const struct campaign *campaign, const struct job *job)
{
    uint64_t width = WIDTH_FIRST;

    if (job->time_ns > 0) {
        width = (uint64_t)((unsigned __int128)campaign->plan.slice_ns * job->trials / job->time_ns);
        /* What few trials say of the rate may be wrong by far. */
        if (width > 16 * job->trials)
            width = 16 * job->trials;
    }
    width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
    return width * campaign->shard.count;
}

static struct job *find_job(struct campaign *campaign, const char *name)
{
    for (size_t i = 0; i < campaign->job_count; i++)
        if (strcmp(campaign->jobs[i].name, name) == 0)
            return &campaign->jobs[i];
    return NULL;
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
        struct job *job = find_job(campaign, store_text(rows, 0));
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

static bool has_more(const struct campaign *campaign, const struct job *job)
{
    return !job->is_broken && (campaign->plan.trials == 0 || job->cursor < campaign->plan.trials);
}

/* The job that had the least time so far, among those on which the fewest work. */
static bool pick_new(struct campaign *campaign, struct task *task)
{
    struct job *best = NULL;

    for (size_t i = 0; i < campaign->job_count; i++) {
        struct job *job = &campaign->jobs[i];
        const bool is_better = best == NULL || job->in_flight < best->in_flight ||
                               (job->in_flight == best->in_flight && job->time_ns < best->time_ns);
        if (has_more(campaign, job) && is_better)
            best = job;
    }
    if (best == NULL)
        return false;
    task->job = best;
    task->first = best->cursor;
    task->past = best->cursor + width_of(campaign, best);
    if (campaign->plan.trials != 0 && task->past > campaign->plan.trials)
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

static void break_job(struct campaign *campaign, struct job *job, const char *problem)
{
    job->is_broken = true;
    store_do(&campaign->store, "UPDATE job SET problem = ? WHERE name = ?", "ss", problem,
             job->name);
}

bool slice_start(struct campaign *campaign, struct task *task)
{
    const struct campaign_plan *plan = &campaign->plan;
    struct child *child = &task->child;

    if (campaign->time_ns_max != 0 && campaign_elapsed_ns(campaign) >= campaign->time_ns_max)
        return false;
    if (!pick_again(campaign, task) && !pick_new(campaign, task))
        return false;
    child_prepare(child, task->job->tool, "explore");
    child_word(child, task->job->target);
    child_word(child, "--json");
    child_word(child, "--sketch");
    child_word(child, "--keep-going");
    child_word(child, "--strategy");
    child_word(child, task->job->strategy);
    child_number(child, "--seed", plan->seed);
    child_number(child, "--first", task->first);
    child_number(child, "--schedules", task->past);
    child_word(child, "--shard");
    child_word(child, campaign->shard_text);
    for (size_t i = 0; i < plan->plants.count; i++) {
        child_word(child, "--plant");
        child_word(child, plan->plants.items[i]);
    }
    child_word(child, "--points");
    child_word(child, plan->has_memory ? "memory" : "sync");
    child_word(child, "--out");
    child_word(child, child->folder);
    child->time_ns_max = LATE_NS + LATE_TIMES * plan->slice_ns;
    if (!child_start(child)) {
        break_job(campaign, task->job, "no process could be started");
        return false;
    }
    task->kind = TASK_SLICE;
    task->job->in_flight++;
    return true;
}

/* ---- ending ---- */

/* The file goes where it stays before anything speaks of it. */
static bool keep_file(struct campaign *campaign, const char *from, const char *name)
{
    char path[PATH_MAX];

    store_path(&campaign->store, name, "", path);
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        cli_say("%s: %s", path, strerror(errno));
        return false;
    }
    store_path(&campaign->store, name, "found.scn", path);
    if (rename(from, path) == 0)
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
                         struct json_object *finding, bool is_new, bool is_kept)
{
    const char *title = row_text(finding, "title");
    char name[STORE_NAME_BYTES];

    store_do(&campaign->store, "INSERT INTO sighting VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
             "siiissisii", task->job->name, (int64_t)campaign->shard.count,
             (int64_t)campaign->shard.index, (int64_t)task->first, title, row_text(finding, "kind"),
             row_number(finding, "schedule"), row_text(finding, "seed"),
             row_number(finding, "count"), store_now_ms());
    if (!is_new)
        return;
    store_name(title, name);
    store_do(&campaign->store,
             "INSERT OR REPLACE INTO finding(title, entry, kind, build, name, state, step, note, "
             "checked, found_ms) VALUES(?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
             "ssssssssi", title, title, row_text(finding, "kind"), task->job->build, name,
             is_kept ? "new" : "unstable", is_kept ? NULL : "the search itself could not repeat it",
             campaign->build_id, store_now_ms());
}

static void note_findings(struct campaign *campaign, const struct task *task,
                          struct json_object *findings)
{
    enum { FINDINGS_MAX = 256 };
    bool is_new[FINDINGS_MAX];
    bool is_kept[FINDINGS_MAX];
    size_t count = findings == NULL ? 0 : json_object_array_length(findings);

    if (count > FINDINGS_MAX)
        count = FINDINGS_MAX;
    for (size_t i = 0; i < count; i++) {
        struct json_object *finding = json_object_array_get_idx(findings, i);
        char name[STORE_NAME_BYTES];
        is_new[i] = is_news(campaign, row_text(finding, "title"));
        store_name(row_text(finding, "title"), name);
        is_kept[i] = is_new[i] && *row_text(finding, "reproducer") != '\0' &&
                     keep_file(campaign, row_text(finding, "reproducer"), name);
    }
    store_begin(&campaign->store);
    for (size_t i = 0; i < count; i++)
        note_finding(campaign, task, json_object_array_get_idx(findings, i), is_new[i], is_kept[i]);
}

/* What a campaign is from here on; the transaction was begun. */
static void note_slice(struct campaign *campaign, struct task *task, struct json_object *summary)
{
    static struct sketch sketch;
    static uint8_t packed[CENSUS_BYTES_MAX];
    const int64_t trials = row_number(summary, "schedules");
    const uint64_t time_ns = real_now_ns() - task->child.began_ns;
    char elapsed[32];

    census_read(summary, &sketch);
    store_do(&campaign->store,
             "UPDATE slice SET state = 1, ended_ms = ?, trials = ?, points = ?, ns = ?, sketch = ? "
             "WHERE job = ? AND shards = ? AND shard = ? AND first = ?",
             "iiiibsiii", store_now_ms(), trials, row_number(summary, "points"), (int64_t)time_ns,
             packed, census_pack(&sketch, campaign->build_id, packed), task->job->name,
             (int64_t)campaign->shard.count, (int64_t)campaign->shard.index, (int64_t)task->first);
    snprintf(elapsed, sizeof(elapsed), "%" PRIu64, campaign_elapsed_ns(campaign) / 1000000);
    store_set_meta(&campaign->store, "elapsed_ms", elapsed);
    store_commit(&campaign->store);
    task->job->trials += (uint64_t)trials;
    task->job->time_ns += time_ns;
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
        break_job(campaign, task->job, problem);
}

void slice_end(struct campaign *campaign, struct task *task)
{
    struct json_object *findings = NULL;
    struct buffer line = {0};

    task->job->in_flight--;
    child_last_line(&task->child, &line);
    struct json_object *summary = json_tokener_parse(line.data);
    if (summary != NULL && strcmp(row_text(summary, "event"), "summary") == 0) {
        (void)json_object_object_get_ex(summary, "findings", &findings);
        note_findings(campaign, task, findings);
        note_slice(campaign, task, summary);
    } else {
        note_failure(campaign, task);
    }
    json_object_put(summary);
    buffer_fini(&line);
}
