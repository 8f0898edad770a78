/*
 * sim/kernel/wait.h - threads that wait in a call for a file to change.
 *
 * A wait holds a reference to its file, as a Linux call does, so that another thread may close the
 * descriptor meanwhile. It lives in the run's arena and not on the waiter's stack: when the process
 * is killed there is nobody to unwind, and process_close_all() ends the waits instead.
 *
 * Owner: the process.  Threads: none.
 */
#ifndef SIM_KERNEL_WAIT_H
#define SIM_KERNEL_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/process.h"

struct file_wait {
    struct watch watch;
    struct file *file;
    struct vthread *thread;
    struct process *process;
    uint32_t mask;
    struct file_wait *next;
    struct file_wait **prev;
};

/* The running thread is unparked when `list` (of `file`) is woken for one of `mask`. It leaves the
 * list then, so that the next wake goes to the next waiter. */
struct file_wait *file_wait_begin(struct process *process, struct file *file,
                                  struct watch_list *list, uint32_t mask, bool is_exclusive);
void file_wait_end(struct file_wait *wait);

#endif
