/*
 * sim/posix/run.h - what the wrapped thread calls know in one run.
 *
 * Locks keep their state in the program's own pthread_mutex_t and the like, which may outlive a run
 * that was cut short. Each such object carries the number of the run (its epoch) that last touched
 * it; in another run it is what its initialiser made it.
 *
 * Owner: the process; reset by posix_run_begin.  Threads: none, the engine runs on one.
 */
#ifndef SIM_POSIX_RUN_H
#define SIM_POSIX_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sched/sched.h"

struct once_run;
struct posix_process;
struct posix_thread;

struct posix_run {
    uint32_t epoch; /* of this run; never 0 or a value that glibc leaves in a lock */
    bool is_active;
    bool is_lenient; /* a thread may end with a lock held; set after posix_run_begin */

    struct posix_thread **threads; /* by serial */
    uint32_t thread_count;
    uint32_t thread_capacity;
    struct posix_process *processes;
    struct posix_process *orphan; /* of threads without a process */

    struct waitq spin_waiters; /* of every pthread_spinlock_t: it has room for nothing */
    struct waitq once_waiters;
    struct once_run *once_runs; /* in progress */
    struct key_table *keys;
};
extern struct posix_run posix_run;

/* First in run_spec.start (after kernel_begin, if any), before any thread is made. Also begins the
 * run's heap and names. */
void posix_run_begin(void);
/* In run_spec.finish. Pointers into the run are not to be used any more. */
void posix_run_end(void);

#endif
