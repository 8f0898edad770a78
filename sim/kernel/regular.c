/*
 * sim/kernel/regular.c - open files and folders: see regular.h.
 */
#include "sim/kernel/regular.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sim/kernel/disk.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/lock.h"

struct regular {
    struct file file;
    struct inode *inode;
    int64_t offset;  /* of a folder: which entry comes next, "." and ".." being the first two */
    char *last_name; /* of a folder: the last entry given; others may be added meanwhile */
};

enum { DOT_ENTRIES = 2 };

/* ---- as a file ---- */

static const struct file_ops regular_ops;

static struct regular *of(const struct file *file)
{
    return CONTAINER(file, struct regular, file);
}

struct inode *regular_inode(const struct file *file)
{
    return file != NULL && file->ops == &regular_ops ? of(file)->inode : NULL;
}

static enum file_kind kind_of(const struct file *file)
{
    return S_ISDIR(of(file)->inode->mode) ? FILE_FOLDER : FILE_REGULAR;
}

static uint32_t poll_regular(struct file *file)
{
    (void)file;
    return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
}

static int64_t readable_bytes(struct file *file)
{
    const struct regular *regular = of(file);

    return regular->inode->size_bytes - regular->offset;
}

static void release(struct file *file)
{
    struct regular *regular = of(file);

    lock_drop(regular->inode, LOCK_OF_FILE, file, 0, INT64_MAX);
    lock_drop(regular->inode, LOCK_FLOCK, file, 0, INT64_MAX);
    inode_put(regular->inode);
    kmem_give(regular, sizeof(*regular));
}

void regular_closed(struct process *process, struct file *file)
{
    struct inode *inode = regular_inode(file);

    if (inode != NULL && inode->locks != NULL)
        lock_drop(inode, LOCK_OF_PROCESS, process, 0, INT64_MAX);
}

/* The system orders what is done to one file. */
static void *sync_of(struct file *file, bool is_write)
{
    (void)is_write;
    return of(file)->inode;
}

static int64_t read_next(struct file *file, const struct io_vector *to)
{
    struct regular *regular = of(file);
    const int64_t result = regular_read_at(file, to, regular->offset);

    if (result > 0)
        regular->offset += result;
    return result;
}

static int64_t write_next(struct file *file, const struct io_vector *from)
{
    struct regular *regular = of(file);
    int64_t result;

    if ((file->status_flags & O_APPEND) != 0)
        regular->offset = regular->inode->size_bytes;
    result = regular_write_at(file, from, regular->offset);
    if (result > 0)
        regular->offset += result;
    return result;
}

static const struct file_ops regular_ops = {
    .kind = kind_of,
    .poll = poll_regular,
    .read = read_next,
    .write = write_next,
    .readable_bytes = readable_bytes,
    .release = release,
    .sync = sync_of,
    .has_no_poll = true,
};

/* ---- reading and writing ---- */

int64_t regular_read_at(struct file *file, const struct io_vector *to, int64_t offset)
{
    struct inode *inode = of(file)->inode;
    size_t bytes = to->total_bytes;
    int result;

    if ((file->status_flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    if (S_ISDIR(inode->mode))
        return -EISDIR;
    if (offset < 0)
        return -EINVAL;
    result = inode_load(inode);
    if (result != 0)
        return result;
    if (offset >= inode->size_bytes)
        return 0;
    if (bytes > (size_t)(inode->size_bytes - offset))
        bytes = (size_t)(inode->size_bytes - offset);
    io_copy_out(to, 0, disk_bytes(inode->extent) + offset, bytes);
    if ((file->status_flags & O_NOATIME) == 0)
        inode->access_ns = inode_clock_ns();
    return (int64_t)bytes;
}

int64_t regular_write_at(struct file *file, const struct io_vector *from, int64_t offset)
{
    struct inode *inode = of(file)->inode;
    size_t bytes = from->total_bytes;
    int result;

    if ((file->status_flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (offset < 0)
        return -EINVAL;
    if ((file->status_flags & O_APPEND) != 0)
        offset = inode->size_bytes; /* whatever place pwrite() was given: so Linux */
    result = inode_load(inode);
    if (result != 0 || bytes == 0)
        return result;
    if (offset >= DISK_EXTENT_BYTES)
        return -EFBIG;
    if (bytes > (size_t)(DISK_EXTENT_BYTES - offset))
        bytes = (size_t)(DISK_EXTENT_BYTES - offset);
    if (offset > inode->size_bytes) /* what a mapping left behind the old end */
        memset(disk_bytes(inode->extent) + inode->size_bytes, 0,
               (size_t)(-inode->size_bytes & 4095));
    io_copy_in(from, 0, disk_bytes(inode->extent) + offset, bytes);
    disk_note_written(inode->extent, offset + (int64_t)bytes);
    if (offset + (int64_t)bytes > inode->size_bytes)
        inode->size_bytes = offset + (int64_t)bytes;
    inode_note_change(inode, true);
    return (int64_t)bytes;
}

int64_t regular_seek(struct file *file, int64_t offset, int whence)
{
    struct regular *regular = of(file);
    const int64_t end = regular->inode->size_bytes;
    int64_t base = 0;

    switch (whence) {
    case SEEK_SET:
        break;
    case SEEK_CUR:
        base = regular->offset;
        break;
    case SEEK_END:
        base = end;
        break;
    case SEEK_DATA:
    case SEEK_HOLE: /* a file without holes, as a system may show any file */
        if (offset < 0 || offset >= end)
            return -ENXIO;
        base = whence == SEEK_HOLE ? end - offset : 0;
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &offset))
        return -EOVERFLOW;
    if (offset < 0)
        return -EINVAL;
    if (S_ISDIR(regular->inode->mode))
        folder_seek(file, offset);
    regular->offset = offset;
    return offset;
}

int64_t regular_truncate(struct file *file, int64_t size_bytes)
{
    if (S_ISDIR(of(file)->inode->mode) || (file->status_flags & O_ACCMODE) == O_RDONLY)
        return -EINVAL;
    return inode_truncate(of(file)->inode, size_bytes);
}

int64_t regular_allocate(struct file *file, int mode, int64_t offset, int64_t len_bytes)
{
    struct inode *inode = of(file)->inode;

    if ((file->status_flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (offset < 0 || len_bytes <= 0)
        return -EINVAL;
    if (S_ISDIR(inode->mode))
        return -ENODEV;
    if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0)
        return -EOPNOTSUPP;
    if (offset > DISK_EXTENT_BYTES - len_bytes)
        return -EFBIG;
    if ((mode & FALLOC_FL_KEEP_SIZE) != 0 || offset + len_bytes <= inode->size_bytes)
        return inode_load(inode);
    return inode_truncate(inode, offset + len_bytes);
}

/* ---- opening ---- */

static struct inode *create(const struct process *process, const struct path_end *end,
                            uint32_t mode)
{
    struct inode *inode = inode_new(S_IFREG | (mode & 07777 & ~process->umask));

    inode_link(end->folder, end->name, inode);
    return inode;
}

static int64_t check_open(const struct inode *inode, int flags)
{
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;

    if (S_ISLNK(inode->mode))
        return (flags & O_PATH) != 0 ? 0 : -ELOOP;
    if ((flags & O_DIRECTORY) != 0 && !S_ISDIR(inode->mode))
        return -ENOTDIR;
    if (S_ISDIR(inode->mode) && (writes || (flags & (O_CREAT | O_TRUNC)) != 0))
        return -EISDIR;
    return S_ISDIR(inode->mode) || S_ISREG(inode->mode) ? 0 : -ENXIO;
}

static struct file *file_of(struct inode *inode, int flags)
{
    struct regular *regular = kmem_take(sizeof(*regular));
    enum { SHOWN = O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECTORY | O_NOATIME };

    file_init(&regular->file, &regular_ops, (uint32_t)flags & SHOWN);
    regular->inode = inode_get(inode);
    return &regular->file;
}

int64_t regular_open(struct process *process, struct inode *start, const char *path, int flags,
                     uint32_t mode, struct file **file)
{
    const bool is_exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    struct path_end end;
    struct inode *inode;
    int64_t result;

    if ((flags & O_TMPFILE) == O_TMPFILE) {
        result = path_find(start, path, true, &inode);
        if (result == 0 && !S_ISDIR(inode->mode))
            result = -ENOTDIR;
        if (result == 0)
            *file = file_of(inode_new(S_IFREG | (mode & 07777 & ~process->umask)),
                            flags & ~O_DIRECTORY);
        return result;
    }
    if ((flags & O_CREAT) != 0) {
        result = path_walk(start, path, PATH_NAMES, &end);
        if (result == 0 && end.has_slash && !end.is_dots)
            return -EISDIR;
    }
    if (is_exclusive || (flags & O_NOFOLLOW) != 0)
        result = path_walk(start, path, PATH_KEEPS, &end);
    else
        result = path_walk(start, path, (flags & O_CREAT) != 0 ? PATH_MAKES : PATH_FOLLOWS, &end);
    if (result == 0 && (flags & O_CREAT) != 0 && end.has_slash && !end.is_dots)
        return -EISDIR; /* a link's target ended so */
    if (result != 0)
        return result;
    inode = end.inode;
    if (inode == NULL && (flags & O_CREAT) == 0)
        return -ENOENT;
    if (inode != NULL && is_exclusive)
        return -EEXIST;
    if (inode == NULL)
        inode = create(process, &end, mode);
    else
        result = check_open(inode, flags);
    if (result == 0 && S_ISREG(inode->mode))
        result = inode_load(inode);
    if (result == 0 && (flags & O_TRUNC) != 0 && inode->size_bytes > 0)
        result = inode_truncate(inode, 0);
    if (result == 0)
        *file = file_of(inode, flags);
    return result;
}

/* ---- folders ---- */

static uint8_t entry_type(const struct inode *inode)
{
    return (uint8_t)IFTODT(inode->mode);
}

int64_t folder_read(struct file *file, struct folder_entry *out)
{
    struct regular *regular = of(file);
    struct inode *inode = regular->inode;
    int result;

    if (!S_ISDIR(inode->mode))
        return -ENOTDIR;
    result = inode_list(inode);
    if (result != 0)
        return result;
    if (regular->offset < DOT_ENTRIES) {
        const bool is_parent = regular->offset == 1;
        const struct inode *to = is_parent && inode->parent != NULL ? inode->parent : inode;
        *out = (struct folder_entry){
            .name = is_parent ? ".." : ".", .number = to->number, .type = DT_DIR};
        out->offset = ++regular->offset;
        return 1;
    }
    for (uint32_t i = 0; i < inode->entry_count; i++) {
        const struct entry *entry = &inode->entries[i];
        /* Names that come or go meanwhile do not move the others. */
        if (entry->inode == NULL ||
            (regular->last_name != NULL && strcmp(entry->name, regular->last_name) <= 0))
            continue;
        regular->last_name = entry->name;
        *out = (struct folder_entry){.name = entry->name,
                                     .number = entry->inode->number,
                                     .type = entry_type(entry->inode),
                                     .offset = ++regular->offset};
        return 1;
    }
    return 0;
}

void folder_seek(struct file *file, int64_t offset)
{
    struct regular *regular = of(file);
    struct folder_entry skipped;

    regular->offset = 0;
    regular->last_name = NULL;
    while (regular->offset < offset && folder_read(file, &skipped) == 1) {
    }
}
