/*
 * fuzz/campaign/report_numbers.c - a campaign for programs that watch fuzzers.
 *
 * What AFL++ calls an execution is a trial here, what it calls a corpus entry or an edge is a
 * feature of behaviour, and a crash is an open finding.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "fuzz/campaign/report.h"

static void put_stat(struct buffer *out, const char *key, uint64_t value)
{
    buffer_printf(out, "%-18s: %" PRIu64 "\n", key, value);
}

static uint64_t last_found_s(struct store *store)
{
    return (uint64_t)store_number(store, 0, "SELECT max(found_ms) FROM finding", "") / 1000;
}

/* What the engines of fuzz targets count, of all jobs; 0 when there are none. */
static uint64_t count_edges(struct store *store)
{
    return (uint64_t)store_number(
        store, 0, "SELECT total(most) FROM (SELECT max(edges) AS most FROM slice GROUP BY job)",
        "");
}

static uint64_t count_inputs(struct store *store)
{
    return (uint64_t)store_number(store, 0,
                                  "SELECT total(last) FROM (SELECT inputs AS last, max(ended_ms) "
                                  "FROM slice WHERE inputs > 0 GROUP BY job)",
                                  "");
}

void report_print_afl_stats(struct store *store, const struct summary *summary, struct buffer *out)
{
    const uint64_t rate = summary_rate(summary);
    const uint64_t edges = count_edges(store);
    const uint64_t corpus = count_inputs(store);
    const uint64_t ms = (uint64_t)(summary->last_ms - summary->first_ms);

    put_stat(out, "start_time", (uint64_t)summary->first_ms / 1000);
    put_stat(out, "last_update", (uint64_t)summary->last_ms / 1000);
    put_stat(out, "run_time", ms / 1000);
    put_stat(out, "fuzzer_pid", 0);
    put_stat(out, "cycles_done", 0);
    put_stat(out, "cycles_wo_finds", 0);
    put_stat(out, "execs_done", summary->trials);
    buffer_printf(out, "%-18s: %" PRIu64 ".00\n", "execs_per_sec", rate);
    buffer_printf(out, "%-18s: %" PRIu64 ".00\n", "execs_ps_last_min", rate);
    put_stat(out, "corpus_count", corpus > 0 ? corpus : summary->distinct);
    put_stat(out, "corpus_favored", 0);
    put_stat(out, "corpus_found", summary->distinct);
    put_stat(out, "corpus_imported", 0);
    put_stat(out, "corpus_variable", summary->unstable);
    put_stat(out, "max_depth", 0);
    put_stat(out, "cur_item", summary->slices);
    put_stat(out, "pending_favs", 0);
    put_stat(out, "pending_total", summary->jobs - summary->jobs_begun);
    buffer_printf(out, "%-18s: %s\n", "stability", summary->unstable == 0 ? "100.00%" : "0.00%");
    buffer_printf(out, "%-18s: 0.00%%\n", "bitmap_cvg");
    put_stat(out, "saved_crashes", summary->entries);
    put_stat(out, "saved_hangs", 0);
    put_stat(out, "last_find", last_found_s(store));
    put_stat(out, "last_crash", last_found_s(store));
    put_stat(out, "last_hang", 0);
    put_stat(out, "edges_found", edges > 0 ? edges : summary->distinct);
    put_stat(out, "total_edges", edges > 0 ? edges : summary->total);
    buffer_printf(out, "%-18s: heddle\n", "afl_banner");
    buffer_printf(out, "%-18s: heddle\n", "afl_version");
    buffer_printf(out, "%-18s: default\n", "target_mode");
    buffer_printf(out, "%-18s: heddle campaign run --out %s\n", "command_line", store->folder);
}

void report_print_afl_plot(struct store *store, const struct summary *summary, struct buffer *out)
{
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT ended_ms, trials, ns, (SELECT count(DISTINCT title) FROM sighting WHERE ms <= "
        "slice.ended_ms) FROM slice WHERE state = 1 ORDER BY ended_ms, job, first",
        "");
    uint64_t trials = 0;
    uint64_t items = 0;

    buffer_append_text(out, "# relative_time, cycles_done, cur_item, corpus_count, pending_total, "
                            "pending_favs, map_size, saved_crashes, saved_hangs, max_depth, "
                            "execs_per_sec, total_execs, edges_found\n");
    while (store_next(store, rows)) {
        const uint64_t ms = (uint64_t)(sqlite3_column_int64(rows, 0) - summary->first_ms);
        const uint64_t own = (uint64_t)sqlite3_column_int64(rows, 1);
        const uint64_t own_ms = (uint64_t)sqlite3_column_int64(rows, 2) / 1000000;
        trials += own;
        items++;
        buffer_printf(out,
                      "%" PRIu64 ", 0, %" PRIu64 ", %" PRIu64 ", 0, 0, 0.00%%, %" PRIu64
                      ", 0, 0, %" PRIu64 ".00, %" PRIu64 ", %" PRIu64 "\n",
                      ms / 1000, items, items, (uint64_t)sqlite3_column_int64(rows, 3),
                      own_ms == 0 ? 0 : own * 1000 / own_ms, trials, items);
    }
}

static void put_metric(struct buffer *out, const char *name, const char *type, const char *help,
                       uint64_t value)
{
    buffer_printf(out, "# HELP heddle_%s %s\n# TYPE heddle_%s %s\nheddle_%s %" PRIu64 "\n", name,
                  help, name, type, name, value);
}

/* The value of a label: backslash, quote and newline are escaped. */
static void put_label(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            buffer_append_text(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\')
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, (uint8_t)*text);
    }
}

void report_print_metrics(struct store *store, const struct summary *summary, struct buffer *out)
{
    static struct summary_job job;

    put_metric(out, "trials_total", "counter", "Trials that were run.", summary->trials);
    put_metric(out, "points_total", "counter", "Scheduling points of all trials.", summary->points);
    put_metric(out, "work_seconds_total", "counter", "Time of all processes together.",
               summary->time_ns / 1000000000);
    put_metric(out, "jobs", "gauge", "Jobs of the plan.", summary->jobs);
    put_metric(out, "jobs_broken", "gauge", "Jobs that cannot be run.", summary->jobs_broken);
    put_metric(out, "findings_open", "gauge", "Open findings.", summary->entries);
    put_metric(out, "findings_closed", "gauge", "Titles that are mended.", summary->closed);
    put_metric(out, "findings_unstable", "gauge", "Titles that did not replay.", summary->unstable);
    put_metric(out, "features", "gauge", "Features of behaviour that were seen.",
               summary->distinct);
    put_metric(out, "features_once", "gauge", "Of them in one watched trial only.",
               summary->seen_once);
    put_metric(out, "features_twice", "gauge", "Of them in two.", summary->seen_twice);
    put_metric(out, "features_total", "gauge", "How many there are at least, after Chao.",
               summary->total);
    put_metric(out, "new_feature_ppm", "gauge",
               "Chance in a million, at most, that the next watched trial shows a new feature.",
               summary->new_ppm);
    put_metric(out, "new_title_ppm", "gauge",
               "Chance in a million that the next trial ends in a new title.",
               summary->new_title_ppm);
    buffer_append_text(out, "# HELP heddle_job_trials_total Trials of a job.\n"
                            "# TYPE heddle_job_trials_total counter\n");
    sqlite3_stmt *rows = summary_jobs(store);
    while (summary_next_job(store, rows, &job)) {
        buffer_append_text(out, "heddle_job_trials_total{job=\"");
        put_label(out, job.name);
        buffer_printf(out, "\"} %" PRIu64 "\n", job.trials);
    }
}
