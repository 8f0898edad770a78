/*
 * sim/cli/shard.h - which trials of a campaign are this process's: a share given by hand or by the
 * batch system that started it (Bazel's test sharding, Slurm, Kubernetes, AWS, Google, CI).
 *
 * A trial is named by the campaign's seed and its number, so shards need not know of each other.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_SHARD_H
#define SIM_CLI_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/cli/cli.h"

#define SHARD_COUNT_MAX 1000000

struct shard_choice {
    uint32_t index; /* from 0, below count */
    uint32_t count; /* at least 1 */
};

/* "I/N"; "auto": the first batch system whose variables are there; "auto/N": the same where it does
 * not say how many there are. NULL: everything. 0, or the exit code after a message. */
int shard_choose(const struct command *command, const char *text, struct shard_choice *out);

/* The same without a command: false with a line in `error`. `get` is getenv(), or a test's own. */
bool shard_parse(const char *text, char *(*get)(const char *name), struct shard_choice *out,
                 char *error, size_t error_bytes);

#endif
