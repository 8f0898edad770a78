/*
 * sim/cli/files.c - see files.h.
 */
#include "sim/cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/cli/cli.h"
#include "sim/input/buffer.h"

enum { READ_BYTES = 1 << 16, FILE_BYTES_MAX = 64 << 20 };

static bool is_dash(const char *path)
{
    return strcmp(path, "-") == 0;
}

static bool read_all(int fd, struct buffer *out)
{
    for (;;) {
        buffer_reserve(out, READ_BYTES);
        ssize_t count = read(fd, out->data + out->len, READ_BYTES);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        if (count == 0)
            return true;
        out->len += (size_t)count;
        out->data[out->len] = '\0';
        if (out->len > FILE_BYTES_MAX) {
            errno = EFBIG;
            return false;
        }
    }
}

bool files_read(const char *path, struct buffer *out)
{
    const int fd = is_dash(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        cli_say("%s: %s", path, strerror(errno));
        return false;
    }
    const bool is_good = read_all(fd, out);
    if (!is_good)
        cli_say("%s: %s", path, strerror(errno));
    if (fd != STDIN_FILENO)
        close(fd);
    return is_good;
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t count = write(fd, data, len);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        data += count;
        len -= (size_t)count;
    }
    return true;
}

/* The folders of `path`, which is cut and mended on the way. */
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const bool is_good = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = '/';
        if (!is_good)
            return false;
    }
    return true;
}

static bool write_renamed(const char *path, const void *data, size_t len)
{
    char name[PATH_MAX];
    struct stat old;

    if (snprintf(name, sizeof(name), "%s.XXXXXX", path) >= (int)sizeof(name)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (!make_folders(name))
        return false;
    const int fd = mkstemp(name);
    if (fd < 0)
        return false;
    /* As open() would have made it, or as the file is. */
    const mode_t mask = umask(0);
    umask(mask);
    const mode_t mode = stat(path, &old) == 0 ? old.st_mode & 07777 : 0666 & ~mask;
    const bool is_written = write_all(fd, data, len) && fchmod(fd, mode) == 0;
    const bool is_good = (close(fd) == 0) & is_written && rename(name, path) == 0;
    if (!is_good) {
        const int err = errno;
        unlink(name);
        errno = err;
    }
    return is_good;
}

bool files_write(const char *path, const void *data, size_t len)
{
    if (is_dash(path)) {
        const bool is_good = fwrite(data, 1, len, stdout) == len && fflush(stdout) == 0;
        if (!is_good)
            cli_say("standard output: %s", strerror(errno));
        return is_good;
    }
    if (write_renamed(path, data, len))
        return true;
    cli_say("%s: %s", path, strerror(errno));
    return false;
}

static bool has_scenarios(const char *folder)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof(path), "%s/scenarios", folder) < (int)sizeof(path) &&
           access(path, F_OK) == 0;
}

const char *files_root(void)
{
    static char root[PATH_MAX];
    char installed[PATH_MAX];
    const char *given = getenv("HEDDLE_ROOT");

    if (root[0] != '\0')
        return root;
    if (given != NULL && given[0] != '\0') {
        snprintf(root, sizeof(root), "%s", given);
        return root;
    }
    const ssize_t len = readlink("/proc/self/exe", root, sizeof(root) - 1);
    root[len < 0 ? 0 : len] = '\0';
    for (char *slash = strrchr(root, '/'); slash != NULL; slash = strrchr(root, '/')) {
        *slash = '\0';
        if (root[0] != '\0' && has_scenarios(root))
            return root;
        if (snprintf(installed, sizeof(installed), "%s/share/heddle", root) <
                (int)sizeof(installed) &&
            has_scenarios(installed)) {
            memcpy(root, installed, sizeof(root));
            return root;
        }
    }
    snprintf(root, sizeof(root), ".");
    return root;
}

void files_find_scenario(const char *path, char *out, size_t out_bytes)
{
    static const struct {
        const char *folder;
        const char *ending;
    } places[] = {{"", ""}, {"scenarios/", ""}, {"scenarios/", ".scn"}};

    snprintf(out, out_bytes, "%s", path);
    if (is_dash(path) || path[0] == '/' || access(path, F_OK) == 0)
        return;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char candidate[PATH_MAX];
        struct stat info;
        const int len = snprintf(candidate, sizeof(candidate), "%s/%s%s%s", files_root(),
                                 places[i].folder, path, places[i].ending);
        if (len < (int)sizeof(candidate) && stat(candidate, &info) == 0 && S_ISREG(info.st_mode)) {
            snprintf(out, out_bytes, "%s", candidate);
            return;
        }
    }
}
