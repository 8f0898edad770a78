#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "fuzz/drive/drive.h"

enum { COPY_BYTES = 65536, REMOVE_FDS = 16 };

void path_join(char out[DRIVE_PATH_BYTES], const char *folder, const char *name)
{
    if (snprintf(out, DRIVE_PATH_BYTES, "%s/%s", folder, name) >= DRIVE_PATH_BYTES) {
        fprintf(stderr, "heddle: %s: the path is too long\n", folder);
        exit(EXIT_CANNOT);
    }
}

bool folder_make(const char *path)
{
    char part[DRIVE_PATH_BYTES];

    if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
        return false;
    for (char *at = strchr(part + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return mkdir(part, 0777) == 0 || errno == EEXIST;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status, (void)flag, (void)ftw;
    return remove(path);
}

void folder_remove(const char *path)
{
    (void)nftw(path, remove_one, REMOVE_FDS, FTW_DEPTH | FTW_PHYS);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

size_t folder_each(const char *path,
                   void (*take)(void *context, const char *path, const char *name), void *context)
{
    struct dirent **entries;
    int found = scandir(path, &entries, is_visible, alphasort);
    size_t count = 0;

    for (int i = 0; i < found; i++) {
        char file[DRIVE_PATH_BYTES];
        struct stat status;

        path_join(file, path, entries[i]->d_name);
        if (stat(file, &status) == 0 && S_ISREG(status.st_mode)) {
            count++;
            if (take != NULL)
                take(context, file, entries[i]->d_name);
        }
        free(entries[i]);
    }
    if (found >= 0)
        free(entries);
    return count;
}

uint64_t file_bytes(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* Copies, hashes, or both. */
static bool pump(const char *from, int to, XXH64_state_t *hash)
{
    static char data[COPY_BYTES];
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0) {
        got = read(fd, data, sizeof(data));
        if (got <= 0)
            break;
        if (hash != NULL)
            XXH64_update(hash, data, (size_t)got);
        if (to >= 0 && write(to, data, (size_t)got) != got)
            got = -1;
    }
    if (fd >= 0)
        close(fd);
    return got == 0;
}

bool file_copy(const char *from, const char *to)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return false;
    bool is_copied = pump(from, fd, NULL);
    return close(fd) == 0 && is_copied;
}

bool file_keep(const char *from, const char *folder, char *out)
{
    XXH64_state_t *hash = XXH64_createState();
    char name[64];
    char path[DRIVE_PATH_BYTES];

    if (hash == NULL)
        abort();
    XXH64_reset(hash, 0);
    bool is_read = pump(from, -1, hash);
    snprintf(name, sizeof(name), "found-%016llx", (unsigned long long)XXH64_digest(hash));
    XXH64_freeState(hash);
    path_join(path, folder, name);
    if (out != NULL)
        memcpy(out, path, sizeof(path));
    return is_read && (access(path, F_OK) == 0 || file_copy(from, path));
}
