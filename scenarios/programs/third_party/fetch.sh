#!/usr/bin/env bash
# fetch.sh DIR: puts the sources of SQLite, LMDB and LevelDB into DIR, from the npm packages that
# carry them. Nothing of them is kept in this repository, and they are not changed.
#
# Exit status 77: the registry cannot be reached.
set -u -o pipefail

registry=https://registry.npmjs.org
packages=(
    # name, version, what we need of it, and the archive's SHA-256
    "better-sqlite3 12.11.1 package/deps/sqlite3 ebf0ed75a7a59dbcb3b24bbd014ef49d9f15bc328e4adcbf516f2a8fadfa2835"
    "lmdb 3.5.6 package/dependencies/lmdb-data-v1/libraries/liblmdb 6b20d08ca52121003469964d53ddf049ff9bfefc37db86e181912b33b8f0b758"
    "leveldown 6.1.1 package/deps/leveldb/leveldb-1.20 fe534f13e475826331c9cd59f279f073c3238e4db2ff2c930e17a786ba0f4f01"
)

into=${1:?usage: fetch.sh DIR}
mkdir -p "$into" || exit 1
for entry in "${packages[@]}"; do
    read -r name version folder sum <<<"$entry"
    [ ! -d "$into/$name" ] || continue
    archive=$into/$name.tgz
    curl -fsSL --connect-timeout 5 --max-time 120 -o "$archive" \
        "$registry/$name/-/$name-$version.tgz" || exit 77
    echo "$sum  $archive" | sha256sum --check --quiet || exit 1
    depth=$(tr -cd / <<<"$folder" | wc -c)
    mkdir "$into/$name.part" &&
        tar -xzf "$archive" -C "$into/$name.part" --strip-components=$((depth + 1)) "$folder" &&
        mv "$into/$name.part" "$into/$name" || exit 1
    rm "$archive"
done
