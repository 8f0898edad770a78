/*
 * sim/posix/stream_calls.c - stdio's streams over simulated descriptors.
 *
 * The C library reaches the system by itself, so a stream is made of its callbacks. It locks a
 * stream while it calls them, so nobody else may run in one that is for a file: reading and writing
 * through a buffer is no point, opening and closing is. Streams over what may have to wait (a pipe,
 * a socket) are read and written as read() and write() are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

#include "sim/posix/files.h"
#include "sim/posix/run.h"
#include "sim/posix/stream.h"
#include "sim/posix/wrap_files.h"
#include "sim/posix/wrap_io.h"

struct stream {
    struct stream *next;
    FILE *file; /* NULL: closed */
    int fd;
};

static struct {
    struct stream *list; /* of this run */
    uint32_t epoch;
    bool is_over; /* what is closed now writes nothing any more */
} streams;

static struct file *file_of(const struct stream *stream)
{
    struct process *process = sched_self() == NULL ? NULL : sched_self()->process;

    return process == NULL || streams.is_over ? NULL : process_file(process, stream->fd);
}

static ssize_t result_of(int64_t result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

static ssize_t read_stream(void *cookie, char *bytes, size_t len_bytes)
{
    struct stream *stream = cookie;
    const struct iovec part = {.iov_base = bytes, .iov_len = len_bytes};
    struct file *file = file_of(stream);
    struct io_vector to;

    if (regular_inode(file) == NULL)
        return __wrap_read(stream->fd, bytes, len_bytes);
    (void)io_vector_init(&to, &part, 1);
    return result_of(file_read(file, &to));
}

static ssize_t write_stream(void *cookie, const char *bytes, size_t len_bytes)
{
    struct stream *stream = cookie;
    const struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len_bytes};
    struct file *file;
    struct io_vector from;

    if (streams.is_over)
        return (ssize_t)len_bytes;
    file = file_of(stream);
    if (regular_inode(file) == NULL)
        return __wrap_write(stream->fd, bytes, len_bytes);
    (void)io_vector_init(&from, &part, 1);
    return result_of(file_write(file, &from));
}

static int seek_stream(void *cookie, off_t *offset, int whence)
{
    struct file *file = file_of(cookie);
    int64_t result;

    if (regular_inode(file) == NULL) {
        errno = ESPIPE;
        return -1;
    }
    result = regular_seek(file, *offset, whence);
    if (result >= 0)
        *offset = result;
    return result_of(result) < 0 ? -1 : 0;
}

static int close_stream(void *cookie)
{
    struct stream *stream = cookie;

    stream->file = NULL;
    return streams.is_over ? 0 : __wrap_close(stream->fd);
}

static FILE *stream_new(int fd, const char *mode)
{
    const cookie_io_functions_t calls = {
        .read = read_stream, .write = write_stream, .seek = seek_stream, .close = close_stream};
    struct stream *stream = arena_take(sched_arena(), sizeof(*stream));

    if (streams.epoch != posix_run.epoch)
        streams.list = NULL;
    streams.epoch = posix_run.epoch;
    sched_bypass_begin();
    stream->file = fopencookie(stream, mode, calls);
    sched_bypass_end();
    if (stream->file == NULL)
        return NULL;
    stream->fd = fd;
    stream->next = streams.list;
    streams.list = stream;
    (void)__fsetlocking(stream->file, FSETLOCKING_BYCALLER);
    stream->file->_fileno = fd; /* what fileno() says: nothing else asks */
    return stream->file;
}

void stream_end(void)
{
    if (streams.epoch != posix_run.epoch)
        return;
    streams.is_over = true;
    for (struct stream *stream = streams.list; stream != NULL; stream = stream->next)
        if (stream->file != NULL)
            (void)fclose(stream->file);
    streams.list = NULL;
    streams.is_over = false;
}

/* open()'s flags for fopen()'s mode; -1 when it is none. */
static int mode_flags(const char *mode)
{
    int flags;

    switch (mode[0]) {
    case 'r':
        flags = 0;
        break;
    case 'w':
        flags = O_CREAT | O_TRUNC;
        break;
    case 'a':
        flags = O_CREAT | O_APPEND;
        break;
    default:
        errno = EINVAL;
        return -1;
    }
    if (strchr(mode, '+') != NULL)
        flags |= O_RDWR;
    else if (mode[0] != 'r')
        flags |= O_WRONLY;
    if (strchr(mode, 'x') != NULL)
        flags |= O_EXCL;
    if (strchr(mode, 'e') != NULL)
        flags |= O_CLOEXEC;
    return flags;
}

static FILE *open_stream(const char *path, const char *mode, const void *pc)
{
    const int flags = mode_flags(mode);
    struct io_call call;
    struct inode *start;
    int64_t result;
    FILE *opened;

    if (flags < 0)
        return NULL;
    result = files_begin(&call, CALL_open, AT_FDCWD, path, pc, &start);
    if (result == 0)
        result = files_open(&call, start, path, flags, 0666);
    result = io_end_progress(&call, result);
    if (result < 0)
        return NULL;
    opened = stream_new((int)result, mode);
    if (opened == NULL)
        (void)__wrap_close((int)result);
    return opened;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return sched_is_simulated() ? open_stream(path, mode, WRAP_PC) : __real_fopen(path, mode);
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
    return sched_is_simulated() ? open_stream(path, mode, WRAP_PC) : __real_fopen(path, mode);
}

FILE *__wrap_fdopen(int fd, const char *mode)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_fdopen(fd, mode);
    if (mode_flags(mode) < 0)
        return NULL;
    result = io_begin(&call, CALL_fcntl, fd, WRAP_PC);
    return io_end(&call, result) < 0 ? NULL : stream_new(fd, mode);
}

static FILE *open_temporary(const void *pc)
{
    struct io_call call;
    struct inode *start;
    int64_t result = files_begin(&call, CALL_open, AT_FDCWD, "/", pc, &start);

    if (result == 0)
        result = files_open(&call, start, "/", O_TMPFILE | O_RDWR, 0600);
    result = io_end_progress(&call, result);
    return result < 0 ? NULL : stream_new((int)result, "w+");
}

FILE *__wrap_tmpfile(void)
{
    return sched_is_simulated() ? open_temporary(WRAP_PC) : __real_tmpfile();
}

FILE *__wrap_tmpfile64(void)
{
    return sched_is_simulated() ? open_temporary(WRAP_PC) : __real_tmpfile();
}
