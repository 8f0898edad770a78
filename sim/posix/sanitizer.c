/*
 * sim/posix/sanitizer.c - clang's runtimes, where one is linked: how they treat the simulator, and
 * how what they report becomes a finding.
 *
 * Their symbolizer is a child process, which a virtual thread cannot have: reports carry bare
 * addresses and ours are symbolised after the run. A report is made in the middle of the runtime,
 * so it is recorded and the run ends at the next point.
 */
#include "sim/posix/sanitizer.h"

#include <stdarg.h>
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
size_t __asan_get_report_access_size(void) __attribute__((weak));
void *__asan_get_report_address(void) __attribute__((weak));
size_t __asan_get_alloc_stack(void *address, void **trace, size_t trace_max, int *thread)
    __attribute__((weak));
size_t __asan_get_free_stack(void *address, void **trace, size_t trace_max, int *thread)
    __attribute__((weak));
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

enum { FRAMES_MAX = 8 };

/* What the story shows of a report: the runtimes print addresses, and print them at once. */
struct text {
    char bytes[FINDING_DETAIL_BYTES];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int len =
        vsnprintf(text->bytes + text->used, sizeof(text->bytes) - text->used, format, args);
    va_end(args);
    if (len > 0)
        text->used += (size_t)len;
    if (text->used >= sizeof(text->bytes))
        text->used = sizeof(text->bytes) - 1;
}

/* The symbols' own frames are return addresses; those of a report stand `before` behind them. */
static void add_frames(struct text *text, void *const *pcs, size_t count, unsigned long before)
{
    for (size_t i = 0; i < count && pcs[i] != NULL; i++)
        add(text, "%s{pc:%lx}", i == 0 ? " in " : " <- ", (unsigned long)pcs[i] + before);
    add(text, "\n");
}

static void add_access(struct text *text, bool is_atomic, bool is_write, int size_bytes)
{
    add(text, "%s%s of %d byte%s", is_atomic ? "atomic " : "", is_write ? "write" : "read",
        size_bytes, size_bytes == 1 ? "" : "s");
}

void __tsan_on_report(void *report)
{
    const void *pcs[2] = {NULL, NULL};
    struct text text = {.used = 0};

    if (!posix_run.is_active) {
        fail_process();
        return;
    }
    for (unsigned long i = 0; i < 2; i++) {
        int thread;
        int size_bytes = 0;
        int is_write = 0;
        int is_atomic = 0;
        void *address;
        void *trace[FRAMES_MAX] = {NULL};
        (void)__tsan_get_report_mop(report, i, &thread, &address, &size_bytes, &is_write,
                                    &is_atomic, trace, FRAMES_MAX);
        /* +1: the report treats every pc as a return address. */
        pcs[i] = trace[0] == NULL ? NULL : (const char *)trace[0] + 1;
        add(&text, "ThreadSanitizer, %s: ", i == 0 ? "now" : "earlier");
        add_access(&text, is_atomic != 0, is_write != 0, size_bytes);
        add_frames(&text, trace, FRAMES_MAX, 1);
    }
    finding_record_detail(FINDING_DATA_RACE, pcs[0], text.bytes, "data-race in {pc:%lx} / {pc:%lx}",
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

/* Where the block of the report was allocated, and freed when it was. */
static void add_block(struct text *text, const char *what,
                      size_t (*stack_of)(void *, void **, size_t, int *))
{
    void *trace[FRAMES_MAX] = {NULL};
    int thread = 0;
    const size_t count = stack_of(__asan_get_report_address(), trace, FRAMES_MAX, &thread);

    if (count == 0)
        return;
    add(text, "%s", what);
    add_frames(text, trace, count, 0);
}

void __asan_on_error(void)
{
    struct text text = {.used = 0};

    if (!posix_run.is_active) {
        fail_process();
        return;
    }
    const char *what = __asan_get_report_description();
    const char *pc = __asan_get_report_pc();
    const bool is_write = __asan_get_report_access_type() != 0;
    enum finding_kind kind = asan_kind(what);
    if (pc == NULL) { /* not about an access */
        finding_record(kind, native_free_pc, "%s in {pc:%lx}", what, (unsigned long)native_free_pc);
        return;
    }
    pc++; /* as above */
    add(&text, "AddressSanitizer, now: ");
    add_access(&text, false, is_write, (int)__asan_get_report_access_size());
    add(&text, " in {pc:%lx}\n", (unsigned long)pc);
    add_block(&text, "freed", __asan_get_free_stack);
    add_block(&text, "allocated", __asan_get_alloc_stack);
    finding_record_detail(kind, pc, text.bytes, "%s %s in {pc:%lx}", what,
                          is_write ? "write" : "read", (unsigned long)pc);
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
