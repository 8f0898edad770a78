/*
 * sim/posix/map_calls.c - memory that is mapped: anonymous, or a simulated file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "sim/kernel/mapping.h"
#include "sim/posix/files.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/wrap_files.h"

static void *map(void *address, size_t len_bytes, int protection, int flags, int fd, off_t offset,
                 const void *pc)
{
    const bool is_file = (flags & MAP_ANONYMOUS) == 0;
    const bool is_fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
    struct inode *inode = NULL;
    bool may_write = true;
    struct io_call call;
    void *mapped = MAP_FAILED;
    int64_t result = io_begin(&call, CALL_mmap, is_file ? fd : IO_NO_FD, pc);

    if (result == 0 && is_fixed && !mapping_covers(address, len_bytes))
        io_unsupported("mmap at a fixed address", pc);
    if (result == 0 && is_file) {
        inode = regular_inode(call.file);
        result = inode == NULL                                       ? -ENODEV
                 : (call.file->status_flags & O_ACCMODE) == O_WRONLY ? -EACCES
                                                                     : 0;
        may_write = (call.file->status_flags & O_ACCMODE) == O_RDWR;
    }
    if (result == 0)
        result =
            mapping_new(address, len_bytes, protection, flags, inode, offset, may_write, &mapped);
    if (result == 0 && inode != NULL)
        sync_acquire(inode);
    return io_end_progress(&call, result) == 0 ? mapped : MAP_FAILED;
}

/* clang's ThreadSanitizer refuses our addresses: what it can do is memory of the system's. */
static bool is_modelled(int flags)
{
#if defined(HEDDLE_BUILD_TSAN)
    if ((flags & MAP_ANONYMOUS) != 0)
        return false;
#else
    (void)flags;
#endif
    return sched_is_simulated() && kernel != NULL;
}

void *__wrap_mmap(void *address, size_t len_bytes, int protection, int flags, int fd, off_t offset)
{
    return is_modelled(flags) ? map(address, len_bytes, protection, flags, fd, offset, WRAP_PC)
                              : __real_mmap(address, len_bytes, protection, flags, fd, offset);
}

void *__wrap_mmap64(void *address, size_t len_bytes, int protection, int flags, int fd,
                    off_t offset)
{
    return is_modelled(flags) ? map(address, len_bytes, protection, flags, fd, offset, WRAP_PC)
                              : __real_mmap(address, len_bytes, protection, flags, fd, offset);
}

/* Memory that the program did not map in this run is none of ours: a constructor's, say. */
static bool is_ours(const void *address, size_t len_bytes)
{
    return sched_is_simulated() && kernel != NULL && mapping_covers(address, len_bytes);
}

int __wrap_munmap(void *address, size_t len_bytes)
{
    struct io_call call;
    int64_t result;

    if (!is_ours(address, len_bytes))
        return __real_munmap(address, len_bytes);
    result = io_begin(&call, CALL_munmap, IO_NO_FD, WRAP_PC);
    if (result == 0)
        result = mapping_remove(address, len_bytes);
    return (int)io_end_progress(&call, result);
}

void *__wrap_mremap(void *address, size_t old_bytes, size_t new_bytes, int flags, ...)
{
    struct io_call call;
    void *moved = MAP_FAILED;
    void *target;
    int64_t result;
    va_list args;

    va_start(args, flags);
    target = (flags & MREMAP_FIXED) != 0 ? va_arg(args, void *) : NULL;
    va_end(args);
    if (!is_ours(address, old_bytes))
        return __real_mremap(address, old_bytes, new_bytes, flags, target);
    if ((flags & ~MREMAP_MAYMOVE) != 0)
        io_unsupported("mremap with these flags", WRAP_PC);
    result = io_begin(&call, CALL_mremap, IO_NO_FD, WRAP_PC);
    if (result == 0)
        result = mapping_move(address, old_bytes, new_bytes, flags, &moved);
    return io_end_progress(&call, result) == 0 ? moved : MAP_FAILED;
}

/* What the system does to the pages is what the program asked for. */
#define ON_PAGES(name, argument)                                                                   \
    int __wrap_##name(void *address, size_t len_bytes, int argument)                               \
    {                                                                                              \
        struct io_call call;                                                                       \
        int64_t result;                                                                            \
        if (!is_ours(address, len_bytes))                                                          \
            return __real_##name(address, len_bytes, argument);                                    \
        result = io_begin(&call, CALL_##name, IO_NO_FD, WRAP_PC);                                  \
        if (result == 0 && __real_##name(address, len_bytes, argument) != 0)                       \
            result = -errno;                                                                       \
        return (int)io_end_progress(&call, result);                                                \
    }

ON_PAGES(madvise, advice)
ON_PAGES(mprotect, protection)
ON_PAGES(msync, flags)
