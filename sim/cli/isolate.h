/*
 * sim/cli/isolate.h - how the runs of a program are kept apart: its memory is put back before each
 * (restart), or each has a process of its own.
 *
 * Owner: the command.  Threads: one; before anything has run.
 */
#ifndef SIM_CLI_ISOLATE_H
#define SIM_CLI_ISOLATE_H

struct command;
struct subject;

#define ISOLATE_OPTION_HELP                                                                        \
    "how runs of a program are kept apart: its memory is put back, or each is a process"

/* `word` is restart, process or auto; NULL is auto: restart when a run made again after others is
 * the same, which is tried, else process, which is said. 0, or the exit code after a message.
 * Nothing is done for a scenario of the core. After the points have been chosen. */
int isolate_choose(const struct command *command, const char *word, struct subject *subject);

#endif
