/*
 * fuzz/campaign/input.c - see input.h.
 */
#include "fuzz/campaign/input.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/campaign/causes.h"

#define REPLAY_NS UINT64_C(300000000000)

bool input_is(const struct task *task)
{
    static const char suffix[] = ".input";
    const size_t len = strlen(task->file);

    return len >= strlen(suffix) && strcmp(task->file + len - strlen(suffix), suffix) == 0;
}

void input_prepare(struct campaign *campaign, struct task *task)
{
    struct child *child = &task->child;

    child_prepare(child, task->tool, NULL);
    child->is_session = true;
    child->time_ns_max = REPLAY_NS;
    child_word(child, "--attached");
    child_word(child, "--json");
    if (task->step == STEP_SHRINK) {
        store_path(&campaign->store, task->name, "min.input", task->output);
        (void)snprintf(child->texts[0], sizeof(child->texts[0]), "%" PRIu64 "ms",
                       campaign->plan.shrink_ns / 1000000);
        child_word(child, "--time");
        child_word(child, child->texts[0]);
        child_word(child, "--shrink");
        child_word(child, task->output);
        child->time_ns_max += 2 * campaign->plan.shrink_ns;
    } else {
        child_word(child, "--replay");
    }
    child_word(child, task->file);
    if (campaign->plants[0] != '\0')
        child_setting(child, "HEDDLE_PLANT", campaign->plants);
    child_setting(child, "TMPDIR", child->folder);
}
