/*
 * sim/posix/program.c - see program.h.
 */
#include "sim/posix/program.h"

#include "sim/kernel/kernel.h"
#include "sim/memory/heap.h"
#include "sim/oracle/deadlock.h"
#include "sim/posix/thread.h"

enum { NOT_ENDED = -1000, STEPS_MAX_DEFAULT = 1000000 };

struct program {
    int (*main)(void *arg);
    void *arg;
};

static struct {
    int exit_status;
    bool has_kernel;
    bool finds_leaks;
} state;

static void on_end(struct process *process, int exit_status, int term_signo)
{
    char text[192];

    (void)process;
    state.exit_status = term_signo != 0 ? -term_signo : exit_status;
    if (state.finds_leaks && term_signo == 0 && heap_leaks(NULL, text, sizeof(text)) != 0)
        finding_fail(FINDING_LEAK, NULL, "leak: %s", text);
}

static void start(void *context)
{
    const struct program *program = context;
    struct process *process = NULL;

    state.exit_status = NOT_ENDED;
    if (state.has_kernel)
        kernel_begin();
    posix_run_begin();
    if (state.has_kernel)
        process = process_new("program", NULL, true);
    posix_process_of(process)->ended = on_end;
    (void)posix_process_start(process, "main", program->main, program->arg);
}

static bool quiet(void *context, uint64_t next_due_ns)
{
    (void)context;
    if (state.exit_status != NOT_ENDED)
        return false;
    if (next_due_ns == TIME_NEVER)
        deadlock_check_closed();
    return next_due_ns != TIME_NEVER;
}

static void finish(void *context)
{
    (void)context;
    posix_run_end();
    if (state.has_kernel)
        kernel_end();
}

void program_prepare(int (*main)(void *arg), void *arg, struct run_spec *spec)
{
    static struct program program;

    program = (struct program){.main = main, .arg = arg};
    spec->start = start;
    spec->quiet = quiet;
    spec->finish = finish;
    spec->context = &program;
    if (spec->steps_max == 0)
        spec->steps_max = STEPS_MAX_DEFAULT;
}

void program_run(int (*main)(void *arg), void *arg, const struct run_spec *spec,
                 struct run_result *result)
{
    struct run_spec own = *spec;

    sched_init();
    program_prepare(main, arg, &own);
    sched_run(&own, result);
}

int program_exit_status(void)
{
    return state.exit_status;
}

void program_kernel_set(bool is_on)
{
    state.has_kernel = is_on;
}

void program_leaks_set(bool is_on)
{
    state.finds_leaks = is_on;
}
