/*
 * sim/posix/exit.h - a process of the simulated world as its threads see it, and how it ends.
 *
 * Owner: the run's arena; hangs off process.signals.  Threads: none, the engine runs on one.
 */
#ifndef SIM_POSIX_EXIT_H
#define SIM_POSIX_EXIT_H

#include <stdbool.h>
#include <stdint.h>

struct at_exit;
struct process;
struct signal_action;
struct timer;
struct vthread;

/* CLOCK_REALTIME at the start of a run, unless the world says otherwise: 2025-01-01T00:00:00Z. */
#define POSIX_REALTIME_START_NS INT64_C(1735689600000000000)

struct posix_process {
    struct process *process; /* NULL for threads that belong to none */
    struct posix_process *next;
    uint32_t alive_count;      /* threads made here that have not ended */
    uint32_t thread_count;     /* made by pthread_create so far */
    const char *thread_prefix; /* their names: prefix and number; NULL: "t" */
    uint32_t thread_first;     /* the first one's number */

    bool has_ended;
    bool is_exiting; /* its atexit handlers run */
    int exit_status; /* when it exited */
    int term_signo;  /* when a signal ended it, else 0 */
    /* Called when the process ends, before its descriptors are closed; set by the world, may be
     * NULL. May fail the run. */
    void (*ended)(struct process *process, int exit_status, int term_signo);

    struct at_exit *at_exit;
    struct signal_action *actions; /* by signo - 1; NULL: all default */
    uint64_t signals_pending;
    struct timer *alarm;
    uint32_t alloc_fail_countdown; /* the nth allocation from now fails; 0: none */
    uint64_t random_state;
};

/* Made at the first question. `process` may be NULL. Anywhere in a run after posix_run_begin. */
struct posix_process *posix_process_of(struct process *process);

/* Threads made by pthread_create are named `prefix` and a number from `first` on ("p.w", 1). The
 * name is what schedules are recorded by. `prefix` is borrowed for the run. */
void posix_process_name_threads(struct process *process, const char *prefix, uint32_t first);

/* Ends it with all its threads, without atexit handlers. Does not return on a thread of its own. */
void posix_process_end(struct posix_process *process, int exit_status, int term_signo);

/* What atexit() and its kin were given before any run began, by constructors of a program that is
 * restarted in the process (sim/foreign): `process` starts with it. */
void posix_process_boot_handlers(struct posix_process *process);
/* Adds one such by hand. Before the first run; `handler` comes after those added later. */
void posix_boot_handler(void (*handler)(void));

/* The same as the code under test does it: exit(3), with its handlers. On a virtual thread. */
_Noreturn void posix_exit(int status, const void *pc);

#endif
