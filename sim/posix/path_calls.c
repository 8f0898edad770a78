/*
 * sim/posix/path_calls.c - what is done by path: looking, making, renaming, removing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/posix/files.h"
#include "sim/posix/wrap_files.h"
#include "sim/posix/wrap_threads.h"

enum { NS_PER_US = 1000 };

int64_t files_start(struct process *process, int folder_fd, const char *path, struct inode **start)
{
    const struct file *file;

    if (folder_fd == AT_FDCWD || path[0] == '/') {
        *start = inode_folder_of(process);
        return 0;
    }
    file = process_file(process, folder_fd);
    if (file == NULL)
        return -EBADF;
    *start = regular_inode(file);
    return *start == NULL || (!S_ISDIR((*start)->mode) && path[0] != '\0') ? -ENOTDIR : 0;
}

int64_t files_begin(struct io_call *call, enum kernel_call name, int folder_fd, const char *path,
                    const void *pc, struct inode **start)
{
    const int64_t result = io_begin(call, name, IO_NO_FD, pc);

    return result != 0 ? result : files_start(call->process, folder_fd, path, start);
}

/* ---- looking ---- */

static int stat_path(int folder, const char *path, struct stat *out, int flags, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    int64_t result = files_begin(&call, CALL_stat, folder, path, pc, &start);

    if (result == 0 && path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0)
        inode_stat(start, out);
    else if (result == 0)
        result = path_stat(start, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, out);
    return (int)io_end(&call, result);
}

#define STAT(name, flags)                                                                          \
    int __wrap_##name(const char *path, struct stat *out)                                          \
    {                                                                                              \
        return sched_is_simulated() ? stat_path(AT_FDCWD, path, out, flags, WRAP_PC)               \
                                    : __real_##name(path, out);                                    \
    }

STAT(stat, 0)
STAT(stat64, 0)
STAT(lstat, AT_SYMLINK_NOFOLLOW)
STAT(lstat64, AT_SYMLINK_NOFOLLOW)

int __wrap_fstatat(int folder, const char *path, struct stat *out, int flags)
{
    return sched_is_simulated() ? stat_path(folder, path, out, flags, WRAP_PC)
                                : __real_fstatat(folder, path, out, flags);
}

int __wrap_fstatat64(int folder, const char *path, struct stat *out, int flags)
{
    return sched_is_simulated() ? stat_path(folder, path, out, flags, WRAP_PC)
                                : __real_fstatat(folder, path, out, flags);
}

static int may_access(int folder, const char *path, bool follows, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    int64_t result = files_begin(&call, CALL_access, folder, path, pc, &start);

    if (result == 0)
        result = path_access(start, path, follows);
    return (int)io_end(&call, result);
}

#define ACCESS(name)                                                                               \
    int __wrap_##name(const char *path, int mode)                                                  \
    {                                                                                              \
        return sched_is_simulated() ? may_access(AT_FDCWD, path, true, WRAP_PC)                    \
                                    : __real_##name(path, mode);                                   \
    }

ACCESS(access)
ACCESS(eaccess)
ACCESS(euidaccess)

int __wrap_faccessat(int folder, const char *path, int mode, int flags)
{
    return sched_is_simulated()
               ? may_access(folder, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, WRAP_PC)
               : __real_faccessat(folder, path, mode, flags);
}

static ssize_t read_link(int folder, const char *path, char *out, size_t out_bytes, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    int64_t result = files_begin(&call, CALL_readlink, folder, path, pc, &start);

    if (result == 0)
        result = path_readlink(start, path, out, out_bytes);
    return io_end(&call, result);
}

ssize_t __wrap_readlink(const char *path, char *out, size_t out_bytes)
{
    return sched_is_simulated() ? read_link(AT_FDCWD, path, out, out_bytes, WRAP_PC)
                                : __real_readlink(path, out, out_bytes);
}

ssize_t __wrap___readlink_chk(const char *path, char *out, size_t out_bytes, size_t buffer_bytes)
{
    return sched_is_simulated() ? read_link(AT_FDCWD, path, out, out_bytes, WRAP_PC)
                                : __real___readlink_chk(path, out, out_bytes, buffer_bytes);
}

ssize_t __wrap_readlinkat(int folder, const char *path, char *out, size_t out_bytes)
{
    return sched_is_simulated() ? read_link(folder, path, out, out_bytes, WRAP_PC)
                                : __real_readlinkat(folder, path, out, out_bytes);
}

static int stat_fs(const char *path, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    int64_t result = files_begin(&call, CALL_stat, AT_FDCWD, path, pc, &start);

    if (result == 0)
        result = path_access(start, path, true);
    return (int)io_end(&call, result);
}

#define STATFS(name, type)                                                                         \
    int __wrap_##name(const char *path, struct type *out)                                          \
    {                                                                                              \
        if (!sched_is_simulated())                                                                 \
            return __real_##name(path, out);                                                       \
        if (stat_fs(path, WRAP_PC) != 0)                                                           \
            return -1;                                                                             \
        files_describe_##type(out);                                                                \
        return 0;                                                                                  \
    }

STATFS(statfs, statfs)
STATFS(statfs64, statfs)
STATFS(statvfs, statvfs)
STATFS(statvfs64, statvfs)

/* ---- making ---- */

static int make_folder(int folder, const char *path, mode_t mode, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    int64_t result = files_begin(&call, CALL_mkdir, folder, path, pc, &start);

    if (result == 0)
        result = path_mkdir(call.process, start, path, mode);
    return (int)io_end_progress(&call, result);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    return sched_is_simulated() ? make_folder(AT_FDCWD, path, mode, WRAP_PC)
                                : __real_mkdir(path, mode);
}

int __wrap_mkdirat(int folder, const char *path, mode_t mode)
{
    return sched_is_simulated() ? make_folder(folder, path, mode, WRAP_PC)
                                : __real_mkdirat(folder, path, mode);
}

static int make_link(int from_folder, const char *from, int to_folder, const char *to, int flags,
                     const void *pc)
{
    struct io_call call;
    struct inode *from_start = NULL;
    struct inode *to_start = NULL;
    int64_t result = files_begin(&call, CALL_link, from_folder, from, pc, &from_start);

    if (result == 0)
        result = files_start(call.process, to_folder, to, &to_start);
    if (result == 0)
        result = path_link(from_start, from, to_start, to, (flags & AT_SYMLINK_FOLLOW) != 0);
    return (int)io_end_progress(&call, result);
}

int __wrap_link(const char *from, const char *to)
{
    return sched_is_simulated() ? make_link(AT_FDCWD, from, AT_FDCWD, to, 0, WRAP_PC)
                                : __real_link(from, to);
}

int __wrap_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    return sched_is_simulated() ? make_link(from_folder, from, to_folder, to, flags, WRAP_PC)
                                : __real_linkat(from_folder, from, to_folder, to, flags);
}

static int make_symlink(const char *target, int folder, const char *path, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    int64_t result = files_begin(&call, CALL_symlink, folder, path, pc, &start);

    if (result == 0)
        result = path_symlink(target, start, path);
    return (int)io_end_progress(&call, result);
}

int __wrap_symlink(const char *target, const char *path)
{
    return sched_is_simulated() ? make_symlink(target, AT_FDCWD, path, WRAP_PC)
                                : __real_symlink(target, path);
}

int __wrap_symlinkat(const char *target, int folder, const char *path)
{
    return sched_is_simulated() ? make_symlink(target, folder, path, WRAP_PC)
                                : __real_symlinkat(target, folder, path);
}

/* ---- removing and renaming ---- */

enum { REMOVES_FILE = 0, REMOVES_FOLDER = AT_REMOVEDIR, REMOVES_EITHER = 1 << 30 };

static int remove_path(int folder, const char *path, int flags, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    int64_t result = files_begin(&call, CALL_unlink, folder, path, pc, &start);

    if (result == 0)
        result = path_unlink(start, path, (flags & AT_REMOVEDIR) != 0);
    if (result == -EISDIR && flags == REMOVES_EITHER && start != NULL)
        result = path_unlink(start, path, true);
    return (int)io_end_progress(&call, result);
}

#define REMOVE(name, flags)                                                                        \
    int __wrap_##name(const char *path)                                                            \
    {                                                                                              \
        return sched_is_simulated() ? remove_path(AT_FDCWD, path, flags, WRAP_PC)                  \
                                    : __real_##name(path);                                         \
    }

REMOVE(unlink, REMOVES_FILE)
REMOVE(rmdir, REMOVES_FOLDER)
REMOVE(remove, REMOVES_EITHER)

int __wrap_unlinkat(int folder, const char *path, int flags)
{
    return sched_is_simulated() ? remove_path(folder, path, flags, WRAP_PC)
                                : __real_unlinkat(folder, path, flags);
}

static int rename_path(int from_folder, const char *from, int to_folder, const char *to,
                       unsigned flags, const void *pc)
{
    struct io_call call;
    struct inode *from_start = NULL;
    struct inode *to_start = NULL;
    int64_t result = files_begin(&call, CALL_rename, from_folder, from, pc, &from_start);

    if (result == 0)
        result = files_start(call.process, to_folder, to, &to_start);
    if (result == 0)
        result = path_rename(from_start, from, to_start, to, flags);
    return (int)io_end_progress(&call, result);
}

int __wrap_rename(const char *from, const char *to)
{
    return sched_is_simulated() ? rename_path(AT_FDCWD, from, AT_FDCWD, to, 0, WRAP_PC)
                                : __real_rename(from, to);
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return sched_is_simulated() ? rename_path(from_folder, from, to_folder, to, 0, WRAP_PC)
                                : __real_renameat(from_folder, from, to_folder, to);
}

int __wrap_renameat2(int from_folder, const char *from, int to_folder, const char *to,
                     unsigned flags)
{
    return sched_is_simulated() ? rename_path(from_folder, from, to_folder, to, flags, WRAP_PC)
                                : __real_renameat2(from_folder, from, to_folder, to, flags);
}

/* ---- the working folder ---- */

static int64_t move_to(struct process *process, struct inode *inode)
{
    if (!S_ISDIR(inode->mode))
        return -ENOTDIR;
    inode_get(inode);
    inode_put(inode_folder_of(process));
    process->folder = inode;
    return 0;
}

int __wrap_chdir(const char *path)
{
    struct io_call call;
    struct inode *inode;
    int64_t result;

    if (!sched_is_simulated())
        return __real_chdir(path);
    result = files_begin(&call, CALL_chdir, AT_FDCWD, path, WRAP_PC, &inode);
    if (result == 0)
        result = path_find(inode, path, true, &inode);
    if (result == 0)
        result = move_to(call.process, inode);
    return (int)io_end_progress(&call, result);
}

int __wrap_fchdir(int fd)
{
    struct io_call call;
    struct inode *inode;
    int64_t result;

    if (!sched_is_simulated())
        return __real_fchdir(fd);
    result = files_begin_fd(&call, CALL_chdir, fd, WRAP_PC, &inode);
    if (result == 0)
        result = move_to(call.process, inode);
    return (int)io_end_progress(&call, result);
}

/* The path of the working folder into `out`: 0 or -errno. */
static int64_t own_folder(char *out, size_t out_bytes, const void *pc)
{
    struct io_call call;
    char path[PATH_MAX];
    int64_t result = io_begin(&call, CALL_getcwd, IO_NO_FD, pc);

    if (result == 0 && !inode_path(inode_folder_of(call.process), path, sizeof(path)))
        result = -ENOENT;
    if (result == 0 && strlen(path) >= out_bytes)
        result = -ERANGE;
    if (result == 0)
        memcpy(out, path, strlen(path) + 1);
    return io_end(&call, result);
}

/* malloc()ed when `out` is NULL, as the C library does it. */
static char *get_folder(char *out, size_t out_bytes, const void *pc)
{
    char path[PATH_MAX];

    if (out != NULL && out_bytes == 0) {
        errno = EINVAL;
        return NULL;
    }
    if (out != NULL)
        return own_folder(out, out_bytes, pc) == 0 ? out : NULL;
    if (own_folder(path, sizeof(path), pc) != 0)
        return NULL;
    if (out_bytes != 0 && strlen(path) >= out_bytes) {
        errno = ERANGE;
        return NULL;
    }
    out = malloc(out_bytes == 0 ? strlen(path) + 1 : out_bytes);
    return out == NULL ? NULL : memcpy(out, path, strlen(path) + 1);
}

char *__wrap_getcwd(char *out, size_t out_bytes)
{
    return sched_is_simulated() ? get_folder(out, out_bytes, WRAP_PC)
                                : __real_getcwd(out, out_bytes);
}

char *__wrap___getcwd_chk(char *out, size_t out_bytes, size_t buffer_bytes)
{
    return sched_is_simulated() ? get_folder(out, out_bytes, WRAP_PC)
                                : __real___getcwd_chk(out, out_bytes, buffer_bytes);
}

char *__wrap_get_current_dir_name(void)
{
    return sched_is_simulated() ? get_folder(NULL, 0, WRAP_PC) : __real_get_current_dir_name();
}

/* What no link leads away from: of a folder, or of a file in one. */
static int64_t real_path(const char *path, char *out, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    struct path_end end;
    int64_t result;

    if (kernel == NULL) /* a program without files */
        return __real_realpath(path, out) == NULL ? -1 : 0;
    result = files_begin(&call, CALL_readlink, AT_FDCWD, path, pc, &start);
    if (result == 0)
        result = path_walk(start, path, PATH_FOLLOWS, &end);
    if (result == 0 && end.inode == NULL)
        result = -ENOENT;
    if (result == 0 && S_ISDIR(end.inode->mode)) {
        result = inode_path(end.inode, out, PATH_MAX) ? 0 : -ENOENT;
    } else if (result == 0) {
        size_t len;
        result = inode_path(end.folder, out, PATH_MAX) ? 0 : -ENOENT;
        len = result == 0 ? strlen(out) : 0;
        if (len + 1 + strlen(end.name) >= PATH_MAX)
            result = -ENAMETOOLONG;
        else if (result == 0)
            (void)sprintf(out + len, "%s%s", len == 1 ? "" : "/", end.name);
    }
    return io_end(&call, result);
}

static char *resolve(const char *path, char *out, const void *pc)
{
    char text[PATH_MAX];

    if (path == NULL) {
        errno = EINVAL;
        return NULL;
    }
    if (real_path(path, text, pc) != 0)
        return NULL;
    if (out == NULL)
        out = malloc(strlen(text) + 1);
    return out == NULL ? NULL : memcpy(out, text, strlen(text) + 1);
}

char *__wrap_realpath(const char *path, char *out)
{
    return sched_is_simulated() ? resolve(path, out, WRAP_PC) : __real_realpath(path, out);
}

char *__wrap___realpath_chk(const char *path, char *out, size_t out_bytes)
{
    return sched_is_simulated() ? resolve(path, out, WRAP_PC)
                                : __real___realpath_chk(path, out, out_bytes);
}

char *__wrap_canonicalize_file_name(const char *path)
{
    return sched_is_simulated() ? resolve(path, NULL, WRAP_PC)
                                : __real_canonicalize_file_name(path);
}

/* ---- permissions, owners, times ---- */

mode_t __wrap_umask(mode_t mask)
{
    struct io_call call;
    mode_t old;

    if (!sched_is_simulated())
        return __real_umask(mask);
    (void)io_begin(&call, CALL_chmod, IO_NO_FD, WRAP_PC);
    old = call.process->umask;
    call.process->umask = mask & 0777;
    return (mode_t)io_end(&call, old);
}

static int change_mode(int folder, const char *path, mode_t mode, const void *pc)
{
    struct io_call call;
    struct inode *inode;
    int64_t result = files_begin(&call, CALL_chmod, folder, path, pc, &inode);

    if (result == 0)
        result = path_find(inode, path, true, &inode);
    if (result == 0) {
        inode->mode = (inode->mode & (uint32_t)S_IFMT) | (mode & 07777);
        inode_note_change(inode, false);
    }
    return (int)io_end_progress(&call, result);
}

int __wrap_chmod(const char *path, mode_t mode)
{
    return sched_is_simulated() ? change_mode(AT_FDCWD, path, mode, WRAP_PC)
                                : __real_chmod(path, mode);
}

int __wrap_fchmodat(int folder, const char *path, mode_t mode, int flags)
{
    return sched_is_simulated() ? change_mode(folder, path, mode, WRAP_PC)
                                : __real_fchmodat(folder, path, mode, flags);
}

/* There is one user: whom a file is given to does not show. */
static int change_owner(int folder, const char *path, bool follows, const void *pc)
{
    struct io_call call;
    struct inode *inode;
    int64_t result = files_begin(&call, CALL_chown, folder, path, pc, &inode);

    if (result == 0)
        result = path_find(inode, path, follows, &inode);
    return (int)io_end_progress(&call, result);
}

int __wrap_chown(const char *path, uid_t user, gid_t group)
{
    return sched_is_simulated() ? change_owner(AT_FDCWD, path, true, WRAP_PC)
                                : __real_chown(path, user, group);
}

int __wrap_lchown(const char *path, uid_t user, gid_t group)
{
    return sched_is_simulated() ? change_owner(AT_FDCWD, path, false, WRAP_PC)
                                : __real_lchown(path, user, group);
}

int __wrap_fchownat(int folder, const char *path, uid_t user, gid_t group, int flags)
{
    return sched_is_simulated()
               ? change_owner(folder, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, WRAP_PC)
               : __real_fchownat(folder, path, user, group, flags);
}

static int set_times(int folder, const char *path, const struct timespec *times, bool follows,
                     const void *pc)
{
    struct io_call call;
    struct inode *inode;
    int64_t result;

    if (path == NULL) /* so futimens() in the C library */
        return __wrap_futimens(folder, times);
    result = files_begin(&call, CALL_utimes, folder, path, pc, &inode);
    if (result == 0)
        result = path_find(inode, path, follows, &inode);
    if (result == 0)
        result = files_set_times(inode, times);
    return (int)io_end_progress(&call, result);
}

int __wrap_utimensat(int folder, const char *path, const struct timespec *times, int flags)
{
    return sched_is_simulated()
               ? set_times(folder, path, times, (flags & AT_SYMLINK_NOFOLLOW) == 0, WRAP_PC)
               : __real_utimensat(folder, path, times, flags);
}

static int set_times_us(const char *path, const struct timeval *times, bool follows, const void *pc)
{
    struct timespec exact[2];

    for (int i = 0; times != NULL && i < 2; i++)
        exact[i] = (struct timespec){times[i].tv_sec, times[i].tv_usec * NS_PER_US};
    return set_times(AT_FDCWD, path, times == NULL ? NULL : exact, follows, pc);
}

int __wrap_utimes(const char *path, const struct timeval *times)
{
    return sched_is_simulated() ? set_times_us(path, times, true, WRAP_PC)
                                : __real_utimes(path, times);
}

int __wrap_lutimes(const char *path, const struct timeval *times)
{
    return sched_is_simulated() ? set_times_us(path, times, false, WRAP_PC)
                                : __real_lutimes(path, times);
}

int __wrap_utime(const char *path, const struct utimbuf *times)
{
    const struct timeval exact[2] = {{.tv_sec = times == NULL ? 0 : times->actime},
                                     {.tv_sec = times == NULL ? 0 : times->modtime}};

    return sched_is_simulated() ? set_times_us(path, times == NULL ? NULL : exact, true, WRAP_PC)
                                : __real_utime(path, times);
}

static int cut(const char *path, off_t size_bytes, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    int64_t result = files_begin(&call, CALL_truncate, AT_FDCWD, path, pc, &start);

    if (result == 0)
        result = path_truncate(start, path, size_bytes);
    return (int)io_end_progress(&call, result);
}

int __wrap_truncate(const char *path, off_t size_bytes)
{
    return sched_is_simulated() ? cut(path, size_bytes, WRAP_PC)
                                : __real_truncate(path, size_bytes);
}

int __wrap_truncate64(const char *path, off_t size_bytes)
{
    return sched_is_simulated() ? cut(path, size_bytes, WRAP_PC)
                                : __real_truncate(path, size_bytes);
}
