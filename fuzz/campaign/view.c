/*
 * fuzz/campaign/view.c - see view.h.
 */
#include "fuzz/campaign/view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"

enum { WIDTH_DEFAULT = 80, LINE_BYTES = 512, FINDINGS_SHOWN = 8, SLOTS_SHOWN = 8 };

#define SECOND_NS UINT64_C(1000000000)

void view_begin(struct view *view)
{
    const char *term = getenv("TERM");
    struct winsize size;

    *view = (struct view){.width = WIDTH_DEFAULT};
    view->is_on = isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        view->width = size.ws_col;
}

/* Back to the block's first line, wiping it. */
static void rewind_block(struct view *view)
{
    if (view->lines > 0)
        fprintf(stderr, "\033[%uA\r\033[J", view->lines);
    view->lines = 0;
}

__attribute__((format(printf, 2, 3))) static void put_line(struct view *view, const char *format,
                                                           ...)
{
    char line[LINE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    fprintf(stderr, "%.*s\n", (int)view->width - 1, line);
    view->lines++;
}

static void put_totals(struct view *view, struct campaign *campaign)
{
    const uint64_t elapsed_ns = campaign_elapsed_ns(campaign);
    uint64_t trials = 0;
    size_t begun = 0;
    size_t broken = 0;
    char left[32] = "";

    for (size_t i = 0; i < campaign->job_count; i++) {
        trials += campaign->jobs[i].trials;
        begun += campaign->jobs[i].trials > 0;
        broken += campaign->jobs[i].is_broken;
    }
    if (campaign->time_ns_max > elapsed_ns)
        snprintf(left, sizeof(left), ", %" PRIu64 "s left",
                 (campaign->time_ns_max - elapsed_ns) / SECOND_NS);
    put_line(view, "%s: %" PRIu64 "s%s, %" PRIu64 " trials, %zu of %zu jobs begun, %zu broken",
             campaign->store.folder, elapsed_ns / SECOND_NS, left, trials, begun,
             campaign->job_count, broken);
}

static void put_tasks(struct view *view, const struct campaign *campaign)
{
    for (unsigned i = 0; i < campaign->slot_count && i < SLOTS_SHOWN; i++) {
        const struct task *task = &campaign->tasks[i];
        if (task->kind == TASK_SLICE)
            put_line(view, "  %u  %s, trials %" PRIu64 " to %" PRIu64, i, task->job->name,
                     task->first, task->past);
        else if (task->kind != TASK_NONE)
            put_line(view, "  %u  %s %s", i, task->child.words[1], task->title);
        else
            put_line(view, "  %u", i);
    }
}

static void put_findings(struct view *view, struct campaign *campaign)
{
    sqlite3_stmt *rows =
        store_query(&campaign->store,
                    "SELECT state, title, lines FROM finding ORDER BY found_ms DESC, title", "");
    size_t count = 0;

    while (store_next(&campaign->store, rows)) {
        if (count++ >= FINDINGS_SHOWN)
            continue;
        put_line(view, "  %-8s %s", store_text(rows, 0), store_text(rows, 1));
    }
    put_line(view, "%zu finding%s", count, count == 1 ? "" : "s");
}

void view_show(struct view *view, struct campaign *campaign)
{
    if (!view->is_on)
        return;
    rewind_block(view);
    put_totals(view, campaign);
    put_tasks(view, campaign);
    put_findings(view, campaign);
    fflush(stderr);
}

void view_end(struct view *view)
{
    rewind_block(view);
    fflush(stderr);
}
