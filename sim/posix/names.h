/*
 * sim/posix/names.h - what objects of the code under test are called in titles and stories.
 *
 * The core names its locks, tasks and connections through core_hook_name(); anything else is called
 * by its type and the order of its first use in the run ("mutex#3"). Addresses are keys only: no
 * answer depends on their order.
 *
 * Owner: the run.  Threads: none, the engine runs on one.
 */
#ifndef SIM_POSIX_NAMES_H
#define SIM_POSIX_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { OBJECT_NAME_BYTES = 64 };

/* Forgets all names. */
void names_begin(void);

/* `object` was used for the first time (or made anew), and is a `type` (static words). */
void names_first_use(const void *object, const char *type);

/* "listener.lock"; "task accept+0x18" for an address inside a named object; "mutex#3" for one that
 * has no name. False, and "?" in `out`, when the run has never heard of it. */
bool object_name(const volatile void *address, char *out, size_t out_bytes);

#endif
