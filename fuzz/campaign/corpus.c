/*
 * fuzz/campaign/corpus.c - see corpus.h.
 */
#include "fuzz/campaign/corpus.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "sim/cli/cli.h"
#include "sim/cli/files.h"

enum { HASH_BYTES = 40 };

/* What is done with each file of a folder. */
typedef void visit_fn(void *context, const char *path, const char *name);

static bool for_each(const char *folder, visit_fn *visit, void *context)
{
    char path[PATH_MAX + NAME_MAX + 2];
    DIR *dir = opendir(folder);

    if (dir == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        visit(context, path, entry->d_name);
    }
    closedir(dir);
    return true;
}

static bool make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return true;
    cli_say("%s: %s", path, strerror(errno));
    return false;
}

static bool hash_file(const char *path, char out[HASH_BYTES])
{
    struct buffer data = {0};
    const bool is_good = files_read(path, &data);

    if (is_good) {
        const XXH128_hash_t hash = XXH3_128bits(data.data, data.len);
        snprintf(out, HASH_BYTES, "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
    }
    buffer_fini(&data);
    return is_good;
}

static void join(const char *folder, const char *name, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX) {
        cli_say("%s: the name is too long", folder);
        exit(CLI_CANNOT);
    }
}

static void count_one(void *context, const char *path, const char *name)
{
    (void)path;
    (void)name;
    ++*(size_t *)context;
}

size_t corpus_count(const char *folder)
{
    size_t count = 0;

    (void)for_each(folder, count_one, &count);
    return count;
}

void corpus_open(struct store *store, struct corpus *corpus)
{
    static const char *const builds[] = {"plain", "explore", "asan", "tsan"};
    char folder[PATH_MAX];

    join(store->folder, "corpus", folder);
    join(folder, corpus->target, corpus->folder);
    if (!make_folder(folder) || !make_folder(corpus->folder))
        exit(CLI_CANNOT);
    corpus->inputs = corpus_count(corpus->folder);
    corpus->merged = (size_t)store_number(store, 0, "SELECT merged FROM corpus WHERE target = ?",
                                          "s", corpus->target);
    /* All cover alike; the plain one is the fastest. */
    corpus->tool[0] = '\0';
    for (size_t i = 0; i < sizeof(builds) / sizeof(builds[0]); i++)
        if (child_find_fuzzer(corpus->target, "libfuzzer", builds[i], corpus->tool))
            return;
    corpus->tool[0] = '\0';
}

struct copy {
    const char *to;
    size_t count;
    bool is_bad;
};

static void link_one(void *context, const char *path, const char *name)
{
    struct copy *copy = context;
    char to[PATH_MAX];

    join(copy->to, name, to);
    if (link(path, to) != 0 && errno != EEXIST)
        copy->is_bad = true;
}

bool corpus_link(const char *from, const char *to)
{
    struct copy copy = {.to = to};

    if (for_each(from, link_one, &copy) && !copy.is_bad)
        return true;
    cli_say("%s: its files cannot be linked to %s: %s", from, to, strerror(errno));
    return false;
}

static void take_one(void *context, const char *path, const char *name)
{
    struct copy *copy = context;
    char hash[HASH_BYTES];
    char to[PATH_MAX];

    (void)name;
    if (!hash_file(path, hash))
        return;
    join(copy->to, hash, to);
    if (access(to, F_OK) == 0)
        return;
    if (rename(path, to) == 0)
        copy->count++;
    else
        cli_say("%s: %s", to, strerror(errno));
}

size_t corpus_take(const char *folder, const char *from)
{
    struct copy copy = {.to = folder};

    (void)for_each(from, take_one, &copy);
    return copy.count;
}

struct shed {
    const char *folder;
    const char *least;
};

static void shed_one(void *context, const char *path, const char *name)
{
    const struct shed *shed = context;
    char kept[PATH_MAX];

    (void)path;
    join(shed->least, name, kept);
    if (access(kept, F_OK) == 0)
        return;
    join(shed->folder, name, kept);
    (void)unlink(kept);
}

void corpus_shed(const char *folder, const char *before, const char *least)
{
    struct shed shed = {folder, least};

    (void)for_each(before, shed_one, &shed);
}

/* ---- of two campaigns ---- */

static void copy_one(void *context, const char *path, const char *name)
{
    struct copy *copy = context;
    struct buffer data = {0};
    char to[PATH_MAX];

    join(copy->to, name, to);
    if (access(to, F_OK) != 0 &&
        (!files_read(path, &data) || !files_write(to, data.data, data.len)))
        copy->is_bad = true;
    buffer_fini(&data);
}

static void copy_target(void *context, const char *path, const char *name)
{
    struct copy *copy = context;
    char to[PATH_MAX];
    struct copy files = {.to = to};

    join(copy->to, name, to);
    if (!make_folder(to) || !for_each(path, copy_one, &files) || files.is_bad)
        copy->is_bad = true;
}

bool corpus_merge(const char *to, const char *from)
{
    char folder[PATH_MAX];
    char source[PATH_MAX];
    struct copy copy = {.to = folder};

    join(from, "corpus", source);
    join(to, "corpus", folder);
    if (access(source, F_OK) != 0)
        return true;
    return make_folder(folder) && for_each(source, copy_target, &copy) && !copy.is_bad;
}
