/*
 * scenarios/programs/third_party/sqlite_wal.c - SQLite with three threads and a connection each on
 * one database file.
 *
 * Each thread adds to two counters in one transaction and reads them back; they must always be
 * equal, whatever the schedule, and at the end they must have counted every transaction that was
 * committed. `wal` as the first word runs in WAL mode, anything else in rollback mode.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite3.h"

enum { THREADS = 3, ROUNDS = 2, BUSY_MS = 20 };

static int committed[THREADS];
static const char *mode;

static void fail(sqlite3 *db, const char *what, int result)
{
    fprintf(stderr, "%s: %d %s\n", what, result, db == NULL ? "" : sqlite3_errmsg(db));
    abort();
}

static sqlite3 *open_database(void)
{
    sqlite3 *db = NULL;
    const int result = sqlite3_open("test.db", &db);

    if (result != SQLITE_OK)
        fail(db, "open", result);
    sqlite3_busy_timeout(db, BUSY_MS);
    return db;
}

/* Busy is an answer; everything else that is not OK is none. */
static int try(sqlite3 *db, const char *sql)
{
    const int result = sqlite3_exec(db, sql, NULL, NULL, NULL);

    if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY)
        fail(db, sql, result);
    return result;
}

static int read_pair(sqlite3 *db, int *left, int *right)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db, "SELECT l, r FROM pair WHERE id = 1", -1, &statement, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        *left = sqlite3_column_int(statement, 0);
        *right = sqlite3_column_int(statement, 1);
    } else if ((result & 0xff) != SQLITE_BUSY) {
        fail(db, "select", result);
    }
    sqlite3_finalize(statement);
    return result;
}

static void check_pair(sqlite3 *db)
{
    int left = 0;
    int right = 0;

    if (read_pair(db, &left, &right) == SQLITE_ROW && left != right) {
        fprintf(stderr, "half a transaction: %d and %d\n", left, right);
        abort();
    }
}

static void *count(void *argument)
{
    const int self = (int)(long)argument;
    sqlite3 *db = open_database();

    for (int round = 0; round < ROUNDS; round++) {
        check_pair(db);
        if (try(db, "BEGIN IMMEDIATE") != SQLITE_OK)
            continue;
        if (try(db, "UPDATE pair SET l = l + 1") == SQLITE_OK &&
            try(db, "UPDATE pair SET r = r + 1") == SQLITE_OK && try(db, "COMMIT") == SQLITE_OK)
            committed[self]++;
        else
            try(db, "ROLLBACK");
    }
    sqlite3_close(db);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    int total = 0;
    int left = 0;
    int right = 0;

    mode = argc > 1 ? argv[1] : "delete";
    sqlite3 *db = open_database();
    if (strcmp(mode, "wal") == 0)
        try(db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 2");
    try(db, "CREATE TABLE pair (id INTEGER PRIMARY KEY, l INTEGER, r INTEGER);"
            "INSERT INTO pair VALUES (1, 0, 0)");
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        total += committed[i];
    }
    if (read_pair(db, &left, &right) != SQLITE_ROW || left != total || right != total) {
        fprintf(stderr, "%d committed, %d and %d found\n", total, left, right);
        abort();
    }
    sqlite3_close(db);
    return 0;
}
