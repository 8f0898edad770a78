/*
 * sim/posix/program.h - a small program by itself in a world: no kernel, no actors, one process.
 *
 * For tests and benchmarks. The run ends when the program has, or when none of its threads can ever
 * run again, which is a finding.
 *
 * Threads: one; between runs.
 */
#ifndef SIM_POSIX_PROGRAM_H
#define SIM_POSIX_PROGRAM_H

#include "sim/sched/sched.h"

/* Runs main(arg) as the first thread ("main") of a process, once. Strategy, source, bounds, step
 * cost and trace are `spec`'s; its callbacks are overwritten. */
void program_run(int (*main)(void *arg), void *arg, const struct run_spec *spec,
                 struct run_result *result);

/* Fills what program_run() would overwrite: for whoever runs it by sched_run(). One program at a
 * time. */
void program_prepare(int (*main)(void *arg), void *arg, struct run_spec *spec);

/* How the process of the last run ended: its exit status, or minus the signal that ended it; -1000
 * when it did not end. */
int program_exit_status(void);

/* With a kernel: descriptors, sockets. Costs a little. Off at first. */
void program_kernel_set(bool is_on);
/* Blocks left when the process ends are a finding ("leak: ..."). Off at first. */
void program_leaks_set(bool is_on);

#endif
