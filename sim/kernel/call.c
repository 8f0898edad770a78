/*
 * sim/kernel/call.c - see call.h.
 */
#include "sim/kernel/call.h"

#include <errno.h>
#include <string.h>

#include "sim/choice/choice.h"
#include "sim/kernel/kernel.h"

enum { CALL_ERRORS_MAX = 5 };

struct fault {
    struct fault *next;
    enum kernel_call call;
    uint32_t nth;
    int error;
    uint32_t bytes_max;
};

struct thread_progress {
    uint32_t reports;      /* in a row, nothing done in between */
    uint64_t since_serial; /* kernel->change_serial when the row began */
};

static const struct {
    const char *word;
    int errors[CALL_ERRORS_MAX]; /* up to the first 0 */
} calls[] = {
#define X(name, ...) {#name, {__VA_ARGS__}},
    KERNEL_CALLS(X)
#undef X
};

const char *kernel_call_word(enum kernel_call call)
{
    return calls[call].word;
}

enum kernel_call kernel_call_by_word(const char *word, size_t len_bytes)
{
    for (unsigned i = 0; i < KERNEL_CALL_COUNT; i++) {
        if (strlen(calls[i].word) == len_bytes && memcmp(calls[i].word, word, len_bytes) == 0)
            return (enum kernel_call)i;
    }
    return KERNEL_CALL_COUNT;
}

/* ---- faults ---- */

int kernel_fault_add(struct process *process, const char *call, uint32_t nth, int error,
                     uint32_t bytes_max)
{
    enum kernel_call index = kernel_call_by_word(call, strlen(call));
    struct fault *fault;

    if (index == KERNEL_CALL_COUNT)
        return -ENOENT;
    if (process->call_counts == NULL)
        process->call_counts = kmem_take(KERNEL_CALL_COUNT * sizeof(*process->call_counts));
    fault = kmem_take(sizeof(*fault));
    *fault = (struct fault){
        .next = process->faults,
        .call = index,
        .nth = nth,
        .error = error,
        .bytes_max = bytes_max,
    };
    process->faults = fault;
    return 0;
}

static struct call_fault planned_fault(struct process *process, enum kernel_call call)
{
    struct call_fault found = {.error = 0, .bytes_max = UINT32_MAX};
    uint32_t count = ++process->call_counts[call];

    for (const struct fault *fault = process->faults; fault != NULL; fault = fault->next) {
        if (fault->call != call || fault->nth != count)
            continue;
        if (fault->error != 0)
            found.error = fault->error;
        else
            found.bytes_max = fault->bytes_max;
    }
    return found;
}

static int draw_error(enum kernel_call call)
{
    uint32_t count = 0;
    uint32_t drawn;

    while (count < CALL_ERRORS_MAX && calls[call].errors[count] != 0)
        count++;
    if (count == 0)
        return 0;
    drawn = choice_draw(CHOICE_ERRNO, count + 1);
    return drawn == 0 ? 0 : calls[call].errors[drawn - 1];
}

struct call_fault kernel_call_begin(struct process *process, enum kernel_call call,
                                    bool may_draw_error)
{
    struct call_fault fault = {.error = 0, .bytes_max = UINT32_MAX};

    if (process->faults != NULL)
        fault = planned_fault(process, call);
    if (fault.error == 0 && may_draw_error)
        fault.error = draw_error(call);
    return fault;
}

/* ---- progress ---- */

static struct thread_progress *progress_of_self(void)
{
    const struct vthread *self = sched_self();

    if (self == NULL || self->is_lane)
        return NULL;
    if (self->id >= kernel->progress_capacity)
        kernel->progress = kmem_grow(kernel->progress, &kernel->progress_capacity, self->id + 1,
                                     sizeof(*kernel->progress));
    return &kernel->progress[self->id];
}

void kernel_note_progress(struct file *file)
{
    struct thread_progress *progress = progress_of_self();

    if (file != NULL)
        file->change_serial = ++kernel->change_serial;
    if (progress != NULL)
        progress->reports = 0;
}

uint32_t kernel_note_report(int fd, struct file *file, const void *pc)
{
    struct thread_progress *progress = progress_of_self();

    if (progress == NULL)
        return 0;
    if (progress->reports == 0 || file->change_serial > progress->since_serial) {
        progress->reports = 0;
        progress->since_serial = kernel->change_serial;
    }
    if (++progress->reports > KERNEL_IDLE_POLLS_MAX)
        finding_fail(FINDING_LIVELOCK, pc,
                     "livelock: epoll_wait reports fd %d (%s) and {pc:%lx} does nothing", fd,
                     file_word(file), (unsigned long)(uintptr_t)pc);
    return progress->reports;
}

uint32_t kernel_idle_reports(void)
{
    const struct thread_progress *progress = progress_of_self();
    return progress == NULL ? 0 : progress->reports;
}
