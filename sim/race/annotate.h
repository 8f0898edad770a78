/*
 * sim/race/annotate.h - dynamic annotations: the older names of what programs tell race detectors,
 * and what code built with __has_feature(thread_sanitizer) may ask of any sanitizer.
 *
 * Those that clang's own runtime takes and overlooks are overlooked here too.
 *
 * Threads: none; on a virtual thread, and harmless elsewhere.
 */
#ifndef SIM_RACE_ANNOTATE_H
#define SIM_RACE_ANNOTATE_H

#include <stddef.h>
#include <stdint.h>

/* X(name, further parameters): each begins with the place in the source. */
#define ANNOTATIONS_OVERLOOKED(X)                                                                  \
    X(AnnotateCondVarSignal, const volatile void *cond)                                            \
    X(AnnotateCondVarSignalAll, const volatile void *cond)                                         \
    X(AnnotateCondVarWait, const volatile void *cond, const volatile void *mutex)                  \
    X(AnnotateEnableRaceDetection, int is_on)                                                      \
    X(AnnotateExpectRace, const volatile void *address, const char *why)                           \
    X(AnnotateMemoryIsInitialized, const volatile void *address, size_t size_bytes)                \
    X(AnnotateMemoryIsUninitialized, const volatile void *address, size_t size_bytes)              \
    X(AnnotateMutexIsNotPHB, const volatile void *mutex)                                           \
    X(AnnotateMutexIsUsedAsCondVar, const volatile void *mutex)                                    \
    X(AnnotateNewMemory, const volatile void *address, size_t size_bytes)                          \
    X(AnnotateNoOp, const volatile void *address)                                                  \
    X(AnnotatePCQCreate, const volatile void *queue)                                               \
    X(AnnotatePCQDestroy, const volatile void *queue)                                              \
    X(AnnotatePCQGet, const volatile void *queue)                                                  \
    X(AnnotatePCQPut, const volatile void *queue)                                                  \
    X(AnnotatePublishMemoryRange, const volatile void *address, size_t size_bytes)                 \
    X(AnnotateRWLockCreate, const volatile void *lock)                                             \
    X(AnnotateRWLockCreateStatic, const volatile void *lock)                                       \
    X(AnnotateRWLockDestroy, const volatile void *lock)                                            \
    X(AnnotateThreadName, const char *name)                                                        \
    X(AnnotateTraceMemory, const volatile void *address)                                           \
    X(AnnotateUnpublishMemoryRange, const volatile void *address, size_t size_bytes)

#define DECLARE(name, ...) void name(const char *file, int line, __VA_ARGS__);
ANNOTATIONS_OVERLOOKED(DECLARE)
#undef DECLARE

/* Races about these bytes are not reported in this run. */
void AnnotateBenignRace(const char *file, int line, const volatile void *address, const char *why);
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *address,
                             size_t size_bytes, const char *why);
void WTFAnnotateBenignRaceSized(const char *file, int line, const volatile void *address,
                                size_t size_bytes, const char *why);

void AnnotateFlushExpectedRaces(const char *file, int line);
void AnnotateFlushState(const char *file, int line);
void AnnotateHappensBefore(const char *file, int line, const volatile void *object);
void AnnotateHappensAfter(const char *file, int line, const volatile void *object);
void WTFAnnotateHappensBefore(const char *file, int line, const volatile void *object);
void WTFAnnotateHappensAfter(const char *file, int line, const volatile void *object);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);
void AnnotateRWLockAcquired(const char *file, int line, const volatile void *lock, long is_writer);
void AnnotateRWLockReleased(const char *file, int line, const volatile void *lock, long is_writer);

int RunningOnValgrind(void);
const char *ThreadSanitizerQuery(const char *query);

/* ---- sanitizer/common_interface_defs.h ---- */

uint16_t __sanitizer_unaligned_load16(const void *address);
uint32_t __sanitizer_unaligned_load32(const void *address);
uint64_t __sanitizer_unaligned_load64(const void *address);
void __sanitizer_unaligned_store16(void *address, uint16_t value);
void __sanitizer_unaligned_store32(void *address, uint32_t value);
void __sanitizer_unaligned_store64(void *address, uint64_t value);

void __sanitizer_print_stack_trace(void);
void __sanitizer_set_death_callback(void (*callback)(void));
void __sanitizer_set_report_fd(void *fd);
void __sanitizer_set_report_path(const char *path);

#endif
