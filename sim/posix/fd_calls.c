/*
 * sim/posix/fd_calls.c - descriptors: open for reading and writing, duplicating, closing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sim/kernel/socket.h"
#include "sim/posix/files.h"
#include "sim/posix/wrap_io.h"

enum { PIPE_SIZE_BYTES = 65536 };

/* ---- reading and writing ---- */

static ssize_t read_parts(enum kernel_call name, int fd, const struct iovec *parts, int count,
                          const void *pc)
{
    struct io_call call;
    struct io_vector to;
    int64_t result = io_begin(&call, name, fd, pc);

    if (result == 0)
        result = count < 0 ? -EINVAL : io_vector_init(&to, parts, (size_t)count);
    if (result == 0)
        result = io_read(&call, &to);
    return io_end_progress(&call, result);
}

static ssize_t write_parts(enum kernel_call name, int fd, const struct iovec *parts, int count,
                           const void *pc)
{
    struct io_call call;
    struct io_vector from;
    int64_t result = io_begin(&call, name, fd, pc);

    if (result == 0)
        result = count < 0 ? -EINVAL : io_vector_init(&from, parts, (size_t)count);
    if (result == 0) {
        result = io_write(&call, &from);
        io_raise_sigpipe(result, 0);
    }
    return io_end_progress(&call, result);
}

ssize_t __wrap_read(int fd, void *buffer, size_t len_bytes)
{
    struct iovec part = {.iov_base = buffer, .iov_len = len_bytes};

    if (!sched_is_simulated())
        return __real_read(fd, buffer, len_bytes);
    return read_parts(CALL_read, fd, &part, 1, WRAP_PC);
}

ssize_t __wrap___read_chk(int fd, void *buffer, size_t len_bytes, size_t buffer_bytes)
{
    struct iovec part = {.iov_base = buffer, .iov_len = len_bytes};

    if (!sched_is_simulated())
        return __real___read_chk(fd, buffer, len_bytes, buffer_bytes);
    return read_parts(CALL_read, fd, &part, 1, WRAP_PC);
}

ssize_t __wrap_readv(int fd, const struct iovec *parts, int count)
{
    if (!sched_is_simulated())
        return __real_readv(fd, parts, count);
    return read_parts(CALL_readv, fd, parts, count, WRAP_PC);
}

ssize_t __wrap_write(int fd, const void *buffer, size_t len_bytes)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = len_bytes};

    if (!sched_is_simulated())
        return __real_write(fd, buffer, len_bytes);
    return write_parts(CALL_write, fd, &part, 1, WRAP_PC);
}

ssize_t __wrap_writev(int fd, const struct iovec *parts, int count)
{
    if (!sched_is_simulated())
        return __real_writev(fd, parts, count);
    return write_parts(CALL_writev, fd, parts, count, WRAP_PC);
}

/* ---- closing and duplicating ---- */

int __wrap_close(int fd)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_close(fd);
    result = io_begin(&call, CALL_close, fd, WRAP_PC);
    /* Linux closes the fd even when it reports an error. */
    if (call.file != NULL)
        process_fd_close(call.process, fd);
    call.file = NULL;
    return (int)io_end_progress(&call, result);
}

static void close_from(unsigned first, unsigned last, int flags, const void *pc)
{
    struct io_call call;
    struct process *process;

    io_begin(&call, CALL_close, IO_NO_FD, pc);
    process = call.process;
    for (unsigned fd = first; fd < process->fd_capacity && fd <= last; fd++) {
        if (process->fds[fd].file == NULL)
            continue;
        if ((flags & CLOSE_RANGE_CLOEXEC) != 0)
            process->fds[fd].is_cloexec = true;
        else
            process_fd_close(process, (int)fd);
    }
    io_end_progress(&call, 0);
}

void __wrap_closefrom(int first)
{
    if (!sched_is_simulated())
        __real_closefrom(first);
    else
        close_from(first < 0 ? 0 : (unsigned)first, UINT_MAX, 0, WRAP_PC);
}

int __wrap_close_range(unsigned first, unsigned last, int flags)
{
    if (!sched_is_simulated())
        return __real_close_range(first, last, flags);
    if (first > last) {
        errno = EINVAL;
        return -1;
    }
    close_from(first, last, flags, WRAP_PC);
    return 0;
}

int __wrap_dup(int fd)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_dup(fd);
    result = io_begin(&call, CALL_dup, fd, WRAP_PC);
    if (result == 0)
        result = kernel_dup(call.process, fd, 0, false);
    return (int)io_end_progress(&call, result);
}

int __wrap_dup2(int fd, int to)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_dup2(fd, to);
    result = io_begin(&call, CALL_dup2, fd, WRAP_PC);
    if (result == 0)
        result = fd == to ? to : kernel_dup3(call.process, fd, to, 0);
    return (int)io_end_progress(&call, result);
}

int __wrap_dup3(int fd, int to, int flags)
{
    struct io_call call;
    int64_t result;

    if (!sched_is_simulated())
        return __real_dup3(fd, to, flags);
    result = io_begin(&call, CALL_dup3, fd, WRAP_PC);
    if (result == 0)
        result = kernel_dup3(call.process, fd, to, flags);
    return (int)io_end_progress(&call, result);
}

static int make_pipe(enum kernel_call name, int *fds, int flags, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, name, IO_NO_FD, pc);

    if (result == 0)
        result = kernel_pipe(call.process, fds, flags);
    return (int)io_end_progress(&call, result);
}

int __wrap_pipe(int *fds)
{
    return sched_is_simulated() ? make_pipe(CALL_pipe, fds, 0, WRAP_PC) : __real_pipe(fds);
}

int __wrap_pipe2(int *fds, int flags)
{
    if (!sched_is_simulated())
        return __real_pipe2(fds, flags);
    return make_pipe(CALL_pipe2, fds, flags, WRAP_PC);
}

/* ---- fcntl and ioctl ---- */

static int64_t control(struct io_call *call, int command, long argument)
{
    enum { SETTABLE = O_NONBLOCK | O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME };
    struct file *file = call->file;
    struct fd_slot *slot = &call->process->fds[call->fd];

    switch (command) {
    case F_GETFL:
        return file->status_flags;
    case F_SETFL:
        file->status_flags = (file->status_flags & ~(uint32_t)SETTABLE) |
                             ((uint32_t)argument & (O_NONBLOCK | O_APPEND));
        return 0;
    case F_GETFD:
        return slot->is_cloexec ? FD_CLOEXEC : 0;
    case F_SETFD:
        slot->is_cloexec = (argument & FD_CLOEXEC) != 0;
        return 0;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return kernel_dup(call->process, call->fd, (int)argument, command == F_DUPFD_CLOEXEC);
    case F_GETPIPE_SZ:
        return file->ops->kind(file) == FILE_PIPE ? PIPE_SIZE_BYTES : -EBADF;
    default:
        if (files_is_lock_command(command))
            return regular_inode(file) == NULL ? -EINVAL
                                               : files_lock(call, command, (void *)argument);
        io_unsupported("fcntl with this command", call->pc);
    }
}

static int control_fd(int fd, int command, long argument, const void *pc)
{
    struct io_call call;
    int64_t result = io_begin(&call, CALL_fcntl, fd, pc);

    if (result == 0)
        result = control(&call, command, argument);
    return (int)io_end_progress(&call, result);
}

int __wrap_fcntl(int fd, int command, ...)
{
    va_list args;
    long argument;

    va_start(args, command);
    argument = va_arg(args, long);
    va_end(args);
    if (!sched_is_simulated())
        return __real_fcntl(fd, command, argument);
    return control_fd(fd, command, argument, WRAP_PC);
}

int __wrap_fcntl64(int fd, int command, ...)
{
    va_list args;
    long argument;

    va_start(args, command);
    argument = va_arg(args, long);
    va_end(args);
    if (!sched_is_simulated())
        return __real_fcntl(fd, command, argument);
    return control_fd(fd, command, argument, WRAP_PC);
}

static int64_t control_device(struct io_call *call, unsigned long request, int *value)
{
    struct file *file = call->file;
    int64_t bytes;

    switch (request) {
    case FIONBIO:
        if (*value != 0)
            file->status_flags |= O_NONBLOCK;
        else
            file->status_flags &= ~(uint32_t)O_NONBLOCK;
        return 0;
    case FIONREAD:
        bytes = file->ops->readable_bytes == NULL ? -ENOTTY : file->ops->readable_bytes(file);
        if (bytes < 0)
            return bytes;
        *value = (int)bytes;
        return 0;
    case FIOCLEX:
        call->process->fds[call->fd].is_cloexec = true;
        return 0;
    case FIONCLEX:
        call->process->fds[call->fd].is_cloexec = false;
        return 0;
    case TCGETS:
    case TIOCGWINSZ:
        return -ENOTTY;
    default:
        io_unsupported("ioctl with this request", call->pc);
    }
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    struct io_call call;
    int64_t result;
    va_list args;
    void *argument;

    va_start(args, request);
    argument = va_arg(args, void *);
    va_end(args);
    if (!sched_is_simulated())
        return __real_ioctl(fd, request, argument);
    result = io_begin(&call, CALL_ioctl, fd, WRAP_PC);
    if (result == 0)
        result = control_device(&call, request, argument);
    return (int)io_end(&call, result);
}

int __wrap_isatty(int fd)
{
    if (!sched_is_simulated())
        return __real_isatty(fd);
    errno = ENOTTY;
    return 0;
}
