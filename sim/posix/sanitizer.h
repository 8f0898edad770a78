/*
 * sim/posix/sanitizer.h - tells whoever watches memory (TSan, or sim/memory in its place) what a
 * simulated call orders.
 *
 * The simulator is not instrumented, so a lock modelled by it means nothing to a race detector
 * until it says so here. Annotate exactly what POSIX promises: one edge too many hides a race, one
 * too few invents one.
 *
 * Threads: none; on a virtual thread.
 */
#ifndef SIM_POSIX_SANITIZER_H
#define SIM_POSIX_SANITIZER_H

#include <stddef.h>

void __tsan_acquire(void *addr) __attribute__((weak));
void __tsan_release(void *addr) __attribute__((weak));

/* The caller now comes after every sync_release(object) so far. */
static inline void sync_acquire(const void *object)
{
    if (__builtin_expect(__tsan_acquire != NULL, 0))
        __tsan_acquire((void *)object);
}

static inline void sync_release(const void *object)
{
    if (__builtin_expect(__tsan_release != NULL, 0))
        __tsan_release((void *)object);
}

#endif
