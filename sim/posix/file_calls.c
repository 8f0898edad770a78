/*
 * sim/posix/file_calls.c - open files: places in them, their size, times and locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <unistd.h>

#include "sim/kernel/lock.h"
#include "sim/posix/files.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/wrap_files.h"

enum { NS_PER_S = 1000000000, NS_PER_US = 1000 };

int64_t files_begin_fd(struct io_call *call, enum kernel_call name, int fd, const void *pc,
                       struct inode **inode)
{
    int64_t result = io_begin(call, name, fd, pc);

    *inode = regular_inode(call->file);
    if (result == 0 && *inode == NULL)
        result = -EINVAL;
    return result;
}

/* ---- reading and writing at a place ---- */

static int64_t read_at(enum kernel_call name, int fd, const struct iovec *parts, int count,
                       off_t offset, const void *pc)
{
    struct io_call call;
    struct io_vector to;
    int64_t result = io_begin(&call, name, fd, pc);

    if (result == 0 && regular_inode(call.file) == NULL)
        result = -ESPIPE;
    if (result == 0)
        result = count < 0 ? -EINVAL : io_vector_init(&to, parts, (size_t)count);
    if (result == 0) {
        if (to.total_bytes > call.fault.bytes_max)
            to.total_bytes = call.fault.bytes_max;
        sync_acquire(file_sync(call.file, false));
        result = regular_read_at(call.file, &to, offset);
        if (result > 0)
            io_trace_bytes(&to, (size_t)result);
    }
    return io_end_progress(&call, result);
}

static int64_t write_at(enum kernel_call name, int fd, const struct iovec *parts, int count,
                        off_t offset, const void *pc)
{
    struct io_call call;
    struct io_vector from;
    int64_t result = io_begin(&call, name, fd, pc);

    if (result == 0 && regular_inode(call.file) == NULL)
        result = -ESPIPE;
    if (result == 0)
        result = count < 0 ? -EINVAL : io_vector_init(&from, parts, (size_t)count);
    if (result == 0) {
        if (from.total_bytes > call.fault.bytes_max)
            from.total_bytes = call.fault.bytes_max;
        sync_release(file_sync(call.file, true));
        result = regular_write_at(call.file, &from, offset);
    }
    return io_end_progress(&call, result);
}

#define PREAD(name)                                                                                \
    ssize_t __wrap_##name(int fd, void *buffer, size_t len_bytes, off_t offset)                    \
    {                                                                                              \
        const struct iovec part = {.iov_base = buffer, .iov_len = len_bytes};                      \
        if (!sched_is_simulated())                                                                 \
            return __real_##name(fd, buffer, len_bytes, offset);                                   \
        return read_at(CALL_pread, fd, &part, 1, offset, WRAP_PC);                                 \
    }                                                                                              \
    ssize_t __wrap___##name##_chk(int fd, void *buffer, size_t len_bytes, off_t offset,            \
                                  size_t buffer_bytes)                                             \
    {                                                                                              \
        const struct iovec part = {.iov_base = buffer, .iov_len = len_bytes};                      \
        if (!sched_is_simulated())                                                                 \
            return __real___##name##_chk(fd, buffer, len_bytes, offset, buffer_bytes);             \
        return read_at(CALL_pread, fd, &part, 1, offset, WRAP_PC);                                 \
    }

PREAD(pread)
PREAD(pread64)

#define PWRITE(name)                                                                               \
    ssize_t __wrap_##name(int fd, const void *buffer, size_t len_bytes, off_t offset)              \
    {                                                                                              \
        const struct iovec part = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = len_bytes};   \
        if (!sched_is_simulated())                                                                 \
            return __real_##name(fd, buffer, len_bytes, offset);                                   \
        return write_at(CALL_pwrite, fd, &part, 1, offset, WRAP_PC);                               \
    }

PWRITE(pwrite)
PWRITE(pwrite64)

#define VECTORED(name, call, moves)                                                                \
    ssize_t __wrap_##name(int fd, const struct iovec *parts, int count, off_t offset)              \
    {                                                                                              \
        if (!sched_is_simulated())                                                                 \
            return __real_##name(fd, parts, count, offset);                                        \
        return moves(call, fd, parts, count, offset, WRAP_PC);                                     \
    }

VECTORED(preadv, CALL_preadv, read_at)
VECTORED(preadv64, CALL_preadv, read_at)
VECTORED(pwritev, CALL_pwritev, write_at)
VECTORED(pwritev64, CALL_pwritev, write_at)

/* ---- place and size ---- */

static int64_t seek(int fd, off_t offset, int whence, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, CALL_lseek, fd, pc);

    if (result == 0)
        result =
            regular_inode(call.file) == NULL ? -ESPIPE : regular_seek(call.file, offset, whence);
    return io_end_progress(&call, result);
}

off_t __wrap_lseek(int fd, off_t offset, int whence)
{
    return sched_is_simulated() ? seek(fd, offset, whence, WRAP_PC)
                                : __real_lseek(fd, offset, whence);
}

off_t __wrap_lseek64(int fd, off_t offset, int whence)
{
    return sched_is_simulated() ? seek(fd, offset, whence, WRAP_PC)
                                : __real_lseek64(fd, offset, whence);
}

static int cut(int fd, off_t size_bytes, const void *pc)
{
    struct io_call call;
    struct inode *inode;
    int64_t result = files_begin_fd(&call, CALL_ftruncate, fd, pc, &inode);

    if (size_bytes < 0)
        result = -EINVAL;
    if (result == 0)
        result = regular_truncate(call.file, size_bytes);
    return (int)io_end_progress(&call, result);
}

int __wrap_ftruncate(int fd, off_t size_bytes)
{
    return sched_is_simulated() ? cut(fd, size_bytes, WRAP_PC) : __real_ftruncate(fd, size_bytes);
}

int __wrap_ftruncate64(int fd, off_t size_bytes)
{
    return sched_is_simulated() ? cut(fd, size_bytes, WRAP_PC) : __real_ftruncate(fd, size_bytes);
}

static int64_t allocate(int fd, int mode, off_t offset, off_t len_bytes, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, CALL_fallocate, fd, pc);

    if (result == 0)
        result = regular_inode(call.file) == NULL
                     ? -ESPIPE
                     : regular_allocate(call.file, mode, offset, len_bytes);
    return io_end_progress(&call, result);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len_bytes)
{
    return sched_is_simulated() ? (int)allocate(fd, mode, offset, len_bytes, WRAP_PC)
                                : __real_fallocate(fd, mode, offset, len_bytes);
}

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t len_bytes)
{
    return sched_is_simulated() ? (int)allocate(fd, mode, offset, len_bytes, WRAP_PC)
                                : __real_fallocate(fd, mode, offset, len_bytes);
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t len_bytes)
{
    if (!sched_is_simulated())
        return __real_posix_fallocate(fd, offset, len_bytes);
    return allocate(fd, 0, offset, len_bytes, WRAP_PC) == 0 ? 0 : errno;
}

int __wrap_posix_fallocate64(int fd, off_t offset, off_t len_bytes)
{
    if (!sched_is_simulated())
        return __real_posix_fallocate(fd, offset, len_bytes);
    return allocate(fd, 0, offset, len_bytes, WRAP_PC) == 0 ? 0 : errno;
}

/* ---- facts ---- */

static const uint32_t special_modes[FILE_KIND_COUNT] = {
    [FILE_SOCKET] = S_IFSOCK | 0777,
    [FILE_LISTENER] = S_IFSOCK | 0777,
    [FILE_CONNECTION] = S_IFSOCK | 0777,
    [FILE_UDP] = S_IFSOCK | 0777,
    [FILE_PAIR] = S_IFSOCK | 0777,
    [FILE_PIPE] = S_IFIFO | 0600,
    [FILE_EVENTFD] = 0600,
    [FILE_TIMERFD] = 0600,
    [FILE_EPOLL] = 0600,
    [FILE_DEVICE] = S_IFCHR | 0666,
};

static int stat_fd(int fd, struct stat *out, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, CALL_fstat, fd, pc);

    if (result == 0 && regular_inode(call.file) != NULL) {
        inode_stat(regular_inode(call.file), out);
    } else if (result == 0) {
        memset(out, 0, sizeof(*out));
        out->st_ino = call.file->serial;
        out->st_nlink = 1;
        out->st_mode = special_modes[call.file->ops->kind(call.file)];
    }
    return (int)io_end(&call, result);
}

int __wrap_fstat(int fd, struct stat *out)
{
    return sched_is_simulated() ? stat_fd(fd, out, WRAP_PC) : __real_fstat(fd, out);
}

int __wrap_fstat64(int fd, struct stat *out)
{
    return sched_is_simulated() ? stat_fd(fd, out, WRAP_PC) : __real_fstat64(fd, out);
}

/* A memory file system. */
void files_describe_statvfs(struct statvfs *out)
{
    enum { BLOCKS = 1 << 22 };

    *out = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_blocks = BLOCKS};
    out->f_bfree = out->f_bavail = BLOCKS / 2;
    out->f_files = out->f_ffree = out->f_favail = BLOCKS;
    out->f_namemax = NAME_MAX;
}

void files_describe_statfs(struct statfs *out)
{
    struct statvfs facts;

    files_describe_statvfs(&facts);
    memset(out, 0, sizeof(*out));
    out->f_type = 0x01021994; /* tmpfs */
    out->f_bsize = out->f_frsize = (long)facts.f_bsize;
    out->f_blocks = facts.f_blocks;
    out->f_bfree = out->f_bavail = facts.f_bfree;
    out->f_files = out->f_ffree = facts.f_files;
    out->f_namelen = NAME_MAX;
}

static int stat_fs(int fd, struct statfs *old, struct statvfs *out, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, CALL_fstat, fd, pc);

    if (result == 0 && old != NULL)
        files_describe_statfs(old);
    if (result == 0 && out != NULL)
        files_describe_statvfs(out);
    return (int)io_end(&call, result);
}

int __wrap_fstatfs(int fd, struct statfs *out)
{
    return sched_is_simulated() ? stat_fs(fd, out, NULL, WRAP_PC) : __real_fstatfs(fd, out);
}

int __wrap_fstatfs64(int fd, struct statfs *out)
{
    return sched_is_simulated() ? stat_fs(fd, out, NULL, WRAP_PC) : __real_fstatfs(fd, out);
}

int __wrap_fstatvfs(int fd, struct statvfs *out)
{
    return sched_is_simulated() ? stat_fs(fd, NULL, out, WRAP_PC) : __real_fstatvfs(fd, out);
}

int __wrap_fstatvfs64(int fd, struct statvfs *out)
{
    return sched_is_simulated() ? stat_fs(fd, NULL, out, WRAP_PC) : __real_fstatvfs(fd, out);
}

/* ---- to the disk ---- */

static int synchronise(enum kernel_call name, int fd, const void *pc)
{
    struct io_call call;
    struct inode *inode;
    int64_t result = files_begin_fd(&call, name, fd, pc, &inode);

    return (int)io_end_progress(&call, result);
}

#define SYNC(name, call, parameters, arguments)                                                    \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        return sched_is_simulated() ? synchronise(call, fd, WRAP_PC) : __real_##name arguments;    \
    }

SYNC(fsync, CALL_fsync, (int fd), (fd))
SYNC(fdatasync, CALL_fdatasync, (int fd), (fd))
SYNC(syncfs, CALL_fsync, (int fd), (fd))
SYNC(sync_file_range, CALL_fdatasync, (int fd, off_t offset, off_t len_bytes, unsigned flags),
     (fd, offset, len_bytes, flags))

void __wrap_sync(void)
{
    if (!sched_is_simulated())
        __real_sync();
}

/* Advice changes nothing that can be seen. */
static int take_advice(int fd, const void *pc)
{
    struct io_call call;
    struct inode *inode;
    int64_t result = files_begin_fd(&call, CALL_fallocate, fd, pc, &inode);

    return (int)io_end(&call, result);
}

int __wrap_posix_fadvise(int fd, off_t offset, off_t len_bytes, int advice)
{
    if (!sched_is_simulated())
        return __real_posix_fadvise(fd, offset, len_bytes, advice);
    return take_advice(fd, WRAP_PC) == 0 ? 0 : errno;
}

int __wrap_posix_fadvise64(int fd, off_t offset, off_t len_bytes, int advice)
{
    if (!sched_is_simulated())
        return __real_posix_fadvise(fd, offset, len_bytes, advice);
    return take_advice(fd, WRAP_PC) == 0 ? 0 : errno;
}

ssize_t __wrap_readahead(int fd, off_t offset, size_t len_bytes)
{
    return sched_is_simulated() ? take_advice(fd, WRAP_PC)
                                : __real_readahead(fd, offset, len_bytes);
}

/* ---- owner, permissions, times ---- */

int __wrap_fchmod(int fd, mode_t mode)
{
    struct io_call call;
    struct inode *inode;
    int64_t result;

    if (!sched_is_simulated())
        return __real_fchmod(fd, mode);
    result = files_begin_fd(&call, CALL_chmod, fd, WRAP_PC, &inode);
    if (result == 0) {
        inode->mode = (inode->mode & (uint32_t)S_IFMT) | (mode & 07777);
        inode_note_change(inode, false);
    }
    return (int)io_end_progress(&call, result);
}

int __wrap_fchown(int fd, uid_t user, gid_t group)
{
    struct io_call call;
    struct inode *inode;
    int64_t result;

    if (!sched_is_simulated())
        return __real_fchown(fd, user, group);
    result = files_begin_fd(&call, CALL_chown, fd, WRAP_PC, &inode);
    return (int)io_end_progress(&call, result);
}

static int64_t time_of(const struct timespec *time, int64_t now_ns, int64_t old_ns)
{
    if (time->tv_nsec == UTIME_NOW)
        return now_ns;
    if (time->tv_nsec == UTIME_OMIT)
        return old_ns;
    return time->tv_sec * NS_PER_S + time->tv_nsec;
}

static bool is_time(const struct timespec *time)
{
    return time->tv_nsec == UTIME_NOW || time->tv_nsec == UTIME_OMIT ||
           (time->tv_nsec >= 0 && time->tv_nsec < NS_PER_S);
}

int64_t files_set_times(struct inode *inode, const struct timespec *times)
{
    static const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    const int64_t now_ns = inode_clock_ns();

    if (times == NULL)
        times = now;
    if (!is_time(&times[0]) || !is_time(&times[1]))
        return -EINVAL;
    inode->access_ns = time_of(&times[0], now_ns, inode->access_ns);
    inode->modify_ns = time_of(&times[1], now_ns, inode->modify_ns);
    inode_note_change(inode, false);
    return 0;
}

static int set_times(int fd, const struct timespec *times, const void *pc)
{
    struct io_call call;
    struct inode *inode;
    int64_t result = files_begin_fd(&call, CALL_utimes, fd, pc, &inode);

    if (result == 0)
        result = files_set_times(inode, times);
    return (int)io_end_progress(&call, result);
}

int __wrap_futimens(int fd, const struct timespec *times)
{
    return sched_is_simulated() ? set_times(fd, times, WRAP_PC) : __real_futimens(fd, times);
}

int __wrap_futimes(int fd, const struct timeval *times)
{
    struct timespec exact[2];

    if (!sched_is_simulated())
        return __real_futimes(fd, times);
    if (times == NULL)
        return set_times(fd, NULL, WRAP_PC);
    for (int i = 0; i < 2; i++)
        exact[i] = (struct timespec){times[i].tv_sec, times[i].tv_usec * NS_PER_US};
    return set_times(fd, exact, WRAP_PC);
}

/* ---- locks ---- */

/* [start, last] of what fcntl was given. 0 or -errno. */
static int64_t lock_range(const struct file *file, const struct flock *flock, int64_t *start,
                          int64_t *last)
{
    int64_t base = 0;

    if (flock->l_whence == SEEK_CUR)
        base = regular_seek((struct file *)(uintptr_t)file, 0, SEEK_CUR);
    else if (flock->l_whence == SEEK_END)
        base = regular_inode(file)->size_bytes;
    else if (flock->l_whence != SEEK_SET)
        return -EINVAL;
    *start = base + flock->l_start;
    *last = flock->l_len == 0 ? INT64_MAX : *start + flock->l_len - 1;
    if (flock->l_len < 0) {
        *last = *start - 1;
        *start += flock->l_len;
    }
    return *start < 0 ? -EINVAL : 0;
}

/* Waits while somebody else's lock is in the way. */
static int64_t take_lock(struct io_call *call, struct inode *inode,
                         const struct record_lock *wanted, bool waits)
{
    int64_t result;

    while ((result = lock_take(inode, wanted)) == -EAGAIN && waits) {
        result = io_wait(call, &inode->lock_watches, UINT32_MAX, false, TIME_NEVER);
        if (result != 0)
            return result;
    }
    if (result == 0)
        sync_acquire(inode);
    return result;
}

bool files_is_lock_command(int command)
{
    return command == F_GETLK || command == F_SETLK || command == F_SETLKW ||
           command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

static void show_conflict(struct flock *flock, const struct record_lock *lock)
{
    if (lock == NULL) {
        flock->l_type = F_UNLCK;
        return;
    }
    flock->l_type = lock->is_write ? F_WRLCK : F_RDLCK;
    flock->l_whence = SEEK_SET;
    flock->l_start = lock->start;
    flock->l_len = lock->last == INT64_MAX ? 0 : lock->last - lock->start + 1;
    flock->l_pid = lock->kind == LOCK_OF_PROCESS ? lock->pid : -1;
}

int64_t files_lock(struct io_call *call, int command, void *argument)
{
    struct flock *flock = argument;
    struct inode *inode = regular_inode(call->file);
    const bool is_ofd = command >= F_OFD_GETLK;
    const uint32_t access = call->file->status_flags & O_ACCMODE;
    struct record_lock wanted = {
        .kind = is_ofd ? LOCK_OF_FILE : LOCK_OF_PROCESS,
        .owner = is_ofd ? (const void *)call->file : (const void *)call->process,
        .pid = call->process->pid,
        .is_write = flock->l_type == F_WRLCK,
    };
    int64_t result;

    if (flock->l_type != F_RDLCK && flock->l_type != F_WRLCK && flock->l_type != F_UNLCK)
        return -EINVAL;
    if (is_ofd && flock->l_pid != 0)
        return -EINVAL;
    result = lock_range(call->file, flock, &wanted.start, &wanted.last);
    if (result != 0)
        return result;
    if (command == F_GETLK || command == F_OFD_GETLK) {
        if (flock->l_type == F_UNLCK)
            return -EINVAL;
        show_conflict(flock, lock_conflict(inode, &wanted));
        return 0;
    }
    if (flock->l_type == F_UNLCK) {
        sync_release(inode);
        lock_drop(inode, wanted.kind, wanted.owner, wanted.start, wanted.last);
        return 0;
    }
    if ((flock->l_type == F_RDLCK && access == O_WRONLY) ||
        (flock->l_type == F_WRLCK && access == O_RDONLY))
        return -EBADF;
    return take_lock(call, inode, &wanted, command == F_SETLKW || command == F_OFD_SETLKW);
}

int __wrap_flock(int fd, int operation)
{
    struct io_call call;
    struct inode *inode;
    int64_t result;

    if (!sched_is_simulated())
        return __real_flock(fd, operation);
    result = files_begin_fd(&call, CALL_flock, fd, WRAP_PC, &inode);
    if (result == 0) {
        const struct record_lock wanted = {
            .kind = LOCK_FLOCK,
            .owner = call.file,
            .last = INT64_MAX,
            .is_write = (operation & ~LOCK_NB) == LOCK_EX,
        };
        if ((operation & ~LOCK_NB) == LOCK_UN) {
            sync_release(inode);
            lock_drop(inode, LOCK_FLOCK, call.file, 0, INT64_MAX);
        } else if ((operation & ~LOCK_NB) == LOCK_EX || (operation & ~LOCK_NB) == LOCK_SH) {
            /* Linux lets go of the old lock before it waits for the new one. */
            lock_drop(inode, LOCK_FLOCK, call.file, 0, INT64_MAX);
            result = take_lock(&call, inode, &wanted, (operation & LOCK_NB) == 0);
        } else {
            result = -EINVAL;
        }
    }
    return (int)io_end_progress(&call, result);
}

static int lock_section(int fd, int command, off_t len_bytes, const void *pc)
{
    struct flock flock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len_bytes};
    struct io_call call;
    struct inode *inode;
    int64_t result = files_begin_fd(&call, CALL_fcntl, fd, pc, &inode);

    if (result == 0 && command == F_TEST) {
        result = files_lock(&call, F_GETLK, &flock);
        if (result == 0 && flock.l_type != F_UNLCK)
            result = -EACCES;
    } else if (result == 0 && command == F_ULOCK) {
        flock.l_type = F_UNLCK;
        result = files_lock(&call, F_SETLK, &flock);
    } else if (result == 0) {
        result = files_lock(&call, command == F_LOCK ? F_SETLKW : F_SETLK, &flock);
    }
    return (int)io_end_progress(&call, result);
}

int __wrap_lockf(int fd, int command, off_t len_bytes)
{
    return sched_is_simulated() ? lock_section(fd, command, len_bytes, WRAP_PC)
                                : __real_lockf(fd, command, len_bytes);
}

int __wrap_lockf64(int fd, int command, off_t len_bytes)
{
    return sched_is_simulated() ? lock_section(fd, command, len_bytes, WRAP_PC)
                                : __real_lockf(fd, command, len_bytes);
}
