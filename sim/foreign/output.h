/*
 * sim/foreign/output.h - what the program prints: kept from the terminal, and kept for a replay.
 *
 * Owner: the process.  Threads: one; output_begin and output_end between runs.
 */
#ifndef SIM_FOREIGN_OUTPUT_H
#define SIM_FOREIGN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The program's constructors run between these two; what they print belongs to every run. */
void output_boot_begin(void);
void output_boot_end(void);

/* From here to output_end() stdin, stdout and stderr are ours. Forgets what an earlier run printed.
 */
void output_begin(void);
void output_end(void);

/* Bytes that the program wrote to descriptor 1 or 2. */
void output_add(const void *bytes, size_t len_bytes);

/* Writes out what stdout still holds, as exit() does. */
void output_flush(void);

/* Whether it is one of ours: they are never closed. */
bool output_is_stream(const FILE *stream);

/* What the last run printed, its first OUTPUT_BYTES_MAX bytes; `dropped` (may be NULL): how many
 * more there were. */
enum { OUTPUT_BYTES_MAX = 64 << 10 };
const char *output_text(size_t *len_bytes, size_t *dropped_bytes);

/* Its last lines, at most so many bytes of them. */
const char *output_last_lines(size_t line_count, size_t len_bytes_max, size_t *len_bytes);

#endif
