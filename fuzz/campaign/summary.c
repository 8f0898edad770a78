/*
 * fuzz/campaign/summary.c - see summary.h.
 */
#include "fuzz/campaign/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/campaign/census.h"
#include "sim/cli/outcome.h"

/* ---- jobs ---- */

/* An estimate may be more than all; of nothing, anything may come. */
static uint64_t share_ppm(uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return 1000000;
    const uint64_t share = (uint64_t)((unsigned __int128)part * 1000000 / whole);

    return share > 1000000 ? 1000000 : share;
}

sqlite3_stmt *summary_jobs(struct store *store)
{
    return store_query(
        store,
        "SELECT job.name, problem, (SELECT total(trials) FROM slice WHERE job = "
        "job.name), (SELECT total(ns) FROM slice WHERE job = job.name), (SELECT "
        "count(DISTINCT title) FROM sighting WHERE job = job.name) FROM job ORDER BY "
        "job.name",
        "");
}

bool summary_next_job(struct store *store, sqlite3_stmt *rows, struct summary_job *out)
{
    static struct sketch sketch;

    if (!store_next(store, rows))
        return false;
    snprintf(out->name, sizeof(out->name), "%s", store_text(rows, 0));
    snprintf(out->problem, sizeof(out->problem), "%s", store_text(rows, 1));
    out->trials = (uint64_t)sqlite3_column_int64(rows, 2);
    out->time_ns = (uint64_t)sqlite3_column_int64(rows, 3);
    out->findings = (uint64_t)sqlite3_column_int64(rows, 4);
    census_of_job(store, out->name, &sketch);
    out->watched = sketch.runs;
    out->distinct = sketch_distinct(&sketch);
    out->seen_once = sketch_seen_in(&sketch, 1);
    out->seen_twice = sketch_seen_in(&sketch, 2);
    out->total = sketch_total(&sketch);
    out->new_ppm = share_ppm(out->seen_once, out->watched);
    return true;
}

/* ---- findings ---- */

sqlite3_stmt *summary_findings(struct store *store)
{
    return store_query(
        store,
        "SELECT finding.title, finding.kind, state, name, build, lines, preemptions, explained, "
        "note, found_ms, (SELECT total(count) FROM sighting WHERE title = finding.title), entry, "
        "causes, finding.engine, finding.target FROM finding ORDER BY state = 'closed', state <> "
        "'unstable', entry, finding.title",
        "");
}

/* The job and the trial that come first. */
static void find_first(struct store *store, struct summary_finding *out)
{
    sqlite3_stmt *rows =
        store_query(store,
                    "SELECT sighting.job, min(trial), target FROM sighting JOIN job "
                    "ON job.name = sighting.job WHERE title = ? GROUP BY "
                    "sighting.job ORDER BY sighting.job DESC",
                    "s", out->title);

    out->job[0] = '\0';
    out->target[0] = '\0';
    out->trial = 0;
    while (store_next(store, rows)) {
        snprintf(out->job, sizeof(out->job), "%s", store_text(rows, 0));
        snprintf(out->target, sizeof(out->target), "%s", store_text(rows, 2));
        out->trial = (uint64_t)sqlite3_column_int64(rows, 1);
    }
}

/* `engine` and `target` are "" unless the reproducer is an engine's input. */
static void write_command(const char *build, const char *engine, const char *target,
                          struct summary_finding *out)
{
    char file[PATH_MAX];

    outcome_quote(out->file, file, sizeof(file));
    if (*engine != '\0') {
        snprintf(out->command, sizeof(out->command),
                 "./heddle fuzz %s --engine %s --build %s --replay %s", target, engine, build,
                 file);
        return;
    }
    snprintf(out->command, sizeof(out->command), "./heddle replay %s%s%s", file,
             strcmp(build, "explore") == 0 ? "" : " --build ",
             strcmp(build, "explore") == 0 ? "" : build);
}

bool summary_next_finding(struct store *store, sqlite3_stmt *rows, struct summary_finding *out)
{
    if (!store_next(store, rows))
        return false;
    snprintf(out->title, sizeof(out->title), "%s", store_text(rows, 0));
    snprintf(out->kind, sizeof(out->kind), "%s", store_text(rows, 1));
    snprintf(out->state, sizeof(out->state), "%s", store_text(rows, 2));
    snprintf(out->name, sizeof(out->name), "%s", store_text(rows, 3));
    out->lines = (uint64_t)sqlite3_column_int64(rows, 5);
    out->preemptions = (uint64_t)sqlite3_column_int64(rows, 6);
    snprintf(out->explained, sizeof(out->explained), "%s", store_text(rows, 7));
    snprintf(out->note, sizeof(out->note), "%s", store_text(rows, 8));
    out->found_ms = sqlite3_column_int64(rows, 9);
    out->count = (uint64_t)sqlite3_column_int64(rows, 10);
    snprintf(out->entry, sizeof(out->entry), "%s", store_text(rows, 11));
    snprintf(out->causes, sizeof(out->causes), "%s", store_text(rows, 12));
    if (!store_find(store, out->name, "min", out->file))
        (void)store_find(store, out->name, "found", out->file);
    write_command(store_text(rows, 4), store_text(rows, 13), store_text(rows, 14), out);
    find_first(store, out);
    return true;
}

/* ---- all of it ---- */

static void fill_jobs(struct store *store, struct summary *summary)
{
    static struct summary_job job;
    sqlite3_stmt *rows = summary_jobs(store);

    while (summary_next_job(store, rows, &job)) {
        summary->jobs++;
        summary->jobs_begun += job.trials > 0;
        summary->jobs_broken += job.problem[0] != '\0';
        summary->trials += job.trials;
        summary->time_ns += job.time_ns;
        summary->distinct += job.distinct;
        summary->seen_once += job.seen_once;
        summary->seen_twice += job.seen_twice;
        summary->total += job.total;
        summary->watched += job.watched;
    }
    summary->new_ppm = share_ppm(summary->seen_once, summary->watched);
}

void summary_fill(struct store *store, struct summary *summary)
{
    memset(summary, 0, sizeof(*summary));
    fill_jobs(store, summary);
    sqlite3_stmt *rows =
        store_query(store,
                    "SELECT count(*), total(points), min(ended_ms - ns / 1000000), "
                    "max(ended_ms) FROM slice WHERE state = 1",
                    "");
    while (store_next(store, rows)) {
        summary->slices = (uint64_t)sqlite3_column_int64(rows, 0);
        summary->points = (uint64_t)sqlite3_column_int64(rows, 1);
        summary->first_ms = sqlite3_column_int64(rows, 2);
        summary->last_ms = sqlite3_column_int64(rows, 3);
    }
    rows = store_query(
        store,
        "SELECT count(*), total(state = 'closed'), total(state = 'unstable'), count(DISTINCT "
        "CASE WHEN state <> 'closed' THEN entry END) FROM finding",
        "");
    while (store_next(store, rows)) {
        summary->entries = (uint64_t)sqlite3_column_int64(rows, 3);
        summary->titles = (uint64_t)sqlite3_column_int64(rows, 0);
        summary->closed = (uint64_t)sqlite3_column_int64(rows, 1);
        summary->unstable = (uint64_t)sqlite3_column_int64(rows, 2);
    }
    const uint64_t once = (uint64_t)store_number(
        store, 0,
        "SELECT count(*) FROM (SELECT title FROM sighting GROUP BY title HAVING total(count) = 1)",
        "");
    if (summary->trials > 0)
        summary->new_title_ppm = share_ppm(once, summary->trials);
}

uint64_t summary_rate(const struct summary *summary)
{
    const uint64_t ms = summary->time_ns / 1000000;

    return ms == 0 ? 0 : summary->trials * 1000 / ms;
}
