/*
 * fuzz/campaign/report_rest.c - the report's part on what is left: each job's share, what was not
 * reached, how much there may be, and what to type next.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/census.h"
#include "fuzz/campaign/report.h"
#include "sim/cli/files.h"
#include "sim/cli/outcome.h"

static void put_ppm(struct buffer *out, uint64_t ppm)
{
    buffer_printf(out, "%" PRIu64 ".%04" PRIu64 " %%", ppm / 10000, ppm % 10000);
}

/* ---- jobs ---- */

static void put_explore_jobs(struct store *store, struct buffer *out)
{
    static struct summary_job job;
    sqlite3_stmt *rows = summary_jobs(store);

    buffer_append_text(out, "<table><tr><th>job<th class=n>trials<th class=n>a second"
                            "<th class=n>titles<th class=n>features<th class=n>seen once"
                            "<th class=n>at least<th class=n>next is new</tr>\n");
    while (summary_next_job(store, rows, &job)) {
        const uint64_t ms = job.time_ns / 1000000;
        buffer_append_text(out, "<tr><td>");
        report_put_text(out, job.name);
        buffer_printf(out, "<td class=n>%" PRIu64 "<td class=n>%" PRIu64 "<td class=n>%" PRIu64,
                      job.trials, ms == 0 ? 0 : job.trials * 1000 / ms, job.findings);
        if (job.watched == 0) {
            buffer_append_text(out, "<td><td><td><td></tr>\n");
            continue;
        }
        buffer_printf(out, "<td class=n>%" PRIu64 "<td class=n>%" PRIu64 "<td class=n>%" PRIu64,
                      job.distinct, job.seen_once, job.total);
        buffer_append_text(out, "<td class=n>");
        put_ppm(out, job.new_ppm);
        buffer_append_text(out, "</tr>\n");
    }
    buffer_append_text(out, "</table>\n");
}

/* Of the fuzzers' jobs, the corpora that they work on. */
static void put_corpora(struct store *store, struct buffer *out)
{
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT job, max(edges), total(taken), (SELECT inputs FROM slice AS last WHERE last.job = "
        "slice.job AND state = 1 ORDER BY ended_ms DESC LIMIT 1), max(trials * 1000000000 / "
        "max(ns, 1)), min(trials * 1000000000 / max(ns, 1)) FROM slice WHERE state = 1 AND edges "
        "IS NOT NULL AND inputs IS NOT NULL AND inputs > 0 GROUP BY job ORDER BY job",
        "");
    size_t count = 0;

    while (store_next(store, rows)) {
        if (count++ == 0)
            buffer_append_text(out, "<h3>Corpora</h3>\n<table><tr><th>job<th class=n>edges<th "
                                    "class=n>inputs<th class=n>of them new<th class=n>runs a "
                                    "second, slowest and fastest slice</tr>\n");
        buffer_append_text(out, "<tr><td>");
        report_put_text(out, store_text(rows, 0));
        buffer_printf(
            out,
            "<td class=n>%lld<td class=n>%lld<td class=n>%lld<td class=n>%lld to "
            "%lld</tr>\n",
            (long long)sqlite3_column_int64(rows, 1), (long long)sqlite3_column_int64(rows, 3),
            (long long)sqlite3_column_int64(rows, 2), (long long)sqlite3_column_int64(rows, 5),
            (long long)sqlite3_column_int64(rows, 4));
    }
    if (count > 0)
        buffer_append_text(out, "</table>\n");
}

static void put_estimate(const struct summary *summary, struct buffer *out)
{
    if (summary->watched == 0) {
        buffer_append_text(out,
                           "<p>No run was watched: nothing can be said of what remains.</p>\n");
        return;
    }
    buffer_printf(out,
                  "<p>A feature is a pair of places in the code at which two threads touched one "
                  "object, one after the other, one of them writing. One trial in eight is "
                  "watched: %" PRIu64 " showed %" PRIu64 " features, %" PRIu64
                  " of them once only and %" PRIu64 " twice. After Good and Turing the next one "
                  "watched shows a new feature with a chance of at most ",
                  summary->watched, summary->distinct, summary->seen_once, summary->seen_twice);
    put_ppm(out, summary->new_ppm);
    buffer_printf(out,
                  ", and after Chao there are at least %" PRIu64
                  " that this search can show. The next trial ends in a title never seen with "
                  "about ",
                  summary->total);
    put_ppm(out, summary->new_title_ppm);
    buffer_append_text(out,
                       ".</p>\n<p class=\"dim\">This says how much this search, as it is set up, "
                       "would still show; what it can never reach it does not count, and a bug may "
                       "hide in an order of features that were all seen.</p>\n");
}

void report_put_jobs(struct store *store, const struct summary *summary, struct buffer *out)
{
    buffer_append_text(out, "<h2>Jobs</h2>\n");
    put_explore_jobs(store, out);
    put_corpora(store, out);
    buffer_append_text(out, "<h2>What remains</h2>\n");
    put_estimate(summary, out);
}

/* ---- what was not reached ---- */

static void put_unreached_jobs(struct store *store, struct buffer *out)
{
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT name, coalesce(problem, 'the time was over before its first trial') FROM job WHERE "
        "problem IS NOT NULL OR NOT EXISTS (SELECT 1 FROM slice WHERE job = job.name AND state = "
        "1) ORDER BY name",
        "");
    size_t count = 0;

    buffer_append_text(out, "<ul>\n");
    while (store_next(store, rows)) {
        buffer_append_text(out, "<li>");
        report_put_text(out, store_text(rows, 0));
        buffer_append_text(out, ": ");
        report_put_text(out, store_text(rows, 1));
        buffer_append_text(out, "\n");
        count++;
    }
    if (count == 0)
        buffer_append_text(out, "<li>Every job was run.\n");
    buffer_append_text(out, "</ul>\n");
}

/* The marks of the core, from its sources: what no run passed is in no run's output. */
struct unpassed {
    struct store *store;
    struct buffer names; /* as HTML */
    size_t all, count;
};

static void look_for_marks(struct unpassed *unpassed, char *text)
{
    static const char opening[] = "MARK(\"";

    for (char *at = strstr(text, opening); at != NULL; at = strstr(at, opening)) {
        at += strlen(opening);
        char *end = strchr(at, '"');
        if (end == NULL)
            return;
        *end = '\0';
        unpassed->all++;
        if (!census_has_mark(unpassed->store, at)) {
            unpassed->count++;
            buffer_append_text(&unpassed->names, " <code>");
            report_put_text(&unpassed->names, at);
            buffer_append_text(&unpassed->names, "</code>");
        }
        at = end + 1;
    }
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void look_in(struct unpassed *unpassed, const char *folder)
{
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, is_shown, alphasort);

    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct buffer text = {0};
        const char *dot = strrchr(entries[i]->d_name, '.');
        const bool is_there = (size_t)snprintf(path, sizeof(path), "%s/%s", folder,
                                               entries[i]->d_name) < sizeof(path);
        if (is_there && dot == NULL)
            look_in(unpassed, path);
        else if (is_there && strcmp(dot, ".c") == 0 && files_read(path, &text)) {
            buffer_append_text(&text, "");
            look_for_marks(unpassed, text.data);
        }
        buffer_fini(&text);
        free(entries[i]);
    }
    free(entries);
}

static void put_marks(struct store *store, struct buffer *out)
{
    struct unpassed unpassed = {.store = store};
    char folder[PATH_MAX];

    snprintf(folder, sizeof(folder), "%.*s/core", PATH_MAX - 8, files_root());
    look_in(&unpassed, folder);
    if (unpassed.all == unpassed.count) {
        buffer_append_text(out, "<p>Which states of the core were passed is not known here: its "
                                "sources are elsewhere, or nothing was run.</p>\n");
    } else {
        buffer_printf(out,
                      "<details><summary>Of the %zu states that the core marks "
                      "(<code>MARK()</code>) %zu were never passed</summary><p>",
                      unpassed.all, unpassed.count);
        if (unpassed.count > 0)
            buffer_append_text(out, unpassed.names.data);
        buffer_append_text(out, "</p></details>\n");
    }
    buffer_fini(&unpassed.names);
}

void report_put_unreached(struct store *store, struct buffer *out)
{
    buffer_append_text(out, "<h2>What was not reached</h2>\n");
    put_unreached_jobs(store, out);
    put_marks(store, out);
}

/* ---- what to type ---- */

void report_put_commands(struct store *store, struct buffer *out)
{
    char folder[PATH_MAX];

    outcome_quote(store->folder, folder, sizeof(folder));
    buffer_append_text(out, "<h2>Commands</h2>\n<pre>");
    buffer_append_text(out, "./heddle campaign run PLAN --out ");
    report_put_text(out, folder);
    buffer_append_text(out, "        # checks the open findings, and goes on\n"
                            "./heddle campaign status ");
    report_put_text(out, folder);
    buffer_append_text(out, "\n./heddle campaign bisect ");
    report_put_text(out, folder);
    buffer_append_text(out, " GOOD..HEAD        # which commit brought each of them\n"
                            "./heddle replay FILE        # what happened\n"
                            "./heddle explain FILE        # which order of two steps decides it\n"
                            "</pre>\n");
}
