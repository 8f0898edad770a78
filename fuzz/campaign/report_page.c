/*
 * fuzz/campaign/report_page.c - the report as one page that is read in the morning: what was found
 * first, how it came about below, what was not reached last.
 *
 * Titles and names come from programs: everything is escaped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz/campaign/report.h"

enum { PLOT_WIDTH = 640, PLOT_HEIGHT = 160, PLOT_POINTS_MAX = 4096 };

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark}\n"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}\n"
    "code,pre{font:13px/1.45 ui-monospace,monospace}\n"
    "pre{background:#8881;padding:.6rem;overflow-x:auto;border-radius:4px}\n"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;"
    "border-bottom:1px solid #8884;vertical-align:top}td.n,th.n{text-align:right}\n"
    ".finding{border-left:4px solid #c33;padding:.1rem 0 .1rem .9rem;margin:1.1rem 0}\n"
    ".closed{border-color:#393}.unstable{border-color:#b70}\n"
    ".state{font-size:.85em;padding:0 .45em;border:1px solid #8886;border-radius:3px}\n"
    ".numbers{display:flex;flex-wrap:wrap;gap:.4rem 2.2rem;margin:1rem 0}\n"
    ".numbers b{display:block;font-size:1.35rem}.dim{opacity:.7}\n"
    "svg{width:100%;height:auto}polyline{fill:none;stroke:#36c;stroke-width:2}\n"
    "line{stroke:#8886}text{font-size:11px;fill:currentColor}\n"
    "</style>\n";

static void put(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '&')
            buffer_append_text(out, "&amp;");
        else if (*text == '<')
            buffer_append_text(out, "&lt;");
        else if (*text == '>')
            buffer_append_text(out, "&gt;");
        else if (*text == '"')
            buffer_append_text(out, "&quot;");
        else
            buffer_append_byte(out, (uint8_t)*text);
    }
}

static void put_time(struct buffer *out, int64_t ms)
{
    const time_t seconds = ms / 1000;
    struct tm day;
    char text[32];

    if (ms == 0)
        return;
    gmtime_r(&seconds, &day);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &day);
    buffer_printf(out, "%s UTC", text);
}

static void put_ppm(struct buffer *out, uint64_t ppm)
{
    buffer_printf(out, "%" PRIu64 ".%04" PRIu64 " %%", ppm / 10000, ppm % 10000);
}

static void put_number(struct buffer *out, const char *name, uint64_t value)
{
    buffer_printf(out, "<div><b>%" PRIu64 "</b>%s</div>\n", value, name);
}

/* ---- findings ---- */

static void put_also(struct buffer *out, const struct summary_finding *finding)
{
    buffer_append_text(out, "<p>also seen as <b>");
    put(out, finding->title);
    buffer_printf(out, "</b>, %" PRIu64 " times<br><code>", finding->count);
    put(out, finding->command);
    buffer_append_text(out, "</code></p>\n");
}

static void put_finding(struct buffer *out, const struct summary_finding *finding)
{
    buffer_printf(out, "<div class=\"finding %s\"><h3>", finding->state);
    put(out, finding->title);
    buffer_printf(out, "</h3>\n<p><span class=\"state\">%s</span> %" PRIu64 " trial%s, first ",
                  finding->state, finding->count, finding->count == 1 ? "" : "s");
    buffer_printf(out, "number %" PRIu64 " of ", finding->trial);
    put(out, finding->job);
    buffer_append_text(out, "; found ");
    put_time(out, finding->found_ms);
    if (finding->lines > 0)
        buffer_printf(out, "; shrunk to %" PRIu64 " lines, %" PRIu64 " preemption%s",
                      finding->lines, finding->preemptions, finding->preemptions == 1 ? "" : "s");
    buffer_append_text(out, "</p>\n<pre>");
    put(out, finding->command);
    buffer_append_text(out, "</pre>\n");
    if (finding->explained[0] != '\0') {
        buffer_append_text(out, "<p>");
        put(out, finding->explained);
        buffer_append_text(out, "</p>\n");
    }
    if (finding->causes[0] != '\0') {
        buffer_append_text(out, "<p>It takes the planted ");
        put(out, finding->causes);
        buffer_append_text(out, "</p>\n");
    }
    if (finding->note[0] != '\0') {
        buffer_append_text(out, "<p><i>");
        put(out, finding->note);
        buffer_append_text(out, "</i></p>\n");
    }
    buffer_append_text(out, "</div>\n");
}

static void put_findings(struct store *store, struct buffer *out)
{
    static struct summary_finding finding;
    sqlite3_stmt *rows = summary_findings(store);
    size_t count = 0;

    buffer_append_text(out, "<h2>Findings</h2>\n");
    while (summary_next_finding(store, rows, &finding)) {
        count++;
        if (strcmp(finding.title, finding.entry) == 0)
            put_finding(out, &finding);
        else
            put_also(out, &finding);
    }
    if (count == 0)
        buffer_append_text(out, "<p>Nothing was found.</p>\n");
}

/* ---- curves ---- */

struct point {
    int64_t ms;
    uint64_t value;
};

struct curve {
    struct point *points;
    size_t count;
};

static void add_point(struct curve *curve, int64_t ms, uint64_t value)
{
    if (curve->count == PLOT_POINTS_MAX) {
        /* Every other one will do. */
        for (size_t i = 0; i < PLOT_POINTS_MAX / 2; i++)
            curve->points[i] = curve->points[2 * i];
        curve->count = PLOT_POINTS_MAX / 2;
    }
    curve->points[curve->count++] = (struct point){ms, value};
}

static void put_curve(struct buffer *out, const char *name, const struct summary *summary,
                      const struct curve *curve)
{
    const uint64_t span = (uint64_t)(summary->last_ms - summary->first_ms) + 1;
    const uint64_t top = curve->count == 0 ? 0 : curve->points[curve->count - 1].value;

    buffer_printf(out,
                  "<h3>%s</h3>\n<svg viewBox=\"-60 -10 %d %d\" role=\"img\" aria-label=\"%s\">",
                  name, PLOT_WIDTH + 80, PLOT_HEIGHT + 40, name);
    buffer_printf(out, "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>", PLOT_HEIGHT, PLOT_WIDTH,
                  PLOT_HEIGHT);
    buffer_printf(out, "<text x=\"-8\" y=\"8\" text-anchor=\"end\">%" PRIu64 "</text>", top);
    buffer_printf(out, "<text x=\"-8\" y=\"%d\" text-anchor=\"end\">0</text>", PLOT_HEIGHT);
    buffer_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%" PRIu64 "s</text>",
                  PLOT_WIDTH, PLOT_HEIGHT + 18, span / 1000);
    buffer_printf(out, "<polyline points=\"0,%d", PLOT_HEIGHT);
    for (size_t i = 0; i < curve->count; i++) {
        const uint64_t x = (uint64_t)(curve->points[i].ms - summary->first_ms) * PLOT_WIDTH / span;
        const uint64_t rise =
            top == 0 ? 0
                     : (uint64_t)((unsigned __int128)curve->points[i].value * PLOT_HEIGHT / top);
        buffer_printf(out, " %" PRIu64 ",%" PRIu64, x, PLOT_HEIGHT - rise);
    }
    buffer_append_text(out, "\"/></svg>\n");
}

static void put_curves(struct store *store, const struct summary *summary, struct buffer *out)
{
    struct curve trials = {calloc(PLOT_POINTS_MAX, sizeof(struct point)), 0};
    struct curve titles = {calloc(PLOT_POINTS_MAX, sizeof(struct point)), 0};
    uint64_t sum = 0;

    if (trials.points == NULL || titles.points == NULL)
        abort();
    sqlite3_stmt *rows = store_query(
        store, "SELECT ended_ms, trials FROM slice WHERE state = 1 ORDER BY ended_ms, job, first",
        "");
    while (store_next(store, rows)) {
        sum += (uint64_t)sqlite3_column_int64(rows, 1);
        add_point(&trials, sqlite3_column_int64(rows, 0), sum);
    }
    sum = 0;
    rows = store_query(
        store, "SELECT min(ms) AS first FROM sighting GROUP BY title ORDER BY first, title", "");
    while (store_next(store, rows)) {
        /* A step, not a slope. */
        add_point(&titles, sqlite3_column_int64(rows, 0), sum);
        add_point(&titles, sqlite3_column_int64(rows, 0), ++sum);
    }
    add_point(&titles, summary->last_ms, sum);
    buffer_append_text(out, "<h2>Over time</h2>\n");
    put_curve(out, "Distinct titles", summary, &titles);
    put_curve(out, "Trials", summary, &trials);
    free(trials.points);
    free(titles.points);
}

/* ---- jobs ---- */

static void put_jobs(struct store *store, struct buffer *out)
{
    static struct summary_job job;
    sqlite3_stmt *rows = summary_jobs(store);

    buffer_append_text(out, "<h2>Jobs</h2>\n<table><tr><th>job<th class=n>trials<th class=n>a "
                            "second<th class=n>behaviours<th class=n>seen once<th class=n>titles"
                            "</tr>\n");
    while (summary_next_job(store, rows, &job)) {
        const uint64_t ms = job.time_ns / 1000000;
        buffer_append_text(out, "<tr><td>");
        put(out, job.name);
        buffer_printf(out,
                      "<td class=n>%" PRIu64 "<td class=n>%" PRIu64 "<td class=n>%" PRIu64
                      "<td class=n>%" PRIu64 "<td class=n>%" PRIu64 "</tr>\n",
                      job.trials, ms == 0 ? 0 : job.trials * 1000 / ms, job.distinct, job.seen_once,
                      job.findings);
    }
    buffer_append_text(out, "</table>\n");
}

static void put_unreached(struct store *store, const struct summary *summary, struct buffer *out)
{
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT name, coalesce(problem, 'the time was over before its first trial') FROM job WHERE "
        "problem IS NOT NULL OR NOT EXISTS (SELECT 1 FROM slice WHERE job = job.name AND state = "
        "1) ORDER BY name",
        "");
    size_t count = 0;

    buffer_append_text(out, "<h2>What was not reached</h2>\n<ul>\n");
    while (store_next(store, rows)) {
        buffer_append_text(out, "<li>");
        put(out, store_text(rows, 0));
        buffer_append_text(out, ": ");
        put(out, store_text(rows, 1));
        buffer_append_text(out, "\n");
        count++;
    }
    if (count == 0)
        buffer_append_text(out, "<li>Every job was run.\n");
    buffer_printf(out,
                  "</ul>\n<p>What remains, after Good and Turing (seen exactly once / trials): "
                  "%" PRIu64 " of about %" PRIu64 " behaviours were seen once in %" PRIu64
                  " trials, so the next trial shows one never seen with a chance of about ",
                  summary->seen_once, summary->distinct, summary->trials);
    put_ppm(out, summary->new_ppm);
    buffer_append_text(out, ", and ends in a title never seen with about ");
    put_ppm(out, summary->new_title_ppm);
    buffer_append_text(out, ".</p>\n");
}

/* ---- the page ---- */

void report_print_page(struct store *store, const struct summary *summary, struct buffer *out)
{
    char seed[32] = "";
    char shard[32] = "";

    (void)store_meta(store, "seed", seed, sizeof(seed));
    (void)store_meta(store, "shard", shard, sizeof(shard));
    buffer_append_text(out, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
                            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    put(out, store->folder);
    buffer_append_text(out, "</title>\n");
    buffer_append_text(out, style);
    buffer_append_text(out, "<h1>");
    put(out, store->folder);
    buffer_append_text(out, "</h1>\n<p class=\"dim\">");
    put_time(out, summary->first_ms);
    buffer_append_text(out, " to ");
    put_time(out, summary->last_ms);
    buffer_append_text(out, ", seed ");
    put(out, seed);
    buffer_append_text(out, ", shard ");
    put(out, shard);
    buffer_append_text(out, "</p>\n<div class=\"numbers\">\n");
    put_number(out, "open findings", summary->entries);
    put_number(out, "titles", summary->titles);
    put_number(out, "closed", summary->closed);
    put_number(out, "did not replay", summary->unstable);
    put_number(out, "trials", summary->trials);
    put_number(out, "trials a second and process", summary_rate(summary));
    put_number(out, "jobs", summary->jobs);
    buffer_append_text(out, "</div>\n");
    put_findings(store, out);
    put_curves(store, summary, out);
    put_jobs(store, out);
    put_unreached(store, summary, out);
    buffer_append_text(out, "</html>\n");
}
