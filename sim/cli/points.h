/*
 * sim/cli/points.h - the word of --points: where threads may be interrupted.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_POINTS_H
#define SIM_CLI_POINTS_H

#include <stdbool.h>

#include "sim/cli/cli.h"

struct subject;

/* `word` NULL: as the subject's scenario says, sync when it says nothing. 0 with the subject and
 * the memory runtime told; or the exit code after a message. */
int points_choose(const struct command *command, const char *word, struct subject *subject);

#endif
