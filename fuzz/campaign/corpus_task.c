/*
 * fuzz/campaign/corpus_task.c - a corpus made least, by libFuzzer, when it is twice what was left
 * the last time. Sessions go on meanwhile: what they add stays.
 *
 * Threads: one.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/corpus.h"
#include "fuzz/campaign/row.h"
#include "sim/cli/cli.h"

enum { INPUTS_MIN = 200 };

#define MERGE_MS_MAX UINT64_C(120000)

static bool make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return true;
    cli_say("%s: %s", path, strerror(errno));
    return false;
}

bool corpus_task_stage(struct task *task, const struct corpus *corpus)
{
    struct child *child = &task->child;

    /* Not the slot's own folder: a session that was killed with its campaign may be about to write
     * there, and would write into another's. */
    (void)snprintf(task->session, sizeof(task->session), "%.*s/session-%ld", PATH_MAX - 64,
                   child->folder, (long)getpid());
    (void)snprintf(task->also, sizeof(task->also), "%s/also", task->session);
    (void)snprintf(task->merged, sizeof(task->merged), "%s/merged", task->session);
    (void)snprintf(task->known, sizeof(task->known), "%s/known", task->session);
    return child_clear(child) && make_folder(task->session) && make_folder(task->also) &&
           corpus_link(corpus->folder, task->also);
}

static bool is_due(const struct corpus *corpus)
{
    return corpus->tool[0] != '\0' && !corpus->is_merging && corpus->inputs >= INPUTS_MIN &&
           corpus->inputs >= 2 * corpus->merged;
}

bool corpus_task_start(struct campaign *campaign, struct task *task)
{
    struct child *child = &task->child;
    struct corpus *corpus = NULL;

    if (campaign_is_over(campaign))
        return false;
    for (size_t i = 0; i < campaign->corpus_count && corpus == NULL; i++)
        if (is_due(&campaign->corpora[i]))
            corpus = &campaign->corpora[i];
    if (corpus == NULL)
        return false;
    child_prepare(child, corpus->tool, NULL);
    if (!corpus_task_stage(task, corpus))
        return false;
    child->is_session = true;
    child->time_ns_max = MERGE_MS_MAX * 2000000;
    child_word(child, "--attached");
    child_word(child, "--json");
    child_word(child, "--merge");
    child_word(child, task->merged);
    child_word(child, "--also");
    child_word(child, task->also);
    child_word(child, "--time");
    (void)snprintf(child->texts[0], sizeof(child->texts[0]), "%" PRIu64 "ms", MERGE_MS_MAX);
    child_word(child, child->texts[0]);
    if (campaign->plants[0] != '\0')
        child_setting(child, "HEDDLE_PLANT", campaign->plants);
    if (!child_start(child))
        return false;
    corpus->is_merging = true;
    task->kind = TASK_MERGE;
    task->corpus = corpus;
    return true;
}

/* The least set is in its place before anything leaves; killed in between, there is too much. */
static void replace(struct task *task)
{
    char named[PATH_MAX + 16];

    (void)snprintf(named, sizeof(named), "%s/named", task->session);
    if (mkdir(named, 0777) != 0)
        return;
    /* By our names, which are not the engine's. */
    (void)corpus_take(named, task->merged);
    if (corpus_link(named, task->corpus->folder))
        corpus_shed(task->corpus->folder, task->also, named);
}

void corpus_task_end(struct campaign *campaign, struct task *task)
{
    struct corpus *corpus = task->corpus;
    const size_t before = corpus->inputs;
    struct buffer line = {0};

    child_last_line(&task->child, &line);
    struct json_object *row = json_tokener_parse(line.data);
    /* One that could not be made least is left alone until it is twice as large. */
    if (row != NULL && strcmp(row_text(row, "event"), "merged") == 0 &&
        row_number(row, "inputs") > 0)
        replace(task);
    corpus->inputs = corpus_count(corpus->folder);
    corpus->merged = corpus->inputs;
    corpus->is_merging = false;
    store_do(&campaign->store,
             "INSERT OR REPLACE INTO corpus(target, merged, before, ended_ms) VALUES(?, ?, ?, ?)",
             "siii", corpus->target, (int64_t)corpus->merged, (int64_t)before, store_now_ms());
    json_object_put(row);
    buffer_fini(&line);
}
