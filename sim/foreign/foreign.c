/*
 * sim/foreign/foreign.c - see foreign.h.
 */
#include "sim/foreign/foreign.h"

#include <string.h>
#include <unistd.h>

#include "sim/foreign/image.h"
#include "sim/foreign/output.h"
#include "sim/kernel/kernel.h"
#include "sim/memory/heap.h"
#include "sim/oracle/deadlock.h"
#include "sim/posix/exit.h"
#include "sim/posix/run.h"
#include "sim/posix/thread.h"

enum { STEPS_MAX = 1000000, STEP_COST_NS = 100, LEAK_BYTES = 192 };

#define TIME_MAX_NS UINT64_C(3600000000000)

static struct {
    int (*program_main)(int argc, char **argv, char **envp);
    bool has_ended;
} foreign;

void foreign_adopt(int (*program_main)(int argc, char **argv, char **envp))
{
    foreign.program_main = program_main;
    sched_init();
    image_keep();
}

bool foreign_is_here(void)
{
    return foreign.program_main != NULL;
}

int foreign_main(void *spec)
{
    const struct foreign_spec *words = spec;
    char **argv = arena_take(sched_arena(), ((size_t)words->arg_count + 1) * sizeof(char *));

    for (int i = 0; i < words->arg_count; i++) {
        size_t len = strlen(words->args[i]) + 1;
        argv[i] = arena_take(sched_arena(), len);
        memcpy(argv[i], words->args[i], len);
    }
    return foreign.program_main(words->arg_count, argv, environ);
}

static void on_end(struct process *process, int exit_status, int term_signo)
{
    (void)process;
    foreign.has_ended = true;
    if (term_signo != 0)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: the program was ended by signal %d",
                     term_signo);
    if (exit_status != 0)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: the program ended with status %d",
                     exit_status);
}

static void start(void *context)
{
    foreign.has_ended = false;
    kernel_begin();
    posix_run_begin();
    image_restore();
    output_begin();
    struct process *process = process_new("program", NULL, true);
    posix_process_of(process)->ended = on_end;
    (void)posix_process_start(process, "main", foreign_main, context);
}

static bool quiet(void *context, uint64_t next_due_ns)
{
    (void)context;
    if (foreign.has_ended)
        return false;
    if (next_due_ns == TIME_NEVER)
        deadlock_check_closed();
    return next_due_ns != TIME_NEVER;
}

static void finish(void *context)
{
    (void)context;
    output_end();
    posix_run_end();
    kernel_end();
}

static void prepare(void *context, struct run_spec *spec)
{
    spec->context = context;
    spec->start = start;
    spec->quiet = quiet;
    spec->finish = finish;
    spec->steps_max = STEPS_MAX;
    spec->time_ns_max = TIME_MAX_NS;
    spec->step_cost_ns = STEP_COST_NS;
}

void foreign_target(const struct foreign_spec *spec, const char *name, struct target *out)
{
    *out = (struct target){.name = name, .context = (void *)(uintptr_t)spec, .prepare = prepare};
}
