/*
 * fuzz/campaign/causes.h - which of the plan's planted bugs a finding takes.
 *
 * First each is left out of the reproducer: what then ends otherwise may be needed. But a run
 * without a bug has other points, and a schedule that no longer fits proves little. So when several
 * seem to be needed, or none, each of them is tried alone: replayed, and when that shows nothing,
 * searched for a while. The first that does it alone is the one. Several that stay are needed
 * together; none means that the finding is a bug of ours.
 *
 * Owner: triage.c, whose steps these are.  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_CAUSES_H
#define FUZZ_CAMPAIGN_CAUSES_H

#include <json-c/json.h>
#include <stdbool.h>

#include "fuzz/campaign/campaign.h"

/* Of a finding, in finding.step. The numbers stay as they are: folders are gone on with. */
enum step {
    STEP_REPLAY_1,
    STEP_REPLAY_2,
    STEP_SHRINK,
    STEP_SMALL_1,
    STEP_SMALL_2,
    STEP_EXPLAIN,
    STEP_LEFT_OUT,
    STEP_ALONE,
    STEP_SEARCH,
    STEP_DONE
};

static inline bool causes_is_step(unsigned step)
{
    return step >= STEP_LEFT_OUT && step <= STEP_SEARCH;
}

/* Aims `task`, whose file is the reproducer, at the next file to be run. False: the finding is
 * done, which is stored, with its entry. */
bool causes_choose(struct campaign *campaign, struct task *task);

/* `row` is what the run said, NULL for nothing. */
void causes_end(struct campaign *campaign, const struct task *task, struct json_object *row);

#endif
