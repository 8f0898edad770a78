/*
 * sim/cc/warn.h - names the inline assembly of a program that Heddle cannot see.
 *
 * Owner: the caller.  Threads: one.
 */
#ifndef SIM_CC_WARN_H
#define SIM_CC_WARN_H

#include "sim/cc/arguments.h"
#include "sim/cc/toolchain.h"

/* A line on stderr for each such statement in the sources to compile, with `name` in front.
 * Standard input is not looked at: it can be read only once. */
void warn_of_assembly(const char *name, const struct cc_arguments *arguments,
                      const struct toolchain *toolchain);

#endif
