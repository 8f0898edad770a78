/*
 * fuzz/campaign/store.h - what a campaign knows, in SQLite: jobs, slices of trials, findings.
 *
 * The folder of a campaign holds campaign.db, findings/NAME/{found,min}.scn (or .input),
 * corpus/TARGET/, work/ (scratch) and report/. Every step is one transaction, and files are in
 * their places before the transaction that speaks of them, so a campaign may be killed at any
 * moment. A slice that was begun and not ended is run again; its first run has left nothing behind.
 *
 *   meta      key -> value: seed, plan, shard, elapsed_ms
 *   job       a target x build x strategy, or fuzz target x build x engine, whose name is the
 *             strategy too; `problem` when it cannot be run
 *   slice     the trials [first, past) of a shard of a job; state 0 begun, 1 done. Of a fuzz job
 *             its number and the next; `trials` are the engine's runs
 *   corpus    a fuzz target: how many inputs stayed when it was last made least, of how many. The
 *             inputs are files: corpus/TARGET/HASH
 *   sighting  a title that a slice ended with: its first trial, how often
 *   finding   a title: how far it was looked into (step), and what it is now (state)
 *
 * A broken database ends the process with a message: nothing can be kept then.
 *
 * Owner: one process at a time writes; any may read.  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_STORE_H
#define FUZZ_CAMPAIGN_STORE_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_NAME_BYTES = 64 };

struct store {
    sqlite3 *db;
    int lock; /* fd; -1: only read */
    char folder[PATH_MAX];
};

/* Opens the campaign in `folder`, which is made when it is to be written. False after a message:
 * there is none, or another process runs it. */
bool store_open(struct store *store, const char *folder, bool is_written);
void store_close(struct store *store);

/* A statement with its values: 's' text or NULL, 'i' int64_t, 'b' blob and size_t. */
sqlite3_stmt *store_query(struct store *store, const char *sql, const char *types, ...);
/* Steps to the next row; false, and the statement is gone, when there is none. */
bool store_next(struct store *store, sqlite3_stmt *rows);
/* The same for statements without rows. */
void store_do(struct store *store, const char *sql, const char *types, ...);
/* The first column of the only row; `missing` when there is none. */
int64_t store_number(struct store *store, int64_t missing, const char *sql, const char *types, ...);

void store_begin(struct store *store);
void store_commit(struct store *store);

/* The text of a column, "" for NULL; valid until the next step. */
const char *store_text(sqlite3_stmt *rows, int column);

/* Meta data; false when there is none of that key. */
bool store_meta(struct store *store, const char *key, char *out, size_t out_bytes);
void store_set_meta(struct store *store, const char *key, const char *value);

/* The folder's name of a title, below findings/. */
void store_name(const char *title, char out[STORE_NAME_BYTES]);
/* FOLDER/findings/NAME/FILE. */
void store_path(const struct store *store, const char *name, const char *file, char out[PATH_MAX]);

/* The reproducer `stem`, "found" or "min", of a finding: a scenario, or a fuzz target's input.
 * Whether it is there. */
bool store_find(const struct store *store, const char *name, const char *stem, char out[PATH_MAX]);

/* Milliseconds of the day's clock: for people and curves, nothing depends on it. */
int64_t store_now_ms(void);

#endif
