/*
 * sim/cli/outcome.h - a finding shown: replayed at once, written down, told.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_OUTCOME_H
#define SIM_CLI_OUTCOME_H

#include <limits.h>
#include <stdbool.h>

#include "sim/cli/rerun.h"
#include "sim/cli/subject.h"

enum { COMMAND_BYTES = 2 * PATH_MAX };

struct outcome {
    const struct subject *subject;
    const struct search_finding *finding;
    const struct strategy_spec *strategy; /* of the campaign; NULL: the portfolio */
    const char *out; /* folder for the reproducer, or a file when it ends in .scn; NULL: none */
    unsigned index;  /* among the findings of a search: further ones need names of their own */
    bool has_story;
    char reproducer[PATH_MAX]; /* filled: the file written, empty when none was */
};

/* Replays the finding and compares the hash. 0 when it is the same; CLI_DIVERGED after messages
 * when not, CLI_CANNOT when the reproducer could not be written. */
int outcome_show(struct outcome *outcome);

/* "./heddle replay ... --seed ... --trial ...": what shows a trial of a subject again. */
void outcome_command(const struct subject *subject, const struct trial *trial,
                     const struct strategy_spec *strategy, char *out, size_t out_bytes);

/* The same for a file that brings its schedule along. */
void outcome_file_command(const struct subject *subject, const char *file, char *out,
                          size_t out_bytes);

/* "pct,d=3, trial 412 of seed 0x1". */
void outcome_origin(const struct trial *trial, char *out, size_t out_bytes);

/* A recorded run's page on stdout. `command` and `file` may be NULL. */
void outcome_print_story(const struct rerun *rerun, const char *origin, const char *command,
                         const char *file);

/* The command's first word, as the user may paste it: "./heddle", or this program's path when it
 * was not started by the launcher. */
const char *outcome_program(void);

/* Writes `text` to `out` (capacity `out_bytes`) so that a shell reads it as one word. */
void outcome_quote(const char *text, char *out, size_t out_bytes);

#endif
