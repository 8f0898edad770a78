/*
 * fuzz/campaign/slice_fuzz.c - a slice of a fuzz target: a session of an engine, by heddle fuzz.
 *
 * The engine works in a folder of the session's own, on links to what was in the corpus. When it
 * has ended, its new inputs are renamed into the corpus, and then the slice is noted. A campaign
 * that is killed in between has inputs more, and runs the slice again.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "fuzz/campaign/corpus.h"
#include "fuzz/campaign/row.h"
#include "fuzz/campaign/slice.h"
#include "sim/cli/files.h"

enum { SECOND_MS = 1000, KIND_BYTES_MAX = 24 };

/* Of a session: positive, and of 31 bits, for any engine. */
static uint64_t seed_of(const struct campaign *campaign, const struct task *task)
{
    char text[PATH_MAX];

    snprintf(text, sizeof(text), "%" PRIu64 " %s %s %" PRIu64, campaign->plan.seed, task->job->name,
             campaign->shard_text, task->first);
    return (XXH64(text, strlen(text), 0) & 0x7ffffffe) + 1;
}

/* The last session ends with the campaign; an engine's clock has seconds. */
static uint64_t time_ms_of(const struct campaign *campaign)
{
    uint64_t time_ns = campaign->plan.slice_ns;
    const uint64_t elapsed_ns = campaign_elapsed_ns(campaign);

    if (campaign->time_ns_max > elapsed_ns && campaign->time_ns_max - elapsed_ns < time_ns)
        time_ns = campaign->time_ns_max - elapsed_ns;
    return time_ns / 1000000 < SECOND_MS ? SECOND_MS : time_ns / 1000000;
}

/* The world passes over what is known, instead of ending with it. */
static bool write_known(struct campaign *campaign, const struct task *task)
{
    struct buffer text = {0};

    buffer_append_text(&text, "");
    sqlite3_stmt *rows = store_query(
        &campaign->store, "SELECT title FROM finding WHERE state <> 'closed' ORDER BY title", "");
    while (store_next(&campaign->store, rows))
        buffer_printf(&text, "%s\n", store_text(rows, 0));
    const bool is_good = files_write(task->known, text.data, text.len);
    buffer_fini(&text);
    return is_good;
}

static void add_settings(struct campaign *campaign, struct task *task)
{
    struct child *child = &task->child;

    child_setting(child, "TMPDIR", task->session);
    child_setting(child, "HEDDLE_FUZZ_KNOWN", task->known);
    if (campaign->plants[0] != '\0')
        child_setting(child, "HEDDLE_PLANT", campaign->plants);
}

bool slice_fuzz_prepare(struct campaign *campaign, struct task *task)
{
    const struct job *job = task->job;
    const bool is_world = strcmp(job->target, "world") == 0;
    struct child *child = &task->child;

    child_prepare(child, job->tool, NULL);
    if (!corpus_task_stage(task, job->corpus) || !write_known(campaign, task))
        return false;
    child->is_session = true;
    child_word(child, "--attached");
    child_word(child, "--json");
    child_word(child, "--no-stability");
    /* A session of libFuzzer that goes on behind findings is slower: not before there is one. The
     * world passes over those that are known. */
    if ((job->has_found && !is_world) || strcmp(job->engine, "afl") == 0)
        child_word(child, "--keep-going");
    child_word(child, "--also");
    child_word(child, task->also);
    child_word(child, "--out");
    child_word(child, task->session);
    child_number(child, "--seed", seed_of(campaign, task));
    child_word(child, "--time");
    char *text = child->texts[child->text_count++];
    snprintf(text, CHILD_WORD_BYTES, "%" PRIu64 "ms", time_ms_of(campaign));
    child_word(child, text);
    add_settings(campaign, task);
    child->time_ns_max = 2 * SLICE_LATE_NS + SLICE_LATE_TIMES * campaign->plan.slice_ns;
    return true;
}

/* "assert: ..." and "data race: ..." say it themselves. */
static void kind_of(const char *title, char out[32])
{
    const size_t len = strcspn(title, ":");

    if (title[len] == ':' && len > 0 && len <= KIND_BYTES_MAX)
        snprintf(out, 32, "%.*s", (int)len, title);
    else
        snprintf(out, 32, "crash");
}

/* What the target wrote as a scenario is one for every tool; else it is the engine's input. */
static void read_finding(const struct task *task, struct json_object *row,
                         const struct slice_result *result, struct slice_finding *finding)
{
    static const char *const rest = "explore";
    char tool[PATH_MAX];
    const char *scenario = row_text(row, "scenario");
    const bool is_again = row_number(row, "replays") != 0;

    *finding =
        (struct slice_finding){.title = row_text(row, "title"),
                               .build = task->job->build,
                               .file = *scenario == '\0' ? row_text(row, "reproducer") : scenario,
                               .is_input = *scenario == '\0',
                               .trial = (int64_t)task->job->trials + result->trials,
                               .count = row_number(row, "inputs")};
    if (!is_again)
        finding->file = "";
    if (!finding->is_input && !child_find_tool(task->job->build, tool))
        finding->build = rest;
    kind_of(finding->title, finding->kind);
}

void slice_fuzz_read(struct campaign *campaign, struct task *task, struct json_object *summary,
                     struct slice_result *result)
{
    struct corpus *corpus = task->job->corpus;
    struct json_object *rows = NULL;
    char found[PATH_MAX + 8];

    (void)snprintf(found, sizeof(found), "%s/corpus", task->session);
    result->trials = row_number(summary, "runs");
    result->edges = row_number(summary, "edges");
    result->taken = (int64_t)corpus_take(corpus->folder, found);
    corpus->inputs = corpus_count(corpus->folder);
    result->inputs = (int64_t)corpus->inputs;
    (void)json_object_object_get_ex(summary, "findings", &rows);
    const size_t count = rows == NULL ? 0 : json_object_array_length(rows);
    for (; result->count < count && result->count < SLICE_FINDINGS_MAX; result->count++) {
        struct slice_finding *finding = &result->findings[result->count];
        read_finding(task, json_object_array_get_idx(rows, result->count), result, finding);
        snprintf(finding->seed, sizeof(finding->seed), "%" PRIu64, seed_of(campaign, task));
    }
}
