/*
 * sim/kernel/mapping.c - see mapping.h.
 */
#include "sim/kernel/mapping.h"

#include <errno.h>
#include <sys/mman.h>

#include "sim/kernel/disk.h"
#include "sim/kernel/kernel.h"

enum { PAGE_BYTES = 4096 };

static uint64_t used_bytes; /* of the range, in this run */

static uint64_t whole_pages(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

bool mapping_covers(const void *address, size_t len_bytes)
{
    const uint64_t offset = (uint64_t)(uintptr_t)address - MAPPING_BASE;

    return offset < used_bytes && len_bytes <= used_bytes - offset;
}

/* A page that is never mapped lies behind each, so running out of one does not lead into another.
 */
static int reserve(size_t len_bytes, void **out)
{
    const uint64_t bytes = whole_pages(len_bytes) + PAGE_BYTES;

    if (bytes < len_bytes || bytes > MAPPING_BYTES - used_bytes)
        return -ENOMEM;
    *out = (void *)(MAPPING_BASE + used_bytes);
    used_bytes += bytes;
    return 0;
}

static int map(void *address, size_t len_bytes, int protection, int flags, int fd, int64_t offset)
{
    void *mapped;

    sched_bypass_begin();
    mapped = mmap(address, len_bytes, protection, flags | MAP_FIXED, fd, offset);
    sched_bypass_end();
    return mapped == MAP_FAILED ? -errno : 0;
}

static int check_file(const struct inode *inode, int flags, int64_t offset, size_t len_bytes,
                      bool may_write, int protection)
{
    if ((flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 && !may_write)
        return -EACCES;
    if (!S_ISREG(inode->mode))
        return -ENODEV;
    if (offset < 0 || offset > DISK_EXTENT_BYTES ||
        len_bytes > (size_t)(DISK_EXTENT_BYTES - offset))
        return -ENOMEM;
    return 0;
}

int mapping_new(void *address, size_t len_bytes, int protection, int flags, struct inode *inode,
                int64_t offset, bool may_write, void **out)
{
    int result;

    if (len_bytes == 0 || offset % PAGE_BYTES != 0)
        return -EINVAL;
    if (inode != NULL) {
        result = check_file(inode, flags, offset, len_bytes, may_write, protection);
        if (result == 0)
            result = inode_load(inode);
        if (result != 0)
            return result;
    }
    result = 0;
    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) == 0)
        result = reserve(len_bytes, out);
    else if ((uintptr_t)address % PAGE_BYTES != 0)
        result = -EINVAL;
    else
        *out = address;
    if (result != 0)
        return result;
    flags &= ~(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT);
    if (inode == NULL)
        return map(*out, len_bytes, protection, flags, -1, 0);
    inode_get(inode); /* for the rest of the run */
    if ((flags & MAP_SHARED) != 0 && may_write)
        disk_note_written(inode->extent, offset + (int64_t)whole_pages(len_bytes));
    return map(*out, len_bytes, protection, flags, disk_fd(), disk_offset(inode->extent) + offset);
}

int mapping_remove(void *address, size_t len_bytes)
{
    int result;

    sched_bypass_begin();
    result = munmap(address, len_bytes);
    sched_bypass_end();
    return result == 0 ? 0 : -errno;
}

int mapping_move(void *address, size_t old_bytes, size_t new_bytes, int flags, void **out)
{
    void *moved;
    int result;

    if (new_bytes == 0 || old_bytes == 0 || (flags & ~MREMAP_MAYMOVE) != 0)
        return -EINVAL;
    if (whole_pages(new_bytes) <= whole_pages(old_bytes)) {
        *out = address;
        if (whole_pages(new_bytes) == whole_pages(old_bytes))
            return 0;
        return mapping_remove((char *)address + whole_pages(new_bytes),
                              whole_pages(old_bytes) - whole_pages(new_bytes));
    }
    if ((flags & MREMAP_MAYMOVE) == 0)
        return -ENOMEM;
    result = reserve(new_bytes, out);
    if (result != 0)
        return result;
    sched_bypass_begin();
    moved = mremap(address, old_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, *out);
    sched_bypass_end();
    return moved == MAP_FAILED ? -errno : 0;
}

void mapping_end(void)
{
    if (used_bytes > 0)
        (void)mapping_remove((void *)MAPPING_BASE, used_bytes);
    used_bytes = 0;
}
