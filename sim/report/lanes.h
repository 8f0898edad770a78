/*
 * sim/report/lanes.h - the steps of a story, one column a thread.
 *
 * Threads: one; between runs.
 */
#ifndef SIM_REPORT_LANES_H
#define SIM_REPORT_LANES_H

#include "sim/report/ink.h"
#include "sim/report/plan.h"
#include "sim/report/story.h"

/* How many lanes a page of that width takes. */
size_t lanes_max(unsigned width);

void lanes_print(struct ink *ink, const struct story *story, const struct plan *plan);

#endif
