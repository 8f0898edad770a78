/*
 * fuzz/campaign/store.c - see store.h.
 */
#include "fuzz/campaign/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "sim/cli/cli.h"
#include "sim/report/words.h"

enum { BUSY_MS = 20000, SLUG_BYTES = 44 };

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS job(name TEXT PRIMARY KEY, target TEXT NOT NULL,"
    " build TEXT NOT NULL, strategy TEXT NOT NULL, problem TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS slice(job TEXT NOT NULL, shards INTEGER NOT NULL,"
    " shard INTEGER NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL,"
    " state INTEGER NOT NULL, tries INTEGER NOT NULL, ended_ms INTEGER, trials INTEGER,"
    " points INTEGER, ns INTEGER, sketch BLOB,"
    " PRIMARY KEY(job, shards, shard, first)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS sighting(job TEXT NOT NULL, shards INTEGER NOT NULL,"
    " shard INTEGER NOT NULL, first INTEGER NOT NULL, title TEXT NOT NULL, kind TEXT NOT NULL,"
    " trial INTEGER NOT NULL, seed TEXT NOT NULL, count INTEGER NOT NULL, ms INTEGER NOT NULL,"
    " PRIMARY KEY(job, shards, shard, first, title)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS finding(title TEXT PRIMARY KEY, kind TEXT NOT NULL,"
    " build TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, step INTEGER NOT NULL,"
    " hash TEXT, lines INTEGER, preemptions INTEGER, runs INTEGER, explained TEXT, sites TEXT, "
    "entry TEXT, causes TEXT, cause_at INTEGER DEFAULT 0, note TEXT,"
    " checked TEXT, found_ms INTEGER, closed_ms INTEGER) WITHOUT ROWID;";

/* What later versions keep besides: folders of earlier ones get it when they are opened. */
static const struct {
    const char *table, *column, *type;
} additions[] = {
    {"job", "engine", "TEXT NOT NULL DEFAULT 'explore'"},
    {"slice", "edges", "INTEGER"},  /* reached so far, as the engine counts them */
    {"slice", "inputs", "INTEGER"}, /* of the corpus, when the slice had ended */
    {"slice", "taken", "INTEGER"},  /* of them new */
    {"finding", "engine", "TEXT"},  /* NULL: the reproducer is a scenario */
    {"finding", "target", "TEXT"},  /* likewise; else that of the input */
};

static const char corpora[] =
    "CREATE TABLE IF NOT EXISTS corpus(target TEXT PRIMARY KEY, merged INTEGER NOT NULL,"
    " before INTEGER NOT NULL, ended_ms INTEGER) WITHOUT ROWID;";

_Noreturn static void die(const struct store *store)
{
    cli_say("%s/campaign.db: %s", store->folder, sqlite3_errmsg(store->db));
    exit(CLI_CANNOT);
}

static void must(const struct store *store, int code)
{
    if (code != SQLITE_OK)
        die(store);
}

static bool make_folder(const char *format, const char *folder)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), format, folder);
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        const char kept = *at;
        *at = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            cli_say("%s: %s", path, strerror(errno));
            return false;
        }
        *at = kept;
        if (kept == '\0')
            return true;
    }
}

static bool take_lock(struct store *store)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/lock", store->folder);
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (store->lock < 0) {
        cli_say("%s: %s", path, strerror(errno));
        return false;
    }
    if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    cli_say("%s: another process runs this campaign", store->folder);
    close(store->lock);
    return false;
}

static void add_columns(struct store *store)
{
    char sql[256];

    for (size_t i = 0; i < sizeof(additions) / sizeof(additions[0]); i++) {
        if (store_number(store, 0, "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", "ss",
                         additions[i].table, additions[i].column) > 0)
            continue;
        snprintf(sql, sizeof(sql), "ALTER TABLE %s ADD COLUMN %s %s", additions[i].table,
                 additions[i].column, additions[i].type);
        must(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL));
    }
}

bool store_open(struct store *store, const char *folder, bool is_written)
{
    char path[PATH_MAX + 16];

    *store = (struct store){.lock = -1};
    snprintf(store->folder, sizeof(store->folder), "%s", folder);
    snprintf(path, sizeof(path), "%s/campaign.db", folder);
    if (!is_written && access(path, R_OK) != 0) {
        cli_say("%s: no campaign: %s", folder, strerror(errno));
        return false;
    }
    if (is_written && (!make_folder("%s", folder) || !make_folder("%s/findings", folder) ||
                       !make_folder("%s/work", folder) || !take_lock(store)))
        return false;
    if (sqlite3_open_v2(path, &store->db,
                        SQLITE_OPEN_READWRITE | (is_written ? SQLITE_OPEN_CREATE : 0),
                        NULL) != SQLITE_OK) {
        cli_say("%s: %s", path, sqlite3_errmsg(store->db));
        store_close(store);
        return false;
    }
    must(store, sqlite3_busy_timeout(store->db, BUSY_MS));
    must(store, sqlite3_exec(store->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL,
                             NULL, NULL));
    must(store, sqlite3_exec(store->db, schema, NULL, NULL, NULL));
    must(store, sqlite3_exec(store->db, corpora, NULL, NULL, NULL));
    add_columns(store);
    return true;
}

void store_close(struct store *store)
{
    (void)sqlite3_close(store->db);
    if (store->lock >= 0)
        close(store->lock);
    *store = (struct store){.lock = -1};
}

/* ---- statements ---- */

static void bind(struct store *store, sqlite3_stmt *rows, const char *types, va_list *args)
{
    for (int i = 1; *types != '\0'; types++, i++) {
        if (*types == 's') {
            must(store,
                 sqlite3_bind_text(rows, i, va_arg(*args, const char *), -1, SQLITE_TRANSIENT));
        } else if (*types == 'i') {
            must(store, sqlite3_bind_int64(rows, i, va_arg(*args, int64_t)));
        } else {
            const void *data = va_arg(*args, const void *);
            const size_t size = va_arg(*args, size_t);
            must(store, sqlite3_bind_blob64(rows, i, data, size, SQLITE_TRANSIENT));
        }
    }
}

static sqlite3_stmt *prepare(struct store *store, const char *sql, const char *types, va_list *args)
{
    sqlite3_stmt *rows = NULL;

    must(store, sqlite3_prepare_v2(store->db, sql, -1, &rows, NULL));
    bind(store, rows, types, args);
    return rows;
}

sqlite3_stmt *store_query(struct store *store, const char *sql, const char *types, ...)
{
    va_list args;

    va_start(args, types);
    sqlite3_stmt *rows = prepare(store, sql, types, &args);
    va_end(args);
    return rows;
}

bool store_next(struct store *store, sqlite3_stmt *rows)
{
    const int code = sqlite3_step(rows);

    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        die(store);
    (void)sqlite3_finalize(rows);
    return false;
}

void store_do(struct store *store, const char *sql, const char *types, ...)
{
    va_list args;

    va_start(args, types);
    sqlite3_stmt *rows = prepare(store, sql, types, &args);
    va_end(args);
    while (store_next(store, rows))
        ;
}

int64_t store_number(struct store *store, int64_t missing, const char *sql, const char *types, ...)
{
    int64_t number = missing;
    va_list args;

    va_start(args, types);
    sqlite3_stmt *rows = prepare(store, sql, types, &args);
    va_end(args);
    while (store_next(store, rows))
        if (sqlite3_column_type(rows, 0) != SQLITE_NULL)
            number = sqlite3_column_int64(rows, 0);
    return number;
}

void store_begin(struct store *store)
{
    store_do(store, "BEGIN IMMEDIATE", "");
}

void store_commit(struct store *store)
{
    store_do(store, "COMMIT", "");
}

const char *store_text(sqlite3_stmt *rows, int column)
{
    const unsigned char *text = sqlite3_column_text(rows, column);

    return text == NULL ? "" : (const char *)text;
}

/* ---- meta ---- */

bool store_meta(struct store *store, const char *key, char *out, size_t out_bytes)
{
    sqlite3_stmt *rows = store_query(store, "SELECT value FROM meta WHERE key = ?", "s", key);
    bool is_there = false;

    while (store_next(store, rows)) {
        snprintf(out, out_bytes, "%s", store_text(rows, 0));
        is_there = true;
    }
    return is_there;
}

void store_set_meta(struct store *store, const char *key, const char *value)
{
    store_do(store, "INSERT OR REPLACE INTO meta VALUES(?, ?)", "ss", key, value);
}

/* ---- names ---- */

void store_name(const char *title, char out[STORE_NAME_BYTES])
{
    char slug[SLUG_BYTES];

    words_slug(title, slug, sizeof(slug));
    snprintf(out, STORE_NAME_BYTES, "%s-%08" PRIx32, slug,
             (uint32_t)XXH64(title, strlen(title), 0));
}

void store_path(const struct store *store, const char *name, const char *file, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s/findings/%s/%s", store->folder, name, file) >= PATH_MAX) {
        cli_say("%s: the name is too long", store->folder);
        exit(CLI_CANNOT);
    }
}

bool store_find(const struct store *store, const char *name, const char *stem, char out[PATH_MAX])
{
    char file[STORE_NAME_BYTES];

    snprintf(file, sizeof(file), "%s.input", stem);
    store_path(store, name, file, out);
    if (access(out, R_OK) == 0)
        return true;
    snprintf(file, sizeof(file), "%s.scn", stem);
    store_path(store, name, file, out);
    return access(out, R_OK) == 0;
}

int64_t store_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
