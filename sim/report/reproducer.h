/*
 * sim/report/reproducer.h - a finding as a scenario file, and the schedule of such a file.
 *
 * The file is the scenario with the plants and the memory points that were on, where the finding
 * came from, and each choice that was not the dull one, with the function it interrupted for
 * people. It is canonical text.
 *
 * Threads: one; between runs.
 */
#ifndef SIM_REPORT_REPRODUCER_H
#define SIM_REPORT_REPRODUCER_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/choice/choice.h"
#include "sim/report/trace.h"
#include "sim/search/trial.h"

struct buffer;
struct scenario;

struct reproducer {
    const struct scenario *scenario;
    const char *const *plants; /* ids switched on besides those that the scenario names */
    size_t plant_count;
    bool has_memory_points; /* threads were interrupted at plain accesses too */
    const struct trace *trace;
    const struct trial *trial;       /* NULL: a schedule of no campaign */
    const struct run_result *result; /* texts symbolised */
    const struct choice_deviation *deviations;
    size_t deviation_count;
};

/* Appends the file's text. A schedule longer than a scenario can hold is left out: the seed has to
 * do then. False, with a message in `error`, when the text would not be a scenario. */
bool reproducer_print(const struct reproducer *reproducer, struct buffer *out, char *error,
                      size_t error_bytes);

/* The recorded schedule of a scenario as the engine takes it; `out` has room for
 * scenario->deviation_count. */
void reproducer_deviations(const struct scenario *scenario, struct choice_deviation *out);

/* Where a deviation stands, as its line has it: "p.w0@17", "c1.delay@2". */
void reproducer_site(const struct trace *trace, const struct choice_deviation *deviation, char *out,
                     size_t out_bytes);
/* The same as the scenario's own line has it: its thread may never have been there in the run. */
void reproducer_site_recorded(const struct scenario *scenario,
                              const struct choice_deviation *deviation, char *out,
                              size_t out_bytes);

#endif
