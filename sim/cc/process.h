/*
 * sim/cc/process.h - the compiler as a child, where one call of it is not enough.
 *
 * Owner: the caller.  Threads: one.
 */
#ifndef SIM_CC_PROCESS_H
#define SIM_CC_PROCESS_H

#include "sim/cc/words.h"

/* Its exit code; 1 if it cannot be started or was killed. */
int process_run(const struct words *command);

/* What it printed, a zero behind it, whatever its exit code; what it says on stderr is lost. NULL:
 * it could not be started. */
char *process_read(const struct words *command, size_t *len);

#endif
