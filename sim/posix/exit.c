/*
 * sim/posix/exit.c - processes of a run, and every way for one to end; see exit.h.
 */
#include "sim/posix/exit.h"

#include <stdlib.h>

#include "sim/kernel/process.h"
#include "sim/memory/heap.h"
#include "sim/posix/cxx.h"
#include "sim/posix/thread.h"
#include "sim/posix/wrap_threads.h"

struct at_exit {
    struct at_exit *next;
    void (*plain)(void);
    void (*with_status)(int status, void *arg);
    void (*with_arg)(void *arg);
    void *arg;
    bool is_quick; /* for quick_exit only */
};

/* Of the constructors of a program that is restarted; never given back. */
static struct at_exit *boot_handlers;

struct posix_process *posix_process_of(struct process *process)
{
    struct posix_process *found = process == NULL ? posix_run.orphan : process->signals;

    if (found != NULL)
        return found;
    found = arena_take(sched_arena(), sizeof(*found));
    found->process = process;
    found->thread_first = 1;
    found->next = posix_run.processes;
    posix_run.processes = found;
    if (process == NULL) {
        posix_run.orphan = found;
        return found;
    }
    process->signals = found;
    if (process->realtime_offset_ns == 0)
        process->realtime_offset_ns = POSIX_REALTIME_START_NS;
    return found;
}

void posix_process_name_threads(struct process *process, const char *prefix, uint32_t first)
{
    struct posix_process *posix = posix_process_of(process);

    posix->thread_prefix = prefix;
    posix->thread_first = first;
}

static bool is_alone(const struct vthread *self)
{
    for (size_t i = 0; i < sched_thread_count(); i++) {
        const struct vthread *thread = sched_thread(i);
        if (thread != self && !thread->is_lane && thread->process == self->process &&
            thread->state != VTHREAD_DONE)
            return false;
    }
    return true;
}

void posix_process_end(struct posix_process *process, int exit_status, int term_signo)
{
    struct vthread *self = sched_self();

    if (process->has_ended)
        return;
    process->has_ended = true;
    process->exit_status = exit_status;
    process->term_signo = term_signo;
    if (process->ended != NULL)
        process->ended(process->process, exit_status, term_signo);
    if (process->process != NULL)
        process_close_all(process->process);
    /* The last thread goes back to its first frame, so that its stack is left in order. */
    if (sched_is_simulated() && posix_self()->process == process && is_alone(self))
        posix_thread_leave(posix_self());
    sched_kill_process(process->process);
}

static void run_at_exit(struct posix_process *process, int status, bool is_quick)
{
    while (process->at_exit != NULL) {
        const struct at_exit *handler = process->at_exit;
        process->at_exit = handler->next;
        if (handler->is_quick != is_quick)
            continue;
        if (handler->plain != NULL)
            handler->plain();
        else if (handler->with_arg != NULL)
            handler->with_arg(handler->arg);
        else
            handler->with_status(status, handler->arg);
    }
}

static _Noreturn void end_self(struct posix_process *process, int status)
{
    posix_process_end(process, status & 0xff, 0);
    abort(); /* nobody comes back from there */
}

void posix_exit(int status, const void *pc)
{
    struct posix_process *process = posix_self()->process;

    sched_point(OP_EXIT, NULL, "exit", pc);
    process->is_exiting = true;
    cxx_thread_end(posix_self());
    run_at_exit(process, status, false);
    end_self(process, status);
}

static void add_boot_handler(struct at_exit handler)
{
    struct at_exit *kept = __real_malloc(sizeof(*kept));

    if (kept == NULL)
        abort();
    handler.next = boot_handlers;
    *kept = handler;
    boot_handlers = kept;
}

void posix_boot_handler(void (*handler)(void))
{
    add_boot_handler((struct at_exit){.plain = handler});
}

void posix_process_boot_handlers(struct posix_process *process)
{
    process->at_exit = boot_handlers;
}

static bool is_ours(void)
{
    return sched_is_simulated() || heap_is_booting;
}

static int add_handler(struct at_exit handler)
{
    if (heap_is_booting) {
        add_boot_handler(handler);
        return 0;
    }
    struct posix_process *process = posix_self()->process;
    struct at_exit *kept = arena_take(sched_arena(), sizeof(*kept));

    handler.next = process->at_exit;
    *kept = handler;
    process->at_exit = kept;
    return 0;
}

int __wrap_atexit(void (*handler)(void))
{
    return is_ours() ? add_handler((struct at_exit){.plain = handler}) : __real_atexit(handler);
}

int __wrap_at_quick_exit(void (*handler)(void))
{
    return is_ours() ? add_handler((struct at_exit){.plain = handler, .is_quick = true})
                     : __real_at_quick_exit(handler);
}

int __wrap_on_exit(void (*handler)(int status, void *arg), void *arg)
{
    return is_ours() ? add_handler((struct at_exit){.with_status = handler, .arg = arg})
                     : __real_on_exit(handler, arg);
}

/* Destructors of C++ objects with static storage. */
int __wrap___cxa_atexit(void (*handler)(void *), void *arg, void *object)
{
    return is_ours() ? add_handler((struct at_exit){.with_arg = handler, .arg = arg})
                     : __real___cxa_atexit(handler, arg, object);
}

void __wrap_exit(int status)
{
    if (!sched_is_simulated())
        __real_exit(status);
    posix_exit(status, WRAP_PC);
}

void __wrap_quick_exit(int status)
{
    if (!sched_is_simulated())
        __real_quick_exit(status);
    sched_point(OP_EXIT, NULL, "quick_exit", WRAP_PC);
    run_at_exit(posix_self()->process, status, true);
    end_self(posix_self()->process, status);
}

void __wrap__exit(int status)
{
    if (!sched_is_simulated())
        __real__exit(status);
    sched_point(OP_EXIT, NULL, "_exit", WRAP_PC);
    end_self(posix_self()->process, status);
}

void __wrap__Exit(int status)
{
    if (!sched_is_simulated())
        __real__Exit(status);
    sched_point(OP_EXIT, NULL, "_Exit", WRAP_PC);
    end_self(posix_self()->process, status);
}
