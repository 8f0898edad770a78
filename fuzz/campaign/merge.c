/*
 * fuzz/campaign/merge.c - heddle campaign merge: shards of a campaign as one.
 *
 * A pure function of the set of inputs: whatever their order, and however often one is given, the
 * same comes out. Slices are taken from the lowest trial up, and one that overlaps those taken
 * before (the same shard run twice) is left out; sightings come with their slices.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/corpus.h"
#include "fuzz/campaign/entries.h"
#include "sim/cli/cli.h"
#include "sim/cli/files.h"

/* Those of the inputs are added up in tables beside those of the output, which are then filled. */
static const char pools[] =
    "CREATE TEMP TABLE pool_slice AS SELECT *, 0 AS source FROM slice "
    "WHERE 0;"
    "CREATE TEMP TABLE pool_sighting AS SELECT *, 0 AS source FROM sighting "
    "WHERE 0;"
    "CREATE TEMP TABLE pool_finding AS SELECT *, '' AS folder FROM finding "
    "WHERE 0;";

static void run(struct store *store, const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(store->db, sql, NULL, NULL, &message) == SQLITE_OK)
        return;
    cli_say("%s: %s", store->folder, message);
    exit(CLI_CANNOT);
}

/* ---- collecting ---- */

/* Whether the input is of the campaign that the first one was of. */
static bool is_of_it(struct store *store, const char *folder, const char *key)
{
    char own[4096] = "";
    char others[4096] = "";

    sqlite3_stmt *rows = store_query(store, "SELECT value FROM input.meta WHERE key = ?", "s", key);
    while (store_next(store, rows))
        snprintf(others, sizeof(others), "%s", store_text(rows, 0));
    if (!store_meta(store, key, own, sizeof(own)) || strcmp(own, others) == 0)
        return true;
    cli_say("%s is of another campaign: its %s is %s, not %s", folder, key, others, own);
    return false;
}

static bool fits(struct store *store, const char *folder)
{
    if (store_number(store, 0, "SELECT count(*) FROM pool_slice", "") > 0 &&
        store_number(store, 0,
                     "SELECT count(*) FROM input.slice WHERE state = 1 AND shards NOT IN (SELECT "
                     "shards FROM pool_slice)",
                     "") > 0) {
        cli_say("%s was cut in another number of shards", folder);
        return false;
    }
    return is_of_it(store, folder, "identity") && is_of_it(store, folder, "seed");
}

static bool collect(struct store *store, const char *folder, size_t source)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/campaign.db", folder);
    if (access(path, R_OK) != 0) {
        cli_say("%s: no campaign: %s", folder, strerror(errno));
        return false;
    }
    /* One of an earlier version gets its columns. */
    struct store input;
    if (!store_open(&input, folder, false))
        return false;
    store_close(&input);
    store_do(store, "ATTACH ? AS input", "s", path);
    const bool is_good = fits(store, folder);
    if (is_good) {
        store_begin(store);
        run(store, "INSERT OR IGNORE INTO main.meta SELECT * FROM input.meta WHERE key IN "
                   "('identity', 'seed', 'plan') OR key LIKE 'mark:%';"
                   "INSERT INTO main.job SELECT * FROM input.job WHERE true ON CONFLICT(name) DO "
                   "UPDATE SET problem = max(problem, excluded.problem);");
        store_do(store, "INSERT INTO pool_slice SELECT *, ? FROM input.slice WHERE state = 1", "i",
                 (int64_t)source);
        store_do(store, "INSERT INTO pool_sighting SELECT *, ? FROM input.sighting", "i",
                 (int64_t)source);
        store_do(store, "INSERT INTO pool_finding SELECT *, ? FROM input.finding", "s", folder);
        store_commit(store);
    }
    run(store, "DETACH input");
    return is_good && corpus_merge(store->folder, folder);
}

/* ---- choosing ---- */

/* The order is that of what slices hold, not of the inputs. */
static void take_slices(struct store *store)
{
    char job[4096] = "";
    int64_t shard = -1;
    int64_t covered = 0;
    sqlite3_stmt *rows =
        store_query(store,
                    "SELECT job, shard, first, past, source, shards FROM pool_slice ORDER BY job, "
                    "shards, shard, first, past DESC, ended_ms, ns, sketch",
                    "");

    while (store_next(store, rows)) {
        const int64_t first = sqlite3_column_int64(rows, 2);
        if (strcmp(job, store_text(rows, 0)) != 0 || shard != sqlite3_column_int64(rows, 1)) {
            snprintf(job, sizeof(job), "%s", store_text(rows, 0));
            shard = sqlite3_column_int64(rows, 1);
            covered = 0;
        }
        if (first < covered)
            continue;
        covered = sqlite3_column_int64(rows, 3);
        store_do(store,
                 "INSERT INTO main.slice(job, shards, shard, first, past, state, tries, ended_ms, "
                 "trials, "
                 "points, ns, sketch, edges, inputs, taken) SELECT job, shards, shard, first, "
                 "past, state, tries, "
                 "ended_ms, trials, points, ns, sketch, edges, inputs, taken FROM pool_slice WHERE "
                 "job = ? AND shard = ? "
                 "AND first = ? AND source = ?",
                 "siii", job, shard, first, sqlite3_column_int64(rows, 4));
        store_do(store,
                 "INSERT INTO main.sighting SELECT job, shards, shard, first, title, kind, trial, "
                 "seed, count, ms FROM pool_sighting WHERE job = ? AND shard = ? AND first = ? AND "
                 "source = ?",
                 "siii", job, shard, first, sqlite3_column_int64(rows, 4));
    }
}

static bool copy_file(struct store *store, const char *folder, const char *name, const char *file)
{
    struct buffer text = {0};
    char from[2 * PATH_MAX];
    char to[PATH_MAX];

    snprintf(from, sizeof(from), "%s/findings/%s/%s", folder, name, file);
    store_path(store, name, file, to);
    bool is_good = access(from, R_OK) != 0; /* not there: not shrunk */
    if (!is_good)
        is_good = files_read(from, &text) && files_write(to, text.data, text.len);
    buffer_fini(&text);
    return is_good;
}

/* Of each title the one that was looked into furthest; then the smallest, the earliest. */
static bool take_findings(struct store *store)
{
    char title[4096] = "";
    bool is_good = true;
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT title, name, folder, rowid FROM pool_finding ORDER BY title, state <> 'unstable', "
        "step DESC, state = 'closed', coalesce(lines, 1000000), found_ms, hash, explained, note",
        "");

    while (store_next(store, rows)) {
        if (strcmp(title, store_text(rows, 0)) == 0)
            continue;
        snprintf(title, sizeof(title), "%s", store_text(rows, 0));
        store_do(store,
                 "INSERT INTO main.finding(title, kind, build, name, state, step, hash, lines, "
                 "preemptions, runs, explained, sites, entry, causes, cause_at, note, checked, "
                 "found_ms, closed_ms, engine, target) SELECT title, kind, build, name, state, "
                 "step, hash, "
                 "lines, preemptions, runs, explained, sites, entry, causes, cause_at, note, "
                 "checked, found_ms, "
                 "closed_ms, engine, target FROM pool_finding WHERE rowid = ?",
                 "i", sqlite3_column_int64(rows, 3));
        static const char *const files[] = {"found.scn", "min.scn", "found.input", "min.input"};
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
            is_good =
                copy_file(store, store_text(rows, 2), store_text(rows, 1), files[i]) && is_good;
    }
    return is_good;
}

int campaign_merge(const char *out, const char *const *folders, size_t count)
{
    struct store store;
    char path[PATH_MAX];
    bool is_good = true;

    snprintf(path, sizeof(path), "%s/campaign.db", out);
    if (access(path, F_OK) == 0) {
        cli_say("%s is there already: merge makes a new one", path);
        return CLI_USAGE;
    }
    if (!store_open(&store, out, true))
        return CLI_CANNOT;
    run(&store, pools);
    for (size_t i = 0; i < count && is_good; i++)
        is_good = collect(&store, folders[i], i);
    if (is_good) {
        store_begin(&store);
        take_slices(&store);
        is_good = take_findings(&store);
        entries_group(&store);
        store_set_meta(&store, "shard", "0/1");
        store_set_meta(&store, "ended", "yes");
        store_commit(&store);
    }
    store_close(&store);
    if (!is_good) {
        (void)unlink(path);
        return CLI_INPUT;
    }
    return campaign_status(out);
}
