/*
 * fuzz/world/report.h - a finding of a fuzzer as text: its title, its story, and what replays it.
 *
 * Threads: none, the engine runs on one; between runs.
 */
#ifndef FUZZ_WORLD_REPORT_H
#define FUZZ_WORLD_REPORT_H

#include "fuzz/world/input.h"

/* Runs the input again and tells on stderr what happens. The reproducer, a scenario with a complete
 * recording, goes to the folder `out`; to stderr when that is NULL or cannot be written. `plants`
 * are the ids switched on. `title` gets the symbolised title. */
void report_finding(struct input *input, const char *const *plants, size_t plant_count,
                    const char *out, char *title, size_t title_bytes);

#endif
