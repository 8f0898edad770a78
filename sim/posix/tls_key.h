/*
 * sim/posix/tls_key.h - thread-specific data.
 *
 * Threads: none; on a virtual thread.
 */
#ifndef SIM_POSIX_TLS_KEY_H
#define SIM_POSIX_TLS_KEY_H

struct posix_thread;

/* Calls the destructors of the values that the ending thread still has. On that thread. */
void tls_key_run_destructors(struct posix_thread *self);

#endif
