/*
 * sim/foreign/pages.h - large ranges of memory that are put back at the cost of what was written.
 *
 * A range is made read-only once. The first write to a page traps; the page is then copied aside
 * and let go, and from there on every restart writes it back. When much of what was written long
 * ago lies idle all of it is watched again.
 *
 * Owner: the process.  Threads: one.
 */
#ifndef SIM_FOREIGN_PAGES_H
#define SIM_FOREIGN_PAGES_H

#include <stdbool.h>
#include <stddef.h>

enum { PAGES_BYTES = 4096 };

/* Watches the whole pages [start, start + size_bytes), as they are now. Before the first run. False
 * when there are too many ranges. */
bool pages_watch(void *start, size_t size_bytes);

/* Puts back what was written since. Between runs. */
void pages_restore(void);

/* The system is about to write there for the program: a trap would be an error of its call. */
void pages_touch(void *start, size_t size_bytes);

/* Calls `visit` for each page that may differ from what it was when it was first watched. */
void pages_each_written(void (*visit)(const void *page, size_t size_bytes));

#endif
