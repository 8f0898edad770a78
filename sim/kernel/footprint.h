/*
 * sim/kernel/footprint.h - which objects a kernel call or a delivery touches: for strategies and
 * searches that leave alone what does not depend on each other (sim/sched/dependence.h).
 *
 * A call touches its file, the other end where that is reached at once (pipes, socket pairs), the
 * lane that takes its segments (TCP), and every epoll set that watches one of them. Calls that make
 * descriptors, and close, share the table of descriptors. What is not known in detail touches the
 * whole kernel.
 *
 * Threads: none, the engine runs on one.
 */
#ifndef SIM_KERNEL_FOOTPRINT_H
#define SIM_KERNEL_FOOTPRINT_H

/* From now on the scheduler knows. Once in the process is enough. */
void footprint_install(void);

#endif
