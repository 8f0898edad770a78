/*
 * sim/world/program.h - a node that is a program of the user's: what its lines say.
 *
 *     node ftp
 *         program ./ftpd --port 21      # the program and its arguments; ranges are drawn
 *         address 10.0.0.1              # of its host; this is the default
 *
 * Threads: none; program_draw in run_spec.start.
 */
#ifndef SIM_WORLD_PROGRAM_H
#define SIM_WORLD_PROGRAM_H

#include <stdbool.h>

#include "sim/foreign/foreign.h"
#include "sim/input/scenario.h"

/* Its `program` line; NULL when `node` runs the core. */
const struct scenario_value *program_line(const struct scenario *scenario,
                                          const struct scenario_actor *node);

/* Whether the scenario has such a node. */
bool program_is_in(const struct scenario *scenario);

/* The words for main() of this run, into the run's arena. */
void program_draw(const struct scenario_value *line, struct foreign_spec *spec);

/* Gives its host the address that the node names. At the start of a run. */
struct host;
void program_place(const struct scenario *scenario, const struct scenario_actor *node,
                   struct host *host);

#endif
