/*
 * sim/report/words.h - steps, objects and times in the words of a story.
 *
 * Threads: any; pure.
 */
#ifndef SIM_REPORT_WORDS_H
#define SIM_REPORT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "sim/report/trace.h"

enum { WORDS_BYTES = 160 };

/* "104.2us", "1.204ms": four digits, a unit. */
void words_time(uint64_t time_ns, char *out, size_t out_bytes);

/* The object of a step: its name, else the source expression of its address, else "object 3";
 * "" when the step has none. */
void words_object(const struct trace *trace, const struct trace_step *step, char *out,
                  size_t out_bytes);

/* What the step does, in the third person: "locks fe.lock", "calls accept4 on fe.fd". */
void words_step(const struct trace *trace, const struct trace_step *step, char *out,
                size_t out_bytes);

/* A title as a file name: lower-case words joined by '-', at most `out_bytes` - 1 bytes. */
void words_slug(const char *title, char *out, size_t out_bytes);

/* The thread's name, "nobody" for TRACE_NOBODY. */
const char *words_thread(const struct trace *trace, uint32_t thread_id);

#endif
