/*
 * sim/posix/cxx.h - what the C++ runtime asks of threads: static locals made once, thread_local
 * objects destroyed with their thread.
 *
 * Owner: the run.  Threads: none, on a virtual thread.
 */
#ifndef SIM_POSIX_CXX_H
#define SIM_POSIX_CXX_H

struct posix_thread;

/* The calling thread's thread_local objects are destroyed, the latest first. */
void cxx_thread_end(struct posix_thread *self);

#endif
