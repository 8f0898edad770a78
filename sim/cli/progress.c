/*
 * sim/cli/progress.c - see progress.h.
 */
#include "sim/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE_BYTES = 160, WIDTH_DEFAULT = 80 };

#define SECOND_NS UINT64_C(1000000000)

void progress_begin(struct progress *progress, uint64_t schedules_max, uint64_t time_ns_max)
{
    const char *term = getenv("TERM");
    struct winsize size;

    *progress = (struct progress){
        .width = WIDTH_DEFAULT, .schedules_max = schedules_max, .time_ns_max = time_ns_max};
    progress->is_on = isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        progress->width = size.ws_col;
}

/* What is left of the nearer bound, in seconds; UINT64_MAX when nothing bounds it yet. */
static uint64_t seconds_left(const struct progress *progress, const struct progress_state *state)
{
    uint64_t left = UINT64_MAX;

    if (progress->time_ns_max > state->elapsed_ns)
        left = (progress->time_ns_max - state->elapsed_ns) / SECOND_NS;
    if (progress->schedules_max > state->schedules && state->schedules > 0) {
        /* In milliseconds, so that the product stays in range. */
        uint64_t by_rate = (progress->schedules_max - state->schedules) *
                           (state->elapsed_ns / 1000000) / state->schedules / 1000;
        if (by_rate < left)
            left = by_rate;
    }
    return left;
}

void progress_show(struct progress *progress, const struct progress_state *state)
{
    char line[LINE_BYTES];
    char left[32] = "";
    char what[64];
    const uint64_t ms = state->elapsed_ns / 1000000;
    const uint64_t rate = ms == 0 ? 0 : state->schedules * 1000 / ms;
    const uint64_t seconds = seconds_left(progress, state);

    if (!progress->is_on)
        return;
    if (seconds != UINT64_MAX)
        snprintf(left, sizeof(left), ", %" PRIu64 "s left", seconds);
    if (state->estimate != 0)
        snprintf(what, sizeof(what), "%" PRIu64 " of about %" PRIu64 " traces", state->traces,
                 state->estimate);
    else
        snprintf(what, sizeof(what), "%" PRIu64 " behaviours", state->behaviours);
    snprintf(line, sizeof(line),
             "%" PRIu64 " schedules, %" PRIu64 "/s, %s, %" PRIu64 " finding%s%s", state->schedules,
             rate, what, state->findings, state->findings == 1 ? "" : "s", left);
    fprintf(stderr, "\r\033[K%.*s", (int)progress->width - 1, line);
    fflush(stderr);
    progress->is_shown = true;
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    progress->is_shown = false;
}
