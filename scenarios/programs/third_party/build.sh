#!/usr/bin/env bash
# build.sh HEDDLE SOURCES OUT: builds the drivers of this folder and the fetched SOURCES (fetch.sh)
# with `HEDDLE cc` and `HEDDLE c++` into the folder OUT.
set -eu -o pipefail

heddle=$1 sources=$2 out=$3
here=$(dirname "$(readlink -f "$0")")
mkdir -p "$out"

leveldb=$sources/leveldown
mapfile -t leveldb_sources < <(
    find "$leveldb"/{db,table,util,port} -name '*.cc' ! -name '*_test.cc' ! -name 'testutil.cc' \
        ! -name 'testharness.cc' ! -name '*_bench.cc' ! -name 'leveldbutil.cc' \
        ! -name 'port_win.cc' ! -name 'env_win.cc' | sort
)

"$heddle" cc -O1 -w -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION \
    -I"$sources/better-sqlite3" "$here/sqlite_wal.c" "$sources/better-sqlite3/sqlite3.c" \
    -o "$out/sqlite_wal" -lm &
"$heddle" cc -O1 -w -I"$sources/lmdb" "$here/lmdb_readers.c" "$sources"/lmdb/{mdb,midl}.c \
    -pthread -o "$out/lmdb_readers"
"$heddle" c++ -O1 -w -std=c++11 -DOS_LINUX -DLEVELDB_PLATFORM_POSIX -DLEVELDB_ATOMIC_PRESENT \
    -I"$leveldb" -I"$leveldb/include" "$here/leveldb_writers.cc" "${leveldb_sources[@]}" \
    -pthread -o "$out/leveldb_writers"
wait $!
