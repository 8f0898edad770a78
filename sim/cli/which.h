/*
 * sim/cli/which.h - which run of a subject a command is about: the recording that its file brings
 * along, the trial that the file names, or the one that the command line names.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_WHICH_H
#define SIM_CLI_WHICH_H

#include <stdbool.h>

#include "sim/cli/rerun.h"
#include "sim/cli/subject.h"

/* What the command line says. */
struct which_words {
    struct option_number seed;
    struct option_number trial;
    const char *strategy; /* NULL: not said */
    /* For which_open() only. */
    const struct option_list *plants;
    const char *points; /* NULL: not said */
};

struct which {
    struct trial trial;
    struct strategy_spec strategy;
    const struct strategy_spec *fixed; /* NULL: the portfolio */
    bool is_recorded;                  /* by the scenario's own schedule; `trial` says nothing */
};

/* Fills `out` and `plan`, which point to each other and to the subject. 0, or the exit code after a
 * message to stderr. */
int which_choose(const struct command *command, const struct subject *subject,
                 const struct which_words *words, struct which *out, struct rerun_plan *plan);

/* Opens the subject first, with its plants and points, for commands that ask for nothing else. */
int which_open(const struct command *command, const struct operands *targets,
               const struct which_words *words, struct subject *subject, struct which *out,
               struct rerun_plan *plan);

#endif
