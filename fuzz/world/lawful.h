/*
 * fuzz/world/lawful.h - what a scenario may ask of a system and of its operator.
 *
 * A fault says that a call fails; those who write scenarios know which errors Linux may give there,
 * a fuzzer does not, and the core is right to end the process when the impossible happens.
 *
 * Threads: any; pure.
 */
#ifndef FUZZ_WORLD_LAWFUL_H
#define FUZZ_WORLD_LAWFUL_H

#include <stdbool.h>
#include <stddef.h>

struct scenario;

/* A call that can fail with an error of the kind that `error` names. */
struct lawful_fault {
    const char *call;
    int error; /* 0: none is named, for an allocation */
};
const struct lawful_fault *lawful_faults(size_t *count);

/* Whether few bytes can be moved by the call. */
bool lawful_is_short(const char *call, size_t len);

/* Whether all faults are of these, and nobody stops an exercise, which knows nothing of stopping.
 */
bool lawful_scenario(const struct scenario *scenario);

#endif
