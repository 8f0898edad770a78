/*
 * fuzz/campaign/triage.c - what is done about a finding: it is replayed twice in processes of their
 * own, shrunk, the small one is replayed twice, explained; and later, on another build, checked.
 *
 * A finding that a replay does not show again is a nondeterminism of ours, and is shown as that.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/causes.h"
#include "fuzz/campaign/entries.h"
#include "fuzz/campaign/input.h"
#include "fuzz/campaign/row.h"
#include "sim/cli/cli.h"
#include "sim/cli/files.h"

enum { STEP_BYTES = 512, SEARCH_SCHEDULES = 4000 };

#define REPLAY_NS UINT64_C(120000000000)

/* ---- which ---- */

static bool is_looked_at(const struct campaign *campaign, const char *title)
{
    for (unsigned i = 0; i < campaign->slot_count; i++) {
        const struct task *task = &campaign->tasks[i];
        if ((task->kind == TASK_STEP || task->kind == TASK_CHECK) &&
            strcmp(task->title, title) == 0)
            return true;
    }
    return false;
}

/* What runs the reproducer. */
static bool find_program(sqlite3_stmt *rows, char out[PATH_MAX])
{
    const char *build = store_text(rows, 3);
    const char *engine = store_text(rows, 6);

    return *engine == '\0' ? child_find_tool(build, out)
                           : child_find_fuzzer(store_text(rows, 7), engine, build, out);
}

/* The first finding that is not being looked at: one to go on with, else one to check. */
static bool pick(struct campaign *campaign, struct task *task)
{
    sqlite3_stmt *rows = store_query(
        &campaign->store,
        "SELECT title, name, step, build, hash, cause_at, engine, target FROM finding WHERE "
        "(state IN ('new', 'open') AND step < ?) OR (state = 'open' AND checked <> ?) "
        "ORDER BY step = ?, found_ms, title",
        "isi", (int64_t)STEP_DONE, campaign->build_id, (int64_t)STEP_DONE);
    bool is_picked = false;

    while (store_next(&campaign->store, rows)) {
        if (is_picked || is_looked_at(campaign, store_text(rows, 0)) ||
            !find_program(rows, task->tool))
            continue;
        snprintf(task->title, sizeof(task->title), "%s", store_text(rows, 0));
        snprintf(task->name, sizeof(task->name), "%s", store_text(rows, 1));
        snprintf(task->hash, sizeof(task->hash), "%s", store_text(rows, 4));
        task->step = (unsigned)sqlite3_column_int(rows, 2);
        task->plant = (size_t)sqlite3_column_int64(rows, 5);
        task->kind = task->step == STEP_DONE ? TASK_CHECK : TASK_STEP;
        is_picked = true;
    }
    return is_picked;
}

/* The small one when there is one. */
static void choose_file(const struct campaign *campaign, struct task *task)
{
    if (task->step <= STEP_SHRINK || !store_find(&campaign->store, task->name, "min", task->file))
        (void)store_find(&campaign->store, task->name, "found", task->file);
}

/* The step after `step`, without those that the plan does not ask for. */
static unsigned after(const struct campaign *campaign, const struct task *task, unsigned step)
{
    step++;
    if (input_is(task) && step > STEP_SMALL_2)
        return STEP_DONE;
    if (step == STEP_EXPLAIN && !campaign->plan.has_explain)
        step++;
    if (step == STEP_LEFT_OUT && campaign->plan.plants.count == 0)
        step = STEP_DONE;
    return step;
}

/* ---- starting ---- */

static bool start(struct task *task)
{
    if (child_start(&task->child))
        return true;
    task->kind = TASK_NONE;
    return false;
}

/* The most that a finding may take. */
static void add_time(const struct campaign *campaign, struct child *child)
{
    char *text = child->texts[child->text_count++];

    (void)snprintf(text, CHILD_WORD_BYTES, "%" PRIu64 "ms", campaign->plan.shrink_ns / 1000000);
    child_word(child, "--time");
    child_word(child, text);
    child->time_ns_max += 2 * campaign->plan.shrink_ns;
}

bool triage_start(struct campaign *campaign, struct task *task)
{
    static const char *const verbs[STEP_DONE + 1] = {
        [STEP_SHRINK] = "shrink", [STEP_EXPLAIN] = "explain", [STEP_SEARCH] = "explore"};
    struct child *child = &task->child;

    task->kind = TASK_NONE;
    if (!pick(campaign, task))
        return false;
    choose_file(campaign, task);
    if (causes_is_step(task->step) && !causes_choose(campaign, task))
        return triage_start(campaign, task);
    if (input_is(task)) {
        input_prepare(campaign, task);
        return start(task);
    }
    child_prepare(child, task->tool, verbs[task->step] == NULL ? "replay" : verbs[task->step]);
    child_word(child, task->file);
    child_word(child, "--json");
    child->time_ns_max = REPLAY_NS;
    if (task->step == STEP_SHRINK) {
        store_path(&campaign->store, task->name, "min.scn", task->output);
        add_time(campaign, child);
        child_word(child, "--out");
        child_word(child, task->output);
    }
    if (task->step == STEP_SEARCH) {
        add_time(campaign, child);
        child_word(child, "--keep-going");
        child_number(child, "--schedules", SEARCH_SCHEDULES);
        child_word(child, "--out");
        child_word(child, child->folder);
    }
    return start(task);
}

/* ---- ending ---- */

static void go_on(struct campaign *campaign, const struct task *task, unsigned step,
                  const char *hash)
{
    store_do(&campaign->store,
             "UPDATE finding SET state = 'open', step = ?, hash = ? WHERE title = ?", "iss",
             (int64_t)step, hash, task->title);
}

static void note_unstable(struct campaign *campaign, const struct task *task, const char *why)
{
    store_do(&campaign->store,
             "UPDATE finding SET state = 'unstable', step = ?, note = ? WHERE title = ?", "iss",
             (int64_t)STEP_DONE, why, task->title);
}

/* 100 % or it is our bug: the title, and from the second run on the trace. */
static void end_replay(struct campaign *campaign, const struct task *task, struct json_object *row)
{
    const bool is_second = task->step == STEP_REPLAY_2 || task->step == STEP_SMALL_2;
    const char *hash = row_text(row, "trace_hash");
    const unsigned next = after(campaign, task, task->step);
    char why[CAMPAIGN_PROBLEM_BYTES + FINDING_TITLE_BYTES];

    if (strcmp(row_text(row, "title"), task->title) != 0) {
        snprintf(why, sizeof(why), "a replay ended in: %s",
                 *row_text(row, "title") == '\0' ? "nothing" : row_text(row, "title"));
        note_unstable(campaign, task, why);
    } else if (is_second && strcmp(hash, task->hash) != 0) {
        snprintf(why, sizeof(why), "two replays differ: trace %s and %s", task->hash, hash);
        note_unstable(campaign, task, why);
    } else {
        go_on(campaign, task, next, hash);
    }
}

static void end_shrink(struct campaign *campaign, const struct task *task, struct json_object *row)
{
    char why[CAMPAIGN_PROBLEM_BYTES];

    if (row != NULL && strcmp(row_text(row, "event"), "shrunk") == 0) {
        store_do(
            &campaign->store,
            "UPDATE finding SET step = ?, lines = ?, preemptions = ?, runs = ? WHERE title = ?",
            "iiiis", (int64_t)STEP_SMALL_1, row_number(row, "lines"),
            row_number(row, "preemptions"), row_number(row, "runs"), task->title);
        return;
    }
    child_complaint(&task->child, why, sizeof(why));
    store_do(&campaign->store,
             "UPDATE finding SET step = ?, note = 'not shrunk: ' || ? WHERE title = ?", "iss",
             (int64_t)after(campaign, task, STEP_SMALL_2), why, task->title);
}

/* A step with the function that took it and its caller; what is behind them says little. */
static void cut(const char *step, char *out, size_t out_bytes)
{
    const char *end = strstr(step, " <- ");

    if (end != NULL)
        end = strstr(end + 1, " <- ");
    snprintf(out, out_bytes, "%.*s", end == NULL ? (int)strlen(step) : (int)(end - step), step);
}

static void end_explain(struct campaign *campaign, const struct task *task, struct json_object *row)
{
    char first[STEP_BYTES];
    char second[STEP_BYTES];
    char sites[STEP_BYTES] = "";
    char text[3 * STEP_BYTES] = "";

    cut(row_text(row, "first"), first, sizeof(first));
    cut(row_text(row, "second"), second, sizeof(second));
    entries_add_site(row_text(row, "first"), sites, sizeof(sites));
    entries_add_site(row_text(row, "second"), sites, sizeof(sites));
    if (first[0] != '\0')
        snprintf(text, sizeof(text), "it fails when this: %s; comes before this: %s", first,
                 second);
    else if (strcmp(row_text(row, "kind"), "always") == 0)
        snprintf(text, sizeof(text), "it fails on every schedule that was tried");
    store_begin(&campaign->store);
    store_do(&campaign->store,
             "UPDATE finding SET step = ?, explained = ?, sites = ? WHERE title = ?", "isss",
             (int64_t)after(campaign, task, STEP_EXPLAIN), text[0] == '\0' ? NULL : text, sites,
             task->title);
    entries_group(&campaign->store);
    store_commit(&campaign->store);
}

static void end_check(struct campaign *campaign, const struct task *task, struct json_object *row)
{
    const bool is_clean = task->child.exit_code == CLI_NOTHING && row != NULL;
    const char *title = row_text(row, "title");
    char note[CAMPAIGN_PROBLEM_BYTES + FINDING_TITLE_BYTES] = "";

    if (task->child.exit_code == CLI_DIVERGED)
        snprintf(note, sizeof(note), "its recording no longer fits the code");
    else if (task->child.exit_code != CLI_FOUND && !is_clean)
        child_complaint(&task->child, note, sizeof(note));
    else if (!is_clean && strcmp(title, task->title) != 0)
        snprintf(note, sizeof(note), "it now ends in: %s", title);
    store_do(&campaign->store,
             "UPDATE finding SET state = ?, note = ?, checked = ?, closed_ms = ? WHERE title = ?",
             "sssis", is_clean ? "closed" : "open", note[0] == '\0' ? NULL : note,
             campaign->build_id, is_clean ? store_now_ms() : (int64_t)0, task->title);
}

void triage_end(struct campaign *campaign, struct task *task)
{
    struct buffer line = {0};

    child_last_line(&task->child, &line);
    struct json_object *row = json_tokener_parse(line.data);
    if (task->kind == TASK_CHECK)
        end_check(campaign, task, row);
    else if (task->step == STEP_SHRINK)
        end_shrink(campaign, task, row);
    else if (causes_is_step(task->step))
        causes_end(campaign, task, row);
    else if (task->step == STEP_EXPLAIN)
        end_explain(campaign, task, row);
    else
        end_replay(campaign, task, row);
    json_object_put(row);
    buffer_fini(&line);
}
