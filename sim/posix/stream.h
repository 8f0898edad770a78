/*
 * sim/posix/stream.h - stdio's streams that the program opened in a run.
 *
 * Threads: one; between runs.
 */
#ifndef SIM_POSIX_STREAM_H
#define SIM_POSIX_STREAM_H

/* Closes what the run left open, without writing. From posix_run_end(). */
void stream_end(void);

#endif
