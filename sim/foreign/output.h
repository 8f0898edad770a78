/*
 * sim/foreign/output.h - what the program prints: kept from the terminal, and kept for a replay.
 *
 * Owner: the process.  Threads: one; output_begin and output_end between runs.
 */
#ifndef SIM_FOREIGN_OUTPUT_H
#define SIM_FOREIGN_OUTPUT_H

#include <stddef.h>

/* From here to output_end() stdout and stderr are ours. Forgets what an earlier run printed. */
void output_begin(void);
void output_end(void);

/* Bytes that the program wrote to descriptor 1 or 2. */
void output_add(const void *bytes, size_t len_bytes);

/* What the last run printed, its first OUTPUT_BYTES_MAX bytes; `dropped` (may be NULL): how many
 * more there were. */
enum { OUTPUT_BYTES_MAX = 64 << 10 };
const char *output_text(size_t *len_bytes, size_t *dropped_bytes);

#endif
