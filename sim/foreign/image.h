/*
 * sim/foreign/image.h - the writable memory of the program around us, kept and put back.
 *
 * A program built with `heddle cc` runs again and again in one process. Its global variables (those
 * of its own code, of static libraries and of shared ones built the same way, never the
 * simulator's, which lie in sections of their own) are kept when its main() is about to start, and
 * put back before each run; so are what its constructors allocated and the thread-local storage of
 * every thread that a run borrows.
 *
 * Owner: the process.  Threads: one; between runs.
 */
#ifndef SIM_FOREIGN_IMAGE_H
#define SIM_FOREIGN_IMAGE_H

#include <stddef.h>

/* Keeps everything, `heap` (what constructors allocated) included. Once, after the program's
 * constructors have run. */
struct heap_kept;
void image_keep(const struct heap_kept *heap);

/* Writes the copy back: the program is as main() found it. Before each run. */
void image_restore(void);

/* The same in the middle of a run, for another process of the program: what an earlier one did to
 * the memory does not race with what this one will do. */
void image_restore_again(void);

/* For a search for leaks: where the program may keep pointers, but for its stacks. */
struct identity;
void image_reach(void);
void image_reach_tls(const struct identity *identity);

/* How much there is to write back, for reports. */
size_t image_bytes(void);

#endif
