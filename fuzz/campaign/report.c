/*
 * fuzz/campaign/report.c - heddle campaign report: one page, and the same for programs.
 */
#include "fuzz/campaign/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/campaign.h"
#include "sim/cli/cli.h"
#include "sim/cli/files.h"
#include "sim/report/ci.h"

static bool write_file(const struct store *store, const char *name, const struct buffer *text)
{
    char path[PATH_MAX + 32];

    snprintf(path, sizeof(path), "%s/report/%s", store->folder, name);
    return files_write(path, text->data, text->len);
}

/* ---- JUnit and SARIF: a case a target ---- */

struct cases {
    struct ci_case *items;
    size_t count;
};

static struct ci_case *case_of(struct cases *cases, const char *target)
{
    for (size_t i = 0; i < cases->count; i++)
        if (strcmp(cases->items[i].target, target) == 0)
            return &cases->items[i];
    return NULL;
}

static enum finding_kind kind_of(const char *word)
{
    for (int kind = FINDING_NONE + 1; kind < FINDING_KIND_COUNT; kind++)
        if (strcmp(finding_kind_word((enum finding_kind)kind), word) == 0)
            return (enum finding_kind)kind;
    return FINDING_CRASH;
}

static void load_cases(struct store *store, struct cases *cases)
{
    const size_t count =
        (size_t)store_number(store, 0, "SELECT count(DISTINCT target) FROM job", "");
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT target, max(problem), (SELECT total(trials) FROM slice JOIN job AS j ON "
        "slice.job = j.name WHERE j.target = job.target), (SELECT total(ns) FROM slice JOIN job AS "
        "j ON slice.job = j.name WHERE j.target = job.target) FROM job GROUP BY target",
        "");

    cases->items = calloc(count + 1, sizeof(*cases->items));
    if (cases->items == NULL)
        abort();
    while (store_next(store, rows)) {
        if (cases->count == count)
            continue;
        struct ci_case *one = &cases->items[cases->count++];
        snprintf(one->target, sizeof(one->target), "%s", store_text(rows, 0));
        snprintf(one->problem, sizeof(one->problem), "%s", store_text(rows, 1));
        one->schedules = (uint64_t)sqlite3_column_int64(rows, 2);
        one->elapsed_ns = (uint64_t)sqlite3_column_int64(rows, 3);
    }
}

/* An entry is one finding, at the target where it was first seen. */
static void load_findings(struct store *store, struct cases *cases)
{
    static struct summary_finding finding;
    sqlite3_stmt *rows = summary_findings(store);

    while (summary_next_finding(store, rows, &finding)) {
        struct ci_case *one = case_of(cases, finding.target);
        const bool is_open = strcmp(finding.state, "closed") != 0;
        if (!is_open || one == NULL || one->finding_count == CI_FINDINGS_MAX ||
            strcmp(finding.title, finding.entry) != 0)
            continue;
        struct ci_finding *out = &one->findings[one->finding_count++];
        out->kind = kind_of(finding.kind);
        out->schedule = finding.trial;
        snprintf(out->title, sizeof(out->title), "%s", finding.title);
        snprintf(out->detail, sizeof(out->detail), "%s%s%s", finding.explained,
                 finding.explained[0] != '\0' && finding.note[0] != '\0' ? "; " : "", finding.note);
        snprintf(out->reproducer, sizeof(out->reproducer), "%.*s", CI_PATH_BYTES - 1, finding.file);
    }
}

static bool write_ci(struct store *store)
{
    struct cases cases = {0};
    struct buffer junit = {0};
    struct buffer sarif = {0};

    load_cases(store, &cases);
    load_findings(store, &cases);
    ci_print_junit(cases.items, cases.count, &junit);
    ci_print_sarif(cases.items, cases.count, &sarif);
    const bool is_good =
        write_file(store, "junit.xml", &junit) && write_file(store, "results.sarif", &sarif);
    buffer_fini(&junit);
    buffer_fini(&sarif);
    free(cases.items);
    return is_good;
}

/* ---- all of it ---- */

int campaign_report(const char *folder)
{
    static const struct {
        const char *name;
        void (*print)(struct store *store, const struct summary *summary, struct buffer *out);
    } forms[] = {{"index.html", report_print_page},
                 {"fuzzer_stats", report_print_afl_stats},
                 {"plot_data", report_print_afl_plot},
                 {"metrics.prom", report_print_metrics}};
    static struct summary summary;
    struct store store;

    if (!store_open(&store, folder, false))
        return CLI_INPUT;
    summary_fill(&store, &summary);
    bool is_good = write_ci(&store);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct buffer text = {0};
        forms[i].print(&store, &summary, &text);
        is_good = write_file(&store, forms[i].name, &text) && is_good;
        buffer_fini(&text);
    }
    if (is_good)
        printf("report: %s/report/index.html\n", folder);
    store_close(&store);
    return is_good ? CLI_NOTHING : CLI_CANNOT;
}
