/*
 * sim/cc/apart.h - compiles and links in calls of their own, for gcc.
 *
 * Told to instrument, gcc always links its own runtime too. So its links get objects alone, and not
 * the word that would ask for it.
 *
 * Owner: the caller.  Threads: one.
 */
#ifndef SIM_CC_APART_H
#define SIM_CC_APART_H

#include "sim/cc/command.h"

/* Does what `parts` ask for, which is a link; returns the exit code. */
int apart_link(const struct command_parts *parts);

#endif
