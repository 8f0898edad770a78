/*
 * fuzz/campaign/causes.c - see causes.h.
 */
#include "fuzz/campaign/causes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/campaign/entries.h"
#include "fuzz/campaign/row.h"
#include "sim/cli/files.h"

enum { CAUSES_BYTES = 1024, LINE_BYTES = 64 };

/* ---- files ---- */

/* The line of a plant in a reproducer, NULL when it has none. */
static char *find_plant(char *text, const char *plant, size_t *len)
{
    char line[LINE_BYTES];

    *len = (size_t)snprintf(line, sizeof(line), "plant %s\n", plant);
    for (char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line))
        if (at == text || at[-1] == '\n')
            return at;
    return NULL;
}

static void leave_out(char *text, const char *plant)
{
    size_t len;
    char *at = find_plant(text, plant, &len);

    if (at != NULL)
        memmove(at, at + len, strlen(at + len) + 1);
}

/* The reproducer without the plant, or without all others. False: it does not have the plant, or
 * cannot be read or written. */
static bool write_variant(const struct campaign *campaign, const struct task *task, bool is_alone)
{
    const struct plan_list *plants = &campaign->plan.plants;
    struct buffer text = {0};
    size_t len;

    bool is_good = files_read(task->file, &text);
    buffer_append_text(&text, "");
    is_good = is_good && find_plant(text.data, plants->items[task->plant], &len) != NULL;
    for (size_t i = 0; i < plants->count && is_good; i++)
        if ((i == task->plant) != is_alone)
            leave_out(text.data, plants->items[i]);
    is_good = is_good && files_write(task->output, text.data, strlen(text.data));
    buffer_fini(&text);
    return is_good;
}

/* ---- what is known so far ---- */

static void load_causes(struct campaign *campaign, const struct task *task, char out[CAUSES_BYTES])
{
    sqlite3_stmt *rows = store_query(&campaign->store, "SELECT causes FROM finding WHERE title = ?",
                                     "s", task->title);

    out[0] = '\0';
    while (store_next(&campaign->store, rows))
        snprintf(out, CAUSES_BYTES, "%s", store_text(rows, 0));
}

/* Each is followed by a space. */
static bool has_cause(const char *causes, const char *plant)
{
    const size_t len = strlen(plant);

    for (const char *at = causes; *at != '\0'; at += strcspn(at, " ") + 1)
        if (strncmp(at, plant, len) == 0 && at[len] == ' ')
            return true;
    return false;
}

static bool is_one(const char *causes)
{
    const char *end = strchr(causes, ' ');

    return end != NULL && end[1] == '\0';
}

static void finish(struct campaign *campaign, const struct task *task, const char *causes)
{
    (void)unlink(task->output);
    store_begin(&campaign->store);
    store_do(&campaign->store, "UPDATE finding SET step = ?, causes = ? WHERE title = ?", "iss",
             (int64_t)STEP_DONE, causes, task->title);
    store_do(&campaign->store,
             "UPDATE finding SET sites = 'plant:' || substr(causes, 1, instr(causes, ' ')) "
             "WHERE title = ? AND causes <> ''",
             "s", task->title);
    entries_group(&campaign->store);
    store_commit(&campaign->store);
}

static void go_on(struct campaign *campaign, const struct task *task, unsigned step, size_t plant)
{
    store_do(&campaign->store, "UPDATE finding SET step = ?, cause_at = ? WHERE title = ?", "iis",
             (int64_t)step, (int64_t)plant, task->title);
}

/* ---- which ---- */

/* The next plant of the task's step; false: there is none. */
static bool choose_plant(const struct campaign *campaign, struct task *task, const char *causes)
{
    const bool is_alone = task->step != STEP_LEFT_OUT;

    for (; task->plant < campaign->plan.plants.count; task->plant++) {
        const char *plant = campaign->plan.plants.items[task->plant];
        if (is_alone && causes[0] != '\0' && !has_cause(causes, plant))
            continue;
        if (write_variant(campaign, task, is_alone))
            return true;
    }
    return false;
}

bool causes_choose(struct campaign *campaign, struct task *task)
{
    char causes[CAUSES_BYTES];

    store_path(&campaign->store, task->name, "variant.scn", task->output);
    load_causes(campaign, task, causes);
    for (; task->step < STEP_DONE; task->step++, task->plant = 0) {
        if (task->step != STEP_LEFT_OUT && is_one(causes))
            break;
        if (choose_plant(campaign, task, causes)) {
            go_on(campaign, task, task->step, task->plant);
            snprintf(task->file, sizeof(task->file), "%s", task->output);
            return true;
        }
    }
    finish(campaign, task, causes);
    return false;
}

/* ---- what came of it ---- */

/* Whether a run, or one of a search's findings, is of the title. */
static bool shows(struct json_object *row, const char *title)
{
    struct json_object *findings = NULL;

    if (row == NULL || !json_object_object_get_ex(row, "findings", &findings))
        return strcmp(row_text(row, "title"), title) == 0;
    for (size_t i = 0; i < json_object_array_length(findings); i++)
        if (strcmp(row_text(json_object_array_get_idx(findings, i), "title"), title) == 0)
            return true;
    return false;
}

/* The same run without plants that it does not take: a better reproducer. */
static void keep_alone(const struct campaign *campaign, const struct task *task,
                       struct json_object *row)
{
    char path[PATH_MAX];

    store_path(&campaign->store, task->name, "min.scn", path);
    if (strcmp(row_text(row, "trace_hash"), task->hash) == 0 && access(path, F_OK) == 0)
        (void)rename(task->output, path);
}

void causes_end(struct campaign *campaign, const struct task *task, struct json_object *row)
{
    const char *plant = campaign->plan.plants.items[task->plant];
    const bool is_shown = shows(row, task->title);
    char causes[CAUSES_BYTES];

    if (task->step == STEP_LEFT_OUT) {
        store_do(&campaign->store,
                 "UPDATE finding SET cause_at = ?, causes = coalesce(causes, '') || ? || ? WHERE "
                 "title = ?",
                 "isss", (int64_t)task->plant + 1, is_shown ? "" : plant, is_shown ? "" : " ",
                 task->title);
        return;
    }
    if (!is_shown) {
        go_on(campaign, task, task->step, task->plant + 1);
        return;
    }
    if (task->step == STEP_ALONE)
        keep_alone(campaign, task, row);
    snprintf(causes, sizeof(causes), "%s ", plant);
    finish(campaign, task, causes);
}
