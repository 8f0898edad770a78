/*
 * sim/posix/io.h - what the wrapped calls about files share: the point, the descriptor, waiting,
 * the result.
 *
 * A call is: io_begin() (others may run, then the descriptor is looked up), the model, io_wait() as
 * often as the model has nothing, io_end() (trace, errno).
 *
 * Threads: none; on a virtual thread.
 */
#ifndef SIM_POSIX_IO_H
#define SIM_POSIX_IO_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "sim/kernel/kernel.h"
#include "sim/kernel/wait.h"

enum { IO_NO_FD = INT32_MIN };

struct io_call {
    enum kernel_call call;
    struct process *process;
    struct file *file;      /* NULL when there is none; stays open until the call parks again */
    struct file_wait *wait; /* the last one: keeps the file */
    int fd;
    const void *pc;
    struct call_fault fault;
};

/* The point, the descriptor, planned and drawn errors. `fd` may be IO_NO_FD when the call takes
 * none. 0, or -errno with which io_end() is to be called. */
int64_t io_begin(struct io_call *call, enum kernel_call name, int fd, const void *pc);
/* `result` is a count, an fd or -errno: traced, and given back as the system call does. */
int64_t io_end(struct io_call *call, int64_t result);
/* The same after something changed: the caller is getting things done. */
int64_t io_end_progress(struct io_call *call, int64_t result);

/* Waits until `list` is woken for one of `mask`. 0 to try again, or -EAGAIN (the deadline passed),
 * -EINTR. */
int64_t io_wait(struct io_call *call, struct watch_list *list, uint32_t mask, bool is_exclusive,
                uint64_t deadline_ns);
/* The same when the caller has set up waits of its own, which it ends in between. */
enum io_parked { IO_WOKEN, IO_TIMED_OUT, IO_SIGNALLED, IO_INTERRUPTED };
enum io_parked io_park(struct io_call *call, uint64_t deadline_ns);
/* Runs signal handlers. As io_wait. */
int64_t io_after_park(struct io_call *call, enum io_parked parked, bool may_restart);

/* The signal mask of a wait (NULL: none): what it was, and back to it. */
uint64_t io_mask_begin(const sigset_t *mask);
int64_t io_mask_end(const sigset_t *mask, uint64_t old_mask, int64_t result);

/* The caller is about to report readiness of `file` again. A thread that is told in vain is slowed
 * down, more and more, so that whoever is to handle it gets time; in the end it is a finding. */
void io_note_report(struct io_call *call, int fd, struct file *file);

bool io_is_nonblocking(const struct io_call *call, int message_flags);

/* Virtual time of a relative time-out; 0 ns in `timeout_ns` means "at once". */
uint64_t io_deadline_ms(int timeout_ms); /* negative: TIME_NEVER */
/* NULL: TIME_NEVER. *error is -EINVAL for an impossible time. */
uint64_t io_deadline_timespec(const struct timespec *timeout, int64_t *error);

/* Who makes the call in progress. */
extern const void *io_pc;

/* Mixes what was read into the trace. */
void io_trace_bytes(const struct io_vector *bytes, size_t len_bytes);

/* -EPIPE raises SIGPIPE, unless the caller asked for silence. */
void io_raise_sigpipe(int64_t result, int message_flags);

/* Ends the run: the call is not simulated. */
_Noreturn void io_unsupported(const char *name, const void *pc);

/* Reads and writes of any file, waiting as its flags say. */
int64_t io_read(struct io_call *call, struct io_vector *to);
int64_t io_write(struct io_call *call, struct io_vector *from);

#endif
