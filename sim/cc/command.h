/*
 * sim/cc/command.h - the real compiler's command line.
 *
 * Owner: the caller.  Threads: one.
 */
#ifndef SIM_CC_COMMAND_H
#define SIM_CC_COMMAND_H

#include <stdbool.h>

#include "sim/cc/arguments.h"
#include "sim/cc/toolchain.h"

/* Everything in one call of the compiler. `items` are the words as they were given; `linker` is the
 * value of -fuse-ld (NULL: not said) and `wraps` are the words that --wrap calls, both for a link
 * alone. */
struct command_parts {
    const struct cc_arguments *arguments;
    const struct toolchain *toolchain;
    bool is_cxx;
    const char *const *items;
    size_t item_count;
    const char *linker;
    const struct words *wraps;
};

void command_build(const struct command_parts *parts, struct words *out);

/* The words of runtime.flags that wrap calls. False: it cannot be read. */
bool command_read_wraps(const char *runtime, struct words *out);

#endif
