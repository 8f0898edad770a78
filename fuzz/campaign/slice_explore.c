/*
 * fuzz/campaign/slice_explore.c - a slice of a scenario's schedules, by heddle explore.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdio.h>

#include "fuzz/campaign/census.h"
#include "fuzz/campaign/row.h"
#include "fuzz/campaign/slice.h"

bool slice_explore_prepare(struct campaign *campaign, struct task *task)
{
    const struct campaign_plan *plan = &campaign->plan;
    struct child *child = &task->child;

    child_prepare(child, task->job->tool, "explore");
    child_word(child, task->job->target);
    child_word(child, "--json");
    child_word(child, "--sketch");
    child_word(child, "--keep-going");
    child_word(child, "--strategy");
    child_word(child, task->job->strategy);
    child_number(child, "--seed", plan->seed);
    child_number(child, "--first", task->first);
    child_number(child, "--schedules", task->past);
    child_word(child, "--shard");
    child_word(child, campaign->shard_text);
    for (size_t i = 0; i < plan->plants.count; i++) {
        child_word(child, "--plant");
        child_word(child, plan->plants.items[i]);
    }
    child_word(child, "--points");
    child_word(child, plan->has_memory ? "memory" : "sync");
    child_word(child, "--out");
    child_word(child, child->folder);
    child->time_ns_max = SLICE_LATE_NS + SLICE_LATE_TIMES * plan->slice_ns;
    return true;
}

void slice_explore_read(const struct task *task, struct json_object *summary,
                        struct slice_result *result)
{
    struct json_object *rows = NULL;

    result->trials = row_number(summary, "schedules");
    result->points = row_number(summary, "points");
    census_read(summary, &result->sketch);
    (void)json_object_object_get_ex(summary, "findings", &rows);
    const size_t count = rows == NULL ? 0 : json_object_array_length(rows);
    for (; result->count < count && result->count < SLICE_FINDINGS_MAX; result->count++) {
        struct json_object *row = json_object_array_get_idx(rows, result->count);
        struct slice_finding *finding = &result->findings[result->count];
        *finding = (struct slice_finding){.title = row_text(row, "title"),
                                          .build = task->job->build,
                                          .file = row_text(row, "reproducer"),
                                          .trial = row_number(row, "schedule"),
                                          .count = row_number(row, "count")};
        snprintf(finding->kind, sizeof(finding->kind), "%s", row_text(row, "kind"));
        snprintf(finding->seed, sizeof(finding->seed), "%s", row_text(row, "seed"));
    }
}
