/*
 * sim/posix/signal.h - signals of the simulated world.
 *
 * A signal is sent to a process or a thread. A process's signal is handed to one of the threads
 * that do not block it, which one being a choice; the handler runs on that thread at its next
 * point, or when a wait that signals may interrupt ends for it.
 *
 * Threads: none; each function says where it may be called.
 */
#ifndef SIM_POSIX_SIGNAL_H
#define SIM_POSIX_SIGNAL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct posix_process;
struct posix_thread;
struct process;
struct vthread;

/* What running the pending handlers means for the call they interrupted. */
enum signal_outcome {
    SIGNAL_NONE,      /* no handler ran: wait on */
    SIGNAL_RESTART,   /* all that ran were installed with SA_RESTART: wait on, where Linux does */
    SIGNAL_INTERRUPT, /* EINTR */
};

/* ---- for the world and the kernel's calls ---- */

/* Anywhere in a run. The default action may end the process. False when `signo` is no signal or the
 * process is over. */
bool sim_signal_send(struct process *process, int signo);

/* After PARK_SIGNAL: runs the handlers. On a virtual thread. */
enum signal_outcome signal_deliver(struct vthread *vthread);

/* ---- for sim/posix ---- */

/* A signal for one thread (pthread_kill, raise). */
void signal_send_thread(struct posix_thread *thread, int signo);
/* sched_signal_handler. */
void signal_handle_pending(struct vthread *self);
/* `thread` masks signals now, or ends: those meant for the process go to somebody else. */
void signal_retarget(struct posix_thread *thread);
/* Takes one of `set` that is pending for the thread or its process; 0 when none is. */
int signal_take(struct posix_thread *self, uint64_t set);

#endif
