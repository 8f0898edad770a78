/*
 * sim/kernel/inode.c - see inode.h.
 */
#include "sim/kernel/inode.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/kernel/disk.h"
#include "sim/kernel/kernel.h"

enum { BLOCK_BYTES = 4096, SECTOR_BYTES = 512, NUMBER_FIRST = 2, NS_PER_S = 1000000000 };

/* Asks the machine. */
#define ON_HOST(statement)                                                                         \
    do {                                                                                           \
        sched_bypass_begin();                                                                      \
        statement;                                                                                 \
        sched_bypass_end();                                                                        \
    } while (0)

/* ---- making them ---- */

int64_t inode_clock_ns(void)
{
    return CLOCK_REALTIME_START_NS + (int64_t)sched_now_ns();
}

void inode_note_change(struct inode *inode, bool is_content)
{
    inode->change_serial = ++kernel->change_serial;
    inode->change_ns = inode_clock_ns();
    if (is_content)
        inode->modify_ns = inode->change_ns;
}

struct inode *inode_new(uint32_t mode)
{
    struct inode *inode = kmem_take(sizeof(*inode));

    inode->number = NUMBER_FIRST + kernel->inode_serial++;
    inode->mode = mode;
    inode->extent = DISK_NONE;
    inode_note_change(inode, true);
    inode->access_ns = inode->change_ns;
    return inode;
}

static struct inode *inode_of_host(const char *path, const struct stat *found, struct inode *parent)
{
    struct inode *inode = inode_new(found->st_mode);

    inode->host_path = arena_strdup(sched_arena(), path);
    /* What is the machine's was there before: its times say nothing that a run may depend on. */
    inode->access_ns = inode->change_ns = inode->modify_ns = CLOCK_REALTIME_START_NS;
    inode->size_bytes = S_ISREG(found->st_mode) ? found->st_size : 0;
    inode->parent = S_ISDIR(found->st_mode) ? parent : NULL;
    inode->links = 1;
    return inode;
}

struct inode *inode_root(void)
{
    if (kernel->root == NULL) {
        const struct stat is_folder = {.st_mode = S_IFDIR | 0755};
        kernel->root = inode_of_host("/", &is_folder, NULL);
        kernel->root->parent = kernel->root;
    }
    return kernel->root;
}

struct inode *inode_folder_of(struct process *process)
{
    char path[PATH_MAX];
    char *found;

    if (process->folder == NULL) {
        ON_HOST(found = getcwd(path, sizeof(path)));
        if (found == NULL || path_find(inode_root(), path, true, &process->folder) != 0)
            process->folder = inode_root();
        inode_get(process->folder);
    }
    return process->folder;
}

/* ---- going away ---- */

struct inode *inode_get(struct inode *inode)
{
    inode->refs++;
    return inode;
}

static void drop(struct inode *inode)
{
    if (inode->refs > 0 || inode->links > 0)
        return;
    if (inode->extent != DISK_NONE)
        disk_give(inode->extent);
    inode->extent = DISK_NONE;
}

void inode_put(struct inode *inode)
{
    KERNEL_CHECK(inode->refs > 0);
    inode->refs--;
    drop(inode);
}

/* ---- names ---- */

/* Where `name` is or would be among the entries. */
static uint32_t entry_index(const struct inode *folder, const char *name, bool *is_there)
{
    uint32_t low = 0;
    uint32_t high = folder->entry_count;

    *is_there = false;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = strcmp(folder->entries[middle].name, name);
        if (order == 0)
            *is_there = true;
        if (order >= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static struct entry *add_entry(struct inode *folder, uint32_t index, const char *name)
{
    folder->entries = kmem_grow(folder->entries, &folder->entry_capacity, folder->entry_count + 1,
                                sizeof(*folder->entries));
    struct entry *entry = &folder->entries[index];
    memmove(entry + 1, entry, (folder->entry_count - index) * sizeof(*entry));
    folder->entry_count++;
    *entry = (struct entry){.name = arena_strdup(sched_arena(), name)};
    return entry;
}

static bool host_child_path(const struct inode *folder, const char *name, char *out)
{
    const size_t folder_len = strcmp(folder->host_path, "/") == 0 ? 0 : strlen(folder->host_path);
    const size_t name_len = strlen(name);

    if (folder_len + 1 + name_len >= PATH_MAX)
        return false;
    memcpy(out, folder->host_path, folder_len);
    out[folder_len] = '/';
    memcpy(out + folder_len + 1, name, name_len + 1);
    return true;
}

/* What these tell changes from one moment to the next: they are not there. */
static bool is_of_system(const char *path)
{
    return strcmp(path, "/proc") == 0 || strcmp(path, "/sys") == 0;
}

static struct inode *find_on_host(struct inode *folder, const char *name)
{
    char path[PATH_MAX];
    char target[PATH_MAX];
    struct stat found;
    ssize_t len = 0;
    int result;

    if (folder->host_path == NULL || folder->is_listed || !host_child_path(folder, name, path) ||
        is_of_system(path))
        return NULL;
    ON_HOST(result = lstat(path, &found));
    if (result != 0)
        return NULL;
    struct inode *inode = inode_of_host(path, &found, folder);
    if (S_ISLNK(found.st_mode)) {
        ON_HOST(len = readlink(path, target, sizeof(target) - 1));
        target[len < 0 ? 0 : len] = '\0';
        inode->target = arena_strdup(sched_arena(), target);
        inode->size_bytes = len < 0 ? 0 : len;
    }
    return inode;
}

struct inode *inode_lookup(struct inode *folder, const char *name)
{
    bool is_there;
    const uint32_t index = entry_index(folder, name, &is_there);

    if (!is_there) {
        struct inode *found = find_on_host(folder, name);
        add_entry(folder, index, name)->inode = found;
    }
    return folder->entries[index].inode;
}

void inode_link(struct inode *folder, const char *name, struct inode *inode)
{
    bool is_there;
    const uint32_t index = entry_index(folder, name, &is_there);
    struct entry *entry = is_there ? &folder->entries[index] : add_entry(folder, index, name);

    KERNEL_CHECK(entry->inode == NULL);
    entry->inode = inode;
    inode->links++;
    if (S_ISDIR(inode->mode))
        inode->parent = folder;
    inode_note_change(inode, false);
    inode_note_change(folder, true);
}

void inode_unlink(struct inode *folder, const char *name)
{
    bool is_there;
    const uint32_t index = entry_index(folder, name, &is_there);
    struct inode *inode;

    KERNEL_CHECK(is_there && folder->entries[index].inode != NULL);
    inode = folder->entries[index].inode;
    folder->entries[index].inode = NULL;
    inode->links--;
    if (S_ISDIR(inode->mode))
        inode->parent = NULL;
    inode_note_change(inode, false);
    inode_note_change(folder, true);
    drop(inode);
}

/* ---- what the machine has ---- */

struct host_entry {
    uint64_t number;
    int64_t offset;
    uint16_t len_bytes;
    uint8_t type;
    char name[];
};

static void list_block(struct inode *folder, const char *block, long len_bytes)
{
    for (long at = 0; at < len_bytes;) {
        const struct host_entry *entry = (const void *)(block + at);
        at += entry->len_bytes;
        if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0)
            (void)inode_lookup(folder, entry->name);
    }
}

int inode_list(struct inode *folder)
{
    _Alignas(struct host_entry) char block[8192];
    long len_bytes = 0;
    int fd;

    if (folder->host_path == NULL || folder->is_listed)
        return 0;
    ON_HOST(fd = open(folder->host_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0)
        return -errno;
    do {
        ON_HOST(len_bytes = syscall(SYS_getdents64, fd, block, sizeof(block)));
        list_block(folder, block, len_bytes);
    } while (len_bytes > 0);
    ON_HOST(close(fd));
    folder->is_listed = true;
    return 0;
}

bool inode_is_empty(struct inode *folder)
{
    (void)inode_list(folder);
    for (uint32_t i = 0; i < folder->entry_count; i++)
        if (folder->entries[i].inode != NULL)
            return false;
    return true;
}

static int read_host(struct inode *inode)
{
    int64_t done = 0;
    ssize_t part = 1;
    int fd;

    ON_HOST(fd = open(inode->host_path, O_RDONLY | O_CLOEXEC));
    if (fd < 0)
        return -errno;
    while (part > 0) {
        ON_HOST(part = pread(fd, disk_bytes(inode->extent) + done, 1 << 20, done));
        done += part > 0 ? part : 0;
        disk_note_written(inode->extent, done);
    }
    ON_HOST(close(fd));
    inode->size_bytes = done;
    return part < 0 ? -EIO : 0;
}

int inode_load(struct inode *inode)
{
    int result;

    if (inode->extent != DISK_NONE)
        return 0;
    if (inode->size_bytes > DISK_EXTENT_BYTES)
        return -EFBIG;
    inode->extent = disk_take();
    if (inode->extent == DISK_NONE)
        return -ENOSPC;
    result = inode->host_path == NULL ? 0 : read_host(inode);
    if (result != 0) {
        disk_give(inode->extent);
        inode->extent = DISK_NONE;
    }
    return result;
}

int inode_truncate(struct inode *inode, int64_t size_bytes)
{
    int result;

    if (size_bytes < 0)
        return -EINVAL;
    if (size_bytes > DISK_EXTENT_BYTES)
        return -EFBIG;
    result = inode_load(inode);
    if (result != 0)
        return result;
    if (size_bytes < inode->size_bytes)
        disk_wipe(inode->extent, size_bytes);
    inode->size_bytes = size_bytes;
    inode_note_change(inode, true);
    return 0;
}

/* ---- facts ---- */

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

static uint32_t link_count(const struct inode *inode)
{
    uint32_t count = inode->links;

    if (!S_ISDIR(inode->mode) || count == 0)
        return count;
    count = 2;
    for (uint32_t i = 0; i < inode->entry_count; i++)
        if (inode->entries[i].inode != NULL && S_ISDIR(inode->entries[i].inode->mode))
            count++;
    return count;
}

void inode_stat(const struct inode *inode, struct stat *out)
{
    memset(out, 0, sizeof(*out));
    out->st_dev = 1;
    out->st_ino = inode->number;
    out->st_mode = inode->mode;
    out->st_nlink = link_count(inode);
    out->st_uid = INODE_USER;
    out->st_gid = INODE_USER;
    out->st_size = inode->size_bytes;
    out->st_blksize = BLOCK_BYTES;
    out->st_blocks = (inode->size_bytes + SECTOR_BYTES - 1) / SECTOR_BYTES;
    out->st_atim = timespec_of(inode->access_ns);
    out->st_mtim = timespec_of(inode->modify_ns);
    out->st_ctim = timespec_of(inode->change_ns);
}

static const char *name_in(const struct inode *folder, const struct inode *inode)
{
    for (uint32_t i = 0; i < folder->entry_count; i++)
        if (folder->entries[i].inode == inode)
            return folder->entries[i].name;
    return NULL;
}

bool inode_path(const struct inode *folder, char *out, size_t out_bytes)
{
    char text[PATH_MAX];
    size_t at = sizeof(text) - 1;

    text[at] = '\0';
    while (folder != kernel->root) {
        const char *name = folder->parent == NULL ? NULL : name_in(folder->parent, folder);
        const size_t len = name == NULL ? 0 : strlen(name);
        if (name == NULL || at < len + 1)
            return false;
        at -= len;
        memcpy(text + at, name, len);
        text[--at] = '/';
        folder = folder->parent;
    }
    if (at == sizeof(text) - 1)
        text[--at] = '/';
    if (sizeof(text) - at > out_bytes)
        return false;
    memcpy(out, text + at, sizeof(text) - at);
    return true;
}
