/*
 * sim/posix/sanitizer.c - clang's runtimes, where one is linked: how they treat the simulator, and
 * how what they report becomes a finding.
 *
 * Their symbolizer is a child process, which a virtual thread cannot have: reports carry bare
 * addresses and ours are symbolised after the run. A report is made in the middle of the runtime,
 * so it is recorded and the run ends at the next point.
 */
#include "sim/posix/sanitizer.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/memory/heap.h"
#include "sim/posix/run.h"

/* What the runtimes ask of the program, by their names. */
const char *__tsan_default_options(void);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
void __tsan_on_report(void *report);
void __asan_on_error(void);
void __ubsan_on_report(void);

/* What they answer. */
int __tsan_get_report_mop(void *report, unsigned long index, int *thread, void **address, int *size,
                          int *is_write, int *is_atomic, void **trace, unsigned long trace_max)
    __attribute__((weak));
void *__asan_get_report_pc(void) __attribute__((weak));
int __asan_get_report_access_type(void) __attribute__((weak));
const char *__asan_get_report_description(void) __attribute__((weak));
void __ubsan_get_current_report_data(const char **kind, const char **message, const char **file,
                                     unsigned *line, unsigned *column, char **address)
    __attribute__((weak));

/* The simulator is not instrumented, but TSan sees the memset and memcpy that it calls, and knows
 * nothing of why its memory is never touched by two threads at once. Nor may it keep quiet about
 * what it reported in an earlier run, wait for more at exit, or choose our exit code. */
const char *__tsan_default_options(void)
{
    return "ignore_interceptors_accesses=1:suppress_equal_stacks=0:suppress_equal_addresses=0:"
           "symbolize=0:exitcode=0:atexit_sleep_ms=0";
}

const char *__asan_default_options(void)
{
    return "halt_on_error=0:detect_leaks=0:allocator_may_return_null=1:symbolize=0:"
           "suppress_equal_pcs=0";
}

const char *__ubsan_default_options(void)
{
    return "symbolize=0";
}

enum { EXIT_REPORTED = 66 };

static void exit_reported(void)
{
    (void)fflush(NULL);
    _exit(EXIT_REPORTED);
}

/* Outside a run nobody else judges the report, which does not stop the program: it fails in the
 * end.
 */
static void fail_process(void)
{
    static bool is_failed;

    if (is_failed)
        return;
    is_failed = true;
    (void)atexit(exit_reported);
}

void __tsan_on_report(void *report)
{
    const void *pcs[2] = {NULL, NULL};

    if (!posix_run.is_active) {
        fail_process();
        return;
    }
    for (unsigned long i = 0; i < 2; i++) {
        int thread;
        int size;
        int is_write;
        int is_atomic;
        void *address;
        void *trace[1] = {NULL};
        (void)__tsan_get_report_mop(report, i, &thread, &address, &size, &is_write, &is_atomic,
                                    trace, 1);
        /* +1: the report treats every pc as a return address. */
        pcs[i] = trace[0] == NULL ? NULL : (const char *)trace[0] + 1;
    }
    finding_record(FINDING_DATA_RACE, pcs[0], "data-race in {pc:%lx} / {pc:%lx}",
                   (unsigned long)pcs[0], (unsigned long)pcs[1]);
}

/* The kinds that the run's own heap has too. */
static enum finding_kind asan_kind(const char *what)
{
    if (strcmp(what, "heap-use-after-free") == 0)
        return FINDING_HEAP_USE_AFTER_FREE;
    if (strcmp(what, "heap-buffer-overflow") == 0 || strcmp(what, "double-free") == 0 ||
        strcmp(what, "bad-free") == 0)
        return FINDING_HEAP_MISUSE;
    return FINDING_SANITIZER;
}

void __asan_on_error(void)
{
    if (!posix_run.is_active) {
        fail_process();
        return;
    }
    const char *what = __asan_get_report_description();
    const char *pc = __asan_get_report_pc();
    enum finding_kind kind = asan_kind(what);
    if (pc == NULL) { /* not about an access */
        finding_record(kind, native_free_pc, "%s in {pc:%lx}", what, (unsigned long)native_free_pc);
        return;
    }
    pc++; /* as above */
    finding_record(kind, pc, "%s %s in {pc:%lx}", what,
                   __asan_get_report_access_type() != 0 ? "write" : "read", (unsigned long)pc);
}

void __ubsan_on_report(void)
{
    const char *kind = "";
    const char *message = "";
    const char *file = "";
    unsigned line = 0;
    unsigned column = 0;
    char *address = NULL;

    if (!posix_run.is_active) {
        fail_process();
        return;
    }
    __ubsan_get_current_report_data(&kind, &message, &file, &line, &column, &address);
    const char *name = strrchr(file, '/');
    finding_record(FINDING_SANITIZER, NULL, "undefined-behaviour: %s at %s:%u", kind,
                   name == NULL ? file : name + 1, line);
}
