/*
 * fuzz/campaign/status.c - heddle campaign status: what is known, in some lines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/campaign/bisect.h"
#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/summary.h"
#include "sim/cli/cli.h"

enum { ANSWER_BYTES = 1024 };

static void print_findings(struct store *store)
{
    static struct summary_finding finding;
    char answer[ANSWER_BYTES];
    sqlite3_stmt *rows = summary_findings(store);

    while (summary_next_finding(store, rows, &finding)) {
        const bool is_first = strcmp(finding.title, finding.entry) == 0;
        printf("  %-8s %s%s\n", finding.state, is_first ? "" : "also: ", finding.title);
        printf("           %" PRIu64 "x, first at trial %" PRIu64 " of %s", finding.count,
               finding.trial, finding.job);
        if (finding.lines > 0)
            printf("; shrunk to %" PRIu64 " lines, %" PRIu64 " preemptions", finding.lines,
                   finding.preemptions);
        printf("\n           %s\n", finding.command);
        if (finding.explained[0] != '\0')
            printf("           %s\n", finding.explained);
        if (bisect_answer(store, finding.title, answer, sizeof(answer)))
            printf("           bisected, %s\n", answer);
        if (finding.causes[0] != '\0')
            printf("           it takes the planted %s\n", finding.causes);
        if (finding.note[0] != '\0')
            printf("           %s\n", finding.note);
    }
}

static void print_problems(struct store *store)
{
    sqlite3_stmt *rows = store_query(
        store, "SELECT name, problem FROM job WHERE problem IS NOT NULL ORDER BY name", "");

    while (store_next(store, rows))
        printf("  cannot run %s: %s\n", store_text(rows, 0), store_text(rows, 1));
}

static void print_percent(uint64_t ppm)
{
    printf("%" PRIu64 ".%04" PRIu64 " %%", ppm / 10000, ppm % 10000);
}

/* What the page explains at length. */
static void print_estimate(const struct summary *summary)
{
    if (summary->watched > 0) {
        printf("%" PRIu64 " features of behaviour in %" PRIu64 " watched trials (%" PRIu64
               " once, %" PRIu64 " twice), of at least %" PRIu64
               "; the next one shows a new one with at most ",
               summary->distinct, summary->watched, summary->seen_once, summary->seen_twice,
               summary->total);
        print_percent(summary->new_ppm);
        printf("\n");
    }
    printf("the next trial ends in a title never seen with a chance of about ");
    print_percent(summary->new_title_ppm);
    printf("\n");
}

int campaign_status(const char *folder)
{
    static struct summary summary;
    struct store store;

    if (!store_open(&store, folder, false))
        return CLI_INPUT;
    summary_fill(&store, &summary);
    printf("%s: %" PRIu64 " trials of %" PRIu64 " jobs in %" PRIu64 "s of work, %" PRIu64 "/s\n",
           folder, summary.trials, summary.jobs_begun, summary.time_ns / 1000000000,
           summary_rate(&summary));
    printf("%" PRIu64 " open finding%s; of all titles (%" PRIu64 ") %" PRIu64 " closed, %" PRIu64
           " unstable\n",
           summary.entries, summary.entries == 1 ? "" : "s", summary.titles, summary.closed,
           summary.unstable);
    print_findings(&store);
    print_problems(&store);
    print_estimate(&summary);
    store_close(&store);
    return CLI_NOTHING;
}
