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

#include "fuzz/campaign/bisect.h"
#include "fuzz/campaign/report.h"

enum { ANSWER_BYTES = 1024 };

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
    ".also{border-left:4px solid #c33;padding:.2rem 0 .4rem .9rem;margin:-1.1rem 0 1.1rem}\n"
    ".closed{border-color:#393}.unstable{border-color:#b70}\n"
    ".state{font-size:.85em;padding:0 .45em;border:1px solid #8886;border-radius:3px}\n"
    ".numbers{display:flex;flex-wrap:wrap;gap:.4rem 2.2rem;margin:1rem 0}\n"
    ".numbers b{display:block;font-size:1.35rem}.dim{opacity:.7}summary{cursor:pointer}\n"
    "svg{width:100%;height:auto}polyline{fill:none;stroke:#36c;stroke-width:2}\n"
    "line{stroke:#8886}text{font-size:11px;fill:currentColor}\n"
    "</style>\n";

void report_put_text(struct buffer *out, const char *text)
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

static void put_number(struct buffer *out, const char *name, uint64_t value)
{
    buffer_printf(out, "<div><b>%" PRIu64 "</b>%s</div>\n", value, name);
}

/* ---- findings ---- */

static void put_also(struct buffer *out, const struct summary_finding *finding)
{
    buffer_printf(out, "<div class=\"also %s\">also seen as <b>", finding->state);
    report_put_text(out, finding->title);
    buffer_printf(out, "</b>, %" PRIu64 " times<br><code>", finding->count);
    report_put_text(out, finding->command);
    buffer_append_text(out, "</code></div>\n");
}

/* What came of a bisection, when there was one. */
static void put_bisected(struct store *store, struct buffer *out,
                         const struct summary_finding *finding)
{
    char answer[ANSWER_BYTES];

    if (!bisect_answer(store, finding->title, answer, sizeof(answer)))
        return;
    buffer_append_text(out, "<p>Bisected, ");
    report_put_text(out, answer);
    buffer_append_text(out, "</p>\n");
}

static void put_finding(struct store *store, struct buffer *out,
                        const struct summary_finding *finding)
{
    buffer_printf(out, "<div class=\"finding %s\"><h3>", finding->state);
    report_put_text(out, finding->title);
    buffer_printf(out, "</h3>\n<p><span class=\"state\">%s</span> %" PRIu64 " trial%s, first ",
                  finding->state, finding->count, finding->count == 1 ? "" : "s");
    buffer_printf(out, "number %" PRIu64 " of ", finding->trial);
    report_put_text(out, finding->job);
    buffer_append_text(out, "; found ");
    put_time(out, finding->found_ms);
    if (finding->lines > 0)
        buffer_printf(out, "; shrunk to %" PRIu64 " lines, %" PRIu64 " preemption%s",
                      finding->lines, finding->preemptions, finding->preemptions == 1 ? "" : "s");
    buffer_append_text(out, "</p>\n<pre>");
    report_put_text(out, finding->command);
    buffer_append_text(out, "</pre>\n");
    if (finding->explained[0] != '\0') {
        buffer_append_text(out, "<p>");
        report_put_text(out, finding->explained);
        buffer_append_text(out, "</p>\n");
    }
    if (finding->causes[0] != '\0') {
        buffer_append_text(out, "<p>It takes the planted ");
        report_put_text(out, finding->causes);
        buffer_append_text(out, "</p>\n");
    }
    put_bisected(store, out, finding);
    if (finding->note[0] != '\0') {
        buffer_append_text(out, "<p><i>");
        report_put_text(out, finding->note);
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
            put_finding(store, out, &finding);
        else
            put_also(out, &finding);
    }
    if (count == 0)
        buffer_append_text(out, "<p>Nothing was found.</p>\n");
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
    report_put_text(out, store->folder);
    buffer_append_text(out, "</title>\n");
    buffer_append_text(out, style);
    buffer_append_text(out, "<h1>");
    report_put_text(out, store->folder);
    buffer_append_text(out, "</h1>\n<p class=\"dim\">");
    put_time(out, summary->first_ms);
    buffer_append_text(out, " to ");
    put_time(out, summary->last_ms);
    buffer_append_text(out, ", seed ");
    report_put_text(out, seed);
    buffer_append_text(out, ", shard ");
    report_put_text(out, shard);
    buffer_append_text(out, "</p>\n<div class=\"numbers\">\n");
    put_number(out, "open findings", summary->entries);
    put_number(out, "titles", summary->titles);
    put_number(out, "closed", summary->closed);
    put_number(out, "did not replay", summary->unstable);
    put_number(out, "trials", summary->trials);
    put_number(out, "trials a second and process", summary_rate(summary));
    put_number(out, "jobs", summary->jobs);
    put_number(out, "features of behaviour", summary->distinct);
    buffer_append_text(out, "</div>\n");
    put_findings(store, out);
    report_put_curves(store, summary, out);
    report_put_jobs(store, summary, out);
    report_put_unreached(store, out);
    report_put_commands(store, out);
    buffer_append_text(out, "</html>\n");
}
