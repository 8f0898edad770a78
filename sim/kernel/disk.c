/*
 * sim/kernel/disk.c - see disk.h.
 */
#include "sim/kernel/disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/kernel/memory.h"
#include "sim/sched/sched.h"

/* Longer than this it is quicker to give the pages back than to write zeroes. */
enum { WIPE_BYTES_MAX = 1 << 20 };

static struct {
    char *base; /* NULL: not made yet */
    int fd;
    int used_count; /* extents that were ever taken in this run */
    bool is_taken[DISK_EXTENTS_MAX];
    int64_t written_bytes[DISK_EXTENTS_MAX]; /* beyond, all is zero */
} disk;

static _Noreturn void fail(const char *what)
{
    perror(what);
    abort();
}

static void make(void)
{
    const size_t size_bytes = (size_t)DISK_EXTENTS_MAX * (size_t)DISK_EXTENT_BYTES;
    void *where = (void *)DISK_BASE;
    int fixed = MAP_FIXED_NOREPLACE;

#if defined(HEDDLE_BUILD_TSAN)
    /* Its runtime knows only some parts of the address space. */
    where = NULL;
    fixed = 0;
#endif
    sched_bypass_begin();
    disk.fd = memfd_create("heddle-files", MFD_CLOEXEC);
    if (disk.fd < 0 || ftruncate(disk.fd, (off_t)size_bytes) != 0)
        fail("heddle: no memory for files");
    disk.base = mmap(where, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | fixed,
                     disk.fd, 0);
    if (disk.base == MAP_FAILED)
        fail("heddle: no room for files");
    (void)madvise(disk.base, size_bytes, MADV_DONTDUMP);
    sched_bypass_end();
}

int disk_take(void)
{
    if (disk.base == NULL)
        make();
    for (int extent = 0; extent < DISK_EXTENTS_MAX; extent++) {
        if (disk.is_taken[extent])
            continue;
        disk.is_taken[extent] = true;
        if (extent >= disk.used_count)
            disk.used_count = extent + 1;
        return extent;
    }
    return DISK_NONE;
}

char *disk_bytes(int extent)
{
    KERNEL_CHECK(extent >= 0 && disk.is_taken[extent]);
    return disk.base + disk_offset(extent);
}

int disk_fd(void)
{
    return disk.fd;
}

int64_t disk_offset(int extent)
{
    return extent * DISK_EXTENT_BYTES;
}

void disk_note_written(int extent, int64_t end_bytes)
{
    if (end_bytes > disk.written_bytes[extent])
        disk.written_bytes[extent] = end_bytes;
}

void disk_wipe(int extent, int64_t start_bytes)
{
    char *start = disk_bytes(extent) + start_bytes;
    const int64_t len_bytes = disk.written_bytes[extent] - start_bytes;

    if (len_bytes <= 0)
        return;
    if (len_bytes <= WIPE_BYTES_MAX) {
        memset(start, 0, (size_t)len_bytes);
    } else {
        sched_bypass_begin();
        if (fallocate(disk.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      disk_offset(extent) + start_bytes, len_bytes) != 0)
            fail("heddle: files");
        sched_bypass_end();
    }
    disk.written_bytes[extent] = start_bytes;
}

void disk_give(int extent)
{
    disk_wipe(extent, 0);
    disk.is_taken[extent] = false;
}

void disk_end(void)
{
    for (int extent = 0; extent < disk.used_count; extent++)
        if (disk.is_taken[extent])
            disk_give(extent);
    disk.used_count = 0;
}
