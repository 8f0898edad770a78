/*
 * sim/report/timeline.h - a recorded run as pictures: a page of HTML, and Chrome's trace format.
 *
 * The page is one file that asks the network for nothing. A row for each thread and each part of
 * the network and the clock, locks as spans, an arrow from what armed a timer or sent a packet to
 * where it took effect, the failing step marked, source lines at hand.
 *
 * Threads: one; between runs.
 */
#ifndef SIM_REPORT_TIMELINE_H
#define SIM_REPORT_TIMELINE_H

#include <stdbool.h>

#include "sim/report/trace.h"

struct buffer;

struct timeline {
    const struct trace *trace;
    const struct run_result *result; /* texts symbolised */
    const char *target;              /* what was run */
    const char *root;                /* folder that source files are looked for in; may be NULL */
};

/* Appends the page. */
void timeline_print_page(const struct timeline *timeline, struct buffer *out);

/* Appends a JSON object of Chrome's trace event format, which Perfetto and chrome://tracing read.
 */
void timeline_print_events(const struct timeline *timeline, struct buffer *out);

#endif
