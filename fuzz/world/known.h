/*
 * fuzz/world/known.h - findings that are known already: an engine that has to end with each finding
 * would hardly get past the first bug.
 *
 * The environment's HEDDLE_FUZZ_KNOWN names a file of titles, one a line. Symbolised titles take
 * long to make, so that of a run is remembered as it was before that.
 *
 * Threads: none, the engine runs on one.
 */
#ifndef FUZZ_WORLD_KNOWN_H
#define FUZZ_WORLD_KNOWN_H

#include <stdbool.h>

/* Reads the file; nothing is known when there is none. */
void known_load(const char *path);

/* Whether a run that ended in `raw` was passed over before. */
bool known_is_passed(const char *raw);

/* Whether `title` is known; then runs that end in `raw` are passed over from now on. */
bool known_pass(const char *title, const char *raw);

#endif
