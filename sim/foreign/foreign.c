/*
 * sim/foreign/foreign.c - see foreign.h.
 */
#include "sim/foreign/foreign.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include "sim/foreign/image.h"
#include "sim/foreign/leaks.h"
#include "sim/foreign/output.h"
#include "sim/foreign/settings.h"
#include "sim/kernel/device.h"
#include "sim/kernel/kernel.h"
#include "sim/memory/heap.h"
#include "sim/oracle/deadlock.h"
#include "sim/posix/exit.h"
#include "sim/posix/run.h"
#include "sim/posix/thread.h"
#include "sim/sched/profile.h"
#include "sim/vthread/identity.h"

enum {
    STEPS_MAX = 1000000,
    STEP_COST_NS = 100,
    STACK_BYTES = 8 << 20, /* what Linux gives a thread unless told otherwise */
    LAST_LINES = 12,
    LAST_BYTES = 1000,
};

#define TIME_MAX_NS UINT64_C(3600000000000)

typedef void destructor_fn(void);

/* Of the program's executable; absent in the tool itself. */
extern destructor_fn *const __fini_array_start[] __attribute__((weak));
extern destructor_fn *const __fini_array_end[] __attribute__((weak));

static struct {
    int (*program_main)(int argc, char **argv, char **envp);
    unsigned early_threads;
    bool has_ended;
} foreign;

/* What the loader would do after all that atexit() was given. The first entry is the C start-up
 * code's own: what it ends is the process. */
static void run_destructors(void)
{
    for (size_t i = (size_t)(__fini_array_end - __fini_array_start); i-- > 1;)
        __fini_array_start[i]();
}

void foreign_boot(void)
{
    heap_boot_begin();
    posix_boot_handler(run_destructors);
    output_boot_begin();
}

/* Besides this one. */
static unsigned count_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    unsigned count = 0;

    if (folder == NULL)
        return 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count - 1;
}

unsigned foreign_early_threads(void)
{
    return foreign.early_threads;
}

void foreign_adopt(int (*program_main)(int argc, char **argv, char **envp))
{
    struct heap_kept heap;

    heap_boot_end(&heap);
    output_boot_end();
    foreign.program_main = program_main;
    foreign.early_threads = count_threads();
    identity_stack_bytes = STACK_BYTES;
    sched_init();
    profile_by_code_set(true);
    settings_keep();
    /* Of libc, in the program's own memory when that asked for a copy: libstdc++ counts references
     * without atomics while it is set, and libc clears it when the first real thread is made. */
    __libc_single_threaded = 0;
    image_keep(&heap);
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

const char *foreign_last_words(void)
{
    static char text[LAST_BYTES + 64];
    size_t len_bytes;

    output_flush();
    const char *lines = output_last_lines(LAST_LINES, LAST_BYTES, &len_bytes);
    if (len_bytes == 0)
        return "it printed nothing\n";
    (void)snprintf(text, sizeof(text), "the last that it printed:\n%.*s%s", (int)len_bytes, lines,
                   lines[len_bytes - 1] == '\n' ? "" : "\n");
    return text;
}

void foreign_begin(void)
{
    image_restore();
    settings_restore();
    output_begin();
}

void foreign_begin_again(void)
{
    image_restore_again();
    settings_restore();
}

void foreign_end(void)
{
    output_end();
}

void foreign_process_prepare(struct process *process)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        const bool is_input = fd == STDIN_FILENO;
        struct file *file =
            device_new(is_input ? DEVICE_NULL : DEVICE_OUTPUT, is_input ? O_RDONLY : O_WRONLY);
        (void)process_fd_open(process, file, 0, false);
    }
    posix_process_boot_handlers(posix_process_of(process));
}

void foreign_check_end(const struct process *process, int exit_status, int term_signo,
                       int signo_expected, bool is_leak_checked)
{
    const struct posix_process *posix = process->signals;

    if (term_signo != 0 && term_signo != signo_expected)
        finding_fail_detail(FINDING_EXPECTATION, NULL, foreign_last_words(),
                            "expectation: %s was ended by signal %d (SIG%s)", process->name,
                            term_signo, sigabbrev_np(term_signo));
    if (exit_status != 0)
        finding_fail_detail(FINDING_EXPECTATION, NULL, foreign_last_words(),
                            "expectation: %s ended with status %d", process->name, exit_status);
    if (posix->is_exiting && is_leak_checked)
        leaks_check(process);
}

static void on_end(struct process *process, int exit_status, int term_signo)
{
    foreign.has_ended = true;
    foreign_check_end(process, exit_status, term_signo, 0, true);
}

static void start(void *context)
{
    foreign.has_ended = false;
    kernel_begin();
    posix_run_begin();
    foreign_begin();
    struct process *process = process_new("program", NULL, false);
    foreign_process_prepare(process);
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
    foreign_end();
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
