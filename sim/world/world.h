/*
 * sim/world/world.h - one run of a scenario: nodes, actors, links, events, oracles.
 *
 * Owner: the command that runs it.  Threads: none, the engine runs on one.
 */
#ifndef SIM_WORLD_WORLD_H
#define SIM_WORLD_WORLD_H

#include "sim/search/search.h"

struct scenario;

struct world_spec {
    const struct scenario *scenario; /* borrowed, immutable */
    const uint64_t *plants;          /* bit set over enum plant, PLANT_COUNT bits; NULL: none but
                                        those that the scenario itself names */
    bool check_every_step;           /* core's invariants after each step, not only at quiet */
};

/* A target over `spec` (borrowed). One world a process. */
void world_target(const struct world_spec *spec, const char *name, struct target *out);

#endif
