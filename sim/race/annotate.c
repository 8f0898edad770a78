/*
 * sim/race/annotate.c - see annotate.h.
 */
#include "sim/race/annotate.h"

#include <execinfo.h>
#include <string.h>
#include <unistd.h>

#include "sim/race/internal.h"
#include "sim/race/tsan.h"

enum { TRACE_FRAMES_MAX = 64 };

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"

#define OVERLOOK(name, ...)                                                                        \
    void name(const char *file, int line, __VA_ARGS__)                                             \
    {                                                                                              \
    }
ANNOTATIONS_OVERLOOKED(OVERLOOK)
#undef OVERLOOK

void AnnotateFlushExpectedRaces(const char *file, int line)
{
}

void AnnotateFlushState(const char *file, int line)
{
}

/* ---- order ---- */

void AnnotateHappensBefore(const char *file, int line, const volatile void *object)
{
    __tsan_release((void *)(uintptr_t)object);
}

void AnnotateHappensAfter(const char *file, int line, const volatile void *object)
{
    __tsan_acquire((void *)(uintptr_t)object);
}

void WTFAnnotateHappensBefore(const char *file, int line, const volatile void *object)
{
    __tsan_release((void *)(uintptr_t)object);
}

void WTFAnnotateHappensAfter(const char *file, int line, const volatile void *object)
{
    __tsan_acquire((void *)(uintptr_t)object);
}

static unsigned lock_flags(long is_writer)
{
    return is_writer != 0 ? 0 : TSAN_MUTEX_READ_LOCK;
}

void AnnotateRWLockAcquired(const char *file, int line, const volatile void *lock, long is_writer)
{
    void *mutex = (void *)(uintptr_t)lock;

    __tsan_mutex_pre_lock(mutex, lock_flags(is_writer));
    __tsan_mutex_post_lock(mutex, lock_flags(is_writer), 0);
}

void AnnotateRWLockReleased(const char *file, int line, const volatile void *lock, long is_writer)
{
    void *mutex = (void *)(uintptr_t)lock;

    (void)__tsan_mutex_pre_unlock(mutex, lock_flags(is_writer));
    __tsan_mutex_post_unlock(mutex, lock_flags(is_writer));
}

/* ---- what does not count ---- */

void AnnotateIgnoreReadsBegin(const char *file, int line)
{
    __tsan_ignore_thread_begin();
}

void AnnotateIgnoreReadsEnd(const char *file, int line)
{
    __tsan_ignore_thread_end();
}

void AnnotateIgnoreWritesBegin(const char *file, int line)
{
    __tsan_ignore_thread_begin();
}

void AnnotateIgnoreWritesEnd(const char *file, int line)
{
    __tsan_ignore_thread_end();
}

/* Edges that the program does not want to count: one too many hides a race, and invents none. */
void AnnotateIgnoreSyncBegin(const char *file, int line)
{
}

void AnnotateIgnoreSyncEnd(const char *file, int line)
{
}

static void add_benign(const volatile void *address, size_t size_bytes)
{
    if (race_current() != NULL)
        race_benign_add((uintptr_t)address, size_bytes);
}

void AnnotateBenignRace(const char *file, int line, const volatile void *address, const char *why)
{
    add_benign(address, 8); /* of a size that is not said */
}

void AnnotateBenignRaceSized(const char *file, int line, const volatile void *address,
                             size_t size_bytes, const char *why)
{
    add_benign(address, size_bytes);
}

void WTFAnnotateBenignRaceSized(const char *file, int line, const volatile void *address,
                                size_t size_bytes, const char *why)
{
    add_benign(address, size_bytes);
}

/* ---- any sanitizer ---- */

int RunningOnValgrind(void)
{
    return 0;
}

const char *ThreadSanitizerQuery(const char *query)
{
    return strcmp(query, "pure_happens_before") == 0 ? "1" : "0";
}

#define UNALIGNED(bits, type)                                                                      \
    type __sanitizer_unaligned_load##bits(const void *address)                                     \
    {                                                                                              \
        type value;                                                                                \
        __tsan_read_range_pc((void *)(uintptr_t)address, sizeof(value), RACE_PC);                  \
        memcpy(&value, address, sizeof(value));                                                    \
        return value;                                                                              \
    }                                                                                              \
    void __sanitizer_unaligned_store##bits(void *address, type value)                              \
    {                                                                                              \
        __tsan_write_range_pc(address, sizeof(value), RACE_PC);                                    \
        memcpy(address, &value, sizeof(value));                                                    \
    }
UNALIGNED(16, uint16_t)
UNALIGNED(32, uint32_t)
UNALIGNED(64, uint64_t)

void __sanitizer_print_stack_trace(void)
{
    void *frames[TRACE_FRAMES_MAX];

    sched_bypass_begin();
    backtrace_symbols_fd(frames, backtrace(frames, TRACE_FRAMES_MAX), STDERR_FILENO);
    sched_bypass_end();
}

/* Reports are findings of the run, and the run ends by itself. */
void __sanitizer_set_death_callback(void (*callback)(void))
{
}

void __sanitizer_set_report_fd(void *fd)
{
}

void __sanitizer_set_report_path(const char *path)
{
}

#pragma clang diagnostic pop
