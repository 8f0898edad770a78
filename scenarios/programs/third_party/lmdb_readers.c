/*
 * scenarios/programs/third_party/lmdb_readers.c - LMDB with a writer against readers.
 *
 * The writer puts the same number under two keys in one transaction, round after round. A reader
 * must see both or neither: equal numbers, and never a smaller one than it saw before.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lmdb.h"

enum { READERS = 2, ROUNDS = 4, MAP_BYTES = 1 << 20 };

static MDB_env *env;
static MDB_dbi dbi;

static void need(int result, const char *what)
{
    if (result == MDB_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mdb_strerror(result));
    abort();
}

static void put(MDB_txn *txn, const char *key, int number)
{
    MDB_val name = {strlen(key), (void *)key};
    MDB_val value = {sizeof(number), &number};

    need(mdb_put(txn, dbi, &name, &value, 0), "put");
}

static int get(MDB_txn *txn, const char *key)
{
    MDB_val name = {strlen(key), (void *)key};
    MDB_val value;
    int number;

    need(mdb_get(txn, dbi, &name, &value), "get");
    memcpy(&number, value.mv_data, sizeof(number));
    return number;
}

static void write_round(int number)
{
    MDB_txn *txn;

    need(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    put(txn, "left", number);
    put(txn, "right", number);
    need(mdb_txn_commit(txn), "commit");
}

static void *write_all(void *unused)
{
    for (int round = 1; round <= ROUNDS; round++)
        write_round(round);
    return unused;
}

static void *read_all(void *unused)
{
    int last = 0;

    for (int round = 0; round < ROUNDS; round++) {
        MDB_txn *txn;
        need(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin to read");
        const int left = get(txn, "left");
        const int right = get(txn, "right");
        if (left != right || left < last) {
            fprintf(stderr, "read %d and %d after %d\n", left, right, last);
            abort();
        }
        last = left;
        mdb_txn_abort(txn);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[READERS + 1];
    MDB_txn *txn;

    if (mkdir("lmdb", 0755) != 0)
        abort();
    need(mdb_env_create(&env), "create");
    need(mdb_env_set_mapsize(env, MAP_BYTES), "size");
    need(mdb_env_open(env, "lmdb", 0, 0644), "open");
    need(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    need(mdb_dbi_open(txn, NULL, 0, &dbi), "database");
    need(mdb_txn_commit(txn), "commit");
    write_round(0);
    pthread_create(&threads[0], NULL, write_all, NULL);
    for (int i = 1; i <= READERS; i++)
        pthread_create(&threads[i], NULL, read_all, NULL);
    for (int i = 0; i <= READERS; i++)
        pthread_join(threads[i], NULL);
    mdb_env_close(env);
    return 0;
}
