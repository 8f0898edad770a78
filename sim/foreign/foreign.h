/*
 * sim/foreign/foreign.h - a program of the user's, built with `heddle cc`, as something to run.
 *
 * The simulator is linked into such a program and takes over before its main() when the tool
 * started it; main() then runs on a virtual thread, again and again in one process.
 *
 * Owner: the process; there is one program in it.  Threads: one; between runs, but for
 * foreign_main.
 */
#ifndef SIM_FOREIGN_FOREIGN_H
#define SIM_FOREIGN_FOREIGN_H

#include <stdbool.h>

#include "sim/search/search.h"

/* Set in the environment by the tool that starts a program so that the simulator takes over. */
#define FOREIGN_VARIABLE "HEDDLE_TAKE_OVER"

/* The loader's; set along with it, and gone before main() too. */
#define FOREIGN_BIND_VARIABLE "LD_BIND_NOW"

/* Before anything of the program has run, its constructors included: what they do is part of it. */
void foreign_boot(void);

/* The program's own main(), before anything of it has run. Once. */
void foreign_adopt(int (*program_main)(int argc, char **argv, char **envp));

/* Whether this process is such a program. */
bool foreign_is_here(void);

/* How many threads its constructors left running. */
unsigned foreign_early_threads(void);

struct foreign_spec {
    const char *const *args; /* argv[0] and on; borrowed */
    int arg_count;
    const char *path; /* of the file; NULL when it does not matter */
};

/* The program by itself in a world: no network but its own. `spec` is borrowed. */
void foreign_target(const struct foreign_spec *spec, const char *name, struct target *out);

/* For other worlds with the program in them. At the start of a run, after posix_run_begin(): the
 * program is as its main() finds it, its output is caught from here on. */
void foreign_begin(void);
/* In run_spec.finish, before posix_run_end(). */
void foreign_end(void);
/* In the middle of a run, none of its threads being left: as at the start, but for its output. */
void foreign_begin_again(void);
/* A new process for it, without descriptors yet. */
struct process;
void foreign_process_prepare(struct process *process);
/* It has ended like that: fails the run when it should not have, or (`is_leak_checked`) has lost
 * memory. What it left open is closed by the system and no leak.
 * `signo_expected`: a signal that may have ended it, or 0. */
void foreign_check_end(const struct process *process, int exit_status, int term_signo,
                       int signo_expected, bool is_leak_checked);
/* The last lines that it printed, in a sentence; good until the next call. */
const char *foreign_last_words(void);

/* On a virtual thread: calls the program's main() with copies of the words in `spec` (a struct
 * foreign_spec) and returns what it returned. */
int foreign_main(void *spec);

#endif
