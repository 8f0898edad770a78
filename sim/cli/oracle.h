/*
 * sim/cli/oracle.h - the words of --oracle: which findings count, and how often invariants are
 * checked.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_ORACLE_H
#define SIM_CLI_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/cli/cli.h"

struct scenario;

struct oracle_choice {
    uint32_t kinds; /* bit set over enum finding_kind; 0: all */
    bool has_every_step;
};

/* 0, or CLI_USAGE after a message. */
int oracle_choose(const struct command *command, const struct option_list *words,
                  struct oracle_choice *out);

/* A run that was recorded when it ended in something else than a race comes to that again, past
 * the races that its search did not count. */
void oracle_follow_recording(const struct scenario *scenario);

#endif
