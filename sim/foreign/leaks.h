/*
 * sim/foreign/leaks.h - memory that the program can no longer reach when it ends.
 *
 * Threads: one; on the virtual thread that ends the process.
 */
#ifndef SIM_FOREIGN_LEAKS_H
#define SIM_FOREIGN_LEAKS_H

struct process;

/* Fails the run when `process` (the program's) has lost blocks of the heap: no pointer to them is
 * left in its variables, stacks, thread-local storage, in what it gave to calls, or in blocks that
 * are reached from there. */
void leaks_check(const struct process *process);

#endif
