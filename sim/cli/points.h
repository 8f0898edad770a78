/*
 * sim/cli/points.h - the word of --points: where threads may be interrupted.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_POINTS_H
#define SIM_CLI_POINTS_H

#include <stdbool.h>

#include "sim/cli/cli.h"

/* `word` NULL: sync. 0 with *has_memory_points, and the memory runtime told; or the exit code after
 * a message. */
int points_choose(const struct command *command, const char *word, bool *has_memory_points);

#endif
