/*
 * fuzz/engine/scenes.c - the list of the scenes that people wrote, for fuzz/world/scene.h.
 *
 *     scenes OUT.c FOLDER     of encoded scenarios, as fuzz/engine/seeds.c makes them
 *
 * Threads: main.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/attr.h"
#include "fuzz/world/scene.h"
#include "sim/input/scenario.h"

enum { PATH_BYTES = 4096, FILE_BYTES_MAX = 1 << 20, SCENES_MAX = 1 << 14 };

NORETURN static void fail(const char *path, const char *what)
{
    fprintf(stderr, "scenes: %s: %s\n", path, what);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    const uint64_t first = *(const uint64_t *)a;
    const uint64_t second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

/* False when it is no scenario. */
static bool hash_file(const char *folder, const char *name, uint64_t *hash)
{
    static uint8_t data[FILE_BYTES_MAX];
    char path[PATH_BYTES];

    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        fail(name, "the path is too long");
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail(path, "cannot be read");
    const size_t len = fread(data, 1, sizeof(data), file);
    fclose(file);
    *hash = scene_hash(data, len);
    return scenario_is_encoded(data, len);
}

static size_t hash_folder(const char *folder, uint64_t *hashes)
{
    DIR *entries = opendir(folder);
    size_t count = 0;

    if (entries == NULL)
        fail(folder, "cannot be read");
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (entry->d_name[0] == '.')
            continue;
        if (count == SCENES_MAX)
            fail(folder, "too many files");
        count += hash_file(folder, entry->d_name, &hashes[count]);
    }
    closedir(entries);
    return count;
}

int main(int argc, char **argv)
{
    static uint64_t hashes[SCENES_MAX];

    if (argc != 3) {
        fprintf(stderr, "usage: %s OUT.c FOLDER\n", argv[0]);
        return 2;
    }
    const size_t count = hash_folder(argv[2], hashes);
    qsort(hashes, count, sizeof(hashes[0]), compare);
    FILE *out = fopen(argv[1], "w");
    if (out == NULL)
        fail(argv[1], "cannot be written");
    fprintf(out, "#include <stddef.h>\n#include <stdint.h>\n\n"
                 "extern const uint64_t scenes_shipped[];\n"
                 "extern const size_t scenes_shipped_count;\n"
                 "const uint64_t scenes_shipped[] = {\n");
    for (size_t i = 0; i < count; i++)
        fprintf(out, "    UINT64_C(0x%016" PRIx64 "),\n", hashes[i]);
    /* An array has one element at least. */
    fprintf(out, "    UINT64_MAX,\n};\nconst size_t scenes_shipped_count = %zu;\n", count);
    if (fclose(out) != 0)
        fail(argv[1], "cannot be written");
    return 0;
}
