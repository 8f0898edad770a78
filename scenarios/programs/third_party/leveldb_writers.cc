/*
 * scenarios/programs/third_party/leveldb_writers.cc - LevelDB with writers against compaction.
 *
 * A third thread asks again and again for everything to be compacted, so memory tables are written
 * out and tables are merged, by LevelDB's own thread, while the writers go on. What a writer has
 * written must be read back, by itself at once and by everybody at the end, after the database was
 * opened anew.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string>

#include "leveldb/db.h"

enum { WRITERS = 2, ROUNDS = 5, COMPACTIONS = 3, VALUE_BYTES = 300 };

static leveldb::DB *db;

static void need(const leveldb::Status &status, const char *what)
{
    if (status.ok())
        return;
    fprintf(stderr, "%s: %s\n", what, status.ToString().c_str());
    abort();
}

static std::string key_of(int writer, int round)
{
    return std::string(1, (char)('a' + writer)) + std::to_string(round % 3);
}

static std::string value_of(int writer, int round)
{
    return std::string(VALUE_BYTES, (char)('A' + writer * ROUNDS + round));
}

static void expect(int writer, int round, const char *when)
{
    std::string found;

    need(db->Get(leveldb::ReadOptions(), key_of(writer, round), &found), when);
    if (found == value_of(writer, round))
        return;
    fprintf(stderr, "%s: writer %d, round %d: another value\n", when, writer, round);
    abort();
}

static void *write_all(void *argument)
{
    const int self = (int)(long)argument;

    for (int round = 0; round < ROUNDS; round++) {
        need(db->Put(leveldb::WriteOptions(), key_of(self, round), value_of(self, round)), "put");
        expect(self, round, "get");
    }
    return nullptr;
}

static void *compact_all(void *unused)
{
    for (int i = 0; i < COMPACTIONS; i++)
        db->CompactRange(nullptr, nullptr);
    return unused;
}

static void open_database(void)
{
    leveldb::Options options;

    options.create_if_missing = true;
    options.max_open_files = 100;
    options.compression = leveldb::kNoCompression;
    need(leveldb::DB::Open(options, "leveldb", &db), "open");
}

int main()
{
    pthread_t threads[WRITERS + 1];

    open_database();
    for (long i = 0; i < WRITERS; i++)
        pthread_create(&threads[i], nullptr, write_all, (void *)i);
    pthread_create(&threads[WRITERS], nullptr, compact_all, nullptr);
    for (pthread_t thread : threads)
        pthread_join(thread, nullptr);
    delete db;
    open_database();
    for (int writer = 0; writer < WRITERS; writer++)
        for (int round = ROUNDS - 3; round < ROUNDS; round++)
            expect(writer, round, "at the end");
    delete db;
    return 0;
}
