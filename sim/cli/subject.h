/*
 * sim/cli/subject.h - what a command runs: a scenario with the plants that are switched on, or a
 * program of the user's, which is then the one node of a scenario.
 *
 * Owner: the command; one at a time in a process.  Threads: one.
 */
#ifndef SIM_CLI_SUBJECT_H
#define SIM_CLI_SUBJECT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/cli/cli.h"
#include "sim/cli/plants.h"
#include "sim/foreign/foreign.h"
#include "sim/world/world.h"

struct scenario;

struct subject {
    const char *name;    /* as the user gave it: for messages and commands to paste */
    char path[PATH_MAX]; /* the file read */
    struct scenario *scenario;
    uint64_t plants[PLANTS_WORDS];
    const char *plant_ids[PLANT_COUNT]; /* those of the command line that the scenario lacks */
    size_t plant_count;
    bool has_memory_points; /* set by the command: for those that it prints */
    struct world_spec world;
    const char *isolation;       /* --isolate as it was given; NULL: it was not, or auto */
    struct foreign_spec program; /* of a subject that is a program by itself */
    struct target target;
};

/* Reads a scenario, from text or from bytes; `is_to_run`: and checks that it can run. False after
 * messages to stderr: it is missing or wrong. */
bool subject_read(const char *path, bool is_to_run, struct scenario **out);

/* `targets`: a scenario's name, or a program's and the words for it. 0, or the exit code after a
 * message to stderr. `plants` may be NULL. For a program this may start over in another process:
 * call it before anything is printed. */
int subject_open(struct subject *subject, const struct command *command,
                 const struct operands *targets, const struct option_list *plants,
                 bool has_every_step);
void subject_close(struct subject *subject);

/* The subject's target becomes that of another scenario of the same kind (a smaller one), which is
 * borrowed until the next call; plants and oracles stay. False: it cannot run. */
bool subject_retarget(struct subject *subject, const struct scenario *scenario);

#endif
