/*
 * sim/report/plan_ends.h - the first half of a plan: locks, spins, and how each thread ended.
 *
 * Threads: any; pure.
 */
#ifndef SIM_REPORT_PLAN_ENDS_H
#define SIM_REPORT_PLAN_ENDS_H

#include "sim/report/plan.h"

/* Fills plan->ends, and holder_id, repeats and is_absorbed of plan->notes. */
void plan_find_ends(struct plan *plan, const struct trace *trace);

#endif
