/*
 * sim/posix/io.c - see io.h.
 */
#include "sim/posix/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "sim/kernel/socket.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"

enum {
    NS_PER_S = 1000000000,
    NS_PER_MS = 1000000,
    NS_PER_US = 1000,
    IDLE_DOUBLINGS_MAX = 10, /* a pause is about a millisecond at most */
    TRACED_BYTES_MAX = 1024, /* of each end of what was read */
    TRACE_BLOCK_BYTES = 256,
    SIGNALS_MAX = 64,
};

_Noreturn void io_unsupported(const char *name, const void *pc)
{
    finding_fail(FINDING_UNSUPPORTED, pc, "unsupported: %s in {pc:%lx}", name, (unsigned long)pc);
}

/* A thread of a program without a world gets a host to itself. */
static struct process *process_of_self(enum kernel_call name, const void *pc)
{
    struct vthread *self = sched_self();

    if (kernel == NULL)
        io_unsupported(kernel_call_word(name), pc);
    if (self->process == NULL) {
        if (process_first() == NULL)
            process_new("node", NULL, true);
        self->process = process_first();
    }
    return self->process;
}

static void fail_fd(const struct io_call *call)
{
    finding_fail(FINDING_FD_MISUSE, call->pc, "fd-misuse: %s of fd %d, not open, in {pc:%lx}",
                 kernel_call_word(call->call), call->fd, (unsigned long)call->pc);
}

int64_t io_begin(struct io_call *call, enum kernel_call name, int fd, const void *pc)
{
    struct process *process = process_of_self(name, pc);

    call->call = name;
    call->process = process;
    call->fd = fd;
    call->pc = pc;
    call->file = NULL;
    call->wait = NULL;
    sched_point(OP_CALL,
                fd == IO_NO_FD ? (const void *)process : (const void *)process_file(process, fd),
                kernel_call_word(name), pc);
    /* Others ran: the fd may have been closed, or be another file's now. */
    io_pc = pc;
    call->file = process_file(process, fd);
    call->fault = kernel_call_begin(process, name, true);
    if (fd != IO_NO_FD && call->file == NULL) {
        if (process->strict_fds)
            fail_fd(call);
        return -EBADF;
    }
    return call->fault.error == 0 ? 0 : -call->fault.error;
}

int64_t io_end(struct io_call *call, int64_t result)
{
    if (call->wait != NULL)
        file_wait_end(call->wait);
    call->wait = NULL;
    sched_trace_value((uint64_t)result);
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

int64_t io_end_progress(struct io_call *call, int64_t result)
{
    if (result >= 0)
        kernel_note_progress(call->file);
    return io_end(call, result);
}

/* ---- waiting ---- */

enum io_parked io_park(struct io_call *call, uint64_t deadline_ns)
{
    const struct op op = {
        .kind = OP_CALL,
        .object = call->file,
        .label = kernel_call_word(call->call),
        .pc = call->pc,
    };

    if (deadline_ns <= sched_now_ns())
        return IO_TIMED_OUT;
    if (choice_draw(CHOICE_INTERRUPT, 2) != 0)
        return IO_INTERRUPTED;
    switch (sched_park(&op, NULL, deadline_ns, true)) {
    case PARK_WOKEN:
        return IO_WOKEN;
    case PARK_TIMEOUT:
        return IO_TIMED_OUT;
    case PARK_SIGNAL:
        break;
    }
    return IO_SIGNALLED;
}

static int64_t after_park(enum io_parked parked, bool may_restart)
{
    switch (parked) {
    case IO_WOKEN:
        return 0;
    case IO_TIMED_OUT:
        return -EAGAIN;
    case IO_INTERRUPTED:
        return -EINTR;
    case IO_SIGNALLED:
        break;
    }
    switch (signal_deliver(sched_self())) {
    case SIGNAL_NONE:
        return 0;
    case SIGNAL_RESTART:
        return may_restart ? 0 : -EINTR;
    case SIGNAL_INTERRUPT:
        break;
    }
    return -EINTR;
}

int64_t io_after_park(struct io_call *call, enum io_parked parked, bool may_restart)
{
    int64_t result = after_park(parked, may_restart);

    io_pc = call->pc; /* others made calls meanwhile */
    return result;
}

int64_t io_wait(struct io_call *call, struct watch_list *list, uint32_t mask, bool is_exclusive,
                uint64_t deadline_ns)
{
    struct file_wait *last = call->wait;
    bool is_for_file = list == &call->file->watches;
    uint32_t serial = call->file->serial;
    enum io_parked parked;
    int64_t result;

    call->wait = file_wait_begin(call->process, call->file, list, mask, is_exclusive);
    if (last != NULL)
        file_wait_end(last);
    parked = io_park(call, deadline_ns);
    watch_remove(&call->wait->watch);
    if (parked != IO_SIGNALLED)
        return io_after_park(call, parked, false);
    /* The handler may end the process, and close the fd: a restarted call begins anew. Linux
     * restarts what has no time-out, but never a wait for events. */
    file_wait_end(call->wait);
    call->wait = NULL;
    result = io_after_park(call, parked, deadline_ns == TIME_NEVER && is_for_file);
    call->file = process_file(call->process, call->fd);
    if (result != 0 || (call->file != NULL && call->file->serial == serial))
        return result;
    return call->file == NULL ? -EBADF : -EINTR;
}

void io_note_report(struct io_call *call, int fd, struct file *file)
{
    const struct op op = {
        .kind = OP_SLEEP, /* it is not waiting for an event: it has one */
        .label = kernel_call_word(call->call),
        .pc = call->pc,
    };
    uint32_t reports = kernel_note_report(fd, file, call->pc);
    uint32_t doublings;

    if (reports < KERNEL_IDLE_POLLS_FREE)
        return;
    doublings = reports - KERNEL_IDLE_POLLS_FREE;
    if (doublings > IDLE_DOUBLINGS_MAX)
        doublings = IDLE_DOUBLINGS_MAX;
    (void)sched_park(&op, NULL, sched_now_ns() + ((uint64_t)NS_PER_US << doublings), false);
}

bool io_is_nonblocking(const struct io_call *call, int message_flags)
{
    return (message_flags & MSG_DONTWAIT) != 0 || (call->file->status_flags & O_NONBLOCK) != 0;
}

uint64_t io_deadline_ms(int timeout_ms)
{
    return timeout_ms < 0 ? TIME_NEVER : sched_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

uint64_t io_deadline_timespec(const struct timespec *timeout, int64_t *error)
{
    if (timeout == NULL)
        return TIME_NEVER;
    if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= NS_PER_S) {
        *error = -EINVAL;
        return 0;
    }
    if (timeout->tv_sec > UINT32_MAX)
        return TIME_NEVER;
    return sched_now_ns() + (uint64_t)timeout->tv_sec * NS_PER_S + (uint64_t)timeout->tv_nsec;
}

/* ---- signals ---- */

static uint64_t bits_of(const sigset_t *set)
{
    uint64_t bits = 0;

    for (int signo = 1; signo <= SIGNALS_MAX; signo++) {
        if (sigismember(set, signo) == 1)
            bits |= UINT64_C(1) << (signo - 1);
    }
    return bits;
}

static void set_mask(struct posix_thread *self, uint64_t mask)
{
    uint64_t pending = self->signals_pending | self->process->signals_pending;

    self->signals_masked = mask;
    self->thread->has_pending_signal = (pending & ~mask) != 0;
}

uint64_t io_mask_begin(const sigset_t *mask)
{
    struct posix_thread *self;
    uint64_t old;

    if (mask == NULL)
        return 0;
    self = posix_self();
    old = self->signals_masked;
    set_mask(self, bits_of(mask));
    return old;
}

int64_t io_mask_end(const sigset_t *mask, uint64_t old_mask, int64_t result)
{
    if (mask == NULL)
        return result;
    /* What came in while the mask was off is handled under it, whatever else was to report. */
    if (sched_self()->has_pending_signal && signal_deliver(sched_self()) != SIGNAL_NONE &&
        result == 0)
        result = -EINTR;
    set_mask(posix_self(), old_mask);
    return result;
}

/* ---- what is observed ---- */

static uint64_t hash_block(const struct io_vector *bytes, size_t offset, size_t len_bytes,
                           uint64_t hash)
{
    uint8_t block[TRACE_BLOCK_BYTES];

    io_copy_in(bytes, offset, block, len_bytes);
    for (size_t i = 0; i < len_bytes; i++)
        hash = (hash ^ block[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void io_trace_bytes(const struct io_vector *bytes, size_t len_bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t at = 0;

    while (at < len_bytes) {
        size_t chunk = len_bytes - at < TRACE_BLOCK_BYTES ? len_bytes - at : TRACE_BLOCK_BYTES;
        hash = hash_block(bytes, at, chunk, hash);
        at += chunk;
        if (at >= TRACED_BYTES_MAX && len_bytes - at > TRACED_BYTES_MAX)
            at = len_bytes - TRACED_BYTES_MAX;
    }
    sched_trace_value(hash);
}

void io_raise_sigpipe(int64_t result, int message_flags)
{
    if (result != -EPIPE || (message_flags & MSG_NOSIGNAL) != 0)
        return;
    signal_send_thread(posix_self(), SIGPIPE);
    signal_deliver(sched_self());
}

/* ---- reading and writing any file ---- */

static uint64_t timeout_deadline(const struct io_call *call, bool is_write)
{
    const struct socket *socket = socket_of(call->file);
    uint64_t timeout_ns;

    if (socket == NULL)
        return TIME_NEVER;
    timeout_ns = is_write ? socket->options.send_timeout_ns : socket->options.recv_timeout_ns;
    return timeout_ns == 0 ? TIME_NEVER : sched_now_ns() + timeout_ns;
}

int64_t io_read(struct io_call *call, struct io_vector *to)
{
    uint64_t deadline_ns = timeout_deadline(call, false);
    int64_t result;

    if (to->total_bytes > call->fault.bytes_max)
        to->total_bytes = call->fault.bytes_max;
    for (;;) {
        int64_t waited;
        result = file_read(call->file, to);
        if (result != -EAGAIN || io_is_nonblocking(call, 0))
            break;
        waited =
            io_wait(call, &call->file->watches, EPOLLIN | EPOLLERR | EPOLLHUP, true, deadline_ns);
        if (waited != 0)
            return waited;
    }
    if (result > 0) {
        sync_acquire(file_sync(call->file, false));
        io_trace_bytes(to, (size_t)result);
    }
    return result;
}

int64_t io_write(struct io_call *call, struct io_vector *from)
{
    uint64_t deadline_ns = timeout_deadline(call, true);
    size_t wanted;
    int64_t done = 0;

    if (from->total_bytes > call->fault.bytes_max)
        from->total_bytes = call->fault.bytes_max;
    wanted = from->total_bytes;
    sync_release(file_sync(call->file, true));
    for (;;) {
        int64_t result = file_write(call->file, from);
        if (result > 0) {
            done += result;
            from->start_bytes += (size_t)result;
            from->total_bytes -= (size_t)result;
        }
        if (io_is_nonblocking(call, 0) || (result < 0 && result != -EAGAIN))
            return done > 0 ? done : result;
        if ((size_t)done >= wanted)
            return done;
        result =
            io_wait(call, &call->file->watches, EPOLLOUT | EPOLLERR | EPOLLHUP, true, deadline_ns);
        if (result != 0)
            return done > 0 ? done : result;
    }
}
