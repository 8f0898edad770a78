/*
 * sim/posix/folder_calls.c - listing folders.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sim/posix/files.h"
#include "sim/posix/wrap_files.h"

_Static_assert(sizeof(struct dirent) == sizeof(struct dirent64), "one struct serves both");

/* What a DIR of a simulated folder is. */
struct listing {
    int fd;
    struct dirent entry;
};

static struct listing *of(DIR *folder)
{
    return (struct listing *)(void *)folder;
}

static DIR *begin(int fd)
{
    struct listing *listing = malloc(sizeof(*listing));

    if (listing != NULL)
        listing->fd = fd;
    return (DIR *)(void *)listing;
}

DIR *__wrap_opendir(const char *path)
{
    struct io_call call;
    struct inode *start;
    int64_t result;

    if (!sched_is_simulated())
        return __real_opendir(path);
    result = files_begin(&call, CALL_opendir, AT_FDCWD, path, WRAP_PC, &start);
    if (result == 0)
        result = files_open(&call, start, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    result = io_end_progress(&call, result);
    return result < 0 ? NULL : begin((int)result);
}

DIR *__wrap_fdopendir(int fd)
{
    struct io_call call;
    struct inode *inode;
    int64_t result;

    if (!sched_is_simulated())
        return __real_fdopendir(fd);
    result = files_begin_fd(&call, CALL_opendir, fd, WRAP_PC, &inode);
    if (result == 0 && !S_ISDIR(inode->mode))
        result = -ENOTDIR;
    return io_end(&call, result) < 0 ? NULL : begin(fd);
}

int __wrap_closedir(DIR *folder)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_closedir(folder);
    result = io_begin(&call, CALL_close, of(folder)->fd, WRAP_PC);
    if (call.file != NULL)
        process_fd_close(call.process, call.fd);
    call.file = NULL;
    free(of(folder));
    return (int)io_end_progress(&call, result);
}

static struct dirent *next(DIR *folder, const void *pc)
{
    struct listing *listing = of(folder);
    struct folder_entry found = {.name = ""};
    struct io_call call;
    struct inode *inode;
    int64_t result = files_begin_fd(&call, CALL_readdir, listing->fd, pc, &inode);

    if (result == 0)
        result = folder_read(call.file, &found);
    if (io_end_progress(&call, result) != 1)
        return NULL;
    listing->entry = (struct dirent){.d_ino = found.number,
                                     .d_off = found.offset,
                                     .d_reclen = sizeof(struct dirent),
                                     .d_type = found.type};
    memcpy(listing->entry.d_name, found.name, strlen(found.name) + 1);
    return &listing->entry;
}

struct dirent *__wrap_readdir(DIR *folder)
{
    return sched_is_simulated() ? next(folder, WRAP_PC) : __real_readdir(folder);
}

struct dirent *__wrap_readdir64(DIR *folder)
{
    return sched_is_simulated() ? next(folder, WRAP_PC) : __real_readdir(folder);
}

static int next_into(DIR *folder, struct dirent *entry, struct dirent **out, const void *pc)
{
    const struct dirent *found = next(folder, pc);

    if (found != NULL)
        *entry = *found;
    *out = found == NULL ? NULL : entry;
    return 0;
}

int __wrap_readdir_r(DIR *folder, struct dirent *entry, struct dirent **out)
{
    return sched_is_simulated() ? next_into(folder, entry, out, WRAP_PC)
                                : __real_readdir_r(folder, entry, out);
}

int __wrap_readdir64_r(DIR *folder, struct dirent *entry, struct dirent **out)
{
    return sched_is_simulated() ? next_into(folder, entry, out, WRAP_PC)
                                : __real_readdir_r(folder, entry, out);
}

static void seek(DIR *folder, long offset, const void *pc)
{
    struct io_call call;
    struct inode *inode;
    int64_t result = files_begin_fd(&call, CALL_lseek, of(folder)->fd, pc, &inode);

    if (result == 0)
        folder_seek(call.file, offset);
    (void)io_end(&call, result);
}

void __wrap_rewinddir(DIR *folder)
{
    if (sched_is_simulated())
        seek(folder, 0, WRAP_PC);
    else
        __real_rewinddir(folder);
}

void __wrap_seekdir(DIR *folder, long offset)
{
    if (sched_is_simulated())
        seek(folder, offset, WRAP_PC);
    else
        __real_seekdir(folder, offset);
}

long __wrap_telldir(DIR *folder)
{
    return sched_is_simulated() ? __wrap_lseek(of(folder)->fd, 0, SEEK_CUR)
                                : __real_telldir(folder);
}

int __wrap_dirfd(DIR *folder)
{
    return sched_is_simulated() ? of(folder)->fd : __real_dirfd(folder);
}
