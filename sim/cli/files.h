/*
 * sim/cli/files.h - whole files in, whole files out.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_FILES_H
#define SIM_CLI_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;

/* Reads the file, "-" being standard input. False after a message to stderr. */
bool files_read(const char *path, struct buffer *out);

/* Writes the file so that it is there whole or not at all, making folders on the way; "-" is
 * standard output. False after a message to stderr. */
bool files_write(const char *path, const void *data, size_t len);

/* The folder that holds scenarios/: HEDDLE_ROOT, else one above this program, also as installed,
 * else ".". Valid for ever. */
const char *files_root(void);

/* `path` if it is there; else below the root, and as the short name of a scenario
 * ("fd/soft_stop_during_accept"). What was found is in `out`; `path` itself when nothing was. */
void files_find_scenario(const char *path, char *out, size_t out_bytes);

#endif
