/*
 * sim/cc/headers.h - whether a source may hold inline assembly, headers of the user's included.
 *
 * A quick look at the raw text, so that only who may need it pays for preprocessing a second time.
 * System headers are not looked into.
 *
 * Owner: the caller.  Threads: one.
 */
#ifndef SIM_CC_HEADERS_H
#define SIM_CC_HEADERS_H

#include <stdbool.h>

#include "sim/cc/arguments.h"

/* True also when it cannot tell: a header whose name is a macro. */
bool headers_may_hold_assembly(const struct cc_arguments *arguments, const char *source);

#endif
