/*
 * sim/foreign/image.h - the writable memory of the program around us, kept and put back.
 *
 * A program built with `heddle cc` runs again and again in one process. Its global variables (those
 * of its own code and of static libraries, never the simulator's, which lie in sections of their
 * own) are copied when its main() is about to start, and written back before each run; so is the
 * thread-local storage of every thread that a run borrows.
 *
 * Owner: the process.  Threads: one; between runs.
 */
#ifndef SIM_FOREIGN_IMAGE_H
#define SIM_FOREIGN_IMAGE_H

#include <stddef.h>

/* Copies everything. Once, after the program's constructors have run. */
void image_keep(void);

/* Writes the copy back: the program is as main() found it. Before each run. */
void image_restore(void);

/* How much there is to write back, for reports. */
size_t image_bytes(void);

#endif
