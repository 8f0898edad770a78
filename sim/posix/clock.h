/*
 * sim/posix/clock.h - virtual time as the code under test reads and names it.
 *
 * Threads: none; on a virtual thread.
 */
#ifndef SIM_POSIX_CLOCK_H
#define SIM_POSIX_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* When `clock` of the calling thread's process shows `at`, as virtual time. Past times are now.
 * False when `at` is no time. */
bool clock_deadline(clockid_t clock, const struct timespec *at, uint64_t *deadline_ns);

/* False when `span` is none; huge ones saturate. */
bool clock_span_ns(const struct timespec *span, uint64_t *span_ns);

/* Now, on a clock that all threads of the process share. */
int64_t clock_now_ns(clockid_t clock);

struct timespec clock_timespec(uint64_t ns);

#endif
