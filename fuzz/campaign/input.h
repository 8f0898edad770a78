/*
 * fuzz/campaign/input.h - the steps of a finding whose reproducer is an input of a fuzz target: it
 * is replayed and made small by heddle fuzz. Their results are rows like those of the tool.
 *
 * Owner: triage.c, whose steps these are.  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_INPUT_H
#define FUZZ_CAMPAIGN_INPUT_H

#include <stdbool.h>

#include "fuzz/campaign/campaign.h"

/* Whether task->file is one. */
bool input_is(const struct task *task);

/* Makes task->child what the step is to run. */
void input_prepare(struct campaign *campaign, struct task *task);

#endif
