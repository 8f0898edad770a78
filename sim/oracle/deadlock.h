/*
 * sim/oracle/deadlock.h - No thread waits for ever for another that waits for it.
 *
 * Looks at what every parked thread waits for and who could end the wait. A circle of locks and
 * joins is a deadlock even while others run on, and is found by the wait that closes it; what
 * involves spinning or a condition, where nobody in particular can end the wait, shows when nobody
 * can run any more.
 *
 * Threads: none; each function says where it may be called.
 */
#ifndef SIM_ORACLE_DEADLOCK_H
#define SIM_ORACLE_DEADLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sched/sched.h"

/* The running thread is about to wait for `holder` with `op`, without a deadline: fails the run
 * when `holder` waits, through whoever, for the running thread. */
void deadlock_check_cycle(const struct op *op, struct vthread *holder);

/* The running thread waits for what it has itself. */
_Noreturn void deadlock_fail_self(const struct op *op);

/* In run_spec.quiet, when nobody can run: fails the run (does not return) when threads wait for
 * each other, spinning included. Waits for the kernel, and for conditions on which nobody else
 * depends, are in order. While timers are armed (`is_nothing_armed` false) one of them may still
 * end a condition's wait, so only locks and spinning count. */
void deadlock_check(bool is_nothing_armed);

/* When nobody can run: fails the run when a thread has waited since `since_ns` or longer for a lock
 * whose holder sleeps in the kernel: it has forgotten to give it back. Only for code that holds no
 * lock for long. */
void deadlock_check_kept(uint64_t since_ns);

/* The same as deadlock_check() for a program by itself, when no timer is armed: nothing but its
 * threads can wake a thread, so any that still waits is a finding: a deadlock, a lost wake-up, or a
 * loop that waits for a change that never comes. */
void deadlock_check_closed(void);

/* `thread`, which is parked, waits for a lock or spins: it should not do so for long. */
bool deadlock_is_lock_wait(const struct vthread *thread);

#endif
