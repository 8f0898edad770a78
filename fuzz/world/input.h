/*
 * fuzz/world/input.h - any bytes as a run of a whole world.
 *
 *     bytes -> scenario -> may it run? -> its recorded part, and beyond it a seed
 *
 * A line `found seed=S strategy=X` without a trial says what the choices are that the recorded part
 * does not fix: those of strategy X with the seed S; with a trial, or without the line, they are
 * dull. So a reproducer of `heddle explore`, whose recording is complete, runs as it was found.
 *
 * What a fuzzer makes can ask for things that are no fault of the core (an expectation that nobody
 * meets, a server that never answers): such verdicts do not count, see input_counts().
 *
 * Owner: the caller's storage; one world a process.  Threads: none, the engine runs on one.
 */
#ifndef FUZZ_WORLD_INPUT_H
#define FUZZ_WORLD_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz/world/steer.h"
#include "sim/input/scenario.h"
#include "sim/world/world.h"

struct hints;

enum {
    INPUT_BYTES_MAX = 1 << 16,
    INPUT_ACTORS_MAX = 64,
    INPUT_EVENTS_MAX = 1024,
    INPUT_STEPS_MAX = 30000, /* of a run: more are cut off, and that is no finding */
};

struct input {
    struct scenario *scenario;
    struct world_spec world;
    struct target target;
    struct strategy_spec strategy;
    uint64_t seed;
    struct choice_deviation *deviations;
    uint64_t scene; /* of all but the recorded part: runs of one scene share a base run */
};

/* False when the bytes are no scenario that a fuzzer may run: too large, one that the core refuses,
 * a program of the user's, a planted bug. `plants` may be NULL and is borrowed. */
bool input_open(struct input *input, const uint8_t *data, size_t len, const uint64_t *plants);
void input_close(struct input *input);

/* Runs it; the same input always runs the same. `listener` may be NULL. */
void input_run(struct input *input, const struct steer_listener *listener,
               struct run_result *result);

/* Runs it and says what it showed. */
void input_hints(struct input *input, struct hints *hints);

/* Whether the verdict is one about the core, whatever the scenario asks for. */
bool input_counts(const struct input *input, const struct run_result *result);

#endif
